/** The requests of an egress, for those who look at them: as a list, one after another, and as events. */
import { inspectAs } from '../../../handle/inspect';
import type { Verdict } from '../policy/policy';
import type { Destination } from '../policy/rule-index';
import type { EgressProgram, EgressRequest, EgressRequests } from './egress-request';
import { Recorded } from './recorded';

/** The most requests that are remembered, and the most that wait for each reader. */
const MOST = 1024;

/** Milliseconds for which a program that is refused waits at most, until it is known which one it is. */
const LOOK_TIME = 1000;

/** Those who hear of requests as events. */
export interface Audience {
  /** False where nobody listens. */
  isHeard(): boolean;
  emit(request: EgressRequest): void;
}

/**
 * A program is looked for only while somebody looks at the requests: a request is told when its program is known, or it is
 * known that nobody can tell. No connection that is allowed waits for that.
 */
export class Requests implements EgressRequests {
  static {
    inspectAs({ prototype: this.prototype, name: 'EgressRequests' }, ({ recent, lost }) => ({
      recent: recent.length,
      lost,
    }));
  }

  readonly #audience: Audience;
  readonly #recent: Recorded[] = [];
  readonly #readers = new Set<Reader>();
  #lost = 0;
  #closed = false;

  constructor(audience: Audience) {
    this.#audience = audience;
  }

  get recent(): readonly EgressRequest[] {
    return [...this.#recent];
  }

  get lost(): number {
    return this.#lost;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<EgressRequest, undefined> {
    const reader = new Reader(() => this.#readers.delete(reader));
    if (this.#closed) reader.end();
    else this.#readers.add(reader);
    return reader;
  }

  /**
   * Records what has been decided about a connection.
   *
   * @param program - finds the program that connects; called at once, and only where somebody looks
   */
  record(to: Destination, verdict: Verdict, program: () => Promise<EgressProgram | undefined>): Recorded {
    const made = new Recorded(to, verdict);
    this.#recent.push(made);
    if (this.#recent.length > MOST) this.#recent.shift();
    if (this.#readers.size > 0 || this.#audience.isHeard()) made.looked = within(LOOK_TIME, this.#tell(made, program));
    return made;
  }

  /** Ends all loops over the requests, after those that have not been read yet. */
  close(): void {
    this.#closed = true;
    for (const reader of [...this.#readers]) reader.end();
  }

  async #tell(made: Recorded, program: () => Promise<EgressProgram | undefined>): Promise<void> {
    made.program = await program().catch(() => undefined);
    for (const reader of this.#readers) if (!reader.push(made)) this.#lost++;
    // In a turn of its own, so that what a listener throws is an uncaught exception, as with all events.
    process.nextTick(() => this.#audience.emit(made));
  }
}

async function within(milliseconds: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds)));
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

/** One loop over the requests, from its beginning on. */
class Reader implements AsyncIterableIterator<EgressRequest, undefined> {
  readonly #waiting: EgressRequest[] = [];
  readonly #asked: ((result: IteratorResult<EgressRequest, undefined>) => void)[] = [];
  readonly #onEnd: () => void;
  #ended = false;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  /** @returns false where an older request was dropped for it */
  push(request: EgressRequest): boolean {
    const ask = this.#asked.shift();
    if (ask !== undefined) {
      ask({ value: request, done: false });
      return true;
    }
    this.#waiting.push(request);
    if (this.#waiting.length <= MOST) return true;
    this.#waiting.shift();
    return false;
  }

  end(): void {
    this.#ended = true;
    this.#onEnd();
    for (const ask of this.#asked.splice(0)) ask({ value: undefined, done: true });
  }

  async next(): Promise<IteratorResult<EgressRequest, undefined>> {
    const value = this.#waiting.shift();
    if (value !== undefined) return Promise.resolve({ value, done: false });
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#asked.push(resolve));
  }

  async return(): Promise<IteratorResult<EgressRequest, undefined>> {
    this.#waiting.splice(0);
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
