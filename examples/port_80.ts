/**
 * Three servers on port 80, in one process with one event loop: each in a network namespace of its own, and all on one
 * bridge, from where they are asked.
 *
 *     npx tsx examples/port_80.ts
 */
import { createServer, get } from 'node:http';
import { text } from 'node:stream/consumers';
import { type NamespaceSet, unshare } from 'linux-ns';
import { Network } from 'linux-ns/network';
import { fail } from './command-line';

const SERVERS = ['red', 'green', 'blue'];

async function main(): Promise<void> {
  await using client = await unshare(['user', 'net']);
  await using network = await Network.open(client);
  await network.link.add({ name: 'bridge', kind: 'bridge', up: true });
  await network.address.add('bridge', '10.80.0.1/24');

  const servers = await Promise.all(
    SERVERS.map((name, index) => serve(network, client, name, `10.80.0.${10 + index}`)),
  );
  for (const { address } of servers) console.log(await ask(network, address));
  await Promise.all(servers.map(({ close }) => close()));
}

interface Running {
  address: string;
  close: () => Promise<void>;
}

async function serve(network: Network, client: NamespaceSet, name: string, address: string): Promise<Running> {
  // In the same user namespace, so that a link can be moved from the one to the other: a veth, one end on the bridge.
  const set = await unshare('net', { setns: client });
  await network.link.add({ name, kind: 'veth', up: true, master: 'bridge', peer: { name: 'eth0', namespace: set } });
  const inside = await Network.open(set);
  await inside.link.set('eth0', { up: true });
  await inside.address.add('eth0', `${address}/24`);
  const server = createServer((request, response) => {
    response.end(`${name} on ${address}:80, asked by ${request.socket.remoteAddress ?? 'nobody'}`);
  });
  await inside.listen(server, { host: address, port: 80 });
  return {
    address,
    close: async () => {
      server.close();
      await inside.close();
      await set.close();
    },
  };
}

function ask(client: Network, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host, agent: client.httpAgent() }, (response) => {
      text(response).then(resolve, reject);
    }).on('error', reject);
  });
}

main().catch(fail);
