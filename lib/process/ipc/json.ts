import { StringDecoder } from 'node:string_decoder';
import { type Codec, tooLarge } from './codec';

const NEWLINE = 0x0a;

/** Writes and reads one line of JSON for each message. Programs other than Node can easily use it too. */
export class JsonCodec implements Codec {
  readonly #decoder = new StringDecoder('utf8');
  /** The start of a line that has not ended yet. */
  #begun = '';
  /** The number of bytes of that start. */
  #size = 0;
  readonly #most: number;

  /** @param most - the most bytes of a line */
  constructor(most: number) {
    this.#most = most;
  }

  encode(message: unknown): string {
    return `${JSON.stringify(message)}\n`;
  }

  *decode(bytes: Uint8Array): Generator {
    this.#measure(bytes);
    const [first = '', ...others] = this.#decoder
      .write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
      .split('\n');
    const lines = [this.#begun + first, ...others];
    this.#begun = lines.pop() ?? '';
    for (const line of lines) {
      if (bytes.length > this.#most && Buffer.byteLength(line) > this.#most) throw tooLarge(this.#most);
      yield JSON.parse(line);
    }
  }

  /**
   * Counts the bytes of the line that has not ended, and refuses too long a line. Only the first line that ends can be
   * longer than the bytes that have come now.
   */
  #measure(bytes: Uint8Array): void {
    const end = bytes.indexOf(NEWLINE);
    this.#size += end === -1 ? bytes.length : end;
    if (this.#size > this.#most) throw tooLarge(this.#most);
    if (end !== -1) this.#size = bytes.length - 1 - bytes.lastIndexOf(NEWLINE);
  }
}
