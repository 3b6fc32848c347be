import { compact } from '../compact';
import type { NameOf } from '../link/link-name';
import { type Family, familyOfNumber } from '../ip';
import { SCOPES, type Scope, flagNames } from '../names';
import { ADDRESS_FLAGS, type AddressMessage, IFA_F_PERMANENT, IFA_F_SECONDARY } from './address-message';

/**
 * An address of a link, as plain JSON. The values are spelled as `ip -j address` prints them. Where a property has
 * another name there, that is given below.
 */
export interface Address {
  /** `'inet'`: IPv4; `'inet6'` */
  family: Family;
  /** The address itself: `local`. */
  address: string;
  /** `prefixlen` */
  prefixLength: number;
  /** The other end of a point-to-point link: `address`. */
  peer?: string;
  /** The broadcast address: usually the last one of its network. */
  broadcast?: string;
  /** The anycast address; IPv6 only. */
  anycast?: string;
  /** Where it is valid: `'global'`, `'link'`, `'host'`, … */
  scope: Scope | number;
  /** IPv4 only: usually the link's name. */
  label?: string;
  /** The link's name. */
  link: string;
  /** The link's index. */
  index: number;
  /** `'secondary'`, `'tentative'`, `'dadfailed'`, `'deprecated'`, `'noprefixroute'`, `'mngtmpaddr'`, … */
  flags: string[];
  /** Whether its lifetime is limited, as of one from DHCP or a router advertisement. */
  dynamic: boolean;
  /** The metric of the route to its network. */
  metric?: number;
  /** Seconds until it is removed; null for never. `valid_life_time` */
  validLifetime: number | null;
  /** Seconds for which new connections may use it; null for no limit. `preferred_life_time` */
  preferredLifetime: number | null;
}

const FOREVER = 0xffffffff;

/** What a message says; undefined for a family that is not IP. */
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

/** The same bit is 'secondary' of IPv4 and 'temporary' of IPv6. */
function printedFlags(flags: number, family: Family): string[] {
  const names = flagNames(flags, ADDRESS_FLAGS);
  return family === 'inet6' && (flags & IFA_F_SECONDARY) !== 0 ? ['temporary', ...names.slice(1)] : names;
}
