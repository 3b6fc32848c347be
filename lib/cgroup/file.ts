import { constants } from 'node:fs';
import { writeFile } from 'node:fs/promises';

/**
 * Writes to a file of the kernel's: not O_CREAT, since one that is not there is one that this kernel does not have; and
 * not O_RDWR, since cgroup.kill may not be read, even by its owner.
 */
export function writeCgroupFile(path: string, text: string): Promise<void> {
  return writeFile(path, text, { flag: constants.O_WRONLY });
}
