/** The spec of a sandbox, checked: what contradicts itself is found here, before anything is started. */
import { MAX_ID } from '../kernel/ids';
import { isAbsolute } from 'node:path';
import { type CgroupPlan, parseCgroup } from '../cgroup/cgroup-spec';
import { closedError } from '../errors/namespace-error';
import {
  invalidType,
  invalidValue,
  validateArray,
  validateBoolean,
  validateInteger,
  validateKnownKeys,
  validateObject,
  validateOneOf,
  validateString,
} from '../errors/validate';
import { CAPABILITIES, type Capability } from '../kernel/capabilities';
import { type IdMap, validateIdMap } from '../idmap/id-map';
import { type UnshareSpec, validateUnshare, validateUtsName } from '../launch/unshare-spec';
import { isNamespace } from '../namespace/namespace';
import { NAMESPACE_KINDS, type NamespaceKind } from '../kernel/namespace-kind';
import type { Namespace } from '../namespace/namespace';
import { type RlimitTriple, parseRlimits } from '../process/rlimits';
import { type Filter, parseSeccomp } from '../seccomp/seccomp';
import { deviceSteps } from './devices';
import { type CheckedEntry, parseEntries } from './entries';
import { environmentOf } from './environment';
import { parseHosts } from './hosts';
import type { WantedUser } from './ids';
import type { Piece } from './piece';
import { procSteps } from './proc';
import { type Root, parseRoot } from './root';
import type { SandboxSpec } from './sandbox-spec';

/** A {@link SandboxSpec}, checked. */
export interface SandboxPlan {
  readonly root: Root;
  /** What is in the root, in order. */
  readonly pieces: readonly Piece[];
  readonly entries: readonly CheckedEntry[];
  readonly propagation: 'private' | 'slave';
  /** Kinds of new namespaces, without `user` and `mnt`. */
  readonly kinds: readonly NamespaceKind[];
  /** Undefined: no user namespace. */
  readonly user: WantedUser | undefined;
  readonly ids: WantedUser;
  readonly network: Namespace | undefined;
  readonly existing: Existing;
  readonly terminal: boolean;
  readonly hostname: string | undefined;
  readonly time: UnshareSpec['time'];
  readonly disableUserNamespaces: boolean;
  readonly inotifyInstances: CountLimit | undefined;
  readonly cgroup: CgroupPlan | undefined;
  readonly rules: Rules;
}

/** A limit of the user namespace. */
export interface CountLimit {
  readonly most: number;
  /** Whether it is to hold or the sandbox is not to be; else it is left out where it cannot be set. */
  readonly asked: boolean;
}

/** Namespaces of the caller's to build it in. */
export interface Existing {
  readonly user: Namespace | undefined;
  readonly pid: Namespace | undefined;
}

/** What holds for each program. */
export interface Rules {
  readonly cwd: string;
  /** Whether there is a user namespace, all of whose ids programs may have. */
  readonly ownsIds: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly capabilities: readonly Capability[];
  readonly noNewPrivileges: boolean;
  readonly newSession: boolean;
  readonly dieWithParent: boolean;
  readonly seccomp: readonly Filter[];
  /** A session keyring of its own: the default filter closes keyrings, and others need not. */
  readonly newKeyring: boolean;
  readonly rlimits: readonly RlimitTriple[];
}

const KNOWN: Record<keyof SandboxSpec, true> = {
  root: true,
  mounts: true,
  propagation: true,
  dev: true,
  proc: true,
  terminal: true,
  share: true,
  namespaces: true,
  user: true,
  hostname: true,
  hosts: true,
  time: true,
  cwd: true,
  env: true,
  network: true,
  capabilities: true,
  noNewPrivileges: true,
  newSession: true,
  dieWithParent: true,
  init: true,
  seccomp: true,
  userNamespaces: true,
  disableUserNamespaces: true,
  rlimits: true,
  inotifyInstances: true,
  cgroup: true,
};

/** New where they are not shared. */
const OWN_KINDS: readonly NamespaceKind[] = ['pid', 'ipc', 'uts', 'net', 'cgroup'];

/** @throws TypeError, RangeError with Node's codes and the property's name, as in `spec.mounts[3].target` */
export function parseSpec(spec: unknown): SandboxPlan {
  validateObject('spec', spec);
  validateKnownKeys('spec', spec, Object.keys(KNOWN));
  const given = spec as SandboxSpec;
  const share = parseShare(given);
  const existing = parseExisting(given, share);
  // What is not its own: the host's, or given.
  const foreign = [...share, ...EXISTING.filter((kind) => existing[kind] !== undefined)];
  const root = parseRoot('spec.root', given.root);
  const entries = parseEntries('spec.mounts', given.mounts);
  const dev = flag('dev', given.dev, true);
  const terminal = parseTerminal(given, dev || entries.some(({ type }) => type === 'dev'));
  const ids = parseUser(given.user);
  refuseOwnInit(given, foreign);
  refuseForeignProc(given, foreign, entries);
  const disableUserNamespaces = flag('disableUserNamespaces', given.disableUserNamespaces, false);
  const time = parseTime(given, share);
  const hostname = parseHostname(given, share);
  const hosts = parseHosts('spec.hosts', given.hosts, hostname);
  const kinds = OWN_KINDS.filter((kind) => !foreign.includes(kind) && !(kind === 'net' && isNamespace(given.network)));
  return {
    root,
    entries,
    propagation: parsePropagation(given.propagation),
    pieces: [...defaultPieces(given, entries, dev), ...[...entries, ...hosts].map(({ piece }) => piece)],
    kinds: time === undefined ? kinds : [...kinds, 'time'],
    user: foreign.includes('user') ? undefined : ids,
    ids,
    network: isNamespace(given.network) ? parseNamespace('spec.network', given.network, 'net') : undefined,
    existing,
    terminal,
    hostname,
    time,
    disableUserNamespaces,
    inotifyInstances: parseInotify(given, foreign),
    cgroup: parseCgroup('spec.cgroup', given.cgroup),
    rules: parseRules(given, { seesOthers: foreign.includes('pid'), userNamespaces: parseUserNamespaces(given) }),
  };
}

function parsePropagation(propagation: unknown): 'private' | 'slave' {
  const chosen = propagation ?? 'private';
  validateOneOf('spec.propagation', chosen, ['private', 'slave']);
  return chosen;
}

/** /proc and /dev lie under all that is asked for, unless the same is asked for there. */
function defaultPieces({ proc }: SandboxSpec, entries: readonly CheckedEntry[], dev: boolean): Piece[] {
  const has = (type: 'proc' | 'dev', target: string): boolean =>
    entries.some((entry) => entry.type === type && entry.target === target);
  const pieces: Piece[] = [];
  if (flag('proc', proc, true) && !has('proc', '/proc')) {
    pieces.push({ label: 'mount proc on /proc', steps: (setting) => procSteps('/proc', true, setting) });
  }
  if (dev && !has('dev', '/dev')) {
    pieces.push({ label: 'mount dev on /dev', steps: (setting) => deviceSteps('/dev', false, setting) });
  }
  return pieces;
}

function parseShare(spec: SandboxSpec): readonly NamespaceKind[] {
  const { share = [], network, user } = spec;
  validateArray('spec.share', share);
  share.forEach((kind, index) => validateOneOf(`spec.share[${index}]`, kind, NAMESPACE_KINDS));
  if (share.includes('mnt')) throw invalidValue('spec.share', share, "cannot have 'mnt': the sandbox's root is in it");
  if (network != null && !isNamespace(network)) validateNetwork(network);
  if (network !== undefined && network !== 'host' && share.includes('net')) {
    throw invalidValue('spec.network', network, "must be 'host' where spec.share has 'net'");
  }
  if (share.includes('user')) refuseWithoutUser(spec, user);
  return network === 'host' ? [...share, 'net'] : share;
}

const EXISTING = ['user', 'pid'] as const;

/**
 * What each of these would give a program in a user namespace that is not the sandbox's own. Other programs of that may be
 * seen in its /proc, the init of the pid namespace at least, and /proc/PID/root leads to theirs: that of the host.
 */
const POWERS: Partial<Record<Capability, string>> = {
  CAP_SYS_ADMIN: 'which undoes mounts, since these belong to spec.namespaces.user',
  CAP_SYS_PTRACE: 'which leads to the roots of other programs in spec.namespaces.user: /proc/PID/root',
};

function parseExisting(spec: SandboxSpec, share: readonly NamespaceKind[]): Existing {
  const { namespaces, capabilities } = spec;
  if (namespaces === undefined) return { user: undefined, pid: undefined };
  validateObject('spec.namespaces', namespaces);
  validateKnownKeys('spec.namespaces', namespaces, EXISTING);
  const [user, pid] = EXISTING.map((kind) => {
    const name = `spec.namespaces.${kind}`;
    const given: unknown = namespaces[kind];
    if (given === undefined) return undefined;
    if (!isNamespace(given)) throw invalidType(name, 'an instance of Namespace', given);
    if (share.includes(kind)) throw invalidValue(name, given, `would be the host's: spec.share has '${kind}'`);
    return parseNamespace(name, given, kind);
  });
  if (user !== undefined) {
    refuseWithoutUser(spec, spec.user);
    const list: readonly unknown[] = Array.isArray(capabilities) ? capabilities : [];
    for (const [power, what] of Object.entries(POWERS)) {
      if (list.includes(power)) throw invalidValue('spec.capabilities', capabilities, `cannot have ${power}, ${what}`);
    }
  }
  return { user, pid };
}

function validateNetwork(network: unknown): void {
  if (typeof network !== 'string') throw invalidType('spec.network', "'none', 'host' or a Namespace", network);
  validateOneOf('spec.network', network, ['none', 'host']);
}

function refuseWithoutUser({ disableUserNamespaces }: SandboxSpec, user: SandboxSpec['user']): void {
  if (disableUserNamespaces === true) {
    throw invalidValue(
      'spec.disableUserNamespaces',
      true,
      'takes a user namespace of its own, and one is in spec.share or spec.namespaces',
    );
  }
  if (user?.map === undefined) return;
  throw invalidValue(
    'spec.user.map',
    user.map,
    'is of a new user namespace, and one is in spec.share or spec.namespaces',
  );
}

/** One door has two locks: the filter's, which is the default one's alone, and the kernel's. */
function parseUserNamespaces({ userNamespaces, disableUserNamespaces, seccomp }: SandboxSpec): boolean {
  const open = flag('userNamespaces', userNamespaces, false);
  if (open && disableUserNamespaces === true) {
    throw invalidValue('spec.userNamespaces', true, 'cannot be true with spec.disableUserNamespaces');
  }
  if (userNamespaces === false && seccomp !== undefined && seccomp !== 'default') {
    const reason = "is for the default filter to refuse: with another spec.seccomp give 'disableUserNamespaces: true'";
    throw invalidValue('spec.userNamespaces', false, reason);
  }
  return open;
}

/** Half of what the kernel gives a user as a rule: INOTIFY_MAX_USER_INSTANCES_DEFAULT. */
const INOTIFY_INSTANCES = 64;
const MAX_COUNT = 2 ** 31 - 1;

function parseInotify({ inotifyInstances }: SandboxSpec, share: readonly NamespaceKind[]): CountLimit | undefined {
  const asked = inotifyInstances !== undefined;
  if (asked) validateInteger('spec.inotifyInstances', inotifyInstances, 0, MAX_COUNT);
  if (!share.includes('user')) return { most: inotifyInstances ?? INOTIFY_INSTANCES, asked };
  if (!asked) return undefined;
  const reason = 'is a limit of a new user namespace, and one is in spec.share or spec.namespaces';
  throw invalidValue('spec.inotifyInstances', inotifyInstances, reason);
}

/** A /proc shows a pid namespace, and is mounted by who owns that. */
function refuseForeignProc(
  { proc, namespaces }: SandboxSpec,
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

function parseHostname({ hostname }: SandboxSpec, share: readonly NamespaceKind[]): string | undefined {
  if (hostname === undefined) return undefined;
  validateUtsName('spec.hostname', hostname);
  if (share.includes('uts')) throw invalidValue('spec.hostname', hostname, "would be the host's: spec.share has 'uts'");
  return hostname;
}

function parseTime({ time }: SandboxSpec, share: readonly NamespaceKind[]): UnshareSpec['time'] {
  if (time === undefined) return undefined;
  if (share.includes('time')) throw invalidValue('spec.time', time, "would be the host's: spec.share has 'time'");
  validateObject('spec.time', time);
  return validateUnshare('spec', { time }).time;
}

function parseUser(user: unknown): WantedUser {
  const given = user ?? {};
  validateObject('spec.user', given);
  validateKnownKeys('spec.user', given, ['uid', 'gid', 'groups', 'map']);
  const { uid, gid, groups, map } = given as Record<string, unknown>;
  const maps = parseMaps(map);
  return {
    uid: { id: parseId('spec.user.uid', uid), map: maps.uid },
    gid: { id: parseId('spec.user.gid', gid), map: maps.gid },
    groups: parseGroups(groups),
  };
}

function parseMaps(map: unknown): { uid: IdMap | undefined; gid: IdMap | undefined } {
  if (map === undefined) return { uid: undefined, gid: undefined };
  if (map === null || typeof map !== 'object' || Array.isArray(map)) {
    validateIdMap('spec.user.map', map);
    return { uid: map, gid: map };
  }
  validateKnownKeys('spec.user.map', map, ['uid', 'gid']);
  const { uid, gid } = map as Record<string, unknown>;
  validateIdMap('spec.user.map.uid', uid);
  validateIdMap('spec.user.map.gid', gid);
  return { uid, gid };
}

function parseId(name: string, id: unknown): number | undefined {
  if (id === undefined) return undefined;
  validateInteger(name, id, 0, MAX_ID);
  return id;
}

function parseGroups(groups: unknown): readonly number[] | undefined {
  if (groups === undefined) return undefined;
  validateArray('spec.user.groups', groups);
  return groups.map((group, index) => {
    validateInteger(`spec.user.groups[${index}]`, group, 0, MAX_ID);
    return group;
  });
}

function parseRules(spec: SandboxSpec, seen: { seesOthers: boolean; userNamespaces: boolean }): Rules {
  const { cwd = '/', capabilities = [], seccomp = 'default', rlimits } = spec;
  validateString('spec.cwd', cwd);
  if (!isAbsolute(cwd)) throw invalidValue('spec.cwd', cwd, 'must be an absolute path, in the sandbox');
  validateArray('spec.capabilities', capabilities);
  capabilities.forEach((each, index) => validateOneOf(`spec.capabilities[${index}]`, each, CAPABILITIES));
  const noNewPrivileges = flag('noNewPrivileges', spec.noNewPrivileges, true);
  const filters = parseSeccomp('spec.seccomp', seccomp, { capabilities, ...seen });
  if (filters.length > 0 && !noNewPrivileges && !capabilities.includes('CAP_SYS_ADMIN')) {
    const reason =
      "can be false only with CAP_SYS_ADMIN among the capabilities, or with 'none' for spec.seccomp: seccomp(2)";
    throw invalidValue('spec.noNewPrivileges', noNewPrivileges, reason);
  }
  return {
    cwd,
    ownsIds: spec.share?.includes('user') !== true,
    env: environmentOf('spec.env', spec.env),
    capabilities: [...capabilities],
    noNewPrivileges,
    newSession: flag('newSession', spec.newSession, true),
    dieWithParent: flag('dieWithParent', spec.dieWithParent, true),
    seccomp: filters,
    newKeyring: seccomp !== 'default',
    rlimits: rlimits == null ? [] : parseRlimits('spec.rlimits', rlimits),
  };
}

/** @throws NamespaceError `ERR_LINUX_NS_CLOSED` */
function parseNamespace(name: string, namespace: Namespace, kind: NamespaceKind): Namespace {
  if (namespace.closed) throw closedError(String(namespace));
  if (namespace.kind === kind) return namespace;
  throw invalidValue(name, namespace, `must be a namespace of kind ${kind}, and is ${namespace.kind}`);
}

/** Programs come and go: what keeps a sandbox is its init, and there is none to keep in a pid namespace that is shared. */
function refuseOwnInit({ init }: SandboxSpec, share: readonly NamespaceKind[]): void {
  const possible = !share.includes('pid');
  if (flag('init', init, possible) === possible) return;
  const reason = possible
    ? "cannot be false, since the init keeps the sandbox: for a program as process 1 see 'unshare' and 'init' of spawn()"
    : 'cannot be true, since the pid namespace is in spec.share or spec.namespaces, and has an init';
  throw invalidValue('spec.init', init, reason);
}

function parseTerminal({ terminal }: SandboxSpec, hasDevices: boolean): boolean {
  const wanted = flag('terminal', terminal, hasDevices);
  if (!wanted || hasDevices) return wanted;
  throw invalidValue('spec.terminal', terminal, 'cannot be true without a /dev for it to be in');
}

function flag(name: keyof SandboxSpec, value: unknown, otherwise: boolean): boolean {
  const chosen = value ?? otherwise;
  validateBoolean(`spec.${name}`, chosen);
  return chosen;
}
