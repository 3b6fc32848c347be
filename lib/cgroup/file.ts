import { constants } from 'node:fs';
import { writeFile } from 'node:fs/promises';

/**
 * Writes to a file of the kernel. It does not use O_CREAT, because this kernel does not have a file that is missing,
 * and not O_RDWR, because cgroup.kill cannot be read, even by its owner.
 */
export function writeCgroupFile(path: string, text: string): Promise<void> {
  return writeFile(path, text, { flag: constants.O_WRONLY });
}
