import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { NamespaceError } from '../errors/namespace-error';
import type { Credentials } from './credentials';
import { systemError } from '../errors/system-error';
import { MAX_ID } from '../kernel/ids';
import { type IdMap, type IdRange, LEAST_PAGE, MOST_RANGES, formatIdMap } from './id-map';
import { type SubordinateRange, subordinateRanges, without } from './subordinate';

/** The options of the user namespace in an UnshareSpec, without their defaults. */
export interface UserMaps {
  uidMap?: IdMap | undefined;
  gidMap?: IdMap | undefined;
  setgroups?: 'allow' | 'deny' | undefined;
}

/** The texts that are written to the files of a new user namespace, sorted by who may write them. */
export interface ResolvedMaps {
  /** Texts for /proc/PID/setgroups, uid_map and gid_map that this process may write itself. */
  setgroups: 'allow' | 'deny' | undefined;
  uidMap: string | undefined;
  gidMap: string | undefined;
  /** Ranges that only newuidmap and newgidmap may write for us. */
  newuidmap: IdRange[] | undefined;
  newgidmap: IdRange[] | undefined;
}

/** One of the two maps, and the things that differ between them. */
export interface Side {
  /** The name of the map's file, as in 'write uid_map'. */
  file: 'uid_map' | 'gid_map';
  /** The file with the grants. */
  grants: '/etc/subuid' | '/etc/subgid';
  program: 'newuidmap' | 'newgidmap';
}

export const UID_SIDE: Side = { file: 'uid_map', grants: '/etc/subuid', program: 'newuidmap' };
export const GID_SIDE: Side = { file: 'gid_map', grants: '/etc/subgid', program: 'newgidmap' };

/**
 * Turns the requested maps into the texts that are written.
 *
 * The kernel lets an unprivileged process write one line with its own effective id, and a gid map only after setgroups
 * has been denied. A process with CAP_SETUID (CAP_SETGID) in the namespace above may write any map. All other maps go
 * through newuidmap and newgidmap (`user_namespaces(7)`, "Defining user and group ID mappings"). So setgroups is denied
 * where this process writes the gid map without privilege, unless the caller has asked for `'allow'`: then the kernel
 * refuses the map.
 */
export async function resolveMaps(maps: UserMaps, who: Credentials): Promise<ResolvedMaps> {
  const uid = await resolveRanges(maps.uidMap ?? 'root', UID_SIDE, who);
  const gid = await resolveRanges(maps.gidMap ?? 'root', GID_SIDE, who);
  const ownUid = who.setuid || isOwnId(uid, who.uid);
  const ownGid = who.setgid || isOwnId(gid, who.gid);
  return {
    setgroups: maps.setgroups ?? (deniesGroups(gid, who) ? 'deny' : undefined),
    uidMap: ownUid ? textOf(uid) : undefined,
    gidMap: ownGid ? textOf(gid) : undefined,
    newuidmap: ownUid ? undefined : uid,
    newgidmap: ownGid ? undefined : gid,
  };
}

/** The ranges that a map stands for, with the ids of `who` outside. */
export async function resolveRanges(map: IdMap, side: Side, who: Credentials): Promise<IdRange[]> {
  const id = side === UID_SIDE ? who.uid : who.gid;
  switch (map) {
    case 'root':
      return [{ inside: 0, outside: id, count: 1 }];
    case 'current':
      return [{ inside: id, outside: id, count: 1 }];
    case 'auto':
      return autoMap(id, await grantedRanges(side, who.uid));
    default:
      return map;
  }
}

/**
 * True where writing this gid map denies setgroups(2): a writer without privilege has to deny it first.
 * user_namespaces(7)
 */
export function deniesGroups(gid: readonly IdRange[], who: Credentials): boolean {
  return !who.setgid && gid.length > 0 && isOwnId(gid, who.gid);
}

/** True where an unprivileged process with this effective id may write the map itself. */
export function isOwnId(ranges: readonly IdRange[], id: number): boolean {
  const [first] = ranges;
  return first === undefined || (ranges.length === 1 && first.count === 1 && first.outside === id);
}

function textOf(ranges: readonly IdRange[]): string | undefined {
  return ranges.length === 0 ? undefined : formatIdMap(ranges);
}

/**
 * The caller's own id becomes 0, and the granted ids follow from 1 on; the own id is left out there, since a map has
 * each id only once. The map has as many ranges as the kernel takes: it limits the lines and the bytes, and ids have 32
 * bits on both sides.
 */
function autoMap(id: number, granted: readonly SubordinateRange[]): IdRange[] {
  const map: IdRange[] = [{ inside: 0, outside: id, count: 1 }];
  let size = formatIdMap(map).length;
  let inside = 1;
  for (const { start, count: all } of granted.flatMap((range) => without(range, [{ start: id, count: 1 }]))) {
    const range = { inside, outside: start, count: Math.min(all, MAX_ID + 1 - inside) };
    size += formatIdMap([range]).length;
    if (map.length === MOST_RANGES || size >= LEAST_PAGE || range.count === 0) break;
    map.push(range);
    inside += range.count;
  }
  return map;
}

/** @throws NamespaceError `ERR_LINUX_NS_NO_SUBORDINATE_IDS` */
export async function grantedRanges(side: Side, uid: number): Promise<SubordinateRange[]> {
  const user = { name: loginName(), uid };
  const granted = subordinateRanges(await textOfGrants(side), user);
  if (granted.length === 0) throw nothingGranted(side, user);
  return granted;
}

async function textOfGrants(side: Side): Promise<string> {
  try {
    return await readFile(side.grants, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw systemError(error, { step: `read ${side.grants}`, operation: 'read_grants', kind: 'user' });
  }
}

/** The login name of the effective user, as newuidmap looks it up; a uid without an entry in passwd(5) has none. */
function loginName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

function nothingGranted(side: Side, user: { name: string | undefined; uid: number }): NamespaceError {
  const name = user.name ?? String(user.uid);
  const option = side === UID_SIDE ? 'subuids' : 'subgids';
  return new NamespaceError({
    code: 'ERR_LINUX_NS_NO_SUBORDINATE_IDS',
    message: `${side.grants} grants no ids to ${name} (uid ${user.uid})`,
    step: `write ${side.file}`,
    kind: 'user',
    path: side.grants,
    hint:
      `Add a line such as '${name}:100000:65536' to ${side.grants}, with ` +
      `'sudo usermod --add-${option} 100000-165535 ${name}'.`,
  });
}
