import { compact } from '../compact';
import { type Family, familyOfNumber } from '../ip';
import type { NameOf } from '../link/link-name';
import { ROUTE_PROTOCOLS, type RouteProtocol, SCOPES, type Scope, flagNames } from '../names';
import { USER_HZ } from '../netlink/types';
import { ROUTE_FLAGS } from '../route/route-message';
import { GROUP_TYPES, type GroupMember, type NextHopObjectMessage } from './nexthop-message';

/**
 * A next-hop object, as plain JSON: a way that routes refer to by its number. The values are spelled as `ip -j nexthop`
 * prints them. Where `ip` gives a property another name, its description has that name at the end.
 */
export interface NextHopObject {
  /** The number by which routes refer to it: {@link Route.nexthopId}. */
  id: number;
  /** The family of the packets: `'inet'` for IPv4, `'inet6'` for IPv6. A group has those of its members. */
  family?: Family;
  /** The address of the router: `gateway`. */
  via?: string;
  /** The name of the link that packets leave by: `dev`. */
  link?: string;
  /** The index of that link. */
  index?: number;
  /** True where packets are dropped. */
  blackhole?: true;
  /** The members of a group. */
  group?: NextHopMember[];
  /** The way a group shares packets out. */
  type?: NextHopGroupType;
  /** The hash table of a resilient group: `resilient_args`. */
  resilient?: ResilientGroup;
  /** True where it is for the forwarding database of a vxlan, and not for routes. */
  fdb?: true;
  /** The scope of the router. */
  scope: Scope | number;
  /** The program or protocol that has made it. */
  protocol: RouteProtocol | number;
  /** The flags: `'onlink'`, `'linkdown'`, `'dead'`, … */
  flags: string[];
}

/** A member of a group. */
export interface NextHopMember {
  /** The number of a next-hop object that is no group. */
  id: number;
  /** Its share of the connections. */
  weight: number;
}

/**
 * The way a group shares packets out: `'mpath'` by a hash over the members, `'resilient'` by a table of buckets, so that
 * connections stay with their member when another goes. The latter needs Linux 5.13.
 */
export type NextHopGroupType = 'mpath' | 'resilient';

/** The hash table of a resilient group. */
export interface ResilientGroup {
  /** The number of its buckets. */
  buckets: number;
  /** Seconds without packets after which a bucket may be given to another member: `idle_timer`. */
  idleTimer: number;
  /** Seconds after which buckets are given to others in any case, 0 for never: `unbalanced_timer`. */
  unbalancedTimer: number;
}

export function nextHopObjectOf({ header, attributes }: NextHopObjectMessage, nameOf: NameOf): NextHopObject {
  const { ID = 0, OIF, GATEWAY, BLACKHOLE, GROUP, GROUP_TYPE, FDB } = attributes;
  return compact({
    id: ID,
    family: GROUP === undefined ? familyOfNumber(header.family) : undefined,
    via: GATEWAY,
    link: OIF === undefined ? undefined : nameOf(OIF),
    index: OIF,
    blackhole: BLACKHOLE,
    group: GROUP?.map(memberOf),
    type: GROUP_TYPE === undefined ? undefined : GROUP_TYPES[GROUP_TYPE],
    resilient: resilientOf(attributes.RES_GROUP),
    fdb: FDB,
    scope: SCOPES.nameOf(header.scope),
    protocol: ROUTE_PROTOCOLS.nameOf(header.protocol),
    flags: flagNames(header.flags, ROUTE_FLAGS),
  });
}

function memberOf({ id, weight, weightHigh }: GroupMember): NextHopMember {
  return { id, weight: weightHigh * 256 + weight + 1 };
}

function resilientOf(table: NextHopObjectMessage['attributes']['RES_GROUP']): ResilientGroup | undefined {
  if (table === undefined) return undefined;
  const { BUCKETS = 0, IDLE_TIMER = 0, UNBALANCED_TIMER = 0 } = table;
  return { buckets: BUCKETS, idleTimer: IDLE_TIMER / USER_HZ, unbalancedTimer: UNBALANCED_TIMER / USER_HZ };
}
