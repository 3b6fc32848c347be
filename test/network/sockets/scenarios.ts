/** What becomes of sockets when Workers end, or descriptors run out. See test/fixtures/scenario.ts. */
import { once } from 'node:events';
import { type Socket, createServer } from 'node:net';
import { type NamespaceKind, unshare } from '../../../lib';
import { Network } from '../../../lib/network';
import { eventually, footprint, moreThan } from '../../fixtures/footprint';
import { libraryWorker, warmUp } from '../../fixtures/worker';
import { closeAll, converse } from './inside';

/** Makes sockets of all kinds, without end: some connect, some are refused, some go nowhere. */
const SOCKETS_FOREVER = `
  const { createServer } = require('node:net');
  const set = await linux.unshare(kinds);
  const network = await door('network').Network.open(set);
  const server = await network.listen(createServer((socket) => socket.on('error', () => {}).pipe(socket)), 80);
  await network.link.add({ name: 'veth0', kind: 'veth', up: true, peer: { name: 'veth1', up: true } });
  await network.address.add('veth0', '10.9.9.1/24');
  report('begun');
  for (;;) {
    await Promise.allSettled([
      network.connect(80).then((socket) => socket.on('error', () => {}).end('x')),
      network.connect(81),
      network.connect({ host: '10.9.9.2', port: 80, timeout: 20 }),
      network.createSocket('udp4').then((socket) => { socket.send('x', 53, '127.0.0.1'); socket.close(); }),
      network.createSocket({ type: 'udp6', port: 0 }),
      network.listen(0).then((extra) => extra.close()),
    ]);
  }`;

/** Workers are terminated at random moments; what is left in this process. */
export async function terminatedWorkers(kinds: readonly NamespaceKind[], rounds: number): Promise<unknown> {
  const round = async (): Promise<void> => {
    const busy = libraryWorker(`const kinds = ${JSON.stringify(kinds)}; ${SOCKETS_FOREVER}`);
    await once(busy, 'message');
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
    await busy.terminate();
  };
  await Promise.all([round(), round(), round(), round()]);
  await warmUp();
  const before = footprint();
  for (let done = 0; done < rounds; done++) await Promise.all([round(), round()]);
  return moreThan(before);
}

/** Of other descriptors libuv keeps some in reserve for this, and opens them anew. */
function openSockets(): number {
  return footprint().descriptors.filter((name) => name.startsWith('socket:')).length;
}

/** For a process of few descriptors: connects until there are none left, and once more when there are again. */
export async function connectsAgain(kinds: readonly NamespaceKind[]): Promise<unknown> {
  const set = await unshare(kinds);
  const net = await Network.open(set);
  const server = await net.listen(
    createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)),
    80,
  );
  const before = openSockets();
  const sockets: Socket[] = [];
  let refused: { code?: string; hint?: string } | undefined;
  while (refused === undefined) {
    await net.connect({ port: 80, host: '127.0.0.1' }).then(
      (socket) => sockets.push(socket.on('error', () => undefined)),
      (cause: unknown) => (refused = cause as { code?: string }),
    );
  }
  // Some are closed already: where nothing is left to accept them with.
  const closed = sockets.filter((socket) => !socket.closed).map((socket) => once(socket, 'close'));
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
  await eventually(() => openSockets() === before);
  const words = await converse(await net.connect({ port: 80, host: '127.0.0.1' }), 'again');
  await closeAll(server);
  await net.close();
  await set.close();
  return { code: refused.code, hint: refused.hint, words };
}

/** A process has nothing left to do but what its sockets are waiting for. */
export async function endsByItself(kinds: readonly NamespaceKind[]): Promise<unknown> {
  const set = await unshare(kinds);
  const net = await Network.open(set);
  const server = await net.listen(80);
  server.unref();
  const datagram = await net.createSocket({ type: 'udp4', port: 53 });
  datagram.unref();
  await net.createSocket('udp4');
  return server.listening;
}

/** Root that becomes somebody else has entered namespaces before, and may not any more. */
export async function givesUpPrivileges(): Promise<unknown> {
  const set = await unshare('net');
  const net = await Network.open(set);
  const server = await net.listen(80);
  server.unref();
  (await net.connect({ port: 80, host: '127.0.0.1' })).destroy();
  process.setgid?.(65534);
  process.setuid?.(65534);
  const outcomes = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    outcomes.push(await net.createSocket('udp4').catch((error: unknown) => (error as { code?: string }).code));
  }
  return outcomes;
}

/** Sockets of many namespaces, made at the same time by the main thread and by Workers, are each in the right one. */
export async function madeAtOnce(kinds: readonly NamespaceKind[], workers: number): Promise<unknown> {
  const body = `
    const { countRight } = require(${JSON.stringify(__filename)});
    report(await countRight(${JSON.stringify(kinds)}));`;
  const told = Array.from({ length: workers }, async () => {
    const [right] = (await once(libraryWorker(body), 'message')) as [number];
    return right;
  });
  return Promise.all([countRight(kinds), ...told]);
}

/** Abstract names are told apart by the namespace of the socket that binds them: all are free, each in its own. */
export async function countRight(kinds: readonly NamespaceKind[]): Promise<number> {
  const sets = await Promise.all(Array.from({ length: 5 }, () => unshare(kinds)));
  const networks = await Promise.all(sets.map((set) => Network.open(set)));
  const path = '\0in each of them';
  const servers = await Promise.all(
    networks.map((net, index) =>
      net.listen(
        createServer((socket) => socket.end(String(index))),
        { path },
      ),
    ),
  );
  const rounds = await Promise.all(
    Array.from({ length: 10 }, () =>
      Promise.all(networks.map(async (net) => converse(await net.connect({ path }), ''))),
    ),
  );
  await closeAll(...servers);
  await Promise.all([...networks, ...sets].map((each) => each.close()));
  return rounds.flatMap((words) => words.filter((word, index) => word === String(index))).length;
}
