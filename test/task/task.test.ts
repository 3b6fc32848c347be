import { fstatSync, closeSync } from 'node:fs';
import { runToEnd, start } from '../../lib/task/task';
import { run } from '../../lib/launch/launch';
import { expectNothingLeft, footprint } from '../fixtures/footprint';

const program = (file: string, ...args: string[]) => ({
  flags: 0,
  steps: [['exec', file, [file, ...args], ['PATH=/usr/bin:/bin']]] as [['exec', string, string[], string[]]],
});

describe('a task', () => {
  test('runs a program, and tells how it ended', async () => {
    const task = await start(program('sh', '-c', 'exit 3'));
    expect(await task.exited).toEqual({ code: 3, signal: null });
  });

  test('can be sent signals until it has ended', async () => {
    const task = await start(program('sleep', '60'));
    expect(task.pid).toBeGreaterThan(0);
    expect(task.initPid).toBe(0);
    expect(task.kill(0)).toBe(0);
    expect(task.kill(15)).toBe(0);
    expect(await task.exited).toEqual({ code: null, signal: 'SIGTERM' });
    expect(task.kill(15)).toBe(3); // ESRCH
    expect(task.pidfd).toBe(-1);
  });

  test('is not started when its signal is aborted before', async () => {
    const reason = new Error('changed my mind');
    const signal = AbortSignal.abort(reason);
    await expect(start({ ...program('sleep', '60'), signal })).rejects.toMatchObject({
      name: 'AbortError',
      code: 'ABORT_ERR',
      cause: reason,
    });
  });

  test('is ended when its signal is aborted meanwhile, and nothing is left of it', async () => {
    const before = footprint();
    const controller = new AbortController();
    const starting = start({
      ...program('sleep', '60'),
      signal: controller.signal,
      whileCloned: () => {
        controller.abort();
        return Promise.resolve();
      },
    });
    await expect(starting).rejects.toMatchObject({ code: 'ABORT_ERR' });
    await expectNothingLeft(before);
  });

  test('is not ended by an abort that comes when it runs: that is for whoever has it', async () => {
    const controller = new AbortController();
    const task = await start({ ...program('sleep', '60'), signal: controller.signal });
    controller.abort();
    expect(task.kill(0)).toBe(0);
    task.end();
    expect(await task.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('waits for what is done from outside before its plan goes on', async () => {
    let seen = 0;
    const task = await start({
      ...program('true'),
      whileCloned: async ({ pid }) => {
        await new Promise((resolve) => setImmediate(resolve));
        seen = pid;
      },
    });
    expect(seen).toBe(task.pid);
    await task.exited;
  });

  test('is ended when what is done from outside fails, with that error', async () => {
    const before = footprint();
    const failure = new Error('no map');
    await expect(start({ ...program('true'), whileCloned: () => Promise.reject(failure) })).rejects.toBe(failure);
    await expectNothingLeft(before);
  });

  test('that is killed while it prepares is an error that says so', async () => {
    await expect(
      start({
        ...program('true'),
        whileCloned: ({ pid }) => Promise.resolve(void process.kill(pid, 'SIGKILL')),
      }),
    ).rejects.toMatchObject({ code: 'ERR_LINUX_NS_KILLED' });
  });
});

describe('a plan', () => {
  test('hands over what its steps made and read', async () => {
    const { fds, data } = await run({}, [
      ['socket', 2, 1, 0],
      ['read_file', '/proc/self/comm', 100],
      ['socket', 1, 2, 0],
    ]);
    expect(data.toString()).toBe('nsinit\n');
    expect(fds).toHaveLength(2);
    for (const fd of fds) {
      expect(fstatSync(fd).isSocket()).toBe(true);
      closeSync(fd);
    }
  });

  test.each([
    [['chdir', '/nosuch', 0], 'ENOENT', 'change directory to /nosuch', 'chdir'],
    [['read_file', '/nosuch', 10], 'ENOENT', 'read /nosuch', 'open'],
    [['read_file', '/proc/self/status', 10], 'EFBIG', 'read /proc/self/status', 'read'],
    [
      ['write_file', '/proc/version', 1, 'x'],
      expect.stringMatching(/EACCES|EIO|EPERM/) as string,
      'write /proc/version',
      undefined,
    ],
    [['umount', '/nosuch', 0], expect.stringMatching(/ENOENT|EPERM/) as string, 'umount /nosuch', 'umount2'],
    [['socket', 9999, 1, 0], 'EAFNOSUPPORT', 'create socket', 'socket'],
    [['exec', '/nosuch', ['x'], []], 'ENOENT', 'exec /nosuch', 'execve'],
  ] as const)('that fails at %j says where, and leaves nothing', async (step, code, words, syscall) => {
    const before = footprint();
    const failing = run({}, [['socket', 2, 1, 0], step as never]);
    await expect(failing).rejects.toMatchObject({ code, step: words, ...(syscall === undefined ? {} : { syscall }) });
    await expectNothingLeft(before);
  });

  test('with a descriptor that is not open does not start', async () => {
    await expect(runToEnd({ flags: 0, steps: [['netns_add', '/nosuch/x', [9999]], ['exit']] })).rejects.toMatchObject({
      code: 'EBADF',
    });
  });
});
