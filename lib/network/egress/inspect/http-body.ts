/** The bodies of HTTP/1 requests: RFC 9112, 6 and 7.1. Only the lines between the chunks are looked at. */
import type { Held } from './held';
import { MalformedHead, parseFields } from './http-head';
import { Lines } from './lines';

/** The size of a chunk with its extensions, which are as good as never used. */
const CHUNK = /^([0-9A-Fa-f]{1,8})(?:;[\t -~]*)?$/;
const MOST_CHUNK_LINE = 1024;

/** The fields that a trailer may not have, because they belong to the head. */
const FORBIDDEN = ['host', 'content-length', 'transfer-encoding', 'upgrade', 'connection'];
const MOST_TRAILER = 1 << 13;

/** A body on its way. */
export class Body {
  /** Bytes that go on without being looked at. */
  #skip: number;
  #part: 'data' | 'end of chunk' | 'size' | 'trailer';
  readonly #sizes = new Lines(MOST_CHUNK_LINE);
  readonly #trailer = new Lines(MOST_TRAILER);

  constructor(size: number | 'chunked') {
    this.#skip = size === 'chunked' ? 0 : size;
    this.#part = size === 'chunked' ? 'size' : 'data';
  }

  /** True while the end of a line is missing, and not merely data. */
  get isBetween(): boolean {
    return this.#part !== 'data';
  }

  /**
   * Takes what belongs to the body. True at its end.
   *
   * @throws MalformedHead
   */
  take(held: Held, pass: Buffer[]): boolean {
    for (;;) {
      if (this.#skip > 0) {
        const part = held.take(this.#skip);
        this.#skip -= part.length;
        if (part.length > 0) pass.push(part);
        if (this.#skip > 0) return false;
      }
      if (this.#part === 'data') return true;
      if (this.#part === 'size' || this.#part === 'end of chunk') {
        if (!this.#line(held, pass)) return false;
      } else {
        return this.#end(held, pass);
      }
    }
  }

  /** Takes the line between two chunks: the end of the one, or the size of the other. */
  #line(held: Held, pass: Buffer[]): boolean {
    const line = this.#sizes.line(held.bytes);
    if (line === undefined) return false;
    pass.push(held.take(line.length + 2));
    if (this.#part === 'end of chunk') {
      if (line.length > 0) throw new MalformedHead('A chunk is longer than its size');
      this.#part = 'size';
      return true;
    }
    const [, digits = ''] = CHUNK.exec(line) ?? [];
    if (digits === '') throw new MalformedHead('The size of a chunk is malformed');
    this.#skip = parseInt(digits, 16);
    this.#part = this.#skip === 0 ? 'trailer' : 'end of chunk';
    return true;
  }

  #end(held: Held, pass: Buffer[]): boolean {
    const text = this.#trailer.block(held.bytes);
    if (text === undefined) return false;
    const fields = parseFields(text === '' ? [] : text.split('\r\n'));
    if (FORBIDDEN.some((name) => fields.has(name))) throw new MalformedHead('A field of the head is in the trailer');
    pass.push(held.take(text === '' ? 2 : text.length + 4));
    return true;
  }
}
