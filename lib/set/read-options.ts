import { plainOptions } from '../errors/plain';
import { invalidValue, validateInteger } from '../errors/validate';

/** Options of {@link NamespaceSet.readFile}. */
export interface ReadFileOptions {
  /** The encoding to decode the contents with. Default: none, the result is a Buffer. */
  encoding?: BufferEncoding | null | undefined;
  /** The most bytes to read: a longer file is an error (`EFBIG`). Default: 16 MiB. */
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
