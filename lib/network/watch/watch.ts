import { abortSignal, integer, list, oneOf, schema } from '../../errors/schema';
import { abortError } from '../../errors/abort';
import { GROUPS, type NetworkEvent, type OverrunEvent, type WatchKind } from './events';

/** Options of `network.watch()`. */
export interface NetworkWatchOptions {
  /** The kinds of objects to watch. Default: all. */
  types?: readonly WatchKind[] | undefined;
  /**
   * The most events that are kept until they are read. When one more comes, an event of type `'overrun'` takes the
   * place of all of them. Default: 16384.
   */
  limit?: number | undefined;
  /** Ends the watch: a pending `next()` rejects with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

const WATCH_KINDS = Object.keys(GROUPS) as readonly WatchKind[];
const LIMIT = 16384;

/** The part of the source of events that a watch uses. */
export interface WatchSource {
  overrun(): OverrunEvent;
  /** Counts the calls of `next()` that wait for an event: one more or one less. */
  waits(change: 1 | -1): void;
  leave(watch: NetworkWatch): void;
}

/** Options of a watch, checked. */
export interface CheckedWatchOptions {
  types: ReadonlySet<WatchKind>;
  limit: number;
  signal: AbortSignal | undefined;
}

interface Waiting {
  resolve: (result: IteratorResult<NetworkEvent, undefined>) => void;
  reject: (error: unknown) => void;
}

/**
 * The changes in a network since the watch was created: `ip monitor`, ip-monitor(8). Iterate over it. It ends when the
 * loop is left or the network is closed. Messages that were not sent by the kernel are ignored.
 *
 * It keeps Node running while `next()` is pending.
 */
export class NetworkWatch implements AsyncIterableIterator<NetworkEvent, undefined>, AsyncDisposable {
  readonly #source: WatchSource;
  readonly #types: ReadonlySet<WatchKind>;
  readonly #limit: number;
  readonly #signal: AbortSignal | undefined;
  #events: NetworkEvent[] = [];
  #waiting: Waiting[] = [];
  #ended = false;
  #error: Error | undefined;
  readonly #onAbort = (): void => {
    if (this.#signal !== undefined) this.#end(abortError(this.#signal));
  };

  /** @internal */
  constructor(source: WatchSource, { types, limit, signal }: CheckedWatchOptions) {
    this.#source = source;
    this.#types = types;
    this.#limit = limit;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted === true) this.#error = abortError(signal);
  }

  /** The kinds of objects that are watched. */
  get types(): ReadonlySet<WatchKind> {
    return this.#types;
  }

  /**
   * Waits for the next event; `done` is true when the watch has ended.
   *
   * @throws AbortError when the signal was aborted; NamespaceError `ERR_LINUX_NS_MALFORMED_MESSAGE` when a message of
   * the kernel could not be read, which ends the watch
   */
  next(): Promise<IteratorResult<NetworkEvent, undefined>> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#end();
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#source.waits(1);
    });
  }

  /** Ends the watch. Each pending `next()` resolves with `done`. */
  return(): Promise<IteratorResult<NetworkEvent, undefined>> {
    this.#events = [];
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Returns the watch itself: it has one iterator, so two loops share its events. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Ends the watch, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** @internal */
  push(event: NetworkEvent): void {
    if (this.#ended || this.#error !== undefined || (event.type !== 'overrun' && !this.#types.has(event.type))) return;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      this.#source.waits(-1);
      waiting.resolve({ done: false, value: event });
      return;
    }
    if (this.#events.length >= this.#limit) this.#events = [this.#source.overrun()];
    this.#events.push(event);
  }

  /** @internal The network was closed, or something is wrong with it: what has come can still be taken. */
  close(error?: Error): void {
    this.#end(error);
  }

  #end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    const waiting = this.#waiting.splice(0);
    // Nobody waits now: the next call of `next()` gets the error.
    if (waiting.length === 0) this.#error = error;
    for (const { resolve, reject } of waiting) {
      this.#source.waits(-1);
      if (error === undefined) resolve({ done: true, value: undefined });
      else reject(error);
    }
    this.#source.leave(this);
  }
}

const WATCH = schema<NetworkWatchOptions>()({
  types: list(oneOf(WATCH_KINDS)),
  limit: integer(1),
  signal: abortSignal,
});

export function checkWatchOptions(options: unknown): CheckedWatchOptions {
  const { types = WATCH_KINDS, limit = LIMIT, signal } = WATCH('options', options);
  return { types: new Set(types), limit, signal };
}
