/** mount(2), umount(2), mount_setattr(2), and what mount_namespaces(7) forbids in a less privileged namespace. */
import { Errno } from '../../errors/errno';
import type { NamespaceKind } from '../../namespace/kind';
import type { HostFiles } from '../proc';
import {
  caller,
  filteredBySeccomp,
  hasCapability,
  Capability,
  refusedBySecurityModule,
  restrictedByAppArmor,
  worksIn,
} from './evidence';
import { type Explainer, type Failure, byErrno } from './failure';
import { aNamespace, listed, named } from './wording';

/** The namespace whose owner may mount these: what they show belongs to it. */
const SHOWS: Readonly<Record<string, NamespaceKind | undefined>> = {
  proc: 'pid',
  sysfs: 'net',
  mqueue: 'ipc',
  cgroup2: 'cgroup',
};

/** With FS_USERNS_MOUNT in the kernel: the filesystems that a user namespace's root may mount (user_namespaces(7)). */
const MOUNTABLE_INSIDE = new Set([
  ...Object.keys(SHOWS),
  ...['cgroup', 'tmpfs', 'ramfs', 'devpts', 'overlay', 'fuse', 'bpf', 'binder'],
]);

/** Directories of /proc that are made to be mounted on, so that a mount there hides nothing. */
const MADE_FOR_MOUNTS = ['/proc/sys/fs/binfmt_misc', '/proc/fs/nfsd'];

const missingPath: Explainer = ({ path, source }) =>
  source?.startsWith('/') === true
    ? `The source '${source}' or the target ${named(path, 'of it')} does not exist in the root of that mount namespace: ` +
      'create it first.'
    : `The target ${named(path, 'of the mount')} does not exist in the root of that mount namespace: create it first.`;

/** A new mount, of a filesystem or of a part of the tree. */
export const explainMount: Explainer = byErrno({
  [Errno.EPERM]: (failure, host) => refused(failure, host),
  [Errno.EACCES]: (failure, host) =>
    restrictedByAppArmor(failure, host) ??
    refusedBySecurityModule(host) ??
    `A directory on the way to ${named(failure.path, 'the source or the target')} may not be searched by this ` +
      "task's ids, or the source is a read-only device that was not mounted read-only.",
  [Errno.EINVAL]: invalid,
  [Errno.ENOENT]: missingPath,
  [Errno.ENOTDIR]: (failure) =>
    'A directory can be mounted only on a directory and a file only on a file, and ' +
    `${named(failure.path, 'the target')} is the other of the two, or something on its way is no directory.`,
  [Errno.ENODEV]: unknownFilesystem,
  [Errno.ENOTBLK]: (failure) =>
    `The source of ${named(failure.path, 'the mount')} is no block device, and this filesystem takes one.`,
  [Errno.EBUSY]: (failure) =>
    `${named(failure.path, 'The source or the target')} is in use: mounted there already, or open for writing ` +
    'where it shall become read-only.',
  [Errno.ENOSPC]: tooManyMounts,
  [Errno.ELOOP]: (failure) =>
    `There are too many symbolic links on the way to ${named(failure.path, 'the target')}, or the mount would ` +
    'contain itself.',
});

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
    lockedFlags(failure) ??
    (inside ? foreignFilesystem(failure) : undefined) ??
    tooRevealing(failure, host) ??
    filteredBySeccomp(host, ['mount', 'umount2']) ??
    refusedBySecurityModule(host)
  );
}

/** Capabilities in a new user namespace don't reach a mount namespace that an outer one owns. */
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
    `Changing mounts takes CAP_SYS_ADMIN in ${owner}, which ${caller(host)} does not have. Do it in new 'user' and ` +
    "'mnt' namespaces, or run as root."
  );
}

/** Flags of a mount that came from a more privileged mount namespace are locked (mount_namespaces(7)). */
function lockedFlags(failure: Failure): string | undefined {
  if (failure.syscall !== 'mount_setattr' && failure.detail !== 'remount') return undefined;
  return (
    `${named(failure.path, 'The mount')} came from a more privileged mount namespace, and its flags are locked ` +
    'there: ro, nosuid, nodev, noexec and the atime setting can be added but not taken away (mount_namespaces(7)). ' +
    'Keep the ones it has.'
  );
}

function foreignFilesystem(failure: Failure): string | undefined {
  const type = filesystemOf(failure);
  if (type === undefined) return undefined;
  const shown = SHOWS[type];
  if (shown !== undefined && !worksIn(shown, failure)) {
    return (
      `Mounting ${type} takes ${aNamespace(shown)} that belongs to the same user namespace, as it shows what is in ` +
      `there: add '${shown}' to the kinds, or bind-mount the existing one.`
    );
  }
  if (MOUNTABLE_INSIDE.has(type) || failure.operation === 'bind') return undefined;
  return (
    `The kernel doesn't let a user namespace mount ${type}; it does ${listed([...MOUNTABLE_INSIDE].slice(0, 10))}. ` +
    'Have root mount it outside, and bind-mount it inside.'
  );
}

/**
 * mount_too_revealing() of fs/namespace.c: who has only a partly covered /proc (or /sys) may not mount a whole one. The
 * kernel has EPERM for it and says nothing more.
 */
function tooRevealing(failure: Failure, host: HostFiles): string | undefined {
  const type = filesystemOf(failure);
  const mounts = host.mounts();
  if ((type !== 'proc' && type !== 'sysfs') || mounts === undefined) return undefined;
  const top = type === 'proc' ? '/proc' : '/sys';
  const hide = mounts.filter(({ target }) => target.startsWith(`${top}/`) && !MADE_FOR_MOUNTS.includes(target));
  const whole = mounts.find((mount) => mount.type === type && mount.target === top);
  const remedy =
    `Bind-mount the existing ${top}, or have the outer one whole (Docker: '--security-opt systempaths=unconfined', ` +
    "Podman: '--security-opt unmask=ALL', Kubernetes: procMount: Unmasked).";
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

function filesystemOf(failure: Failure): string | undefined {
  if (failure.fstype !== undefined) return failure.fstype;
  if (failure.operation !== 'mount') return undefined;
  if (failure.path?.endsWith('/proc') === true) return 'proc';
  return failure.path?.endsWith('/sys') === true ? 'sysfs' : undefined;
}

function invalid(failure: Failure): string | undefined {
  if (failure.operation === 'bind') {
    return (
      'The source has mounts below it that came from a more privileged mount namespace, and they may not be left out ' +
      '(mount_namespaces(7)): bind recursively. Or the source is a mount of another mount namespace, or one that is ' +
      'unbindable.'
    );
  }
  if (failure.syscall === 'pivot_root') {
    return (
      'pivot_root takes a new root that is a mount point, and none of the mounts concerned may be shared ' +
      '(pivot_root(2)).'
    );
  }
  const type = filesystemOf(failure);
  return (
    `${type ?? 'The filesystem'} does not take these options or this source: the kernel's log says which ('sudo ` +
    "dmesg | tail')."
  );
}

function unknownFilesystem(failure: Failure, host: HostFiles): string | undefined {
  const type = filesystemOf(failure);
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

/** umount(2) has one EINVAL for "not a mount point" and for "locked". */
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
