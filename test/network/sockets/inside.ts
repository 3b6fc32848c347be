import { type RequestOptions, get } from 'node:http';
import type { Server, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { type NamespaceKind, unshare } from '../../../lib';
import { Network } from '../../../lib/network';
import { type Footprint, eventually, footprint, isAlive } from '../../fixtures/footprint';

/**
 * The ways to have a network: root needs no user namespace, and then a thread of Node's makes its sockets; where there is
 * one, a task of its own does.
 */
export const WAYS: (readonly [name: string, kinds: NamespaceKind[]])[] = [
  ...(process.geteuid?.() === 0 ? [['a net namespace', ['net']] as [string, NamespaceKind[]]] : []),
  ['a net namespace of a user namespace', ['user', 'net']],
];

/** The body of an answer. */
export async function getText(options: RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ agent: false, ...options }, (response) => {
      text(response).then(resolve, reject);
    }).on('error', reject);
  });
}

/** Closes servers with all their connections. */
export async function closeAll(...servers: Server[]): Promise<void> {
  await Promise.all(
    servers.map(async (server) => {
      (server as Server & { closeAllConnections?(): void }).closeAllConnections?.();
      await new Promise((resolve) => server.close(resolve));
    }),
  );
}

/** Writes, ends, and resolves with all that the other side has to say. */
export async function converse(socket: Socket, words: string): Promise<string> {
  socket.end(words);
  return text(socket);
}

/**
 * What this process has once it has what is made once for all: libuv's descriptor in reserve for servers, /dev/null for
 * programs, and the way home for the thread that visits namespaces.
 */
export async function footprintWithServers(): Promise<Footprint> {
  const set = await unshare(['user', 'net']);
  const net = await Network.open(set);
  await closeAll(await net.listen(0));
  await net.close();
  await (
    await set.spawn('true', { stdio: 'ignore' })
  ).exited;
  await set.close();
  await eventually(() => footprint().descriptors.filter((name) => /^(user|net):/.test(name)).length <= 1);
  // Jest's own children, where it has any, have ended by now, and are reaped in a moment.
  await eventually(() => footprint().children.every((pid) => isAlive(Number(pid))));
  return footprint();
}
