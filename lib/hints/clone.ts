/** Hints about new namespaces and the tasks in them: clone3(2), unshare(2), fork. */
import { Errno } from '../kernel/errno';
import type { NamespaceKind } from '../kernel/namespace-kind';
import type { HostFiles } from '../kernel/host-files';
import {
  Capability,
  asRoot,
  asksForUser,
  caller,
  effectiveId,
  filteredBySeccomp,
  forbiddenByDebian,
  hasCapability,
  hasSeccompFilter,
  isNested,
  refusedBySecurityModule,
  restrictedByAppArmor,
  withUser,
} from './evidence';
import { type Explainer, type Failure, byErrno } from './failure';
import { idsMappedHere, isMapped } from './id-ranges';
import { noMoreTasks } from './limits';
import { listed, quoted, sentence } from './wording';

/** User and pid namespaces nest this deep and no deeper (user_namespaces(7), pid_namespaces(7)). */
const MAX_DEPTH = 32;

/** The limits user.max_*_namespaces of a new user namespace start at the largest int (namespaces(7)). */
const NO_LIMIT = 2 ** 31 - 1;

/** A process that nests too deep has not made this many namespaces: it was not a higher limit that stopped it. */
const FAR_AWAY = 1000;

/** The kernel's build option for each kind; mnt has none. */
const CONFIG: Readonly<Partial<Record<NamespaceKind, string>>> = {
  cgroup: 'CONFIG_CGROUPS',
  ipc: 'CONFIG_IPC_NS',
  net: 'CONFIG_NET_NS',
  pid: 'CONFIG_PID_NS',
  time: 'CONFIG_TIME_NS',
  user: 'CONFIG_USER_NS',
  uts: 'CONFIG_UTS_NS',
};

/** Explains a failed clone3 of the new task, or a failed unshare of nsinit, for kinds that clone3 cannot make. */
export const explainClone: Explainer = byErrno({
  [Errno.EPERM]: (failure, host) => {
    if (failure.joined?.includes('user') === true) return refusedBelowJoined(failure, host);
    if (!asksForUser(failure)) return unprivileged(failure, host);
    return failure.kind === 'time' ? refusedInNew(failure, host) : userRefused(failure, host);
  },
  [Errno.EACCES]: (failure, host) => restrictedByAppArmor(failure, host) ?? refusedBySecurityModule(host),
  [Errno.ENOSPC]: limitReached,
  [Errno.EUSERS]: nestedTooDeep,
  [Errno.EINVAL]: (failure, host) => unknownKind(failure, host) ?? timeUnshared(host),
  [Errno.ENOSYS]: notImplemented,
  [Errno.EAGAIN]: tooManyTasks,
  [Errno.ENOMEM]: (_, host) => ownChildrenHaveNoInit(host),
});

/** Explains a failed fork of nsinit into a pid namespace that it has joined or unshared. */
export const explainFork: Explainer = byErrno({
  [Errno.ENOMEM]: () =>
    'The init of that pid namespace has ended, and a pid namespace without its init takes no new process ' +
    '(pid_namespaces(7)). Create a new one, and keep its set or its init open for as long as it is needed.',
  [Errno.EAGAIN]: tooManyTasks,
  [Errno.EPERM]: (_, host) => filteredBySeccomp(host, ['clone', 'fork']),
});

/** Explains a failure of the clone3 that makes the program, where its pids were chosen. */
export const explainSetTid: Explainer = byErrno({
  [Errno.EEXIST]: () =>
    'A pid that was chosen is taken in its pid namespace, by a process, a thread, a process group or a session. Choose another, ' +
    'or wait until what has it is gone.',
  [Errno.EPERM]: (_, host) =>
    'To choose pids takes CAP_SYS_ADMIN, or CAP_CHECKPOINT_RESTORE (Linux 5.9), in the user namespace that owns each pid namespace ' +
    `concerned (clone(2)), which ${caller(host)} does not have in all of them. Choose only pids in pid namespaces ` +
    `that are made with, or below, a new user namespace; or ${asRoot(host, 'SYS_ADMIN')}.`,
  [Errno.EINVAL]: (_, host) =>
    'There are more pids than levels of pid namespaces, or one is not below ' +
    `kernel.pid_max (${host.sysctl('kernel.pid_max') ?? 'proc_sys_kernel(5)'}).`,
  [Errno.ENOSYS]: notImplemented,
  [Errno.E2BIG]: () => 'This kernel cannot choose pids: that takes Linux 5.5 (set_tid, clone(2)).',
  [Errno.EAGAIN]: tooManyTasks,
  [Errno.ENOMEM]: (failure, host) => explainFork(failure, host),
});

/** Explains a failure of `thread.unshareSync`, which acts on a thread of Node itself. */
export const explainUnshareSync: Explainer = (failure, host) =>
  failure.errno === Errno.EINVAL && asksForUser(failure)
    ? 'A thread of a process that has several cannot make itself a user namespace (unshare(2)), and Node always has ' +
      "several. Use unshare(['user', …]) or spawn(), which do it in a task of its own."
    : (refusedToThread(failure, host) ?? explainClone(failure, host));

/** A thread cannot add a user namespace, so that remedy is not offered. */
function refusedToThread(failure: Failure, host: HostFiles): string | undefined {
  const kinds = kindsOf(failure);
  if (failure.errno !== Errno.EPERM || kinds.length === 0 || hasCapability(host, Capability.SYS_ADMIN) === true) {
    return undefined;
  }
  return (
    `New ${listed(kinds)} namespaces take CAP_SYS_ADMIN, which ${caller(host)} does not have, and a thread cannot get it in a ` +
    `new user namespace. ${sentence(asRoot(host, 'SYS_ADMIN'))}, or use unshare(['user', …]) or spawn(), which do it in a ` +
    'task of its own.'
  );
}

function tooManyTasks(failure: Failure, host: HostFiles): string {
  const own =
    failure.cgroup === true ? ' An init of ours counts in the pidsMax of its cgroup, beside the program.' : '';
  return `${noMoreTasks(host)}${own}`;
}

/**
 * create_user_ns() of kernel/user_namespace.c answers EPERM in a chroot and to unmapped ids, whatever privileges the
 * caller has.
 */
function userRefused(failure: Failure, host: HostFiles): string {
  return (
    forbiddenByDebian(host) ??
    changedRoot(host) ??
    unmappedCaller(host) ??
    filteredBySeccomp(host, callsOf(failure), failure) ??
    restrictedByAppArmor(failure, host) ??
    refusedBySecurityModule(host) ??
    'No sysctl and no seccomp filter forbids user namespaces here, which leaves a chroot: the kernel refuses them ' +
      'where / is not the root of the mount namespace (user_namespaces(7)), even to root. Enter that directory with ' +
      'pivot_root(2) instead of chroot(2), or start Node outside of it.'
  );
}

/**
 * Tells a chroot to a directory: nothing is mounted on "/" then. (A chroot to a mount point looks like any other root
 * from inside.)
 */
export function changedRoot(host: HostFiles): string | undefined {
  const mounts = host.mounts();
  if (mounts === undefined || mounts.length === 0 || mounts.some(({ target }) => target === '/')) return undefined;
  return (
    'This process runs in a chroot (/ is no mount point in /proc/self/mountinfo), where the kernel refuses new user ' +
    'namespaces (user_namespaces(7)), even to root. Enter that directory with pivot_root(2) instead of chroot(2), or ' +
    'start Node outside of it.'
  );
}

/** The ids of the creator have to be mapped in the user namespace from which it creates another (clone(2), EPERM). */
function unmappedCaller(host: HostFiles): string | undefined {
  const unmapped = (['Uid', 'Gid'] as const).filter((whose) => {
    const id = effectiveId(host, whose);
    const ranges = idsMappedHere(host, whose);
    return id !== undefined && ranges !== undefined && !isMapped(ranges, id);
  });
  if (unmapped.length === 0) return undefined;
  const ids = listed(unmapped.map((whose) => whose.toLowerCase()));
  const files = listed(unmapped.map((whose) => `/proc/self/${whose.toLowerCase()}_map`));
  const verb = unmapped.length === 1 ? 'has' : 'have';
  return (
    `The ${ids} of this process ${verb} no mapping in its own user namespace (${files}), and without one it cannot ` +
    'create another (clone(2)). Start it in a user namespace whose uid_map and gid_map cover its ids.'
  );
}

/** Every kind but user needs CAP_SYS_ADMIN in the current user namespace (clone(2), unshare(2)). */
function unprivileged(failure: Failure, host: HostFiles): string | undefined {
  const kinds = kindsOf(failure);
  if (hasCapability(host, Capability.SYS_ADMIN) === true) {
    return filteredBySeccomp(host, callsOf(failure), failure) ?? refusedBySecurityModule(host);
  }
  if (kinds.length === 0) return filteredBySeccomp(host, callsOf(failure), failure);
  return (
    `New ${listed(kinds)} namespaces take CAP_SYS_ADMIN, which ${caller(host)} does not have. ` +
    withUser(failure, "Add 'user' to the kinds, which needs no privilege and gives all capabilities inside") +
    `; or ${asRoot(host, kinds.includes('net') ? ['CAP_SYS_ADMIN', 'CAP_NET_ADMIN'] : 'SYS_ADMIN')}.`
  );
}

/** The time namespace is made when the user namespace exists, with all capabilities in it. */
function refusedInNew(failure: Failure, host: HostFiles): string | undefined {
  return (
    filteredBySeccomp(host, callsOf(failure), failure) ??
    restrictedByAppArmor(failure, host) ??
    refusedBySecurityModule(host)
  );
}

/** In a user namespace that was joined first, the ids and capabilities in Node's own files do not count. */
function refusedBelowJoined(failure: Failure, host: HostFiles): string {
  return (
    filteredBySeccomp(host, callsOf(failure), failure) ??
    restrictedByAppArmor(failure, host) ??
    'In the user namespace that was joined, this task has no CAP_SYS_ADMIN, or ids that are not mapped (clone(2)). ' +
      'Join one whose uid_map and gid_map are written, as its root.'
  );
}

/**
 * Since 4.9 the kernel has one error for two causes: the limit of a user namespace on the way up is reached, or there
 * are 32 levels already (namespaces(7), clone(2) ENOSPC).
 */
function limitReached(failure: Failure, host: HostFiles): string | undefined {
  if (isTooDeep(failure)) return nestedTooDeep();
  const limits = limitsOf(kindsOf(failure), host);
  if (limits.length === 0) return undefined;
  if (failure.joined?.includes('user') === true) return limitBelowJoined(limits);
  if (limits.some(({ value }) => value === 0))
    return noneAllowed(
      limits.filter(({ value }) => value === 0),
      host,
    );
  const set = limits.filter(({ value }) => value !== NO_LIMIT);
  const deep = limits.some(({ kind, value }) => mayBeDeep(kind, value, host));
  if (set.length === 0 || (deep && set.every(({ value }) => value > FAR_AWAY))) return limitFurtherOut(limits, deep);
  const values = listed(set.map(({ name, value }) => `${name} = ${value}`));
  const lowest = set.reduce((low, limit) => (limit.value < low.value ? limit : low));
  return (
    `The limit on namespaces is reached: ${values}. It counts per user and per level of user namespaces ` +
    `(namespaces(7)), so what was made further in counts too${outerToo(host)}. Close sets that are no longer used, or raise it with ` +
    `'sudo sysctl -w ${lowest.name}=${Math.max(lowest.value * 2, 15000)}'.`
  );
}

/** In a user namespace, the limit that is reached may be that of one further out, whose value cannot be seen. */
function outerToo(host: HostFiles): string {
  return isNested(host, 'user') === true ? '; or the limit of an outer user namespace is reached' : '';
}

function limitFurtherOut(limits: readonly Limit[], deep: boolean): string {
  const names = listed(
    limits.map(({ name }) => name),
    'or',
  );
  const nested = deep ? `Namespaces are nested deeper than ${MAX_DEPTH} levels here, or the` : 'The';
  return (
    `${nested} limit of an outer user namespace is reached (${names}: each level has its own, and that of this one is not ` +
    'the reason), or none are allowed there, as in a Sandbox with disableUserNamespaces. Create them from a process further ' +
    'out, or close sets that are no longer used.'
  );
}

/**
 * Node's own limits are those of another level: the limit that is reached is most likely that of the joined user
 * namespace.
 */
function limitBelowJoined(limits: readonly Limit[]): string {
  const names = listed(
    limits.map(({ name }) => name),
    'or',
  );
  const values = listed(limits.map(({ value }) => String(value)));
  const file = `/proc/sys/${limits[0]?.name.replaceAll('.', '/') ?? ''}`;
  return (
    `The limit ${names} is reached in the user namespace that was joined, or in one between it and Node's, which has ` +
    `${values}; each level has its own (namespaces(7)). Read it inside, readFile('${file}') of the set, and raise it ` +
    'there with writeFile(), or close sets that are no longer used.'
  );
}

/** The kernel lets user namespaces nest one level deeper than documented (create_user_ns(), create_pid_namespace()). */
function isTooDeep({ kind, depth = 0 }: Failure): boolean {
  return (kind === 'user' && depth > MAX_DEPTH) || (kind === 'pid' && depth >= MAX_DEPTH);
}

interface Limit {
  kind: NamespaceKind;
  name: string;
  value: number;
}

function limitsOf(kinds: readonly NamespaceKind[], host: HostFiles): Limit[] {
  return kinds.flatMap((kind) => {
    const name = `user.max_${kind}_namespaces`;
    const value = host.sysctl(name);
    return value === undefined ? [] : [{ kind, name, value }];
  });
}

/** The limits are zero: hardening guides forbid user namespaces in this way. */
function noneAllowed(zero: readonly Limit[], host: HostFiles): string {
  const names = listed(zero.map(({ name }) => `${name} = 0`));
  const remedy = zero.map(({ name }) => `${name}=15000`).join(' ');
  if (isNested(host, 'user') === true) {
    return (
      `No ${listed(zero.map(({ kind }) => kind))} namespaces are allowed in the user namespace of this process: ${names} ` +
      'there, as in a Sandbox with disableUserNamespaces. Create them from a process further out.'
    );
  }
  return (
    `No ${listed(zero.map(({ kind }) => kind))} namespaces are allowed here: ${names}. Raise it with ` +
    `'sudo sysctl -w ${remedy}', for good in a file of /etc/sysctl.d.`
  );
}

/** True where nesting can be the cause: Node is below the first namespace of that kind, and the limit is far away. */
function mayBeDeep(kind: NamespaceKind, limit: number, host: HostFiles): boolean {
  if (kind === 'user') return limit === NO_LIMIT && isNested(host, 'user') === true;
  return kind === 'pid' && limit > FAR_AWAY && isNested(host, 'pid') === true;
}

/** Also for kernels before 4.9, and emulations of them, which have an error of its own for this: EUSERS. */
function nestedTooDeep(): string {
  return (
    `Namespaces are nested deeper than ${MAX_DEPTH} levels, the kernel's limit for user and pid namespaces. Create ` +
    'them from a process further out.'
  );
}

/** A kernel without a kind does not know its flag. /proc/PID/ns has a file for each kind that it knows. */
function unknownKind(failure: Failure, host: HostFiles): string | undefined {
  if (!host.has('self/ns')) return undefined;
  const missing = kindsOf(failure).filter((kind) => !host.has(`self/ns/${kind}`));
  if (missing.length === 0) return undefined;
  const options = listed(missing.map((kind) => CONFIG[kind] ?? kind));
  return (
    `This kernel has no ${listed(missing)} namespaces (no /proc/self/ns/${missing[0] ?? ''}): leave out ` +
    `${quoted(missing)}, or run a kernel built with ${options}.`
  );
}

/** A task that has unshared time cannot start a task that shares its memory any more: time_namespaces(7). */
function timeUnshared(host: HostFiles): string | undefined {
  const current = host.link('self/ns/time');
  const next = host.link('self/ns/time_for_children');
  if (current === undefined || next === undefined || current === next) return undefined;
  return (
    'This thread has unshared its time namespace (unshareSync), and such a thread cannot start tasks that share its ' +
    'memory. Start them from a thread that has not.'
  );
}

function notImplemented(_: Failure, host: HostFiles): string {
  if (hasSeccompFilter(host)) {
    return (
      "A seccomp filter answers ENOSYS (Seccomp: 2 in /proc/self/status), as containers' default profiles do for " +
      "clone3. Update the container runtime, or start the container with '--security-opt seccomp=unconfined' or a " +
      'profile that allows clone3 and unshare.'
    );
  }
  return (
    'Linux has this call since 5.3 and no seccomp filter hides it here: this is no full Linux kernel but an ' +
    'emulation of it (gVisor, a translator), which does not offer it.'
  );
}

/** Node's own children are born in a pid namespace whose init has ended. */
function ownChildrenHaveNoInit(host: HostFiles): string | undefined {
  const own = host.link('self/ns/pid');
  const next = host.link('self/ns/pid_for_children');
  if (own === undefined || next === undefined || own === next) return undefined;
  return (
    `Children of this thread are born in ${next}, and the init of that pid namespace has ended: it takes no new ` +
    'process (pid_namespaces(7)). Start them from a thread that has not unshared or joined it.'
  );
}

/** The calls that may have failed: clone takes over where clone3 does not exist (ENOSYS), as in containers. */
function callsOf(failure: Failure): readonly string[] {
  return failure.syscall === 'clone3' ? ['clone', 'clone3'] : [failure.syscall];
}

function kindsOf(failure: Failure): readonly NamespaceKind[] {
  return failure.kind === undefined ? (failure.kinds ?? []) : [failure.kind];
}
