/**
 * Hints about mount(2), umount(2), mount_setattr(2), and the rules of mount_namespaces(7) for less privileged
 * namespaces.
 */
import { Errno } from '../kernel/errno';
import type { NamespaceKind } from '../kernel/namespace-kind';
import type { MountLine } from '../kernel/mount-line';
import type { HostFiles } from '../kernel/host-files';
import { type KernelVersion, isAtLeast } from '../kernel/version';
import {
  asRoot,
  caller,
  filteredBySeccomp,
  hasCapability,
  Capability,
  refusedBySecurityModule,
  restrictedByAppArmor,
  withUser,
  worksIn,
} from './evidence';
import { type Explainer, type Failure, byErrno } from './failure';
import { aNamespace, inTheWay, listed, named } from './wording';

/** The kind of namespace whose owner may mount each of these, because their files show that namespace. */
const SHOWS: Readonly<Record<string, NamespaceKind | undefined>> = {
  proc: 'pid',
  sysfs: 'net',
  mqueue: 'ipc',
  cgroup2: 'cgroup',
};

/**
 * The filesystems that root of a user namespace may mount: those with FS_USERNS_MOUNT in the kernel
 * (user_namespaces(7)).
 */
const MOUNTABLE_INSIDE = new Set([
  ...Object.keys(SHOWS),
  ...['cgroup', 'tmpfs', 'ramfs', 'devpts', 'overlay', 'fuse', 'bpf', 'binder'],
]);

/** The steps of the entries `readOnly` and `mask` of a sandbox, which change what exists already. */
const OF_WHAT_IS_THERE: readonly string[] = ['seal', 'mask'];

/** Directories of /proc that exist to be mounted on, so that a mount there hides nothing. */
const MADE_FOR_MOUNTS = ['/proc/sys/fs/binfmt_misc', '/proc/fs/nfsd'];

/**
 * Explains a failed mount of a filesystem or of a part of the tree. It takes several calls, and the one that failed
 * says on which side the cause is: fsopen(2) and fsconfig(2) on that of the filesystem, open_tree(2) on that of the
 * source, openat2(2) on that of the target, move_mount(2) between the two.
 */
export const explainMount: Explainer = byErrno({
  [Errno.EPERM]: (failure, host) => refused(failure, host),
  [Errno.EACCES]: (failure, host) =>
    restrictedByAppArmor(failure, host) ?? refusedBySecurityModule(host) ?? notAllowed(failure),
  [Errno.EINVAL]: invalid,
  [Errno.ENOENT]: missingPath,
  [Errno.ENOTDIR]: notADirectory,
  [Errno.ENODEV]: unknownFilesystem,
  [Errno.ESTALE]: movedAway,
  [Errno.ENOTBLK]: (failure) =>
    `The source of ${named(failure.path, 'the mount')} is no block device, and this filesystem takes one: losetup(8) makes one ` +
    `of a file. erofs takes files as they are since Linux 6.12.`,
  [Errno.EBUSY]: busy,
  [Errno.ENOSPC]: tooManyMounts,
  [Errno.EROFS]: (failure) =>
    `${named(failure.path, 'The target')} does not exist, and can't be made: it would be on a read-only mount.`,
  [Errno.ELOOP]: looped,
  [Errno.EMLINK]: ({ path }) =>
    `${named(path, 'The file')} has another name (a hard link), and could be changed by that. Give it one name: ` +
    `cp -p FILE NEW && mv NEW FILE.`,
  [Errno.EOPNOTSUPP]: (failure) => notSupported(failure),
  [Errno.ENOSYS]: (failure, host) => unknownCall(failure, host),
  [Errno.E2BIG]: ({ fstype }) =>
    fstype === 'overlay' ? 'An overlay of so many layers, more than 15 or so, takes Linux 6.7.' : undefined,
});

/** EACCES of a mount. A call that looks for a source never looks for the target as well. */
function notAllowed({ syscall, path, source, descriptor }: Failure): string {
  if (syscall === 'open_tree' || syscall === 'open') {
    const what = descriptor === undefined ? named(path ?? source, 'of it') : `descriptor ${descriptor}`;
    return `The source, ${what}, or a directory on the way to it may not be searched by this task's ids.`;
  }
  if (syscall === 'fsconfig' || syscall === 'fsmount') {
    return `${named(source, 'The source')} may not be opened by this task's ids, or is a read-only device that was not mounted read-only.`;
  }
  return `A directory on the way to ${named(path, 'the target')} may not be searched, or not be written, by this task's ids.`;
}

/** Says whether a path is one of a joined mount namespace, or one that this process has, too. */
function placeOf({ joined }: Failure): string {
  return joined?.includes('mnt') === true ? 'in the root of that mount namespace' : 'on the host';
}

function missingPath(failure: Failure): string {
  const { operation, path, source, syscall, fstype, descriptor } = failure;
  const root = 'in the root of that mount namespace';
  if (OF_WHAT_IS_THERE.includes(operation)) {
    return (
      `The target ${named(path, 'of the entry')} does not exist in the sandbox: put an entry before it that creates it, or ` +
      "add 'optional: true', which skips the entry where there is no target."
    );
  }
  if (syscall === 'openat2')
    return `The target ${named(path, 'of the mount')} does not exist ${root}: create it first.`;
  if (syscall === 'open_tree' && descriptor !== undefined) {
    return `The source, descriptor ${descriptor}, has no path any more: it was deleted, or lies outside of this process's root.`;
  }
  if (syscall === 'open_tree')
    return `The source ${named(source ?? path, 'of it')} does not exist ${placeOf(failure)}.`;
  if (fstype === 'overlay' && syscall === 'open') {
    return `${named(path, 'A layer')}, a layer of the overlay, does not exist ${placeOf(failure)}: create it first.`;
  }
  return source?.startsWith('/') === true
    ? `The source '${source}' or the target ${named(path, 'of it')} does not exist: create it first.`
    : `The target ${named(path, 'of the mount')} does not exist ${root}: create it first.`;
}

function notADirectory({ path, source, syscall, fstype, detail }: Failure): string {
  if (fstype === 'overlay' && syscall === 'open')
    return `${named(path, 'A layer')}, a layer of the overlay, is no directory.`;
  const there = inTheWay(detail);
  if (syscall === 'openat2') {
    return there === undefined
      ? `Something on the way to the target ${named(path, 'of the mount')} is no directory.`
      : `${there}, and the target ${named(path, 'of the mount')} takes a directory there.`;
  }
  if (syscall === 'open_tree') return `Something on the way to the source ${named(source, 'of it')} is no directory.`;
  return `Something on the way to ${named(path, 'the target')} is no directory.`;
}

/** A path leads to another place than before: check_places() of nsinit, or one of the steps before it. */
function movedAway({ path }: Failure): string {
  return (
    `${named(path, 'A path')} leads to something else than was mounted there: meanwhile somebody has renamed it, or a ` +
    'directory on the way to it. Nobody else should be able to write in a directory that mounts are put on.'
  );
}

function busy({ path, fstype, operation }: Failure): string {
  if (operation === 'reconfigure' || operation === 'attributes') {
    return `${named(path, 'The mount')} can't become read-only: something there is open for writing.`;
  }
  if (operation === 'pivot_root')
    return 'The new root, or the place for the old one, is on the root that there is already: the place is to be at or below the new one.';
  if (fstype === 'overlay') {
    return 'The upper or the work directory is in use by another overlay: each takes directories of its own.';
  }
  return `The source of ${named(path, 'the mount')} is in use: mounted already with other options, or opened by a program.`;
}

function looped({ path, source, syscall }: Failure): string {
  if (syscall === 'move_mount') return `${named(path, 'The target')} is in the mount that was to be moved there.`;
  if (syscall === 'open_tree')
    return `There are too many symbolic links on the way to the source ${named(source ?? path, 'of it')}.`;
  return (
    `There are too many symbolic links on the way to ${named(path, 'the target')}, or a link of /proc that leads to ` +
    'whatever a process has open (/proc/PID/root, /proc/self/fd/N): those are not followed in targets.'
  );
}

function notSupported({ path, syscall }: Failure): string | undefined {
  if (syscall !== 'mount_setattr') return undefined;
  return `The filesystem of ${named(path, 'the mount')} doesn't have that attribute.`;
}

function unknownCall(failure: Failure, host: HostFiles): string | undefined {
  if (failure.detail === 'idmap') return 'ID-mapped mounts take Linux 5.12 (mount_setattr(2)).';
  return filteredBySeccomp(host, [failure.syscall], failure);
}

export const explainPropagation: Explainer = byErrno({
  [Errno.EPERM]: (failure, host) => refused(failure, host),
  [Errno.EACCES]: (failure, host) => restrictedByAppArmor(failure, host) ?? refusedBySecurityModule(host),
  [Errno.EINVAL]: (failure) =>
    `${named(failure.path, 'The path')} is no mount point of that mount namespace, and only a mount point has a ` +
    'propagation: give the mount it lies on, or bind-mount it onto itself first.',
  [Errno.ENOENT]: (failure) => `${named(failure.path, 'The path')} does not exist in the root of that mount namespace.`,
});

export const explainUmount: Explainer = byErrno({
  [Errno.EPERM]: (failure, host) => refused(failure, host),
  [Errno.EINVAL]: lockedOrNone,
  [Errno.EBUSY]: (failure) =>
    `${named(failure.path, 'The mount')} is in use: a process has a file open there or its working directory in ` +
    'it, or something is mounted below it. Unmount that first, or detach lazily ({ detach: true }, MNT_DETACH).',
  [Errno.ENOENT]: (failure) => `${named(failure.path, 'The path')} does not exist in the root of that mount namespace.`,
});

function refused(failure: Failure, host: HostFiles): string | undefined {
  const inside = worksIn('user', failure);
  return (
    restrictedByAppArmor(failure, host) ??
    (inside ? foreignMountNamespace(failure) : noPrivilege(failure, host)) ??
    idMapRefused(failure) ??
    lockedFlags(failure) ??
    (inside ? foreignFilesystem(failure, host) : undefined) ??
    tooRevealing(failure, host) ??
    (inside ? foreignToUser(failure) : undefined) ??
    filteredBySeccomp(host, [failure.syscall], failure) ??
    refusedBySecurityModule(host)
  );
}

/** Capabilities in a new user namespace do not reach a mount namespace that an outer one owns. */
function foreignMountNamespace(failure: Failure): string | undefined {
  if (worksIn('mnt', failure)) return undefined;
  return (
    "The mount namespace belongs to an outer user namespace, where the new one's capabilities mean nothing: add " +
    "'mnt' to the kinds."
  );
}

function noPrivilege(failure: Failure, host: HostFiles): string | undefined {
  if (hasCapability(host, Capability.SYS_ADMIN) !== false) return undefined;
  const owner = failure.owner ?? 'the user namespace that owns the mount namespace';
  return (
    `Changing mounts takes CAP_SYS_ADMIN in ${owner}, which ${caller(host)} does not have. ` +
    `${withUser(failure, "Do it in new 'user' and 'mnt' namespaces")}, or ${asRoot(host, 'SYS_ADMIN')}.`
  );
}

/** Flags of a mount that came from a more privileged mount namespace are locked (mount_namespaces(7)). */
function lockedFlags(failure: Failure): string | undefined {
  if (failure.syscall !== 'mount_setattr') return undefined;
  return (
    `${named(failure.path, 'The mount')} came from a more privileged mount namespace, and its flags are locked ` +
    'there: ro, nosuid, nodev, noexec and the atime setting can be added but not taken away (mount_namespaces(7)). ' +
    'Keep the ones it has.'
  );
}

/** The kernel's rules for id-mapped mounts: can_idmap_mount() of fs/namespace.c. */
function idMapRefused(failure: Failure): string | undefined {
  if (failure.syscall !== 'mount_setattr' || failure.detail !== 'idmap') return undefined;
  return (
    'An id-mapped mount takes CAP_SYS_ADMIN in the user namespace that the filesystem was mounted in (the first one, for ' +
    "those of the host) and in the one whose maps are used, which can't be the first; and what is id-mapped already " +
    'is not mapped again. Make it where those privileges are, with openTree(), and attach it inside.'
  );
}

function foreignFilesystem(failure: Failure, host: HostFiles): string | undefined {
  if (failure.operation === 'reconfigure') {
    return (
      `The filesystem at ${named(failure.path, 'that place')} was mounted in an outer user namespace, and its options can be ` +
      'changed only there. With bind: true only this mount is changed.'
    );
  }
  const type = failure.fstype;
  if (type === undefined) return undefined;
  const shown = SHOWS[type];
  if (shown !== undefined && !worksIn(shown, failure)) {
    return (
      `Mounting ${type} takes ${aNamespace(shown)} that belongs to the same user namespace, as it shows what is in ` +
      `there: add '${shown}' to the kinds, or bind-mount the existing one.`
    );
  }
  if (type === 'overlay' && isBefore(host, [5, 11])) return 'Overlays in a user namespace take Linux 5.11.';
  if (MOUNTABLE_INSIDE.has(type)) return undefined;
  return (
    `The kernel doesn't let a user namespace mount ${type}; it does ${listed([...MOUNTABLE_INSIDE].slice(0, 10))}. ` +
    'Have root mount it outside, and bind-mount it inside.'
  );
}

/**
 * A joined namespace may belong to another user namespace: proc_init_fs_context() of fs/proc/root.c asks for its owner.
 */
function foreignToUser({ fstype, joined = [] }: Failure): string | undefined {
  const shown = fstype === undefined ? undefined : SHOWS[fstype];
  if (shown === undefined || !joined.includes(shown)) return undefined;
  return (
    `Mounting ${fstype} takes CAP_SYS_ADMIN in the user namespace that owns the ${shown} namespace it shows, and the one that ` +
    `was joined belongs to another than this. Join the user namespace that owns it (NS_GET_USERNS, userNamespace()), or bind-mount the existing one.`
  );
}

/**
 * mount_too_revealing() of fs/namespace.c: a process that has only a partly covered /proc (or /sys) may not mount a
 * whole one. The kernel answers EPERM and says nothing more.
 */
function tooRevealing(failure: Failure, host: HostFiles): string | undefined {
  const type = failure.fstype;
  const mounts = host.mounts();
  if ((type !== 'proc' && type !== 'sysfs') || mounts === undefined) return undefined;
  const top = type === 'proc' ? '/proc' : '/sys';
  const hide = mounts.filter(({ target }) => target.startsWith(`${top}/`) && !MADE_FOR_MOUNTS.includes(target));
  const whole = mounts.find((mount) => mount.type === type && mount.target === top);
  const inSandbox = type === 'proc' ? "; in a sandbox proc: 'auto', or false for none" : '';
  const remedy =
    `Bind-mount the existing ${top} ({ source: '${top}', target: '${top}', bind: true, recursive: true }${inSandbox}), or have the ` +
    "outer one whole (Docker: '--security-opt systempaths=unconfined', Podman: '--security-opt unmask=ALL', Kubernetes: " +
    'procMount: Unmasked; systemd: ProtectKernelTunables=no, ProtectProc=default, ProcSubset=all).';
  const needed = `A user namespace may mount ${type} only where a whole one is visible already (the kernel's "mount too revealing")`;
  if (whole === undefined) return `${needed}, and ${top} of this process is none. ${remedy}`;
  if (type === 'sysfs') return undefined;
  if (hide.length === 0) {
    const elsewhere = failure.joined?.includes('mnt') === true;
    return elsewhere
      ? `${needed}, and in that mount namespace ${top} is partly covered, or none. ${remedy}`
      : undefined;
  }
  const shown = hide.slice(0, 3).map(({ target }) => target);
  const covered = hide.length > shown.length ? `${shown.join(', ')}, …` : listed(shown);
  return (
    `${top} outside is partly covered (${covered}), and a user namespace may not mount a whole one that would ` +
    `uncover it (the kernel's "mount too revealing"). ${remedy}`
  );
}

function invalid(failure: Failure, host: HostFiles): string | undefined {
  switch (failure.syscall) {
    case 'open_tree':
      return notCopied();
    case 'mount_setattr':
      return invalidAttributes(failure);
    case 'move_mount':
      return invalidMove(failure);
    case 'fspick':
      return notAMountPoint(failure);
    case 'pivot_root':
      return (
        'pivot_root takes a new root that is a mount point (bind-mount the directory onto itself first), and a place for the ' +
        'old one at or below it; neither it nor the mounts that the two lie on may be shared (pivot_root(2)).'
      );
    default:
      return invalidOptions(failure, host);
  }
}

function notCopied(): string {
  return (
    'The source has mounts below it that came from a more privileged mount namespace, and they may not be left out ' +
    '(mount_namespaces(7)): bind recursively. Or the source is a mount of another mount namespace, or one that is ' +
    'unbindable.'
  );
}

function notAMountPoint({ path }: Failure): string {
  return `${named(path, 'The path')} is no mount point of that mount namespace, and only those have attributes and options.`;
}

function invalidAttributes(failure: Failure): string {
  if (failure.operation === 'attributes') return notAMountPoint(failure);
  if (failure.detail === 'idmap') {
    return (
      `The filesystem of ${named(failure.source, 'the source')} can't be id-mapped on this kernel, or it was mounted in the ` +
      'very user namespace whose maps were to be used, or that has no maps yet (mount_setattr(2)).'
    );
  }
  return 'This kernel does not have that attribute: nosymfollow takes Linux 5.14 (mount_setattr(2)).';
}

function invalidMove({ operation, path, detail }: Failure): string {
  const alike = 'A directory can be mounted only on a directory, and a file only on a file';
  const there = inTheWay(detail);
  if (there !== undefined) return `${alike}: ${there}.`;
  if (operation !== 'move') {
    return (
      `${alike}: ${named(path, 'the target')} is the other of the two. Or the source is unbindable, and the target is on a ` +
      'shared mount.'
    );
  }
  return (
    `${named(path, 'The source')} is no mount point; or it came from a more privileged mount namespace and is locked; or it ` +
    'lies on a shared mount, which must be made private first; or it is unbindable, and the target is on a shared mount ' +
    `(mount(2), MS_MOVE). ${alike}.`
  );
}

/** Used when the kernel has no words for it; those come first. */
function invalidOptions(failure: Failure, host: HostFiles): string | undefined {
  if (failure.detail !== undefined) return undefined;
  const type = failure.fstype;
  if (type === 'overlay') return invalidLayers(failure, host);
  return (
    `${type ?? 'The filesystem'} does not take these options or this source: the kernel's log says which ('sudo ` +
    "dmesg | tail')."
  );
}

/** ovl_get_upper() and its like write to the kernel's log, and not to that of the context. */
function invalidLayers(failure: Failure, host: HostFiles): string {
  const upper = failure.source;
  const mount = upper === undefined || worksIn('mnt', failure) ? undefined : mountOf(upper, host);
  if (mount?.options.includes('ro') === true) {
    return `The upper layer '${upper}' is on a read-only mount (${mount.target}): it takes one that can be written.`;
  }
  return (
    'An overlay takes two lower directories, or an upper and a work directory: on one mount that can be written, the ' +
    'work directory empty, neither in the other, and on a filesystem that can hold an upper layer (no NFS, no vfat). Within a ' +
    "user namespace no layer may have mounts of the host below it, as '/' has (/usr mostly has none). The kernel's " +
    "log says which it was ('sudo dmesg | tail')."
  );
}

/** The mount that a path lies on, as far as names tell. */
function mountOf(path: string, host: HostFiles): MountLine | undefined {
  const contains = ({ target }: MountLine): boolean =>
    path === target || path.startsWith(`${target.replace(/\/$/, '')}/`);
  return host
    .mounts()
    ?.filter(contains)
    .reduce<MountLine | undefined>(
      (last, mount) => (mount.target.length >= (last?.target.length ?? 0) ? mount : last),
      undefined,
    );
}

function isBefore(host: HostFiles, version: KernelVersion): boolean {
  const release = host.proc('sys/kernel/osrelease');
  return release !== undefined && !isAtLeast(release, version);
}

function unknownFilesystem(failure: Failure, host: HostFiles): string | undefined {
  const type = failure.fstype;
  const known = host.proc('filesystems');
  if (type === undefined || known === undefined || known.split(/\s+/).includes(type)) return undefined;
  return (
    `This kernel does not know the filesystem '${type}' (it is not in /proc/filesystems): load it with ` +
    `'sudo modprobe ${type}', or check the spelling.`
  );
}

function tooManyMounts(_: Failure, host: HostFiles): string {
  const limit = host.sysctl('fs.mount-max');
  const limited = limit === undefined ? '' : ` (fs.mount-max = ${limit})`;
  return (
    `A mount namespace takes no more mounts than that${limited}. Unmount some, mount without recursion, or raise it ` +
    "with 'sudo sysctl -w fs.mount-max=…'."
  );
}

/** umount(2) has one error, EINVAL, for "not a mount point" and for "locked". */
function lockedOrNone(failure: Failure, host: HostFiles): string {
  const mounts = host.mounts();
  const here = mounts?.some(({ target }) => target === failure.path) === true;
  const path = named(failure.path, 'The path');
  const elsewhere = worksIn('mnt', failure);
  if (here && (!elsewhere || worksIn('user', failure))) {
    return (
      `${path} was mounted in a more privileged mount namespace, and what came from there is locked ` +
      '(mount_namespaces(7)): it cannot be unmounted inside. Mount something over it, or unmount it before the ' +
      'namespace is created.'
    );
  }
  if (!elsewhere && mounts !== undefined) {
    return `Nothing is mounted on ${path}: /proc/self/mountinfo has the mount points, and umount(2) takes only those.`;
  }
  return (
    `${path} is no mount point of that mount namespace, or it is locked, having come from a more privileged one ` +
    '(mount_namespaces(7)).'
  );
}
