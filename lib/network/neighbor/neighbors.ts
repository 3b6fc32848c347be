import { plainOptions } from '../../errors/plain';
import { invalidValue, validateBoolean, validateOneOf } from '../../errors/validate';
import { FAMILY_NUMBERS, type Family, familyOf, validateAddress } from '../ip';
import { indexOf, namesOf } from '../link/lookup';
import { type LinkReference, validateLink } from '../link/link-name';
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

const KEYS: readonly (keyof NeighborSpec)[] = [
  ...(['to', 'link', 'address', 'state', 'router', 'proxy', 'external'] as const),
  ...(['family', 'index'] as const),
];

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
    const {
      family,
      link,
      proxy = false,
      noarp = false,
    } = plainOptions('filter', filter, ['family', 'link', 'proxy', 'noarp']);
    if (family !== undefined) validateOneOf('filter.family', family, ['inet', 'inet6']);
    if (link !== undefined) validateLink('filter.link', link);
    validateBoolean('filter.proxy', proxy);
    validateBoolean('filter.noarp', noarp);
    const index = link === undefined ? 0 : await indexOf(this.#connection, link);
    const families: readonly Family[] = family === undefined ? ['inet', 'inet6'] : [family];
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
    const given = plainOptions('neighbor', neighbor, KEYS);
    validateNeighbor('neighbor', given, what !== 'delete');
    const { to, link, address, state = 'permanent', router, proxy, external } = given;
    const index = await indexOf(this.#connection, link);
    await this.#connection.request({
      bytes: encode(NEIGHBOR, what === 'delete' ? RTM_DELNEIGH : RTM_NEWNEIGH, CHANGE | flags, {
        header: {
          family: FAMILY_NUMBERS[familyOf(to)],
          pad: undefined,
          index,
          state: what === 'delete' || proxy === true ? 0 : stateNumber(state),
          flags:
            (proxy === true ? NTF_PROXY : 0) |
            (router === true ? NTF_ROUTER : 0) |
            (external === true ? NTF_EXT_LEARNED : 0),
          type: 0,
        },
        attributes: { DST: to, LLADDR: address },
      }),
      type: NEIGHBOR,
      step: `${what} neighbor ${to} on ${link}`,
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

function validateNeighbor(name: string, neighbor: NeighborSpec, adds: boolean): void {
  const { to, link, address, state, router, proxy, external } = neighbor as unknown as Record<string, unknown>;
  validateAddress(`${name}.to`, to);
  validateLink(`${name}.link`, link);
  if (address !== undefined) mac(`${name}.address`, address);
  if (state !== undefined) validateState(`${name}.state`, state);
  if (router !== undefined) validateBoolean(`${name}.router`, router);
  if (proxy !== undefined) validateBoolean(`${name}.proxy`, proxy);
  if (external !== undefined) validateBoolean(`${name}.external`, external);
  if (!adds) return;
  if (proxy === true && address !== undefined) {
    throw invalidValue(`${name}.address`, address, 'must not be given for a proxy: it answers with its own');
  }
  if (proxy !== true && address === undefined && isResolved(state as NeighborSpec['state'])) {
    throw invalidValue(`${name}.address`, address, 'must be given, unless it is a proxy');
  }
}

function validateState(name: string, state: unknown): void {
  if (!Array.isArray(state)) {
    validateOneOf(name, state, STATES);
    return;
  }
  const names = NEIGHBOR_STATES.map(([, each]) => each);
  state.forEach((each: unknown, index) => validateOneOf(`${name}[${index}]`, each, names));
}

/** True where a neighbor in that state has a link-layer address. */
function isResolved(state: NeighborSpec['state'] = 'permanent'): boolean {
  return (stateNumber(state) & ~(NUD_NOARP | NUD_INCOMPLETE | NUD_FAILED)) !== 0;
}

function stateNumber(state: NeighborState | readonly string[]): number {
  const names = typeof state === 'string' ? [state.toUpperCase()] : state;
  return NEIGHBOR_STATES.reduce((bits, [bit, name]) => (names.includes(name) ? bits | bit : bits), 0);
}
