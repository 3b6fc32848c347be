import { abortError } from '../../../errors/abort';

/**
 * Settles as a promise does, but rejects at once when the signal is aborted, whether what is under way can be given up or
 * not.
 *
 * @param tooLate - takes what comes of it after that
 */
export function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  tooLate: (value: T) => void = () => undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortError(signal));
    const settled = (): void => signal.removeEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(
      (value) => {
        settled();
        if (signal.aborted) tooLate(value);
        resolve(value); // without effect after an abort
      },
      (error: unknown) => {
        settled();
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        reject(error);
      },
    );
  });
}
