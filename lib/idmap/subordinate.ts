import { MAX_ID } from '../kernel/ids';

/**
 * Consecutive ids that the administrator has granted to somebody: a line of `/etc/subuid` (`subuid(5)`), or several.
 */
export interface SubordinateRange {
  /** The first id. */
  start: number;
  /** The number of ids, at least 1. */
  count: number;
}

/**
 * The ids that `/etc/subuid` or `/etc/subgid` grants to a user, each of them once and in the order of the file,
 * although lines may overlap or be repeated. Ranges that touch become one, because a map has few lines. Ids that no
 * kernel has are left out.
 *
 * Both files name the *user*, by login name or by uid; /etc/subgid too. Lines that are not understood are passed over,
 * as newuidmap does.
 *
 * @param text - the file's text
 * @param user - the user that asks; the name is undefined when the user has none
 */
export function subordinateRanges(text: string, user: { name: string | undefined; uid: number }): SubordinateRange[] {
  const ranges: SubordinateRange[] = [];
  for (const line of text.split('\n')) {
    const match = /^([^:#]+):(\d+):(\d+)\s*$/.exec(line.trim());
    if (match === null) continue;
    const [, owner, start, count] = match;
    if (owner === user.name || owner === String(user.uid)) add(ranges, Number(start), Number(count));
  }
  return ranges;
}

function add(ranges: SubordinateRange[], first: number, number: number): void {
  const granted = { start: first, count: Math.min(number, MAX_ID + 1 - first) };
  for (const { start, count } of without(granted, ranges)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.start + last.count === start) last.count += count;
    else ranges.push({ start, count });
  }
}

/** The parts of a range that are in none of the others. */
export function without(range: SubordinateRange, others: readonly SubordinateRange[]): SubordinateRange[] {
  const end = range.start + range.count;
  const parts: SubordinateRange[] = [];
  let next = range.start;
  for (const { start, count } of [...others].sort((a, b) => a.start - b.start)) {
    if (start > next && next < end) parts.push({ start: next, count: Math.min(start, end) - next });
    next = Math.max(next, start + count);
  }
  if (next < end) parts.push({ start: next, count: end - next });
  return parts;
}
