/** Who the programs of a sandbox are, and which ids there are in its one or two user namespaces. */
import { invalidValue } from '../errors/validate';
import type { Credentials } from '../idmap/credentials';
import { type IdMap, type IdRange, formatIdMap } from '../idmap/id-map';
import { GID_SIDE, type Side, UID_SIDE, isOwnId, resolveRanges } from '../idmap/resolve';

/** What the spec says of one side. */
export interface WantedIds {
  readonly id: number | undefined;
  readonly map: IdMap | undefined;
}

export interface WantedUser {
  readonly uid: WantedIds;
  readonly gid: WantedIds;
  readonly groups: readonly number[] | undefined;
}

/** One side, resolved. */
export interface SandboxIds {
  /** Of programs, inside. */
  readonly id: number;
  /** Of the user namespace that programs are in, as seen from this process's. */
  readonly ranges: readonly IdRange[];
}

export interface ResolvedUser {
  readonly uid: SandboxIds;
  readonly gid: SandboxIds;
  /** Undefined where setgroups(2) is denied: they cannot be changed. */
  readonly groups: readonly number[] | undefined;
}

/** Maps of the two user namespaces, where the one that programs are in lies below the one that mounts belong to. */
export interface NestedMaps {
  /** With 0, and without gaps. */
  readonly above: IdRange[];
  /** As /proc/PID/uid_map takes it. */
  readonly below: string;
}

/**
 * @param deniesGroups - whether setgroups(2) is denied where the user namespace is made
 * @throws TypeError for an id that the map does not have, or groups that cannot be set; NamespaceError where 'auto' has
 * nothing to go by
 */
export async function resolveUser(wanted: WantedUser, who: Credentials, deniesGroups: boolean): Promise<ResolvedUser> {
  const uid = await resolveSide('uid', wanted.uid, UID_SIDE, who);
  const gid = await resolveSide('gid', wanted.gid, GID_SIDE, who);
  return { uid, gid, groups: groupsOf(wanted.groups, gid, deniesGroups || deniesOwn(gid, who)) };
}

/** Whether an id is mapped. */
export function hasId(ranges: readonly IdRange[], id: number): boolean {
  return ranges.some(({ inside, count }) => id >= inside && id < inside + count);
}

/** The same ids in two steps: above they are counted from 0. */
export function nestedMaps(ranges: readonly IdRange[]): NestedMaps {
  let next = 0;
  const both = ranges.map(({ inside, outside, count }) => {
    const between = next;
    next += count;
    return { above: { inside: between, outside, count }, below: { inside, outside: between, count } };
  });
  return { above: both.map(({ above }) => above), below: formatIdMap(both.map(({ below }) => below)) };
}

/** What an id of programs is called in the user namespace that {@link NestedMaps.above} is of. */
export function idAbove(ranges: readonly IdRange[], id: number): number {
  let next = 0;
  for (const { inside, count } of ranges) {
    if (id >= inside && id < inside + count) return next + id - inside;
    next += count;
  }
  return id;
}

async function resolveSide(
  name: 'uid' | 'gid',
  { id, map }: WantedIds,
  side: Side,
  who: Credentials,
): Promise<SandboxIds> {
  const own = who[name];
  if (map === undefined) return { id: id ?? own, ranges: [{ inside: id ?? own, outside: own, count: 1 }] };
  const ranges = await resolveRanges(map, side, who);
  const chosen = id ?? defaultId(ranges, own);
  if (hasId(ranges, chosen)) return { id: chosen, ranges };
  const has = ranges.map(({ inside, count }) => (count === 1 ? `${inside}` : `${inside} to ${inside + count - 1}`));
  throw invalidValue(`spec.user.${name}`, chosen, `is not in spec.user.map, which has ${has.join(', ') || 'none'}`);
}

/** The caller's own, if that has a name inside; else 0; else the first there is. */
function defaultId(ranges: readonly IdRange[], own: number): number {
  const range = ranges.find(({ outside, count }) => own >= outside && own < outside + count);
  if (range !== undefined) return range.inside + own - range.outside;
  return hasId(ranges, 0) ? 0 : (ranges[0]?.inside ?? 0);
}

/** Who writes a gid map without privilege has to deny setgroups(2) first: user_namespaces(7). */
function deniesOwn(gid: SandboxIds, who: Credentials): boolean {
  return !who.setgid && isOwnId(gid.ranges, who.gid);
}

function groupsOf(
  groups: readonly number[] | undefined,
  gid: SandboxIds,
  denied: boolean,
): readonly number[] | undefined {
  if (denied && groups !== undefined) {
    const reason = "cannot be set with a group map that takes no privilege: give spec.user.map 'auto', or run as root";
    throw invalidValue('spec.user.groups', groups, reason);
  }
  const missing = groups?.find((group) => !hasId(gid.ranges, group));
  if (missing !== undefined) throw invalidValue('spec.user.groups', groups, `has ${missing}, which is not mapped`);
  return denied ? undefined : (groups ?? []);
}
