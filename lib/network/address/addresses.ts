import { NO_OPTIONS, withoutPrototype } from '../../errors/plain';
import { type Check, type Parsed, integer, list, oneOf, orNull, required, schema, string } from '../../errors/schema';
import { validateInteger } from '../../errors/validate';
import { FAMILIES, type Family, FAMILY_NUMBERS, type Prefix, family, validateAddress, validatePrefix } from '../ip';
import { indexOf, namesOf } from '../link/lookup';
import { type LinkReference, link, validateLink } from '../link/link-name';
import { SCOPES, type Scope } from '../names';
import type { Connection } from '../netlink/connection';
import { dump } from '../netlink/dump';
import { NlmFlag, encode } from '../netlink/netlink-message';
import { mapInTurns } from '../../event-loop/turns';
import { type Address, addressOf } from './address';
import { ADDRESS, ADDRESS_FLAGS, type AddressMessage, RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR } from './address-message';

/** Options of {@link Addresses.list}: an address must match all that are given. */
export interface AddressFilter {
  /** Only addresses of this link. */
  link?: LinkReference | undefined;
  /** Only addresses of IPv4 (`'inet'`) or of IPv6 (`'inet6'`). Default: both. */
  family?: Family | undefined;
  /** Only addresses of this scope: `'global'`, `'link'`, `'host'`, … */
  scope?: Scope | number | undefined;
}

/** Options of {@link Addresses.add}. */
export interface AddressOptions {
  /** The address of the other end, on a point-to-point link: `'10.0.0.2'`, or with a prefix length. */
  peer?: string | undefined;
  /**
   * The broadcast address; null for none. Default: the last address of an IPv4 network with a prefix shorter than 31,
   * as `ifconfig` has it.
   */
  broadcast?: string | null | undefined;
  /** The range in which the address is valid. Default: `'host'` for loopback addresses of IPv4, else `'global'`. */
  scope?: Scope | number | undefined;
  /** The label: the name of the link, which `:something` may follow. IPv4 only, at most 15 bytes. Default: none. */
  label?: string | undefined;
  /** The metric of the route to its network. Kernel's default: 0 for IPv4, 256 for IPv6. */
  metric?: number | undefined;
  /** Seconds after which the address is removed; null for never. Default: null. */
  validLifetime?: number | null | undefined;
  /** Seconds after which new connections no longer use it; null for never. Default: {@link validLifetime}. */
  preferredLifetime?: number | null | undefined;
  /**
   * Flags: with `'nodad'` IPv6 uses the address at once, without duplicate address detection. Default: none.
   * ip-address(8)
   */
  flags?: readonly AddressFlag[] | undefined;
}

/** Flags that can be set on an address. */
export type AddressFlag = 'nodad' | 'home' | 'mngtmpaddr' | 'noprefixroute' | 'autojoin' | 'optimistic';

const SETTABLE: readonly AddressFlag[] = ['nodad', 'home', 'mngtmpaddr', 'noprefixroute', 'autojoin', 'optimistic'];

const FOREVER = 0xffffffff;

/** A value that is checked later, with the options that it depends on. */
const asGiven: Check<unknown> = (_, value) => value;

/** Seconds; null means for ever. */
const lifetime: Check<number> = (name, value) => (value === null ? FOREVER : integer(0, FOREVER - 1)(name, value));

const FILTER = schema<AddressFilter>()({ link, family, scope: SCOPES.check(255) });

const OPTIONS = schema<AddressOptions>()({
  peer: string,
  broadcast: (name, value) => (value === null ? null : string(name, value)),
  scope: SCOPES.check(255),
  label: string,
  metric: integer(0, 0xffffffff),
  validLifetime: lifetime,
  preferredLifetime: lifetime,
  flags: list(oneOf(SETTABLE)),
});

const OPTIONS_OF_DELETE = schema<Pick<AddressOptions, 'peer'>>()({ peer: orNull(string) });

/** An address as a list has it. Its settings are checked as options are, and the rest has no effect. */
const LISTED = schema<Partial<Address>>()({
  family: asGiven,
  address: required(string),
  prefixLength: required(integer(0, 128)),
  peer: asGiven,
  broadcast: asGiven,
  anycast: asGiven,
  scope: asGiven,
  label: asGiven,
  link: asGiven,
  index: asGiven,
  flags: orNull(list(asGiven)),
  dynamic: asGiven,
  metric: asGiven,
  validLifetime: asGiven,
  preferredLifetime: asGiven,
});

const CHANGE = NlmFlag.REQUEST | NlmFlag.ACK;

/**
 * Addresses of links: `ip address`, ip-address(8).
 *
 * To list them needs no privilege; to change them needs CAP_NET_ADMIN in the user namespace that owns the network
 * namespace.
 */
export class Addresses {
  readonly #connection: Connection;

  /** @internal */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Lists addresses, IPv4 first: `ip address show`.
   *
   * @throws NamespaceError `ENODEV` when there is no such link
   *
   * @example
   * ```ts
   * const [address] = await network.address.list({ link: 'eth0', family: 'inet' });
   * ```
   */
  async list(filter: AddressFilter = {}): Promise<Address[]> {
    const { link: on, family: only, scope } = FILTER('filter', filter);
    const index = on === undefined ? 0 : await indexOf(this.#connection, on);
    const families = only === undefined ? FAMILIES : [only];
    const dumps = await Promise.all(families.map((each) => this.#dump(each, index)));
    const messages = dumps.flat().filter(({ header }) => scope === undefined || header.scope === scope);
    const nameOf = await namesOf(this.#connection, new Set(messages.map(({ header }) => header.index)));
    return mapInTurns(messages, (message) => addressOf(message, nameOf));
  }

  /**
   * Gives a link an address: `ip address add`, `ifconfig`.
   *
   * @param address - the address with the length of its network's prefix: `'192.168.5.5/24'`. Or an address of {@link
   * Addresses.list}, with its settings; `options` have precedence over these
   * @throws NamespaceError `EEXIST` when the link has it already, `ENODEV` when there is no such link, …
   *
   * @example
   * ```ts
   * await network.address.add('veth0', '192.168.5.5/24');
   * await network.address.add('veth0', '2001:db8::1/64', { flags: ['nodad'] });
   * ```
   */
  async add(link: LinkReference, address: string | Address, options: AddressOptions = {}): Promise<void> {
    await this.#change(RTM_NEWADDR, NlmFlag.CREATE | NlmFlag.EXCL, checked(link, address, options));
  }

  /**
   * Gives a link an address, or changes the settings of one that it has: `ip address replace`.
   *
   * @throws NamespaceError as {@link Addresses.add}, but not `EEXIST`
   */
  async replace(link: LinkReference, address: string | Address, options: AddressOptions = {}): Promise<void> {
    await this.#change(RTM_NEWADDR, NlmFlag.CREATE | NlmFlag.REPLACE, checked(link, address, options));
  }

  /**
   * Removes an address from a link: `ip address delete`.
   *
   * @param address - the address as it was given, with the length of the prefix; or an address of {@link
   * Addresses.list}
   * @param options - `peer` as it was given
   * @throws NamespaceError `EADDRNOTAVAIL` when the link does not have it
   */
  async delete(
    link: LinkReference,
    address: string | Address,
    options: Pick<AddressOptions, 'peer'> = {},
  ): Promise<void> {
    validateLink('link', link);
    const { peer } = OPTIONS_OF_DELETE('options', options);
    const { text, settings } = given(address);
    const prefix = validatePrefix('address', text);
    const encoded = encodePeer(prefix, peer ?? settings.peer);
    await this.#change(RTM_DELADDR, 0, { link, address: text, prefix, encoded });
  }

  async #change(type: number, flags: number, { link, address, prefix, encoded }: Checked): Promise<void> {
    const adds = type === RTM_NEWADDR;
    const index = await indexOf(this.#connection, link);
    const header = {
      family: FAMILY_NUMBERS[prefix.family],
      prefixLength: encoded.prefixLength ?? prefix.length,
      flags: 0,
      scope: encoded.scope ?? 0,
      index,
    };
    const attributes = { LOCAL: prefix.address, ADDRESS: prefix.address, ...encoded.attributes };
    await this.#connection.request({
      bytes: encode(ADDRESS, type, CHANGE | flags, { header, attributes }),
      type: ADDRESS,
      step: adds ? `add address ${address} to ${link}` : `delete address ${address} from ${link}`,
      operation: adds ? 'address-add' : 'address-delete',
      object: address,
      detail: String(link),
    });
  }

  async #dump(family: Family, index: number): Promise<AddressMessage[]> {
    const number = FAMILY_NUMBERS[family];
    const messages = await dump(this.#connection, {
      bytes: encode(ADDRESS, RTM_GETADDR, NlmFlag.REQUEST | NlmFlag.DUMP, {
        header: { family: number, prefixLength: 0, flags: 0, scope: 0, index },
        attributes: {},
      }),
      type: ADDRESS,
      step: 'list addresses',
      operation: 'address-list',
    });
    // A kernel without IPv6 answers with the IPv4 addresses again.
    return messages.filter(({ header }) => header.family === number);
  }
}

/** A request that has been checked. */
interface Checked {
  link: LinkReference;
  address: string;
  prefix: Prefix;
  encoded: Encoded;
}

function checked(link: LinkReference, address: string | Address, options: AddressOptions): Checked {
  validateLink('link', link);
  const { text, settings } = given(address);
  const prefix = validatePrefix('address', text);
  const all = withoutPrototype(settings, OPTIONS('options', options));
  return { link, address: text, prefix, encoded: encodeOptions(prefix, all) };
}

/**
 * The text and the settings of an address, which is given as text or as a list has it. The prefix is that of the other
 * end where there is one.
 */
function given(address: string | Address): { text: string; settings: Settings } {
  if (typeof address === 'string') return { text: address, settings: NO_OPTIONS };
  const listed = LISTED('address', address);
  const { address: own, prefixLength, peer, broadcast = null, flags } = listed;
  const { scope, label, metric, validLifetime, preferredLifetime } = listed;
  return {
    text: peer === undefined ? `${own}/${prefixLength}` : own,
    settings: OPTIONS('address', {
      ...{ broadcast, scope, label, metric, validLifetime, preferredLifetime },
      flags: flags?.filter((flag) => SETTABLE.includes(flag as AddressFlag)),
      peer: peer === undefined ? undefined : `${peer as string}/${prefixLength}`,
    }),
  };
}

/** {@link AddressOptions}, checked. */
type Settings = Parsed<typeof OPTIONS>;

interface Encoded {
  scope?: number;
  /** The length of the prefix of the peer's network, where there is one. */
  prefixLength?: number;
  attributes: AddressMessage['attributes'];
}

function encodeOptions(prefix: Prefix, options: Settings): Encoded {
  const { peer, broadcast, scope, label, metric, flags } = options;
  const { validLifetime: valid = FOREVER, preferredLifetime = FOREVER } = options;
  const other = encodePeer(prefix, peer);
  if (broadcast != null) validateAddress('options.broadcast', broadcast, prefix.family);
  const preferred = preferredOf(preferredLifetime, valid);
  const names: readonly string[] = flags ?? [];
  const bits = ADDRESS_FLAGS.reduce((all, [bit, name]) => (names.includes(name) ? all | bit : all), 0);
  const isLimited = valid !== FOREVER || preferred !== FOREVER;
  return {
    scope: scope ?? defaultScope(prefix),
    ...other,
    attributes: {
      ...other.attributes,
      BROADCAST: broadcast === undefined ? defaultBroadcast(prefix, peer) : (broadcast ?? undefined),
      LABEL: label,
      CACHEINFO: isLimited ? { preferred, valid, created: 0, updated: 0 } : undefined,
      FLAGS: bits === 0 ? undefined : bits,
      RT_PRIORITY: metric,
    },
  };
}

/** Encodes the peer. The length is that of the peer's network then. */
function encodePeer(prefix: Prefix, peer: string | undefined): Encoded {
  if (peer === undefined) return { attributes: {} };
  const { address, length } = validatePrefix('options.peer', peer, prefix.family);
  return { prefixLength: length, attributes: { ADDRESS: address } };
}

/** No longer than the address is valid. */
function preferredOf(value: number, valid: number): number {
  if (value === FOREVER) return valid;
  validateInteger('options.preferredLifetime', value, 0, valid === FOREVER ? FOREVER - 1 : valid);
  return value;
}

/** The default scope, as iproute2 has it: 127.0.0.0/8 belongs to the host. */
function defaultScope({ family, address }: Prefix): number {
  return SCOPES.numberOf(family === 'inet' && address.startsWith('127.') ? 'host' : 'global');
}

/**
 * The default broadcast address: the last address of the network. A /31 has none (RFC 3021), nor has a point-to-point
 * link.
 */
function defaultBroadcast({ family, address, length }: Prefix, peer: string | undefined): string | undefined {
  if (family !== 'inet' || length >= 31 || length === 0 || peer !== undefined || address.startsWith('127.'))
    return undefined;
  const host = 0xffffffff >>> length;
  const number = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const last = (number | host) >>> 0;
  return [24, 16, 8, 0].map((shift) => (last >>> shift) & 0xff).join('.');
}
