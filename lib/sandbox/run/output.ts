import type { Readable, Writable } from 'node:stream';

/** The output of a run: both streams together have a limit. */
export class Output {
  readonly #chunks: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  readonly #exceeded: () => void;
  #room: number;
  #truncated = false;

  /** @param exceeded - called once, with the first byte that is too much */
  constructor(most: number, exceeded: () => void) {
    this.#room = most;
    this.#exceeded = exceeded;
  }

  get truncated(): boolean {
    return this.#truncated;
  }

  /** Gathers what a stream gives. What is too much is read and dropped. */
  gather(name: 'stdout' | 'stderr', stream: Readable | null): void {
    this.#read(stream, (part) => void this.#chunks[name].push(part));
  }

  /** Passes on what a stream gives, as fast as it is taken. */
  pass(stream: Readable | null, to: Writable): void {
    this.#read(stream, (part) => {
      if (to.write(part)) return;
      stream?.pause();
      to.once('drain', () => stream?.resume());
    });
    // Nobody takes it any more: the program is told so, as by a pipe.
    const end = (): void => void stream?.destroy();
    to.once('close', end).once('error', end);
    stream?.once('close', () => to.off('close', end).off('error', end));
  }

  /** Counts what others read. @param exceeded - called with the first byte that is too much */
  count(stream: Readable | null, exceeded: () => void): void {
    this.#read(stream, () => undefined, exceeded);
  }

  #read(stream: Readable | null, take: (part: Buffer) => void, exceeded?: () => void): void {
    stream?.on('data', (chunk: Buffer) => {
      if (this.#room > 0) take(chunk.subarray(0, this.#room));
      this.#room -= chunk.length;
      if (this.#room >= 0 || this.#truncated) return;
      this.#truncated = true;
      exceeded?.();
      this.#exceeded();
    });
    // A program may close its end in ways that are errors here, and those say nothing about its output.
    stream?.on('error', () => undefined);
  }

  of(name: 'stdout' | 'stderr', encoding: BufferEncoding | undefined): string | Buffer {
    const all = Buffer.concat(this.#chunks[name]);
    return encoding === undefined ? all : all.toString(encoding);
  }
}
