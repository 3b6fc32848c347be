import { posix, resolve } from 'node:path';
import type { Step } from '../../types/native';
import { type Check, boolean, schema } from '../errors/schema';
import { invalidValue, validatePath } from '../errors/validate';
import { type Target, run } from '../launch/launch';
import { childrenOf } from './covered';
import { MNT_DETACH, MNT_EXPIRE, MNT_FORCE, UMOUNT_NOFOLLOW } from '../kernel/mount-flags';
import type { Locate } from './locate';
import { type MountInfo, mountinfo } from './mountinfo';

/** Options of {@link umount}. All are off by default. */
export interface UmountOptions {
  /**
   * Unmounts the mounts below first, one after another, as `umount --recursive` does. It stops at the first that is in
   * use; mounts that have been unmounted before stay unmounted. Give the path as `mountinfo` shows it, without symbolic
   * links. `detach` takes everything below along in any case.
   */
  recursive?: boolean | undefined;
  /** MNT_FORCE: abort requests that are under way, for filesystems that can (NFS, FUSE); data may be lost. */
  force?: boolean | undefined;
  /**
   * MNT_DETACH, `umount --lazy`: takes the mount out of the tree at once, with everything below. It is unmounted when
   * nothing uses it any more.
   */
  detach?: boolean | undefined;
  /**
   * MNT_EXPIRE: unmounts it only if it has not been used since the last such call. The first call marks it, and fails
   * with EAGAIN.
   */
  expire?: boolean | undefined;
  /** UMOUNT_NOFOLLOW: a symbolic link at the end of the path is an error. */
  nofollow?: boolean | undefined;
}

function flag(bit: number): Check<number> {
  return (name, value) => (boolean(name, value) ? bit : 0);
}

const UMOUNT = schema<UmountOptions>()({
  recursive: boolean,
  force: flag(MNT_FORCE),
  detach: flag(MNT_DETACH),
  expire: flag(MNT_EXPIRE),
  nofollow: flag(UMOUNT_NOFOLLOW),
});

/**
 * Takes the uppermost mount off a path: umount2(2). It acts on this process's own mount namespace, in a task of its
 * own, and takes CAP_SYS_ADMIN in the user namespace that owns it. The same on a {@link NamespaceSet} acts inside that.
 *
 * @throws NamespaceError `EBUSY` when it is in use, `EINVAL` when nothing is mounted there or the mount is locked
 * (inherited from a more privileged mount namespace), `EPERM`, `ENOENT`, …
 */
export async function umount(path: string | URL, options: UmountOptions = {}): Promise<void> {
  await umountIn({}, path, options, resolve, mountinfo);
}

/**
 * The same in the mount namespace of `target`.
 *
 * @param list - the mounts there
 */
export async function umountIn(
  target: Target,
  path: unknown,
  options: unknown,
  locate: Locate,
  list: () => Promise<MountInfo[]>,
): Promise<void> {
  const at = locate(validatePath('path', path));
  const { recursive = false, force = 0, detach = 0, expire = 0, nofollow = 0 } = UMOUNT('options', options);
  if (expire !== 0 && (force | detach) !== 0) {
    throw invalidValue('options', options, "cannot combine 'expire' with 'force' or 'detach'");
  }
  if (expire !== 0 && recursive) throw invalidValue('options', options, "cannot combine 'recursive' with 'expire'");
  const flags = force | detach | expire | nofollow;
  const below = recursive && detach === 0 ? mountsOn(posix.resolve('/', at), await list()) : [];
  // Symbolic links were followed when these were mounted. A link in one of their paths now was put there to mislead us.
  const steps = below.map(({ target: each }): Step => ['umount', each, flags | UMOUNT_NOFOLLOW]);
  await run(target, steps.length === 0 ? [['umount', at, flags]] : steps);
}

/** The uppermost mount on a path and the mounts on it, each after all that have to be unmounted before it. */
function mountsOn(path: string, mounts: readonly MountInfo[]): MountInfo[] {
  const top = mounts.find(({ target, coveredBy }) => target === path && coveredBy === undefined);
  const open = top === undefined ? [] : [top];
  const children = childrenOf(mounts);
  const order: MountInfo[] = [];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    order.push(next);
    // A mount on a directory above hides its siblings below, so they have to be unmounted after it. The list is still
    // the other way round here, so they come before it.
    open.push(...[...(children.get(next.id) ?? [])].sort((a, b) => a.target.length - b.target.length));
  }
  return order.reverse();
}
