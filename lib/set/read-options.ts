import { NO_OPTIONS } from '../errors/plain';
import { encoding, integer, orNull, schema } from '../errors/schema';

/** Options of {@link NamespaceSet.readFile}. */
export interface ReadFileOptions {
  /** The encoding to decode the contents with. Default: none, the result is a Buffer. */
  encoding?: BufferEncoding | null | undefined;
  /** The most bytes to read: a longer file is an error (`EFBIG`). Default: 16 MiB. */
  maxBytes?: number | undefined;
}

const MAX_READ = 16 * 1024 * 1024;

const parseOptions = schema<ReadFileOptions>()({ encoding: orNull(encoding), maxBytes: integer(0) });

/** Checks the options of a `readFile`, or its encoding alone. */
export function readOptions(options: unknown): { encoding: BufferEncoding | undefined; maxBytes: number } {
  const bag = typeof options === 'string' ? { encoding: options } : (options ?? NO_OPTIONS);
  const { encoding: chosen, maxBytes = MAX_READ } = parseOptions('options', bag);
  return { encoding: chosen, maxBytes };
}
