/**
 * Numbers of rtnetlink that have a name. They are those of the kernel (`<linux/rtnetlink.h>`), spelled as iproute2
 * spells them.
 */
import type { Check } from '../errors/schema';
import { outOfRange, validateInteger, validateOneOf } from '../errors/validate';

/** Names for numbers, in both directions. */
export class Names<N extends string> {
  readonly names: readonly N[];
  readonly #numbers: Readonly<Record<N, number>>;
  readonly #names: ReadonlyMap<number, N>;

  constructor(numbers: Readonly<Record<N, number>>) {
    this.names = Object.keys(numbers) as N[];
    this.#numbers = numbers;
    this.#names = new Map(this.names.map((name) => [numbers[name], name]));
  }

  /** The name; the number itself when it has none. */
  nameOf(number: number): N | number {
    return this.#names.get(number) ?? number;
  }

  /** The number that the name stands for. */
  numberOf(name: N): number {
    return this.#numbers[name];
  }

  /** The check of an option that is a name, or a number up to `most`. It returns the number. */
  check(most: number): Check<number> {
    return (name, value) => this.validate(name, value, most);
  }

  /** Checks a name, or a number up to `most`, and returns the number. */
  validate(name: string, value: unknown, most: number): number {
    if (typeof value !== 'number') {
      validateOneOf(name, value, this.names);
      return this.#numbers[value];
    }
    validateInteger(name, value);
    if (value < 0 || value > most) throw outOfRange(name, `>= 0 && <= ${most}`, value);
    return value;
  }
}

/**
 * The range in which an address is valid, or the distance of a destination: `'global'` is everywhere, `'link'` is the
 * network that a link is connected to, `'host'` is this host.
 */
export type Scope = 'global' | 'site' | 'link' | 'host' | 'nowhere';
export const SCOPES = new Names<Scope>({ global: 0, site: 200, link: 253, host: 254, nowhere: 255 });

/** The routing tables that have a name; others have numbers. */
export type Table = 'default' | 'main' | 'local';
export const TABLES = new Names<Table>({ default: 253, main: 254, local: 255 });

/**
 * The way the kernel treats packets to a destination: `'unicast'` passes them on, `'local'` delivers them here,
 * `'blackhole'` drops them silently, `'unreachable'` and `'prohibit'` drop them and tell the sender, `'throw'` goes on
 * with the next rule.
 */
export type RouteType =
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'multicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw'
  | 'nat';
export const ROUTE_TYPES = new Names<RouteType>({
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
  nat: 10,
});

/** The origin of a route: the program or the protocol that has installed it. */
export type RouteProtocol =
  | 'unspec'
  | 'redirect'
  | 'kernel'
  | 'boot'
  | 'static'
  | 'gated'
  | 'ra'
  | 'mrt'
  | 'zebra'
  | 'bird'
  | 'dnrouted'
  | 'xorp'
  | 'ntk'
  | 'dhcp'
  | 'keepalived'
  | 'babel'
  | 'bgp'
  | 'isis'
  | 'ospf'
  | 'rip'
  | 'eigrp';
export const ROUTE_PROTOCOLS = new Names<RouteProtocol>({
  unspec: 0,
  redirect: 1,
  kernel: 2,
  boot: 3,
  static: 4,
  gated: 8,
  ra: 9,
  mrt: 10,
  zebra: 11,
  bird: 12,
  dnrouted: 13,
  xorp: 14,
  ntk: 15,
  dhcp: 16,
  keepalived: 18,
  babel: 42,
  bgp: 186,
  isis: 187,
  ospf: 188,
  rip: 189,
  eigrp: 192,
});

/** The names of the flags that are set in a number, in the order of the list. */
export function flagNames(flags: number, names: readonly (readonly [bit: number, name: string])[]): string[] {
  return names.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
}
