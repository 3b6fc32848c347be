import { MalformedHead } from './http-head';

const CR = 13;
const LF = 10;

/** Too many bytes without an end. */
export class TooLong extends MalformedHead {}

/**
 * Finds the ends of lines in bytes that come bit by bit, looking at each byte once. A line ends with CR and LF: either of
 * them alone is an end for some servers and none for others.
 */
export class Lines {
  readonly #most: number;
  #scanned = 0;
  #lineStart = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * The first line of the bytes without its end; undefined while that is missing.
   *
   * @throws MalformedHead, TooLong
   */
  line(bytes: Buffer): string | undefined {
    return this.#nextEnd(bytes) === undefined ? undefined : this.#found(bytes, this.#scanned - 2);
  }

  /**
   * The lines up to an empty one, without that; undefined while it is missing.
   *
   * @throws MalformedHead, TooLong
   */
  block(bytes: Buffer): string | undefined {
    for (;;) {
      const start = this.#lineStart;
      const end = this.#nextEnd(bytes);
      if (end === undefined) return undefined;
      if (end === start) return this.#found(bytes, Math.max(0, start - 2));
      this.#lineStart = this.#scanned;
    }
  }

  /** The end of the next line. */
  #nextEnd(bytes: Buffer): number | undefined {
    const at = bytes.indexOf(LF, this.#scanned);
    const end = at < 0 ? bytes.length : at;
    this.#mustHaveNoCr(bytes, Math.min(end, this.#most));
    if (end >= this.#most) throw new TooLong('The head of the request is too long');
    // A CR at the end of what has come may belong to an LF that has not.
    this.#scanned = at < 0 ? (bytes[end - 1] === CR ? Math.max(0, end - 1) : end) : at + 1;
    if (at < 0) return undefined;
    if (at === 0 || bytes[at - 1] !== CR) throw new MalformedHead('A line ends with LF alone');
    return at - 1;
  }

  /** A CR right before the end may be that of the line. */
  #mustHaveNoCr(bytes: Buffer, end: number): void {
    const at = bytes.indexOf(CR, this.#scanned);
    if (at >= 0 && at < end - 1) throw new MalformedHead('A line has a CR that is not at its end');
  }

  #found(bytes: Buffer, end: number): string {
    const text = bytes.toString('latin1', 0, end);
    this.#scanned = this.#lineStart = 0;
    return text;
  }
}
