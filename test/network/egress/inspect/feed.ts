import type { Expected } from '../../../../lib/network/egress/inspect/guard';
import { type Inspected, Inspector } from '../../../../lib/network/egress/inspect/inspector';
import type { Refusal } from '../../../../lib/network/egress/inspect/refusal';

/** What an inspector has made of some bytes. */
export interface Outcome {
  passed: Buffer;
  refusal: Refusal | undefined;
  settled: boolean;
}

/** The connection that the tests are about. */
export const EXPECTED: Expected = { name: 'www.example.com', port: 80 };

/** An inspector whose bytes are collected. */
export class Fed {
  readonly inspector: Inspector;
  readonly #passed: Buffer[] = [];
  #refusal: Refusal | undefined;

  constructor(expected: Expected = EXPECTED) {
    this.inspector = new Inspector(expected, (inspected) => this.#take(inspected));
  }

  client(bytes: Buffer | string): this {
    return this.#take(this.inspector.fromClient(Buffer.from(bytes as string, 'latin1')));
  }

  server(bytes: Buffer | string): this {
    return this.#take(this.inspector.fromServer(Buffer.from(bytes as string, 'latin1')));
  }

  get outcome(): Outcome {
    return { passed: Buffer.concat(this.#passed), refusal: this.#refusal, settled: this.inspector.settled };
  }

  get passed(): string {
    return this.outcome.passed.toString('latin1');
  }

  get cause(): string | undefined {
    return this.#refusal?.cause;
  }

  #take({ pass, refusal }: Inspected): this {
    this.#passed.push(...pass.map((bytes) => Buffer.from(bytes)));
    this.#refusal ??= refusal;
    return this;
  }
}

/** Gives the bytes to an inspector in chunks of these sizes, the last of them again and again. */
function feed(bytes: Buffer | string, sizes: readonly number[], expected: Expected = EXPECTED): Outcome {
  const fed = new Fed(expected);
  const all = Buffer.from(bytes as string, 'latin1');
  let turn = 0;
  for (let at = 0; at < all.length;) {
    const size = Math.max(1, sizes[Math.min(turn++, sizes.length - 1)] ?? all.length);
    const chunk = Buffer.from(all.subarray(at, at + size));
    fed.client(chunk);
    chunk.fill(0x58); // its memory is the caller's again
    at += size;
  }
  fed.inspector.close();
  return fed.outcome;
}

/** The outcome, which has to be the same however the bytes are cut. */
export function look(bytes: Buffer | string, expected: Expected = EXPECTED): Outcome {
  const atOnce = feed(bytes, [Infinity], expected);
  for (const sizes of [[1], [3], [7, 1], [5, 1000]]) expect(feed(bytes, sizes, expected)).toEqual(atOnce);
  return atOnce;
}
