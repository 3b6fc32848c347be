import { plainOptions } from '../errors/plain';
import { invalidValue, validateInteger } from '../errors/validate';

/** Options of {@link NamespaceSet.readFile}. */
export interface ReadFileOptions {
  /** Resolve with a string, decoded from this. Default: a Buffer. */
  encoding?: BufferEncoding | null | undefined;
  /** More than this many bytes are an error (`EFBIG`). Default 16 MiB. */
  maxBytes?: number | undefined;
}

const MAX_READ = 16 * 1024 * 1024;

/** Checks the options of a `readFile`, or its encoding alone. */
export function readOptions(options: unknown): { encoding: BufferEncoding | undefined; maxBytes: number } {
  const bag = typeof options === 'string' ? { encoding: options } : (options ?? {});
  const { encoding, maxBytes = MAX_READ } = plainOptions('options', bag as unknown, ['encoding', 'maxBytes']);
  validateInteger('options.maxBytes', maxBytes, 0);
  if (encoding == null) return { encoding: undefined, maxBytes };
  if (typeof encoding !== 'string' || !Buffer.isEncoding(encoding)) {
    throw invalidValue('options.encoding', encoding, 'is not a known encoding');
  }
  return { encoding, maxBytes };
}
