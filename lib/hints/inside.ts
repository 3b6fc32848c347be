/** Hints about the work of nsinit in the new task: names, ids, clocks, files, the working directory, descriptors. */
import { Errno } from '../kernel/errno';
import type { HostFiles } from '../kernel/host-files';
import type { NamespaceKind } from '../kernel/namespace-kind';
import {
  Capability,
  asRoot,
  asksForUser,
  caller,
  effectiveId,
  filteredBySeccomp,
  hasCapability,
  inItsRoot,
  refusedBySecurityModule,
  restrictedByAppArmor,
  withUser,
  worksIn,
} from './evidence';
import { explainClone } from './clone';
import { type Explainer, type Failure, byErrno } from './failure';
import { parseMap, showRange } from './id-ranges';
import { inTheWay, named, quoted } from './wording';

/** `__NEW_UTS_LEN` of `<linux/utsname.h>`. */
const LONGEST_NAME = 64;

export const explainHostname: Explainer = byErrno({
  [Errno.EPERM]: needs('uts', 'SYS_ADMIN', 'Setting the host or domain name'),
  [Errno.EINVAL]: () => `A host or domain name has at most ${LONGEST_NAME} bytes (sethostname(2)); this one is longer.`,
});

export const explainLoopback: Explainer = byErrno({
  [Errno.EPERM]: needs('net', 'NET_ADMIN', 'Bringing up lo'),
  [Errno.EACCES]: (failure, host) => restrictedByAppArmor(failure, host) ?? refusedBySecurityModule(host),
});

export const explainSocket: Explainer = byErrno({
  [Errno.EPERM]: needs('net', 'NET_RAW', 'A raw or packet socket'),
  [Errno.EACCES]: (_, host) => refusedBySecurityModule(host),
  [Errno.EAFNOSUPPORT]: () => 'This kernel does not have that address family, or its module is not loaded.',
});

/** Explains a failure of the unshare of time, or of the write of its offsets: time_namespaces(7). */
export const explainTime: Explainer = (failure, host) =>
  failure.syscall === 'unshare' ? explainClone(timeOnly(failure), host) : explainOffsets(failure, host);

const explainOffsets: Explainer = byErrno({
  [Errno.ERANGE]: () =>
    'A clock of the new time namespace would be negative, or further ahead than about 146 years ' +
    "(time_namespaces(7)). An offset is added to the host's clock, so a negative one may not be larger than its " +
    'uptime.',
  [Errno.EACCES]: () =>
    'A task has entered that time namespace, and from then on its offsets are fixed (time_namespaces(7)). Set them ' +
    'when it is created.',
  [Errno.EPERM]: (failure, host) =>
    restrictedByAppArmor(failure, host) ??
    'Setting clock offsets takes CAP_SYS_TIME in the user namespace that owns the time namespace ' +
      `(time_namespaces(7)): add 'user' to the kinds, or ${asRoot(host, 'SYS_TIME')}.`,
  [Errno.EINVAL]: () => "Only 'monotonic' and 'boottime' have an offset, of seconds and of 0 to 999999999 nanoseconds.",
  [Errno.ENOENT]: () => 'This kernel has no time namespaces: they came with Linux 5.6 and CONFIG_TIME_NS.',
});

/**
 * Explains failures of setresuid(2), setresgid(2) and setgroups(2), with the ids that were asked for or those that a
 * new user namespace starts with.
 */
export const explainIds: Explainer = byErrno({
  [Errno.EINVAL]: unmappedId,
  [Errno.EPERM]: (failure, host) => {
    const restricted = restrictedByAppArmor(failure, host);
    if (restricted !== undefined) return restricted;
    const denied = failure.setgroups === 'deny' || host.proc('self/setgroups')?.trim() === 'deny';
    if (failure.syscall === 'setgroups' && (denied || worksIn('user', failure))) {
      return (
        'setgroups is denied in this user namespace, or it has no gid_map yet (user_namespaces(7)): supplementary ' +
        "groups stay as they are. Leave out 'groups', or map gids with privilege (gidMap: 'auto', or root) and " +
        "setgroups: 'allow'."
      );
    }
    const capability = failure.syscall === 'setresuid' || failure.syscall === 'setuid' ? 'SETUID' : 'SETGID';
    return (
      `Taking on other ids takes CAP_${capability}, which ${caller(host)} does not have. ` +
      `${withUser(failure, "Add 'user' to the kinds and map the ids")}, or ${asRoot(host, capability)}.`
    );
  },
});

/** RESOLVE_NO_MAGICLINKS, openat2(2). */
const looped = (failure: Failure): string =>
  `There are too many symbolic links on the way to ${named(failure.path, 'it')}, or a link of /proc that leads to ` +
  "whatever a process has open (/proc/PID/root, /proc/self/fd/N): those are not followed in another root than this process's.";

export const explainChdir: Explainer = byErrno({
  [Errno.ELOOP]: looped,
  [Errno.ENOENT]: (failure) =>
    inItsRoot(
      failure,
      `The working directory ${named(failure.path, 'asked for')} does not exist in the root the program runs in.`,
    ),
  [Errno.ENOTDIR]: (failure) => `The working directory ${named(failure.path, 'asked for')} is no directory.`,
  [Errno.EACCES]: (failure) =>
    `The ids the program runs with may not search ${named(failure.path, 'the working directory')} or a directory ` +
    'on its way; in a user namespace, what belongs to ids that are not mapped is closed even to its root. Give ' +
    "another 'cwd', or more permission.",
});

export const explainChroot: Explainer = byErrno({
  [Errno.ELOOP]: looped,
  [Errno.EPERM]: (failure, host) => restrictedByAppArmor(failure, host) ?? chrootRefused(failure, host),
  [Errno.ENOENT]: (failure) => `The root ${named(failure.path, 'asked for')} does not exist.`,
  [Errno.ENOTDIR]: (failure) => `The root ${named(failure.path, 'asked for')} is no directory.`,
  [Errno.EACCES]: (failure) => `${named(failure.path, 'The root')} or a directory on its way may not be searched.`,
});

/** A task that was born in a new user namespace has all capabilities there, and another one may have the capability. */
function chrootRefused(failure: Failure, host: HostFiles): string {
  const mayDoIt = worksIn('user', failure) ? asksForUser(failure) : hasCapability(host, Capability.SYS_CHROOT) === true;
  const refusal = mayDoIt
    ? (filteredBySeccomp(host, [failure.syscall], failure) ?? refusedBySecurityModule(host))
    : undefined;
  if (refusal !== undefined) return refusal;
  if (worksIn('user', failure)) {
    return 'To change the root takes CAP_SYS_CHROOT, which the ids the program runs with do not have in that user namespace.';
  }
  return (
    `To change the root takes CAP_SYS_CHROOT, which ${caller(host)} does not have. ` +
    `${withUser(failure, "Add 'user' to the kinds, which needs no privilege")}, or ${asRoot(host, 'SYS_CHROOT')}.`
  );
}

/** Something else lies where a file or directory is to be made or written. */
const occupied = ({ path, detail }: Failure): string | undefined => {
  const there = inTheWay(detail);
  return there === undefined
    ? undefined
    : `${there} already, and ${named(path, 'what was asked for')} is to be made there.`;
};

/** The most entries and bytes of a list that comes from inside: nsinit has sent them. */
export const MOST = { entries: 1_000_000, bytes: 256 * 1024 * 1024 } as const;

const tooLong = ({ path, detail }: Failure): string | undefined => {
  if (detail !== 'entries' && detail !== 'bytes') return undefined;
  const most = detail === 'entries' ? `${MOST.entries} entries` : `${MOST.bytes} bytes of names`;
  return (
    `${named(path, 'What is to be listed')} has more than ${most}, which is the most that is taken from a sandbox in one ` +
    'list. Run a program inside that lists a part of it.'
  );
};

/** Explains failures of writing and reading files inside, mostly sysctls. */
export const explainFile: Explainer = byErrno({
  [Errno.ELOOP]: looped,
  [Errno.EFBIG]: tooLong,
  [Errno.EEXIST]: occupied,
  [Errno.ENOTDIR]: ({ path, detail }) => {
    const there = inTheWay(detail);
    return there === undefined ? undefined : `${there}, and ${named(path, 'the path')} takes a directory there.`;
  },
  [Errno.ENOSPC]: ({ path }) =>
    `The filesystem that has ${named(path, 'the file')} is full, or has no inode left. A tmpfs of a sandbox takes 'size', a ` +
    'number of bytes; without one it is half of the memory (tmpfs(5)).',
  [Errno.EDQUOT]: ({ path }) =>
    `The owner of ${named(path, 'the file')} has used up a quota on its filesystem (quotactl(2)).`,
  [Errno.EACCES]: (failure, host) =>
    restrictedByAppArmor(failure, host) ?? foreignSysctl(failure) ?? refusedBySecurityModule(host),
  [Errno.EPERM]: (failure, host) => restrictedByAppArmor(failure, host) ?? foreignSysctl(failure),
  [Errno.EROFS]: (failure) =>
    isSysctl(failure)
      ? `${named(failure.path, 'This sysctl')} is on a read-only mount; containers mount /proc/sys so. Mount a new proc ` +
        'inside first.'
      : `${named(failure.path, 'The file')} is on a read-only mount.`,
  [Errno.EINVAL]: (failure) =>
    isSysctl(failure) ? `The kernel does not take that value for ${named(failure.path, 'this sysctl')}.` : undefined,
  [Errno.ENOENT]: (failure) =>
    sysctlOfLink(failure) ??
    (isSysctl(failure)
      ? `There is no ${named(failure.path, 'such sysctl')} in these namespaces: its module is not loaded, or only ` +
        'the first namespace of its kind has it.'
      : `${named(failure.path, 'The file')} does not exist in the root of that mount namespace.`),
});

export const explainStdio: Explainer = byErrno({
  [Errno.EBADF]: () =>
    'A descriptor that was given to stdio is not open any more. Keep it open until the program has started.',
});

/** /dev/ptmx in the root that the program has: pts(4), and the kernel's Documentation/filesystems/devpts.rst. */
export const explainPty: Explainer = byErrno({
  [Errno.ENOENT]: () => `There is no /dev/ptmx in the root of the program. ${OWN_DEVPTS}`,
  [Errno.ENODEV]: () => `No devpts is mounted beside /dev/ptmx in the root of the program, at /dev/pts. ${OWN_DEVPTS}`,
  [Errno.EACCES]: () =>
    'The program may not open /dev/ptmx: a devpts that was mounted without ptmxmode=0666 has one that nobody may open, ' +
    `and on a mount with nodev no device can be. ${OWN_DEVPTS}`,
  [Errno.ENOSPC]: () =>
    'There are as many terminals as the kernel allows: /proc/sys/kernel/pty/max, less what pty/reserve keeps for the ' +
    "host's own devpts, or max= of the devpts in the root of the program.",
});

/** The remedy works in a user namespace as well, whose root can mount a devpts. */
const OWN_DEVPTS =
  "Mount one inside: type 'devpts' on /dev/pts with the data 'newinstance,ptmxmode=0666', and make /dev/ptmx a link to " +
  'pts/ptmx.';

export const explainSetsid: Explainer = byErrno({
  [Errno.EPERM]: () => 'The task leads a process group already, and such a one cannot begin a session (setsid(2)).',
});

/** The operation needs a capability in the user namespace that owns the namespace of one kind. */
function needs(kind: NamespaceKind, capability: keyof typeof Capability, what: string): Explainer {
  return (failure, host) => {
    const restricted = restrictedByAppArmor(failure, host);
    if (restricted !== undefined) return restricted;
    const missing = (['user', kind] as const).filter((wanted) => !worksIn(wanted, failure));
    const privileged = missing.length === 0 || hasCapability(host, Capability[capability]) === true;
    if (failure.owner === undefined && privileged) {
      return filteredBySeccomp(host, [failure.syscall], failure) ?? refusedBySecurityModule(host);
    }
    const owner = failure.owner ?? `the user namespace that owns the ${kind} namespace`;
    const takes = `${what} takes CAP_${capability} in ${owner}.`;
    if (missing.length === 0) return `${takes} Do it as root there.`;
    const added = withUser(failure, `Add ${quoted(missing)} to the kinds`);
    const root = effectiveId(host, 'Uid') === 0 ? asRoot(host, capability) : 'do it as root there';
    return `${takes} ${added}, or ${root}.`;
  };
}

/** `uid 5`: an id cannot be used where no line of the map has it (user_namespaces(7)). */
function unmappedId(failure: Failure): string {
  const whose = failure.syscall === 'setresuid' || failure.syscall === 'setuid' ? 'uid' : 'gid';
  const known = failure.id !== undefined && failure.syscall !== 'setgroups';
  const id = known ? `${whose} ${failure.id}` : `The ${whose} asked for, or one of several,`;
  const ranges = parseMap(failure.map ?? '')?.map(({ inside }) => showRange(inside)) ?? [];
  const mapped = ranges.length === 0 ? '' : `, which has ${ranges.join(', ')}`;
  return (
    `${id} is not mapped in the user namespace of the program${mapped}: give an id that is, or one more range in ` +
    `${whose}Map ('auto' maps all that /etc/subuid and /etc/subgid grant).`
  );
}

function isSysctl(failure: Failure): boolean {
  return failure.path?.startsWith('/proc/sys/') === true;
}

/** The sysctl lies in a directory that has one directory for each link: lib/network/sysctl.ts. */
function sysctlOfLink(failure: Failure): string | undefined {
  const [, link, setting] =
    /^\/proc\/sys\/net\/(?:ipv4|ipv6|mpls)\/(?:conf|neigh)\/([^/]+)\/([^/]+)$/.exec(failure.path ?? '') ?? [];
  if (link === undefined || setting === undefined) return undefined;
  return `There is no link ${link} in that network, or no setting '${setting}' of links.`;
}

/** The sysctl belongs to another namespace than the task's, or to the host alone. */
function foreignSysctl(failure: Failure): string | undefined {
  if (!isSysctl(failure)) return undefined;
  const path = failure.path ?? '';
  if (path.startsWith('/proc/sys/net/') && !worksIn('net', failure)) {
    return `'${path}' belongs to the net namespace, and that is an outer one here: add 'net' to the kinds.`;
  }
  return (
    `'${path}' belongs to the host and not to a namespace of this task, or to root of an outer user namespace: ` +
    'only root of the host can write it.'
  );
}

/** nsinit unshares only time: clone3 made the other kinds that were asked for. */
function timeOnly(failure: Failure): Failure {
  const kinds: NamespaceKind[] = asksForUser(failure) ? ['time', 'user'] : ['time'];
  return { ...failure, kind: 'time', kinds: failure.errno === Errno.EPERM ? kinds : ['time'] };
}
