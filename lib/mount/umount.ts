import { resolve } from 'node:path';
import type { Step } from '../../types/native';
import { invalidValue, validateBoolean, validateKnownKeys, validateObject, validatePath } from '../errors/validate';
import { run } from '../launch/target';
import { MNT_DETACH, MNT_EXPIRE, MNT_FORCE, UMOUNT_NOFOLLOW } from './flags';

/** The flags of umount(2), each of them off by default. */
export interface UmountOptions {
  /** MNT_FORCE: abort requests that are under way, for filesystems that can (NFS, FUSE); data may be lost. */
  force?: boolean | undefined;
  /** MNT_DETACH: out of the tree at once, unmounted when no longer in use. */
  detach?: boolean | undefined;
  /** MNT_EXPIRE: only if it has not been used since the last such call, which marks it and fails with EAGAIN. */
  expire?: boolean | undefined;
  /** UMOUNT_NOFOLLOW: a symbolic link at the end of the path is an error. */
  nofollow?: boolean | undefined;
}

const FLAGS: Readonly<Record<keyof UmountOptions, number>> = {
  force: MNT_FORCE,
  detach: MNT_DETACH,
  expire: MNT_EXPIRE,
  nofollow: UMOUNT_NOFOLLOW,
};

/**
 * Takes the uppermost mount off a path: umount2(2). It acts on this process's own mount namespace, in a task of its
 * own, and takes CAP_SYS_ADMIN in the user namespace that owns it. The same on a {@link NamespaceSet} acts inside that.
 *
 * @throws NamespaceError `EBUSY` when it is in use, `EINVAL` when nothing is mounted there or the mount is locked
 * (inherited from a more privileged mount namespace), `EPERM`, `ENOENT`, …
 */
export async function umount(path: string | URL, options: UmountOptions = {}): Promise<void> {
  await run({}, [umountStep(path, options, resolve)]);
}

/** The step of a plan for it. `locate` makes the path what the task is to see. */
export function umountStep(path: unknown, options: unknown, locate: (path: string) => string): Step {
  const target = locate(validatePath('path', path));
  validateObject('options', options);
  validateKnownKeys('options', options, Object.keys(FLAGS));
  let flags = 0;
  for (const [key, flag] of Object.entries(FLAGS)) {
    const value = (options as UmountOptions)[key as keyof UmountOptions] ?? false;
    validateBoolean(`options.${key}`, value);
    if (value) flags |= flag;
  }
  if ((flags & MNT_EXPIRE) !== 0 && (flags & (MNT_FORCE | MNT_DETACH)) !== 0) {
    throw invalidValue('options', options, "cannot combine 'expire' with 'force' or 'detach'");
  }
  return ['umount', target, flags];
}
