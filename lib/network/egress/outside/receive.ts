import type { Socket } from 'node:net';
import { Undialled } from './undialled';

/** The longest answer of a proxy. */
const MOST_BYTES = 1 << 14;

/**
 * Reads the next message of a proxy. What has come after it stays unread, and nothing more is read.
 *
 * @param sizeOf - the number of bytes of the message that these bytes begin; undefined while that is not known
 */
export function receive(socket: Socket, sizeOf: (bytes: Buffer) => number | undefined): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      socket.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onError).pause();
    };
    const fail = (cause?: unknown): void => {
      stop();
      const ended = 'The upstream proxy has ended the connection.';
      reject(cause instanceof Undialled ? cause : new Undialled('proxy', ended, { cause }));
    };
    const onEnd = (): void => fail();
    const onError = (error: Error): void => fail(error);
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      try {
        const size = sizeOf(bytes);
        if (size !== undefined && bytes.length >= size) {
          stop();
          if (bytes.length > size) socket.unshift(bytes.subarray(size));
          resolve(bytes.subarray(0, size));
        } else if (bytes.length > MOST_BYTES) {
          throw new Undialled('proxy', 'The upstream proxy sends an answer without an end.');
        }
      } catch (error) {
        fail(error);
      }
    };
    socket.on('data', onData).once('end', onEnd).once('close', onEnd).once('error', onError).resume();
  });
}
