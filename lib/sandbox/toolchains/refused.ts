/** The paths that are never shown for the sake of a program: whole home directories, keys and tokens, and the kernel's files. */
import { join } from 'node:path';
import { isWithin } from '../below';

/** Places of a home directory that have, or are, something secret. */
const SECRETS = [
  '.aws',
  '.azure',
  '.bash_history',
  '.cargo/credentials',
  '.cargo/credentials.toml',
  '.config/gcloud',
  '.config/gh',
  '.config/git',
  '.config/op',
  '.docker',
  '.gem/credentials',
  '.git-credentials',
  '.gnupg',
  '.gradle/gradle.properties',
  '.kube',
  '.local/share/keyrings',
  '.m2/settings.xml',
  '.mozilla',
  '.netrc',
  '.npmrc',
  '.password-store',
  '.pki',
  '.pypirc',
  '.ssh',
  '.thunderbird',
  '.vault-token',
];

/** Filesystems that are no place for programs, or that a sandbox has of its own. */
const NO_PROGRAMS = ['/boot', '/dev', '/etc', '/proc', '/sys'];

/**
 * True if the path may not be shown: it is a secret, or in one, or has one below it, as a home directory and all above
 * it have. A directory of the root, `/opt`, is refused, too: what is to be shown is in it.
 */
export function isRefused(path: string, home: string): boolean {
  if (path.lastIndexOf('/') === 0 || isWithin(home, path)) return true;
  if (NO_PROGRAMS.some((directory) => isWithin(path, directory))) return true;
  return isWithin(path, home) && SECRETS.map((name) => join(home, name)).some((each) => touches(path, each));
}

function touches(path: string, secret: string): boolean {
  return isWithin(path, secret) || isWithin(secret, path);
}
