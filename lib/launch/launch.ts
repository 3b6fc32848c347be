import type { NamespaceHandle } from '../handle/namespace-handle';
import type { Step } from '../../types/native';
import { withCallersStack } from '../errors/callers-stack';
import { NO_OPTIONS, withoutPrototype } from '../errors/plain';
import { invalidValue } from '../errors/validate';
import { type Credentials, ownCredentials, parseCredentials } from '../idmap/credentials';
import { GID_SIDE, type ResolvedMaps, UID_SIDE, resolveMaps } from '../idmap/resolve';
import { CLONE_FLAGS, type NamespaceKind, flagsOfKinds } from '../kernel/namespace-kind';
import { native } from '../native';
import { comesLast, makeStep } from '../plan/step';
import { closeFd } from '../handle/close';
import { putSteps, takeSteps, type TakenFiles } from './taken-files';
import { namespacesAbove, withoutOwn } from './join';
import { writeThroughProgram } from '../idmap/newidmap';
import { setUpSteps, timensOffsets } from './set-up';
import { type Results, type StartOptions, type Task, runToEnd, start } from '../task/task';
import { type UnshareSpec, kindsOfSpec, optionsOf } from './unshare-spec';

/** The namespaces that a task runs in. Without either field it runs in those of this process. */
export interface Target {
  /** Namespaces to create; checked by `validateUnshare`. */
  unshare?: UnshareSpec | undefined;
  /** Namespaces to join; checked by `validateJoin`. When both are given, the joining comes first. */
  join?: readonly NamespaceHandle[] | undefined;
  /**
   * The credentials of this process in the user namespace that is joined, or its own where none is, if the caller knows
   * them. Default: they are asked for if a user namespace is created.
   */
  who?: Credentials | undefined;
}

/** The work that a task does in its namespaces. */
export interface Body {
  /** nsinit stays as the init of the pid namespace, and a child of it goes on with the plan. */
  init?: { dieWithParent: boolean } | undefined;
  /** The pids that the program gets, from its own pid namespace outwards. Default: the kernel chooses. */
  pids?: readonly number[] | undefined;
  /**
   * Steps that come before all others. They act in the namespaces of this process, and in those that clone3 has made.
   * Default: none.
   */
  first?: readonly Step[] | undefined;
  steps: readonly Step[];
  /**
   * A descriptor by which the task is held back when all is done but what the programs inside could meddle with: see the
   * step `gate`. Default: none.
   */
  gate?: number | undefined;
  /** Files of this process that are made available in the root of a mount namespace that is joined. */
  files?: TakenFiles | undefined;
  /** The words by which errors call a step, where there are better ones than its own. */
  labels?: ReadonlyMap<Step, string> | undefined;
  /**
   * `'default'`: the task becomes 0:0 in a user namespace that it enters and that maps these ids. `'given'`: the steps
   * set the ids.
   */
  ids: 'default' | 'given';
  signal?: AbortSignal | undefined;
  /** The task is killed when this environment (a Worker, say) ends. Default true. */
  dieWithEnvironment?: boolean | undefined;
  /** See {@link StartOptions}. */
  points?: StartOptions['points'];
  /** See {@link StartOptions}. */
  answers?: StartOptions['answers'];
  /** Does something with the new task before it begins with its plan. See {@link StartOptions}. */
  whileCloned?: StartOptions['whileCloned'];
  /**
   * A descriptor of the cgroup v2 directory that the task is born in. It must stay open until the start has settled.
   */
  cgroup?: number | undefined;
}

/** Starts a task: joins or creates its namespaces, sets them up, and runs the body in them. See {@link start}. */
export async function launch(target: Target, body: Body): Promise<Task> {
  return await withCallersStack(start(await prepare(target, body)));
}

/** Runs some steps in a task of their own, which then ends. See {@link runToEnd}. */
export async function run(target: Target, steps: readonly Step[], signal?: AbortSignal): Promise<Results> {
  return await runBody(target, { steps, ids: 'default', signal });
}

/** The same as {@link run}, for a body that has more than steps. */
export async function runBody(target: Target, body: Body): Promise<Results> {
  return await withCallersStack(runToEnd(await prepare(target, { ...body, steps: [...body.steps, ['exit']] })));
}

/** True where a mount namespace other than this process's is joined, and with it another root. */
export function joinsMounts(target: Target): boolean {
  return joins(target, 'mnt');
}

/** True where a namespace of that kind other than this process's is joined. */
export function joins({ join = [] }: Target, kind: NamespaceKind): boolean {
  return has(withoutOwn(join), kind);
}

async function prepare(target: Target, body: Body): Promise<StartOptions> {
  const { unshare: spec = NO_OPTIONS, join = [], who } = withoutPrototype(target);
  const own = withoutPrototype(body);
  const joined = withoutOwn(join);
  const maps = await mapsOf(spec, joined, who);
  const options = joined.length === 0 ? born(spec, maps, own) : joiner(joined, spec, maps, own);
  return own.gate === undefined ? options : { ...options, steps: withGate(options.steps, own.gate) };
}

/** A task that enters a pid namespace is seen there from its fork on. */
function withGate(steps: readonly Step[], gate: number): Step[] {
  const at = steps.findIndex(([name]) => name === 'fork' || name === 'exec');
  return [...steps.slice(0, at), ['gate', gate], ...steps.slice(at)];
}

/**
 * Kinds that nsinit makes with unshare(2) where the task is born in another cgroup. A cgroup namespace from clone3
 * would have its root at the caller's cgroup, and not at the one that the child is born in.
 */
const FLAGS_MADE_INSIDE = CLONE_FLAGS.time | CLONE_FLAGS.cgroup;

/** The start of a task with new namespaces only: clone3 makes them, and this process writes their maps. */
function born(spec: UnshareSpec, maps: ResolvedMaps, body: Body): StartOptions {
  const kinds = kindsOfSpec(spec);
  const inUser = kinds.includes('user');
  const later = flagsOfKinds(kinds) & (body.cgroup === undefined ? CLONE_FLAGS.time : FLAGS_MADE_INSIDE);
  const offsets = spec.time === undefined ? null : timensOffsets(optionsOf(spec, 'time'));
  const pids = body.init === undefined ? [] : pidSteps(body);
  const inside: Step[] = later === 0 ? [] : [makeStep('unshare', { flags: later, timensOffsets: offsets })];
  return {
    flags: flagsOfKinds(kinds) & ~later,
    setTid: body.init === undefined ? chosenPids(body) : undefined,
    setgroups: maps.setgroups,
    uidMap: maps.uidMap,
    gidMap: maps.gidMap,
    whileCloned: both(writerOf(maps, body.signal), body.whileCloned),
    ...lifeOf(body),
    steps: [...(body.first ?? []), ...pids, ...inside, ...setUpSteps(spec), ...bodySteps(body, inUser, inUser)],
  };
}

/** The start of a task that joins namespaces: nsinit joins them, and makes the new ones from inside. */
function joiner(joined: readonly NamespaceHandle[], spec: UnshareSpec, maps: ResolvedMaps, body: Body): StartOptions {
  const kinds = kindsOfSpec(spec);
  const joinsUser = has(joined, 'user');
  const above = namespacesAbove(joined);
  // setns(2) with a pid namespace changes where children are born; only a child enters it.
  const forks = has(joined, 'pid') || kinds.includes('pid');
  const steps: Step[] = [
    ...(body.first ?? []),
    ...(forks ? pidSteps(body) : []),
    ...(body.files === undefined ? joinSteps([...above, ...joined]) : enterWith(body.files, joined, above)),
  ];
  // A task whose ids are not mapped in the joined user namespace cannot create another below it: clone(2), EPERM.
  if (joinsUser && kinds.includes('user')) steps.push(['default_ids']);
  if (kinds.length > 0) steps.push(unshareStep(spec, maps));
  if (kinds.includes('pid')) steps.push(['fork']);
  const inUser = joinsUser || kinds.includes('user');
  return {
    flags: 0,
    setTid: forks ? undefined : chosenPids(body),
    whileCloned: body.whileCloned,
    ...lifeOf(body),
    joined: {
      ownerOf: (kind) => ownerOf(joined.find((namespace) => namespace.kind === kind)),
      depthOf: (kind) => depthOf(joined.find((namespace) => namespace.kind === kind)),
      createdByCaller: () => createdByCaller(joined.find(({ kind }) => kind === 'user')),
    },
    steps: [...steps, ...setUpSteps(spec), ...putSteps(body.files, kinds, inUser), ...bodySteps(body, inUser, false)],
  };
}

function chosenPids({ pids = [] }: Body): readonly number[] | undefined {
  return pids.length === 0 ? undefined : pids;
}

/** The steps that choose the pids of a program that nsinit forks. */
function pidSteps({ pids = [] }: Body): Step[] {
  return pids.length === 0 ? [] : [['set_tid', [...pids]]];
}

function joinSteps(joined: readonly NamespaceHandle[]): Step[] {
  const fds = joined.map(({ fd }) => fd);
  const flags = joined.map(({ kind }) => CLONE_FLAGS[kind]);
  return has(joined, 'pid') ? [['join', fds, flags], ['fork']] : [['join', fds, flags]];
}

/** The steps that join, and take files along: see {@link takeSteps}. */
function enterWith(files: TakenFiles, joined: readonly NamespaceHandle[], above: readonly NamespaceHandle[]): Step[] {
  const mounts = joined.filter(({ kind }) => kind === 'mnt');
  const others = joined.filter(({ kind }) => kind !== 'mnt');
  const user = others.find(({ kind }) => kind === 'user');
  if (user === undefined) return [...takeSteps(files, false), ...joinSteps(joined)];
  // The mount namespace belongs to the last of those above.
  if (above.length > 0) {
    const between = others.filter((namespace) => namespace !== user);
    return [...joinSteps([...above, ...between]), ...takeSteps(files, true), ...joinSteps([...mounts, user])];
  }
  if (ownerOf(mounts[0]) !== String(user)) return [...takeSteps(files, false), ...joinSteps(joined)];
  return [...joinSteps(others), ...takeSteps(files, true), ...joinSteps(mounts)];
}

function unshareStep(spec: UnshareSpec, maps: ResolvedMaps): Step {
  const offsets = spec.time === undefined ? null : timensOffsets(optionsOf(spec, 'time'));
  const flags = flagsOfKinds(kindsOfSpec(spec));
  const { setgroups = null, uidMap = null, gidMap = null } = maps;
  return makeStep('unshare', { flags, setgroups, uidMap, gidMap, timensOffsets: offsets });
}

function bodySteps(body: Body, inUser: boolean, raisedCaps: boolean): Step[] {
  const steps: Step[] = [];
  if (body.init !== undefined) steps.push(['init', body.init.dieWithParent ? 1 : 0]);
  if (inUser && body.ids === 'default') steps.push(['default_ids']);
  return [...steps, ...(raisedCaps ? withLoweredCaps(body.steps) : body.steps)];
}

/**
 * The child of clone3 has raised ambient capabilities, because nsinit would have none in the new user namespace
 * otherwise. The program gets the capabilities that its ids give it, so these are lowered again after all steps that
 * need them.
 */
function withLoweredCaps(steps: readonly Step[]): Step[] {
  if (steps.at(-1)?.[0] !== 'exec') return [...steps];
  const fromTheEnd = [...steps].reverse().findIndex((step) => !comesLast(step));
  const at = fromTheEnd < 0 ? 0 : steps.length - fromTheEnd;
  return [...steps.slice(0, at), ['lower_caps'], ...steps.slice(at)];
}

/** The options of a start that the body alone decides. */
type Life = Pick<StartOptions, 'signal' | 'dieWithEnvironment' | 'cgroup' | 'labels' | 'points' | 'answers'>;

function lifeOf(body: Body): Life {
  const { signal, dieWithEnvironment = true, cgroup, labels, points, answers } = body;
  return { signal, dieWithEnvironment, cgroup, labels, points, answers };
}

const NO_MAPS: ResolvedMaps = {
  setgroups: undefined,
  uidMap: undefined,
  gidMap: undefined,
  newuidmap: undefined,
  newgidmap: undefined,
};

async function mapsOf(
  spec: UnshareSpec,
  joined: readonly NamespaceHandle[],
  known: Credentials | undefined,
): Promise<ResolvedMaps> {
  if (spec.user === undefined) return NO_MAPS;
  const options = optionsOf(spec, 'user');
  const above = joined.find(({ kind }) => kind === 'user');
  if (above !== undefined) return mapsBelow(spec, known ?? (await credentialsIn(above)));
  const who = known ?? ownCredentials();
  const maps = await resolveMaps(options, who);
  if (joined.length > 0 && (maps.newuidmap ?? maps.newgidmap) !== undefined) {
    // newuidmap would have to run between two steps of nsinit. A process that may join anything from here may write the
    // maps itself.
    return resolveMaps(options, { ...who, setuid: true, setgid: true });
  }
  return maps;
}

/** The maps of a user namespace below one that is joined first: the ids "outside" are ids of the joined one. */
async function mapsBelow(spec: UnshareSpec, who: Credentials): Promise<ResolvedMaps> {
  const options = optionsOf(spec, 'user');
  for (const name of ['uidMap', 'gidMap'] as const) {
    if (options[name] !== 'auto') continue;
    throw invalidValue(
      `unshare.user.${name}`,
      'auto',
      'must be given as ranges when a user namespace is joined as well',
    );
  }
  const maps = await resolveMaps(options, who);
  // Whatever its privileges are, the task that writes the maps is inside, where no newuidmap can be asked.
  const written = await resolveMaps(options, { ...who, setuid: true, setgid: true });
  return { ...written, setgroups: maps.setgroups };
}

/** The ids and privileges of a task after it has joined a user namespace, read in this process's /proc. */
export async function credentialsIn(user: NamespaceHandle): Promise<Credentials> {
  const steps: Step[] = [...joinSteps([user]), ['default_ids'], ['read_file', '/proc/self/status', 1 << 16], ['exit']];
  const { data } = await runToEnd({ flags: 0, steps });
  return parseCredentials(data.toString('utf8'));
}

function both(first: StartOptions['whileCloned'], then: StartOptions['whileCloned']): StartOptions['whileCloned'] {
  if (first === undefined || then === undefined) return first ?? then;
  return async (task) => {
    await first(task);
    await then(task);
  };
}

function writerOf({ newuidmap, newgidmap }: ResolvedMaps, signal?: AbortSignal): StartOptions['whileCloned'] {
  if (newuidmap === undefined && newgidmap === undefined) return undefined;
  return async ({ pid }) => {
    if (newuidmap !== undefined) await writeThroughProgram(UID_SIDE, pid, newuidmap, signal);
    if (newgidmap !== undefined) await writeThroughProgram(GID_SIDE, pid, newgidmap, signal);
  };
}

/**
 * The user namespace that owns a namespace. Undefined, too, where it cannot be seen, or the handle has been closed
 * meanwhile.
 */
function ownerOf(namespace: NamespaceHandle | undefined): string | undefined {
  if (namespace === undefined || namespace.closed) return undefined;
  try {
    const user = native().namespaceUser(namespace.fd);
    const { ino } = native().namespaceInfo(user);
    closeFd(user);
    return `user:[${ino}]`;
  } catch {
    return undefined;
  }
}

function createdByCaller(user: NamespaceHandle | undefined): boolean | undefined {
  if (user === undefined || user.closed) return undefined;
  try {
    return native().namespaceOwner(user.fd) === process.geteuid?.();
  } catch {
    return undefined;
  }
}

/** The number of levels up to this process's own namespace: NS_GET_PARENT goes no further up than that, ioctl_ns(2). */
function depthOf(namespace: NamespaceHandle | undefined): number | undefined {
  if (namespace === undefined || namespace.closed) return undefined;
  let fd: number | undefined;
  try {
    for (let depth = 0; ; depth++) {
      const parent = parentOf(fd ?? namespace.fd);
      if (parent === undefined) return depth;
      if (fd !== undefined) closeFd(fd);
      fd = parent;
    }
  } finally {
    if (fd !== undefined) closeFd(fd);
  }
}

function parentOf(fd: number): number | undefined {
  try {
    return native().namespaceParent(fd);
  } catch {
    return undefined;
  }
}

function has(namespaces: readonly NamespaceHandle[], kind: NamespaceKind): boolean {
  return namespaces.some((namespace) => namespace.kind === kind);
}
