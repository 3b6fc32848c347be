/** The wires of a lab, with which links are impaired: src/addon/wire. */
import { createHash } from 'node:crypto';
import type { NativeWires } from '../../../types/native';
import { closedError } from '../../errors/namespace-error';
import { systemError } from '../../errors/system-error';
import { closeFd } from '../../handle/close';
import { native } from '../../native';
import type { Network } from '../../network/network';
import { familyOf } from '../../network/ip';
import type { Interface } from '../interface';
import { indexOfPort, untilForwarding } from '../port';
import { allSettled } from '../settled';
import { type CheckedImpairment, countsFrames, numbersOf } from './impairment';

/** The directions of a wire, as the host sees them. */
export const DIRECTIONS = { out: 0, in: 1 } as const;
export type Direction = keyof typeof DIRECTIONS;

/** An impairment of some of the frames of one direction. */
export interface WireRule {
  readonly impairment: CheckedImpairment;
  /** Only of frames from one of these addresses to one of those. Default: of all. */
  readonly between?: { readonly from: readonly string[]; readonly to: readonly string[] } | undefined;
}

export type WireRules = Readonly<Record<Direction, readonly WireRule[]>>;

/** The counters of one direction, as the addon has them. */
export type WireCounts = NonNullable<ReturnType<NativeWires['counters']>>;

/** The wire of a port: it goes between the port and a pair of links, the far end of which is in the switch. */
interface Wire {
  readonly number: number;
  readonly fds: readonly number[];
  /** How many rules each direction has. */
  readonly rules: Record<Direction, number>;
}

/** Larger than any frame, so that the pair limits nothing. */
const LARGEST_MTU = 65535;
/** GSO_MAX_SEGS of the kernel. */
const MOST_SEGMENTS = 65535;
/** The indexes of these links begin here, above those of ports. */
const NEAR_INDEXES = 1 << 21;
const FAR_INDEXES = 1 << 22;

const ADDRESS_BYTES = 16;

/**
 * Puts wires between ports and their switches, and takes them out again. A link without a wire is a plain veth and
 * bridge. It does not refer to the lab.
 */
export class Wires {
  readonly #core: Network;
  readonly #seed: number;
  readonly #wires = new Map<string, Wire>();
  /** Wires that are being taken out. */
  readonly #leaving = new Set<Wire>();
  #native: NativeWires | undefined;
  #closed = false;

  constructor(core: Network, seed: number) {
    this.#core = core;
    this.#seed = seed;
  }

  has(port: string): boolean {
    return this.#wires.has(port);
  }

  /** The ports that have one. */
  get ports(): readonly string[] {
    return [...this.#wires.keys()];
  }

  /** Undefined for a port without a wire. */
  counts(port: string, direction: Direction): WireCounts | undefined {
    const wire = this.#wires.get(port);
    return wire === undefined ? undefined : this.#native?.counters(wire.number, DIRECTIONS[direction]);
  }

  /** Puts a wire between a port and its switch, if there is none, and gives it these rules. They are in force then. */
  async set(end: Interface, bridge: string, rules: WireRules): Promise<void> {
    const wire = this.#wires.get(end.port) ?? (await this.#attach(end, bridge, rules));
    this.#setRules(wire, rules);
    await Promise.all([
      this.#core.link.set(farOf(end.port), { gsoMaxSegments: segmentsFor(rules.in) }),
      new Promise<void>((resolve) => this.#opened().settle(resolve)),
    ]);
  }

  /** Takes the wire of a port out. Frames that wait are delivered before. */
  async remove(end: Interface, bridge: string): Promise<void> {
    const wire = this.#wires.get(end.port);
    if (wire === undefined) return;
    this.#wires.delete(end.port);
    this.#leaving.add(wire);
    const { link } = this.#core;
    await new Promise<void>((resolve) => this.#opened().release(wire.number, resolve));
    try {
      await allSettled([link.set(farOf(end.port), { master: null }), link.set(end.port, { master: bridge })]);
      await untilForwarding(this.#core, indexOfPort(end.port));
    } finally {
      await this.#discard(end.port, wire);
    }
  }

  /** Forgets the wire of a port that is gone. */
  async forget(port: string): Promise<void> {
    const wire = this.#wires.get(port);
    this.#wires.delete(port);
    if (wire !== undefined) await this.#discard(port, wire);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const opened = this.#native;
    this.#native = undefined;
    if (opened !== undefined) await new Promise<void>((resolve) => opened.close(resolve));
    for (const { fds } of [...this.#wires.values(), ...this.#leaving]) for (const fd of fds) closeFd(fd);
    this.#wires.clear();
    this.#leaving.clear();
  }

  async #attach(end: Interface, bridge: string, rules: WireRules): Promise<Wire> {
    const { link } = this.#core;
    const { port } = end;
    const [near, far] = [nearOf(port), farOf(port)];
    const peer = { name: near, index: NEAR_INDEXES + numberOf(port), mtu: LARGEST_MTU };
    await link.add({
      ...{ name: far, index: FAR_INDEXES + numberOf(port), kind: 'veth', mtu: LARGEST_MTU, up: true, master: bridge },
      ...{ peer, gsoMaxSegments: segmentsFor(rules.in) },
    });
    const fds: number[] = [];
    try {
      await link.set(near, { up: true });
      await untilForwarding(this.#core, FAR_INDEXES + numberOf(port));
      const made = await Promise.allSettled([0, 1].map(() => this.#core.socket('packet', 'raw')));
      for (const each of made) if (each.status === 'fulfilled') fds.push(each.value);
      for (const fd of fds) native().adopt(fd);
      for (const each of made) if (each.status === 'rejected') throw each.reason;
      // From here to the next step nobody carries frames between the two.
      await link.set(port, { master: null });
      const wire = { number: this.#join(end, fds), fds, rules: { out: 0, in: 0 } };
      this.#wires.set(port, wire);
      return wire;
    } catch (error) {
      for (const fd of fds) closeFd(fd);
      await Promise.all([
        link.delete(far).catch(() => undefined),
        link.set(port, { master: bridge }).catch(() => undefined),
      ]);
      throw error;
    }
  }

  #join({ port, network, host }: Interface, [first = -1, second = -1]: readonly number[]): number {
    const seeds = Buffer.concat((['out', 'in'] as const).map((direction) => this.#seedOf(network, host, direction)));
    const near = NEAR_INDEXES + numberOf(port);
    try {
      return this.#opened().add(first, indexOfPort(port), second, near, seeds);
    } catch (cause) {
      throw systemError(cause, { step: `make a wire for ${host} on ${network}`, operation: 'socket', kind: 'net' });
    }
  }

  /** 64 bits that depend on what the direction is, and not on when its wire is made. */
  #seedOf(network: string, host: string, direction: Direction): Buffer {
    const text = JSON.stringify([this.#seed, network, host, direction]);
    return createHash('sha256').update(text).digest().subarray(0, 8);
  }

  #opened(): NativeWires {
    if (this.#closed) throw closedError('This Lab');
    try {
      this.#native ??= native().openWires();
    } catch (cause) {
      throw systemError(cause, { step: 'start the thread of the wires', operation: 'netlink', kind: 'net' });
    }
    return this.#native;
  }

  #setRules(wire: Wire, rules: WireRules): void {
    for (const direction of ['out', 'in'] as const) {
      const [number, list] = [DIRECTIONS[direction], rules[direction]];
      for (const [index, { impairment, between }] of list.entries()) {
        const { from = [], to = [] } = between ?? {};
        this.#opened().setRule(wire.number, number, index, numbersOf(impairment), bytesOf(from), bytesOf(to));
      }
      for (let index = list.length; index < wire.rules[direction]; index++)
        this.#opened().removeRule(wire.number, number, index);
      wire.rules[direction] = list.length;
    }
  }

  async #discard(port: string, wire: Wire): Promise<void> {
    this.#leaving.add(wire);
    await new Promise<void>((resolve) => this.#opened().remove(wire.number, resolve));
    // If the lab was closed meanwhile, that has closed them.
    if (this.#leaving.delete(wire)) for (const fd of wire.fds) closeFd(fd);
    await this.#core.link.delete(farOf(port)).catch(() => undefined); // both ends go
  }
}

/** One for an impairment of frames: a frame that is to be segmented would stand for many packets. */
export function segmentsFor(rules: readonly WireRule[]): number {
  return rules.some(({ impairment }) => countsFrames(impairment)) ? 1 : MOST_SEGMENTS;
}

/** The name of the end of the pair that the switch has. */
function farOf(port: string): string {
  return `f${port.slice(1)}`;
}

/** The index of that end. */
export function farIndexOf(port: string): number {
  return FAR_INDEXES + numberOf(port);
}

function nearOf(port: string): string {
  return `w${port.slice(1)}`;
}

function numberOf(port: string): number {
  return Number(port.slice(1));
}

/** Addresses of 16 bytes each; IPv4 is mapped: ::ffff:1.2.3.4. */
function bytesOf(addresses: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(addresses.length * ADDRESS_BYTES);
  for (const [index, address] of addresses.entries()) {
    const mapped = familyOf(address) === 'inet' ? `::ffff:${address}` : address;
    bytes.set(native().addressBytes(mapped) ?? [], index * ADDRESS_BYTES);
  }
  return bytes;
}
