import type { Duplex } from 'node:stream';

/**
 * The most bytes that a stream reads ahead when nobody reads it after the end of its program. It is more than a socket
 * or a terminal holds in the kernel (`net.core.wmem_default` in socket(7) is about 208 KiB), so that the end is
 * reached.
 */
const MOST = 1024 * 1024;

/** The bytes that a stream keeps which is read for {@link Output.tap} only: the high-water mark of a stream of Node's. */
const UNREAD = 64 * 1024;

/** A stream whose rest can be read after the end of its program. */
export interface Output extends Duplex {
  /**
   * Called when the program has ended: reads the output that it has left, up to {@link MOST}. At the end of the output
   * it closes the descriptor, so that a stream that nobody reads costs only memory.
   *
   * @param unread - called when all has been read ahead and nobody reads the stream: it may then never be closed
   */
  keepRest(unread: () => void): void;

  /**
   * Has a function called with all output from now on, and with what nobody has read yet. Whoever reads the stream is
   * not disturbed, and sets the pace. If nobody does, it is read here, and keeps its last {@link UNREAD} bytes for
   * somebody who does so later.
   */
  tap(call: (bytes: Uint8Array) => void): void;

  /** Resolves when all output has come. */
  untilEnd(): Promise<void>;

  /** Brings the stream to its end: a reader that has paused gets the rest now; without a reader the rest is dropped. */
  dropRest(): void;
}

/** Does the work of {@link Output.keepRest} and {@link Output.tap}. The stream passes each `push()` through {@link taken}. */
export class Rest {
  readonly #stream: Duplex;
  readonly #release: () => void;
  #ended = false;
  #unread: (() => void) | undefined;
  #tap: ((bytes: Uint8Array) => void) | undefined;
  readonly #onEnd: (() => void)[] = [];

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
    if (chunk === null) this.#end();
    else this.#tap?.(chunk as Uint8Array);
    const goOn = (this.#tap !== undefined && this.#dropUnread()) || room;
    if (this.#unread === undefined) return goOn;
    this.#look();
    return goOn || this.#stream.readableLength < MOST;
  }

  keep(unread: () => void): void {
    this.#unread = unread;
    if (this.#ended) this.#look();
    // This is not read(0), which does nothing above the high-water mark.
    else this.#stream._read(0);
  }

  tap(call: (bytes: Uint8Array) => void): void {
    this.#tap = call;
    if (isRead(this.#stream)) return;
    this.#showUnread(call);
    // As in keep(). A stream that has ended, or is destroyed, is not read.
    if (!this.#ended && !this.#stream.destroyed) this.#stream._read(0);
  }

  untilEnd(): Promise<void> {
    return this.#ended ? Promise.resolve() : new Promise((resolve) => this.#onEnd.push(resolve));
  }

  #end(): void {
    this.#ended = true;
    for (const call of this.#onEnd.splice(0)) call();
  }

  /** Shows what has come before: it is taken out and put back, which nobody notices where nobody reads. */
  #showUnread(call: (bytes: Uint8Array) => void): void {
    const { readableEncoding: encoding } = this.#stream;
    const unread = this.#stream.read() as string | Uint8Array | null;
    if (unread === null) return;
    call(typeof unread === 'string' ? Buffer.from(unread, encoding ?? 'utf8') : unread);
    this.#stream.unshift(unread, encoding ?? undefined);
  }

  /**
   * Makes room in a stream that nobody reads.
   *
   * @returns true if it is to be read on
   */
  #dropUnread(): boolean {
    if (isRead(this.#stream)) return false;
    const excess = this.#stream.readableLength - UNREAD;
    if (excess > 0) this.#stream.read(excess);
    return true;
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
