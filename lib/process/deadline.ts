import { performance } from 'node:perf_hooks';
import { StartTimeout } from '../errors/abort';

/**
 * The time that a call has (`timeout`), from the call on: what is still being started when it is over is given up, as
 * with an abort. What runs by then is its caller's to stop, after {@link end}.
 */
export class Deadline {
  /** What a start has to heed: the caller's, or one that is aborted too when the time is over. */
  readonly signal: AbortSignal | undefined;
  readonly #over: number;
  #forget: () => void = () => undefined;

  /** @param timeout - in milliseconds; 0 for no limit */
  constructor(timeout: number, signal: AbortSignal | undefined) {
    this.#over = timeout === 0 ? Infinity : performance.now() + timeout;
    this.signal = timeout === 0 ? signal : this.#watch(timeout, signal);
  }

  /** The start has come to its end. */
  end(): void {
    this.#forget();
  }

  /** Milliseconds that are left, at least one; 0 for no limit, as setTimeout() is not to be called then. */
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
