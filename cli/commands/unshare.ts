import { constants } from 'node:os';
import {
  CAPABILITIES,
  type CloneOptions,
  type MountOptions,
  type NamespaceSet,
  type UnshareSpec,
  mount,
  unshare,
} from 'linux-ns';
import { idOf } from '../accounts';
import { numberOf, oneOf } from '../arguments';
import { clocksOf } from '../clocks';
import { type Command, type Given, type Option, UsageError } from '../command';
import { mapOf, rangesAskedFor } from '../id-maps';
import { KIND_OPTIONS, type KindOption } from '../kind-options';
import { type Program, type SignalHandling, runProgram } from '../program';

/** The options of unshare(1), with the kinds of namespaces that they create. */
const KINDS: readonly KindOption[] = (['mnt', 'uts', 'ipc', 'net', 'pid', 'user', 'cgroup', 'time'] as const).map(
  (kind) => KIND_OPTIONS[kind],
);

const BINFMT_MISC = '/proc/sys/fs/binfmt_misc';

const MAX_ID = 2 ** 32 - 2;

const PROPAGATIONS = ['slave', 'shared', 'private', 'unchanged'] as const;

const OPTIONS: readonly Option[] = [
  ...KINDS.map(([name, kind, short, title]): Option => ({
    ...{ name, short, value: 'FILE', optional: true, completes: 'file' },
    help: `create a new ${title} namespace${kind === 'mnt' ? '; bind it to FILE' : ''}`,
  })),
  { name: 'fork', short: 'f', help: 'do not forward signals to the program' },
  { name: 'forward-signals', rare: true, help: 'forward signals to the program, also with --fork' },
  { name: 'kill-child', rare: true, value: 'SIGNAL', optional: true, help: 'kill the program when linux-ns exits' },
  {
    name: 'mount-proc',
    value: 'DIR',
    optional: true,
    completes: 'directory',
    help: 'mount proc on DIR (default: /proc)',
  },
  {
    name: 'mount-binfmt',
    rare: true,
    value: 'DIR',
    optional: true,
    completes: 'directory',
    help: 'mount binfmt_misc on DIR',
  },
  {
    name: 'load-interp',
    short: 'l',
    rare: true,
    value: 'LINE',
    help: 'register LINE in binfmt_misc',
  },
  {
    name: 'propagation',
    rare: true,
    value: 'HOW',
    completes: PROPAGATIONS,
    help: 'set slave, shared, private or unchanged propagation',
  },
  { name: 'root', short: 'R', value: 'DIR', completes: 'directory', help: 'change the root directory to DIR' },
  { name: 'wd', short: 'w', value: 'DIR', completes: 'directory', help: 'change the working directory to DIR' },
  { name: 'setuid', short: 'S', rare: true, value: 'UID', help: 'set the user id of the program' },
  { name: 'setgid', short: 'G', rare: true, value: 'GID', help: 'set the group id of the program' },
  { name: 'map-user', rare: true, value: 'USER', completes: 'user', help: 'map your user id to USER' },
  { name: 'map-group', rare: true, value: 'GROUP', completes: 'group', help: 'map your group id to GROUP' },
  { name: 'map-root-user', short: 'r', help: 'map your user and group ids to root' },
  { name: 'map-current-user', short: 'c', help: 'map your user and group ids to themselves' },
  { name: 'map-auto', help: 'map the ids of /etc/subuid and /etc/subgid from 0' },
  { name: 'map-subids', rare: true, help: 'map those ids to themselves' },
  { name: 'map-users', rare: true, value: 'RANGE', help: 'map INSIDE:OUTSIDE:COUNT, auto, subids or all' },
  { name: 'map-groups', rare: true, value: 'RANGE', help: 'same as --map-users, for group ids' },
  { name: 'setgroups', rare: true, value: 'HOW', completes: ['allow', 'deny'], help: 'allow or deny setgroups(2)' },
  { name: 'keep-caps', rare: true, help: 'keep capabilities across execve(2)' },
  { name: 'clear-env', rare: true, help: 'start the program with an empty environment' },
  { name: 'whitelist-env', rare: true, value: 'NAMES', help: 'keep only these variables, separated by commas' },
  { name: 'monotonic', rare: true, value: 'SECONDS', help: 'set the offset of CLOCK_MONOTONIC' },
  { name: 'boottime', rare: true, value: 'SECONDS', help: 'set the offset of CLOCK_BOOTTIME' },
];

export const unshareCommand: Command = {
  name: 'unshare',
  summary: 'Run a program in new namespaces',
  operands: '[PROGRAM [ARGUMENT...]]',
  options: OPTIONS,
  runsProgram: true,
  examples: [
    ['unshare -Urmpf --mount-proc bash', 'a root shell in new namespaces'],
    ['unshare -rn ip link', 'a command in a new network'],
    ['unshare --net=/run/netns/blue true', 'keep it under a name'],
  ],
  run,
};

async function run(given: Given): Promise<number> {
  checkWords(given);
  const spec = await specOf(given);
  const handling = handlingOf(given);
  const program: Program = { ...programOf(given, spec), dieWithParent: diesWithUs(given) };
  if (!needsSet(given)) return runProgram(given.operands, { ...program, ...unshareOf(spec) }, handling);
  await using set = await unshare(spec);
  await prepare(set, given);
  const { mounts: _, ...rest } = program;
  return await runProgram(given.operands, { ...rest, setns: set }, handling);
}

function handlingOf(given: Given): SignalHandling {
  if (given.has('forward-signals')) return 'forward';
  return given.has('fork') || given.has('kill-child') ? 'ignore' : 'forward';
}

/**
 * The spec for the program. It becomes process 1 of a new pid namespace itself, without an init, as in unshare(1) with
 * --fork.
 */
function unshareOf(spec: UnshareSpec): Pick<CloneOptions, 'unshare' | 'init'> {
  if (Object.keys(spec).length === 0) return {};
  return { unshare: spec, ...(spec.pid === true ? { init: false } : {}) };
}

/** True where the namespaces must exist before the program starts, for {@link prepare}. */
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

async function specOf(given: Given): Promise<UnshareSpec> {
  const asked = new Set(KINDS.filter(([option]) => given.has(option)).map(([, kind]) => kind));
  const binfmt = given.has('mount-binfmt') || given.has('load-interp');
  if (given.has('mount-proc') || binfmt) asked.add('mnt');
  if (binfmt || asksForMaps(given)) asked.add('user');
  const spec: UnshareSpec = {};
  if (asked.has('mnt')) spec.mnt = { propagation: propagationOf(given) };
  if (asked.has('user')) spec.user = await userOf(given);
  if (asked.has('net')) spec.net = { loopback: false };
  if (asked.has('time')) spec.time = clocksOf(given);
  else if (given.has('monotonic') || given.has('boottime'))
    throw new UsageError('--monotonic and --boottime need a new time namespace: --time');
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

async function userOf(given: Given): Promise<NonNullable<UnshareSpec['user']>> {
  const uid = process.geteuid?.() ?? 0;
  const gid = process.getegid?.() ?? 0;
  const uidMap = await mapOf({
    single: single(given, 'user', uid),
    ranges: rangesAskedFor(given, 'map-users'),
    subordinates: 'user',
    kernelMap: '/proc/self/uid_map',
    own: uid,
  });
  const gidMap = await mapOf({
    single: single(given, 'group', gid),
    ranges: rangesAskedFor(given, 'map-groups'),
    subordinates: 'group',
    kernelMap: '/proc/self/gid_map',
    own: gid,
  });
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

/** Checks values of options, also where they would have no effect. */
function checkWords(given: Given): void {
  propagationOf(given);
  setgroupsOf(given);
}

function propagationOf(given: Given): (typeof PROPAGATIONS)[number] {
  return oneOf('--propagation', given.value('propagation') ?? 'private', PROPAGATIONS);
}

/** Options that map one group and no others. As in unshare(1), setgroups(2) is denied with them. */
const ONE_GROUP = ['map-group', 'map-root-user', 'map-current-user'];

function setgroupsOf(given: Given): 'allow' | 'deny' | undefined {
  const how = given.value('setgroups');
  if (how !== undefined) return oneOf('--setgroups', how, ['allow', 'deny']);
  const mapsOne = ONE_GROUP.some((option) => given.has(option)) && rangesAskedFor(given, 'map-groups').length === 0;
  return mapsOne ? 'deny' : undefined;
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
    ...environmentOf(given),
    ...(given.has('keep-caps') && spec.user !== undefined ? { capabilities: { ambient: CAPABILITIES } } : {}),
  };
}

/** The environment of the program, where it is not that of this process. Several lists of names count together. */
function environmentOf(given: Given): Pick<CloneOptions, 'env'> {
  if (given.has('whitelist-env')) {
    const kept = given.values('whitelist-env').flatMap((names) => names.split(','));
    return { env: Object.fromEntries(Object.entries(process.env).filter(([name]) => kept.includes(name))) };
  }
  return given.has('clear-env') ? { env: {} } : {};
}

function mountsOf(given: Given): MountOptions[] {
  const kernel = { noSuid: true, noDev: true, noExec: true } as const;
  const binfmt = given.has('mount-binfmt') || given.has('load-interp');
  const onProc = given.has('mount-proc') || (binfmt && given.value('mount-binfmt') === undefined);
  const mounts: MountOptions[] = [];
  if (onProc) mounts.push({ type: 'proc', source: 'proc', target: given.value('mount-proc') ?? '/proc', ...kernel });
  if (!binfmt) return mounts;
  const target = given.value('mount-binfmt') ?? BINFMT_MISC;
  return [...mounts, { type: 'binfmt_misc', source: 'binfmt_misc', target, ...kernel }];
}

/**
 * True where the program must end with this process. Without --fork, unshare(1) becomes the program, so to kill the one
 * kills the other.
 */
function diesWithUs(given: Given): boolean {
  const name = given.value('kill-child');
  const signal = name?.replace(/^(SIG)?/i, 'SIG').toUpperCase();
  if (signal !== undefined && signal !== 'SIGKILL') {
    const why = signal in constants.signals || /^SIG\d+$/.test(signal) ? 'only SIGKILL is supported' : 'no such signal';
    throw new UsageError(`--kill-child=${name ?? ''}: ${why}`);
  }
  return given.has('kill-child') || !given.has('fork');
}
