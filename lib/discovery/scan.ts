import type { ScanBit, ScanRow } from '../../types/native';
import { systemError } from '../errors/system-error';
import { abortError, throwIfAborted } from '../errors/abort';
import { native } from '../native';
import { type NamespaceKind, flagsOfKinds } from '../kernel/namespace-kind';
import { pause } from '../event-loop/turns';

/** The kinds to look for, and the sources to read. */
export interface ScanRequest {
  kinds: readonly NamespaceKind[];
  bits: readonly ScanBit[];
  signal?: AbortSignal | undefined;
}

/** The bits of a request, in the order of types/native.d.ts. */
const BITS: readonly ScanBit[] = [
  'tasks',
  'fds',
  'sockets',
  'ownMounts',
  'allMounts',
  'hierarchy',
  'networkIds',
  'commands',
  'forChildren',
  'firstCommands',
];

/** Reads /proc on another thread, and calls a function with each row on this one, a few milliseconds at a time. */
export async function scan(request: ScanRequest, onRow: (row: ScanRow) => void): Promise<void> {
  const { signal } = request;
  throwIfAborted(signal);
  const arrivals = new Arrivals();
  const cancel = start(request, arrivals);
  const onAbort = () => signal !== undefined && arrivals.fail(abortError(signal));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    for (let rows = await arrivals.next(); rows !== null; rows = await arrivals.next()) {
      for (const row of JSON.parse(rows) as ScanRow[]) onRow(row);
      await pause();
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    cancel();
  }
}

function start({ kinds, bits }: ScanRequest, arrivals: Arrivals): () => void {
  const what = BITS.reduce((sum, bit, index) => sum | (bits.includes(bit) ? 1 << index : 0), 0);
  try {
    return native().scan(flagsOfKinds(kinds), what, (rows) => arrivals.push(rows));
  } catch (error) {
    throw systemError(error, { step: 'read /proc', operation: 'scan' });
  }
}

/** The rows that the other thread has sent, and the function that waits for more. */
class Arrivals {
  readonly #rows: (string | null)[] = [];
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  push(rows: string | null): void {
    this.#rows.push(rows);
    this.#wake?.();
  }

  fail(error: Error): void {
    this.#failure = error;
    this.#wake?.();
  }

  /** The next rows; null at the end. */
  async next(): Promise<string | null> {
    if (this.#rows.length === 0 && this.#failure === undefined) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#failure !== undefined) throw this.#failure;
    return this.#rows.shift() ?? null;
  }
}
