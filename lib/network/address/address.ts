import { compact } from '../compact';
import type { NameOf } from '../link/lookup';
import { type Family, familyOfNumber } from '../ip';
import { SCOPES, type Scope, flagNames } from '../names';
import { ADDRESS_FLAGS, type AddressMessage, IFA_F_PERMANENT, IFA_F_SECONDARY } from './message';

/**
 * An address of a link, as plain JSON. The texts in it are those that `ip -j address` prints; where a key has another
 * name than there it is given.
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
  /** The last one of its network, as a rule. */
  broadcast?: string;
  /** Of IPv6. */
  anycast?: string;
  /** How far it is known: `'global'`, `'link'`, `'host'`, … */
  scope: Scope | number;
  /** Of IPv4: the link's name, as a rule. */
  label?: string;
  /** The link's name. */
  link: string;
  /** The link's index. */
  index: number;
  /** `'secondary'`, `'tentative'`, `'dadfailed'`, `'deprecated'`, `'noprefixroute'`, `'mngtmpaddr'`, … */
  flags: string[];
  /** It has a limited life, as one by DHCP or from a router's advertisement. */
  dynamic: boolean;
  /** Metric of the route it brings. */
  metric?: number;
  /** Seconds until it goes; null for ever. `valid_life_time` */
  validLifetime: number | null;
  /** Seconds in which new connections come from it; null for ever. `preferred_life_time` */
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
