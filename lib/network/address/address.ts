import { compact } from '../compact';
import type { NameOf } from '../link/link-name';
import { type Family, familyOfNumber } from '../ip';
import { SCOPES, type Scope, flagNames } from '../names';
import { ADDRESS_FLAGS, type AddressMessage, IFA_F_PERMANENT, IFA_F_SECONDARY } from './address-message';

/**
 * An address of a link, as plain JSON. The values are spelled as `ip -j address` prints them. Where `ip` gives a
 * property another name, its description has that name at the end.
 */
export interface Address {
  /** The family: `'inet'` for IPv4, `'inet6'` for IPv6. */
  family: Family;
  /** The address itself: `local`. */
  address: string;
  /**
   * The length of the prefix of its network in bits, or that of the peer's network where there is a peer: `prefixlen`.
   */
  prefixLength: number;
  /** The other end of a point-to-point link: `address`. */
  peer?: string;
  /** The broadcast address: usually the last one of its network. */
  broadcast?: string;
  /** The anycast address; IPv6 only. */
  anycast?: string;
  /** The range in which it is valid: `'global'`, `'link'`, `'host'`, … */
  scope: Scope | number;
  /** The label, IPv4 only: usually the name of the link. */
  label?: string;
  /** The link's name. */
  link: string;
  /** The link's index. */
  index: number;
  /** The flags: `'secondary'`, `'tentative'`, `'dadfailed'`, `'deprecated'`, `'noprefixroute'`, `'mngtmpaddr'`, … */
  flags: string[];
  /** True where its lifetime is limited, as that of an address from DHCP or a router advertisement is. */
  dynamic: boolean;
  /** The metric of the route to its network. */
  metric?: number;
  /** Seconds until it is removed; null for never. `valid_life_time` */
  validLifetime: number | null;
  /** Seconds for which new connections may use it; null for no limit. `preferred_life_time` */
  preferredLifetime: number | null;
}

const FOREVER = 0xffffffff;

/** The address in a message; undefined for a family that is not IP. */
export function addressOf({ header, attributes }: AddressMessage, nameOf: NameOf): Address | undefined {
  const family = familyOfNumber(header.family);
  const local = attributes.LOCAL ?? attributes.ADDRESS;
  if (family === undefined || local === undefined) return undefined;
  const flags = attributes.FLAGS ?? header.flags;
  const { valid = FOREVER, preferred = FOREVER } = attributes.CACHEINFO ?? {};
  return compact({
    family,
    address: local,
    prefixLength: header.prefixLength,
    peer: attributes.ADDRESS === local ? undefined : attributes.ADDRESS,
    broadcast: attributes.BROADCAST,
    anycast: attributes.ANYCAST,
    scope: SCOPES.nameOf(header.scope),
    label: attributes.LABEL,
    link: nameOf(header.index),
    index: header.index,
    flags: printedFlags(flags, family),
    dynamic: (flags & IFA_F_PERMANENT) === 0,
    metric: attributes.RT_PRIORITY,
    validLifetime: valid === FOREVER ? null : valid,
    preferredLifetime: preferred === FOREVER ? null : preferred,
  });
}

/** The flags as `ip` prints them. One bit means 'secondary' for IPv4 and 'temporary' for IPv6. */
function printedFlags(flags: number, family: Family): string[] {
  const names = flagNames(flags, ADDRESS_FLAGS);
  return family === 'inet6' && (flags & IFA_F_SECONDARY) !== 0 ? ['temporary', ...names.slice(1)] : names;
}
