/** The ids of the programs in a sandbox, and the ids that its one or two user namespaces map. */
import { invalidValue } from '../errors/validate';
import type { Credentials } from '../idmap/credentials';
import type { IdMap, IdRange } from '../idmap/id-map';
import { GID_SIDE, type Side, UID_SIDE, deniesGroups, resolveRanges } from '../idmap/resolve';

/** The ids that the spec asks for on one side: for users, or for groups. */
export interface WantedIds {
  readonly id: number | undefined;
  readonly map: IdMap | undefined;
}

export interface WantedUser {
  readonly uid: WantedIds;
  readonly gid: WantedIds;
  readonly groups: readonly number[] | undefined;
}

/** The resolved ids of one side: of users, or of groups. */
export interface SandboxIds {
  /** The id of the programs, as seen inside. */
  readonly id: number;
  /** The map of the user namespace that programs are in. Its outside ids are those of this process's user namespace. */
  readonly ranges: readonly IdRange[];
}

export interface ResolvedUser {
  readonly uid: SandboxIds;
  readonly gid: SandboxIds;
  /** The supplementary groups. Undefined where setgroups(2) is denied, and so they cannot be changed. */
  readonly groups: readonly number[] | undefined;
}

/**
 * Resolves the ids that the spec asks for.
 *
 * @param deniesAll - true if setgroups(2) is denied in the user namespace that the new one is created in
 * @throws TypeError for an id that the map does not have, or groups that cannot be set; NamespaceError where 'auto' has
 * nothing to go by
 */
export async function resolveUser(wanted: WantedUser, who: Credentials, deniesAll: boolean): Promise<ResolvedUser> {
  const uid = await resolveSide('uid', wanted.uid, UID_SIDE, who);
  const gid = await resolveSide('gid', wanted.gid, GID_SIDE, who);
  return { uid, gid, groups: groupsOf(wanted.groups, gid, deniesAll || deniesGroups(gid.ranges, who)) };
}

/** True if the map has this id, inside. */
export function hasId(ranges: readonly IdRange[], id: number): boolean {
  return ranges.some(({ inside, count }) => id >= inside && id < inside + count);
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

/**
 * The default id of programs: the caller's own, if it is mapped; else 0, if that is mapped; else the first of the map.
 */
function defaultId(ranges: readonly IdRange[], own: number): number {
  const range = ranges.find(({ outside, count }) => own >= outside && own < outside + count);
  if (range !== undefined) return range.inside + own - range.outside;
  return hasId(ranges, 0) ? 0 : (ranges[0]?.inside ?? 0);
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
