/** The serializations of messages on an IPC channel. Both ends have to use the same. */
import { NamespaceError } from '../../errors/namespace-error';

/** `serialization`, an option of `spawn()` and `fork()`, as Node names the two. */
export type Serialization = 'json' | 'advanced';

export const SERIALIZATIONS: readonly Serialization[] = ['json', 'advanced'];

/** Writes and reads messages. It remembers a message that has come only in part. */
export interface Codec {
  /** @throws the errors of `JSON.stringify()` or of the structured clone algorithm for a value that cannot be sent */
  encode(message: unknown): string | Uint8Array;
  /**
   * The messages that these bytes complete. The bytes are not used afterwards.
   *
   * @throws SyntaxError, Error for bytes that are no message; {@link tooLarge} for a message that is, or will be, too
   * large
   */
  decode(bytes: Uint8Array): Iterable<unknown>;
}

/**
 * The error for a message that is too large. There has to be a limit: the part that has come is kept in memory, and a
 * program may write for ever without ending its message.
 */
export function tooLarge(most: number): NamespaceError {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_IPC_MESSAGE_SIZE',
    message: `The process has written a message of more than ${most} bytes to its IPC channel`,
    hint: 'options.maxMessageSize allows larger ones.',
  });
}
