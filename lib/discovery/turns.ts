/** The longest that work goes on before others of the event loop have their turn. */
const SLICE_MS = 2;

/** Divides long work, so that it never blocks the event loop for more than a few milliseconds at a time. */
export class Turns {
  #since = performance.now();

  /** Between two pieces of work. */
  async pause(): Promise<void> {
    if (performance.now() - this.#since < SLICE_MS) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#since = performance.now();
  }

  /** Does something with each item, with a pause where one is due. */
  async each<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
    let count = 0;
    for (const item of items) {
      work(item);
      if (++count % PIECE === 0) await this.pause();
    }
  }
}

/** Items between two looks at the clock. */
const PIECE = 128;
