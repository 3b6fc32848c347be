import { dirname } from 'node:path/posix';
import type { MountLine } from '../kernel/mount-line';

type Place = Pick<MountLine, 'id' | 'parentId' | 'target'>;

/**
 * Each mount, with the mount that hides it, if there is one. A mount lies on a directory of its parent, so it is hidden
 * - by a mount on its own top,
 * - by another mount of its parent on a directory above its own,
 * - with its parent, except for the mount that lies on the parent's top and hides it.
 */
export function* findCovers<M extends Place>(mounts: readonly M[]): Generator<[mount: M, cover: M | undefined]> {
  const children = childrenOf(mounts);
  // There is no recursion, because mounts can be stacked by the thousand. `from` is the mount that hides the place
  // where this one lies.
  const open: { mount: M; from: M | undefined }[] = topsOf(mounts).map((mount) => ({ mount, from: undefined }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { mount, from } = next;
    const below = children.get(mount.id) ?? [];
    const top = below.find(({ target }) => target === mount.target);
    yield [mount, from ?? top];
    const targets = new Map(below.map((each) => [each.target, each]));
    for (const each of below) {
      const above = each === top ? undefined : (top ?? nearestRoot(each, mount, targets));
      open.push({ mount: each, from: from ?? above });
    }
  }
}

/** The mounts that lie on each mount, by its ID. */
export function childrenOf<M extends Place>(mounts: readonly M[]): ReadonlyMap<number, readonly M[]> {
  const children = new Map<number, M[]>();
  for (const mount of mounts) {
    if (mount.id === mount.parentId) continue;
    const siblings = children.get(mount.parentId);
    if (siblings === undefined) children.set(mount.parentId, [mount]);
    else siblings.push(mount);
  }
  return children;
}

/** The mounts whose parent is not in the list: usually only the root. */
export function topsOf<M extends Place>(mounts: readonly M[]): M[] {
  const ids = new Set(mounts.map(({ id }) => id));
  return mounts.filter(({ id, parentId }) => id === parentId || !ids.has(parentId));
}

/** The mount nearest to the parent's top, among those on directories between that top and this mount's target. */
function nearestRoot<M extends Place>(mount: M, parent: M, targets: ReadonlyMap<string, M>): M | undefined {
  let nearest: M | undefined;
  for (let path = dirname(mount.target); path.length > parent.target.length; path = dirname(path)) {
    nearest = targets.get(path) ?? nearest;
  }
  return nearest;
}
