/** The pids of a program, chosen by root: set_tid of clone3(2). */
import { spawn } from '../../lib';
import { pidsOf, withFreePid } from '../fixtures/pids';

test('root chooses a pid of the namespace of this process', async () => {
  await withFreePid(async (pid) => {
    await using child = await spawn('sleep', ['60'], { stdio: 'ignore', pid });
    expect(child.pid).toBe(pid);
  });
});

test('root chooses pids of several levels, from the inside out', async () => {
  for (const init of [true, false]) {
    await withFreePid(async (outer) => {
      const inner = init ? 55 : 1;
      await using child = await spawn('sleep', ['60'], { stdio: 'ignore', unshare: 'pid', init, pid: [inner, outer] });
      expect([child.pid, pidsOf(child.pid).at(-1)]).toEqual([outer, inner]);
    });
  }
});

test('more pids than there are levels are EINVAL', async () => {
  const levels = pidsOf(process.pid).length;
  await expect(spawn('true', [], { pid: Array<number>(levels + 1).fill(4242) })).rejects.toMatchObject({
    ...{ name: 'NamespaceError', code: 'EINVAL', syscall: 'clone3' },
    hint: expect.stringContaining('more pids than levels') as string,
  });
});
