/** Checks the spec of a sandbox: options that contradict each other are found here, before anything is started. */
import { MAX_ID } from '../kernel/ids';
import { isAbsolute } from 'node:path';
import { type CgroupPlan, parseCgroup } from '../cgroup/cgroup-spec';
import { NO_OPTIONS } from '../errors/plain';
import { closedError } from '../errors/namespace-error';
import {
  type Check,
  type Parsed,
  boolean,
  copied,
  integer,
  list,
  oneOf,
  orNull,
  required,
  schema,
  schemaOf,
} from '../errors/schema';
import { invalidType, invalidValue, validateString } from '../errors/validate';
import { CAPABILITIES, type Capability } from '../kernel/capabilities';
import { type Landlock, parseLandlock } from '../landlock/landlock-options';
import { type IdMap, idMap } from '../idmap/id-map';
import { type UnshareSpec, clocks, utsName } from '../launch/unshare-spec';
import { NAMESPACE_KINDS, type NamespaceKind } from '../kernel/namespace-kind';
import { type Namespace, isNamespace } from '../namespace/namespace';
import type { Policy } from '../network/egress/policy/policy';
import { type RlimitTriple, parseRlimits } from '../process/rlimits';
import type { Filter } from '../seccomp/filters';
import { mountNamespaceFilters, parseSeccomp, socketFilters } from '../seccomp/seccomp';
import { deviceSteps } from './devices';
import { type CheckedEntry, type Search, parseEntry } from './entries';
import { isPolicy, isResolver, parsePolicy, resolverPiece } from './egress';
import { environmentOf } from './environment';
import { hostsEntry, namesOfHosts } from './hosts';
import type { WantedUser } from './ids';
import type { Piece } from './piece';
import { keepsMountNamespace, refuseWaysRound } from './protect/ways-round';
import { chosenProcSteps } from './proc';
import { entryOfProject, parseProject, withProject } from './project/project-options';
import { type Root, emptyRoot, parseRoot } from './root';
import type { ExistingNamespaces, SandboxSpec, SandboxUser } from './sandbox-spec';
import { refuseNamespaces } from './isolation';

/** A {@link SandboxSpec} that has been checked. */
export interface SandboxPlan {
  readonly isolation: 'namespaces' | 'landlock';
  readonly root: Root;
  /** The parts of the root, in the order in which they are made, and what has to be looked for to make them. */
  readonly pieces: readonly (Piece | Search)[];
  readonly entries: readonly CheckedEntry[];
  readonly propagation: 'private' | 'slave';
  /** The path of the project, if it is an overlay. */
  readonly copied: string | undefined;
  /** The kinds of namespace that are created, without `user` and `mnt`. */
  readonly kinds: readonly NamespaceKind[];
  /** The ids of the new user namespace; undefined if none is created. */
  readonly user: WantedUser | undefined;
  readonly ids: WantedUser;
  readonly network: Namespace | undefined;
  /** The hosts that programs reach; undefined if the network has no egress. */
  readonly policy: Policy | undefined;
  readonly existing: Existing;
  /** The /proc that the spec asks for. */
  readonly proc: 'own' | 'auto' | 'none';
  readonly terminal: boolean;
  readonly hostname: string | undefined;
  readonly time: UnshareSpec['time'];
  readonly disableUserNamespaces: boolean;
  readonly inotifyInstances: CountLimit | undefined;
  readonly cgroup: CgroupPlan | undefined;
  readonly rules: Rules;
}

/** A limit on a number of things, which is set in the user namespace. */
export interface CountLimit {
  readonly most: number;
  /**
   * True if the caller asked for it: then it is an error if the limit cannot be set. A default is left out in that
   * case.
   */
  readonly asked: boolean;
}

/** The caller's namespaces that the sandbox is built in. */
export interface Existing {
  readonly user: Namespace | undefined;
  readonly pid: Namespace | undefined;
}

/** The rules that hold for each program. */
export interface Rules {
  readonly cwd: string;
  /**
   * True if the sandbox does not share the host's user namespace: programs may then have all ids that are mapped in its
   * own.
   */
  readonly ownsIds: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly isolation: SandboxPlan['isolation'];
  readonly capabilities: readonly Capability[];
  readonly noNewPrivileges: boolean;
  readonly newSession: boolean;
  readonly dieWithParent: boolean;
  readonly seccomp: readonly Filter[];
  readonly landlock: readonly Landlock[];
  /**
   * True if each program gets a new session keyring. It is needed where the filter is not the default one, which
   * refuses all keyring calls.
   */
  readonly newKeyring: boolean;
  readonly rlimits: readonly RlimitTriple[];
}

const MAX_COUNT = 2 ** 31 - 1;

const absolutePath: Check<string> = (name, value) => {
  validateString(name, value);
  if (isAbsolute(value)) return value;
  throw invalidValue(name, value, 'must be an absolute path, in the sandbox');
};

/** @throws NamespaceError `ERR_LINUX_NS_CLOSED` */
function namespaceOfKind(kind: NamespaceKind): Check<Namespace> {
  return (name, value) => {
    if (!isNamespace(value)) throw invalidType(name, 'an instance of Namespace', value);
    if (value.closed) throw closedError(String(value));
    if (value.kind === kind) return value;
    throw invalidValue(name, value, `must be a namespace of kind ${kind}, and is ${value.kind}`);
  };
}

const network: Check<'none' | 'host' | Namespace | Policy> = (name, value) => {
  if (isNamespace(value)) return namespaceOfKind('net')(name, value);
  if (typeof value === 'object' && value !== null) return parsePolicy(name, value);
  if (typeof value !== 'string') throw invalidType(name, "'none', 'host', a Namespace or an EgressPolicy", value);
  return oneOf(['none', 'host'])(name, value);
};

const existing = schema<ExistingNamespaces>()({ user: namespaceOfKind('user'), pid: namespaceOfKind('pid') });

/** Checks maps for users and for groups, or one map for both. */
const maps: Check<{ uid: IdMap; gid: IdMap }> = (name, value) => {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return bothMaps(name, value);
  const both = idMap(name, value);
  return { uid: both, gid: both };
};

const bothMaps = schemaOf({ uid: required(idMap), gid: required(idMap) });

const id = integer(0, MAX_ID);
const user = schema<SandboxUser>()({ uid: id, gid: id, groups: list(id), map: maps });

const procPolicy: Check<boolean | 'auto'> = (name, value) => (value === 'auto' ? 'auto' : boolean(name, value));

const parseGiven = schema<SandboxSpec>()({
  isolation: orNull(oneOf(['namespaces', 'landlock'])),
  root: orNull(parseRoot),
  mounts: orNull(list(parseEntry)),
  project: orNull(parseProject),
  propagation: orNull(oneOf(['private', 'slave'])),
  dev: orNull(boolean),
  proc: orNull(procPolicy),
  terminal: orNull(boolean),
  share: list(oneOf(NAMESPACE_KINDS)),
  namespaces: existing,
  user: orNull(user),
  hostname: utsName,
  hosts: namesOfHosts,
  time: clocks,
  cwd: absolutePath,
  env: orNull(environmentOf),
  network: orNull(network),
  capabilities: list(oneOf(CAPABILITIES)),
  noNewPrivileges: orNull(boolean),
  newSession: orNull(boolean),
  dieWithParent: orNull(boolean),
  init: orNull(boolean),
  seccomp: copied,
  landlock: orNull(parseLandlock),
  unixSockets: orNull(boolean),
  userNamespaces: orNull(boolean),
  disableUserNamespaces: orNull(boolean),
  rlimits: orNull(parseRlimits),
  inotifyInstances: integer(0, MAX_COUNT),
  cgroup: orNull(parseCgroup),
});

/** The options of a spec. Each has been checked by itself, but not yet against the others. */
type Given = Parsed<typeof parseGiven>;

/** The kinds of which a sandbox gets a new namespace unless it shares the host's. */
const OWN_KINDS: readonly NamespaceKind[] = ['pid', 'ipc', 'uts', 'net', 'cgroup'];

/** @throws TypeError, RangeError with Node's codes and the property's name, as in `spec.mounts[3].target` */
export function parseSpec(spec: unknown): SandboxPlan {
  const given = parseGiven('spec', spec);
  const { isolation = 'namespaces' } = given;
  if (isolation === 'landlock') refuseNamespaces(given);
  const share = parseShare(given);
  const joined = existingOf(given, share);
  // The kinds of which no new namespace is created: the host's are shared, or the caller has given one.
  const foreign = [...share, ...EXISTING.filter((kind) => joined[kind] !== undefined)];
  const policy = isPolicy(given.network) ? given.network : undefined;
  if (policy !== undefined) refuseWaysOut(given, foreign);
  refuseWaysRound(given, foreign);
  const { root = emptyRoot(NO_OPTIONS), mounts = [], project, dev = true } = given;
  const entries = project === undefined ? mounts : withProject(mounts, entryOfProject('spec.project', project));
  const terminal = parseTerminal(given, dev || entries.some(({ type }) => type === 'dev'));
  const ids = wantedUser(given.user);
  refuseOwnInit(given, foreign);
  refuseForeignProc(given, foreign, entries);
  const time = parseTime(given, share);
  const hostname = parseHostname(given, share);
  const hosts = given.hosts === undefined ? [] : [hostsEntry(given.hosts, hostname)];
  const kinds = OWN_KINDS.filter((kind) => !foreign.includes(kind) && !(kind === 'net' && isNamespace(given.network)));
  return {
    isolation,
    root,
    entries,
    copied: project?.mode === 'overlay' ? project.path : undefined,
    propagation: given.propagation ?? 'private',
    pieces: [
      ...defaultPieces(given, entries, dev),
      ...[...entries.filter(({ type }) => type !== 'protect'), ...hosts].map(toMake),
      ...(policy === undefined || entries.some(isResolver) ? [] : [resolverPiece(root.isNew)]),
      ...entries.filter(({ type }) => type === 'protect').map(toMake),
    ],
    kinds: time === undefined ? kinds : [...kinds, 'time'],
    user: foreign.includes('user') ? undefined : ids,
    ids,
    network: isNamespace(given.network) ? given.network : undefined,
    policy,
    existing: joined,
    proc: procOf(given, entries),
    terminal,
    hostname,
    time,
    disableUserNamespaces: given.disableUserNamespaces ?? false,
    inotifyInstances: parseInotify(given, foreign),
    cgroup: given.cgroup,
    rules: parseRules(given, {
      seesOthers: isolation === 'landlock' || foreign.includes('pid'),
      userNamespaces: parseUserNamespaces(given),
    }),
  };
}

function toMake({ piece, search }: CheckedEntry): Piece | Search {
  return search ?? piece;
}

/** An entry at /proc takes the place of the one that `proc` asks for. */
function procOf({ proc = true }: Given, entries: readonly CheckedEntry[]): SandboxPlan['proc'] {
  if (entries.some(({ type, target }) => type === 'proc' && target === '/proc')) return 'own';
  if (proc === 'auto') return 'auto';
  return proc ? 'own' : 'none';
}

/**
 * The /proc and the /dev that each sandbox has. They are mounted before the entries, and left out where an entry of the
 * same type has the same target.
 */
function defaultPieces({ proc = true }: Given, entries: readonly CheckedEntry[], dev: boolean): Piece[] {
  const has = (type: 'proc' | 'dev', target: string): boolean =>
    entries.some((entry) => entry.type === type && entry.target === target);
  const pieces: Piece[] = [];
  if (proc !== false && !has('proc', '/proc')) {
    pieces.push({ label: 'mount proc on /proc', steps: (setting) => chosenProcSteps('/proc', setting.proc, setting) });
  }
  if (dev && !has('dev', '/dev')) {
    pieces.push({ label: 'mount dev on /dev', steps: (setting) => deviceSteps('/dev', false, setting) });
  }
  return pieces;
}

function parseShare(given: Given): readonly NamespaceKind[] {
  const { share = [], network: chosen } = given;
  if (isPolicy(chosen) && share.includes('net')) {
    throw invalidValue(
      'spec.share',
      share,
      "cannot have 'net' with a policy in spec.network: the host's network has none",
    );
  }
  if (share.includes('mnt')) throw invalidValue('spec.share', share, "cannot have 'mnt': the sandbox's root is in it");
  if (chosen !== undefined && chosen !== 'host' && share.includes('net')) {
    throw invalidValue('spec.network', chosen, "must be 'host' where spec.share has 'net'");
  }
  if (share.includes('user')) refuseWithoutUser(given);
  return chosen === 'host' ? [...share, 'net'] : share;
}

const EXISTING = ['user', 'pid'] as const;

/**
 * The capabilities that are refused in a user namespace that is not the sandbox's own, and the power that each would
 * give. Other programs of that user namespace may be visible in the sandbox's /proc, at least the init of the pid
 * namespace, and their /proc/PID/root leads to the host's root.
 */
const POWERS: Partial<Record<Capability, string>> = {
  CAP_SYS_ADMIN: 'which undoes mounts, since these belong to spec.namespaces.user',
  CAP_SYS_PTRACE: 'which leads to the roots of other programs in spec.namespaces.user: /proc/PID/root',
};

function existingOf(given: Given, share: readonly NamespaceKind[]): Existing {
  const { user: joined, pid }: NonNullable<Given['namespaces']> = given.namespaces ?? NO_OPTIONS;
  for (const namespace of [joined, pid]) {
    if (namespace === undefined || !share.includes(namespace.kind)) continue;
    const name = `spec.namespaces.${namespace.kind}`;
    throw invalidValue(name, namespace, `would be the host's: spec.share has '${namespace.kind}'`);
  }
  if (joined !== undefined) {
    refuseWithoutUser(given);
    const { capabilities = [] } = given;
    for (const [power, what] of Object.entries(POWERS)) {
      if (!capabilities.some((each) => each === power)) continue;
      throw invalidValue('spec.capabilities', capabilities, `cannot have ${power}, ${what}`);
    }
  }
  return { user: joined, pid };
}

/**
 * Refuses what leads past a policy: capabilities in a user namespace to which other networks belong, and processes of
 * the host that may be traced. In a user namespace of the sandbox's own every capability is for its own network alone.
 */
function refuseWaysOut({ capabilities = [], share = [] }: Given, foreign: readonly NamespaceKind[]): void {
  if (!foreign.includes('user')) return;
  if (capabilities.length > 0) {
    const reason =
      "must be empty with a policy in spec.network, unless the sandbox's user namespace is its own: they would be for other networks, too";
    throw invalidValue('spec.capabilities', capabilities, reason);
  }
  if (!share.includes('user') || !foreign.includes('pid')) return;
  const reason =
    "cannot have 'user' with a policy in spec.network, unless the sandbox's pid namespace is its own: programs could trace others, which have another network";
  throw invalidValue('spec.share', share, reason);
}

function refuseWithoutUser({ disableUserNamespaces, user: wanted }: Given): void {
  if (disableUserNamespaces === true) {
    throw invalidValue(
      'spec.disableUserNamespaces',
      true,
      'takes a user namespace of its own, and one is in spec.share or spec.namespaces',
    );
  }
  if (wanted?.map === undefined) return;
  throw invalidValue(
    'spec.user.map',
    wanted.map,
    'is of a new user namespace, and one is in spec.share or spec.namespaces',
  );
}

/**
 * New user namespaces can be refused in two ways: by the filter, if it is the default one, and by the kernel's limit.
 * Refuses options that contradict each other.
 */
function parseUserNamespaces({ userNamespaces, disableUserNamespaces, seccomp }: Given): boolean {
  const open = userNamespaces ?? false;
  if (open && disableUserNamespaces === true) {
    throw invalidValue('spec.userNamespaces', true, 'cannot be true with spec.disableUserNamespaces');
  }
  if (userNamespaces === false && seccomp !== undefined && seccomp !== 'default') {
    const reason = "is for the default filter to refuse: with another spec.seccomp give 'disableUserNamespaces: true'";
    throw invalidValue('spec.userNamespaces', false, reason);
  }
  return open;
}

/** The default limit: half of the number that the kernel usually allows a user. INOTIFY_MAX_USER_INSTANCES_DEFAULT */
const INOTIFY_INSTANCES = 64;

function parseInotify({ inotifyInstances }: Given, share: readonly NamespaceKind[]): CountLimit | undefined {
  const asked = inotifyInstances !== undefined;
  if (!share.includes('user')) return { most: inotifyInstances ?? INOTIFY_INSTANCES, asked };
  if (!asked) return undefined;
  const reason = 'is a limit of a new user namespace, and one is in spec.share or spec.namespaces';
  throw invalidValue('spec.inotifyInstances', inotifyInstances, reason);
}

/** A /proc shows a pid namespace, and can be mounted only with CAP_SYS_ADMIN in the user namespace that owns it. */
function refuseForeignProc(
  { proc, namespaces }: Given,
  foreign: readonly NamespaceKind[],
  entries: readonly CheckedEntry[],
): void {
  const mounted = proc !== false || entries.some(({ type }) => type === 'proc');
  if (!mounted || !foreign.includes('pid') || foreign.includes('user')) return;
  const [name, value] = namespaces?.pid === undefined ? ['spec.share', foreign] : ['spec.namespaces', namespaces];
  const reason =
    "cannot have 'pid' without 'user' where a /proc is mounted: give 'proc: false', and bind the host's if it is to be seen";
  throw invalidValue(name, value, reason);
}

function parseHostname({ hostname }: Given, share: readonly NamespaceKind[]): string | undefined {
  if (hostname === undefined) return undefined;
  if (share.includes('uts')) throw invalidValue('spec.hostname', hostname, "would be the host's: spec.share has 'uts'");
  return hostname;
}

function parseTime({ time }: Given, share: readonly NamespaceKind[]): UnshareSpec['time'] {
  if (time === undefined) return undefined;
  if (share.includes('time')) throw invalidValue('spec.time', time, "would be the host's: spec.share has 'time'");
  return time;
}

function wantedUser({ uid, gid, groups, map }: NonNullable<Given['user']> = NO_OPTIONS): WantedUser {
  return { uid: { id: uid, map: map?.uid }, gid: { id: gid, map: map?.gid }, groups };
}

function parseRules(given: Given, seen: { seesOthers: boolean; userNamespaces: boolean }): Rules {
  const { cwd = given.project?.path ?? '/', capabilities = [], seccomp = 'default', noNewPrivileges = true } = given;
  const filters = [
    ...parseSeccomp('spec.seccomp', seccomp, { capabilities, ...seen }),
    ...socketFilters({
      unix: !(given.unixSockets ?? given.isolation !== 'landlock'),
      rare: isPolicy(given.network) && seccomp !== 'default', // which has none of these
    }),
    ...mountNamespaceFilters(keepsMountNamespace(given, seen.userNamespaces || seccomp !== 'default')),
  ];
  const restricted = filters.length > 0 || given.landlock !== undefined;
  if (restricted && !noNewPrivileges && !capabilities.includes('CAP_SYS_ADMIN')) {
    const reason =
      'can be false only with CAP_SYS_ADMIN among the capabilities, or without spec.landlock and any filter (spec.seccomp, spec.unixSockets, a policy in spec.network, or a protect entry): seccomp(2)';
    throw invalidValue('spec.noNewPrivileges', noNewPrivileges, reason);
  }
  return {
    cwd,
    ownsIds: given.share?.includes('user') !== true && given.isolation !== 'landlock',
    isolation: given.isolation ?? 'namespaces',
    env: given.env ?? environmentOf('spec.env', undefined),
    capabilities,
    noNewPrivileges,
    newSession: given.newSession ?? true,
    dieWithParent: given.dieWithParent ?? true,
    seccomp: filters,
    landlock: given.landlock === undefined ? [] : [given.landlock],
    newKeyring: seccomp !== 'default',
    rlimits: given.rlimits ?? [],
  };
}

/**
 * Programs start and end, but the sandbox's init keeps the sandbox: so there has to be one. In a shared pid namespace
 * there cannot be one.
 */
function refuseOwnInit({ init }: Given, share: readonly NamespaceKind[]): void {
  const possible = !share.includes('pid');
  if ((init ?? possible) === possible) return;
  const reason = possible
    ? "cannot be false, since the init keeps the sandbox: for a program as process 1 see 'unshare' and 'init' of spawn()"
    : 'cannot be true, since the pid namespace is in spec.share or spec.namespaces, and has an init';
  throw invalidValue('spec.init', init, reason);
}

function parseTerminal({ terminal }: Given, hasDevices: boolean): boolean {
  const wanted = terminal ?? hasDevices;
  if (!wanted || hasDevices) return wanted;
  throw invalidValue('spec.terminal', terminal, 'cannot be true without a /dev for it to be in');
}
