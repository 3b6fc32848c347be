import { Namespace, NAMESPACE_KINDS, type NamespaceProcess, Sandbox, relayTerminal } from 'linux-ns';
import { type EgressPolicy, networkNamespaces } from 'linux-ns/network';
import { existsSync } from 'node:fs';
import { isatty } from 'node:tty';
import { numberOf } from '../arguments';
import { Asker } from '../ask';
import { type Command, type Given, type Option, UsageError } from '../command';
import { EGRESS_OPTIONS, Report, expose, exposedOf } from '../egress';
import { whileItRuns } from '../program';
import { type SpecFile, specOf } from '../sandbox-spec';
import { terminalSize } from '../terminal';

const FILES: readonly Option[] = [
  { name: 'host-userland', short: 'H', help: 'host programs and libraries, read-only' },
  {
    ...{ name: 'project', short: 'p', value: 'DIR', completes: 'directory' },
    help: 'same as -H, with DIR writable; start in DIR',
  },
  { name: 'no-toolchains', rare: true, help: 'with -H and -p, no programs from outside of /usr' },
  {
    name: 'root',
    short: 'r',
    value: 'DIR',
    completes: 'directory',
    help: 'use DIR as root, read-only (default: empty root)',
  },
  { name: 'writable-root', rare: true, help: 'make the root of --root writable' },
  {
    ...{ name: 'overlay', value: 'DIR', completes: 'directory' },
    help: 'use DIR as root; discard changes',
  },
  { name: 'upper', rare: true, value: 'DIR', completes: 'directory', help: 'keep changes to the --overlay in DIR' },
  { name: 'ro-bind', value: 'SOURCE TARGET', completes: 'file', help: 'bind-mount SOURCE on TARGET, read-only' },
  { name: 'bind', value: 'SOURCE TARGET', completes: 'file', help: 'bind-mount SOURCE on TARGET, writable' },
  {
    name: 'dev-bind',
    rare: true,
    value: 'SOURCE TARGET',
    completes: 'file',
    help: 'same as --bind, with access to devices',
  },
  {
    name: 'ro-bind-try',
    rare: true,
    value: 'SOURCE TARGET',
    completes: 'file',
    help: 'same as --ro-bind, if SOURCE exists',
  },
  { name: 'bind-try', rare: true, value: 'SOURCE TARGET', completes: 'file', help: 'same as --bind, if SOURCE exists' },
  {
    name: 'dev-bind-try',
    rare: true,
    value: 'SOURCE TARGET',
    completes: 'file',
    help: 'same as --dev-bind, if SOURCE exists',
  },
  { name: 'readable', rare: true, value: 'PATH', completes: 'file', help: 'same as --ro-bind PATH PATH' },
  { name: 'writable', rare: true, value: 'PATH', completes: 'file', help: 'same as --bind PATH PATH' },
  { name: 'volume', short: 'v', rare: true, value: 'SOURCE:TARGET[:ro]', help: 'bind-mount SOURCE on TARGET' },
  { name: 'tmpfs', value: 'TARGET', help: 'mount a tmpfs on TARGET' },
  { name: 'dir', rare: true, value: 'TARGET', help: 'create a directory' },
  { name: 'symlink', rare: true, value: 'TO TARGET', help: 'create a symbolic link to TO' },
  {
    name: 'file',
    rare: true,
    value: 'SOURCE TARGET',
    completes: 'file',
    help: 'copy SOURCE to TARGET; -: standard input',
  },
  { name: 'ro-file', rare: true, value: 'SOURCE TARGET', completes: 'file', help: 'same as --file, read-only' },
  { name: 'perms', rare: true, value: 'MODE', help: 'set the mode of the next --tmpfs, --dir or --file' },
  { name: 'size', rare: true, value: 'BYTES', help: 'set the size of the next --tmpfs' },
  { name: 'chmod', rare: true, value: 'MODE TARGET', help: 'change the mode of TARGET' },
  { name: 'remount-ro', rare: true, value: 'TARGET', help: 'remount TARGET read-only' },
  { name: 'mask', rare: true, value: 'TARGET', help: 'hide TARGET' },
  { name: 'proc', rare: true, value: 'TARGET', help: 'mount proc on TARGET' },
  { name: 'dev', rare: true, value: 'TARGET', help: 'mount a new /dev on TARGET' },
  { name: 'mqueue', rare: true, value: 'TARGET', help: 'mount mqueue on TARGET' },
  { name: 'auto-proc', rare: true, help: 'where /proc cannot be mounted, show that of the host, read-only' },
  { name: 'no-proc', rare: true, help: 'do not mount /proc' },
  { name: 'no-dev', rare: true, help: 'do not mount /dev' },
];

const OPTIONS: readonly Option[] = [
  ...FILES,
  {
    ...{ name: 'network', short: 'n', value: 'WHICH', completes: 'network' },
    help: 'use network none (default), host, a name or path',
  },
  ...EGRESS_OPTIONS,
  { name: 'env', short: 'e', value: 'NAME[=VALUE]', help: 'set a variable; without VALUE, pass it on' },
  { name: 'setenv', rare: true, value: 'NAME VALUE', help: 'set a variable' },
  { name: 'unsetenv', rare: true, value: 'NAME', help: 'unset a variable' },
  { name: 'chdir', short: 'w', value: 'DIR', help: 'set the working directory in the sandbox' },
  { name: 'hostname', rare: true, value: 'NAME', help: 'set the hostname' },
  { name: 'add-host', rare: true, value: 'NAME:ADDRESS', help: 'add a name to /etc/hosts; may be repeated' },
  { name: 'monotonic', rare: true, value: 'SECONDS', help: 'set the offset of CLOCK_MONOTONIC' },
  { name: 'boottime', rare: true, value: 'SECONDS', help: 'set the offset of CLOCK_BOOTTIME' },
  { name: 'uid', short: 'u', value: 'UID', help: 'set the user id in the sandbox' },
  { name: 'gid', rare: true, value: 'GID', help: 'set the group id in the sandbox' },
  {
    name: 'map',
    rare: true,
    value: 'HOW',
    completes: ['root', 'current', 'auto'],
    help: 'map ids: root, current or auto',
  },
  {
    ...{ name: 'share', rare: true, value: 'KIND', completes: NAMESPACE_KINDS },
    help: "share the host's namespace of this kind",
  },
  {
    ...{ name: 'userns', rare: true, value: 'FILE', completes: 'file' },
    help: 'build it in this user namespace: a file, or a descriptor',
  },
  {
    ...{ name: 'pidns', rare: true, value: 'FILE', completes: 'file' },
    help: 'run programs in this pid namespace: a file, or a descriptor',
  },
  { name: 'memory', short: 'm', value: 'BYTES', help: 'limit memory, e.g. 512m (needs a cgroup)' },
  { name: 'pids-limit', value: 'N', help: 'limit the number of processes (needs a cgroup)' },
  { name: 'cpus', rare: true, value: 'N', help: 'limit processors, e.g. 1.5 (needs a cgroup)' },
  { name: 'cgroup-parent', rare: true, value: 'DIR', completes: 'directory', help: 'create that cgroup in DIR' },
  { name: 'ulimit', rare: true, value: 'NAME=SOFT[:HARD]', help: 'set a resource limit, e.g. nofile=100' },
  { name: 'cap-add', rare: true, value: 'NAME', help: 'grant a capability, or ALL (default: none)' },
  {
    ...{ name: 'seccomp', rare: true, value: 'FILE', completes: 'file' },
    help: 'use a JSON profile, a BPF program, default or none',
  },
  { name: 'no-unix-sockets', rare: true, help: 'forbid sockets of AF_UNIX, but for connected pairs' },
  { name: 'allow-userns', rare: true, help: 'allow user namespaces in the sandbox (bwrap, browsers)' },
  { name: 'disable-userns', rare: true, help: 'have the kernel forbid them, whatever the filter' },
  {
    ...{ name: 'preserve-fd', rare: true, value: 'FD' },
    help: 'pass on descriptor FD; may be repeated',
  },
  { name: 'die-with-parent', rare: true, help: 'end when the process that started linux-ns ends' },
  { name: 'spec', value: 'FILE', completes: 'file', help: 'read a SandboxSpec as JSON; -: standard input' },
];

export const runCommand: Command = {
  name: 'run',
  summary: 'Run a program in a sandbox that has only what the options grant',
  operands: '[--] PROGRAM [ARGUMENT...]',
  options: OPTIONS,
  runsProgram: true,
  examples: [
    ['run -p . -- npm test', 'only this directory is writable'],
    ['run -H --allow-host a.example bash', 'reaches this host alone'],
    ['run --overlay /srv/debian -- bash', 'a shell in another root'],
  ],
  run,
};

/**
 * The pid of the process whose end `--die-with-parent` follows. The children of a process that ends get another parent.
 */
const PARENT = process.ppid;

/** The milliseconds between two checks of the parent. */
const LOOK = 100;

/** The largest number of a descriptor under the usual RLIMIT_NOFILE. */
const MOST_DESCRIPTOR = 1023;

async function run(given: Given): Promise<number> {
  const [file, ...args] = given.operands;
  const kept = descriptorsOf(given);
  const { network, ...spec } = specOf(given);
  if (file === undefined) throw new UsageError('no program specified: linux-ns run [options] PROGRAM');
  refuseEmpty(spec, given.has('spec'));
  const terminal = spec.terminal !== false && spec.dev !== false && [0, 1, 2].every((fd) => isatty(fd));
  if (terminal && kept.some((fd) => fd > 2)) {
    throw new UsageError(
      '--preserve-fd: a program on a terminal gets no other descriptors: redirect its input or output',
    );
  }
  const exposed = exposedOf(given, network);
  const reportFile = given.value('report');
  if (terminal && reportFile === '-') {
    throw new UsageError('--report: standard error is the terminal that the program has: name a file, or redirect it');
  }
  await using report = reportFile === undefined ? undefined : await Report.open(reportFile);
  await using asker = given.has('ask') ? await Asker.open(terminal) : undefined;
  const net = typeof network === 'object' ? withAsker(network, asker) : await networkOf(network);
  const [user, pid] = await Promise.all([namespaceOf(given.value('userns')), namespaceOf(given.value('pidns'))]);
  try {
    await using sandbox = await Sandbox.create({
      ...spec,
      ...(net === undefined ? {} : { network: net }),
      ...(user === undefined && pid === undefined ? {} : { namespaces: { user, pid } }),
    });
    if (sandbox.egress !== undefined) report?.follow(sandbox.egress);
    await expose(sandbox, exposed);
    using _ = given.has('die-with-parent') ? endWithParent(sandbox) : undefined;
    return await (terminal ? onTerminal(sandbox, file, args, asker) : onDescriptors(sandbox, file, args, kept));
  } finally {
    await Promise.all([net, user, pid].map(async (each) => (each instanceof Namespace ? each.close() : undefined)));
  }
}

/** Refuses a sandbox with an empty root, in which nothing can run. The library allows it. */
function refuseEmpty({ root, mounts = [] }: SpecFile, fromFile: boolean): void {
  if (root !== undefined || mounts.length > 0) return;
  const inFile = fromFile ? "the spec has no 'hostUserland', 'root' or 'mounts'; " : '';
  throw new UsageError(`the sandbox would be empty: ${inFile}use --host-userland, --project, --root or --ro-bind`);
}

function withAsker(policy: EgressPolicy, asker: Asker | undefined): EgressPolicy {
  return asker === undefined ? policy : { ...policy, ask: asker.ask };
}

async function networkOf(network: string | undefined): Promise<'none' | 'host' | Namespace | undefined> {
  if (network === undefined || network === 'none' || network === 'host') return network;
  return network.includes('/') ? Namespace.open(network) : networkNamespaces.open(network);
}

/** Opens a namespace by a path, or by the number of a descriptor, as in bwrap(1). */
async function namespaceOf(file: string | undefined): Promise<Namespace | undefined> {
  return file === undefined ? undefined : Namespace.open(/^\d+$/.test(file) ? `/proc/self/fd/${file}` : file);
}

/**
 * Closes the sandbox when the parent of this process ends. PR_SET_PDEATHSIG of the kernel is not used, because it
 * follows the thread that has started this process and not its process. The end of a thread of a pool would close the
 * sandbox then. prctl(2)
 */
function endWithParent(sandbox: Sandbox): Disposable {
  const look = setInterval(() => {
    if (process.ppid !== PARENT) void sandbox.close(); // the program is killed, which ends the rest
  }, LOOK);
  look.unref();
  return { [Symbol.dispose]: () => clearInterval(look) };
}

/**
 * Runs a program on a pseudoterminal of its own, so that a program inside cannot type into this one. Job control works.
 */
async function onTerminal(
  sandbox: Sandbox,
  file: string,
  args: readonly string[],
  asker: Asker | undefined,
): Promise<number> {
  let relayed: Promise<void> | undefined;
  try {
    return await whileItRuns(
      (signal) => signal !== 'SIGWINCH',
      async () => {
        const child = await sandbox.spawn(file, args, { pty: terminalSize() });
        relayed = relayTerminal(child);
        if (child.pty !== null) asker?.shows(child.pty);
        relayed.catch(() => child.close()); // nobody would see it
        return running(child);
      },
    );
  } finally {
    await sandbox.close(); // ends what the program left behind, which would keep the terminal open
    await relayed;
  }
}

/**
 * The descriptors to pass on. They are checked before this process opens others, which could get a number that is not
 * in use.
 */
function descriptorsOf(given: Given): number[] {
  return given.values('preserve-fd').map((text) => {
    const fd = numberOf('--preserve-fd', text, MOST_DESCRIPTOR);
    if (!existsSync(`/proc/self/fd/${fd}`)) throw new UsageError(`--preserve-fd: descriptor ${fd} is not open`);
    return fd;
  });
}

function onDescriptors(
  sandbox: Sandbox,
  file: string,
  args: readonly string[],
  kept: readonly number[],
): Promise<number> {
  const last = Math.max(2, ...kept);
  const stdio = Array.from({ length: last + 1 }, (_, fd) => (fd <= 2 || kept.includes(fd) ? fd : 'ignore'));
  return whileItRuns(
    () => true,
    async () => {
      const child = await sandbox.spawn(file, args, { stdio });
      suspendTogether(child);
      return running(child);
    },
  );
}

/** The milliseconds after which this process has been stopped and continued, or was not stopped. */
const UNTIL_STOPPED = 20;

/**
 * Stops the program together with this process. Ctrl-Z stops this process group only, because the program is in a
 * session of its own. The program is continued with this process. It is continued at once where the signal has no
 * effect here, which is so where nobody could continue this process (setpgid(2), orphaned process groups).
 */
function suspendTogether(child: NamespaceProcess): void {
  const goOn = (): void => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    process.off('SIGTSTP', stop).on('SIGTSTP', stop);
    signalGroup(child, 'SIGCONT');
  };
  const stop = (): void => {
    signalGroup(child, 'SIGSTOP');
    process.off('SIGTSTP', stop); // without a listener the signal stops this process
    process.kill(process.pid, 'SIGTSTP');
    setTimeout(goOn, UNTIL_STOPPED);
  };
  process.on('SIGTSTP', stop);
  child.once('exit', () => process.off('SIGTSTP', stop));
}

/** Sends a signal to the process group that the program leads, or to the program alone where it leads none. */
function signalGroup(child: NamespaceProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid, signal);
  } catch {
    child.kill(signal);
  }
}

function running(child: NamespaceProcess): {
  kill: (signal: NodeJS.Signals) => boolean;
  ended: NamespaceProcess['exited'];
} {
  return { kill: (signal) => child.kill(signal), ended: child.exited };
}
