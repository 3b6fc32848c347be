import type { Writable } from 'node:stream';
import { type Bytes, copyText } from '../errors/bytes';
import type { Check } from '../errors/schema';

/** All that a program reads from its standard input: text in UTF-8, or bytes, which are copied at the call. */
export type ProgramInput = string | Bytes;

/** Checks the option `input`. */
export const programInput: Check<Buffer> = (name, value) => Buffer.from(copyText(name, value));

/**
 * Writes the input, as fast as the program reads it, and ends it. A program need not read all of it: then it has closed
 * its end (EPIPE), or has ended with bytes unread (ECONNRESET), and that is no error of the caller's.
 */
export function feed(stdin: Writable | null, input: Buffer): void {
  stdin?.on('error', () => undefined);
  stdin?.end(input);
}
