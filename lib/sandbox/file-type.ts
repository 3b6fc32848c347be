/** What a file is: inode(7). */
export type FileType = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'character' | 'block';

/** DT_* of readdir(3), which is S_IFMT >> 12 of a mode. */
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

/** What nsinit sends of directories, one after another: some bytes, then a name or a path, and a NUL. */
export function* records(data: Buffer, bytes: number): Iterable<readonly [head: Buffer, text: string]> {
  for (let at = 0; at < data.length;) {
    const end = data.indexOf(0, at + bytes);
    yield [data.subarray(at, at + bytes), data.toString('utf8', at + bytes, end)];
    at = end + 1;
  }
}
