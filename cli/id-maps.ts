/** The id maps for the options of unshare(1). */
import { readFileSync } from 'node:fs';
import { type IdRange, subordinateIds } from 'linux-ns';
import { UsageError, type Given } from './command';

/** The largest id and the largest count: both have 32 bits. */
const MOST = 2 ** 32 - 1;

/** The options for one of the two maps. */
export interface MapSide {
  readonly single: number | undefined;
  /** The values of `--map-users` or `--map-groups`, and the values that switches stand for. */
  readonly ranges: readonly string[];
  readonly subordinates: 'user' | 'group';
  readonly kernelMap: '/proc/self/uid_map' | '/proc/self/gid_map';
  readonly own: number;
}

/** The ranges that are requested for one of the maps. The switches count for both. */
export function rangesAskedFor(given: Given, option: 'map-users' | 'map-groups'): string[] {
  const auto = given.has('map-auto') ? ['auto'] : [];
  const subids = given.has('map-subids') ? ['subids'] : [];
  return [...given.values(option), ...auto, ...subids];
}

/** The whole map: the caller's own id, and the ranges without that id. */
export async function mapOf(side: MapSide): Promise<IdRange[]> {
  const ranges = (await Promise.all(side.ranges.map((text) => rangesOf(text, side)))).flat();
  if (side.single === undefined) return ranges;
  const own = { inside: side.single, outside: side.own, count: 1 };
  return [own, ...ranges.flatMap((range) => around(range, own))];
}

async function rangesOf(text: string, side: MapSide): Promise<IdRange[]> {
  switch (text) {
    case 'auto':
      return granted(side);
    case 'subids':
      return (await subordinateIds(side.subordinates)).map(({ start, count }) => ({
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

/** The subordinate ranges, mapped from 0 on, without the id that the caller's own is mapped to. */
async function granted({ subordinates, single }: MapSide): Promise<IdRange[]> {
  let inside = 0;
  return (await subordinateIds(subordinates)).flatMap(({ start, count }) => {
    const before = single === undefined || single < inside ? count : Math.min(count, single - inside);
    const first = { inside, outside: start, count: before };
    const rest = { inside: inside + before + 1, outside: start + before, count: count - before };
    inside += count + (rest.count > 0 ? 1 : 0);
    return [first, rest].filter((range) => range.count > 0);
  });
}

/** The parts of a range that remain without the ids of another mapping, inside and outside. */
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

/** `inside:outside:count`, or `outside,inside,count` as before util-linux 2.39. */
function parseRange(text: string): IdRange {
  const [, a = '', b = '', count = ''] = /^(\d+):(\d+):(\d+)$/.exec(text) ?? [];
  const [, c = '', d = '', number = ''] = /^(\d+),(\d+),(\d+)$/.exec(text) ?? [];
  const range =
    count !== ''
      ? { inside: Number(a), outside: Number(b), count: Number(count) }
      : { inside: Number(d), outside: Number(c), count: Number(number) };
  if (range.count >= 1 && Object.values(range).every((value) => value <= MOST)) return range;
  throw new UsageError(`a map must be INSIDE:OUTSIDE:COUNT, auto, subids or all, not '${text}'`);
}
