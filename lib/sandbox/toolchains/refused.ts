/** The paths that are never shown for the sake of a program: whole home directories, keys and tokens, and the kernel's files. */
import { isWithin } from '../below';
import { HIDDEN_BY_DEFAULT } from '../host-view/defaults';

/** Filesystems that are no place for programs, or that a sandbox has of its own. */
const NO_PROGRAMS = ['/boot', '/dev', '/etc', '/proc', '/sys'];

/**
 * True if the path may not be shown: it is a secret, or in one, or has one below it, as a home directory and all above
 * it have. A directory of the root, `/opt`, is refused, too: what is to be shown is in it.
 */
export function isRefused(path: string, home: string): boolean {
  if (path.lastIndexOf('/') === 0 || isWithin(home, path)) return true;
  if (NO_PROGRAMS.some((directory) => isWithin(path, directory))) return true;
  return HIDDEN_BY_DEFAULT.some((hidden) => touches(path, hidden.replace(/^~/, home)));
}

function touches(path: string, secret: string): boolean {
  return isWithin(path, secret) || isWithin(secret, path);
}
