/** Routes as callers describe them, checked and encoded. */
import {
  type Check,
  type Parsed,
  boolean,
  integer,
  list,
  oneOf,
  orNull,
  required,
  schema,
  schemaOf,
  string,
} from '../../errors/schema';
import { invalidValue } from '../../errors/validate';
import { FAMILY_NUMBERS, type Family, address, family, familyOf, validatePrefix } from '../ip';
import { type LinkReference, link } from '../link/link-name';
import { index } from '../link/settings';
import {
  ROUTE_PROTOCOLS,
  ROUTE_TYPES,
  type RouteProtocol,
  type RouteType,
  SCOPES,
  type Scope,
  TABLES,
  type Table,
} from '../names';
import {
  METRIC_KEYS,
  type NextHopMessage,
  RTNH_F_ONLINK,
  type RouteAttributes,
  type RouteHeader,
  type RouteMessage,
} from './route-message';
import { type MetricName, PREFERENCES, type RouteMetrics, type RoutePreference } from './route';

/** One of several next hops. */
export interface NextHopSpec {
  /** The address of the router. */
  via?: string | undefined;
  /** The link that packets leave by. Default: the link whose network the router is in. */
  link?: LinkReference | undefined;
  /** Its share of the connections, 1 to 256. Default: 1. */
  weight?: number | undefined;
  /**
   * Takes the router to be on that link, although no address of the link is in its network (`onlink`). Default: false.
   */
  onlink?: boolean | undefined;
  /** The index of the link, as a list has it. It is used where `link` is not given. */
  index?: number | undefined;
  /** The flags, as a list has them. Only `'onlink'` has an effect; the others tell the present state. */
  flags?: readonly string[] | undefined;
}

/** A route to add or delete: ip-route(8). One that {@link Routes.list} has given is one. */
export interface RouteSpec {
  /** `'default'`, a network (`'10.0.0.0/8'`) or a single address. */
  to: string;
  /** The family of a default route without a router; otherwise the addresses tell. Default: `'inet'`. */
  family?: Family | undefined;
  /** The address of the router, which may be of the other family than the route. */
  via?: string | undefined;
  /** The link that packets leave by. Default: the link whose network the router is in. */
  link?: LinkReference | undefined;
  /**
   * Takes the router to be on that link, although no address of the link is in its network (`onlink`). Default: false.
   */
  onlink?: boolean | undefined;
  /** Several next hops, in place of `via` and `link`. */
  nexthops?: readonly NextHopSpec[] | undefined;
  /**
   * The routing table. Default: `'main'`, but `'local'` for the types `'local'`, `'broadcast'`, `'nat'` and
   * `'anycast'`.
   */
  table?: Table | number | undefined;
  /**
   * The way packets are treated: `'blackhole'` drops them silently, `'unreachable'` and `'prohibit'` drop them and tell
   * the sender. Default: `'unicast'`.
   */
  type?: RouteType | number | undefined;
  /** The origin of the route. Default: `'boot'`, as `ip` has it. */
  protocol?: RouteProtocol | number | undefined;
  /**
   * The distance of the destination. Default: as `ip` has it, `'link'` without a router and `'host'` for local
   * addresses.
   */
  scope?: Scope | number | undefined;
  /** The preferred source address. */
  source?: string | undefined;
  /** The network that a packet must come from to take this route; IPv6 only. */
  from?: string | undefined;
  /**
   * The priority: of several routes to the same destination the one with the lowest metric is taken. Default: 0 for
   * IPv4, 1024 for IPv6.
   */
  metric?: number | undefined;
  /** The type of service that a packet must have to take this route. Default: 0, for all packets. */
  tos?: number | undefined;
  /** Metrics of the path. */
  metrics?: RouteMetrics | undefined;
  /** The preference among several IPv6 routers, RFC 4191. Default `'medium'`. */
  preference?: RoutePreference | undefined;
  /** Seconds until the route is removed; IPv6 only. */
  expires?: number | undefined;
  /**
   * The number of a next-hop object, in place of `via`, `link` and `nexthops`. Where those are given too, as in a list,
   * they are ignored.
   */
  nexthopId?: number | undefined;
  /** The index of the link, as a list has it. It is used where `link` is not given. */
  index?: number | undefined;
  /** The flags, as a list has them. Only `'onlink'` has an effect; the others tell the present state. */
  flags?: readonly string[] | undefined;
}

/** The types of routes that lead to this host, or are in its own table by default. */
const IN_LOCAL_TABLE: readonly (RouteType | number)[] = ['local', 'broadcast', 'nat', 'anycast'];

const uint32 = integer(0, 0xffffffff);

const to: Check<string> = (name, value) => {
  if (value !== 'default') validatePrefix(name, value);
  return value as string;
};

/** Keeps a name: the defaults of other properties depend on it. */
const type: Check<RouteType | number> = (name, value) => {
  ROUTE_TYPES.validate(name, value, 255);
  return value as RouteType | number;
};

const metrics = schemaOf({
  ...(Object.fromEntries(Object.values(METRIC_KEYS).map((key) => [key, uint32])) as Record<MetricName, Check<number>>),
  congctl: string,
});

const NEXT_HOP = schema<NextHopSpec>()({
  via: address,
  link,
  weight: integer(1, 256),
  onlink: boolean,
  index,
  flags: list(string),
});

const ROUTE = schema<RouteSpec>()({
  to: required(to),
  family,
  via: address,
  link,
  onlink: boolean,
  nexthops: list(NEXT_HOP),
  table: TABLES.check(0xffffffff),
  type,
  protocol: orNull(ROUTE_PROTOCOLS.check(255)),
  scope: SCOPES.check(255),
  source: address,
  from: string,
  metric: uint32,
  tos: integer(0, 0xff),
  metrics,
  preference: oneOf(['low', 'medium', 'high']),
  expires: integer(0, 0x7fffffff / 100),
  nexthopId: integer(1, 0xffffffff),
  index,
  flags: list(string),
});

type CheckedHop = Parsed<typeof NEXT_HOP>;
type CheckedRoute = Parsed<typeof ROUTE>;

export function parseRoute(name: string, given: unknown): CheckedRoute {
  const spec = ROUTE(name, given);
  const { nexthops } = spec;
  const ofRoute = routeFamily(spec);
  if (spec.family !== undefined && spec.family !== ofRoute) {
    throw invalidValue(`${name}.family`, spec.family, `must be that of '${spec.to}'`);
  }
  if (spec.from !== undefined) validatePrefix(`${name}.from`, spec.from, ofRoute);
  if (nexthops === undefined) return spec;
  if (spec.nexthopId === undefined && (spec.via !== undefined || spec.link !== undefined)) {
    throw invalidValue(`${name}.nexthops`, nexthops, "must not be given together with 'via' or 'link'");
  }
  if (nexthops.length === 0) throw invalidValue(`${name}.nexthops`, nexthops, 'must have at least one');
  return spec;
}

/** The family of the destination; for a default route that of its router. */
export function routeFamily(spec: CheckedRoute): Family {
  if (spec.to !== 'default') return familyOf(spec.to.split('/')[0] ?? '');
  if (spec.family !== undefined) return spec.family;
  const router = spec.via ?? spec.nexthops?.[0]?.via;
  return router?.includes(':') === true ? 'inet6' : 'inet';
}

/** The links that a spec refers to. */
export function linksOfSpec(spec: CheckedRoute): LinkReference[] {
  if (spec.nexthopId !== undefined) return [];
  return [spec, ...(spec.nexthops ?? [])].map(linkOfHop).filter((each) => each !== undefined);
}

type Hop = Pick<CheckedRoute, 'link' | 'index' | 'onlink' | 'flags'>;

/** The link that packets leave by: as given, or as a list has it. */
export function linkOfHop(hop: Hop): LinkReference | undefined {
  return hop.link ?? hop.index;
}

/** The flags of a next hop. */
export function flagsOfHop({ onlink, flags }: Hop): number {
  return (onlink ?? flags?.includes('onlink') ?? false) ? RTNH_F_ONLINK : 0;
}

/**
 * Encodes a route for a message.
 *
 * @param indexOf - the index of each link in the spec, which has been looked up
 * @param adds - true to use the default of each property that is not given; false to leave it open, so that anything
 * matches
 */
export function encodeRoute(spec: CheckedRoute, indexOf: (link: LinkReference) => number, adds: boolean): RouteMessage {
  const ofRoute = routeFamily(spec);
  const destination = spec.to === 'default' ? undefined : validatePrefix('spec.to', spec.to);
  const from = spec.from === undefined ? undefined : validatePrefix('spec.from', spec.from);
  const table = tableOf(spec);
  const kind = typeOf(spec) ?? (adds ? 'unicast' : undefined);
  const header: RouteHeader = {
    family: FAMILY_NUMBERS[ofRoute],
    destinationLength: destination?.length ?? 0,
    sourceLength: from?.length ?? 0,
    tos: spec.tos ?? 0,
    table: table > 255 ? 0 : table,
    protocol: spec.protocol ?? ROUTE_PROTOCOLS.numberOf(adds ? 'boot' : 'unspec'),
    scope: scopeOf(spec, adds),
    type: kind === undefined ? 0 : ROUTE_TYPES.validate('spec.type', kind, 255),
    flags: spec.nexthopId === undefined ? flagsOfHop(spec) : 0,
  };
  const attributes: RouteAttributes = {
    DST: destination?.address,
    SRC: from?.address,
    ...(spec.nexthopId === undefined ? way(spec, ofRoute, indexOf) : { NH_ID: spec.nexthopId }),
    PRIORITY: spec.metric,
    PREFSRC: spec.source,
    METRICS: encodeMetrics(spec.metrics),
    TABLE: table > 255 ? table : undefined,
    PREF: spec.preference === undefined ? undefined : PREFERENCES.indexOf(spec.preference),
    EXPIRES: spec.expires === undefined ? undefined : Math.max(spec.expires, 1), // a list rounds to 0
  };
  return { header, attributes };
}

/**
 * The type of a route. A list shows the type of a next-hop object that drops packets as the type of the route, but the
 * route itself is an ordinary one.
 */
function typeOf(spec: CheckedRoute): RouteType | number | undefined {
  return spec.nexthopId !== undefined && spec.type === 'blackhole' ? undefined : spec.type;
}

/** The attributes of a route that names its own router and link, and no next-hop object. */
function way(
  spec: CheckedRoute,
  ofRoute: Family,
  indexOf: (link: LinkReference) => number,
): Pick<RouteAttributes, 'GATEWAY' | 'VIA' | 'OIF' | 'MULTIPATH'> {
  const out = linkOfHop(spec);
  return {
    ...gateway(spec.via, ofRoute),
    OIF: out === undefined ? undefined : indexOf(out),
    MULTIPATH: spec.nexthops?.map((hop) => encodeHop(hop, ofRoute, indexOf)),
  };
}

function tableOf(spec: CheckedRoute): number {
  if (spec.table !== undefined) return spec.table;
  return TABLES.numberOf(spec.type !== undefined && IN_LOCAL_TABLE.includes(spec.type) ? 'local' : 'main');
}

/** The scope of the destination, as iproute2 sets it. The kernel ignores it for IPv6. */
function scopeOf(spec: CheckedRoute, adds: boolean): number {
  if (spec.scope !== undefined) return spec.scope;
  if (!adds) return SCOPES.numberOf('nowhere'); // any
  const { type: kind = 'unicast' } = spec;
  if (kind === 'local' || kind === 'nat') return SCOPES.numberOf('host');
  if (kind === 'broadcast' || kind === 'multicast' || kind === 'anycast') return SCOPES.numberOf('link');
  if (kind !== 'unicast') return SCOPES.numberOf('global');
  return SCOPES.numberOf((spec.via ?? spec.nexthops ?? spec.nexthopId) === undefined ? 'link' : 'global');
}

function gateway(via: string | undefined, ofRoute: Family): Pick<RouteAttributes, 'GATEWAY' | 'VIA'> {
  if (via === undefined) return {};
  return familyOf(via) === ofRoute ? { GATEWAY: via } : { VIA: via };
}

function encodeHop(hop: CheckedHop, ofRoute: Family, indexOf: (link: LinkReference) => number): NextHopMessage {
  const out = linkOfHop(hop);
  return {
    flags: flagsOfHop(hop),
    hops: (hop.weight ?? 1) - 1,
    index: out === undefined ? 0 : indexOf(out),
    attributes: gateway(hop.via, ofRoute),
  };
}

function encodeMetrics(given: CheckedRoute['metrics']): RouteAttributes['METRICS'] {
  if (given === undefined) return undefined;
  const entries = Object.entries(METRIC_KEYS).map(([key, name]) => [key, given[name]]);
  return { ...Object.fromEntries(entries), CC_ALGO: given.congctl } as RouteAttributes['METRICS'];
}
