/** Hints about named network namespaces: mounts in /run/netns, ip-netns(8). */
import { Errno } from '../kernel/errno';
import { type Explainer, byErrno } from './failure';
import { asRoot, caller } from './evidence';
import { named, sentence } from './wording';

export const NO_SUCH_NAME = 'There is no network namespace of that name: list() has those that there are.';

const takesPrivilege: Explainer = (_, host) =>
  'A name is a mount in /run/netns, which takes CAP_SYS_ADMIN over the mount namespace and the right to write there; ' +
  `${caller(host)} lacks one of them. ${sentence(asRoot(host, 'SYS_ADMIN'))}, or hold the namespace by its handle, which needs no name; a program ` +
  "in new 'user' and 'mnt' namespaces can have names in a /run of its own.";

export const explainNetnsDirectory: Explainer = byErrno({
  [Errno.EPERM]: takesPrivilege,
  [Errno.EACCES]: takesPrivilege,
  [Errno.EROFS]: (failure) =>
    `${named(failure.path, 'Its directory')} is on a read-only file system: mount a tmpfs there.`,
  [Errno.ENOENT]: () => 'There is no /run here: make one, or mount a tmpfs on it.',
});

export const explainNetnsAdd: Explainer = byErrno({
  [Errno.EPERM]: takesPrivilege,
  [Errno.EACCES]: takesPrivilege,
  [Errno.EEXIST]: ({ path }, host) =>
    host.mounts()?.some(({ target }) => target === path) === false
      ? `A file is there that no namespace is mounted on, left by something that was interrupted: delete() takes it away.`
      : 'There is a network namespace of that name already: open() opens it.',
});

export const explainNetnsRemove: Explainer = byErrno({
  [Errno.EPERM]: takesPrivilege,
  [Errno.EACCES]: takesPrivilege,
  [Errno.ENOENT]: () => NO_SUCH_NAME,
  [Errno.EBUSY]: (failure) =>
    `${named(failure.path, 'The file')} is a mount point in another mount namespace, to which the unmount has not spread.`,
});
