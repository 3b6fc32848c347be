import { setTimeout as sleep } from 'node:timers/promises';
import { type NamespaceSet, unshare } from 'linux-ns';
import { Network } from 'linux-ns/network';
import { type Contestant, type Samples, interleave } from '../measure/interleave';

/** Pairs of veth: each is made with its other end in another namespace, gets an address, and is brought up. */
const PAIRS = 50;

export const OURS = 'linux-ns';
export const BATCH = 'ip -batch';
export const SINGLE = '150 times ip';

/**
 * Measures how long 150 operations take, in milliseconds: by our own calls, by one `ip -batch`, and by 150 runs of
 * ip(8).
 */
export async function measureOperations(
  rounds: number,
  singleRounds: number,
): Promise<Record<'batch' | 'single', Samples>> {
  const user = await unshare('user');
  try {
    const batch = await interleave([timed(user, OURS, ours), timed(user, BATCH, ipBatch)], rounds);
    const single = await interleave([timed(user, OURS, ours), timed(user, SINGLE, ipSingle)], singleRounds);
    return { batch, single };
  } finally {
    await user.close();
  }
}

type Work = (here: NamespaceSet, there: NamespaceSet) => Promise<void>;

/** Each sample has namespaces of its own, made before and taken down after. */
function timed(user: NamespaceSet, name: string, work: Work): Contestant {
  return {
    name,
    async sample() {
      const [here, there] = await Promise.all([unshare('net', { setns: user }), unshare('net', { setns: user })]);
      const start = performance.now();
      await work(here, there);
      const elapsed = performance.now() - start;
      await check(here);
      await Promise.all([here.close(), there.close()]);
      await sleep(100); // the kernel takes them down under the lock that the next one needs
      return elapsed;
    },
  };
}

async function ours(here: NamespaceSet, there: NamespaceSet): Promise<void> {
  const net = await Network.open(here);
  await Promise.all(
    pairs().map(async ({ name, peer, address }) => {
      const { index } = await net.link.add({ name, kind: 'veth', peer: { name: peer, namespace: there } });
      await Promise.all([net.address.add(index, address), net.link.set(index, { up: true })]);
    }),
  );
  await net.close();
}

async function ipBatch(here: NamespaceSet, there: NamespaceSet): Promise<void> {
  const ip = await here.spawn('ip', ['-batch', '-'], { stdio: ['pipe', 'ignore', 'inherit', there.net!.fd] });
  ip.stdin!.end(pairs().flatMap(commands).join('\n'));
  const { code } = await ip.exited;
  if (code !== 0) throw new Error(`ip -batch has ended with ${String(code)}`);
}

async function ipSingle(here: NamespaceSet, there: NamespaceSet): Promise<void> {
  for (const command of pairs().flatMap(commands)) {
    const ip = await here.spawn('ip', command.split(' '), { stdio: ['ignore', 'ignore', 'inherit', there.net!.fd] });
    const { code } = await ip.exited;
    if (code !== 0) throw new Error(`ip ${command} has ended with ${String(code)}`);
  }
}

interface Pair {
  name: string;
  peer: string;
  address: string;
}

function pairs(): Pair[] {
  return Array.from({ length: PAIRS }, (_, i) => ({ name: `veth${i}`, peer: `peer${i}`, address: `10.0.${i}.1/24` }));
}

/** Descriptor 3 is the other namespace. */
function commands({ name, peer, address }: Pair): string[] {
  return [
    `link add ${name} type veth peer name ${peer} netns /proc/self/fd/3`,
    `address add ${address} brd + dev ${name}`,
    `link set ${name} up`,
  ];
}

/** Checks that everything has been done, by whichever contestant. */
async function check(here: NamespaceSet): Promise<void> {
  const net = await Network.open(here);
  const [links, addresses] = await Promise.all([
    net.link.list({ kind: 'veth', up: true }),
    net.address.list({ family: 'inet' }),
  ]);
  await net.close();
  if (links.length !== PAIRS || addresses.length !== PAIRS + 1) throw new Error('not all of it was done');
}
