import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { type NamespaceKind, unshare } from 'linux-ns';
import { Network } from 'linux-ns/network';
import { type Contestant, type Samples, interleave } from '../measure/interleave';

/**
 * Measures how long it takes to open a TCP connection, in milliseconds: to a server in another network namespace, by a
 * socket of that namespace, and to one on our own loopback by `net.connect()`. Both ends are in this process.
 */
export async function measureConnect(rounds: number, kinds: NamespaceKind[]): Promise<Samples> {
  const set = await unshare(kinds);
  const network = await Network.open(set);
  const inside = await network.listen(server(), { port: 0, host: '127.0.0.1' });
  const outside = server().listen(0, '127.0.0.1');
  await once(outside, 'listening');
  try {
    return await interleave(
      [
        contestant('another namespace', () => network.connect({ host: '127.0.0.1', port: portOf(inside) })),
        contestant('net.connect', async () => {
          const socket = connect({ host: '127.0.0.1', port: portOf(outside) });
          await once(socket, 'connect');
          return socket;
        }),
      ],
      rounds,
    );
  } finally {
    inside.close();
    outside.close();
    await network.close();
    await set.close();
  }
}

function contestant(name: string, open: () => Promise<Socket>): Contestant {
  return {
    name,
    async sample() {
      const start = performance.now();
      const socket = await open();
      const elapsed = performance.now() - start;
      const closed = once(socket, 'close');
      socket.resetAndDestroy(); // no TIME_WAIT, of which there would soon be more than ports
      await closed;
      return elapsed;
    },
  };
}

function server(): Server {
  return createServer((socket) => socket.on('error', () => undefined).resume());
}

function portOf(listening: Server): number {
  return (listening.address() as AddressInfo).port;
}
