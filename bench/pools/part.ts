/** Takes sandboxes from pools, in this process. See `measureApart`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { type NamespaceProcess, Sandbox, type SandboxPool, hostUserland } from 'linux-ns';
import { Limit } from '../launch/limit';
import { answer } from '../measure/apart';
import { type Contestant, interleave, summarizeAll } from '../measure/interleave';
import { privateKB } from '../measure/memory';
import { FRESH, NODE, POOLED_NODE, POOLED_RUN, PREPARED, type Parts, TAKE } from './report';

const SIZE = 8;
/** The sandboxes that are taken one after another while the pool makes new ones. */
const BURST = 60;

/** The time of what is done with a sandbox that was ready, in milliseconds. */
async function timed<Warmed>(
  pool: SandboxPool<Warmed>,
  use: (box: Awaited<ReturnType<SandboxPool<Warmed>['take']>>) => Promise<unknown>,
): Promise<number> {
  while (pool.stats().ready === 0 || pool.stats().starting > 0) await pause(5);
  const began = performance.now();
  const box = await pool.take();
  await use(box);
  const took = performance.now() - began;
  await box.close();
  return took;
}

/** The time from start() to the end of a program that is prepared, in milliseconds. */
async function preparedRun(box: Sandbox): Promise<number> {
  const prepared = await box.prepare('/bin/true', [], { stdio: 'ignore' });
  const began = performance.now();
  await (
    await prepared.start()
  ).exited;
  return performance.now() - began;
}

const runTrue = async (box: Sandbox): Promise<unknown> =>
  (await box.spawn('/bin/true', [], { stdio: 'ignore' })).exited;

async function freshRun(): Promise<number> {
  const began = performance.now();
  const box = await Sandbox.create(hostUserland());
  await runTrue(box);
  const took = performance.now() - began;
  await box.close();
  return took;
}

async function plainNode(): Promise<number> {
  const began = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'close');
  return performance.now() - began;
}

async function ask({ warmed }: { warmed: NamespaceProcess }): Promise<void> {
  const answered = once(warmed, 'message');
  warmed.send('work');
  await answered;
}

async function refillsPerSecond(pool: SandboxPool): Promise<number> {
  const began = performance.now();
  for (let count = 0; count < BURST; count++) await (await pool.take()).close();
  return (BURST * 1000) / (performance.now() - began);
}

async function measure(samples: number): Promise<Parts> {
  await using pool = await Sandbox.pool(hostUserland(), { size: SIZE });
  const inits = await privateOfReady(pool);
  const worker = join(__dirname, 'worker.js');
  const spec = hostUserland({ readable: [worker, process.execPath] });
  const limit = Limit.compile();
  await using box = await Sandbox.create(hostUserland());
  await using nodes = await Sandbox.pool(spec, {
    size: 2,
    warm: async (box) => {
      const node = await box.fork(worker, [], { execArgv: [], stdio: ['ignore', 2, 2, 'ipc'] });
      await ask({ warmed: node });
      return node;
    },
  });
  const contestants: Contestant[] = [
    { name: TAKE, sample: async () => timed(pool, async () => undefined) },
    { name: POOLED_RUN, sample: async () => timed(pool, runTrue) },
    { name: PREPARED, sample: async () => preparedRun(box) },
    { name: FRESH, sample: freshRun },
    { name: POOLED_NODE, sample: async () => timed(nodes, ask) },
    { name: NODE, sample: plainNode },
    ...(limit?.contestants ?? []),
  ];
  const times = summarizeAll(await interleave(contestants, samples));
  limit?.close();
  return { times, readyPrivateKB: inits, refillsPerS: await refillsPerSecond(pool) };
}

/** The private memory of the init of a ready sandbox, which is its one process, in kB. */
async function privateOfReady(pool: SandboxPool): Promise<number> {
  const box = await pool.take();
  const size = privateKB(box.init!);
  await box.close();
  return size;
}

void answer(measure);
