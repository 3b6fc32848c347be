/** What tests of egress share: an outside of this process's own, and clients that run here and connect from inside. */
import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { type NamespaceSet, unshare } from '../../../lib';
import { type EgressOutside, Network } from '../../../lib/network';
import { closeAll } from '../sockets/inside';

/** The loopback of this host as an outside: names have 127.0.0.1, and each port leads to the server that stands for it. */
class Outside implements EgressOutside {
  readonly #servers: Server[] = [];
  readonly #ports = new Map<number, number>();
  readonly #here = Network.open();
  /** What has been looked up. */
  readonly looked: string[] = [];

  /** Serves connections to a port, at any address. */
  async serve(port: number, server: Server | ((socket: Socket) => void)): Promise<void> {
    const made = typeof server === 'function' ? createServer({ allowHalfOpen: true }, server) : server;
    this.#servers.push(made.listen(0, '127.0.0.1'));
    await once(made, 'listening');
    this.#ports.set(port, (made.address() as AddressInfo).port);
  }

  lookup(name: string): Promise<{ address: string; family: 4 }[]> {
    this.looked.push(name);
    return Promise.resolve([{ address: '1.2.3.4', family: 4 }]); // of the public internet
  }

  async connect(options: Parameters<EgressOutside['connect']>[0]): Promise<Socket> {
    const here = await this.#here;
    return here.connect({ ...options, host: '127.0.0.1', port: this.#ports.get(options.port ?? 0) ?? 1 });
  }

  async close(): Promise<void> {
    await closeAll(...this.#servers.splice(0));
    await (await this.#here).close();
  }
}

/** A network, its set and an outside. */
export class World {
  readonly outside = new Outside();

  private constructor(
    readonly set: NamespaceSet,
    readonly net: Network,
  ) {}

  static async make(kinds: Parameters<typeof unshare>[0]): Promise<World> {
    const set = await unshare(kinds);
    return new World(set, await Network.open(set));
  }

  /** Asks the name server inside, at an address of no host. */
  async resolve(name: string, server = '9.9.9.9'): Promise<string> {
    const [found] = await this.net.lookup(name, { servers: [server], family: 4 });
    return found?.address ?? '';
  }

  /** Connects as a program inside: by a name, or to an address. */
  async dial(host: string, port: number): Promise<Socket> {
    const address = /[a-z]/i.test(host) && !host.includes(':') ? await this.resolve(host) : host;
    const socket = await this.net.connect({ host: address, port, allowHalfOpen: true });
    return socket.on('error', () => undefined);
  }

  async close(): Promise<void> {
    await this.net.close();
    await this.set.close();
    await this.outside.close();
  }
}

/** All that comes until the other side ends. */
export function heardFrom(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = '';
    socket.on('data', (chunk) => (heard += String(chunk))).once('end', () => resolve(heard));
    socket.once('close', () => reject(new Error(`The connection was broken off after: ${heard}`))).resume();
  });
}

/** The code of the error that ends a connection; undefined for an orderly end. */
export function endOf(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    let code: string | undefined;
    socket.on('error', (error: NodeJS.ErrnoException) => (code = error.code));
    socket.once('close', () => resolve(code)).resume();
  });
}
