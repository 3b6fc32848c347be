import { constants } from 'node:os';
import {
  CAPABILITIES,
  type CloneOptions,
  type MountOptions,
  type NamespaceKind,
  type NamespaceSet,
  type UnshareSpec,
  mount,
  unshare,
} from 'linux-ns';
import { idOf } from '../accounts';
import { numberOf, oneOf } from '../arguments';
import { type Command, type Given, type Option, UsageError } from '../command';
import { mapOf, rangesAskedFor } from '../id-maps';
import { type Program, type SignalHandling, runProgram } from '../program';

/** The kinds by the names that unshare(1) has for them. */
const KINDS: readonly (readonly [option: string, kind: NamespaceKind, short: string])[] = [
  ['mount', 'mnt', 'm'],
  ['uts', 'uts', 'u'],
  ['ipc', 'ipc', 'i'],
  ['net', 'net', 'n'],
  ['pid', 'pid', 'p'],
  ['user', 'user', 'U'],
  ['cgroup', 'cgroup', 'C'],
  ['time', 'time', 'T'],
];

const BINFMT_MISC = '/proc/sys/fs/binfmt_misc';

const MAX_ID = 2 ** 32 - 2;

const PROPAGATIONS = ['slave', 'shared', 'private', 'unchanged'] as const;

const OPTIONS: readonly Option[] = [
  ...KINDS.map(([name, kind, short]): Option => ({
    ...{ name, short, value: 'FILE', optional: true, completes: 'file' },
    help: kind === 'mnt' ? 'a new mount namespace, kept on FILE' : `a new ${kind} namespace`,
  })),
  { name: 'fork', short: 'f', help: 'leave the program alone with signals' },
  { name: 'kill-child', rare: true, value: 'SIGNAL', optional: true, help: 'kill the program when linux-ns ends' },
  { name: 'mount-proc', value: 'DIR', optional: true, completes: 'directory', help: 'mount a proc on /proc or DIR' },
  {
    name: 'mount-binfmt',
    rare: true,
    value: 'DIR',
    optional: true,
    completes: 'directory',
    help: 'mount a binfmt_misc',
  },
  {
    name: 'load-interp',
    short: 'l',
    rare: true,
    value: 'LINE',
    help: 'register a binary format, as binfmt_misc takes it',
  },
  {
    name: 'propagation',
    rare: true,
    value: 'HOW',
    completes: PROPAGATIONS,
    help: 'slave, shared, private or unchanged',
  },
  { name: 'root', short: 'R', value: 'DIR', completes: 'directory', help: 'change the root directory' },
  { name: 'wd', short: 'w', value: 'DIR', completes: 'directory', help: 'change the working directory' },
  { name: 'setuid', short: 'S', rare: true, value: 'UID', completes: 'user', help: 'run as this user' },
  { name: 'setgid', short: 'G', rare: true, value: 'GID', completes: 'group', help: 'run as this group' },
  { name: 'map-user', rare: true, value: 'USER', completes: 'user', help: 'you are this user inside' },
  { name: 'map-group', rare: true, value: 'GROUP', completes: 'group', help: 'you are this group inside' },
  { name: 'map-root-user', short: 'r', help: 'you are root inside' },
  { name: 'map-current-user', short: 'c', help: 'you are yourself inside' },
  { name: 'map-auto', help: 'map the ids /etc/subuid grants, from 0 on' },
  { name: 'map-subids', rare: true, help: 'map them to themselves' },
  { name: 'map-users', rare: true, value: 'RANGE', help: 'map INSIDE:OUTSIDE:COUNT, auto, subids or all' },
  { name: 'map-groups', rare: true, value: 'RANGE', help: 'the same of groups' },
  { name: 'setgroups', rare: true, value: 'HOW', completes: ['allow', 'deny'], help: 'allow or deny setgroups(2)' },
  { name: 'keep-caps', rare: true, help: 'keep capabilities through the exec' },
  { name: 'monotonic', rare: true, value: 'SECONDS', help: 'offset of the monotonic clock' },
  { name: 'boottime', rare: true, value: 'SECONDS', help: 'offset of the boottime clock' },
];

export const unshareCommand: Command = {
  name: 'unshare',
  summary: 'Run a program in new namespaces',
  operands: '[PROGRAM [ARGUMENT...]]',
  options: OPTIONS,
  runsProgram: true,
  examples: [
    ['unshare -Urmpf --mount-proc bash', 'a shell that is root, on its own'],
    ['unshare -rn ip link', 'a network of its own'],
    ['unshare --net=/run/netns/blue true', 'keep it'],
  ],
  run,
};

async function run(given: Given): Promise<number> {
  checkWords(given);
  const spec = specOf(given);
  const handling: SignalHandling = given.has('fork') || given.has('kill-child') ? 'ignore' : 'forward';
  const program: Program = { ...programOf(given, spec), dieWithParent: diesWithUs(given) };
  if (!needsSet(given)) return runProgram(given.operands, { ...program, ...unshareOf(spec) }, handling);
  await using set = await unshare(spec);
  await prepare(set, given);
  const { mounts: _, ...rest } = program;
  return await runProgram(given.operands, { ...rest, setns: set }, handling);
}

/** As unshare(1) has it, the program is process 1 of a new pid namespace. */
function unshareOf(spec: UnshareSpec): Pick<CloneOptions, 'unshare' | 'init'> {
  if (Object.keys(spec).length === 0) return {};
  return { unshare: spec, ...(spec.pid === true ? { init: false } : {}) };
}

/** What is done by this process, once the namespaces are there and before the program runs. */
function needsSet(given: Given): boolean {
  return given.has('load-interp') || KINDS.some(([option]) => given.value(option) !== undefined);
}

async function prepare(set: NamespaceSet, given: Given): Promise<void> {
  for (const [option, kind] of KINDS) {
    const file = given.value(option);
    const namespace = set.get(kind);
    if (file === undefined || namespace === undefined) continue;
    await mount({ bind: true, source: `/proc/${process.pid}/fd/${namespace.fd}`, target: file });
  }
  for (const each of mountsOf(given)) await set.mount(each);
  const interpreter = given.value('load-interp');
  if (interpreter === undefined) return;
  await set.writeFile(`${given.value('mount-binfmt') ?? BINFMT_MISC}/register`, interpreter);
}

function specOf(given: Given): UnshareSpec {
  const asked = new Set(KINDS.filter(([option]) => given.has(option)).map(([, kind]) => kind));
  const binfmt = given.has('mount-binfmt') || given.has('load-interp');
  if (given.has('mount-proc') || binfmt) asked.add('mnt');
  if (binfmt || asksForMaps(given)) asked.add('user');
  const spec: UnshareSpec = {};
  if (asked.has('mnt')) spec.mnt = { propagation: propagationOf(given) };
  if (asked.has('user')) spec.user = userOf(given);
  if (asked.has('net')) spec.net = { loopback: false };
  if (asked.has('time')) spec.time = clocksOf(given);
  else if (given.has('monotonic') || given.has('boottime'))
    throw new UsageError('--monotonic and --boottime take a new time namespace: -T');
  for (const kind of ['uts', 'ipc', 'pid', 'cgroup'] as const) {
    if (!asked.has(kind)) continue;
    if (kind === 'uts') spec.uts = true;
    else spec[kind] = true;
  }
  return spec;
}

const MAPS = [
  'map-user',
  'map-group',
  'map-root-user',
  'map-current-user',
  'map-auto',
  'map-subids',
  'map-users',
  'map-groups',
];

function asksForMaps(given: Given): boolean {
  return MAPS.some((option) => given.has(option));
}

function userOf(given: Given): NonNullable<UnshareSpec['user']> {
  const uid = process.geteuid?.() ?? 0;
  const gid = process.getegid?.() ?? 0;
  const uidMap = mapOf(
    {
      single: single(given, 'user', uid),
      ranges: rangesAskedFor(given, 'map-users'),
      subordinates: '/etc/subuid',
      kernelMap: '/proc/self/uid_map',
      own: uid,
    },
    uid,
  );
  const gidMap = mapOf(
    {
      single: single(given, 'group', gid),
      ranges: rangesAskedFor(given, 'map-groups'),
      subordinates: '/etc/subgid',
      kernelMap: '/proc/self/gid_map',
      own: gid,
    },
    uid,
  );
  return {
    uidMap,
    gidMap,
    setgroups: setgroupsOf(given),
  };
}

function single(given: Given, side: 'user' | 'group', own: number): number | undefined {
  const named = given.value(`map-${side}`);
  if (named !== undefined) return idOf(side, named);
  if (given.has('map-root-user')) return 0;
  return given.has('map-current-user') ? own : undefined;
}

/** Those that are wrong are refused also where they would have no effect. */
function checkWords(given: Given): void {
  propagationOf(given);
  setgroupsOf(given);
}

function propagationOf(given: Given): (typeof PROPAGATIONS)[number] {
  return oneOf('--propagation', given.value('propagation') ?? 'private', PROPAGATIONS);
}

function setgroupsOf(given: Given): 'allow' | 'deny' | undefined {
  const how = given.value('setgroups');
  return how === undefined ? undefined : oneOf('--setgroups', how, ['allow', 'deny']);
}

function clocksOf(given: Given): { monotonic?: number; boottime?: number } {
  const clocks: { monotonic?: number; boottime?: number } = {};
  for (const clock of ['monotonic', 'boottime'] as const) {
    const text = given.value(clock);
    if (text === undefined) continue;
    if (!/^[+-]?\d+$/.test(text)) throw new UsageError(`--${clock} must be a number of seconds, and not '${text}'`);
    clocks[clock] = Number(text);
  }
  return clocks;
}

function programOf(given: Given, spec: UnshareSpec): Program {
  const uid = given.value('setuid');
  const gid = given.value('setgid');
  const root = given.value('root');
  const wd = given.value('wd');
  const mounts = mountsOf(given);
  return {
    ...(mounts.length > 0 ? { mounts } : {}),
    ...(root === undefined ? {} : { root }),
    ...(wd === undefined ? {} : { cwd: wd }),
    ...(uid === undefined ? {} : { uid: numberOf('--setuid', uid, MAX_ID) }),
    ...(gid === undefined ? {} : { gid: numberOf('--setgid', gid, MAX_ID), groups: [] }),
    ...(given.has('keep-caps') && spec.user !== undefined ? { capabilities: { ambient: CAPABILITIES } } : {}),
  };
}

function mountsOf(given: Given): MountOptions[] {
  const kernel = { nosuid: true, nodev: true, noexec: true } as const;
  const binfmt = given.has('mount-binfmt') || given.has('load-interp');
  const onProc = given.has('mount-proc') || (binfmt && given.value('mount-binfmt') === undefined);
  const mounts: MountOptions[] = [];
  if (onProc) mounts.push({ type: 'proc', source: 'proc', target: given.value('mount-proc') ?? '/proc', ...kernel });
  if (!binfmt) return mounts;
  const target = given.value('mount-binfmt') ?? BINFMT_MISC;
  return [...mounts, { type: 'binfmt_misc', source: 'binfmt_misc', target, ...kernel }];
}

/** Without --fork unshare(1) becomes the program: who kills it kills that. */
function diesWithUs(given: Given): boolean {
  const name = given.value('kill-child');
  const signal = name?.replace(/^(SIG)?/i, 'SIG').toUpperCase();
  if (signal !== undefined && signal !== 'SIGKILL') {
    const why =
      signal in constants.signals || /^SIG\d+$/.test(signal) ? 'only SIGKILL is sent' : 'there is no such signal';
    throw new UsageError(`--kill-child=${name ?? ''}: ${why}`);
  }
  return given.has('kill-child') || !given.has('fork');
}
