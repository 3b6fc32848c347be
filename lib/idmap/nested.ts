/** A map of ids, split for two user namespaces, one below the other: decision 0014. */
import type { IdRange } from './id-map';

/** Maps of the two user namespaces, where the one that programs are in lies below the one that mounts belong to. */
export interface NestedMaps {
  /** The map of the upper one. Its inside ids start at 0 and have no gaps. */
  readonly above: IdRange[];
  /** The map of the lower one. Its outside ids are those of the upper one. */
  readonly below: IdRange[];
}

/** Splits a map into two for nested user namespaces. In the upper one the same ids are numbered from 0. */
export function nestedMaps(ranges: readonly IdRange[]): NestedMaps {
  let next = 0;
  const both = ranges.map(({ inside, outside, count }) => {
    const between = next;
    next += count;
    return { above: { inside: between, outside, count }, below: { inside, outside: between, count } };
  });
  return { above: both.map(({ above }) => above), below: both.map(({ below }) => below) };
}

/** The number that an id of programs has in the upper user namespace, which {@link NestedMaps.above} is the map of. */
export function idAbove(ranges: readonly IdRange[], id: number): number {
  let next = 0;
  for (const { inside, count } of ranges) {
    if (id >= inside && id < inside + count) return next + id - inside;
    next += count;
  }
  return id;
}
