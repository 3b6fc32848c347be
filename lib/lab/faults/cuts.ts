/** Cuts between hosts, as rules of nf_tables at the switches. */
import { closedError } from '../../errors/namespace-error';
import { native } from '../../native';
import type { Network } from '../../network/network';
import { type Expression, compare, counter, lookup, meta, payload, verdict } from '../../network/nftables/expressions';
import { Table, type Element } from '../../network/nftables/messages';
import { Transactions } from '../../network/nftables/transactions';
import { familyOf } from '../../network/ip';
import type { Interface } from '../interface';
import { indexOfPort } from '../port';
import { farIndexOf } from './wires';

/** Hosts that are cut off from the same others, in both directions. */
export interface Side {
  readonly interfaces: readonly Interface[];
}

/** Sides, and from which of them to which other nothing passes, by their numbers. */
export interface CutPlan {
  readonly sides: readonly Side[];
  readonly cuts: readonly (readonly [from: number, to: number])[];
}

const CHAIN = 'forward';
const AMBIGUOUS = -1;
const ARP = Uint8Array.of(0x08, 0x06);
const IPV4 = Uint8Array.of(0x08, 0x00);
const IPV6 = Uint8Array.of(0x86, 0xdd);
const ICMPV6 = Uint8Array.of(58);
/** Router solicitation to redirect: RFC 4861. */
const DISCOVERY = [Uint8Array.of(133), Uint8Array.of(137)] as const;

/** Registers for the sides of sender and receiver, which lie together as the key of a cut, and for what is looked up. */
const [FROM, TO, KEY] = [0, 1, 2];

/**
 * The sender of a packet is told by the port that it comes in by, and by its source; its receiver by the port that it
 * leaves by, and by its destination. So a packet is dropped at the first switch or at the last, however many routers
 * are between, and also where one of them translates addresses. The resolution of addresses passes: to a program a
 * partition is silence, and not a host that is unreachable.
 */
export class Cuts {
  readonly #core: Network;
  readonly #table = new Table('bridge', 'faults');
  #transactions: Promise<Transactions> | undefined;
  #exists = false;
  /** The packets that rules have dropped which are gone by now. */
  #droppedBefore = 0;
  #closed = false;

  constructor(core: Network) {
    this.#core = core;
  }

  /** Makes this plan the one that is in force, all of it at once. */
  async set(plan: CutPlan): Promise<void> {
    if (this.#closed) throw closedError('This Lab');
    if (plan.cuts.length === 0 && !this.#exists) return;
    const transactions = await (this.#transactions ??= Transactions.open(this.#core));
    await transactions.commit('partition hosts', [...this.#rules(), ...this.#elements(plan)]);
    this.#exists = true;
    if (plan.cuts.length === 0) await this.#remove(transactions);
  }

  /** Counts the packets that have been dropped since the lab was made. */
  async dropped(): Promise<number> {
    if (this.#closed) throw closedError('This Lab');
    const transactions = this.#exists ? await this.#transactions : undefined;
    return this.#droppedBefore + (transactions === undefined ? 0 : await this.#count(transactions));
  }

  /** Removes the rules, when nothing is cut and so their counters have come to their end. */
  async #remove(transactions: Transactions): Promise<void> {
    const count = await this.#count(transactions);
    await transactions.commit('heal hosts', [this.#table.delete()]);
    this.#exists = false;
    this.#droppedBefore += count;
  }

  #count(transactions: Transactions): Promise<number> {
    return transactions.packets('count what is dropped', this.#table.listRules(CHAIN));
  }

  async close(): Promise<void> {
    this.#closed = true;
    const transactions = await this.#transactions?.catch(() => undefined);
    transactions?.close();
  }

  #rules(): Buffer[] {
    const table = this.#table;
    if (this.#exists) return [];
    const isType = (type: Uint8Array): Expression[] => [meta('protocol', KEY), compare(KEY, 'equal', type)];
    const side = (load: Expression, map: string, into: number): Expression[] => [load, lookup(map, KEY, into)];
    const comesFrom = side(meta('inputInterface', KEY), 'ports', FROM);
    const leavesTo = side(meta('outputInterface', KEY), 'ports', TO);
    const source4 = side(payload('network', 12, 4, KEY), 'ipv4', FROM);
    const destination4 = side(payload('network', 16, 4, KEY), 'ipv4', TO);
    const source6 = side(payload('network', 8, 16, KEY), 'ipv6', FROM);
    const destination6 = side(payload('network', 24, 16, KEY), 'ipv6', TO);
    const isCut = [lookup('cuts', FROM), counter(), verdict('drop')];
    return [
      table.create(),
      table.addChain(CHAIN, { type: 'filter', hook: 'forward' }),
      table.addSet('ports', ['interface'], { value: ['mark'] }),
      table.addSet('ipv4', ['ipv4'], { value: ['mark'] }),
      table.addSet('ipv6', ['ipv6'], { value: ['mark'] }),
      table.addSet('cuts', ['mark', 'mark']),
      ...[
        [...isType(ARP), verdict('accept')],
        [...isType(IPV6), ...isDiscovery(), verdict('accept')],
        [...comesFrom, ...leavesTo, ...isCut],
        [...isType(IPV4), ...source4, ...leavesTo, ...isCut],
        [...isType(IPV4), ...comesFrom, ...destination4, ...isCut],
        [...isType(IPV6), ...source6, ...leavesTo, ...isCut],
        [...isType(IPV6), ...comesFrom, ...destination6, ...isCut],
      ].map((expressions) => table.addRule(CHAIN, expressions)),
    ];
  }

  #elements({ sides, cuts }: CutPlan): Buffer[] {
    const ports: Element[] = [];
    const addresses = { inet: new Map<string, number>(), inet6: new Map<string, number>() };
    for (const [number, { interfaces }] of sides.entries()) {
      const value = numberBytes(number);
      for (const { port, addresses: own } of interfaces) {
        // The switch has the port itself, or the far end of its wire.
        ports.push({ key: numberBytes(indexOfPort(port)), value }, { key: numberBytes(farIndexOf(port)), value });
        for (const each of own) {
          const known = addresses[familyOf(each)];
          known.set(each, (known.get(each) ?? number) === number ? number : AMBIGUOUS);
        }
      }
    }
    const pairs = cuts.map((pair) => ({ key: Buffer.concat(pair.map(numberBytes)) }));
    return [
      ...this.#table.setElements('ports', ports),
      ...this.#table.setElements('ipv4', elementsOf(addresses.inet)),
      ...this.#table.setElements('ipv6', elementsOf(addresses.inet6)),
      ...this.#table.setElements('cuts', pairs),
    ];
  }
}

/** The header of ICMPv6 follows that of IPv6 in these messages. */
function isDiscovery(): Expression[] {
  const [first, last] = DISCOVERY;
  return [
    ...[payload('network', 6, 1, KEY), compare(KEY, 'equal', ICMPV6)],
    ...[payload('network', 40, 1, KEY), compare(KEY, 'atLeast', first), compare(KEY, 'atMost', last)],
  ];
}

/** The sides of addresses. One that hosts of several sides have, behind routers, tells nothing. */
function elementsOf(sides: ReadonlyMap<string, number>): Element[] {
  return [...sides].flatMap(([address, side]) => {
    const key = native().addressBytes(address);
    return key === undefined || side === AMBIGUOUS ? [] : [{ key, value: numberBytes(side) }];
  });
}

/** A number of 32 bits as nf_tables compares it with an index, or as a value. */
function numberBytes(number: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(number).buffer);
}
