import { Namespace, NAMESPACE_KINDS, type NamespaceProcess, Sandbox, networkNamespaces } from 'linux-ns';
import { isatty } from 'node:tty';
import { numberOf } from '../arguments';
import { type Command, type Given, type Option, UsageError } from '../command';
import { whileItRuns } from '../program';
import { type SpecFile, specOf } from '../sandbox-spec';
import { connectTerminal, terminalSize } from '../terminal';

const FILES: readonly Option[] = [
  { name: 'host-userland', short: 'H', help: "this host's programs, and nobody's files" },
  {
    ...{ name: 'project', short: 'p', value: 'DIR', completes: 'directory' },
    help: 'those, with DIR to be written in, and start there',
  },
  {
    name: 'root',
    short: 'r',
    value: 'DIR',
    completes: 'directory',
    help: 'its root, read-only. Default: an empty one',
  },
  { name: 'writable-root', rare: true, help: 'the root can be written' },
  {
    ...{ name: 'overlay', value: 'DIR', completes: 'directory' },
    help: 'its root; what is written is kept nowhere',
  },
  { name: 'upper', rare: true, value: 'DIR', completes: 'directory', help: 'keep in DIR what --overlay has written' },
  { name: 'ro-bind', value: 'SOURCE TARGET', completes: 'file', help: 'a path of this host, to be read' },
  { name: 'bind', value: 'SOURCE TARGET', completes: 'file', help: 'the same, to be written as well' },
  { name: 'dev-bind', rare: true, value: 'SOURCE TARGET', completes: 'file', help: 'the same, and devices open' },
  { name: 'ro-bind-try', rare: true, value: 'SOURCE TARGET', completes: 'file', help: '--ro-bind, if it exists' },
  { name: 'bind-try', rare: true, value: 'SOURCE TARGET', completes: 'file', help: '--bind, if it exists' },
  { name: 'dev-bind-try', rare: true, value: 'SOURCE TARGET', completes: 'file', help: '--dev-bind, if it exists' },
  { name: 'readable', rare: true, value: 'PATH', completes: 'file', help: '--ro-bind PATH PATH' },
  { name: 'writable', rare: true, value: 'PATH', completes: 'file', help: '--bind PATH PATH' },
  { name: 'volume', short: 'v', rare: true, value: 'SOURCE:TARGET[:ro]', help: 'the same in one word' },
  { name: 'tmpfs', value: 'TARGET', help: 'an empty directory in memory' },
  { name: 'dir', rare: true, value: 'TARGET', help: 'a directory' },
  { name: 'symlink', rare: true, value: 'TO TARGET', help: 'a symbolic link' },
  {
    name: 'file',
    rare: true,
    value: 'SOURCE TARGET',
    completes: 'file',
    help: 'a copy of a file, or of - (standard input)',
  },
  { name: 'ro-file', rare: true, value: 'SOURCE TARGET', completes: 'file', help: 'one that cannot be written' },
  { name: 'perms', rare: true, value: 'MODE', help: 'of the --tmpfs, --dir or --file that is next' },
  { name: 'size', rare: true, value: 'BYTES', help: 'of the --tmpfs that is next' },
  { name: 'chmod', rare: true, value: 'MODE TARGET', help: 'change the mode of what is there' },
  { name: 'remount-ro', rare: true, value: 'TARGET', help: 'what is mounted there can be read only' },
  { name: 'mask', rare: true, value: 'TARGET', help: 'hide it' },
  { name: 'proc', rare: true, value: 'TARGET', help: 'another /proc' },
  { name: 'dev', rare: true, value: 'TARGET', help: 'another /dev' },
  { name: 'mqueue', rare: true, value: 'TARGET', help: 'message queues' },
  { name: 'no-proc', rare: true, help: 'no /proc' },
  { name: 'no-dev', rare: true, help: 'no /dev' },
];

const OPTIONS: readonly Option[] = [
  ...FILES,
  {
    ...{ name: 'network', short: 'n', value: 'WHICH', completes: 'network' },
    help: 'none (the default), host, or a name of netns',
  },
  { name: 'env', short: 'e', value: 'NAME[=VALUE]', help: 'a variable; without a value as it is here' },
  { name: 'setenv', rare: true, value: 'NAME VALUE', help: 'a variable' },
  { name: 'unsetenv', rare: true, value: 'NAME', help: 'take PATH, HOME, TERM or LANG away' },
  { name: 'chdir', short: 'w', value: 'DIR', help: 'the directory to start in, inside' },
  { name: 'hostname', value: 'NAME', help: 'its host name' },
  { name: 'uid', short: 'u', value: 'UID', help: 'who the program is, inside' },
  { name: 'gid', rare: true, value: 'GID', help: 'its group' },
  { name: 'map', rare: true, value: 'HOW', completes: ['root', 'current', 'auto'], help: 'which ids there are' },
  {
    ...{ name: 'share', rare: true, value: 'KIND', completes: NAMESPACE_KINDS },
    help: "a kind of namespace that is the host's",
  },
  { name: 'memory', short: 'm', value: 'BYTES', help: 'most memory, such as 512m (a cgroup)' },
  { name: 'pids-limit', value: 'N', help: 'most processes (a cgroup)' },
  { name: 'cpus', rare: true, value: 'N', help: 'most processors, such as 1.5 (a cgroup)' },
  { name: 'cgroup-parent', rare: true, value: 'DIR', completes: 'directory', help: 'the cgroup to make its own in' },
  { name: 'ulimit', rare: true, value: 'NAME=SOFT[:HARD]', help: 'a limit of each program, such as nofile=100' },
  { name: 'cap-add', rare: true, value: 'NAME', help: 'a capability it has, or ALL. Default: none' },
  {
    ...{ name: 'seccomp', rare: true, value: 'FILE', completes: 'file' },
    help: 'a profile (JSON) or a program (BPF); default; none',
  },
  { name: 'disable-userns', rare: true, help: 'no user namespaces can be made inside' },
  {
    ...{ name: 'preserve-fd', rare: true, value: 'FD' },
    help: 'a descriptor it is given beside 0, 1 and 2; may be repeated',
  },
  { name: 'spec', value: 'FILE', completes: 'file', help: 'all that as JSON, - for standard input' },
];

export const runCommand: Command = {
  name: 'run',
  summary: 'Run a program in a sandbox: nothing but what is given here',
  operands: '[--] PROGRAM [ARGUMENT...]',
  options: OPTIONS,
  runsProgram: true,
  examples: [
    ['run -p . -- npm test', 'this directory, and no other'],
    ['run -H -n host bash', 'a shell that keeps nothing'],
    ['run --overlay /srv/debian -- bash', 'in another root'],
  ],
  run,
};

/** Most descriptors of a process as a rule: RLIMIT_NOFILE. */
const MOST_DESCRIPTOR = 1023;

async function run(given: Given): Promise<number> {
  const [file, ...args] = given.operands;
  const { network, ...spec } = specOf(given);
  if (file === undefined) throw new UsageError('name a program: linux-ns run [options] PROGRAM');
  refuseEmpty({ ...spec });
  const net = await networkOf(network);
  try {
    await using sandbox = await Sandbox.create({ ...spec, ...(net === undefined ? {} : { network: net }) });
    const terminal = spec.terminal !== false && spec.dev !== false && [0, 1, 2].every((fd) => isatty(fd));
    return await (terminal ? onTerminal(sandbox, file, args) : onDescriptors(sandbox, file, args, given));
  } finally {
    if (typeof net === 'object') await net.close();
  }
}

/** Closed by default is what a sandbox is; but a program in an empty root is what nobody means. */
function refuseEmpty({ root, mounts = [] }: SpecFile): void {
  if (root !== undefined || mounts.length > 0) return;
  throw new UsageError('there is nothing in it to run: give --host-userland, --project, --root or --ro-bind');
}

async function networkOf(network: string | undefined): Promise<'none' | 'host' | Namespace | undefined> {
  if (network === undefined || network === 'none' || network === 'host') return network;
  return network.includes('/') ? Namespace.open(network) : networkNamespaces.open(network);
}

/** A terminal of its own: what runs inside cannot type into this one, and jobs are controlled as everywhere. */
async function onTerminal(sandbox: Sandbox, file: string, args: readonly string[]): Promise<number> {
  let child: NamespaceProcess | undefined;
  let leave = (): Promise<void> => Promise.resolve();
  try {
    return await whileItRuns(
      (signal) => signal !== 'SIGWINCH',
      async () => {
        child = await sandbox.spawn(file, args, { pty: terminalSize() });
        if (child.pty !== null) leave = connectTerminal(child.pty);
        return running(child);
      },
    );
  } finally {
    await sandbox.close(); // what it has left behind, with its hold on the terminal
    await leave();
  }
}

function onDescriptors(sandbox: Sandbox, file: string, args: readonly string[], given: Given): Promise<number> {
  const kept = given.values('preserve-fd').map((fd) => numberOf('--preserve-fd', fd, MOST_DESCRIPTOR));
  const last = Math.max(2, ...kept);
  const stdio = Array.from({ length: last + 1 }, (_, fd) => (fd <= 2 || kept.includes(fd) ? fd : 'ignore'));
  return whileItRuns(
    () => true,
    async () => running(await sandbox.spawn(file, args, { stdio })),
  );
}

function running(child: NamespaceProcess): {
  kill: (signal: NodeJS.Signals) => boolean;
  ended: NamespaceProcess['exited'];
} {
  return { kill: (signal) => child.kill(signal), ended: child.exited };
}
