/** What becomes of networks when Workers end, or move. See test/fixtures/scenario.ts. */
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Network } from '../../lib';
import { type Footprint, footprint, moreThan } from '../fixtures/footprint';

const LIBRARY = join(__dirname, '..', '..', 'lib');

/** Runs in a Worker: `linux` is this package, `report(value)` tells the main thread. */
function worker(body: string): Worker {
  const script = `
    require(${JSON.stringify(require.resolve('tsx/cjs'))});
    const linux = require(${JSON.stringify(LIBRARY)});
    const report = (value) => require('node:worker_threads').parentPort.postMessage(value);
    (async () => { ${body} })();`;
  return new Worker(script, { eval: true });
}

const ASK_FOREVER = `
  const set = await linux.unshare(['user', 'net']);
  const net = await linux.Network.open(set);
  const watch = net.watch();
  report('begun');
  for (let i = 0; ; i++) {
    await Promise.all([net.link.add({ name: 'v' + i, kind: 'veth' }), net.dump(), watch.next()]);
  }`;

/** Workers are terminated at random moments of their requests; what is left in this process. */
export async function terminatedWorkers(rounds: number): Promise<Footprint> {
  const round = async (): Promise<void> => {
    const asking = worker(ASK_FOREVER);
    await once(asking, 'message');
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
    await asking.terminate();
  };
  await Promise.all([round(), round(), round(), round()]); // what is made once for all, launcher threads above all
  const before = footprint();
  for (let done = 0; done < rounds; done += 2) await Promise.all([round(), round()]);
  return moreThan(before);
}

/** A Worker leaves its network for a new one; names of links in there, and in the one that this thread is in. */
export async function movedWorker(): Promise<unknown> {
  const moved = worker(`
    linux.thread.unshareSync('net');
    const net = await linux.Network.open();
    await net.link.add({ name: 'inside', kind: 'veth' });
    await net.sysctl.set('net.ipv4.ip_forward', 1);
    const links = await net.link.list();
    const forwarding = await net.sysctl.get('net.ipv4.ip_forward');
    await net.close();
    report({ inside: links.map(({ name }) => name), forwarding });`);
  const [told] = (await once(moved, 'message')) as [object];
  await using host = await Network.open();
  return { ...told, outside: (await host.link.list()).map(({ name }) => name) };
}
