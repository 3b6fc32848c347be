import type { Duplex } from 'node:stream';

/**
 * The most bytes that a stream reads ahead when nobody reads it after the end of its program. It is more than a socket
 * or a terminal holds in the kernel (`net.core.wmem_default` in socket(7) is about 208 KiB), so that the end is
 * reached.
 */
const MOST = 1024 * 1024;

/** A stream whose rest can be read after the end of its program. */
export interface Output extends Duplex {
  /**
   * Called when the program has ended: reads the output that it has left, up to {@link MOST}. At the end of the output
   * it closes the descriptor, so that a stream that nobody reads costs only memory.
   *
   * @param unread - called when all has been read ahead and nobody reads the stream: it may then never be closed
   */
  keepRest(unread: () => void): void;

  /** Brings the stream to its end: a reader that has paused gets the rest now; without a reader the rest is dropped. */
  dropRest(): void;
}

/** Does the work of {@link Output.keepRest}. The stream passes each `push()` through {@link taken}. */
export class Rest {
  readonly #stream: Duplex;
  readonly #release: () => void;
  #ended = false;
  #unread: (() => void) | undefined;

  /** @param release - closes the descriptor; called once the end of the output has been read from it */
  constructor(stream: Duplex, release: () => void) {
    this.#stream = stream;
    this.#release = release;
  }

  /**
   * @param room - the answer of the stream's own `push()`: true if it is below its high-water mark
   * @returns the answer to give instead
   */
  taken(chunk: unknown, room: boolean): boolean {
    this.#ended ||= chunk === null;
    if (this.#unread === undefined) return room;
    this.#look();
    return room || this.#stream.readableLength < MOST;
  }

  keep(unread: () => void): void {
    this.#unread = unread;
    if (this.#ended) this.#look();
    // This is not read(0), which does nothing above the high-water mark.
    else this.#stream._read(0);
  }

  #look(): void {
    const { readableLength } = this.#stream;
    if (!this.#ended && readableLength < MOST) return;
    if (readableLength === 0) {
      this.#stream.read(0); // There is no rest: the stream notices its end, and closes by itself.
      return;
    }
    if (this.#ended) this.#release();
    if (!isRead(this.#stream)) this.#unread?.();
  }
}

/** A reader that has paused the stream, or waits for 'drain' in pipe(), still listens. */
function isRead(stream: Duplex): boolean {
  return stream.readableFlowing === true || stream.listenerCount('data') + stream.listenerCount('readable') > 0;
}
