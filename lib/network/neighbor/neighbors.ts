import { type Check, type Parsed, boolean, ignored, list, oneOf, required, schema } from '../../errors/schema';
import { invalidValue } from '../../errors/validate';
import { FAMILIES, FAMILY_NUMBERS, type Family, address, family, familyOf } from '../ip';
import { indexOf, namesOf } from '../link/lookup';
import { type LinkReference, link } from '../link/link-name';
import { mac } from '../link/settings';
import type { Connection } from '../netlink/connection';
import { dump } from '../netlink/dump';
import { NlmFlag, encode } from '../netlink/netlink-message';
import { mapInTurns } from '../../event-loop/turns';
import {
  NEIGHBOR,
  NTF_EXT_LEARNED,
  NTF_PROXY,
  NTF_ROUTER,
  type NeighborMessage,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from './neighbor-message';
import { NEIGHBOR_STATES, type Neighbor, type NeighborState, neighborOf } from './neighbor';

/** Options of {@link Neighbors.list}: a neighbor must match all that are given. */
export interface NeighborFilter {
  /** Only neighbors of IPv4 (`'inet'`) or of IPv6 (`'inet6'`). Default: both. */
  family?: Family | undefined;
  /** Only neighbors on this link. */
  link?: LinkReference | undefined;
  /** Lists the proxies instead: the addresses that this host answers for. Default: false. */
  proxy?: boolean | undefined;
  /**
   * Also lists neighbors without a state, and those that need no resolution, as multicast addresses. Default: false, as
   * `ip` has it.
   */
  noarp?: boolean | undefined;
}

/** A neighbor to add or delete. A neighbor of {@link Neighbors.list} can be given, too. */
export interface NeighborSpec {
  /** Its IP address. */
  to: string;
  /** The link it is on. */
  link: LinkReference;
  /** Its link-layer address, `'02:00:00:00:00:07'`; not for a proxy. */
  address?: string | undefined;
  /** The state: a name, or names as a list has them (`['STALE']`). Default: `'permanent'`. */
  state?: NeighborState | readonly string[] | undefined;
  /** Marks it as a router. Default: false. */
  router?: boolean | undefined;
  /** Makes this host answer in its place. Default: false. */
  proxy?: boolean | undefined;
  /** Marks it as learnt by a program, not by the kernel (`extern_learn`). Default: false. */
  external?: boolean | undefined;
  /** The family, as a list has it. It has no effect, because `to` has the same information. */
  family?: Family | undefined;
  /** The index of the link, as a list has it. It has no effect, because `link` has the same information. */
  index?: number | undefined;
}

const STATES: readonly NeighborState[] = [
  'permanent',
  'noarp',
  'reachable',
  'stale',
  'delay',
  'probe',
  'incomplete',
  'failed',
];

const nameOfState = oneOf(STATES);
const namesOfState = list(oneOf(NEIGHBOR_STATES.map(([, name]) => name)));
const state: Check<number> = (name, value) =>
  stateNumber(Array.isArray(value) ? namesOfState(name, value) : [nameOfState(name, value).toUpperCase()]);

const FILTER = schema<NeighborFilter>()({ family, link, proxy: boolean, noarp: boolean });

const SPEC = schema<NeighborSpec>()({
  to: required(address),
  link: required(link),
  address: mac,
  state,
  router: boolean,
  proxy: boolean,
  external: boolean,
  family: ignored,
  index: ignored,
});

const NUD_PERMANENT = 0x80;
const NUD_INCOMPLETE = 0x01;
const NUD_FAILED = 0x20;
const NUD_NOARP = 0x40;
const CHANGE = NlmFlag.REQUEST | NlmFlag.ACK;

/**
 * Neighbors, which are the entries of the tables of ARP and of IPv6 neighbor discovery: `ip neighbour`,
 * ip-neighbour(8).
 *
 * To list them needs no privilege; to change them needs CAP_NET_ADMIN in the user namespace that owns the network
 * namespace.
 */
export class Neighbors {
  readonly #connection: Connection;

  /** @internal */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Lists neighbors, IPv4 first: `ip neighbour show`.
   *
   * @throws NamespaceError `ENODEV` when there is no such link
   *
   * @example
   * ```ts
   * for (const { to, address, state } of await network.neighbor.list({ link: 'veth0' })) console.log(to, address, state);
   * ```
   */
  async list(filter: NeighborFilter = {}): Promise<Neighbor[]> {
    const { family: only, link: on, proxy = false, noarp = false } = FILTER('filter', filter);
    const index = on === undefined ? 0 : await indexOf(this.#connection, on);
    const families = only === undefined ? FAMILIES : [only];
    const dumps = await Promise.all(families.map((each) => this.#dump(each, proxy)));
    const messages = dumps
      .flat()
      .filter(({ header }) => index === 0 || header.index === index)
      .filter(({ header }) => proxy || noarp || (header.state & ~NUD_NOARP) !== 0);
    const nameOf = await namesOf(this.#connection, new Set(messages.map(({ header }) => header.index)));
    return mapInTurns(messages, (message) => neighborOf(message, nameOf));
  }

  /**
   * Sets a neighbor's link-layer address: `ip neighbour add`.
   *
   * @throws NamespaceError `EEXIST` when there is one, `ENODEV`, …
   *
   * @example
   * ```ts
   * await network.neighbor.add({ to: '192.168.5.7', link: 'veth0', address: '02:00:00:00:00:01' });
   * await network.neighbor.add({ to: '192.168.5.8', link: 'veth0', proxy: true });
   * ```
   */
  async add(neighbor: NeighborSpec): Promise<void> {
    await this.#change('add', NlmFlag.CREATE | NlmFlag.EXCL, neighbor);
  }

  /**
   * Sets a neighbor's link-layer address, even if there is one already: `ip neighbour replace`.
   *
   * @throws NamespaceError `ENODEV` when there is no such link
   */
  async replace(neighbor: NeighborSpec): Promise<void> {
    await this.#change('replace', NlmFlag.CREATE | NlmFlag.REPLACE, neighbor);
  }

  /**
   * Deletes a neighbor: `ip neighbour delete`. It is found by its address, its link and `proxy`.
   *
   * @throws NamespaceError `ENOENT` when there is none
   */
  async delete(neighbor: NeighborSpec): Promise<void> {
    await this.#change('delete', 0, neighbor);
  }

  async #change(what: 'add' | 'replace' | 'delete', flags: number, neighbor: NeighborSpec): Promise<void> {
    const spec = SPEC('neighbor', neighbor);
    if (what !== 'delete') validateAdded('neighbor', spec);
    const { to, router, proxy, external } = spec;
    const index = await indexOf(this.#connection, spec.link);
    await this.#connection.request({
      bytes: encode(NEIGHBOR, what === 'delete' ? RTM_DELNEIGH : RTM_NEWNEIGH, CHANGE | flags, {
        header: {
          family: FAMILY_NUMBERS[familyOf(to)],
          pad: undefined,
          index,
          state: what === 'delete' || proxy === true ? 0 : (spec.state ?? NUD_PERMANENT),
          flags:
            (proxy === true ? NTF_PROXY : 0) |
            (router === true ? NTF_ROUTER : 0) |
            (external === true ? NTF_EXT_LEARNED : 0),
          type: 0,
        },
        attributes: { DST: to, LLADDR: spec.address },
      }),
      type: NEIGHBOR,
      step: `${what} neighbor ${to} on ${spec.link}`,
      operation: `neighbor-${what}`,
      object: to,
    });
  }

  async #dump(family: Family, proxy: boolean): Promise<NeighborMessage[]> {
    const number = FAMILY_NUMBERS[family];
    const messages = await dump(this.#connection, {
      bytes: encode(NEIGHBOR, RTM_GETNEIGH, NlmFlag.REQUEST | NlmFlag.DUMP, {
        header: { family: number, pad: undefined, index: 0, state: 0, flags: proxy ? NTF_PROXY : 0, type: 0 },
        attributes: {},
      }),
      type: NEIGHBOR,
      step: 'list neighbors',
      operation: 'neighbor-list',
    });
    return messages.filter(({ header }) => header.family === number);
  }
}

/** A neighbor in a state in which it is resolved has a link-layer address. */
function validateAdded(name: string, spec: Parsed<typeof SPEC>): void {
  const isResolved = ((spec.state ?? NUD_PERMANENT) & ~(NUD_NOARP | NUD_INCOMPLETE | NUD_FAILED)) !== 0;
  if (spec.proxy === true && spec.address !== undefined) {
    throw invalidValue(`${name}.address`, spec.address, 'must not be given for a proxy: it answers with its own');
  }
  if (spec.proxy !== true && spec.address === undefined && isResolved) {
    throw invalidValue(`${name}.address`, spec.address, 'must be given, unless it is a proxy');
  }
}

function stateNumber(names: readonly string[]): number {
  return NEIGHBOR_STATES.reduce((bits, [bit, name]) => (names.includes(name) ? bits | bit : bits), 0);
}
