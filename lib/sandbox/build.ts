/** Makes a sandbox by one launch. Its plan builds the root, and then holds the sandbox. */
import { constants } from 'node:fs';
import { normalize } from 'node:path';
import type { Step } from '../../types/native';
import type { Cgroup } from '../cgroup/cgroup';
import { createCgroup } from '../cgroup/create';
import { HostFiles } from '../kernel/host-files';
import { landlockReport } from '../landlock/landlock';
import { systemError } from '../errors/system-error';
import { credentialsIn, launch, run } from '../launch/launch';
import type { UnshareSpec } from '../launch/unshare-spec';
import { joinFromAbove, withoutOwn } from '../launch/join';
import type { Task } from '../task/task';
import { type Credentials, ownCredentials } from '../idmap/credentials';
import { formatIdMap } from '../idmap/id-map';
import { idAbove, nestedMaps } from '../idmap/nested';
import { closeFd } from '../handle/close';
import { Descriptor } from '../handle/descriptor';
import { CLONE_FLAGS, NAMESPACE_KINDS, type NamespaceKind } from '../kernel/namespace-kind';
import { type NamespaceSet, openAll, setOf } from '../set/namespace-set';
import { Namespace } from '../namespace/namespace';
import { native } from '../native';
import { etcFilesOf } from '../namespace/etc-netns';
import type { OverlayLayers } from './changes';
import { Base } from './project/base';
import { type Copy, nameOfPath } from './project/listing';
import { Feeds } from './feeds';
import { withFound } from './globs/pieces';
import { type ResolvedUser, type SandboxIds, hasId, resolveUser } from './ids';
import { MountPoints } from './mount-points';
import { OwnNetwork, loadNetworks, socketSteps } from './own-network';
import type { SandboxPlan } from './parse';
import type { Piece, Setting } from './piece';
import { type ProcChoice, chooseProc } from './proc';
import { keepPlaceholders, missingPaths } from './protect/placeholders';
import { refuseOtherWays } from './protect/other-ways';
import type { SandboxReport } from './sandbox-spec';
import { WorkDirectories } from './work';
import { makeStep } from '../plan/step';

/** The parts that a sandbox is made of. It owns all of them. */
export interface Built {
  readonly task: Task;
  readonly set: NamespaceSet;
  /** The user namespaces through which the one that programs are in is reached. */
  readonly above: readonly Namespace[];
  readonly ids: ResolvedUser;
  readonly cgroup:
    { readonly cgroup: Cgroup; readonly directory: { readonly fd: number; close(): Promise<void> } } | undefined;
  readonly overlays: readonly OverlayLayers[];
  /** The project, if that is a copy: one of the overlays. */
  readonly copy: Copy | undefined;
  readonly points: MountPoints;
  readonly work: WorkDirectories;
  readonly network: OwnNetwork;
  /** A /dev/null for its programs, if they could change the mode of the host's own: {@link Program.nullDevice}. */
  readonly nullDevice: Descriptor | undefined;
  /** The choices that were made while it was created. */
  readonly report: SandboxReport;
  /** True if it has a pid namespace of its own, so that its programs end with its init. */
  readonly ownsPid: boolean;
}

/** The namespaces that the sandbox is made from. */
interface Origin {
  readonly join: readonly Namespace[];
  /** The user namespace that was opened for this, to be closed afterwards. */
  readonly owner: Namespace | undefined;
  /** The credentials of the caller there. */
  readonly who: Credentials;
  /** True if nobody can set supplementary groups there or in a user namespace below. setgroups(2) */
  readonly deniesGroups: boolean;
  /**
   * True if a user namespace is joined. This process may not open the namespaces of a task that has done so, and the
   * task sends their descriptors instead.
   */
  readonly tells: boolean;
}

/** The ids, and the number of user namespaces that are made for them. */
interface Users {
  readonly ids: ResolvedUser;
  /** True if programs are in a user namespace below the one that owns the mounts. */
  readonly nested: boolean;
}

/** A plan without anything that has still to be looked for. */
type FoundPlan = SandboxPlan & { readonly pieces: readonly Piece[] };

const ENTER_NET: Step = ['enter_net'];
const MOUNTS: Step = ['mountinfo'];

/**
 * The capabilities with which a program could change mounts, or limits of user namespaces, that belong to its own user
 * namespace.
 */
const POWERFUL = ['CAP_SYS_ADMIN', 'CAP_SYS_RESOURCE'] as const;

export async function build(plan: SandboxPlan, signal: AbortSignal | undefined): Promise<Built> {
  const begun = Date.now();
  const origin = await originOf(plan);
  const end = { diesWithProcess: plan.rules.dieWithParent };
  const work = new WorkDirectories(end.diesWithProcess);
  const points = new MountPoints();
  let made: Built['cgroup'];
  try {
    const users = await usersOf(plan, origin);
    made = plan.cgroup === undefined ? undefined : await createCgroup(plan.cgroup, end);
    makeWork(plan, work);
    const found = { ...plan, pieces: await withFound(plan.pieces, signal) };
    const covers = await coversOf(plan);
    const report = await reportOf(plan, origin);
    const task = await start(found, users, origin, covers, report.proc, points, signal, made?.directory.fd);
    work.usedBy(task);
    await check(task, protectedPaths(plan));
    return { ...(await possess(task, plan, users, origin, made, work, points, begun)), report };
  } catch (error) {
    await points.remove();
    await discard(made, work);
    throw error;
  } finally {
    await origin.owner?.close();
  }
}

/** Makes the choices that the spec leaves to this host. A warning tells of one that gives something up. */
async function reportOf(plan: SandboxPlan, { join }: Origin): Promise<SandboxReport> {
  const { proc, kinds, user, existing, rules } = plan;
  const [ruleset] = rules.landlock;
  const landlock = ruleset === undefined ? undefined : landlockReport(ruleset);
  if (proc !== 'auto') return { proc, reason: undefined, landlock };
  const made: UnshareSpec = {
    mnt: true,
    ...(user === undefined ? {} : { user: true }),
    ...(kinds.includes('pid') ? { pid: true } : {}),
  };
  const place = { unshare: made, join: join.filter(({ kind }) => kind !== 'net') };
  const report = await chooseProc(place, user !== undefined && existing.user === undefined);
  if (report.proc !== 'own') warnOf(report);
  return { ...report, landlock };
}

const warned = new Set<SandboxReport['proc']>();

/** Once for each kind of /proc, as it is the same for all sandboxes of this process. */
function warnOf({ proc, reason = '' }: ProcChoice): void {
  if (warned.has(proc)) return;
  warned.add(proc);
  const what =
    proc === 'host' ? "the /proc of this process, read-only, where others' processes can be seen" : 'no /proc';
  process.emitWarning(`A sandbox has ${what}, in place of one of its own: ${reason}`, { code: 'LINUX_NS_PROC' });
}

/**
 * Finds the namespaces that the sandbox is made from: this process's own, or the given ones. A network may belong to a
 * user namespace that somebody without privilege has made: then the sandbox is made from that user namespace.
 */
async function originOf(plan: SandboxPlan): Promise<Origin> {
  const own = ownCredentials();
  const join = [plan.existing.user, plan.existing.pid, plan.network].filter((each) => each !== undefined);
  const here = { join, owner: undefined, who: own, deniesGroups: deniesGroups(), tells: false };
  const { network } = plan;
  const [user] = plan.existing.user === undefined ? [] : withoutOwn([plan.existing.user]);
  if (user !== undefined) return { ...here, ...(await personIn(user)), tells: true };
  if (network === undefined) return here;
  const owner = own.uid === 0 ? undefined : await ownerOf(network);
  if (owner === undefined) return here;
  try {
    const who = await credentialsIn(owner);
    // It cannot be found out if setgroups(2) was denied there. Usually it was.
    return { join: [owner, ...join], owner, who, deniesGroups: true, tells: true };
  } catch (error) {
    await owner.close();
    throw error;
  }
}

/** Finds the caller's credentials in a user namespace, and whether groups can be set there. */
async function personIn(user: Namespace): Promise<Pick<Origin, 'who' | 'deniesGroups'>> {
  const denial = run({ join: [user] }, [['read_file', '/proc/self/setgroups', MAX_WORD]]);
  const [who, { data }] = await Promise.all([credentialsIn(user), denial]);
  return { who, deniesGroups: data.toString().trim() === 'deny' };
}

/** The most bytes to read of /proc/self/setgroups: more than `allow` and `deny` have. */
const MAX_WORD = 64;

let settledDenial: boolean | undefined;

/**
 * True if setgroups(2) is denied in this process's user namespace: then it is denied in all below, too. Once the
 * namespace has a gid_map, the answer cannot change any more. user_namespaces(7)
 */
function deniesGroups(): boolean {
  if (settledDenial !== undefined) return settledDenial;
  const host = new HostFiles();
  const denied = host.proc('self/setgroups')?.trim() === 'deny';
  if ((host.proc('self/gid_map') ?? '') !== '') settledDenial = denied;
  return denied;
}

/** The user namespace that owns a network; undefined if it is this process's own. */
async function ownerOf(network: Namespace): Promise<Namespace | undefined> {
  const owner = await network.userNamespace();
  const own = await Namespace.of('self', 'user');
  const same = owner.equals(own);
  await own.close();
  if (!same) return owner;
  await owner.close();
  return undefined;
}

/**
 * The steps that mount the files of a named network, in /etc/netns/NAME, over those of the sandbox, as `ip netns exec`
 * mounts them over the host's. A file whose contents the caller has given is left as it is.
 */
async function coversOf({ network, entries }: SandboxPlan): Promise<Step[]> {
  if (network === undefined) return [];
  const own = new Set(entries.filter(({ isOwnFile }) => isOwnFile).map(({ target }) => target));
  const files = (await etcFilesOf(network)).filter(({ target }) => !own.has(target));
  return files.map(({ source, target }) => ['cover', source, target]);
}

/** Removes the cgroup and the work directories, which exist before the task and after it. */
export async function discard(made: Built['cgroup'], work: WorkDirectories): Promise<void> {
  await made?.directory.close();
  await made?.cgroup.delete();
  await work.remove();
}

/**
 * Decides on the user namespaces. Programs are in a second one, below the first, in two cases: if the first has to map
 * ids that programs may not have (devpts can be mounted only where 0 is mapped), or if with their capabilities they
 * could undo in the first what this spec says.
 */
async function usersOf(plan: SandboxPlan, { who, deniesGroups: denied }: Origin): Promise<Users> {
  const ids = await resolveUser(plan.ids, who, denied);
  if (plan.user === undefined) return { ids, nested: false };
  const rootless = !hasId(ids.uid.ranges, 0) || !hasId(ids.gid.ranges, 0);
  const unable = rootless && (plan.terminal || plan.ids.uid.map !== undefined);
  const powerful = POWERFUL.some((capability) => plan.rules.capabilities.includes(capability));
  return { ids, nested: unable || powerful };
}

async function start(
  plan: FoundPlan,
  users: Users,
  origin: Origin,
  covers: readonly Step[],
  proc: SandboxReport['proc'],
  points: MountPoints,
  signal: AbortSignal | undefined,
  cgroup: number | undefined,
): Promise<Task> {
  const feeds = new Feeds();
  const labels = new Map<Step, string>();
  try {
    const setting = { ...settingOf(plan, users, origin.who, feeds), proc };
    const steps = [
      ...firstSteps(plan, users),
      ...rootSteps(plan, setting, labels),
      ...covers,
      ...lastSteps(plan, users, origin, setting, labels),
    ];
    const target = { unshare: unshareOf(plan, users), join: origin.join, who: origin.who };
    const { dieWithParent } = plan.rules;
    const missing = missingPaths(
      plan.entries.filter(({ search }) => search === undefined),
      plan.root.writable,
    );
    if (plan.policy !== undefined) setImmediate(loadNetworks); // while the task builds the root
    return await launch(target, {
      steps,
      labels,
      ids: 'default',
      signal: feeds.signalWith(signal),
      cgroup,
      dieWithEnvironment: dieWithParent,
      points,
      whileCloned:
        missing.length === 0 ? undefined : async ({ pidfd }) => points.keptBy(await keepPlaceholders(missing, pidfd)),
    });
  } catch (error) {
    throw feeds.reasonOf(error);
  } finally {
    feeds.close();
  }
}

/**
 * The namespaces that clone3 makes. If there is a second user namespace, the others are made with it and belong to it;
 * a network is otherwise made while the mounts are.
 */
function unshareOf(plan: SandboxPlan, { ids, nested }: Users): Parameters<typeof launch>[0]['unshare'] {
  const kinds = plan.kinds.filter((kind) => (nested ? kind === 'pid' || kind === 'time' : kind !== 'net'));
  const mapOf = (ranges: ResolvedUser['uid']['ranges']): { inside: number; outside: number; count: number }[] =>
    nested ? nestedMaps(ranges).above : [...ranges];
  const user = { uidMap: mapOf(ids.uid.ranges), gidMap: mapOf(ids.gid.ranges) };
  return {
    mnt: { propagation: plan.propagation },
    ...Object.fromEntries(kinds.map((kind) => [kind, true])),
    ...(plan.time === undefined ? {} : { time: plan.time }),
    ...(plan.user === undefined ? {} : { user }),
    ...(plan.hostname === undefined || nested ? {} : { uts: { hostname: plan.hostname } }),
  };
}

function firstSteps(plan: SandboxPlan, { ids, nested }: Users): Step[] {
  const { kinds, hostname, disableUserNamespaces, inotifyInstances } = plan;
  const steps: Step[] = [];
  if (inotifyInstances !== undefined) {
    const { most, asked } = inotifyInstances;
    const write = asked ? 'write_file' : 'try_write_file';
    steps.push([write, '/proc/sys/user/max_inotify_instances', constants.O_WRONLY, String(most)]);
  }
  // The limit counts the user namespace that is made below, so it is 1 then. It cannot be raised from below.
  if (disableUserNamespaces) {
    steps.push(['write_file', '/proc/sys/user/max_user_namespaces', constants.O_WRONLY, nested ? '1' : '0']);
  }
  if (!nested && kinds.includes('net')) steps.push(['make_net'], ...(entersNetFirst(plan) ? [ENTER_NET] : []));
  if (!nested) return steps;
  const below = kinds.filter((kind) => kind !== 'pid' && kind !== 'time');
  const flags = below.reduce((all, kind) => all | CLONE_FLAGS[kind], 0);
  const mapOf = ({ ranges }: SandboxIds): string => formatIdMap(nestedMaps(ranges).below);
  steps.push(makeStep('nest', { flags, uidMap: mapOf(ids.uid), gidMap: mapOf(ids.gid) }));
  if (kinds.includes('net')) steps.push(['loopback']);
  if (hostname !== undefined) steps.push(['hostname', hostname]);
  return steps;
}

function rootSteps(
  { root, pieces }: FoundPlan,
  setting: Setting & { owns: Step[] },
  labels: Map<Step, string>,
): Step[] {
  return [...setting.owns, ...[root.piece, ...pieces].flatMap((piece) => labelled(piece, setting, labels))];
}

/**
 * True if the network has to be entered before the mounts: a sysfs shows the network of the task that mounts it.
 * Otherwise the network is entered as late as possible.
 */
function entersNetFirst({ entries }: SandboxPlan): boolean {
  return entries.some(({ type }) => type === 'sysfs');
}

function labelled(piece: Piece, setting: Setting, labels: Map<Step, string>): Step[] {
  const steps = piece.steps(setting);
  for (const step of steps) labels.set(step, piece.label);
  return steps;
}

/**
 * The steps after the root is built. They also enter the directory of programs once, so that a missing one is an error
 * now.
 */
function lastSteps(
  plan: SandboxPlan,
  { nested }: Users,
  { tells }: Origin,
  { asRoot: ownsDevices }: Setting,
  labels: Map<Step, string>,
): Step[] {
  const { rules } = plan;
  const nullDevice: Step[] = ownsDevices ? [['null_device']] : [];
  const tell: Step[] = !tells ? [] : [['namespaces', kindsOf(plan).map((kind) => CLONE_FLAGS[kind])]];
  const outlive: Step[] = rules.dieWithParent ? [] : [['outlive']];
  const mounts = rules.capabilities.includes('CAP_SYS_ADMIN') ? CLONE_FLAGS.mnt : 0;
  const cwd: Step = ['chdir', rules.cwd, 0];
  labels.set(cwd, `cwd: change directory to ${rules.cwd}`);
  const net: Step[] = nested || entersNetFirst(plan) || !plan.kinds.includes('net') ? [] : [ENTER_NET];
  const enter: Step[] = nested ? [['enter_nest', mounts]] : [];
  return [
    ...nullDevice,
    makeStep('pivot_root', {}),
    ...net,
    ...enter,
    ...socketsOf(plan),
    ...tell,
    cwd,
    ['chdir', '/', 0],
    ...(protectedPaths(plan).length === 0 ? [] : [MOUNTS]),
    ...outlive,
    ['hold'],
  ];
}

/** The labels of the entries that protect a path. */
function protectedPaths({ entries }: SandboxPlan): string[] {
  return entries.flatMap(({ type, piece }) => (type === 'protect' ? [piece.label] : []));
}

/** Ends the task unless there is only one way to each path that is protected. */
async function check(task: Task, labels: readonly string[]): Promise<void> {
  if (labels.length === 0) return;
  try {
    await refuseOtherWays(labels, task.data);
  } catch (error) {
    for (const fd of task.fds.splice(0)) closeFd(fd);
    task.end();
    await task.exited;
    throw error;
  }
}

/** The sockets that are made in the network from the start: one task less than if they were made later. */
function socketsOf({ policy }: SandboxPlan): readonly Step[] {
  return policy === undefined ? [] : socketSteps();
}

function settingOf(
  plan: SandboxPlan,
  { ids, nested }: Users,
  who: Credentials,
  feeds: Feeds,
): Omit<Setting, 'proc'> & { owns: Step[] } {
  const [uid, gid] = [ids.uid, ids.gid].map(({ ranges, id }) => (nested ? idAbove(ranges, id) : id)) as [
    number,
    number,
  ];
  // Without a new user namespace the task keeps its ids: see the step `default_ids`.
  const builder =
    plan.user === undefined
      ? { uid: who.uid, gid: who.gid }
      : { uid: builderId(ids.uid, nested, who.uid), gid: builderId(ids.gid, nested, who.gid) };
  const same = uid === builder.uid && gid === builder.gid;
  return {
    feed: (source) => feeds.open(source),
    owner: same ? [] : [`uid=${uid}`, `gid=${gid}`],
    asRoot: ownsDevices(plan, ids),
    // devpts(5) gives its terminals to user 0 of the user namespace that mounts it.
    terminal: plan.terminal && (plan.existing.user === undefined || (who.uid === 0 && who.gid === 0)),
    owns: same ? [] : [['owner', uid, gid]],
  };
}

/**
 * True if programs may have the uid that owns the devices of the machine and the files in /proc: user 0 of the host.
 */
function ownsDevices({ user }: SandboxPlan, { uid }: ResolvedUser): boolean {
  return user === undefined || uid.ranges.some(({ outside }) => outside === 0);
}

/** The id of the task that builds the root: 0 if that is mapped, else the caller's. See the step `default_ids`. */
function builderId({ ranges }: ResolvedUser['uid'], nested: boolean, own: number): number {
  if (nested || hasId(ranges, 0)) return 0;
  const range = ranges.find(({ outside, count }) => own >= outside && own < outside + count);
  return range === undefined ? own : range.inside + own - range.outside;
}

/** Makes the work directories that were not given. The lock on `upper` shows later if another sandbox uses one now. */
function makeWork({ root, entries }: SandboxPlan, work: WorkDirectories): void {
  for (const layers of [root.layers, ...entries.map((entry) => entry.layers)]) {
    if (layers?.work !== undefined && layers.ownsWork) work.make(layers.work);
  }
}

/** Takes over all that the task has made, as parts of the sandbox. On failure nothing is left. */
async function possess(
  task: Task,
  plan: SandboxPlan,
  { ids, nested }: Users,
  { owner, tells }: Origin,
  cgroup: Built['cgroup'],
  work: WorkDirectories,
  points: MountPoints,
  begun: number,
): Promise<Omit<Built, 'report'>> {
  const kinds = kindsOf(plan);
  const told = tells ? task.fds.splice(-kinds.length) : [];
  const count = socketsOf(plan).length;
  const network = new OwnNetwork(count === 0 ? [] : task.fds.splice(-count));
  const overlays = overlaysOf(plan, task);
  const nullDevice = ownsDevices(plan, ids) ? new Descriptor(task.fds.pop() ?? -1) : undefined;
  const above: Namespace[] = [];
  let set: NamespaceSet | undefined;
  try {
    const copy = await copyOf(plan, overlays, begun);
    set = setOf(withDuplicates(tells ? told : openAll(task, kinds), plan.existing), task);
    await openAbove(above, set, nested, owner);
    task.release();
    task.unref();
    points.seenFrom(set.user);
    if (!plan.rules.dieWithParent) points.leaveAtExit();
    const ownsPid = plan.kinds.includes('pid');
    return { task, set, above, ids, cgroup, overlays, copy, points, work, network, nullDevice, ownsPid };
  } catch (error) {
    task.end();
    await task.exited;
    await Promise.all([...above, ...layersOf(overlays)].map((each) => each.close()));
    await nullDevice?.close();
    await network.close();
    await set?.close();
    throw error;
  }
}

/** Duplicates the descriptors of the namespaces that the sandbox was built in: programs join them too. */
function withDuplicates(opened: readonly number[], { user, pid }: SandboxPlan['existing']): number[] {
  const fds = [...opened];
  try {
    for (const namespace of [user, pid]) if (namespace !== undefined) fds.push(native().duplicate(namespace.fd));
    return fds;
  } catch (cause) {
    for (const fd of fds) native().closeNow(fd);
    throw systemError(cause, { step: 'duplicate', operation: 'open' });
  }
}

/** Takes the descriptors of the overlays from the task: three for each, in the order of the steps. */
function overlaysOf({ root, entries }: SandboxPlan, task: Task): OverlayLayers[] {
  const targets = [
    ...(root.layers === undefined ? [] : ['/']),
    ...entries.flatMap(({ layers, target }) => (layers === undefined ? [] : [target])),
  ];
  return targets.map((target) => {
    const [upper, lower, merged] = task.fds.splice(0, 3).map((fd) => new Descriptor(fd));
    if (upper === undefined || lower === undefined || merged === undefined) {
      throw new Error(`no layers were sent back for ${target}`);
    }
    return { target, upper, lower, merged };
  });
}

/** The overlay of the project, and the names in it that other entries are mounted on. */
async function copyOf(
  { copied, entries }: SandboxPlan,
  overlays: readonly OverlayLayers[],
  begun: number,
): Promise<Copy | undefined> {
  const overlay = overlays.find(({ target }) => target === copied);
  if (overlay === undefined) return undefined;
  const covered = entries.map(({ target }) => nameOfPath(overlay.target, normalize(target)));
  const layers = entries.find(({ target }) => target === copied)?.layers;
  const base = await Base.of(layers?.upper, begun);
  return { ...overlay, covered: covered.filter((name) => name !== undefined), base };
}

/** Removes the mount points that were created on the host, when no program is inside any more. */
export async function removeMountPoints({ points, task, ownsPid }: Built): Promise<void> {
  if (ownsPid && !points.none) {
    task.ref();
    task.end();
    await task.exited;
  }
  await points.remove();
}

/** The descriptors of overlays, which are closed with a sandbox. */
export function layersOf(overlays: readonly OverlayLayers[]): Descriptor[] {
  return overlays.flatMap(({ upper, lower, merged }) => [upper, lower, merged]);
}

function kindsOf({ kinds, user, network }: SandboxPlan): NamespaceKind[] {
  const own: NamespaceKind[] = [...kinds, 'mnt'];
  if (user !== undefined) own.push('user');
  if (network !== undefined) own.push('net');
  return NAMESPACE_KINDS.filter((kind) => own.includes(kind));
}

/**
 * Opens the user namespaces above: the network and the mounts may belong to one of them, and can then be joined only
 * from there.
 */
async function openAbove(
  above: Namespace[],
  { user }: NamespaceSet,
  nested: boolean,
  owner: Namespace | undefined,
): Promise<void> {
  if (user === undefined) return;
  if (owner !== undefined) above.push(await owner.duplicate());
  const parent = nested ? await user.parent() : null;
  if (parent !== null) above.push(parent);
  joinFromAbove(user, above);
}
