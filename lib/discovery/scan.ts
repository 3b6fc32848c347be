import type { ScanBit, ScanRow } from '../../types/native';
import { systemError } from '../errors/system-error';
import { abortError, throwIfAborted } from '../errors/abort';
import { native } from '../native';
import { type NamespaceKind, flagsOfKinds } from '../kernel/namespace-kind';
import { pause } from '../event-loop/turns';

/** What to look for, and where. */
export interface ScanRequest {
  kinds: readonly NamespaceKind[];
  bits: readonly ScanBit[];
  signal?: AbortSignal | undefined;
}

/** In the order of types/native.d.ts. */
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

/** Reads /proc off the event loop, and does something with each row on it, a few milliseconds at a time. */
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

/** What the other thread has sent, and who waits for it. */
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

  /** null is the end. */
  async next(): Promise<string | null> {
    if (this.#rows.length === 0 && this.#failure === undefined) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#failure !== undefined) throw this.#failure;
    return this.#rows.shift() ?? null;
  }
}
