import { inspectAs } from '../handle/inspect';

/** Something that a lab has done, or that has happened in it. */
export interface LabEvent {
  /** Milliseconds since the lab was made. */
  at: number;
  /** The subject: a change of the topology, of a host's state, of names, of faults; the start or the end of a program. */
  kind: 'topology' | 'host' | 'dns' | 'fault' | 'program';
  /** The words for it, such as `'a crashed'`. */
  what: string;
}

/** The most events that are kept. */
const MOST = 10_000;

/**
 * The things that a lab has done, and their times, for the moment in which a test fails. The last 10,000 events are kept.
 *
 * @example
 * ```ts
 * afterEach(() => {
 *   if (failed) console.log(String(lab.events));
 *   //     12.1 ms  topology  host a on lan (10.0.0.1)
 *   //   1034.7 ms  fault     partition [a b] [c]
 * });
 * ```
 */
export class EventLog implements Iterable<LabEvent> {
  static {
    inspectAs(this, (log) => ({ events: log.size, [`\n${log.toString()}\n`]: log.size > 0 }));
  }

  readonly #start = performance.now();
  readonly #events: LabEvent[] = [];
  readonly #listeners = new Set<(event: LabEvent) => void>();

  /** The number of events that are kept. */
  get size(): number {
    return this.#events.length;
  }

  /** The events, from the first that is kept. */
  [Symbol.iterator](): Iterator<LabEvent> {
    return this.#events.values();
  }

  /** A line for each event. */
  toString(): string {
    return this.#events
      .map(({ at, kind, what }) => `${at.toFixed(1).padStart(10)} ms  ${kind.padEnd(8)}  ${what}`)
      .join('\n');
  }

  /** @internal */
  add(kind: LabEvent['kind'], what: string): void {
    const event: LabEvent = { at: performance.now() - this.#start, kind, what };
    this.#events.push(event);
    if (this.#events.length > MOST) this.#events.shift();
    for (const listener of this.#listeners) listener(event);
  }

  /** Calls a function with each event from now on, until the function that is returned is called. @internal */
  listen(listener: (event: LabEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
