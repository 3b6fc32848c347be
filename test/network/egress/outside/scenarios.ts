import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { type Reached, dial } from '../../../../lib/network/egress/outside/dial';
import { Policy } from '../../../../lib/network/egress/policy/policy';

/** Dials from the network of this process, where these rules allow it, and gives the reason why not. */
export async function dialHere(address: string, ...allow: string[]): Promise<string> {
  const policy = Policy.of('policy', { allow });
  return dial({ name: undefined, address, port: 9, policy }).then(
    () => 'connected',
    (error: unknown) => (error as Error).message,
  );
}

/** Dials a server at an address of this process's network, which a rule names, and gives what was reached. */
export async function reachHere(address: string): Promise<Reached | undefined> {
  const server = createServer((socket) => socket.destroy()).listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let found: Reached | undefined;
  const reached = (each: Reached): void => void (found = each);
  const socket = await dial({
    name: undefined,
    address,
    port,
    policy: Policy.of('policy', { allow: [address] }),
    reached,
  });
  socket.destroy();
  server.close();
  return found;
}

/** Says hello, hears all that comes up to the echo of that, and ends. Most proxies know no half-open connections. */
export async function exchange(socket: Socket): Promise<string> {
  let heard = '';
  socket.write('hello');
  for await (const chunk of socket) {
    heard += String(chunk);
    if (heard.endsWith('hello')) break;
  }
  return heard;
}

/** Converses with a server through a proxy, or breaks that off. */
export async function throughProxy(via: string, port: number, what: 'exchange' | 'reset'): Promise<string> {
  const policy = Policy.of('policy', {});
  const socket = await dial({ name: 'www.example.com', address: '198.18.0.1', port, policy, via: new URL(via) });
  if (what === 'exchange') return exchange(socket);
  socket.on('error', () => undefined).resetAndDestroy();
  return new Promise((resolve) => socket.once('close', () => resolve('closed')));
}
