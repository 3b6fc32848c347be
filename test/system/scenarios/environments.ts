/** What happens to launches when the environment that made them ends. See test/fixtures/scenario.ts. */
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type NamespaceSet, clone, spawn, unshare } from '../../../lib';
import { footprint, moreThan } from '../../fixtures/footprint';
import { libraryWorker, warmUp } from '../../fixtures/worker';

const ROOT = join(__dirname, '..', '..', '..');

const LAUNCH_FOREVER = `
  const set = await linux.unshare(['user', 'uts', 'pid']);
  const kinds = [
    { unshare: ['user', 'pid', 'mnt'] },
    { setns: set },
    { setns: set, unshare: ['user', 'pid', 'time'] },
    {},
  ];
  report('begun');
  for (;;) {
    await Promise.allSettled([
      ...kinds.map((options) => linux.clone({ file: 'sleep', args: ['600'], stdio: [], ...options })),
      linux.spawn('/no/such/file'),
      linux.unshare(['user', 'net', 'pid']),
    ]);
  }`;

/** Workers are terminated at random moments of their launches; the main thread launches meanwhile. */
export async function terminatedWorkers(rounds: number, atOnce: number): Promise<unknown> {
  const round = async (): Promise<void> => {
    const launching = libraryWorker(LAUNCH_FOREVER);
    await once(launching, 'message');
    const [child] = await Promise.all([
      spawn('true', [], { stdio: 'ignore', unshare: ['user', 'pid'] }),
      new Promise((resolve) => setTimeout(resolve, Math.random() * 30)),
    ]);
    await Promise.all([launching.terminate(), child.exited]);
  };
  await Promise.all(Array.from({ length: atOnce }, round));
  await warmUp();
  const before = footprint();
  for (let done = 0; done < rounds; done++) await Promise.all(Array.from({ length: atOnce }, round));
  return moreThan(before);
}

/** A Worker is terminated while its task has not read all of its plan, and never would. */
export async function terminatedWhileStopped(): Promise<unknown> {
  await warmUp();
  const script = `
    require(${JSON.stringify(require.resolve('tsx/cjs'))});
    const { native } = require(${JSON.stringify(join(ROOT, 'lib', 'native'))});
    const { parentPort } = require('node:worker_threads');
    const env = Array.from({ length: 20 }, (_, index) => index + '=' + 'x'.repeat(100_000));
    const task = native().launch({ flags: 0, manual: true, steps: [['exec', 'true', ['true'], env]] }, () => {
      process.kill(task.pid, 'SIGSTOP');
      task.proceed();
      parentPort.postMessage('stopped');
    });`;
  const before = footprint();
  const stopping = new Worker(script, { eval: true });
  await once(stopping, 'message');
  await stopping.terminate();
  return moreThan(before);
}

/** Each of several Workers has programs and a set of its own; the results come from all. */
export async function parallelWorkers(count: number): Promise<unknown> {
  await warmUp();
  const before = footprint();
  const results = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const launching = libraryWorker(`
        const set = await linux.unshare({ user: true, pid: true, uts: { hostname: 'worker-${index}' } });
        const runs = Array.from({ length: 10 }, () => set.execFile('hostname'));
        report((await Promise.all(runs)).map(({ stdout }) => stdout.trim()));
        await set.close();`);
      const [[names], [code]] = (await Promise.all([once(launching, 'message'), once(launching, 'exit')])) as [
        [string[]],
        [number],
      ];
      return [code, [...new Set(names)].join()];
    }),
  );
  return { results, more: await moreThan(before) };
}

/** The package is only ever loaded in a Worker, which ends; then in another. */
export async function loadedInWorkersOnly(): Promise<unknown> {
  const body = `report((await linux.execFile('echo', ['here'], { unshare: ['user', 'pid'] })).stdout);`;
  const outputs: unknown[] = [];
  for (let round = 0; round < 5; round++) {
    const only = libraryWorker(body);
    const [[output], [code]] = (await Promise.all([once(only, 'message'), once(only, 'exit')])) as [[string], [number]];
    outputs.push([output, code]);
  }
  return outputs;
}

/** Holds a set until the process ends, which it does not keep from ending. */
export async function holdAndEnd(): Promise<unknown> {
  const set = await unshare(['user', 'uts', 'pid']);
  held.push(set);
  return set.init;
}

const held: NamespaceSet[] = [];

/** A program that this process does not wait for. */
export async function unrefAndEnd(): Promise<unknown> {
  const child = await clone({ file: 'sleep', args: ['600'], unshare: ['user', 'pid'], stdio: [] });
  child.unref();
  return child.pid;
}

/** A program that this process waits for, without being told to. */
export async function waitForProgram(): Promise<unknown> {
  const child = await clone({ file: 'sleep', args: ['0.3'], stdio: [] });
  process.on('exit', () => process.stdout.write(`waited: ${child.pidfd === -1}\n`));
  return null;
}

/**
 * Launches for ever; every program has descriptor 3. What ends this process is another, or `exitAfter` milliseconds.
 */
export async function launchForever(exitAfter?: number): Promise<never> {
  const set = await unshare(['user', 'uts', 'pid']);
  process.stdout.write('begun\n');
  if (exitAfter !== undefined) setTimeout(() => process.exit(0), exitAfter);
  const program = { file: 'sleep', args: ['600'], stdio: [3, 3, 3, 3] };
  for (;;) {
    const launches = await Promise.allSettled([
      clone({ ...program, unshare: ['user', 'pid', 'mnt'] }),
      clone({ ...program, setns: set }),
      clone({ ...program, setns: set, unshare: ['user', 'pid', 'time'] }),
      clone({ ...program }),
      clone({ ...program, detached: true, unshare: ['user', 'pid'], init: false }),
      unshare(['user', 'mnt', 'pid']),
    ]);
    // Not more than a few at a time, or the machine would be full of them.
    for (const launch of launches) if (launch.status === 'fulfilled') void launch.value.close();
  }
}
