/** The pids of a program, chosen: set_tid of clone3(2). */
import { type SpawnOptions, clone, execFile, spawn, unshare } from '../../lib';
import { freePid, pidsOf } from '../fixtures/pids';

const isRoot = process.geteuid?.() === 0;

/** The pid that a program sees as its own. */
async function ownPid(options: SpawnOptions): Promise<string> {
  const { stdout } = await execFile('sh', ['-c', 'echo $$'], options);
  return stdout.trim();
}

describe('a program has the pid that was chosen for it', () => {
  test.each<[where: string, options: SpawnOptions]>([
    ['beside an init', { unshare: ['user', 'pid'] }],
    ['with a time namespace and mounts of its own', { unshare: ['user', 'pid', 'time', 'mnt'] }],
    ['as root without a user namespace of its own', { unshare: isRoot ? ['pid'] : ['user', 'pid'] }],
  ])('%s', async (_, options) => {
    expect(await ownPid({ ...options, pid: 4242 })).toBe('4242');
    expect(await ownPid({ ...options, pid: [77] })).toBe('77');
  });

  test('as process 1, which it can only be', async () => {
    expect(await ownPid({ unshare: ['user', 'pid'], init: false, pid: 1 })).toBe('1');
  });

  test('in a set, where others can be started before and after it', async () => {
    await using set = await unshare(['user', 'pid', 'mnt']);
    const print = ['-c', 'echo $$'];
    expect((await set.execFile('sh', print, { pid: 4242 })).stdout).toBe('4242\n');
    expect((await set.exec('echo $$', { pid: 300 })).stdout).toBe('300\n');
    await using child = await set.spawn('sleep', ['60'], { stdio: 'ignore', pid: 4242 });
    expect(pidsOf(child.pid).at(-1)).toBe(4242);
    expect((await set.exec('echo $$')).stdout).not.toBe('4242\n');
  });

  test('in a new pid namespace below a set', async () => {
    await using set = await unshare(['user', 'pid']);
    await using child = await set.spawn('sleep', ['60'], { stdio: 'ignore', unshare: 'pid', pid: [55, 4242] });
    expect(pidsOf(child.pid).slice(-2)).toEqual([4242, 55]);
    const first = { stdio: 'ignore', unshare: 'pid', init: false, pid: [1, 4243] } as const;
    await using second = await set.spawn('sleep', ['60'], first);
    expect(pidsOf(second.pid).slice(-2)).toEqual([4243, 1]);
  });

  test('by clone() and on a terminal', async () => {
    await using child = await clone({ file: 'sh', args: ['-c', 'test $$ = 99'], unshare: ['user', 'pid'], pid: 99 });
    expect(await child.wait()).toEqual({ code: 0, signal: null });
    await using shell = await spawn('sh', ['-c', 'test $$ = 98'], {
      unshare: ['user', 'pid', 'mnt'],
      pty: {},
      pid: 98,
    });
    expect(await shell.exited).toEqual({ code: 0, signal: null });
  });
});

test('of levels above its user namespace an init chooses no pid', async () => {
  await expect(spawn('true', [], { unshare: ['user', 'pid'], pid: [55, freePid()] })).rejects.toMatchObject({
    ...{ name: 'NamespaceError', code: 'EPERM', syscall: 'clone3', kind: 'pid' },
    step: expect.stringMatching(/^choose pids 55, \d+$/) as string,
    hint: expect.stringContaining('CAP_CHECKPOINT_RESTORE') as string,
  });
});

test('a pid that is taken is EEXIST, and what has it goes on', async () => {
  await using set = await unshare(['user', 'pid']);
  await using child = await set.spawn('sleep', ['60'], { stdio: 'ignore', pid: 4242 });
  await expect(set.spawn('true', [], { pid: 4242 })).rejects.toMatchObject({
    ...{ name: 'NamespaceError', code: 'EEXIST', syscall: 'clone3', step: 'choose pid 4242', kind: 'pid' },
    hint: expect.stringContaining('A pid that was chosen is taken') as string,
  });
  expect(child.exitCode).toBeNull();
  expect((await set.exec('echo $$', { pid: 4241 })).stdout).toBe('4241\n');
});

test.each<[options: SpawnOptions, code: string, message: RegExp]>([
  [{ pid: 0 }, 'ERR_OUT_OF_RANGE', /options\.pid/],
  [{ pid: 1.5 }, 'ERR_OUT_OF_RANGE', /options\.pid/],
  [{ pid: 2 ** 22 }, 'ERR_OUT_OF_RANGE', /options\.pid/],
  [{ pid: '7' as never }, 'ERR_INVALID_ARG_TYPE', /options\.pid/],
  [{ pid: [] }, 'ERR_INVALID_ARG_VALUE', /must name 1 to 32 pids/],
  [{ pid: Array<number>(33).fill(7) }, 'ERR_INVALID_ARG_VALUE', /must name 1 to 32 pids/],
  [{ pid: [7, -1] }, 'ERR_OUT_OF_RANGE', /options\.pid\[1\]/],
  [{ unshare: ['user', 'pid'], pid: 1 }, 'ERR_INVALID_ARG_VALUE', /which the init of the new pid namespace is/],
  [{ unshare: ['user', 'pid'], init: false, pid: 7 }, 'ERR_INVALID_ARG_VALUE', /must be 1 for the first process/],
])('%j is refused before anything is started', async (options, code, message) => {
  await expect(spawn('true', [], options)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
  });
});
