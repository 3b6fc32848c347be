import { type Family, familyOfNumber, prefixText } from '../ip';
import { compact } from '../compact';
import type { NameOf } from '../link/link-name';
import {
  ROUTE_PROTOCOLS,
  ROUTE_TYPES,
  type RouteProtocol,
  type RouteType,
  SCOPES,
  type Scope,
  TABLES,
  type Table,
  flagNames,
} from '../names';
import { USER_HZ } from '../netlink/types';
import {
  METRIC_KEYS,
  type NextHopMessage,
  ROUTE_FLAGS,
  type RouteAttributes,
  type RouteMessage,
} from './route-message';

/**
 * A route, as plain JSON. The values are spelled as `ip -j route` prints them. Where `ip` gives a property another
 * name, its description has that name at the end. `type`, `table`, `protocol` and `scope` are always there; `ip` leaves
 * out usual values.
 */
export interface Route {
  /** The family: `'inet'` for IPv4, `'inet6'` for IPv6. */
  family: Family;
  /** `'unicast'`, `'blackhole'`, `'unreachable'`, … */
  type: RouteType | number;
  /** `'default'`, `'10.0.0.0/8'`, or a single address: `dst`. */
  to: string;
  /** The network that a packet must come from to take this route. */
  from?: string;
  /** The type of service that a packet must have to take this route. */
  tos?: number;
  /** The router: `gateway`, or `via` for a router of the other family. */
  via?: string;
  /** The name of the link that packets leave by: `dev`. */
  link?: string;
  /** The index of that link. */
  index?: number;
  /** `'main'`, `'local'`, `'default'`, or a number. */
  table: Table | number;
  /** The origin of the route: `'kernel'`, `'boot'`, `'static'`, `'dhcp'`, `'ra'`, … */
  protocol: RouteProtocol | number;
  /** The scope of the destination: `'link'` means that it is on the network of the link itself. */
  scope: Scope | number;
  /** The address that packets are sent from by default: `prefsrc`. */
  source?: string;
  /** The priority: of several routes to the same network the one with the lowest metric is taken. */
  metric?: number;
  /** The flags: `'onlink'`, `'linkdown'`, `'dead'`, … */
  flags: string[];
  /** Its next hops, if it has several, each with its weight. */
  nexthops?: NextHop[];
  /** The number of a next-hop object: `nhid`. */
  nexthopId?: number;
  /** Metrics of the path. */
  metrics?: RouteMetrics;
  /** The preference of an IPv6 router, RFC 4191: `pref`. */
  preference?: RoutePreference;
  /** Seconds until the route is removed. */
  expires?: number;
  /** The mark of the packet that was looked up. */
  mark?: number;
  /** The uid of the sender that was looked up, as this process's user namespace knows it. */
  uid?: number;
  /** The name of the link that the packet comes in by, in a lookup: `iif`. */
  incoming?: string;
}

/** One of several next hops of a route. */
export interface NextHop {
  /** The router: `gateway`, or `via`. */
  via?: string;
  /** The name of the link that packets leave by: `dev`. */
  link?: string;
  /** The index of that link. */
  index?: number;
  /** The share of the connections, 1 to 256. */
  weight: number;
  /** The flags: `'onlink'`, `'linkdown'`, `'dead'`, … */
  flags: string[];
}

/** @inline @useDeclaredType */
export type MetricName = (typeof METRIC_KEYS)[keyof typeof METRIC_KEYS];

/** Metrics of a path, RTAX_*: `mtu` and `advmss` in bytes, `rtt` and `rttvar` in the kernel's units. ip-route(8) */
export type RouteMetrics = Partial<Record<MetricName, number>> & {
  /** The congestion control algorithm. */
  congctl?: string;
};

/** The preference among several IPv6 routers, RFC 4191. */
export type RoutePreference = 'low' | 'medium' | 'high';

/** ICMPV6_ROUTER_PREF_*. */
export const PREFERENCES: readonly (RoutePreference | undefined)[] = ['medium', 'high', undefined, 'low'];

/** The route in a message; undefined for a family that is not IP. */
export function routeOf({ header, attributes }: RouteMessage, nameOf: NameOf): Route | undefined {
  const family = familyOfNumber(header.family);
  if (family === undefined) return undefined;
  const { DST, SRC, OIF, IIF, GATEWAY, VIA, MULTIPATH, PREF } = attributes;
  return compact({
    family,
    type: ROUTE_TYPES.nameOf(header.type),
    to: DST === undefined ? 'default' : prefixText(family, DST, header.destinationLength),
    from: SRC === undefined ? undefined : prefixText(family, SRC, header.sourceLength),
    tos: header.tos === 0 ? undefined : header.tos,
    via: GATEWAY ?? VIA,
    link: OIF === undefined ? undefined : nameOf(OIF),
    index: OIF,
    table: TABLES.nameOf(attributes.TABLE ?? header.table),
    protocol: ROUTE_PROTOCOLS.nameOf(header.protocol),
    scope: SCOPES.nameOf(header.scope),
    source: attributes.PREFSRC,
    metric: attributes.PRIORITY,
    flags: flagNames(header.flags, ROUTE_FLAGS),
    nexthops: MULTIPATH?.map((hop) => nextHopOf(hop, nameOf)),
    nexthopId: attributes.NH_ID,
    metrics: metricsOf(attributes.METRICS),
    preference: PREF === undefined ? undefined : PREFERENCES[PREF],
    expires: expiresOf(attributes),
    mark: attributes.MARK === 0 ? undefined : attributes.MARK,
    uid: attributes.UID,
    incoming: IIF === undefined ? undefined : nameOf(IIF),
  });
}

/** The links that a message refers to. */
export function linksOfRoute({ attributes: { OIF, IIF, MULTIPATH = [] } }: RouteMessage): number[] {
  return [OIF, IIF, ...MULTIPATH.map(({ index }) => index)].filter((index) => index !== undefined);
}

function nextHopOf({ flags, hops, index, attributes }: NextHopMessage, nameOf: NameOf): NextHop {
  return compact({
    via: attributes.GATEWAY ?? attributes.VIA,
    link: index === 0 ? undefined : nameOf(index),
    index: index === 0 ? undefined : index,
    weight: hops + 1,
    flags: flagNames(flags, ROUTE_FLAGS),
  });
}

function metricsOf(metrics: RouteAttributes['METRICS']): RouteMetrics | undefined {
  if (metrics === undefined) return undefined;
  const entries = Object.entries(METRIC_KEYS).map(([key, name]) => [name, metrics[key as keyof typeof METRIC_KEYS]]);
  const found = Object.fromEntries([...entries, ['congctl', metrics.CC_ALGO]]) as RouteMetrics;
  return compact(found);
}

function expiresOf({ EXPIRES, CACHEINFO }: RouteAttributes): number | undefined {
  if (EXPIRES !== undefined) return EXPIRES;
  return CACHEINFO === undefined || CACHEINFO.expires === 0 ? undefined : Math.trunc(CACHEINFO.expires / USER_HZ);
}
