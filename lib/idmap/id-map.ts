import { MAX_ID } from '../kernel/ids';
import { type Check, integer, list, required, schema } from '../errors/schema';
import { invalidType, invalidValue, validateInteger } from '../errors/validate';

/**
 * A range of consecutive ids, with the first id on each side: one line of `/proc/PID/uid_map` (`user_namespaces(7)`).
 */
export interface IdRange {
  /** The first id inside the user namespace. */
  inside: number;
  /** The id in the user namespace above that `inside` stands for. */
  outside: number;
  /** The number of ids, at least 1. */
  count: number;
}

/**
 * The ids that a new user namespace has, `user_namespaces(7)`.
 *
 * - `'root'`: one id, 0, which is the caller's effective id outside. Needs no privilege.
 * - `'current'`: one id, the caller's own, with the same number inside. Needs no privilege.
 * - `'auto'`: 0 is the caller, and from 1 on come all ids that `/etc/subuid` (`/etc/subgid`) grants to the caller, in
 *   the order of the file (`subuid(5)`). Each is mapped once, however many lines grant it, and not more than a map can
 *   hold. An ordinary user needs newuidmap and newgidmap for it (Debian's package `uidmap`).
 * - ranges: exactly these, at most 340. With an empty array every id is 65534 inside, as with `unshare -U`. A range
 *   other than the caller's own id needs CAP_SETUID (CAP_SETGID), or a line of `/etc/subuid` (`/etc/subgid`) and
 *   newuidmap (newgidmap).
 */
export type IdMap = 'root' | 'current' | 'auto' | IdRange[];

/** The kernel's UID_GID_MAP_MAX_EXTENTS: lines of a map, since Linux 4.15. */
export const MOST_RANGES = 340;

/** A map is written at once, and in less than a page of memory, which is at least this large: user_namespaces(7). */
export const LEAST_PAGE = 4096;

const parseRange = schema<IdRange>()({
  inside: required(integer(0, MAX_ID)),
  outside: required(integer(0, MAX_ID)),
  count: required(integer(1, MAX_ID + 1)),
});

const ranges = list((name, value) => {
  const range = parseRange(name, value);
  validateInteger(`${name}.count`, range.count, 1, MAX_ID + 1 - Math.max(range.inside, range.outside));
  return range;
});

/** Checks an id map, and copies it. */
export const idMap: Check<IdMap> = (name, value) => {
  if (value === 'root' || value === 'current' || value === 'auto') return value;
  if (typeof value === 'string')
    throw invalidValue(name, value, "must be 'root', 'current', 'auto' or an array of ranges");
  if (!Array.isArray(value)) throw invalidType(name, "'root', 'current', 'auto' or an array of ranges", value);
  if (value.length > MOST_RANGES) throw invalidValue(name, value, `must have at most ${MOST_RANGES} ranges`);
  const map = ranges(name, value);
  map.forEach((range, index) => refuseOverlap(name, map, range, index));
  return map;
};

/** The text that the kernel takes, and shows, in `/proc/PID/uid_map`. */
export function formatIdMap(ranges: readonly IdRange[]): string {
  return ranges.map(({ inside, outside, count }) => `${inside} ${outside} ${count}\n`).join('');
}

/** Reads what the kernel shows in `/proc/PID/uid_map`. */
export function parseIdMap(text: string): IdRange[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter((fields): fields is [number, number, number] => fields.length === 3)
    .map(([inside, outside, count]) => ({ inside, outside, count }));
}

function refuseOverlap(name: string, ranges: readonly IdRange[], range: IdRange, index: number): void {
  for (const side of ['inside', 'outside'] as const) {
    const other = ranges.findIndex((earlier, at) => at < index && overlaps(earlier, range, side));
    if (other === -1) continue;
    throw invalidValue(`${name}[${index}]`, range, `must not overlap ${name}[${other}] ${side}`);
  }
}

function overlaps(a: IdRange, b: IdRange, side: 'inside' | 'outside'): boolean {
  return a[side] < b[side] + b.count && b[side] < a[side] + a.count;
}
