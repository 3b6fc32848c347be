/** Looks for the paths below a directory that match patterns, while the event loop goes on. */
import type { Dir, Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { NamespaceError } from '../../errors/namespace-error';
import { pause } from '../../event-loop/turns';
import type { Glob } from './glob';

/** The number of files and directories that one search looks at. */
const MOST_LOOKED_AT = 2_000_000;

/** The number of matches of one search: each becomes a mount. */
const MOST_MATCHES = 10_000;

/** Directories that are read at a time: more than one, as each read waits for a thread. */
const AT_ONCE = 4;

/** Entries that are read from a directory at a time. */
const PIECE = 256;

interface Waiting {
  /** Relative to the directory of the search; empty for that. */
  readonly path: string;
  readonly globs: readonly Glob[];
}

/**
 * The relative paths that match, sorted; a path without anything to match in it is one, whether it exists or not. What
 * lies below a match is not looked at. Links are not followed, and a directory that cannot be read has no matches.
 *
 * @throws NamespaceError `EFBIG` for too many matches, or files to look at
 */
export async function search(
  directory: string,
  globs: readonly Glob[],
  step: string,
  signal?: AbortSignal,
): Promise<string[]> {
  const found = globs.map(({ only }) => only).filter((only) => only !== undefined);
  const wanted = globs.filter(({ only }) => only === undefined);
  if (wanted.length === 0) return found.sort();
  const waiting: Waiting[] = [{ path: '', globs: wanted }];
  let seen = 0;
  const look = (path: string, entry: Dirent, above: readonly Glob[]): void => {
    if (++seen > MOST_LOOKED_AT) throw tooMuch(directory, step, `has more than ${MOST_LOOKED_AT} files to look at`);
    const below = above.map((glob) => glob.into(entry.name)).filter((glob) => glob.matches || glob.goesOn);
    if (below.length === 0) return;
    const own = path === '' ? entry.name : `${path}/${entry.name}`;
    if (!below.some((glob) => glob.matches)) {
      if (entry.isDirectory()) waiting.push({ path: own, globs: below.filter((glob) => glob.goesOn) });
    } else if (found.push(own) > MOST_MATCHES) {
      throw tooMuch(directory, step, `has more than ${MOST_MATCHES} matches`);
    }
  };
  const read = async ({ path, globs: above }: Waiting): Promise<void> => {
    const opened = await openDirectory(`${directory}/${path}`);
    if (opened === undefined) return;
    try {
      for (let entry = await next(opened); entry !== null; entry = await next(opened)) {
        signal?.throwIfAborted();
        look(path, entry, above);
        await pause();
      }
    } finally {
      await opened.close();
    }
  };
  while (waiting.length > 0) await allOf(waiting.splice(-AT_ONCE).map(read));
  return found.sort();
}

/** Waits for all of them, also if one fails: none may be at work afterwards. */
async function allOf(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

async function openDirectory(path: string): Promise<Dir | undefined> {
  try {
    return await opendir(path, { bufferSize: PIECE });
  } catch {
    return undefined;
  }
}

/** The next entry; null at the end, and where the directory cannot be read any further. */
async function next(opened: Dir): Promise<Dirent | null> {
  try {
    return await opened.read();
  } catch {
    return null;
  }
}

function tooMuch(directory: string, step: string, what: string): NamespaceError {
  return new NamespaceError({
    code: 'EFBIG',
    message: `${directory} ${what}`,
    path: directory,
    step,
    hint: 'Give the pattern a directory to start with, or a path in its place.',
  });
}
