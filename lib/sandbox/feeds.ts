/** What a task reads from streams of this process while it puts a root together. */
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { native } from '../native';

/** More than that goes through a socket, and not in the plan, which takes 16 MiB in all. */
const MOST_IN_PLAN = 64 * 1024;

/** Contents of a file as steps take them: in the plan, or from a descriptor. */
export type Contents = [bytes: string | Uint8Array, from: [] | [fd: number]];

/** Small ones go along with the plan, and what is large or a stream through a socket. */
export function contentsOf(data: string | Uint8Array | Readable, feed: (source: Readable) => number): Contents {
  if (isReadable(data)) return ['', [feed(data)]];
  if (Buffer.byteLength(data) <= MOST_IN_PLAN) return [data, []];
  return ['', [feed(Readable.from([data], { objectMode: false }))]];
}

/** By its shape: the class of another realm is another class. */
export function isReadable(value: unknown): value is Readable {
  return value !== null && typeof value === 'object' && typeof (value as { pipe?: unknown }).pipe === 'function';
}

/** Ends of socket pairs, until the task has its own. {@link close} them, whatever becomes of it. */
export class Feeds {
  readonly #theirs: number[] = [];
  readonly #ours: Socket[] = [];
  #failed: AbortController | undefined;
  #reason: unknown;

  /** Also aborted when a stream has failed: what has come of it is not all. Once all are open. */
  signalWith(signal: AbortSignal | undefined): AbortSignal | undefined {
    if (this.#failed === undefined) return signal;
    return signal === undefined ? this.#failed.signal : AbortSignal.any([this.#failed.signal, signal]);
  }

  /** The descriptor to read from, which is closed by {@link close}. */
  open(source: Readable): number {
    const [ours, theirs] = native().socketPair();
    this.#theirs.push(theirs);
    native().disown(ours);
    const failed = (this.#failed ??= new AbortController());
    const socket = new Socket({ fd: ours, readable: false, writable: true });
    this.#ours.push(socket);
    pipeline(source, socket).catch((error: unknown) => {
      this.#reason ??= error;
      failed.abort(error);
    });
    return theirs;
  }

  /** What a stream has failed with is why the launch was ended, and the better error. */
  reasonOf(error: unknown): unknown {
    return (error as { code?: unknown } | null)?.code === 'ABORT_ERR' ? (this.#reason ?? error) : error;
  }

  close(): void {
    for (const fd of this.#theirs.splice(0)) native().closeNow(fd);
    for (const socket of this.#ours.splice(0)) socket.destroy();
  }
}
