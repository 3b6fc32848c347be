import { closeSync, constants, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CAPABILITIES, NAMESPACE_KINDS, Namespace, type NamespaceKind, readGidMap, readUidMap, setns } from 'linux-ns';
import { numberOf } from '../arguments';
import { type Command, type Given, type Option, UsageError } from '../command';
import { type Program, runProgram } from '../program';

const KINDS: readonly (readonly [option: string, kind: NamespaceKind, short: string])[] = [
  ['mount', 'mnt', 'm'],
  ['uts', 'uts', 'u'],
  ['ipc', 'ipc', 'i'],
  ['net', 'net', 'n'],
  ['pid', 'pid', 'p'],
  ['cgroup', 'cgroup', 'C'],
  ['user', 'user', 'U'],
  ['time', 'time', 'T'],
];

const MOST_DESCRIPTOR = 2 ** 31 - 1;

const OPTIONS: readonly Option[] = [
  { name: 'target', short: 't', value: 'PID', completes: 'process', help: 'the process whose namespaces are meant' },
  { name: 'all', short: 'a', help: 'enter all that are not your own' },
  ...KINDS.map(([name, kind, short]): Option => ({
    ...{ name, short, value: 'FILE', optional: true, completes: 'file' },
    help: kind === 'mnt' ? 'enter its mount namespace, or that of FILE' : `enter its ${kind} namespace`,
  })),
  { name: 'net-socket', short: 'N', rare: true, value: 'FD', help: 'enter the network of a socket of the target' },
  { name: 'user-parent', rare: true, help: 'enter the user namespace above' },
  { name: 'setuid', short: 'S', value: 'UID', completes: 'user', help: "run as this user, 'follow': its own" },
  {
    name: 'setgid',
    short: 'G',
    rare: true,
    value: 'GID',
    completes: 'group',
    help: "run as this group, 'follow': its own",
  },
  { name: 'preserve-credentials', rare: true, help: 'stay who you are' },
  { name: 'keep-caps', rare: true, help: 'keep capabilities through the exec' },
  {
    name: 'root',
    short: 'r',
    value: 'DIR',
    optional: true,
    completes: 'directory',
    help: 'change to its root, or DIR',
  },
  {
    name: 'wd',
    short: 'w',
    value: 'DIR',
    optional: true,
    completes: 'directory',
    help: 'change to its directory, or DIR',
  },
  { name: 'wdns', short: 'W', rare: true, value: 'DIR', completes: 'directory', help: 'change to DIR as seen inside' },
  { name: 'env', short: 'e', rare: true, help: 'take its environment' },
  { name: 'join-cgroup', short: 'c', rare: true, help: 'join its cgroup (version 2)' },
  { name: 'no-fork', short: 'F', rare: true, help: 'accepted; the program always is in the pid namespace' },
];

export const nsenterCommand: Command = {
  name: 'nsenter',
  summary: 'Run a program in namespaces of other processes',
  operands: '[PROGRAM [ARGUMENT...]]',
  options: OPTIONS,
  runsProgram: true,
  examples: [
    ['nsenter -t 1234 -a', 'a shell in all namespaces of a process'],
    ['nsenter --net=/run/netns/blue ip address', 'one command in a network'],
  ],
  run,
};

async function run(given: Given): Promise<number> {
  const pid = pidOf(given);
  if (given.has('wd') && given.has('wdns')) throw new UsageError('--wd and --wdns exclude each other');
  const directories: number[] = [];
  try {
    await using set = await setns(await namespacesOf(given, pid));
    const program = await programOf(given, pid, set.get('user') !== undefined, directories);
    if (given.has('join-cgroup')) joinCgroup(required(pid, '--join-cgroup'));
    return await runProgram(given.operands, { ...program, setns: set }, 'forward');
  } finally {
    directories.forEach(closeSync);
  }
}

function pidOf(given: Given): number | undefined {
  const text = given.value('target');
  if (text === undefined) return undefined;
  const pid = numberOf('--target', text, 2 ** 31 - 1);
  if (pid === 0) throw new UsageError('--target must be the number of a process, and not 0');
  return pid;
}

function required(pid: number | undefined, option: string): number {
  if (pid === undefined) throw new UsageError(`${option} needs a process: --target PID`);
  return pid;
}

/** By file where one is given, else those of the process, which are opened together. */
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
  if (all.length === 0) throw new UsageError('no namespace was named: give --all, or --net and its like');
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

/** In place of the user namespace the one above it; of any other namespace the one that owns it. nsenter(1) */
async function withUserParent(namespaces: readonly Namespace[], pid: number | undefined): Promise<Namespace[]> {
  const user = namespaces.find(({ kind }) => kind === 'user');
  const [any] = namespaces;
  const above =
    user !== undefined
      ? await user.parent()
      : await (any ?? (await Namespace.of(required(pid, '--user-parent'), 'net'))).userNamespace();
  if (above === null) throw new UsageError('--user-parent: there is no user namespace above that one');
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

/** One's own ids, as they are called inside. */
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

/** This process goes there, and the program is born where it is. cgroups(7) */
function joinCgroup(pid: number): void {
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1];
  const mount = /^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1];
  if (path === undefined || mount === undefined)
    throw new UsageError('--join-cgroup: there are no cgroups of version 2 here');
  writeFileSync(join(mount, path, 'cgroup.procs'), String(process.pid));
}
