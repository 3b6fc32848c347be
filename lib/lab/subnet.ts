/** The addresses of one network of a lab: which there are, and who has them. */
import { type Check } from '../errors/schema';
import { invalidValue } from '../errors/validate';
import { native } from '../native';
import { ADDRESS_BITS, type Family, validateAddress, validatePrefix } from '../network/ip';

/** Ranges whose addresses no interface of a host can use as others do: of the loopback, of groups, of one link alone. */
const NOT_FOR_HOSTS: readonly (readonly [range: string, what: string])[] = [
  ['127.0.0.0/8', 'the loopback'],
  ['224.0.0.0/4', 'multicast'],
  ['::/127', 'the loopback'],
  ['fe80::/10', 'link-local addresses'],
  ['ff00::/8', 'multicast'],
];

/** A range of addresses, `10.0.0.0/24`, from which interfaces get theirs in order. */
export class Subnet {
  readonly family: Family;
  /** The number of bits that all its addresses have in common. */
  readonly length: number;
  readonly #base: bigint;
  readonly #taken = new Map<bigint, string>();
  #next: bigint;

  constructor(family: Family, base: bigint, length: number) {
    this.family = family;
    this.length = length;
    this.#base = base;
    this.#next = this.#first;
  }

  /** @throws TypeError for what is no network: an address with bits behind the prefix is an address in one */
  static parse(name: string, value: unknown, family: Family): Subnet {
    const prefix = validatePrefix(name, value, family);
    const most = ADDRESS_BITS[family] - 1;
    if (prefix.length > most) throw invalidValue(name, value, `must have a prefix of at most ${most} bits`);
    const subnet = new Subnet(family, numberOf(prefix.address), prefix.length);
    if (subnet.#base % subnet.#size !== 0n) {
      const base = textOf(subnet.#base - (subnet.#base % subnet.#size), family);
      throw invalidValue(name, value, `must be a network, as '${base}/${prefix.length}' is`);
    }
    const [range, what] = NOT_FOR_HOSTS.find(([each]) => subnet.overlaps(Subnet.#of(each))) ?? [];
    if (range === undefined) return subnet;
    throw invalidValue(name, value, `must be a range for hosts, without ${range}, which is for ${what}`);
  }

  static #of(range: string): Subnet {
    const [address = '', length] = range.split('/');
    return new Subnet(address.includes(':') ? 'inet6' : 'inet', numberOf(address), Number(length));
  }

  /** The next address that is free, for the interface called so; undefined if there is none. */
  take(owner: string): string | undefined {
    const [first, last] = [this.#first, this.#last];
    if (BigInt(this.#taken.size) > last - first) return undefined;
    while (this.#taken.has(this.#next)) this.#next = this.#next >= last ? first : this.#next + 1n;
    return this.#claim(this.#next, owner);
  }

  /** Takes an address that the caller has chosen. @throws TypeError if it is of no host here, or taken */
  takeGiven(name: string, address: string, owner: string): string {
    const number = numberOf(address);
    if (number < this.#first || number > this.#last) {
      throw invalidValue(name, address, `must be an address for a host in ${String(this)}`);
    }
    const holder = this.#taken.get(number);
    if (holder !== undefined) throw invalidValue(name, address, `is the address of ${holder} already`);
    return this.#claim(number, owner);
  }

  release(address: string): void {
    const number = numberOf(address);
    this.#taken.delete(number);
    if (number + 1n === this.#next) this.#next = number;
  }

  contains(address: string): boolean {
    const number = numberOf(address);
    return number >= this.#base && number < this.end;
  }

  overlaps(other: Subnet): boolean {
    if (other.family !== this.family) return false;
    return this.#base < other.end && other.#base < this.end;
  }

  /** The first address behind it, as a number. */
  get end(): bigint {
    return this.#base + this.#size;
  }

  /** `10.0.0.0/24` */
  toString(): string {
    return `${textOf(this.#base, this.family)}/${this.length}`;
  }

  get #size(): bigint {
    return 1n << BigInt(ADDRESS_BITS[this.family] - this.length);
  }

  /** Two addresses are two hosts, RFC 3021 and RFC 6164; else the first is the network's, or that of any router. */
  get #first(): bigint {
    return this.#size === 2n ? this.#base : this.#base + 1n;
  }

  /** The last one of IPv4 is for broadcasts. */
  get #last(): bigint {
    return this.end - (this.#size === 2n || this.family === 'inet6' ? 1n : 2n);
  }

  #claim(number: bigint, owner: string): string {
    this.#taken.set(number, owner);
    return textOf(number, this.family);
  }
}

/** An address as the kernel writes it. */
export const hostAddress: Check<string> = (name, value) => {
  const address = validateAddress(name, value);
  return textOf(numberOf(address), address.includes(':') ? 'inet6' : 'inet');
};

function numberOf(address: string): bigint {
  return BigInt(`0x${native().addressBytes(address)?.toString('hex') ?? '0'}`);
}

function textOf(number: bigint, family: Family): string {
  const bytes = ADDRESS_BITS[family] / 8;
  return native().addressText(Buffer.from(number.toString(16).padStart(bytes * 2, '0'), 'hex'), 0, bytes);
}
