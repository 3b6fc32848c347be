import { type NamespaceSet, unshare } from 'linux-ns';
import { Network } from 'linux-ns/network';
import { type Contestant, type Samples, interleave } from '../measure/interleave';

const LINKS = 500;
const ROUTES = 1000;

/**
 * Measures how long it takes to get 500 links and 1,000 routes as objects, in milliseconds: from the kernel, and from
 * the output of `ip -j`.
 */
export async function measureDump(rounds: number): Promise<Samples> {
  const set = await unshare(['user', 'net']);
  const net = await Network.open(set);
  try {
    await furnish(net);
    return await interleave([timed('linux-ns', () => ours(net)), timed('ip -j', () => theirs(set))], rounds);
  } finally {
    await net.close();
    await set.close();
  }
}

function timed(name: string, list: () => Promise<[links: number, routes: number]>): Contestant {
  return {
    name,
    async sample() {
      const start = performance.now();
      const [links, routes] = await list();
      const elapsed = performance.now() - start;
      if (links !== LINKS + 2 || routes !== ROUTES + 1) throw new Error(`${name}: ${links} links and ${routes} routes`);
      return elapsed;
    },
  };
}

async function ours(net: Network): Promise<[number, number]> {
  const [links, routes] = await Promise.all([net.link.list(), net.route.list({ family: 'inet' })]);
  return [links.length, routes.length];
}

async function theirs(set: NamespaceSet): Promise<[number, number]> {
  const lists = await Promise.all(
    ['link', 'route'].map(async (what) => {
      const { stdout } = await set.execFile('ip', ['-j', what], { maxBuffer: 1 << 24 });
      return JSON.parse(stdout) as unknown[];
    }),
  );
  return [lists[0]!.length, lists[1]!.length];
}

/** With `lo`, a bridge to route to, and pairs of veth. */
async function furnish(net: Network): Promise<void> {
  await net.link.add({ name: 'br0', kind: 'bridge', up: true });
  await net.address.add('br0', '10.0.0.1/16');
  const pairs = Array.from({ length: LINKS / 2 }, (_, i) => i);
  await Promise.all(pairs.map((i) => net.link.add({ name: `v${i}`, kind: 'veth', peer: { name: `w${i}` } })));
  const routes = Array.from({ length: ROUTES }, (_, i) => `172.${16 + (i >> 8)}.${i & 255}.0/24`);
  await Promise.all(routes.map((to) => net.route.add({ to, via: '10.0.0.2' })));
}
