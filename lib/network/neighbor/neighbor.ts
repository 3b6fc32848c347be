import { type Family, familyOfNumber } from '../ip';
import { compact } from '../compact';
import type { NameOf } from '../link/link-name';
import { flagNames } from '../names';
import { NTF_EXT_LEARNED, NTF_PROXY, NTF_ROUTER, type NeighborMessage } from './neighbor-message';

/**
 * A neighbor and its link-layer address, as plain JSON. The values are spelled as `ip -j neighbour` prints them. Where a
 * property has another name there, that is given below.
 */
export interface Neighbor {
  /** `'inet'`: IPv4; `'inet6'` */
  family: Family;
  /** Its IP address: `dst`. */
  to: string;
  /** The link's name: `dev`. */
  link: string;
  /** The link's index. */
  index: number;
  /** Its link-layer address: `lladdr`; absent until it is resolved, and on links that have none. */
  address?: string;
  /** `['REACHABLE']`, `['PERMANENT']`, `['STALE']`, … A proxy has none. */
  state: string[];
  /** It is a router, by its own advertisement. */
  router?: boolean;
  /** This host answers in its place. */
  proxy?: boolean;
  /** It was learnt by a program, not by the kernel: `extern_learn`. */
  external?: boolean;
}

/** The state of an entry: `'permanent'` never expires, `'reachable'` does; `'failed'` could not be resolved. */
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

/** What a message says; undefined for a family that is not IP. */
export function neighborOf({ header, attributes }: NeighborMessage, nameOf: NameOf): Neighbor | undefined {
  const family = familyOfNumber(header.family);
  if (family === undefined || attributes.DST === undefined) return undefined;
  const has = (flag: number): true | undefined => ((header.flags & flag) === 0 ? undefined : true);
  return compact({
    family,
    to: attributes.DST,
    link: nameOf(header.index),
    index: header.index,
    // On a link that has no addresses it is there, and empty.
    address: attributes.LLADDR === '' ? undefined : attributes.LLADDR,
    state: flagNames(header.state, NEIGHBOR_STATES),
    router: has(NTF_ROUTER),
    proxy: has(NTF_PROXY),
    external: has(NTF_EXT_LEARNED),
  });
}
