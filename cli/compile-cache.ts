import { lstatSync, mkdirSync } from 'node:fs';
import module from 'node:module';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';

/** The function exists since Node 22.1. */
type Module = typeof module & { enableCompileCache?: (directory: string) => unknown };

/**
 * Lets Node keep the code that V8 has compiled, so that the next call of the command line starts faster.
 *
 * The code is kept in a folder in which only this user can write. Node's own choice is below /tmp, where somebody else
 * can make the folder first: V8 runs the code that it reads there, so root would run the code of others. The home
 * directory is that of the user database, because sudo may leave HOME as it was.
 */
export function enableCompileCache(env: NodeJS.ProcessEnv): void {
  const { enableCompileCache: enable } = module as Module;
  if (enable === undefined) return;
  try {
    const { XDG_CACHE_HOME } = env;
    const { homedir } = userInfo();
    const directory = join(XDG_CACHE_HOME ?? join(homedir, '.cache'), 'linux-ns');
    if (!isOurs(XDG_CACHE_HOME ?? homedir)) return;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // Who can write in the folder above can put another in the place of this one.
    if (isOurs(dirname(directory)) && isOurs(directory)) enable(directory);
  } catch {
    // Without a home, or on a full or read-only disk, everything is compiled each time.
  }
}

/** True for a directory that belongs to this user, and in which nobody else can write. */
function isOurs(path: string): boolean {
  const found = lstatSync(path);
  return found.isDirectory() && found.uid === process.geteuid?.() && (found.mode & 0o022) === 0;
}
