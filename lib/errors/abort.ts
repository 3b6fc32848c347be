import { Errno } from '../kernel/errno';
import { NamespaceError } from './namespace-error';

/** A start was given up because its time was over. It is the reason of an abort, and the start rejects with it. */
export class StartTimeout extends NamespaceError {
  /** @param timeout - in milliseconds */
  constructor(timeout: number) {
    const message = `the program did not run yet when its time was over, ${timeout} ms after the call`;
    super({ errno: Errno.ETIMEDOUT, syscall: 'spawn', message });
  }
}

/** The same error that Node's own functions reject with when their signal is aborted. */
export function abortError(signal: AbortSignal): Error {
  if (signal.reason instanceof StartTimeout) return signal.reason;
  const error = new Error('The operation was aborted', { cause: signal.reason });
  Object.defineProperty(error, 'name', { value: 'AbortError', configurable: true, writable: true });
  return Object.assign(error, { code: 'ABORT_ERR' });
}

/**
 * Throws if the signal is aborted. It is a function because the compiler does not expect a signal to be aborted
 * meanwhile.
 */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortError(signal);
}
