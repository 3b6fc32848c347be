const NOTHING = Buffer.alloc(0);

/** The smallest memory that bytes are kept in. */
const LEAST_BYTES = 1024;

/**
 * Bytes that have come and cannot go on yet. What is taken out of it is never overwritten. A chunk that can go on at
 * once is not copied.
 */
export class Held {
  #memory: Buffer = NOTHING;
  #start = 0;
  #end = 0;
  /** False while the bytes are in memory of the caller. */
  #owned = false;

  get length(): number {
    return this.#end - this.#start;
  }

  /** All bytes that are held. */
  get bytes(): Buffer {
    return this.#memory.subarray(this.#start, this.#end);
  }

  push(chunk: Buffer): void {
    if (this.length === 0) {
      [this.#memory, this.#start, this.#end, this.#owned] = [chunk, 0, chunk.length, false];
      return;
    }
    if (!this.#owned || this.#end + chunk.length > this.#memory.length) this.#move(chunk.length);
    chunk.copy(this.#memory, this.#end);
    this.#end += chunk.length;
  }

  /** Takes bytes out, from the start. */
  take(count: number): Buffer {
    const taken = this.#memory.subarray(this.#start, Math.min(this.#start + count, this.#end));
    this.#start += taken.length;
    return taken;
  }

  /** Copies what is still held, because the caller's memory is the caller's again. */
  keep(): void {
    if (!this.#owned && this.length > 0) this.#move(0);
  }

  /** Moves the bytes into new memory, with as much room again, so that many small chunks are copied a few times only. */
  #move(more: number): void {
    const memory = Buffer.allocUnsafe(Math.max(LEAST_BYTES, 2 * (this.length + more)));
    this.#end = this.bytes.copy(memory);
    [this.#memory, this.#start, this.#owned] = [memory, 0, true];
  }
}
