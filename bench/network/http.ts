import { once } from 'node:events';
import { Agent, type Server, createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { unshare } from 'linux-ns';
import { Network } from 'linux-ns/network';
import { type Contestant, type Samples, interleave } from '../measure/interleave';

/** Requests of one sample, and how many are under way at once. */
const REQUESTS = 512;
const AT_ONCE = 16;

/**
 * HTTP requests per second, client and server in this process: through a veth between two network namespaces, and over
 * the own loopback. Connections are kept alive.
 */
export async function measureHttp(rounds: number): Promise<Samples> {
  const near = await unshare(['user', 'net']);
  const far = await unshare('net', { setns: near });
  const [nearNetwork, farNetwork] = await Promise.all([Network.open(near), Network.open(far)]);
  const veth = { name: 'near', kind: 'veth', up: true, peer: { name: 'far', namespace: far } } as const;
  await nearNetwork.link.add(veth);
  await farNetwork.link.set('far', { up: true });
  await Promise.all([nearNetwork.address.add('near', '10.7.7.1/24'), farNetwork.address.add('far', '10.7.7.2/24')]);
  const inside = await farNetwork.listen(server(), { host: '10.7.7.2', port: 80 });
  const outside = server().listen(0, '127.0.0.1');
  await once(outside, 'listening');
  const { port } = outside.address() as AddressInfo;
  const options = { keepAlive: true, maxSockets: AT_ONCE };
  const agents = { veth: nearNetwork.httpAgent(options), loopback: new Agent(options) };
  try {
    return await interleave(
      [
        contestant('veth', { host: '10.7.7.2', port: 80, agent: agents.veth }),
        contestant('loopback', { host: '127.0.0.1', port, agent: agents.loopback }),
      ],
      rounds,
    );
  } finally {
    for (const agent of Object.values(agents)) agent.destroy();
    for (const each of [inside, outside]) each.close();
    await Promise.all([nearNetwork.close(), farNetwork.close(), far.close(), near.close()]);
  }
}

interface Where {
  host: string;
  port: number;
  agent: Agent;
}

/** The figure is requests per second. */
function contestant(name: string, where: Where): Contestant {
  return {
    name,
    async sample() {
      const start = performance.now();
      await Promise.all(Array.from({ length: AT_ONCE }, () => requests(where, REQUESTS / AT_ONCE)));
      return REQUESTS / ((performance.now() - start) / 1000);
    },
  };
}

async function requests(where: Where, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent++) {
    await new Promise<void>((resolve, reject) => {
      get(where, (response) => response.resume().on('end', resolve)).on('error', reject);
    });
  }
}

function server(): Server {
  return createServer((_request, response) => response.end('hello'));
}
