import { Errno } from '../kernel/errno';
import { NamespaceError } from '../errors/namespace-error';
import type { Task } from '../task/task';
import { killSignalNumber } from './signals';

/**
 * Sends a signal; false when there is no process any more.
 *
 * @throws TypeError `ERR_UNKNOWN_SIGNAL`, NamespaceError for what the kernel says otherwise
 */
export function killTask(task: Task, signal: unknown): boolean {
  const errno = task.kill(killSignalNumber(signal));
  if (errno === 0) return true;
  if (errno === Errno.ESRCH) return false;
  throw new NamespaceError({ errno, syscall: 'pidfd_send_signal', step: 'kill' });
}
