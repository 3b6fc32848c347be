import type { Readable } from 'node:stream';

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
    stream?.on('data', (chunk: Buffer) => {
      if (this.#room > 0) this.#chunks[name].push(chunk.subarray(0, this.#room));
      this.#room -= chunk.length;
      if (this.#room >= 0 || this.#truncated) return;
      this.#truncated = true;
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
