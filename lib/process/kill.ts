import { Errno } from '../kernel/errno';
import { NamespaceError } from '../errors/namespace-error';
import type { Task } from '../task/task';
import { killSignalNumber } from './signals';

/**
 * Sends a signal. Returns false when the process has ended.
 *
 * @throws TypeError `ERR_UNKNOWN_SIGNAL`, NamespaceError for other errors of the kernel
 */
export function killTask(task: Task, signal: unknown): boolean {
  const errno = task.kill(killSignalNumber(signal));
  if (errno === 0) return true;
  if (errno === Errno.ESRCH) return false;
  throw new NamespaceError({ errno, syscall: 'pidfd_send_signal', step: 'kill' });
}
