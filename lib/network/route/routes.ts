import { type Check, integer, oneOf, schema, string } from '../../errors/schema';
import {
  ADDRESS_BITS,
  FAMILIES,
  FAMILY_NUMBERS,
  type Family,
  canonical,
  family,
  familyOf,
  prefixText,
  validateAddress,
  validatePrefix,
} from '../ip';
import { indexOf, namesOf } from '../link/lookup';
import { type LinkReference, link } from '../link/link-name';
import { ROUTE_PROTOCOLS, ROUTE_TYPES, type RouteProtocol, type RouteType, TABLES, type Table } from '../names';
import { type Connection, only } from '../netlink/connection';
import { dump } from '../netlink/dump';
import { malformed } from '../netlink/malformed';
import { NlmFlag, decode, encode } from '../netlink/netlink-message';
import { eachInTurns, mapInTurns } from '../../event-loop/turns';
import {
  ROUTE,
  RTM_DELROUTE,
  RTM_F_LOOKUP_TABLE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  type RouteHeader,
  type RouteMessage,
} from './route-message';
import { type Route, linksOfRoute, routeOf } from './route';
import { type RouteSpec, encodeRoute, linksOfSpec, parseRoute, routeFamily } from './route-spec';

/** Options of {@link Routes.list}: a route must match all that are given. */
export interface RouteFilter {
  /** Only routes of IPv4 (`'inet'`) or of IPv6 (`'inet6'`). Default: both. */
  family?: Family | undefined;
  /** The routing table, or `'all'`. Default: `'main'`. */
  table?: Table | number | 'all' | undefined;
  /** Only routes that use this link, in one of their next hops or alone. */
  link?: LinkReference | undefined;
  /** Only routes of this type: `'unicast'`, `'blackhole'`, … */
  type?: RouteType | undefined;
  /** Only routes of this origin: `'kernel'`, `'dhcp'`, … */
  protocol?: RouteProtocol | number | undefined;
  /** Only routes to exactly this destination: `'default'`, `'10.0.0.0/8'`. */
  to?: string | undefined;
}

/** Options of {@link Routes.get}: more about the packet. */
export interface RouteLookup {
  /** The address of the sender. */
  from?: string | undefined;
  /** The link that the packet arrives on, for a packet that is forwarded. */
  incoming?: LinkReference | undefined;
  /** The link that the packet must leave by. */
  link?: LinkReference | undefined;
  /** The mark of the packet, SO_MARK of socket(7). */
  mark?: number | undefined;
  /** The uid of the user whose socket sends the packet. */
  uid?: number | undefined;
}

/** A destination as routes have it: `'default'` alone is of both families, `'::/0'` is of IPv6 only. */
const destination: Check<{ family?: Family; to: string }> = (name, value) => {
  if (value === 'default') return { to: value };
  const prefix = validatePrefix(name, value);
  const text = prefixText(prefix.family, canonical(prefix.address), prefix.length);
  return { family: prefix.family, to: prefix.length === 0 ? 'default' : text };
};

const table = TABLES.check(0xffffffff);

const FILTER = schema<RouteFilter>()({
  family,
  table: (name, value) => (value === 'all' ? value : table(name, value)),
  link,
  type: oneOf(ROUTE_TYPES.names),
  protocol: ROUTE_PROTOCOLS.check(255),
  to: destination,
});

const LOOKUP = schema<RouteLookup>()({
  from: string,
  incoming: link,
  link,
  mark: integer(0, 0xffffffff),
  uid: integer(0, 0xfffffffe),
});

const CHANGE = NlmFlag.REQUEST | NlmFlag.ACK;

const ANY_ROUTE: RouteHeader = {
  family: 0,
  destinationLength: 0,
  sourceLength: 0,
  tos: 0,
  table: 0,
  protocol: 0,
  scope: 0,
  type: 0,
  flags: 0,
};

/**
 * Routes: `ip route`, ip-route(8).
 *
 * To list them needs no privilege; to change them needs CAP_NET_ADMIN in the user namespace that owns the network
 * namespace.
 */
export class Routes {
  readonly #connection: Connection;

  /** @internal */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Lists routes, IPv4 first: `ip route show`, `ip -6 route show`.
   *
   * @throws NamespaceError `ENODEV` when there is no such link
   *
   * @example
   * ```ts
   * const [route] = await network.route.list({ to: 'default' });
   * console.log(route?.via, route?.link);
   * ```
   */
  async list(filter: RouteFilter = {}): Promise<Route[]> {
    const wanted = FILTER('filter', filter);
    const { table: from = TABLES.numberOf('main'), type, protocol = 0 } = wanted;
    const index = wanted.link === undefined ? undefined : await indexOf(this.#connection, wanted.link);
    const header = { ...ANY_ROUTE, protocol, type: type === undefined ? 0 : ROUTE_TYPES.numberOf(type) };
    const families = FAMILIES.filter(
      (each) => (wanted.family ?? each) === each && (wanted.to?.family ?? each) === each,
    );
    const messages = await this.#dump(families, header, from === 'all' ? undefined : from);
    const links = new Set<number>();
    await eachInTurns(messages, (message) => linksOfRoute(message).forEach((one) => links.add(one)));
    const nameOf = await namesOf(this.#connection, links);
    return mapInTurns(messages, (message) => {
      if (index !== undefined && !linksOfRoute(message).includes(index)) return undefined;
      const route = routeOf(message, nameOf);
      return wanted.to === undefined || route?.to === wanted.to.to ? route : undefined;
    });
  }

  /**
   * Adds a route: `ip route add`.
   *
   * @throws NamespaceError `EEXIST` when there is one to the same destination of the same metric, `ENETUNREACH` when
   * the router is on no network of a link that is up, `ENODEV`, …
   *
   * @example
   * ```ts
   * await network.route.add({ to: 'default', via: '192.168.5.1' });
   * await network.route.add({ to: '10.0.0.0/8', nexthops: [{ via: '192.168.5.2', weight: 2 }, { via: '192.168.5.3' }] });
   * await network.route.add({ to: '203.0.113.0/24', type: 'blackhole' });
   * await network.route.add({ to: 'default', via: 'fe80::1', link: 'eth0', table: 100 });
   * ```
   */
  async add(spec: RouteSpec): Promise<void> {
    await this.#change(RTM_NEWROUTE, NlmFlag.CREATE | NlmFlag.EXCL, spec);
  }

  /**
   * Adds a route, or replaces one with the same destination and metric: `ip route replace`.
   *
   * @throws NamespaceError as {@link Routes.add}, but not `EEXIST`
   */
  async replace(spec: RouteSpec): Promise<void> {
    await this.#change(RTM_NEWROUTE, NlmFlag.CREATE | NlmFlag.REPLACE, spec);
  }

  /**
   * Adds a route after those to the same destination: `ip route append`.
   *
   * @throws NamespaceError as {@link Routes.add}
   */
  async append(spec: RouteSpec): Promise<void> {
    await this.#change(RTM_NEWROUTE, NlmFlag.CREATE | NlmFlag.APPEND, spec);
  }

  /**
   * Deletes the first route that matches all properties of the spec: `ip route delete`.
   *
   * @throws NamespaceError `ESRCH` when there is none
   */
  async delete(spec: RouteSpec): Promise<void> {
    await this.#change(RTM_DELROUTE, 0, spec);
  }

  /**
   * Finds the route that a packet to an address takes: `ip route get`.
   *
   * @throws NamespaceError `ENETUNREACH` when there is none, `EHOSTUNREACH`, `EACCES` or `EINVAL` where it meets a
   * route of type `unreachable`, `prohibit` or `blackhole`
   *
   * @example
   * ```ts
   * const { via, link, source } = await network.route.get('192.0.2.1');
   * ```
   */
  async get(destination: string, options: RouteLookup = {}): Promise<Route> {
    const address = validateAddress('destination', destination);
    const { from, incoming, link: outgoing, mark, uid } = LOOKUP('options', options);
    const version = familyOf(address); // of the sender, too
    if (from !== undefined) validateAddress('options.from', from, version);
    const bits = ADDRESS_BITS[version];
    const answers = await this.#connection.request({
      bytes: encode(ROUTE, RTM_GETROUTE, CHANGE, {
        header: {
          ...ANY_ROUTE,
          family: FAMILY_NUMBERS[version],
          destinationLength: bits,
          sourceLength: from === undefined ? 0 : bits,
          flags: RTM_F_LOOKUP_TABLE,
        },
        attributes: {
          DST: address,
          SRC: from,
          IIF: incoming === undefined ? undefined : await indexOf(this.#connection, incoming),
          OIF: outgoing === undefined ? undefined : await indexOf(this.#connection, outgoing),
          MARK: mark,
          UID: uid,
        },
      }),
      type: ROUTE,
      step: `get route to ${address}`,
      operation: 'route-get',
      object: address,
    });
    const message = decode(ROUTE, only(answers));
    const nameOf = await namesOf(this.#connection, linksOfRoute(message));
    const route = routeOf(message, nameOf);
    if (route === undefined) throw malformed('a route that is not of IP');
    return route;
  }

  async #change(type: number, flags: number, given: RouteSpec): Promise<void> {
    const spec = parseRoute('spec', given);
    const adds = type === RTM_NEWROUTE;
    const links = linksOfSpec(spec);
    const indexes = await Promise.all(links.map((each) => indexOf(this.#connection, each)));
    const message = encodeRoute(spec, (each) => indexes[links.indexOf(each)] ?? 0, adds);
    await this.#connection.request({
      bytes: encode(ROUTE, type, CHANGE | flags, message),
      type: ROUTE,
      step: `${adds ? 'add' : 'delete'} route to ${spec.to}`,
      operation: adds ? 'route-add' : 'route-delete',
      object: spec.to,
      detail: spec.via ?? routeFamily(spec),
    });
  }

  /**
   * Lists the routes of all families at once. In a list of the IPv4 routes alone the kernel does not report
   * (rtnl_dumpit, since Linux 6.10) that a route was too long for a message, which ends the list.
   */
  async #dump(families: readonly Family[], header: RouteHeader, table: number | undefined): Promise<RouteMessage[]> {
    const numbers = families.map((family) => FAMILY_NUMBERS[family]);
    const messages = await dump(this.#connection, {
      bytes: encode(ROUTE, RTM_GETROUTE, NlmFlag.REQUEST | NlmFlag.DUMP, { header, attributes: { TABLE: table } }),
      type: ROUTE,
      step: 'list routes',
      operation: 'route-list',
    });
    return messages.filter((message) => numbers.includes(message.header.family));
  }
}
