/** The names that programs inside look up. Each has an address of its own inside, and nothing is resolved for it. */
import { CODE, type Query, type Reply } from '../../resolve/dns-message';
import type { Response } from '../../resolve/name-server';
import { canonicalName, isLocalhost } from '../policy/host-name';
import { type IpAddress, type Range, addressText, ipAddress, isIn } from '../policy/range';
import { INSIDE_V4, INSIDE_V6 } from './inside';

/** The most names at a time, of those that may be allowed and of all others. Whoever asks for more pushes out the oldest. */
const MOST_NAMES = 16_384;
const MOST_REFUSED = 1024;

/** The number of addresses of IPv4, of which each name has one, and the number of the first that a name may have. */
const ADDRESSES = 2 ** (32 - INSIDE_V4.length);
const FIRST = 256;

/** Seconds for which programs may keep an address. It stays the same as long as the name is known. */
const TTL = 60;

const LOOPBACK = { A: '127.0.0.1', AAAA: '::1' } as const;

const NOTHING: readonly string[] = [];

interface Entry {
  readonly name: string;
  /** The number of its addresses, of both families, within the two ranges. */
  readonly index: number;
  /** The connections to it that are open. */
  connections: number;
  /** The set that it is in. */
  place: Set<Entry>;
}

/**
 * Names and their addresses. A name keeps its address while it is connected to. Others are forgotten when there are too many,
 * the one that was asked for the longest ago first; those that were never connected to before those that were. The addresses
 * are given in turn, so that a program that has kept an address for too long hardly ever meets another name there. The
 * connection is then decided for that other name, and made to it.
 */
export class Names {
  readonly #mayAllow: (name: string) => boolean;
  readonly #hasIpv6: boolean;
  readonly #byName = new Map<string, Entry>();
  readonly #byIndex = new Map<number, Entry>();
  /** Where names are. The oldest are at the beginning. */
  readonly #refused = new Set<Entry>();
  readonly #asked = new Set<Entry>();
  readonly #used = new Set<Entry>();
  readonly #connected = new Set<Entry>();
  #next = FIRST;

  /**
   * @param mayAllow - false for names to which no connection is ever allowed. They have addresses too, so that the refusal of
   * a connection can say why
   * @param hasIpv6 - true where programs inside can use addresses of IPv6
   */
  constructor(mayAllow: (name: string) => boolean, hasIpv6: boolean) {
    this.#mayAllow = mayAllow;
    this.#hasIpv6 = hasIpv6;
  }

  /** The number of names that are known. */
  get size(): number {
    return this.#byName.size;
  }

  /**
   * The address of a name inside. A name that is not known yet gets one.
   *
   * @param name - in the form of `canonicalName()`
   * @returns undefined where each address belongs to a name that is connected to
   */
  addressOf(name: string, family: 4 | 6): string | undefined {
    const entry = this.#byName.get(name) ?? this.#add(name);
    if (entry === undefined) return undefined;
    if (entry.connections === 0) this.#put(entry, this.#placeOf(entry));
    const { bits } = family === 4 ? INSIDE_V4 : INSIDE_V6;
    return addressText({ family, bits: bits + BigInt(entry.index) });
  }

  /** The name that has an address; undefined for one that stands for itself, or for a name that is forgotten. */
  nameOf(address: string): string | undefined {
    const found = ipAddress(address);
    const index = found === undefined ? undefined : indexOf(found);
    return index === undefined ? undefined : this.#byIndex.get(index)?.name;
  }

  /** True for an address that can only stand for a name, even if none has it now. */
  isInside(address: string): boolean {
    const found = ipAddress(address);
    return found !== undefined && indexOf(found) !== undefined;
  }

  /** Keeps the address of a name while it is connected to. Returns a function that ends this. */
  hold(name: string): () => void {
    const entry = this.#byName.get(name);
    if (entry === undefined) return () => undefined;
    entry.connections++;
    this.#put(entry, this.#connected);
    let isHeld = true;
    return () => {
      if (isHeld) this.#release(entry);
      isHeld = false;
    };
  }

  /** The answer of the name server inside. */
  respond(query: Query): Response {
    return { reply: this.#replyTo(query), delay: 0 };
  }

  #replyTo({ name, type, code }: Query): Reply {
    if (code !== CODE.NOERROR) return replyOf(code);
    if (type === 'PTR') return this.#pointer(name);
    if (name === '') return replyOf(CODE.NOERROR);
    if (canonicalName(name) !== name) return replyOf(CODE.NXDOMAIN);
    if (type === undefined || (type === 'AAAA' && !this.#hasIpv6)) return replyOf(CODE.NOERROR);
    if (isLocalhost(name)) return replyOf(CODE.NOERROR, [LOOPBACK[type]]);
    const address = this.addressOf(name, type === 'A' ? 4 : 6);
    return address === undefined ? replyOf(CODE.SERVFAIL) : replyOf(CODE.NOERROR, [address]);
  }

  #pointer(reverse: string): Reply {
    const address = addressOfReverse(reverse);
    const name = address === undefined ? undefined : this.nameOf(address);
    return name === undefined ? replyOf(CODE.NXDOMAIN) : replyOf(CODE.NOERROR, [name]);
  }

  #add(name: string): Entry | undefined {
    const place = this.#mayAllow(name) ? this.#asked : this.#refused;
    if (!this.#makeRoom(place)) return undefined;
    while (this.#byIndex.has(this.#next)) this.#advance();
    const entry: Entry = { name, index: this.#next, connections: 0, place };
    this.#advance();
    this.#byName.set(name, entry);
    this.#byIndex.set(entry.index, entry);
    place.add(entry);
    return entry;
  }

  #advance(): void {
    this.#next = this.#next + 1 === ADDRESSES ? FIRST : this.#next + 1;
  }

  /** Where a name belongs that nobody is connected to: the policy may have changed. */
  #placeOf({ name, place }: Entry): Set<Entry> {
    if (!this.#mayAllow(name)) return this.#refused;
    return place === this.#used ? this.#used : this.#asked;
  }

  /** Puts a name at the end of a set, where the youngest are. */
  #put(entry: Entry, place: Set<Entry>): void {
    entry.place.delete(entry);
    entry.place = place;
    place.add(entry);
    if (this.#refused.size > MOST_REFUSED) this.#forgetOldest(this.#refused);
  }

  #release(entry: Entry): void {
    entry.connections--;
    if (entry.connections > 0) return;
    this.#put(entry, this.#mayAllow(entry.name) ? this.#used : this.#refused);
  }

  /** Forgets a name where one more would be too many. */
  #makeRoom(place: Set<Entry>): boolean {
    if (this.#byIndex.size >= ADDRESSES - FIRST) return false;
    if (place === this.#refused) return place.size < MOST_REFUSED || this.#forgetOldest(place);
    if (this.#asked.size + this.#used.size + this.#connected.size < MOST_NAMES) return true;
    return this.#forgetOldest(this.#asked) || this.#forgetOldest(this.#used);
  }

  #forgetOldest(place: Set<Entry>): boolean {
    const [oldest] = place;
    if (oldest === undefined) return false;
    place.delete(oldest);
    this.#byName.delete(oldest.name);
    this.#byIndex.delete(oldest.index);
    return true;
  }
}

function replyOf(code: number, values = NOTHING): Reply {
  return { code, values, ttl: TTL };
}

function indexOf(address: IpAddress): number | undefined {
  const range: Range = address.family === 4 ? INSIDE_V4 : INSIDE_V6;
  if (!isIn(address, range)) return undefined;
  return Number(address.bits - range.bits);
}

/** The address whose name is asked for: `1.0.18.198.in-addr.arpa`. */
function addressOfReverse(name: string): string | undefined {
  const labels = name.split('.').reverse();
  const isV4 = name.endsWith('.in-addr.arpa') && labels.length === 6;
  const isV6 = name.endsWith('.ip6.arpa') && labels.length === 34;
  const parts = labels.slice(2);
  if (isV4) return parts.join('.');
  return isV6 ? parts.join('').replace(/(.{4})(?=.)/g, '$1:') : undefined;
}
