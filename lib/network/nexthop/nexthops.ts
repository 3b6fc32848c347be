import { mapInTurns } from '../../event-loop/turns';
import {
  type Parsed,
  boolean,
  ignored,
  integer,
  list,
  oneOf,
  orNull,
  required,
  schema,
  string,
} from '../../errors/schema';
import { invalidValue } from '../../errors/validate';
import { FAMILY_NUMBERS, type Family, address, family, familyOf } from '../ip';
import { type LinkReference, link } from '../link/link-name';
import { indexOf, namesOf } from '../link/lookup';
import { index } from '../link/settings';
import { ROUTE_PROTOCOLS, type RouteProtocol, type Scope } from '../names';
import { type Connection, only } from '../netlink/connection';
import { dump } from '../netlink/dump';
import { NlmFlag, decode, encode } from '../netlink/netlink-message';
import { USER_HZ } from '../netlink/types';
import { flagsOfHop, linkOfHop } from '../route/route-spec';
import {
  GROUP_TYPES,
  type GroupMember,
  NEXTHOP,
  type NextHopObjectMessage,
  RTM_DELNEXTHOP,
  RTM_GETNEXTHOP,
  RTM_NEWNEXTHOP,
} from './nexthop-message';
import { type NextHopGroupType, type NextHopObject, type ResilientGroup, nextHopObjectOf } from './nexthop';

/** Options of {@link NextHopObjects.list}. */
export interface NextHopObjectFilter {
  /** Only those by which packets leave by this link. */
  link?: LinkReference | undefined;
}

/** A member of a group to add. */
export interface NextHopMemberSpec {
  /** The number of a next-hop object that is no group. */
  id: number;
  /** Its share of the connections, from 1 on. Default: 1. */
  weight?: number | undefined;
}

/**
 * A next-hop object to add: a router (`via`), a link, a group of others, or one that drops packets (`blackhole`). One
 * that {@link NextHopObjects.list} has given is one, too.
 */
export interface NextHopObjectSpec {
  /** Its number, from 1 on. Default: the first that is free. */
  id?: number | undefined;
  /** The family, where no router tells it. Default: `'inet'`. */
  family?: Family | undefined;
  /** The address of the router. */
  via?: string | undefined;
  /** The link that packets leave by. */
  link?: LinkReference | undefined;
  /**
   * Takes the router to be on that link, although no address of the link is in its network (`onlink`). Default: false.
   */
  onlink?: boolean | undefined;
  /** Drops packets silently. Default: false. */
  blackhole?: boolean | undefined;
  /** The members of a group, which are no groups themselves. */
  group?: readonly NextHopMemberSpec[] | undefined;
  /** The way a group shares packets out. Default: `'mpath'`. */
  type?: NextHopGroupType | undefined;
  /** The hash table of a resilient group. Default: the kernel's. */
  resilient?: Partial<ResilientGroup> | undefined;
  /** Makes it one for the forwarding database of a vxlan, and not for routes. Default: false. */
  fdb?: boolean | undefined;
  /** The program or protocol that makes it. Default: `'unspec'`, as `ip` has it. */
  protocol?: RouteProtocol | number | undefined;
  /** The index of the link, as a list has it. It is used where `link` is not given. */
  index?: number | undefined;
  /** The scope, as a list has it. It has no effect: the kernel finds it. */
  scope?: Scope | number | undefined;
  /** The flags, as a list has them. Only `'onlink'` has an effect; the others tell the present state. */
  flags?: readonly string[] | undefined;
}

const number = integer(1, 0xffffffff);
const seconds = integer(0, Math.floor(0xffffffff / USER_HZ));

/** The largest weight that the kernel takes, since Linux 6.12; before, it is 256. */
const MOST_WEIGHT = 0x10000;

const MEMBER = schema<NextHopMemberSpec>()({
  id: required(number),
  weight: integer(1, MOST_WEIGHT),
});

const FILTER = schema<NextHopObjectFilter>()({ link });

const SPEC = schema<NextHopObjectSpec>()({
  id: number,
  family,
  via: address,
  link,
  onlink: boolean,
  blackhole: boolean,
  group: list(MEMBER),
  type: oneOf(GROUP_TYPES),
  resilient: schema<Partial<ResilientGroup>>()({
    buckets: integer(1, 0xffff),
    idleTimer: seconds,
    unbalancedTimer: seconds,
  }),
  fdb: boolean,
  protocol: orNull(ROUTE_PROTOCOLS.check(255)),
  index,
  scope: ignored,
  flags: list(string),
});

type CheckedObject = Parsed<typeof SPEC>;

const CHANGE = NlmFlag.REQUEST | NlmFlag.ACK;
const ANY: NextHopObjectMessage['header'] = { family: 0, scope: 0, protocol: 0, pad: undefined, flags: 0 };

/**
 * Next-hop objects: ways that several routes share, `ip nexthop`, ip-nexthop(8). A route names one by its number
 * (`nexthopId`), and follows when that is replaced. Needs Linux 5.3.
 *
 * To list them needs no privilege; to change them needs CAP_NET_ADMIN in the user namespace that owns the network
 * namespace.
 */
export class NextHopObjects {
  readonly #connection: Connection;

  /** @internal */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Lists next-hop objects by number: `ip nexthop show`.
   *
   * @throws NamespaceError `ENODEV` when there is no such link
   */
  async list(filter: NextHopObjectFilter = {}): Promise<NextHopObject[]> {
    const { link: on } = FILTER('filter', filter);
    const wanted = on === undefined ? undefined : await indexOf(this.#connection, on);
    const all = await dump(this.#connection, {
      bytes: encode(NEXTHOP, RTM_GETNEXTHOP, NlmFlag.REQUEST | NlmFlag.DUMP, { header: ANY, attributes: {} }),
      type: NEXTHOP,
      step: 'list nexthops',
      operation: 'nexthop-list',
    });
    const messages = all.filter(({ attributes }) => wanted === undefined || attributes.OIF === wanted);
    const nameOf = await namesOf(this.#connection, linksOf(messages));
    return mapInTurns(messages, (message) => nextHopObjectOf(message, nameOf));
  }

  /**
   * Finds a next-hop object by its number: `ip nexthop get id ID`.
   *
   * @throws NamespaceError `ENOENT` when there is none
   */
  async get(id: number): Promise<NextHopObject> {
    const answers = await this.#connection.request({
      bytes: encode(NEXTHOP, RTM_GETNEXTHOP, CHANGE, { header: ANY, attributes: { ID: number('id', id) } }),
      type: NEXTHOP,
      step: `get nexthop ${id}`,
      operation: 'nexthop-get',
      object: String(id),
    });
    const message = decode(NEXTHOP, only(answers));
    return nextHopObjectOf(message, await namesOf(this.#connection, linksOf([message])));
  }

  /**
   * Adds a next-hop object: `ip nexthop add`.
   *
   * @returns its number
   * @throws NamespaceError `EEXIST` when there is one of that number, `ENETUNREACH` when the router is on no network of
   * the link, `ENODEV`, `ENETDOWN` when the link is down, …
   *
   * @example
   * ```ts
   * await network.nexthop.add({ id: 1, via: '192.168.5.1', link: 'veth0' });
   * await network.nexthop.add({ id: 2, via: '192.168.6.1', link: 'veth1' });
   * await network.nexthop.add({ id: 10, group: [{ id: 1, weight: 3 }, { id: 2 }] });
   * await network.route.add({ to: '10.0.0.0/8', nexthopId: 10 });
   * ```
   */
  async add(nexthop: NextHopObjectSpec): Promise<number> {
    return this.#set('add', NlmFlag.CREATE | NlmFlag.EXCL, SPEC('nexthop', nexthop));
  }

  /**
   * Adds a next-hop object, or replaces the one of that number, also for the routes that refer to it: `ip nexthop
   * replace`.
   *
   * @throws NamespaceError as {@link NextHopObjects.add}, but not `EEXIST`
   */
  async replace(nexthop: NextHopObjectSpec & { id: number }): Promise<void> {
    const spec = SPEC('nexthop', nexthop);
    number('nexthop.id', spec.id);
    await this.#set('replace', NlmFlag.CREATE | NlmFlag.REPLACE, spec);
  }

  /**
   * Deletes a next-hop object, with the routes that refer to it: `ip nexthop delete id ID`.
   *
   * @throws NamespaceError `ENOENT` when there is none
   */
  async delete(id: number): Promise<void> {
    await this.#connection.request({
      bytes: encode(NEXTHOP, RTM_DELNEXTHOP, CHANGE, { header: ANY, attributes: { ID: number('id', id) } }),
      type: NEXTHOP,
      step: `delete nexthop ${id}`,
      operation: 'nexthop-delete',
      object: String(id),
    });
  }

  async #set(what: 'add' | 'replace', flags: number, spec: CheckedObject): Promise<number> {
    validateKind('nexthop', spec);
    const out = linkOfHop(spec);
    const oif = out === undefined || spec.group !== undefined ? undefined : await indexOf(this.#connection, out);
    const answers = await this.#connection.request({
      // With NLM_F_ECHO the kernel answers with what it has made.
      bytes: encode(NEXTHOP, RTM_NEWNEXTHOP, CHANGE | NlmFlag.ECHO | flags, encodeObject(spec, oif)),
      type: NEXTHOP,
      step: `${what} nexthop${spec.id === undefined ? '' : ` ${spec.id}`}`,
      operation: `nexthop-${what}`,
      object: spec.id === undefined ? undefined : String(spec.id),
      detail: spec.via,
    });
    return decode(NEXTHOP, only(answers)).attributes.ID ?? 0;
  }
}

/** A next-hop object is one thing of four. */
function validateKind(name: string, spec: CheckedObject): void {
  const { via, group, fdb, type, resilient } = spec;
  if (group === undefined) {
    if (type !== undefined) throw invalidValue(`${name}.type`, type, 'is for groups');
    if (spec.blackhole === true) {
      if (via !== undefined) throw invalidValue(`${name}.via`, via, 'must not be given together with blackhole');
    } else if (linkOfHop(spec) === undefined && fdb !== true) {
      throw invalidValue(`${name}.link`, spec.link, 'must be given, unless it is a group or a blackhole');
    }
    return;
  }
  if (group.length === 0) throw invalidValue(`${name}.group`, group, 'must have at least one');
  if (via !== undefined) throw invalidValue(`${name}.via`, via, 'must not be given together with group');
  if (resilient !== undefined && type !== 'resilient') {
    throw invalidValue(`${name}.resilient`, resilient, "is for groups of type 'resilient'");
  }
}

function encodeObject(spec: CheckedObject, oif: number | undefined): NextHopObjectMessage {
  const { id, via, group, blackhole, fdb, type, resilient } = spec;
  return {
    header: {
      ...ANY,
      family: group === undefined ? FAMILY_NUMBERS[via === undefined ? (spec.family ?? 'inet') : familyOf(via)] : 0,
      protocol: spec.protocol ?? 0,
      flags: flagsOfHop(spec),
    },
    attributes: {
      ID: id,
      GROUP: group?.map(encodeMember),
      GROUP_TYPE: type === undefined ? undefined : GROUP_TYPES.indexOf(type),
      BLACKHOLE: blackhole === true ? true : undefined,
      OIF: blackhole === true ? undefined : oif,
      GATEWAY: via,
      FDB: fdb === true ? true : undefined,
      RES_GROUP: resilient === undefined ? undefined : encodeTable(resilient),
    },
  };
}

function encodeMember({ id, weight = 1 }: NextHopMemberSpec): GroupMember {
  return { id, weight: (weight - 1) & 0xff, weightHigh: (weight - 1) >> 8, pad: undefined };
}

function encodeTable(
  table: NonNullable<CheckedObject['resilient']>,
): NonNullable<NextHopObjectMessage['attributes']['RES_GROUP']> {
  const ticks = (timer: number | undefined): number | undefined => (timer === undefined ? undefined : timer * USER_HZ);
  return {
    BUCKETS: table.buckets,
    IDLE_TIMER: ticks(table.idleTimer),
    UNBALANCED_TIMER: ticks(table.unbalancedTimer),
  };
}

function linksOf(messages: readonly NextHopObjectMessage[]): Set<number> {
  return new Set(messages.map(({ attributes }) => attributes.OIF).filter((index) => index !== undefined));
}
