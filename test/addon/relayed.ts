/** Connections on the loopback that the addon's thread relays. */
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { native } from '../../lib/native';
import { Network } from '../../lib/network';
import { descriptorOf } from '../../lib/network/sockets/socket-over';
import { eventually } from '../fixtures/footprint';
import { closeAll } from '../network/sockets/inside';

const NONE = Buffer.alloc(0);

/** A relay: what Node has of it are the two ends that are not relayed. */
export interface Relayed {
  readonly number: number;
  readonly one: Socket;
  readonly other: Socket;
  readonly ended: Promise<{ broken: boolean; bytes: [number, number] }>;
}

interface Bytes {
  readonly fromOne?: Buffer;
  readonly fromOther?: Buffer;
}

/** Makes relays. */
export class Loopback {
  readonly #here: Network;
  readonly #server: Server;
  readonly #accepted: Socket[];
  readonly #peers: Socket[] = [];

  private constructor(here: Network, server: Server, accepted: Socket[]) {
    this.#here = here;
    this.#server = server;
    this.#accepted = accepted;
  }

  static async open(): Promise<Loopback> {
    const accepted: Socket[] = [];
    const options = { allowHalfOpen: true, pauseOnConnect: true };
    const server = createServer(options, (socket) => accepted.push(socket.on('error', () => undefined)));
    await once(server.listen(0, '127.0.0.1', 4096), 'listening');
    return new Loopback(await Network.open(), server, accepted);
  }

  /** Both ends of a connection: that of a peer, and that of the relay. */
  async pair(): Promise<{ peer: Socket; end: Socket }> {
    const end = await this.connect((this.#server.address() as AddressInfo).port);
    const accepted = (): number => this.#accepted.findIndex(({ remotePort }) => remotePort === end.localPort);
    await eventually(() => accepted() >= 0);
    const [peer] = this.#accepted.splice(accepted(), 1);
    this.#peers.push(peer!);
    return { peer: peer!, end };
  }

  /** A socket whose descriptor is known. */
  async connect(port: number): Promise<Socket> {
    const socket = await this.#here.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    return socket.pause().on('error', () => undefined);
  }

  /** Relays both flows of a new connection. */
  async relay({ fromOne = NONE, fromOther = NONE }: Bytes = {}): Promise<Relayed> {
    const [one, other] = [await this.pair(), await this.pair()];
    let end: (ended: Awaited<Relayed['ended']>) => void;
    const ended = new Promise<Awaited<Relayed['ended']>>((resolve) => (end = resolve));
    const fds = [descriptorOf(one.end)!, descriptorOf(other.end)!] as const;
    const number = native().startRelay(...fds, true, fromOne, fromOther, (broken, ...bytes) => end({ broken, bytes }));
    one.end.destroy();
    other.end.destroy();
    return { number, one: one.peer, other: other.peer, ended };
  }

  async close(): Promise<void> {
    for (const socket of [...this.#accepted, ...this.#peers]) socket.destroy();
    await closeAll(this.#server);
    await this.#here.close();
  }
}

/** Threads of this process that relay. */
export function relayThreads(): string[] {
  return readdirSync('/proc/self/task').filter((thread) => {
    try {
      return readFileSync(`/proc/self/task/${thread}/comm`, 'utf8') === 'ns-relays\n';
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

/** The processor time that these threads have taken, in nanoseconds. */
export function relayTime(): number {
  const times = relayThreads().map((thread) => readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8'));
  return times.reduce((sum, time) => sum + parseInt(time, 10), 0);
}
