import { performance } from 'node:perf_hooks';
import { StartTimeout } from '../errors/abort';

/**
 * The time that a call has (`timeout`), counted from the call. A start that has not finished when it is over is given
 * up, as with an abort. A program that runs by then has to be stopped by the caller, after {@link end}.
 */
export class Deadline {
  /** The signal that stops a start: the caller's, or one that is aborted also when the time is over. */
  readonly signal: AbortSignal | undefined;
  readonly #over: number;
  #forget: () => void = () => undefined;

  /** @param timeout - in milliseconds; 0 for no limit */
  constructor(timeout: number, signal: AbortSignal | undefined) {
    this.#over = timeout === 0 ? Infinity : performance.now() + timeout;
    this.signal = timeout === 0 ? signal : this.#watch(timeout, signal);
  }

  /** Says that the start has finished: the timer is cleared. */
  end(): void {
    this.#forget();
  }

  /** The milliseconds that are left, at least one; 0 for no limit, in which case no timer is needed. */
  get left(): number {
    return this.#over === Infinity ? 0 : Math.max(1, Math.ceil(this.#over - performance.now()));
  }

  #watch(timeout: number, signal: AbortSignal | undefined): AbortSignal {
    const controller = new AbortController();
    const onAbort = (): void => controller.abort(signal?.reason);
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => controller.abort(new StartTimeout(timeout)), timeout);
    this.#forget = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    return controller.signal;
  }
}
