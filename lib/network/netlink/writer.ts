const FIRST_BYTES = 256;

/** The bytes of a message that is being made. They are zero until something is written over them. */
export class Writer {
  // The buffer comes from Node's pool, because there may be thousands of small ones at a time.
  #bytes: Buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The buffer to write into. After the next `reserve` it may be another one. */
  get buffer(): Buffer {
    return this.#bytes;
  }

  /** Makes room for that many bytes at the end, and returns the position of the first. */
  reserve(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#bytes.fill(0, at, this.#length);
    return at;
  }

  append(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Fills up to the next multiple of 4: NLMSG_ALIGN, NLA_ALIGN. */
  align(): void {
    this.reserve(aligned(this.#length) - this.#length);
  }

  /** The bytes that have been written: a view, not a copy. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}

/** The next multiple of 4. */
export function aligned(length: number): number {
  return (length + 3) & ~3;
}
