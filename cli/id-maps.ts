/** The maps that unshare(1) makes of its options. */
import { readFileSync } from 'node:fs';
import type { IdRange } from 'linux-ns';
import { subordinateRanges } from './accounts';
import { UsageError, type Given } from './command';

/** What one of the two maps is made from. */
export interface MapSide {
  readonly single: number | undefined;
  /** `--map-users`, `--map-groups`, and the switches that stand for one of them. */
  readonly ranges: readonly string[];
  readonly subordinates: '/etc/subuid' | '/etc/subgid';
  readonly kernelMap: '/proc/self/uid_map' | '/proc/self/gid_map';
  readonly own: number;
}

/** Those of one side that were asked for; the switches are for both. */
export function rangesAskedFor(given: Given, option: 'map-users' | 'map-groups'): string[] {
  const auto = given.has('map-auto') ? ['auto'] : [];
  const subids = given.has('map-subids') ? ['subids'] : [];
  return [...given.values(option), ...auto, ...subids];
}

/** The whole map: the ranges, and the caller's own id, which takes its place among them. */
export function mapOf(side: MapSide, uid: number): IdRange[] {
  const ranges = side.ranges.flatMap((text) => rangesOf(text, side, uid));
  if (side.single === undefined) return ranges;
  const own = { inside: side.single, outside: side.own, count: 1 };
  return [own, ...ranges.flatMap((range) => around(range, own))];
}

function rangesOf(text: string, side: MapSide, uid: number): IdRange[] {
  switch (text) {
    case 'auto':
      return granted(side, uid);
    case 'subids':
      return subordinateRanges(side.subordinates, uid).map(({ start, count }) => ({
        inside: start,
        outside: start,
        count,
      }));
    case 'all':
      return kernelMap(side.kernelMap);
    default:
      return [parseRange(text)];
  }
}

/** From 0 on, but for the id that is the caller's own. */
function granted({ subordinates, single }: MapSide, uid: number): IdRange[] {
  let inside = 0;
  return subordinateRanges(subordinates, uid).flatMap(({ start, count }) => {
    const before = single === undefined || single < inside ? count : Math.min(count, single - inside);
    const first = { inside, outside: start, count: before };
    const rest = { inside: inside + before + 1, outside: start + before, count: count - before };
    inside += count + (rest.count > 0 ? 1 : 0);
    return [first, rest].filter((range) => range.count > 0);
  });
}

/** What is left of a range when one id, inside and outside, is taken out of it. */
function around(range: IdRange, own: IdRange): IdRange[] {
  const holes = [own.inside - range.inside, own.outside - range.outside].filter((at) => at >= 0 && at < range.count);
  const cuts = [...new Set(holes)].sort((a, b) => a - b);
  const edges = [-1, ...cuts, range.count];
  return edges.slice(1).flatMap((end, index) => {
    const from = (edges[index] ?? -1) + 1;
    const count = end - from;
    return count > 0 ? [{ inside: range.inside + from, outside: range.outside + from, count }] : [];
  });
}

function kernelMap(file: string): IdRange[] {
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [inside = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    return { inside, outside: inside, count };
  });
}

/** `inside:outside:count`, or as before util-linux 2.39 `outside,inside,count`. */
function parseRange(text: string): IdRange {
  const [, a, b, count] = /^(\d+):(\d+):(\d+)$/.exec(text) ?? [];
  if (count !== undefined) return { inside: Number(a), outside: Number(b), count: Number(count) };
  const [, c, d, number] = /^(\d+),(\d+),(\d+)$/.exec(text) ?? [];
  if (number !== undefined) return { inside: Number(d), outside: Number(c), count: Number(number) };
  throw new UsageError(`a map must be INSIDE:OUTSIDE:COUNT, auto, subids or all, and not '${text}'`);
}
