/** The placeholders on the host for protected paths that do not exist: see src/nsinit/placeholders.c. */
import { type Stats, lstatSync } from 'node:fs';
import { join } from 'node:path/posix';
import { launch } from '../../launch/launch';
import { makeStep } from '../../plan/step';
import type { Task } from '../../task/task';
import { pathBelow } from '../below';
import type { MountEntry } from '../sandbox-spec';

/** An entry of a sandbox, and the path of the host that it makes writable at its target, if it does. */
interface Entry {
  readonly type: MountEntry['type'];
  readonly target: string;
  readonly writable: string | undefined;
}

/** A path of the host: a directory, and names below it, with a slash at the end where it is to be a directory. */
interface HostPath {
  readonly directory: string;
  readonly names: string;
}

/** The entries that mount nothing, and so do not hide what is below their target. */
const NO_MOUNTS: readonly MountEntry['type'][] = ['protect', 'dir', 'symlink', 'readOnly', 'chmod', 'file', 'mask'];

/** The seconds of st_mtime that mark a placeholder: MARK of src/nsinit/placeholders.c. */
const MARK = 7106163;

/**
 * The protected paths of the host that do not exist, or that are placeholders of another sandbox.
 *
 * This looks at names alone: a path with a link on the way, or in a mount that was given as a descriptor, is left to the
 * builder of the root, whose mount points stay where this process is killed.
 *
 * @param root - the directory of the host that is the root, if that is writable
 */
export function missingPaths(entries: readonly Entry[], root: string | undefined): HostPath[] {
  return entries
    .filter(({ type }) => type === 'protect')
    .flatMap(({ target }) => hostPath(target, entries, root) ?? [])
    .filter(needsPlaceholder);
}

/**
 * Starts the task that makes placeholders, and takes them away when the sandbox has ended and the task has been released.
 *
 * @param sandbox - a pidfd of its init
 */
export async function keepPlaceholders(missing: readonly HostPath[], sandbox: number): Promise<Task> {
  const make = makeStep('placeholders', {
    sandbox,
    directories: missing.map(({ directory }) => directory),
    names: missing.map(({ names }) => names),
  });
  const keeper = await launch({}, { steps: [make, ['hold']], ids: 'default', dieWithEnvironment: false });
  keeper.unref();
  return keeper;
}

/** The path of the host that a target is; undefined where it is none, or is not writable. */
function hostPath(target: string, entries: readonly Entry[], root: string | undefined): HostPath | undefined {
  if (/\/\.{0,2}\//.test(`${target}/`.replace(/\/\/$/, '/'))) return undefined;
  const above = entries.filter((entry) => !NO_MOUNTS.includes(entry.type) && pathBelow(entry.target, target));
  const mount = above.at(-1) ?? { target: '/', writable: root };
  const names = pathBelow(mount.target, target);
  return mount.writable === undefined || !names ? undefined : { directory: mount.writable, names };
}

/** True if something on the path is missing, or is a placeholder of another sandbox. */
function needsPlaceholder({ directory, names }: HostPath): boolean {
  let path = directory;
  for (const name of names.split('/')) {
    path = join(path, name);
    const found = statOf(path);
    if (found === undefined || Math.trunc(found.mtimeMs / 1000) === MARK) return true;
    if (!found.isDirectory()) return false;
  }
  return false;
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
