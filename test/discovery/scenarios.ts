/** For processes of their own: see test/fixtures/scenario.ts. */
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { discover } from '../../lib/discovery';
import { eventually, footprint, moreThan } from '../fixtures/footprint';
import { libraryWorker } from '../fixtures/worker';

const LOOK_FOREVER = `
  const { discover, lsns, watch } = door('discovery');
  report('begun');
  const forever = async (look) => { for (;;) await look(); };
  forever(discover); forever(lsns);
  (async () => { for await (const change of watch({ interval: 1 })); })();`;

/** Workers are terminated at random moments of their looks; the main thread looks meanwhile. */
export async function terminatedWorkers(rounds: number): Promise<unknown> {
  const round = async (): Promise<void> => {
    const looking = libraryWorker(LOOK_FOREVER);
    await once(looking, 'message');
    await Promise.all([discover(), new Promise((resolve) => setTimeout(resolve, Math.random() * 40))]);
    await looking.terminate();
  };
  await round();
  await eventually(() => scanners() === 0);
  const before = footprint();
  for (let done = 0; done < rounds; done++) await round();
  await eventually(() => scanners() === 0);
  return moreThan(before);
}

/** Threads that read /proc. */
function scanners(): number {
  return readdirSync('/proc/self/task').filter((tid) => nameOf(tid) === 'linux-ns-scan\n').length;
}

function nameOf(tid: string): string {
  try {
    return readFileSync(`/proc/self/task/${tid}/comm`, 'utf8');
  } catch {
    return '';
  }
}

/** Ends while a look is under way. */
export function endsMeanwhile(): Promise<never> {
  void discover();
  setImmediate(() => process.exit(7));
  return new Promise(() => undefined);
}

/** Few descriptors: a look takes none of this process's. */
export async function fewDescriptors(): Promise<boolean> {
  await discover(); // the addon's own descriptors are there from then on
  const before = footprint();
  const looks = await Promise.all([discover(), discover(), discover(), discover()]);
  const { descriptors } = await moreThan(before);
  return descriptors.length === 0 && looks.every(({ size }) => size >= 8);
}
