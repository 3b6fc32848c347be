import { closeSync, constants, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CAPABILITIES, NAMESPACE_KINDS, Namespace, type NamespaceKind, readGidMap, readUidMap, setns } from 'linux-ns';
import { numberOf, processId } from '../arguments';
import { type Command, type Given, type Option, UsageError } from '../command';
import { KIND_OPTIONS, type KindOption } from '../kind-options';
import { type Program, runProgram } from '../program';

/** The options of nsenter(1), with the kinds of namespaces that they enter. */
const KINDS: readonly KindOption[] = (['mnt', 'uts', 'ipc', 'net', 'pid', 'cgroup', 'user', 'time'] as const).map(
  (kind) => KIND_OPTIONS[kind],
);

/** Options that also have an effect where no namespace is entered. */
const WITHOUT_NAMESPACES = ['root', 'wd', 'wdns', 'env', 'join-cgroup', 'setuid', 'setgid'];

const MOST_DESCRIPTOR = 2 ** 31 - 1;

const OPTIONS: readonly Option[] = [
  { name: 'target', short: 't', value: 'PID', completes: 'process', help: 'use the namespaces of process PID' },
  { name: 'all', short: 'a', help: 'enter all namespaces of PID' },
  ...KINDS.map(([name, , short, title]): Option => ({
    ...{ name, short, value: 'FILE', optional: true, completes: 'file' },
    help: `enter the ${title} namespace of PID or FILE`,
  })),
  { name: 'net-socket', short: 'N', rare: true, value: 'FD', help: 'enter the network namespace of a socket of PID' },
  { name: 'user-parent', rare: true, help: 'enter the parent user namespace' },
  { name: 'setuid', short: 'S', value: 'UID', completes: ['follow'], help: "set the user id; 'follow': that of PID" },
  {
    name: 'setgid',
    short: 'G',
    rare: true,
    value: 'GID',
    completes: ['follow'],
    help: "set the group id; 'follow': that of PID",
  },
  { name: 'preserve-credentials', rare: true, help: 'do not change the user and group id' },
  { name: 'keep-caps', rare: true, help: 'keep capabilities across execve(2)' },
  {
    name: 'root',
    short: 'r',
    value: 'DIR',
    optional: true,
    completes: 'directory',
    help: 'change the root directory to that of PID, or DIR',
  },
  {
    name: 'wd',
    short: 'w',
    value: 'DIR',
    optional: true,
    completes: 'directory',
    help: 'change the working directory to that of PID, or DIR',
  },
  {
    name: 'wdns',
    short: 'W',
    rare: true,
    value: 'DIR',
    completes: 'directory',
    help: 'change to DIR, as seen in the namespaces',
  },
  { name: 'env', short: 'e', rare: true, help: 'use the environment of PID' },
  { name: 'join-cgroup', short: 'c', rare: true, help: 'join the cgroup of PID (version 2)' },
  { name: 'no-fork', short: 'F', rare: true, help: 'no effect, for compatibility' },
];

export const nsenterCommand: Command = {
  name: 'nsenter',
  summary: 'Run a program in namespaces of other processes',
  operands: '[PROGRAM [ARGUMENT...]]',
  options: OPTIONS,
  runsProgram: true,
  examples: [
    ['nsenter -t 1234 -a', 'a shell in all namespaces of process 1234'],
    ['nsenter --net=/run/netns/blue ip address', 'a command in a named network namespace'],
  ],
  run,
};

async function run(given: Given): Promise<number> {
  const pid = pidOf(given);
  if (given.has('wd') && given.has('wdns')) throw new UsageError('--wd and --wdns are mutually exclusive');
  const directories: number[] = [];
  try {
    const namespaces = await namespacesOf(given, pid);
    await using set = namespaces.length === 0 ? undefined : await setns(namespaces);
    const program = await programOf(given, pid, set?.get('user') !== undefined, directories);
    if (given.has('join-cgroup')) joinCgroup(required(pid, '--join-cgroup'));
    return await runProgram(given.operands, { ...program, ...(set === undefined ? {} : { setns: set }) }, 'forward');
  } finally {
    directories.forEach(closeSync);
  }
}

function pidOf(given: Given): number | undefined {
  const text = given.value('target');
  if (text === undefined) return undefined;
  return processId('--target', text);
}

function required(pid: number | undefined, option: string): number {
  if (pid === undefined) throw new UsageError(`${option} needs --target PID`);
  return pid;
}

/** Opens the given files, and the other namespaces of the process. */
async function namespacesOf(given: Given, pid: number | undefined): Promise<Namespace[]> {
  const namespaces: Namespace[] = [];
  for (const [option, kind] of KINDS) {
    const file = given.value(option);
    if (file !== undefined) namespaces.push(await openFile(file, option, kind));
  }
  const wanted = kindsOfProcess(given).filter((kind) => !namespaces.some((namespace) => namespace.kind === kind));
  if (wanted.length > 0) {
    const target = required(pid, given.has('all') ? '--all' : `--${optionOf(wanted[0] ?? 'net')}`);
    for (const kind of wanted) namespaces.push(await Namespace.of(target, kind));
  }
  const socket = given.value('net-socket');
  if (socket !== undefined) {
    const fd = numberOf('--net-socket', socket, MOST_DESCRIPTOR);
    namespaces.push(await Namespace.ofSocket(required(pid, '--net-socket'), fd));
  }
  const all = given.has('user-parent') ? await withUserParent(namespaces, pid) : namespaces;
  if (all.length === 0 && !WITHOUT_NAMESPACES.some((option) => given.has(option)))
    throw new UsageError('no namespace specified: use --all, or --net and the like');
  return all;
}

function kindsOfProcess(given: Given): NamespaceKind[] {
  if (given.has('all')) return NAMESPACE_KINDS.filter(isKnown);
  return KINDS.filter(([option]) => given.has(option) && given.value(option) === undefined).map(([, kind]) => kind);
}

function isKnown(kind: NamespaceKind): boolean {
  return statSync(`/proc/self/ns/${kind}`, { throwIfNoEntry: false }) !== undefined;
}

function optionOf(kind: NamespaceKind): string {
  return KINDS.find(([, candidate]) => candidate === kind)?.[0] ?? kind;
}

async function openFile(file: string, option: string, kind: NamespaceKind): Promise<Namespace> {
  const namespace = await Namespace.open(file);
  if (namespace.kind === kind) return namespace;
  await namespace.close();
  throw new UsageError(`--${option}=${file} is a ${namespace.kind} namespace`);
}

/**
 * Replaces the user namespace by its parent. Without a user namespace, adds the one that owns the first of the others;
 * without any, the parent of that of the process. nsenter(1)
 */
async function withUserParent(namespaces: readonly Namespace[], pid: number | undefined): Promise<Namespace[]> {
  const [any] = namespaces;
  const user =
    namespaces.find(({ kind }) => kind === 'user') ??
    (any === undefined ? await Namespace.of(required(pid, '--user-parent'), 'user') : undefined);
  const above = await (user === undefined ? any?.userNamespace() : user.parent());
  if (above === null || above === undefined)
    throw new UsageError('--user-parent: that user namespace has no parent, or none that can be seen from here');
  return [...namespaces.filter((namespace) => namespace !== user), above];
}

async function programOf(
  given: Given,
  pid: number | undefined,
  entersUser: boolean,
  directories: number[],
): Promise<Program> {
  const directoryOf = (option: 'root' | 'wd', name: 'root' | 'cwd'): number | undefined => {
    if (!given.has(option)) return undefined;
    const path = given.value(option) ?? `/proc/${required(pid, `--${option}`)}/${name}`;
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    directories.push(fd);
    return fd;
  };
  const root = directoryOf('root', 'root');
  const cwd = directoryOf('wd', 'cwd') ?? given.value('wdns');
  return {
    ...(root === undefined ? {} : { root }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(given.has('env') ? { env: environmentOf(required(pid, '--env')) } : {}),
    ...(await idsOf(given, pid, entersUser)),
    ...(given.has('keep-caps') && entersUser ? { capabilities: { ambient: CAPABILITIES } } : {}),
    dieWithParent: true,
  };
}

async function idsOf(
  given: Given,
  pid: number | undefined,
  entersUser: boolean,
): Promise<Pick<Program, 'uid' | 'gid' | 'groups'>> {
  const uid = idOption(given, 'setuid', pid);
  const gid = idOption(given, 'setgid', pid);
  if (uid === undefined && gid === undefined) return entersUser && given.has('preserve-credentials') ? kept(pid) : {};
  return {
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid, groups: [] }),
  };
}

function idOption(given: Given, option: 'setuid' | 'setgid', pid: number | undefined): number | undefined {
  const text = given.value(option);
  if (text === undefined) return undefined;
  if (text !== 'follow') return numberOf(`--${option}`, text, 2 ** 32 - 2);
  const status = statSync(`/proc/${required(pid, `--${option}=follow`)}`);
  return option === 'setuid' ? status.uid : status.gid;
}

/** The ids of this process, as the user namespace of the target maps them. */
async function kept(pid: number | undefined): Promise<Pick<Program, 'uid' | 'gid'>> {
  const target = required(pid, '--preserve-credentials');
  const inside = (ranges: Awaited<ReturnType<typeof readUidMap>>, id: number): number | undefined => {
    const range = ranges.find(({ outside, count }) => id >= outside && id < outside + count);
    return range === undefined ? undefined : range.inside + id - range.outside;
  };
  const uid = inside(await readUidMap(target), process.geteuid?.() ?? 0);
  const gid = inside(await readGidMap(target), process.getegid?.() ?? 0);
  return { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
}

function environmentOf(pid: number): Record<string, string> {
  const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8')
    .split('\0')
    .filter((pair) => pair.includes('='));
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

/** Moves this process into the cgroup, which the program inherits. cgroups(7) */
function joinCgroup(pid: number): void {
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1];
  const mount = /^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1];
  if (path === undefined || mount === undefined)
    throw new UsageError('--join-cgroup: no cgroup v2 hierarchy is mounted');
  writeFileSync(join(mount, path, 'cgroup.procs'), String(process.pid));
}
