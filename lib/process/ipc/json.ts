import { StringDecoder } from 'node:string_decoder';
import type { Codec } from './codec';

/** One line of JSON for each message: what a program that is no Node can speak, too. */
export class JsonCodec implements Codec {
  readonly #decoder = new StringDecoder('utf8');
  /** A line that has not ended yet. */
  #begun = '';

  encode(message: unknown): string {
    return `${JSON.stringify(message)}\n`;
  }

  *decode(bytes: Uint8Array): Generator {
    const [first = '', ...others] = this.#decoder
      .write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
      .split('\n');
    const lines = [this.#begun + first, ...others];
    this.#begun = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line);
  }
}
