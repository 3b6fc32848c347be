import { type Family, familyOfNumber } from '../ip';
import { compact } from '../compact';
import type { NameOf } from '../link/link-name';
import { flagNames } from '../names';
import { NTF_EXT_LEARNED, NTF_PROXY, NTF_ROUTER, type NeighborMessage } from './neighbor-message';

/**
 * A neighbor and its link-layer address, as plain JSON. The values are spelled as `ip -j neighbour` prints them. Where
 * `ip` gives a property another name, its description has that name at the end.
 */
export interface Neighbor {
  /** The family: `'inet'` for IPv4, `'inet6'` for IPv6. */
  family: Family;
  /** Its IP address: `dst`. */
  to: string;
  /** The link's name: `dev`. */
  link: string;
  /** The link's index. */
  index: number;
  /** Its link-layer address: `lladdr`. Absent until it is resolved, and on links that have no such addresses. */
  address?: string;
  /** The state: `['REACHABLE']`, `['PERMANENT']`, `['STALE']`, … It is empty for a proxy. */
  state: string[];
  /** True where the neighbor has advertised itself as a router. */
  router?: boolean;
  /** True where this host answers in its place. */
  proxy?: boolean;
  /** True where it was learnt by a program, not by the kernel: `extern_learn`. */
  external?: boolean;
}

/** The state of an entry: `'permanent'` never expires, `'reachable'` expires, `'failed'` could not be resolved. */
export type NeighborState = 'permanent' | 'noarp' | 'reachable' | 'stale' | 'delay' | 'probe' | 'incomplete' | 'failed';

/** NUD_*, in the order in which `ip` prints them. */
export const NEIGHBOR_STATES = [
  [0x01, 'INCOMPLETE'],
  [0x02, 'REACHABLE'],
  [0x04, 'STALE'],
  [0x08, 'DELAY'],
  [0x10, 'PROBE'],
  [0x20, 'FAILED'],
  [0x40, 'NOARP'],
  [0x80, 'PERMANENT'],
] as const;

/** The neighbor in a message; undefined for a family that is not IP. */
export function neighborOf({ header, attributes }: NeighborMessage, nameOf: NameOf): Neighbor | undefined {
  const family = familyOfNumber(header.family);
  if (family === undefined || attributes.DST === undefined) return undefined;
  const has = (flag: number): true | undefined => ((header.flags & flag) === 0 ? undefined : true);
  return compact({
    family,
    to: attributes.DST,
    link: nameOf(header.index),
    index: header.index,
    // On a link that has no such addresses the attribute is there, and empty.
    address: attributes.LLADDR === '' ? undefined : attributes.LLADDR,
    state: flagNames(header.state, NEIGHBOR_STATES),
    router: has(NTF_ROUTER),
    proxy: has(NTF_PROXY),
    external: has(NTF_EXT_LEARNED),
  });
}
