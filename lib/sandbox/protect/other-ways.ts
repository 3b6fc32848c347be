/** Looks for other mounts of a sandbox through which a protected path could be changed, such as a second bind. */
import { NamespaceError } from '../../errors/namespace-error';
import { type MountInfo, mountsOf } from '../../mount/mountinfo';
import { pathBelow } from '../below';

/** A place that programs must not change: the mount that it is on, and its path in the sandbox. */
interface Kept {
  readonly id: number;
  readonly path: string;
}

/**
 * Makes sure that there is no other way to what is protected.
 *
 * @param labels - of the entries, in the order of their steps
 * @param data - what these steps have sent back, and after that the mounts of the sandbox
 * @throws NamespaceError `ERR_LINUX_NS_UNPROTECTED`
 */
export async function refuseOtherWays(labels: readonly string[], data: Buffer): Promise<void> {
  const kept: [label: string, place: Kept][] = [];
  let start = 0;
  for (const label of labels) {
    const end = data.indexOf(0, start);
    const record = data.toString('utf8', start, end);
    start = end + 1;
    const blank = record.indexOf(' ');
    if (record !== '') kept.push([label, { id: Number(record.slice(0, blank)), path: record.slice(blank + 1) }]);
  }
  const mounts = await mountsOf(data.toString('utf8', start));
  const visible = mounts.filter(({ coveredBy }) => coveredBy === undefined);
  for (const [label, place] of kept) {
    const way = otherWay(place, mounts, visible);
    if (way !== undefined) throw unprotected(label, place.path, way);
  }
}

/** The path of another way to a place; undefined if there is none. */
function otherWay(place: Kept, mounts: readonly MountInfo[], visible: readonly MountInfo[]): string | undefined {
  const own = mounts.find(({ id }) => id === place.id);
  if (own === undefined) return place.path;
  const kept = joined(own.root, pathBelow(own.target, place.path) ?? '');
  for (const mount of visible) {
    if (mount.major !== own.major || mount.minor !== own.minor || !isWritable(mount)) continue;
    if (pathBelow(kept, mount.root) !== undefined) return mount.target;
    const below = pathBelow(mount.root, kept);
    if (below === undefined) continue;
    const way = joined(mount.target, below);
    if (!isCut(mount, way, visible)) return way;
  }
  return undefined;
}

/** True if another mount lies on the way from a mount to a path in it: then the path leads through that one. */
function isCut(mount: MountInfo, way: string, visible: readonly MountInfo[]): boolean {
  return visible.some(({ parentId, target }) => parentId === mount.id && pathBelow(target, way) !== undefined);
}

function isWritable({ options, superOptions }: MountInfo): boolean {
  return !options.includes('ro') && !superOptions.includes('ro');
}

function joined(directory: string, below: string): string {
  return below === '' ? directory : `${directory === '/' ? '' : directory}/${below}`;
}

function unprotected(step: string, path: string, way: string): NamespaceError {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_UNPROTECTED',
    message: `${path} could be changed by another path of the sandbox: ${way}`,
    path: way,
    step,
    hint: 'Both lead to the same file, and the mount of the second is writable. Protect that path as well, or bind it read-only.',
  });
}
