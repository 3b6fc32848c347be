import { abortSignal, schema } from '../errors/schema';

/** Options of many calls. */
export interface CallOptions {
  /** Aborts the call: the started task is ended, and then the call rejects with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

/** The schema of {@link CallOptions}. */
export const CALL = schema<CallOptions>()({ signal: abortSignal });

/** Checks {@link CallOptions}. */
export function signalOf(options: CallOptions): AbortSignal | undefined {
  return CALL('options', options).signal;
}
