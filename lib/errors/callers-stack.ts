import { types } from 'node:util';

/**
 * Waits for something that fails in a callback of the addon or of `fs`, where the stack does not show who has asked.
 * The error gets the stack of the caller that waits for it, down to the `await` of this package's user.
 */
export async function withCallersStack<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (types.isNativeError(error)) Error.captureStackTrace(error, withCallersStack);
    throw error;
  }
}
