/** Hints about joining and opening namespaces: setns(2), /proc/PID/ns, ioctl_ns(2), and bind-mounting them. */
import { Errno } from '../kernel/errno';
import type { HostFiles } from '../kernel/host-files';
import {
  Capability,
  asRoot,
  caller,
  filteredBySeccomp,
  hasCapability,
  isNested,
  refusedBySecurityModule,
} from './evidence';
import { type Explainer, type Failure, byErrno } from './failure';
import { NO_SUCH_NAME } from './netns';
import { aNamespace, named, sentence } from './wording';

const INITIAL_USER = 'user:[4026531837]';

/** Explains a failed setns of nsinit, which has one thread. */
export const explainJoin: Explainer = byErrno({
  [Errno.EPERM]: notPrivileged,
  [Errno.EACCES]: (_, host) => refusedBySecurityModule(host),
  [Errno.EINVAL]: cannotBeJoined,
  [Errno.EUSERS]: severalThreads,
  [Errno.ESRCH]: () => 'The process whose namespaces were to be joined has ended. Open its namespaces while it lives.',
  [Errno.EBADF]: () => 'The handle of that namespace is not open any more. Keep it open until the call has settled.',
  [Errno.ENOMEM]: () =>
    'The init of that pid namespace has ended, and it takes no new process (pid_namespaces(7)). Create a new one.',
});

/** Explains a failure of `thread.setnsSync`, which acts on a thread of Node itself. */
export const explainSetnsSync: Explainer = (failure, host) => {
  const many = failure.kind === 'user' || failure.kind === 'time';
  if (many && (failure.errno === Errno.EINVAL || failure.errno === Errno.EUSERS)) return severalThreads(failure);
  if (failure.kind === 'mnt' && failure.errno === Errno.EINVAL) {
    return (
      'This thread shares its root and working directory with the others of the process, and such a thread cannot ' +
      'join a mount namespace (setns(2)). Use setns() or spawn(), which join in a task of its own.'
    );
  }
  return explainJoin(failure, host);
};

/** Explains a failure of opening a file of /proc/PID/ns or a bind mount of one, or of an ioctl_ns(2) on it. */
export const explainOpen: Explainer = byErrno({
  [Errno.EACCES]: (failure, host) =>
    refusedBySecurityModule(host) ??
    `Opening ${named(failure.path, 'a namespace of a process')} takes the right to ptrace that process ` +
      '(namespaces(7)): the same user, and no more capabilities than the caller. Ask its owner for a bind mount of ' +
      `it, or ${asRoot(host, 'SYS_PTRACE')}.`,
  [Errno.EPERM]: (failure) =>
    failure.syscall === 'ioctl'
      ? 'The namespace it leads to lies outside of the user or pid namespace of this process, which may not look ' +
        'further out (ioctl_ns(2)).'
      : undefined,
  [Errno.ENOENT]: (failure, host) => withoutProc(failure, host) ?? absent(failure, host),
  [Errno.ESRCH]: (failure, host) => withoutProc(failure, host) ?? 'There is no such process, or it has just ended.',
  [Errno.ENOSYS]: (failure) =>
    failure.syscall === 'ioctl'
      ? 'This is an emulated kernel (gVisor, qemu-user), which has namespaces, and does not answer what they are ' +
        '(ioctl_ns(2)): give programs new ones in place of existing ones.'
      : undefined,
  [Errno.ENOTTY]: (failure) =>
    `${named(failure.path, 'That')} is no namespace: give a file of /proc/PID/ns or a bind mount of one, such as ` +
    '/run/netns/NAME.',
  [Errno.EINVAL]: (failure) =>
    failure.syscall === 'pidfd_open'
      ? 'That id is not of a process but of one of its threads. Give the id of the process.'
      : undefined,
});

/** Without /proc nothing can be read about any process. */
function withoutProc({ path }: Failure, host: HostFiles): string | undefined {
  if (path?.startsWith('/proc/') !== true || host.has('self')) return undefined;
  return "There is no /proc in the root of this process, or another file system is mounted there: 'mount -t proc proc /proc'.";
}

/** Explains a failure on the way from a socket to its network namespace: pidfd_getfd(2), and SIOCGSKNS. */
export const explainOpenOfSocket: Explainer = byErrno({
  [Errno.EPERM]: (failure, host) =>
    failure.syscall === 'ioctl'
      ? 'Looking from a socket at its network namespace takes CAP_NET_ADMIN in the user namespace that owns that one ' +
        `(SIOCGSKNS). Do it in that user namespace, or ${asRoot(host, 'NET_ADMIN')}.`
      : (filteredBySeccomp(host, ['pidfd_getfd']) ??
        refusedBySecurityModule(host) ??
        'Taking a descriptor of a process takes the right to ptrace it (pidfd_getfd(2)): the same user, and no more ' +
          'capabilities than the caller, or CAP_SYS_PTRACE.'),
  [Errno.EBADF]: () => 'That process has no such descriptor: /proc/PID/fd has those that there are.',
  [Errno.ENOTTY]: () => "That descriptor is no socket. In /proc/PID/fd the links of sockets begin with 'socket:'.",
  [Errno.ENOSYS]: () => 'Taking a descriptor of another process came with Linux 5.6: pidfd_getfd(2).',
});

/** Explains a failure of the bind mount that keeps a namespace. */
export const explainPersist: Explainer = byErrno({
  [Errno.EPERM]: (failure, host) =>
    hasCapability(host, Capability.SYS_ADMIN) === false
      ? 'Keeping a namespace is a bind mount in the mount namespace of Node, which takes CAP_SYS_ADMIN there; ' +
        `${caller(host)} does not have it. ${sentence(asRoot(host, 'SYS_ADMIN'))}, or keep the NamespaceSet open instead.`
      : (filteredBySeccomp(host, ['mount']) ?? refusedBySecurityModule(host)),
  [Errno.EACCES]: (failure, host) =>
    refusedBySecurityModule(host) ??
    `This process may not create ${named(failure.path, 'the file')}: choose a directory it may write.`,
  [Errno.EINVAL]: (failure) => heldByItself(failure),
  [Errno.ELOOP]: (failure) => heldByItself(failure),
  [Errno.EEXIST]: (failure) =>
    `${named(failure.path, 'The file')} exists, and persist() does not cover one: remove it or choose another name.`,
  [Errno.ENOENT]: (failure) => `The directory of ${named(failure.path, 'the file')} does not exist: create it first.`,
  [Errno.EROFS]: (failure) =>
    `${named(failure.path, 'The file')} would be on a read-only filesystem: choose another directory.`,
});

/**
 * A mount namespace cannot be mounted where it would keep itself alive: mount_namespaces(7). EINVAL from mount(2),
 * ELOOP from move_mount(2).
 */
function heldByItself(failure: Failure): string | undefined {
  return failure.kind === 'mnt'
    ? 'A mount namespace can be kept only by a mount in an older one, or the two would keep each other for ever: ' +
        "this one is Node's own, or older. Keep it from a process outside of it."
    : undefined;
}

/** EPERM of setns(2): the kernel's *install function of each kind asks for its own capabilities. */
function notPrivileged(failure: Failure, host: HostFiles): string | undefined {
  if (hasCapability(host, Capability.SYS_ADMIN) === true && isNested(host, 'user') === false) {
    const filtered = filteredBySeccomp(host, ['setns']) ?? refusedBySecurityModule(host);
    if (filtered !== undefined) return filtered;
  }
  if (failure.kind === 'user') {
    const filtered = failure.createdByCaller === true ? filteredBySeccomp(host, ['setns']) : undefined;
    if (filtered !== undefined) return filtered;
    return (
      'Joining a user namespace takes CAP_SYS_ADMIN in it: the user who created it has that, from its parent user ' +
      `namespace, and so has root there (user_namespaces(7)). ${sentence(caller(host))} is neither.`
    );
  }
  const kind = failure.kind === undefined ? 'that namespace' : aNamespace(failure.kind);
  const owner = failure.owner === undefined ? 'the user namespace that owns it' : `${failure.owner}, which owns it,`;
  const own = failure.kind === 'mnt' ? 'CAP_SYS_ADMIN and CAP_SYS_CHROOT' : 'CAP_SYS_ADMIN';
  const remedy =
    failure.owner === INITIAL_USER
      ? "It is the host's own, so only root can join it."
      : `Join that user namespace in the same call (its creator can), or ${asRoot(host, 'SYS_ADMIN')}.`;
  return `Joining ${kind} takes CAP_SYS_ADMIN in ${owner} and ${own} in the caller's own (setns(2)). ${remedy}`;
}

function cannotBeJoined(failure: Failure): string {
  switch (failure.kind) {
    case 'user':
      return (
        'The task is in that user namespace already, and joining it again is refused (setns(2)), as it would give ' +
        'back capabilities that were dropped. Leave it out of the set.'
      );
    case 'pid':
      return (
        'A pid namespace can be joined only from itself or from one of its ancestors (setns(2)), and that one is not ' +
        'below the pid namespace of Node. Start Node further out.'
      );
    default:
      return (
        `The descriptor is not of a ${failure.kind ?? ''} namespace this kernel can join: a handle was closed and ` +
        'its number used again, or it is not a namespace.'
      ).replace('a  namespace', 'a namespace');
  }
}

function severalThreads(failure: Failure): string {
  const kind = failure.kind ?? 'user';
  return (
    `A process with several threads cannot join a ${kind} namespace (setns(2)), and Node always has several. Use ` +
    'setns() or spawn(), which join in a task of its own.'
  );
}

function absent(failure: Failure, host: HostFiles): string | undefined {
  const path = failure.path ?? '';
  if (path.endsWith('/pid_for_children')) {
    return (
      'A new pid namespace has no file in /proc before its first process exists (pid_namespaces(7)). Start one in it ' +
      'first.'
    );
  }
  if (/^\/run\/netns\/[^/]+$/.test(path)) return NO_SUCH_NAME;
  const [, kind] = /^\/proc\/[^/]+\/ns\/(\w+)$/.exec(path) ?? [];
  if (kind === undefined) return undefined;
  if (host.has('self/ns') && !host.has(`self/ns/${kind}`)) {
    return `This kernel has no ${kind} namespaces (no /proc/self/ns/${kind}).`;
  }
  return (
    'There is no such process, or it has ended and only its parent has not yet collected it (a zombie has no ' +
    'namespaces).'
  );
}
