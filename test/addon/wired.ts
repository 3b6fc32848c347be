/** Two network namespaces, each with one interface, and a wire between them in a third. */
import { once } from 'node:events';
import type { Socket } from 'node:dgram';
import type { NativeWires } from '../../types/native';
import { type NamespaceSet, unshare } from '../../lib';
import { native } from '../../lib/native';
import { Network } from '../../lib/network';

/** Parameters of a rule; times in milliseconds. */
export interface Rule {
  delay?: number;
  jitter?: number;
  distribution?: 'uniform' | 'normal' | 'pareto';
  loss?: number;
  burst?: number;
  duplicate?: number;
  reorder?: number;
  corrupt?: number;
  rate?: number;
  queue?: number;
  mtu?: number;
}

const NONE = new Uint8Array();
export const ADDRESSES = ['10.9.0.1', '10.9.0.2'] as const;

export class Wired implements AsyncDisposable {
  readonly sets: readonly [core: NamespaceSet, first: NamespaceSet, second: NamespaceSet];
  readonly core: Network;
  readonly ends: readonly [Network, Network];
  readonly wires: NativeWires;
  readonly wire: number;
  readonly sockets: readonly number[];

  private constructor(parts: Pick<Wired, 'sets' | 'core' | 'ends' | 'wires' | 'wire' | 'sockets'>) {
    this.sets = parts.sets;
    this.core = parts.core;
    this.ends = parts.ends;
    this.wires = parts.wires;
    this.wire = parts.wire;
    this.sockets = parts.sockets;
  }

  static async create(seed = 1): Promise<Wired> {
    const coreSet = await unshare(['user', 'net']);
    const sets = [coreSet, await unshare('net', { setns: coreSet }), await unshare('net', { setns: coreSet })] as const;
    const core = await Network.open(coreSet);
    await core.sysctl.set('net.ipv6.conf.default.disable_ipv6', 1);
    const ends = [await Network.open(sets[1]), await Network.open(sets[2])] as const;
    for (const [index, end] of ends.entries()) {
      const peer = { name: 'eth0', namespace: sets[index + 1]! };
      await core.link.add({ name: `p${index}`, kind: 'veth', up: true, peer });
      await end.link.set('eth0', { up: true });
      await end.address.add('eth0', `${ADDRESSES[index]!}/24`);
    }
    const wires = native().openWires();
    const sockets = [await core.socket('packet', 'raw'), await core.socket('packet', 'raw')];
    for (const fd of sockets) native().adopt(fd);
    const ports = [await core.link.get('p0'), await core.link.get('p1')];
    const seeds = new Uint8Array(BigUint64Array.of(BigInt(seed), BigInt(seed) + 1n).buffer);
    const wire = wires.add(sockets[0]!, ports[0]!.index, sockets[1]!, ports[1]!.index, seeds);
    return new Wired({ sets, core, ends, wires, wire, sockets });
  }

  async impair(rule: Rule, directions: readonly (0 | 1)[] = [0, 1]): Promise<void> {
    for (const direction of directions) this.wires.setRule(this.wire, direction, 0, numbersOf(rule), NONE, NONE);
    await this.settled();
  }

  settled(): Promise<void> {
    return new Promise((resolve) => this.wires.settle(resolve));
  }

  counters(direction: 0 | 1): Record<string, number> {
    const [sent, delivered, lost, queueFull, tooLarge, overrun, refused, duplicated, reordered, corrupted] =
      this.wires.counters(this.wire, direction)!;
    return {
      ...{ sent, delivered, lost, queueFull, tooLarge, overrun, refused, duplicated, reordered, corrupted },
    };
  }

  /** A socket of the first end, that sends to one of the second; and the texts that have come to that. */
  async datagrams(): Promise<{ send: (text: string) => Promise<void>; received: string[] }> {
    const receiver = await this.ends[1].createSocket({ type: 'udp4', port: 7000, recvBufferSize: 1 << 20 });
    const sender = await this.ends[0].createSocket({ type: 'udp4', port: 7001 });
    const received: string[] = [];
    receiver.on('message', (message) => received.push(message.toString('latin1').trimEnd()));
    this.#open.push(receiver, sender);
    return {
      received,
      send: (text) =>
        new Promise((resolve, reject) => {
          sender.send(text, 7000, ADDRESSES[1], (error) => (error ? reject(error) : resolve()));
        }),
    };
  }

  readonly #open: Socket[] = [];

  async close(): Promise<void> {
    for (const socket of this.#open.splice(0)) {
      socket.close();
      await once(socket, 'close');
    }
    await new Promise<void>((resolve) => this.wires.close(resolve));
    for (const fd of this.sockets) native().closeNow(fd);
    await Promise.all([this.core.close(), ...this.ends.map((end) => end.close())]);
    for (const set of [...this.sets].reverse()) await set.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

const DISTRIBUTIONS = ['uniform', 'normal', 'pareto'] as const;

export function numbersOf(rule: Rule): Float64Array {
  const { delay = 0, jitter = 0, distribution = 'uniform', loss = 0, burst = 1, duplicate = 0 } = rule;
  const { reorder = 0, corrupt = 0, rate = 0, queue = 1000, mtu = 0 } = rule;
  const times = [delay * 1e6, jitter * 1e6, DISTRIBUTIONS.indexOf(distribution)];
  return Float64Array.of(...times, loss, burst, duplicate, reorder, corrupt, rate, queue, mtu);
}
