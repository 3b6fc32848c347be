/** Makes a sandbox: one launch, of a plan that puts the root together and then holds. */
import { constants, readlinkSync } from 'node:fs';
import type { Step } from '../../types/native';
import type { Cgroup } from '../cgroup/cgroup';
import { createCgroup } from '../cgroup/create';
import { HostFiles } from '../kernel/host-files';
import { atExit, untilDone } from '../handle/at-exit';
import { systemError } from '../errors/system-error';
import { credentialsIn, launch, run, runBody } from '../launch/launch';
import { joinFromAbove, withoutOwn } from '../launch/join';
import type { Task } from '../task/task';
import { type Credentials, ownCredentials } from '../idmap/credentials';
import { Descriptor } from '../handle/descriptor';
import { CLONE_FLAGS, NAMESPACE_KINDS, type NamespaceKind } from '../kernel/namespace-kind';
import { type NamespaceSet, openAll, setOf } from '../set/namespace-set';
import { Namespace } from '../namespace/namespace';
import { native } from '../native';
import { etcFilesOf } from '../namespace/etc-netns';
import type { OverlayLayers } from './changes';
import { Feeds } from './feeds';
import { type ResolvedUser, hasId, idAbove, nestedMaps, resolveUser } from './ids';
import type { SandboxPlan } from './parse';
import type { Piece, Setting } from './piece';
import { WorkDirectories } from './work';
import { makeStep } from '../plan/step';

/** What a sandbox is made of, all of it its own. */
export interface Built {
  readonly task: Task;
  readonly set: NamespaceSet;
  /** User namespaces on the way to the one that programs are in. */
  readonly above: readonly Namespace[];
  readonly ids: ResolvedUser;
  readonly cgroup:
    { readonly cgroup: Cgroup; readonly directory: { readonly fd: number; close(): Promise<void> } } | undefined;
  readonly overlays: readonly OverlayLayers[];
  /** Of mount points in directories of the host, which were made or are used: two for each. */
  readonly points: readonly Descriptor[];
  /** To be called when they have been taken away. */
  readonly forgetPoints: () => void;
  readonly work: WorkDirectories;
  /** /dev/null for its programs, where Node's own would be theirs to change: {@link Program.nullDevice}. */
  readonly nullDevice: Descriptor | undefined;
  /** Whether its programs end with its init. */
  readonly ownsPid: boolean;
}

/** Where it is made from. */
interface Origin {
  readonly join: readonly Namespace[];
  /** A user namespace that was opened for it. */
  readonly owner: Namespace | undefined;
  /** Who the caller is there. */
  readonly who: Credentials;
  /** Whether supplementary groups cannot be set there, or below, by anybody. */
  readonly deniesGroups: boolean;
  /** Whether a user namespace is joined: a task that has done so is not to be looked at, and tells what it is in. */
  readonly tells: boolean;
}

/** How the user namespaces are made. */
interface Users {
  readonly ids: ResolvedUser;
  /** Whether programs are in a user namespace below the one that mounts belong to. */
  readonly nested: boolean;
}

const ENTER_NET: Step = ['enter_net'];

/** With these a program could change mounts, or limits of user namespaces, that belong to its own user namespace. */
const POWERFUL = ['CAP_SYS_ADMIN', 'CAP_SYS_RESOURCE'] as const;

export async function build(plan: SandboxPlan, signal: AbortSignal | undefined): Promise<Built> {
  const origin = await originOf(plan);
  const end = { diesWithProcess: plan.rules.dieWithParent };
  const work = new WorkDirectories(end.diesWithProcess);
  let made: Built['cgroup'];
  try {
    const users = await usersOf(plan, origin);
    made = plan.cgroup === undefined ? undefined : await createCgroup(plan.cgroup, end);
    makeWork(plan, work);
    const covers = await coversOf(plan);
    const task = await start(plan, users, origin, covers, signal, made?.directory.fd);
    work.usedBy(task);
    return await possess(task, plan, users, origin, made, work);
  } catch (error) {
    await discard(made, work);
    throw error;
  } finally {
    await origin.owner?.close();
  }
}

/**
 * Where the sandbox is made from: this process's own namespaces, or, for a network that belongs to a user namespace which
 * somebody without privilege has made, from that user namespace.
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
    // Whether setgroups(2) was denied there cannot be asked; as a rule it was.
    return { join: [owner, ...join], owner, who, deniesGroups: true, tells: true };
  } catch (error) {
    await owner.close();
    throw error;
  }
}

/** Who the caller is in a user namespace, and whether groups can be set there. */
async function personIn(user: Namespace): Promise<Pick<Origin, 'who' | 'deniesGroups'>> {
  const denial = run({ join: [user] }, [['read_file', '/proc/self/setgroups', MAX_WORD]]);
  const [who, { data }] = await Promise.all([credentialsIn(user), denial]);
  return { who, deniesGroups: data.toString().trim() === 'deny' };
}

/** `allow` or `deny`, and more. */
const MAX_WORD = 64;

let settledDenial: boolean | undefined;

/**
 * A user namespace where setgroups(2) was denied passes that on to those below, and once it has a gid_map that cannot
 * change any more: user_namespaces(7).
 */
function deniesGroups(): boolean {
  if (settledDenial !== undefined) return settledDenial;
  const host = new HostFiles();
  const denied = host.proc('self/setgroups')?.trim() === 'deny';
  if ((host.proc('self/gid_map') ?? '') !== '') settledDenial = denied;
  return denied;
}

/** Undefined for one that belongs to this process's own user namespace, or above. */
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
 * The files that a network with a name has in /etc/netns/NAME: over those of the sandbox, as `ip netns exec` has them over
 * the host's. Where the caller gives the contents of such a file, those are what is meant.
 */
async function coversOf({ network, entries }: SandboxPlan): Promise<Step[]> {
  if (network === undefined) return [];
  const own = new Set(entries.filter(({ isOwnFile }) => isOwnFile).map(({ target }) => target));
  const files = (await etcFilesOf(network)).filter(({ target }) => !own.has(target));
  return files.map(({ source, target }) => ['cover', source, target]);
}

/** Undoes what was there before the task, or is there after it. */
export async function discard(made: Built['cgroup'], work: WorkDirectories): Promise<void> {
  await made?.directory.close();
  await made?.cgroup.delete();
  await work.remove();
}

/**
 * Programs are in a user namespace below where the upper one has to have ids that they are not to have (devpts can only
 * be mounted where 0 is mapped), and where what they may do there would be enough to undo what this spec says.
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
  plan: SandboxPlan,
  users: Users,
  origin: Origin,
  covers: readonly Step[],
  signal: AbortSignal | undefined,
  cgroup: number | undefined,
): Promise<Task> {
  const feeds = new Feeds();
  const labels = new Map<Step, string>();
  try {
    const setting = settingOf(plan, users, origin.who, feeds);
    const steps = [
      ...firstSteps(plan, users),
      ...rootSteps(plan, setting, labels),
      ...covers,
      ...lastSteps(plan, users, origin, setting, labels),
    ];
    const target = { unshare: unshareOf(plan, users), join: origin.join };
    const { dieWithParent } = plan.rules;
    return await launch(target, {
      steps,
      labels,
      ids: 'default',
      signal: feeds.signalWith(signal),
      cgroup,
      dieWithEnvironment: dieWithParent,
      undo: (fds) => unmake([], fds),
    });
  } catch (error) {
    throw feeds.reasonOf(error);
  } finally {
    feeds.close();
  }
}

/** What clone3 makes; the rest belongs to the user namespace below, where there is one, or is made beside the mounts. */
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
  // Below, the one that is made there is counted; and it cannot be raised from below.
  if (disableUserNamespaces) {
    steps.push(['write_file', '/proc/sys/user/max_user_namespaces', constants.O_WRONLY, nested ? '1' : '0']);
  }
  if (!nested && kinds.includes('net')) steps.push(['make_net'], ...(entersNetFirst(plan) ? [ENTER_NET] : []));
  if (!nested) return steps;
  const below = kinds.filter((kind) => kind !== 'pid' && kind !== 'time');
  const flags = below.reduce((all, kind) => all | CLONE_FLAGS[kind], 0);
  const [uidMap, gidMap] = [nestedMaps(ids.uid.ranges).below, nestedMaps(ids.gid.ranges).below];
  steps.push(makeStep('nest', { flags, uidMap, gidMap }));
  if (kinds.includes('net')) steps.push(['loopback']);
  if (hostname !== undefined) steps.push(['hostname', hostname]);
  return steps;
}

function rootSteps(
  { root, pieces }: SandboxPlan,
  setting: Setting & { owns: Step[] },
  labels: Map<Step, string>,
): Step[] {
  return [...setting.owns, ...[root.piece, ...pieces].flatMap((piece) => labelled(piece, setting, labels))];
}

/** Before a sysfs is mounted, which shows the network of whoever mounts it; else as late as can be. */
function entersNetFirst({ entries }: SandboxPlan): boolean {
  return entries.some(({ type }) => type === 'sysfs');
}

function labelled(piece: Piece, setting: Setting, labels: Map<Step, string>): Step[] {
  const steps = piece.steps(setting);
  for (const step of steps) labels.set(step, piece.label);
  return steps;
}

/** The directory is tried here, so that one that is not there is told now. */
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
    ['mount_points'],
    ...nullDevice,
    makeStep('pivot_root', {}),
    ...net,
    ...enter,
    ...tell,
    cwd,
    ['chdir', '/', 0],
    ...outlive,
    ['hold'],
  ];
}

function settingOf(
  plan: SandboxPlan,
  { ids, nested }: Users,
  who: Credentials,
  feeds: Feeds,
): Setting & { owns: Step[] } {
  const [uid, gid] = [ids.uid, ids.gid].map(({ ranges, id }) => (nested ? idAbove(ranges, id) : id)) as [
    number,
    number,
  ];
  // Without a user namespace of its own nobody changes before: default_ids.
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

/** Whether programs may have the uid that files of the machine belong to: devices, and files in /proc. */
function ownsDevices({ user }: SandboxPlan, { uid }: ResolvedUser): boolean {
  return user === undefined || uid.ranges.some(({ outside }) => outside === 0);
}

/** Who puts the root together: 0 where that is mapped, as `default_ids` has it, else the caller. */
function builderId({ ranges }: ResolvedUser['uid'], nested: boolean, own: number): number {
  if (nested || hasId(ranges, 0)) return 0;
  const range = ranges.find(({ outside, count }) => own >= outside && own < outside + count);
  return range === undefined ? own : range.inside + own - range.outside;
}

/** Who uses one now the lock of `upper` tells. */
function makeWork({ root, entries }: SandboxPlan, work: WorkDirectories): void {
  for (const layers of [root.layers, ...entries.map((entry) => entry.layers)]) {
    if (layers?.work !== undefined && layers.ownsWork) work.make(layers.work);
  }
}

/** From here on everything is a sandbox's own; on failure nothing is left. */
async function possess(
  task: Task,
  plan: SandboxPlan,
  { ids, nested }: Users,
  { owner, tells }: Origin,
  cgroup: Built['cgroup'],
  work: WorkDirectories,
): Promise<Built> {
  const kinds = kindsOf(plan);
  const told = tells ? task.fds.splice(-kinds.length) : [];
  const overlays = overlaysOf(plan, task);
  const nullDevice = ownsDevices(plan, ids) ? new Descriptor(task.fds.pop() ?? -1) : undefined;
  const points = task.fds.splice(0).map((fd) => new Descriptor(fd));
  const above: Namespace[] = [];
  let set: NamespaceSet | undefined;
  try {
    set = setOf([...(tells ? told : openAll(task, kinds)), ...duplicatesOf(plan.existing)], task);
    await openAbove(above, set, nested, owner);
    task.release();
    task.unref();
    const forgetPoints = plan.rules.dieWithParent ? unmadeAtExit(task, set, points) : () => undefined;
    const ownsPid = plan.kinds.includes('pid');
    return { task, set, above, ids, cgroup, overlays, points, forgetPoints, work, nullDevice, ownsPid };
  } catch (error) {
    task.end();
    await task.exited;
    await Promise.all([...above, ...layersOf(overlays), ...points].map((each) => each.close()));
    await nullDevice?.close();
    await set?.close();
    throw error;
  }
}

/** Programs join what the sandbox was built in, too. */
function duplicatesOf({ user, pid }: SandboxPlan['existing']): number[] {
  const fds: number[] = [];
  try {
    for (const namespace of [user, pid]) if (namespace !== undefined) fds.push(native().duplicate(namespace.fd));
    return fds;
  } catch (cause) {
    for (const fd of fds) native().closeNow(fd);
    throw systemError(cause, { step: 'duplicate', operation: 'open' });
  }
}

/** Two descriptors each, in the order of the steps. */
function overlaysOf({ root, entries }: SandboxPlan, task: Task): OverlayLayers[] {
  const targets = [
    ...(root.layers === undefined ? [] : ['/']),
    ...entries.flatMap(({ layers, target }) => (layers === undefined ? [] : [target])),
  ];
  return targets.map((target) => {
    const [upper, lower] = task.fds.splice(0, 2).map((fd) => new Descriptor(fd));
    if (upper === undefined || lower === undefined) throw new Error(`no layers were sent back for ${target}`);
    return { target, upper, lower };
  });
}

/**
 * Takes away the mount points that were made on the host, when nobody is inside any more: what a program has put there,
 * and what another sandbox uses, stays.
 */
export async function removeMountPoints({ points, set, task, ownsPid, forgetPoints }: Built): Promise<void> {
  if (points.length === 0) return;
  if (ownsPid) {
    task.ref();
    task.end();
    await task.exited;
  }
  const join = set.user === undefined ? [] : [set.user];
  await unmake(
    join,
    points.map(({ fd }) => fd),
  );
  forgetPoints();
}

/** The same when this process ends by itself: the task is started and does its work while the event loop stands still. */
function unmadeAtExit(task: Task, { user }: NamespaceSet, points: readonly Descriptor[]): () => void {
  if (points.length === 0) return () => undefined;
  return atExit(() => {
    task.end();
    const fds = points.map(({ fd }) => fd);
    const join: Step[] = user === undefined ? [] : [['join', [user.fd], [CLONE_FLAGS.user]]];
    native().launch({ flags: 0, steps: [...join, ['unmake', fds], ['exit']] }, () => undefined);
    untilDone(() => {
      if (!fds.every((fd) => readlinkSync(`/proc/self/fd/${fd}`).endsWith(' (deleted)'))) throw new Error('not yet');
    });
  });
}

/** What can't be removed is left: that is no reason why a sandbox could not be closed. */
async function unmake(join: readonly Namespace[], points: readonly number[]): Promise<void> {
  await runBody({ join }, { steps: [['unmake', [...points]]], ids: 'given' }).catch(() => undefined);
}

/** What is closed with a sandbox. */
export function layersOf(overlays: readonly OverlayLayers[]): Descriptor[] {
  return overlays.flatMap(({ upper, lower }) => [upper, lower]);
}

function kindsOf({ kinds, user, network }: SandboxPlan): NamespaceKind[] {
  const own: NamespaceKind[] = [...kinds, 'mnt'];
  if (user !== undefined) own.push('user');
  if (network !== undefined) own.push('net');
  return NAMESPACE_KINDS.filter((kind) => own.includes(kind));
}

/** What belongs to one of these can be joined only from there: the network, and the mounts. */
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
