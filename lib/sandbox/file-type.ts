/** The type of a file: inode(7). */
export type FileType = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'character' | 'block';

/** The file types by their numbers: DT_* of readdir(3), which are the bits S_IFMT of a mode, shifted right by 12. */
const FILE_TYPES: Readonly<Record<number, FileType>> = {
  1: 'fifo',
  2: 'character',
  4: 'directory',
  6: 'block',
  8: 'file',
  10: 'symlink',
  12: 'socket',
};

export function typeOf(byte: number | undefined): FileType | undefined {
  return FILE_TYPES[byte ?? 0];
}

/**
 * Reads the records that nsinit sends about directories, one after another. Each has a head of some bytes, then a name
 * or a path, and a NUL.
 */
export function* records(data: Buffer, bytes: number): Iterable<readonly [head: Buffer, text: string]> {
  for (let at = 0; at < data.length;) {
    const end = data.indexOf(0, at + bytes);
    yield [data.subarray(at, at + bytes), data.toString('utf8', at + bytes, end)];
    at = end + 1;
  }
}
