/**
 * Replaces words of the library in errors by options of the command line: 'add 'user' to the kinds' becomes 'add
 * --user'. The library cannot do that, because it does not know which program has called it.
 */

/** A phrase of the library, and its replacement for each command; `other` is for the commands that have none. */
interface Phrase {
  readonly library: RegExp;
  readonly unshare?: string;
  readonly nsenter?: string;
  readonly run?: string;
  readonly other: string;
}

/** The phrases, in the order in which they are replaced: a later one may be a part of an earlier one. */
const PHRASES: readonly Phrase[] = [
  ...addOfKind('user', '--user'),
  ...addOfKind('mnt', '--mount'),
  ...addOfKind('net', '--net'),
  ...addOfKind('pid', '--pid'),
  ...addOfKind('ipc', '--ipc'),
  ...addOfKind('cgroup', '--cgroup'),
  {
    library: /Do it in new 'user' and 'mnt' namespaces/,
    unshare: 'Add --user and --mount',
    other: "Do it in 'linux-ns unshare --user --mount'",
  },
  {
    library: /or hold the namespace by its handle, which needs no name; a program in new 'user' and 'mnt' namespaces/,
    other: "or in 'linux-ns unshare -Urm', where a program",
  },
  { library: /set PATH in 'env'/, run: 'set it with --env PATH=…', other: 'set PATH in the environment' },
  {
    library: /or a PATH in 'env' without/,
    run: 'or a PATH (--env PATH=…) without',
    other: 'or a PATH without',
  },
  { library: /give this one as 'parent'; or another/, other: 'give this one with --cgroup-parent; or another' },
  { library: /Or give a 'parent' that has them/, other: 'Or give one that has them with --cgroup-parent' },
  { library: /Give the directory of another in options\.cgroup\.parent/, other: 'Give another with --cgroup-parent' },
  { library: /There is a cgroup of that name already: .*$/, other: 'There is a cgroup of that name already.' },
  { library: /the pidsMax of its cgroup/, run: '--pids-limit', other: 'pids.max of its cgroup' },
  {
    library: /Leave out 'groups', or map gids with privilege \(gidMap: 'auto', or root\) and setgroups: 'allow'/,
    unshare: 'Leave out --setgid, or use --map-auto, or run as root with --setgroups=allow',
    other: 'Leave out --setgid, or run as root',
  },
  {
    library: /Give another 'cwd'/,
    unshare: 'Give another --wd',
    nsenter: 'Give another --wd',
    other: 'Give another --chdir',
  },
  {
    library: /one more range in uidMap \('auto' maps/,
    unshare: 'one more range with --map-users (--map-auto maps',
    other: 'one more range (--map=auto maps',
  },
  {
    library: /one more range in gidMap \('auto' maps/,
    unshare: 'one more range with --map-groups (--map-auto maps',
    other: 'one more range (--map=auto maps',
  },
  {
    library: /Use setgroups: 'deny', or setSetgroups\(pid, 'deny'\) before writeGidMap/,
    other: 'Use --setgroups=deny',
  },
  { library: /Leave it out or use 'deny'/, other: 'Leave out --setgroups or use --setgroups=deny' },
  { library: /use [ug]idMap: 'auto'/, unshare: 'use --map-auto', other: 'use --map=auto' },
  {
    library: /([Uu]se) the map 'root' or 'current'/,
    unshare: '$1 --map-root-user or --map-current-user',
    other: '$1 --map=root or --map=current',
  },
  { library: /delete\(\) takes it away/, other: "'linux-ns netns delete' takes it away" },
  { library: /open\(\) opens it/, other: "'linux-ns netns exec' enters it" },
  { library: /list\(\) has those that there are/, other: "'linux-ns netns list' shows those that there are" },
  { library: /Leave it out of the set/, other: 'Leave out --user' },
  {
    library: /Join the user namespace that owns it \(NS_GET_USERNS, userNamespace\(\)\)/,
    other: 'Enter the user namespace that owns it as well (--user)',
  },
  {
    library: /Join that user namespace in the same call \(its creator can\)/,
    other: 'Enter that user namespace as well (--user; its creator can)',
  },
  {
    library: /Read it inside, readFile\('([^']*)'\) of the set, and raise it there with writeFile\(\), or close sets/,
    other: 'Read and raise it inside ($1), or end programs in namespaces',
  },
  { library: /([Cc])lose sets that are/, other: '$1lose namespaces that are' },
  { library: /, and keep its set or its init open for as long as it is needed/, other: '' },
  { library: /leave out 'uid'/, run: 'leave out --uid', other: 'leave out --setuid' },
  { library: /noNewPrivileges keeps/, other: 'no_new_privs keeps' },
  {
    library:
      /Mount one inside: type 'devpts' on \/dev\/pts with the data '[^']*', and make \/dev\/ptmx a link to pts\/ptmx/,
    other: 'Leave out --no-dev, or use --dev /dev',
  },
  { library: /; in a sandbox proc: 'auto', or false for none/, run: '; --auto-proc, or --no-proc', other: '' },
  {
    library: / \(\{ source: '[^']*', target: '[^']*', bind: true, recursive: true \}[^)]*\)/,
    run: ' (--auto-proc; --no-proc leaves it out)',
    other: " ('mount --rbind')",
  },
  {
    library:
      / If it is the root of a sandbox: 'mounts' beside '\.\.\.hostUserland\(\)' take .*hostUserland\(\)\.mounts'\./,
    run: ' If the sandbox has no programs of this host: --host-userland adds them.',
    other: '',
  },
  { library: /discard\(\) the paths of the error, or name others/, other: 'leave these paths out' },
  {
    library: /discard\(\) the changes, apply\(\) other paths, or give 'overwrite: true'/,
    other: 'discard the changes, or apply those of other paths',
  },
  { library: /userNamespaces: true/, other: '--allow-userns' },
  { library: /\{ detach: true \}, MNT_DETACH/, other: 'umount --lazy' },
];

function addOfKind(kind: string, option: string): Phrase[] {
  const library = new RegExp(`([Aa])dd '${kind}' to the kinds(?: of options\\.unshare)?`);
  const elsewhere = `$1dd it with 'linux-ns unshare ${option}'`;
  return [{ library, unshare: `$1dd ${option}`, nsenter: `$1dd ${option}`, other: elsewhere }];
}

/** The properties of the specs and options that each command builds, with the options that they come from. */
const PROPERTIES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  run: {
    'spec.cgroup.cpuMax': '--cpus',
    'spec.cgroup.memoryMax': '--memory',
    'spec.cgroup.parent': '--cgroup-parent',
    'spec.cgroup.pidsMax': '--pids-limit',
    'spec.cwd': '--chdir',
    'spec.env': '--env',
    'spec.hostname': '--hostname',
    'spec.network.allow': '--allow-host',
    'spec.network.deny': '--deny-host',
    'spec.network.via': '--via',
    'spec.network': '--network',
    'spec.rlimits': '--ulimit',
    'spec.project.upper': '--upper',
    'spec.project': '--project',
    'spec.root.lower': '--overlay-root',
    'spec.root.upper': '--upper',
    'spec.root': '--root',
    'spec.seccomp': '--seccomp',
    'spec.share': '--share',
    'spec.user.gid': '--gid',
    'spec.user.map': '--map',
    'spec.user.uid': '--uid',
    'options.writable': '--project',
  },
  unshare: {
    'options.cwd': '--wd',
    'options.gid': '--setgid',
    'options.root': '--root',
    'options.uid': '--setuid',
    'options.unshare.time.boottime': '--boottime',
    'options.unshare.time.monotonic': '--monotonic',
    'options.unshare.user.gidMap': '--map-groups',
    'options.unshare.user.uidMap': '--map-users',
    'spec.time.boottime': '--boottime',
    'spec.time.monotonic': '--monotonic',
    'spec.user.gidMap': '--map-groups',
    'spec.user.uidMap': '--map-users',
  },
  nsenter: {
    'options.cwd': '--wd',
    'options.gid': '--setgid',
    'options.root': '--root',
    'options.uid': '--setuid',
  },
};

/** A hint of the library, in words for the user of a command. */
export function inOptions(text: string, command: string | undefined): string {
  return PHRASES.reduce((words, phrase) => words.replace(phrase.library, ofCommand(phrase, command)), text);
}

/** A message about a property that the command has set from an option. It names the option. */
export function propertiesAsOptions(text: string, command: string | undefined): string {
  const properties = Object.entries(PROPERTIES[command ?? ''] ?? {});
  return properties.reduce((words, [property, option]) => withOption(words, property, option), text);
}

function ofCommand(phrase: Phrase, command: string | undefined): string {
  if (command !== 'unshare' && command !== 'nsenter' && command !== 'run') return phrase.other;
  return phrase[command] ?? phrase.other;
}

/**
 * Replaces a property by its option: in `The property 'spec.hostname' must …`, in
 * `The value of "spec.cgroup.cpuMax" is …`, and where other messages name it.
 */
function withOption(text: string, property: string, option: string): string {
  const path = `${property.replaceAll('.', '\\.')}(?![a-zA-Z])(?:\\[\\d+\\])?(?:\\.[a-zA-Z]+)*`;
  return text
    .replace(new RegExp(`The (?:(?:property|value of|argument) )?(['"])${path}\\1(?: property)?`), option)
    .replace(new RegExp(path, 'g'), option);
}
