/** The output of a program, kept up to a limit, beside whoever else reads it. */
import { once } from 'node:events';
import { integer, schema } from '../errors/schema';
import { inspectAs } from '../handle/inspect';
import type { Output } from './rest';

/** Options of {@link NamespaceProcess.logs}. Unknown ones are errors. */
export interface LogsOptions {
  /**
   * The most bytes that are kept: of more, the oldest are dropped. A chunk of output counts 64 bytes more than it has.
   * The largest of several calls counts. Default: 1 MiB.
   */
  limit?: number | undefined;
}

/** The streams of a program that have output. */
export type LogSource = 'stdout' | 'stderr' | 'pty';

/** Bytes that came at once. */
export interface LogChunk {
  readonly source: LogSource;
  readonly bytes: Buffer;
}

const MEBIBYTE = 1 << 20;

/** The memory that a chunk takes beside its bytes, about: a program may write them one by one. */
const CHUNK_BYTES = 64;

const parseLogs = schema<LogsOptions>()({ limit: integer(1, 2 ** 30) });

/** Has a function called with each chunk: with those that are kept at once, and with the others as they come. */
export let followLogs: (logs: Logs, call: (chunk: LogChunk) => void) => () => void;

let construct: (limit: number) => Logs;
let raise: (logs: Logs, limit: number) => void;
let add: (logs: Logs, chunk: LogChunk) => void;
let setEnd: (logs: Logs, ended: Promise<void>) => void;

/**
 * The output of a program: its standard output, its standard error and its terminal, in the order in which it came
 * here: {@link NamespaceProcess.logs}.
 *
 * @example
 * ```ts
 * const logs = child.logs();
 * await child.exited;
 * console.log(logs.lines(10).join('\n'));
 * ```
 */
export class Logs {
  static {
    construct = (limit) => new Logs(limit);
    raise = (logs, limit) => (logs.#limit = Math.max(limit, logs.#limit));
    add = (logs, chunk) => logs.#add(chunk);
    setEnd = (logs, ended) => {
      logs.#ended = ended;
    };
    followLogs = (logs, call) => {
      logs.#chunks.forEach(call);
      logs.#followers.add(call);
      return () => logs.#followers.delete(call);
    };
    inspectAs(this, (logs) => ({ bytes: logs.#bytes, dropped: logs.#dropped, limit: logs.#limit }));
  }

  readonly #chunks: LogChunk[] = [];
  readonly #followers = new Set<(chunk: LogChunk) => void>();
  #limit: number;
  /** The bytes that count for the limit. */
  #size = 0;
  #bytes = 0;
  #dropped = 0;
  #ended: Promise<void> = Promise.resolve();

  private constructor(limit: number) {
    this.#limit = limit;
  }

  /** The number of bytes that have been dropped, as they were more than the limit. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Resolves when all streams have ended: nothing more will come. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /**
   * The lines that are kept, without their ends. The last one may not have ended yet. Lines of several streams are mixed
   * as they came.
   *
   * @param last - the number of lines, counted from the end. Default: all
   */
  lines(last = Infinity): string[] {
    const lines = this.toString().split(/\r?\n/);
    if (lines.at(-1) === '') lines.pop();
    return last === Infinity ? lines : lines.slice(Math.max(0, lines.length - last));
  }

  /** The text that is kept, as UTF-8. It may have anything in it that the program has written. */
  toString(): string {
    return Buffer.concat(this.#chunks.map(({ bytes }) => bytes)).toString();
  }

  #add(chunk: LogChunk): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.bytes.length;
    this.#size += chunk.bytes.length + CHUNK_BYTES;
    while (this.#size > this.#limit) this.#dropFrom(this.#chunks[0]);
    for (const call of this.#followers) call(chunk);
  }

  /** Drops what is too much of the oldest chunk, or all of it. */
  #dropFrom(oldest: LogChunk | undefined): void {
    const excess = this.#size - this.#limit;
    if (oldest === undefined) {
      this.#size = 0;
    } else if (oldest.bytes.length > excess) {
      this.#chunks[0] = { ...oldest, bytes: oldest.bytes.subarray(excess) };
      this.#size -= excess;
      this.#lose(excess);
    } else {
      this.#chunks.shift();
      this.#size -= oldest.bytes.length + CHUNK_BYTES;
      this.#lose(oldest.bytes.length);
    }
  }

  #lose(bytes: number): void {
    this.#bytes -= bytes;
    this.#dropped += bytes;
  }
}

/** Checks the options, and returns the limit in bytes. */
export function logsLimit(options: unknown): number {
  return parseLogs('options', options).limit ?? MEBIBYTE;
}

/** Keeps the output of streams from now on, and what nobody has read of them yet. */
export function collectLogs(streams: readonly (readonly [LogSource, Output | null])[], limit: number): Logs {
  const logs = construct(limit);
  const read = streams.filter((each): each is [LogSource, Output] => each[1] !== null);
  setEnd(
    logs,
    Promise.all(read.map(([, stream]) => endOf(stream))).then(() => undefined),
  );
  for (const [source, stream] of read) {
    // A copy: whoever reads the stream may change the bytes that it is given.
    stream.tap((bytes) => add(logs, { source, bytes: Buffer.from(bytes) }));
  }
  return logs;
}

/** Lets logs keep more than they were made for. */
export function raiseLimit(logs: Logs, limit: number): void {
  raise(logs, limit);
}

/** Resolves when all output of a stream has come, which may be before somebody reads it. */
async function endOf(stream: Output): Promise<void> {
  if (!stream.closed) await Promise.race([stream.untilEnd(), once(stream, 'close').catch(() => undefined)]);
}
