import { NO_OPTIONS } from '../errors/plain';
import { CALL, type CallOptions } from './call-options';
import { encoding, integer, orNull, schema } from '../errors/schema';

/** Options of {@link NamespaceSet.readFile}. */
export interface ReadFileOptions extends CallOptions {
  /** The encoding to decode the contents with. Default: none, the result is a Buffer. */
  encoding?: BufferEncoding | null | undefined;
  /** The most bytes to read: a longer file is an error (`EFBIG`). Default: 16 MiB. */
  maxBytes?: number | undefined;
}

const MAX_READ = 16 * 1024 * 1024;

const parseOptions = schema<ReadFileOptions>()({ ...CALL.checks, encoding: orNull(encoding), maxBytes: integer(0) });

/** The meaning of the options of a `readFile`. */
interface Reading {
  readonly encoding: BufferEncoding | undefined;
  readonly maxBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** Checks the options of a `readFile`, or its encoding alone. */
export function readOptions(options: unknown): Reading {
  const bag = typeof options === 'string' ? { encoding: options } : (options ?? NO_OPTIONS);
  const { encoding: chosen, maxBytes = MAX_READ, signal } = parseOptions('options', bag);
  return { encoding: chosen, maxBytes, signal };
}
