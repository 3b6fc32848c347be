import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import type * as Package from '../../lib';
import { NOTHING, eventually, isAlive } from '../fixtures/footprint';
import { nodeArguments, resultOf, runScenario } from '../fixtures/scenario';

const ENVIRONMENTS = join(__dirname, 'scenarios', 'environments.ts');

describe('Worker threads', () => {
  test('launch at once, each with what is its own', async () => {
    const result = await resultOf(ENVIRONMENTS, 'parallelWorkers', [4]);
    expect(result).toEqual({ results: [0, 1, 2, 3].map((index) => [0, `worker-${index}`]), more: NOTHING });
  });

  test('that are terminated in the middle of launches leave nothing, and the main thread goes on launching', async () => {
    expect(await resultOf(ENVIRONMENTS, 'terminatedWorkers', [10, 2])).toEqual(NOTHING);
  });

  test('can be terminated while a task of theirs does not read its plan', async () => {
    expect(await resultOf(ENVIRONMENTS, 'terminatedWhileStopped')).toEqual(NOTHING);
  });

  test('may be the only ones that load the package, one after another', async () => {
    expect(await resultOf(ENVIRONMENTS, 'loadedInWorkersOnly')).toEqual(Array(5).fill(['here\n', 0]));
  });
});

describe('several contexts of one thread', () => {
  test('each load the package, and each launch', async () => {
    const loads = Array.from({ length: 3 }, isolated);
    expect(new Set(loads.map(({ spawn }) => spawn)).size).toBe(3);
    const outputs = loads.map((linux, index) => linux.execFile('echo', [String(index)], { unshare: ['user', 'pid'] }));
    expect((await Promise.all(outputs)).map(({ stdout }) => stdout)).toEqual(['0\n', '1\n', '2\n']);
  });

  test('take the namespaces of one another', async () => {
    const { unshare } = isolated();
    const { execFile } = isolated();
    const set = await unshare({ user: true, uts: { hostname: 'from-another' } });
    expect((await execFile('hostname', { setns: set })).stdout).toBe('from-another\n');
    await set.close();
  });
});

describe('the event loop', () => {
  test('ends while a set is held, and the set goes with the process', async () => {
    const init = (await resultOf(ENVIRONMENTS, 'holdAndEnd')) as number;
    await eventually(() => !isAlive(init));
  });

  test('ends while a program runs that it need not wait for', async () => {
    const pid = (await resultOf(ENVIRONMENTS, 'unrefAndEnd')) as number;
    await eventually(() => !isAlive(pid));
  });

  test('goes on until a program has ended', async () => {
    const { code, stdout } = await runScenario(ENVIRONMENTS, 'waitForProgram');
    expect([code, stdout]).toEqual([0, expect.stringContaining('waited: true')]);
  });
});

describe('whenever Node ends in the middle of launches, nothing survives it:', () => {
  const moments = Array.from({ length: 6 }, (_, index) => index * 7);

  test('by process.exit()', async () => {
    await Promise.all(moments.map((delay) => endOf(delay, 'process.exit')));
  });

  test('by SIGKILL', async () => {
    await Promise.all(moments.map((delay) => endOf(delay, 'SIGKILL')));
  });

  /** Whoever has descriptor 3 keeps our end of it open. */
  async function endOf(delay: number, by: 'process.exit' | 'SIGKILL'): Promise<void> {
    const args = nodeArguments(ENVIRONMENTS, 'launchForever', by === 'SIGKILL' ? [] : [delay]);
    const node = nodeSpawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
    const gone = once((node.stdio[3] as Socket).resume(), 'close');
    await once(node.stdout!, 'data');
    if (by === 'SIGKILL') setTimeout(() => node.kill('SIGKILL'), delay);
    const ended = await once(node, 'exit');
    expect(ended).toEqual(by === 'SIGKILL' ? [null, 'SIGKILL'] : [0, null]);
    await gone;
  }
});

function isolated(): typeof Package {
  let linux: typeof Package | undefined;
  jest.isolateModules(() => (linux = jest.requireActual<typeof Package>('../../lib')));
  return linux!;
}
