import { type Family, familyOfNumber } from '../ip';
import { compact } from '../compact';
import type { NameOf } from '../link/lookup';
import { flagNames } from '../names';
import { NTF_EXT_LEARNED, NTF_PROXY, NTF_ROUTER, type NeighborMessage } from './message';

/**
 * The link-layer address of a neighbor, as plain JSON. The texts in it are those that `ip -j neighbour` prints; where a key
 * has another name than there it is given.
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
  /** Of the link layer: `lladdr`; none while it is asked for, nor on a link that has none. */
  address?: string;
  /** `['REACHABLE']`, `['PERMANENT']`, `['STALE']`, … A proxy has none. */
  state: string[];
  /** It says that it is a router. */
  router?: boolean;
  /** This host answers for it. */
  proxy?: boolean;
  /** Another than the kernel has learnt it: `extern_learn`. */
  external?: boolean;
}

/** How well an address is known: `'permanent'` for ever, `'reachable'` for a while; `'failed'` was asked for in vain. */
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
