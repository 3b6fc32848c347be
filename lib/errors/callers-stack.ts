import { types } from 'node:util';

/**
 * Waits for what fails where nobody sees who has asked: in a callback of the addon or of `fs`. The error gets the stack
 * of who waits for it, down to the `await` of this package's user.
 */
export async function withCallersStack<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (types.isNativeError(error)) Error.captureStackTrace(error, withCallersStack);
    throw error;
  }
}
