/** Ranges of user or group ids, as in the kernel's maps and in /etc/subuid. */
import type { HostFiles } from '../kernel/host-files';

/** A range of `count` ids, from `first` on. */
export interface IdRange {
  first: number;
  count: number;
}

/** One line of a map: `inside outside count` (user_namespaces(7)). */
export interface MapLine {
  inside: IdRange;
  outside: IdRange;
}

/** The lines of a map; undefined when one of them isn't three numbers. */
export function parseMap(text: string): MapLine[] | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const parsed = lines.flatMap((line) => {
    const [, inside, outside, count] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s*$/.exec(line)?.map(Number) ?? [];
    if (inside === undefined || outside === undefined || count === undefined) return [];
    return [{ inside: { first: inside, count }, outside: { first: outside, count } }];
  });
  return parsed.length === lines.length ? parsed : undefined;
}

/** The ids that are mapped in this process's own user namespace: no others can be used here. */
export function idsMappedHere(host: HostFiles, whose: 'Uid' | 'Gid'): IdRange[] | undefined {
  const text = host.proc(`self/${whose.toLowerCase()}_map`);
  return text === undefined ? undefined : parseMap(text)?.map(({ inside }) => inside);
}

export function isMapped(ranges: readonly IdRange[], id: number): boolean {
  return covers(ranges, { first: id, count: 1 });
}

/** True where every id of `wanted` is in one of `ranges`, which may touch one another and come in any order. */
export function covers(ranges: readonly IdRange[], wanted: IdRange): boolean {
  let next = wanted.first;
  for (const { first, count } of [...ranges].sort((a, b) => a.first - b.first)) {
    if (first <= next) next = Math.max(next, first + count);
  }
  return next >= wanted.first + wanted.count;
}

/** The first two lines of a map that have an id in common on one side. */
export function overlapping(lines: readonly MapLine[], side: keyof MapLine): [IdRange, IdRange] | undefined {
  const sorted = lines.map((line) => line[side]).sort((a, b) => a.first - b.first);
  for (const [index, range] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next !== undefined && next.first < range.first + range.count) return [range, next];
  }
  return undefined;
}

/** `1000`, or `100000-165535`. */
export function showRange({ first, count }: IdRange): string {
  return count === 1 ? `${first}` : `${first}-${first + count - 1}`;
}
