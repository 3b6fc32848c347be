/** Processes of their own that make labs: see lifetimes.test.ts. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Lab } from '../../lib/lab';
import { type Footprint, footprint, moreThan } from '../fixtures/footprint';

async function makeOne(): Promise<Lab> {
  const lab = await Lab.create({ networks: { lan: {}, wan: {} } });
  await lab.addRouter('r', { on: ['lan', 'wan'] });
  await lab.addHosts(['a', 'b'], { on: 'lan' });
  return lab;
}

/** What is left of so many labs, some at a time. */
export async function madeAndClosed(count: number, together: number): Promise<Footprint> {
  await (await makeOne()).close();
  const before = footprint();
  for (let made = 0; made < count; made += together) {
    const labs = await Promise.all(Array.from({ length: together }, makeOne));
    await Promise.all(labs.map((lab) => lab.close()));
  }
  return moreThan(before);
}

async function makeOther(leadsOutside: boolean): Promise<Lab> {
  const lab = await makeOne();
  if (leadsOutside) await lab.outside({ on: 'wan' });
  return lab;
}

/** The warnings, and what is left, of a lab that nobody closes. */
export async function forgotten(leadsOutside = false): Promise<{ codes: string[]; left: Footprint }> {
  const codes: string[] = [];
  process.on('warning', (warning) => codes.push(String((warning as { code?: string }).code)));
  await (await makeOther(leadsOutside)).close();
  const before = footprint();
  await makeOther(leadsOutside);
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 200 && codes.length === 0; round++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return { codes, left: await moreThan(before) };
}

/** Prints the pids of inits, and is killed while it makes more hosts. */
export async function killedInTheMiddle(): Promise<void> {
  const lab = await makeOne();
  process.stdout.write(`${[...lab.hosts.values()].map(({ init }) => init).join(' ')}\n`);
  void lab.addHosts(
    Array.from({ length: 20 }, (_, index) => `more${index}`),
    { on: 'lan' },
  );
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), 5);
  await new Promise(() => undefined);
}

/** The error of something that has to fail. */
async function refused(attempt: Promise<unknown>): Promise<unknown> {
  const { code, step, hint } = await attempt.then(
    () => ({ code: undefined, step: undefined, hint: undefined }),
    (error: unknown) => error as { code?: string; step?: string; hint?: string },
  );
  return { code, step, hint };
}

/** The error of a lab that is to lead outside, and the hosts that it has then. */
export async function notOutside(): Promise<unknown> {
  await using lab = await Lab.create({ networks: { lan: {} } });
  return { error: await refused(lab.outside({ on: 'lan' })), hosts: [...lab.hosts.keys()] };
}

/** What a lab cannot do where the kernel has no nf_tables. */
export async function withoutNftables(): Promise<unknown> {
  await using lab = await Lab.create({ networks: { lan: {}, wan: {} }, hosts: { a: { on: 'lan' }, b: { on: 'lan' } } });
  const router = await refused(lab.addRouter('gateway', { on: ['lan', 'wan'], nat: 'wan' }));
  const outside = await refused(lab.outside({ on: 'lan' }));
  const partition = await refused(lab.partition([['a'], ['b']]));
  return { router, outside, partition, hosts: [...lab.hosts.keys()] };
}
