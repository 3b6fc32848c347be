/** Questions to the kernel about a namespace: ioctl_ns(2). */
import { Errno } from '../kernel/errno';
import { NamespaceError } from '../errors/namespace-error';
import { explain } from '../hints/explain';
import { type Attempt, systemError } from '../errors/system-error';

/**
 * Asks the kernel a question about a namespace.
 *
 * @throws NamespaceError `ERR_LINUX_NS_UNSUPPORTED` where the kernel has no such request: an emulated one
 */
export function askNsfs<T>(ask: () => T, attempt: Attempt): T {
  try {
    return ask();
  } catch (cause) {
    throw isUnknown(cause) ? unsupported(cause, attempt) : systemError(cause, attempt);
  }
}

/** True for an error which says that the kernel does not know a request of ioctl_ns(2). */
export function isUnknown(cause: unknown): boolean {
  const { errno, syscall } = cause as { errno?: unknown; syscall?: unknown };
  return errno === Errno.ENOSYS && syscall === 'ioctl';
}

/** The error of a kernel that does not know the request. */
export function unsupported(cause: unknown, { step, kind, path }: Attempt): NamespaceError {
  const hint = explain({ operation: 'open', errno: Errno.ENOSYS, syscall: 'ioctl', path });
  const message = 'the kernel does not tell about namespaces';
  return new NamespaceError({
    ...{ code: 'ERR_LINUX_NS_UNSUPPORTED', message, syscall: 'ioctl', step, kind, path, hint, cause },
  });
}
