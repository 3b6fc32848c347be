/** Routes as callers describe them, checked and encoded. */
import {
  invalidValue,
  validateArray,
  validateBoolean,
  validateInteger,
  validateKnownKeys,
  validateObject,
  validateOneOf,
  validateString,
} from '../../errors/validate';
import { FAMILY_NUMBERS, type Family, familyOf, validateAddress, validatePrefix } from '../ip';
import { type LinkReference, validateLink } from '../link/link-name';
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
import { PREFERENCES, type RouteMetrics, type RoutePreference } from './route';

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

export const ROUTE_KEYS: readonly (keyof RouteSpec)[] = [
  'to',
  'family',
  'via',
  'link',
  'onlink',
  'nexthops',
  'table',
  'type',
  'protocol',
  'scope',
  'source',
  'from',
  'metric',
  'tos',
  'metrics',
  'preference',
  'expires',
  'nexthopId',
  'index',
  'flags',
];

/** The types of routes that lead to this host, or are in its own table by default. */
const IN_LOCAL_TABLE: readonly (RouteType | number)[] = ['local', 'broadcast', 'nat', 'anycast'];

export function validateRoute(name: string, spec: unknown): asserts spec is RouteSpec {
  const bag = spec as Record<string, unknown>;
  validateString(`${name}.to`, bag.to);
  if (bag.to !== 'default') validatePrefix(`${name}.to`, bag.to);
  if (bag.family !== undefined) validateOneOf(`${name}.family`, bag.family, ['inet', 'inet6']);
  const family = routeFamily(bag as unknown as RouteSpec);
  if (bag.family !== undefined && bag.family !== family) {
    throw invalidValue(`${name}.family`, bag.family, `must be that of '${bag.to}'`);
  }
  validateHop(name, bag);
  if (bag.type !== undefined) ROUTE_TYPES.validate(`${name}.type`, bag.type, 255);
  if (bag.source !== undefined) validateAddress(`${name}.source`, bag.source);
  if (bag.from !== undefined) validatePrefix(`${name}.from`, bag.from, family);
  if (bag.metric !== undefined) validateInteger(`${name}.metric`, bag.metric, 0, 0xffffffff);
  if (bag.tos !== undefined) validateInteger(`${name}.tos`, bag.tos, 0, 0xff);
  if (bag.expires !== undefined) validateInteger(`${name}.expires`, bag.expires, 0, 0x7fffffff / 100);
  if (bag.nexthopId !== undefined) validateInteger(`${name}.nexthopId`, bag.nexthopId, 1, 0xffffffff);
  if (bag.preference !== undefined) validateOneOf(`${name}.preference`, bag.preference, ['low', 'medium', 'high']);
  if (bag.metrics !== undefined) validateMetrics(`${name}.metrics`, bag.metrics);
  if (bag.nexthops === undefined) return;
  validateArray(`${name}.nexthops`, bag.nexthops);
  if (bag.nexthopId === undefined && (bag.via !== undefined || bag.link !== undefined)) {
    throw invalidValue(`${name}.nexthops`, bag.nexthops, "must not be given together with 'via' or 'link'");
  }
  if (bag.nexthops.length === 0) throw invalidValue(`${name}.nexthops`, bag.nexthops, 'must have at least one');
  bag.nexthops.forEach((hop, index) => {
    const at = `${name}.nexthops[${index}]`;
    validateObject(at, hop);
    validateKnownKeys(at, hop, ['via', 'link', 'weight', 'onlink', 'index', 'flags']);
    validateHop(at, hop as Record<string, unknown>);
  });
}

function validateHop(name: string, { via, link, weight, onlink, index, flags }: Record<string, unknown>): void {
  if (via !== undefined) validateAddress(`${name}.via`, via);
  if (link !== undefined) validateLink(`${name}.link`, link);
  if (weight !== undefined) validateInteger(`${name}.weight`, weight, 1, 256);
  if (onlink !== undefined) validateBoolean(`${name}.onlink`, onlink);
  if (index !== undefined) validateInteger(`${name}.index`, index, 1, 2 ** 31 - 1);
  if (flags === undefined) return;
  validateArray(`${name}.flags`, flags);
  flags.forEach((flag: unknown, at) => validateString(`${name}.flags[${at}]`, flag));
}

function validateMetrics(name: string, metrics: unknown): void {
  validateObject(name, metrics);
  validateKnownKeys(name, metrics, [...Object.values(METRIC_KEYS), 'congctl']);
  for (const [key, value] of Object.entries(metrics) as [string, unknown][]) {
    if (key === 'congctl') validateString(`${name}.${key}`, value);
    else if (value !== undefined) validateInteger(`${name}.${key}`, value, 0, 0xffffffff);
  }
}

/** The family of the destination; for a default route that of its router. */
export function routeFamily({ to, family, via, nexthops }: RouteSpec): Family {
  if (to !== 'default') return familyOf(to.split('/')[0] ?? '');
  if (family !== undefined) return family;
  const router = via ?? (Array.isArray(nexthops) ? (nexthops as NextHopSpec[])[0]?.via : undefined);
  return typeof router === 'string' && router.includes(':') ? 'inet6' : 'inet';
}

/** The links that a spec refers to. */
export function linksOfSpec(spec: RouteSpec): LinkReference[] {
  if (spec.nexthopId !== undefined) return [];
  return [spec, ...(spec.nexthops ?? [])].map(linkOfHop).filter((each) => each !== undefined);
}

type Hop = Pick<RouteSpec, 'link' | 'index' | 'onlink' | 'flags'>;

function linkOfHop({ link, index }: Hop): LinkReference | undefined {
  return link ?? index;
}

function flagsOfHop({ onlink, flags }: Hop): number {
  return (onlink ?? flags?.includes('onlink') ?? false) ? RTNH_F_ONLINK : 0;
}

/**
 * Encodes a route for a message.
 *
 * @param indexOf - the index of each link in the spec, which has been looked up
 * @param adds - true to use the default of each property that is not given; false to leave it open, so that anything
 * matches
 */
export function encodeRoute(spec: RouteSpec, indexOf: (link: LinkReference) => number, adds: boolean): RouteMessage {
  const family = routeFamily(spec);
  const to = spec.to === 'default' ? undefined : validatePrefix('spec.to', spec.to);
  const from = spec.from === undefined ? undefined : validatePrefix('spec.from', spec.from);
  const table = tableOf(spec);
  const type = typeOf(spec) ?? (adds ? 'unicast' : undefined);
  const protocol = spec.protocol ?? (adds ? 'boot' : 'unspec');
  const header: RouteHeader = {
    family: FAMILY_NUMBERS[family],
    destinationLength: to?.length ?? 0,
    sourceLength: from?.length ?? 0,
    tos: spec.tos ?? 0,
    table: table > 255 ? 0 : table,
    protocol: ROUTE_PROTOCOLS.validate('spec.protocol', protocol, 255),
    scope: scopeOf(spec, adds),
    type: type === undefined ? 0 : ROUTE_TYPES.validate('spec.type', type, 255),
    flags: spec.nexthopId === undefined ? flagsOfHop(spec) : 0,
  };
  const attributes: RouteAttributes = {
    DST: to?.address,
    SRC: from?.address,
    ...(spec.nexthopId === undefined ? way(spec, family, indexOf) : { NH_ID: spec.nexthopId }),
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
function typeOf({ type, nexthopId }: RouteSpec): RouteType | number | undefined {
  return nexthopId !== undefined && type === 'blackhole' ? undefined : type;
}

/** The attributes of a route that names its own router and link, and no next-hop object. */
function way(
  spec: RouteSpec,
  family: Family,
  indexOf: (link: LinkReference) => number,
): Pick<RouteAttributes, 'GATEWAY' | 'VIA' | 'OIF' | 'MULTIPATH'> {
  const link = linkOfHop(spec);
  return {
    ...gateway(spec.via, family),
    OIF: link === undefined ? undefined : indexOf(link),
    MULTIPATH: spec.nexthops?.map((hop) => encodeHop(hop, family, indexOf)),
  };
}

function tableOf(spec: RouteSpec): number {
  if (spec.table !== undefined) return TABLES.validate('spec.table', spec.table, 0xffffffff);
  return TABLES.numberOf(spec.type !== undefined && IN_LOCAL_TABLE.includes(spec.type) ? 'local' : 'main');
}

/** The scope of the destination, as iproute2 sets it. The kernel ignores it for IPv6. */
function scopeOf({ scope, type = 'unicast', via, nexthops, nexthopId }: RouteSpec, adds: boolean): number {
  if (scope !== undefined) return SCOPES.validate('spec.scope', scope, 255);
  if (!adds) return SCOPES.numberOf('nowhere'); // any
  if (type === 'local' || type === 'nat') return SCOPES.numberOf('host');
  if (type === 'broadcast' || type === 'multicast' || type === 'anycast') return SCOPES.numberOf('link');
  if (type !== 'unicast') return SCOPES.numberOf('global');
  return SCOPES.numberOf((via ?? nexthops ?? nexthopId) === undefined ? 'link' : 'global');
}

function gateway(via: string | undefined, family: Family): Pick<RouteAttributes, 'GATEWAY' | 'VIA'> {
  if (via === undefined) return {};
  return familyOf(via) === family ? { GATEWAY: via } : { VIA: via };
}

function encodeHop(hop: NextHopSpec, family: Family, indexOf: (link: LinkReference) => number): NextHopMessage {
  const link = linkOfHop(hop);
  return {
    flags: flagsOfHop(hop),
    hops: (hop.weight ?? 1) - 1,
    index: link === undefined ? 0 : indexOf(link),
    attributes: gateway(hop.via, family),
  };
}

function encodeMetrics(metrics: RouteMetrics | undefined): RouteAttributes['METRICS'] {
  if (metrics === undefined) return undefined;
  const entries = Object.entries(METRIC_KEYS).map(([key, name]) => [key, metrics[name]]);
  return { ...Object.fromEntries(entries), CC_ALGO: metrics.congctl } as RouteAttributes['METRICS'];
}
