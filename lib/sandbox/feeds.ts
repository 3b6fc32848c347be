/** Data from streams of this process, which a task reads while it builds a root or writes a file. */
import { Socket } from 'node:net';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { invalidType } from '../errors/validate';
import { native } from '../native';

/** The most bytes that go in the plan, which has room for 16 MiB in all. More bytes go through a socket. */
const MOST_IN_PLAN = 64 * 1024;

/** The contents of a file, as steps take them: bytes in the plan, or a descriptor to read from. */
export type Contents = [bytes: string | Uint8Array, from: [] | [fd: number]];

/** Decides how contents reach the task: small ones in the plan, large ones and streams through a socket. */
export function contentsOf(data: string | Uint8Array | Readable, feed: (source: Readable) => number): Contents {
  if (isReadable(data)) return ['', [feed(data)]];
  if (Buffer.byteLength(data) <= MOST_IN_PLAN) return [data, []];
  return ['', [feed(Readable.from([data], { objectMode: false }))]];
}

/**
 * True for a readable stream. It looks at the methods and not at the class, as another realm has a class of its own.
 */
export function isReadable(value: unknown): value is Readable {
  return value !== null && typeof value === 'object' && typeof (value as { pipe?: unknown }).pipe === 'function';
}

/**
 * The socket pairs that feed one task. Call {@link close} when the task has been started, and also if that has failed.
 */
export class Feeds {
  readonly #theirs: number[] = [];
  readonly #ours: Writable[] = [];
  #failed: AbortController | undefined;
  #reason: unknown;

  /**
   * The signal for the start: it is aborted too when a stream fails, as its data is then incomplete. To be called when
   * all streams are open.
   */
  signalWith(signal: AbortSignal | undefined): AbortSignal | undefined {
    if (this.#failed === undefined) return signal;
    return signal === undefined ? this.#failed.signal : AbortSignal.any([this.#failed.signal, signal]);
  }

  /** Sends a stream into a new socket pair, and returns the descriptor to read from. {@link close} closes it. */
  open(source: Readable): number {
    const [ours, theirs] = native().socketPair();
    this.#theirs.push(theirs);
    native().disown(ours);
    const failed = (this.#failed ??= new AbortController());
    const bytes = bytesInto(new Socket({ fd: ours, readable: false, writable: true }));
    this.#ours.push(bytes);
    pipeline(source, bytes).catch((error: unknown) => {
      this.#reason ??= error;
      failed.abort(error);
    });
    return theirs;
  }

  /** Ends the launch although the streams have not ended. */
  giveUp(reason: unknown): void {
    this.#reason ??= reason;
    this.#failed?.abort(reason);
    this.#destroyOurs();
  }

  /** The error to report. If the launch was aborted because a stream had failed, it is the error of the stream. */
  reasonOf(error: unknown): unknown {
    return (error as { code?: unknown } | null)?.code === 'ABORT_ERR' ? (this.#reason ?? error) : error;
  }

  close(): void {
    for (const fd of this.#theirs.splice(0)) native().closeNow(fd);
    this.#destroyOurs();
  }

  /** Its streams are destroyed, too: the pipelines see to that. */
  #destroyOurs(): void {
    for (const bytes of this.#ours.splice(0)) bytes.destroy();
  }
}

/**
 * Writes what a stream gives to a socket, and fails the pipeline for what can't be written: where a stream is piped to
 * the socket itself the error is one that nobody can catch. It keeps one part, as the socket would, so that no stream is
 * read further ahead.
 */
function bytesInto(socket: Socket): Writable {
  const bytes = new Writable({
    objectMode: true,
    highWaterMark: 1,
    write(chunk: unknown, encoding, done) {
      if (typeof chunk === 'string') socket.write(chunk, encoding, done);
      else if (ArrayBuffer.isView(chunk)) socket.write(bufferOf(chunk), done);
      else done(invalidType('data', 'a stream of strings or bytes', chunk));
    },
    final(done) {
      socket.end(done);
    },
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  // An error is told to the callback of the write that it belongs to.
  socket.on('error', () => undefined);
  return bytes;
}

function bufferOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
