/** How messages are written on an IPC channel: what both ends of it have to agree on. */

/** `serialization`, an option of `spawn()` and `fork()`, as Node names the two. */
export type Serialization = 'json' | 'advanced';

export const SERIALIZATIONS: readonly Serialization[] = ['json', 'advanced'];

/** One direction each; the reading one has a memory for what has come in part. */
export interface Codec {
  /** @throws what `JSON.stringify()` or the structured clone algorithm throws for a value that cannot be sent */
  encode(message: unknown): string | Uint8Array;
  /**
   * The messages that are complete with these bytes, which are not referred to afterwards.
   *
   * @throws SyntaxError, Error for what is no message
   */
  decode(bytes: Uint8Array): Iterable<unknown>;
}
