import { getSystemErrorMap } from 'node:util';

/**
 * The error numbers this package reasons about, as Linux has them on x86-64 and arm64
 * (`<asm-generic/errno-base.h>`, `<asm-generic/errno.h>`). `os.constants.errno` is not used: it lacks some of them,
 * and it has another system's numbers where this package is only imported.
 */
export const Errno = Object.freeze({
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  ENOTBLK: 15,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  EPIPE: 32,
  ERANGE: 34,
  EDEADLK: 35,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ELOOP: 40,
  ELIBBAD: 80,
  EUSERS: 87,
  EMSGSIZE: 90,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENOBUFS: 105,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
  ESTALE: 116,
  EUCLEAN: 117,
  EDQUOT: 122,
});

/** What libuv, and so `util.getSystemErrorMap()`, has no name for, worded as strerror(3) does. */
const BEYOND_LIBUV: ReadonlyMap<number, readonly [name: string, text: string]> = new Map([
  [Errno.ENOEXEC, ['ENOEXEC', 'exec format error']],
  [Errno.ECHILD, ['ECHILD', 'no child processes']],
  [Errno.ENOTBLK, ['ENOTBLK', 'block device required']],
  [Errno.EDEADLK, ['EDEADLK', 'resource deadlock avoided']],
  [Errno.ELIBBAD, ['ELIBBAD', 'accessing a corrupted shared library']],
  [Errno.EUSERS, ['EUSERS', 'too many users']],
  [Errno.ESTALE, ['ESTALE', 'stale file handle']],
  [Errno.EUCLEAN, ['EUCLEAN', 'structure needs cleaning']],
  [Errno.EDQUOT, ['EDQUOT', 'disk quota exceeded']],
]);

/** Name and text of an error number of either sign: `['EPERM', 'operation not permitted']`. */
export function describeErrno(errno: number): readonly [name: string, text: string] {
  const positive = Math.abs(errno);
  return (
    getSystemErrorMap().get(-positive) ??
    BEYOND_LIBUV.get(positive) ?? [`errno ${positive}`, `unknown system error ${positive}`]
  );
}
