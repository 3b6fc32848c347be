import { open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { release } from 'node:os';
import { Errno } from '../kernel/errno';
import { NamespaceError } from '../errors/namespace-error';
import { validatePid } from '../errors/validate';
import { explain } from '../hints/explain';
import { HostFiles } from '../kernel/host-files';
import { isAtLeast } from '../kernel/version';
import { type IdRange, parseIdMap } from '../idmap/id-map';
import { closeFd } from '../handle/close';
import { systemError } from '../errors/system-error';
import { type Target, run } from '../launch/launch';
import { CLONE_FLAGS } from '../kernel/namespace-kind';
import { native } from '../native';
import { findCovers } from './covered';
import { type MountLine, parseMountLine } from '../kernel/mount-line';

/** A mount: a line of `/proc/PID/mountinfo`, and the facts that newer kernels tell besides. */
export interface MountInfo extends MountLine {
  /** An ID that no other mount gets as long as the system runs (Linux 6.8). In JSON it is a number. */
  uniqueId?: bigint;
  /** The unique ID of the mount that it is mounted on (Linux 6.8). */
  uniqueParentId?: bigint;
  /**
   * The user ids of an id-mapped mount: `inside` are those on disk, `outside` those that are seen through the mount.
   * Needs Linux 6.18.
   */
  uidMap?: IdRange[];
  /** The same for the group ids. */
  gidMap?: IdRange[];
  /**
   * The ID of the mount that hides this one: it is mounted on its top, or on a directory above it. No path leads to a
   * covered mount until the other one is unmounted; files that are open there stay usable.
   */
  coveredBy?: number;
}

/**
 * Lists the mounts that a process sees, in the order of `/proc/PID/mountinfo` (`proc_pid_mountinfo(5)`), covered ones
 * included. {@link mountTree} shows which mount lies on which, and {@link peerGroups} shows where mounts spread.
 *
 * Paths are UTF-8; other bytes become U+FFFD. Lists of thousands of mounts are read in slices, between which the event
 * loop goes on. A mount that comes or goes meanwhile may be in the list or not.
 *
 * `uniqueId` and the id maps come from listmount(2) and statmount(2). For another mount namespace these need Linux 6.11
 * and CAP_SYS_ADMIN in the user namespace that owns it; otherwise they are absent.
 *
 * @param pid - a process as this one sees it. Default: this one
 * @throws NamespaceError `ESRCH` when there is no such process, `EACCES` without the right to ptrace it
 *
 * @example
 * ```ts
 * const mounts = await mountinfo();
 * console.log(mounts.find(({ target }) => target === '/proc')?.type); // 'proc'
 * ```
 */
export async function mountinfo(pid: number | 'self' = 'self'): Promise<MountInfo[]> {
  if (pid !== 'self') validatePid('pid', pid);
  const namespace = pid === 'self' ? undefined : openNamespace(pid);
  try {
    const [text, details] = await Promise.all([readMountinfo(pid), detailsOf(namespace)]);
    return await assemble(text, details);
  } finally {
    if (namespace !== undefined) closeFd(namespace);
  }
}

/**
 * The mounts of the mount namespace that a task of ours joins.
 *
 * @param namespace - a descriptor of that mount namespace
 */
export async function mountinfoIn(target: Target, namespace: number): Promise<MountInfo[]> {
  const [{ data }, details] = await Promise.all([run(target, [['mountinfo']]), detailsOf(namespace)]);
  return assemble(data.toString('utf8'), details);
}

/** The mounts in the text of a `/proc/PID/mountinfo`, without what newer kernels tell besides. */
export function mountsOf(text: string): Promise<MountInfo[]> {
  return assemble(text, () => ({}));
}

/** Reading this many mounts takes about a millisecond. */
const SLICE = 250;

async function assemble(text: string, details: Details): Promise<MountInfo[]> {
  const mounts: MountInfo[] = [];
  await inSlices(linesOf(text), (line) => {
    const mount: MountInfo = parseMountLine(line);
    mounts.push(Object.defineProperty(Object.assign(mount, details(mount)), 'toJSON', AS_JSON));
  });
  await inSlices(findCovers(mounts), ([mount, cover]) => {
    if (cover !== undefined) mount.coveredBy = cover.id;
  });
  return mounts;
}

/** For JSON.stringify(), which refuses a bigint: the IDs become numbers, since none of them comes near 2 ** 53. */
const AS_JSON: PropertyDescriptor = Object.freeze({
  value(this: MountInfo): object {
    const { uniqueId, uniqueParentId, ...rest } = this;
    const ids = uniqueId === undefined ? {} : { uniqueId: Number(uniqueId), uniqueParentId: Number(uniqueParentId) };
    return { ...rest, ...ids };
  },
});

/** Lets the event loop go on every now and then. */
async function inSlices<T>(items: Iterable<T>, each: (item: T) => void): Promise<void> {
  let count = 0;
  for (const item of items) {
    each(item);
    if (++count % SLICE === 0) await setImmediate();
  }
}

/** Gives the lines one after another, because making a list of all of them would take long in one go. */
function* linesOf(text: string): Generator<string> {
  let start = 0;
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
    yield text.slice(start, end);
    start = end + 1;
  }
}

async function readMountinfo(pid: number | 'self'): Promise<string> {
  const path = `/proc/${pid}/mountinfo`;
  try {
    const file = await open(path);
    try {
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (cause) {
    const attempt = { step: `read mounts of process ${pid}`, operation: 'open', path, kind: 'mnt' } as const;
    if (!isGone(cause) || !new HostFiles().has('self')) throw systemError(cause, attempt);
    const gone = { ...attempt, errno: Errno.ESRCH, syscall: 'open' };
    throw new NamespaceError({ ...gone, hint: explain(gone) });
  }
}

/**
 * True for the errors of a process that is gone. EINVAL: one that has ended, and waits to be reaped, has no mount
 * namespace.
 */
function isGone(error: unknown): boolean {
  const { errno } = error as { errno?: number };
  return errno === -Errno.ENOENT || errno === -Errno.EINVAL || errno === -Errno.ESRCH;
}

/** The facts that the kernel tells about a mount beyond its line in mountinfo. */
type Details = (mount: MountLine) => Pick<MountInfo, 'uniqueId' | 'uniqueParentId' | 'uidMap' | 'gidMap'>;

/**
 * The version since which id maps are asked for. Before it, asking for the map of a mount that has one could crash the
 * kernel (statmount_string() of fs/namespace.c).
 */
const ID_MAPS_SINCE = [6, 18] as const;

function detailsOf(namespace = -1): Promise<Details> {
  return new Promise((resolve) => {
    native().statMounts(namespace, isAtLeast(release(), ID_MAPS_SINCE), (numbers, maps) => {
      const indexes = new Map<number, number>();
      for (let index = 0; index < numbers.length / 4; index++) indexes.set(Number(numbers[index * 4]), index);
      const mapped = new Map(maps.map(({ index, ...map }) => [index, map]));
      resolve(({ id, parentId }) => {
        const index = indexes.get(id) ?? -1;
        const ids = idsAt(numbers, index, parentId);
        return ids === undefined ? {} : { ...ids, ...mapsOf(mapped.get(index)) };
      });
    });
  });
}

/**
 * The unique IDs of a mount. Undefined when its ID belongs to another mount by now, because the two looks are not
 * simultaneous.
 */
function idsAt(
  numbers: BigUint64Array,
  index: number,
  parentId: number,
): Required<Pick<MountInfo, 'uniqueId' | 'uniqueParentId'>> | undefined {
  const [parent, uniqueId, uniqueParentId] = [1, 2, 3].map((offset) => numbers[index * 4 + offset]);
  if (Number(parent) !== parentId || uniqueId === undefined || uniqueParentId === undefined) return undefined;
  return { uniqueId, uniqueParentId };
}

function mapsOf(maps: { uidMap: string; gidMap: string } | undefined): Pick<MountInfo, 'uidMap' | 'gidMap'> {
  return maps === undefined ? {} : { uidMap: parseIdMap(maps.uidMap), gidMap: parseIdMap(maps.gidMap) };
}

/** A descriptor of the process's mount namespace; undefined when it cannot be opened. */
function openNamespace(pid: number): number | undefined {
  let pidfd: number | undefined;
  try {
    pidfd = native().pidfdOpen(pid);
    return native().pidfdNamespace(pidfd, pid, CLONE_FLAGS.mnt, false);
  } catch {
    return undefined;
  } finally {
    if (pidfd !== undefined) closeFd(pidfd);
  }
}
