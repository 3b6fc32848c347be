/** Directories of the host, as far as they are read in the search for toolchains. */
import { opendirSync, readdirSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';

/** The largest number of entries that are read in a directory of programs. */
const MOST_ENTRIES = 2_000;

/** The number of entries that are read at once. */
const BUFFERED = 256;

/** This process's directory; undefined if it has been removed. */
export function workingDirectory(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

/** The directories of PATH. An empty or relative one means the directory that a program happens to be in. */
export function directoriesOf({ PATH = '' }: NodeJS.ProcessEnv): string[] {
  const directories = PATH.split(':').filter((each) => isAbsolute(each));
  return [...new Set(directories.map((each) => resolve(each)))];
}

/** The symbolic links in a directory, as far as it is read. */
export function linksIn(directory: string): string[] {
  const links: string[] = [];
  try {
    const entries = opendirSync(directory, { bufferSize: BUFFERED });
    try {
      for (let count = 0; count < MOST_ENTRIES; count++) {
        const entry = entries.readSync();
        if (entry === null) break;
        if (entry.isSymbolicLink()) links.push(join(directory, entry.name));
      }
    } finally {
      entries.closeSync();
    }
  } catch {
    // It cannot be read, or not to its end: programs of it may lack something.
  }
  return links;
}

/** The paths below a directory that a pattern stands for, relative to it. `*` is any text in a name. */
export function matches(directory: string, pattern: string): string[] {
  const parts = pattern.split('/');
  const star = parts.findIndex((part) => part.includes('*'));
  if (star === -1) return [pattern];
  const before = parts.slice(0, star);
  const [start = '', end = ''] = parts[star]?.split('*') ?? [];
  return namesIn(join(directory, ...before))
    .filter((name) => name.startsWith(start) && name.endsWith(end))
    .flatMap((name) => matches(directory, [...before, name, ...parts.slice(star + 1)].join('/')));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
