/** How messages are written on an IPC channel: what both ends of it have to agree on. */
import { NamespaceError } from '../../errors/namespace-error';

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
   * @throws SyntaxError, Error for what is no message; {@link tooLarge} for one that is, or will be, too large
   */
  decode(bytes: Uint8Array): Iterable<unknown>;
}

/** A program may write for ever without an end: what has come of a message has to be kept until that. */
export function tooLarge(most: number): NamespaceError {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_IPC_MESSAGE_SIZE',
    message: `The process has written a message of more than ${most} bytes to its IPC channel`,
    hint: 'options.maxMessageSize allows larger ones.',
  });
}
