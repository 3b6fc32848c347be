import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type SpawnOptions, execFile, exec, fork, spawn } from 'linux-ns';
import { start } from '../../lib/task/task';
import { Deadline } from '../../lib/process/deadline';
import { expectNothingLeft, footprint } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';

const GIVEN_UP = {
  name: 'NamespaceError',
  code: 'ETIMEDOUT',
  message: 'ETIMEDOUT: the program did not run yet when its time was over, 50 ms after the call, spawn',
};

describe('the time that a call has', () => {
  test('is counted from the call', async () => {
    const deadline = new Deadline(60_000, undefined);
    await delay(30);
    expect(deadline.left).toBeGreaterThan(0);
    expect(deadline.left).toBeLessThanOrEqual(59_980);
    expect(deadline.signal?.aborted).toBe(false);
    deadline.end();
    expect(new Deadline(0, undefined)).toMatchObject({ left: 0, signal: undefined });
  });

  test("an abort of the caller's is told as that, with its reason", async () => {
    const controller = new AbortController();
    const deadline = new Deadline(60_000, controller.signal);
    const started = start({
      flags: 0,
      steps: [['exec', 'sleep', ['sleep', '100'], null]],
      signal: deadline.signal,
      whileCloned: async () => {
        controller.abort(new Error('changed our mind'));
        await delay(1);
      },
    });
    await expect(started).rejects.toMatchObject({ name: 'AbortError', cause: { message: 'changed our mind' } });
    deadline.end();
  });

  test('that is over before the program runs is told as that', async () => {
    const deadline = new Deadline(50, undefined);
    const waiting = (): Promise<void> =>
      new Promise((resolve) => deadline.signal!.addEventListener('abort', () => resolve()));
    const started = start({ flags: 0, steps: [['exit']], signal: deadline.signal, whileCloned: waiting });
    await expect(started).rejects.toMatchObject(GIVEN_UP);
    deadline.end();
  });
});

needs({ unprivileged: true }).describe('a start that somebody holds up is given up when its time is over, in', () => {
  let bin: string;
  const path = process.env.PATH;
  beforeAll(async () => {
    // /dev/null is opened once, and is kept.
    await execFile('true');
    bin = mkdtempSync(join(tmpdir(), 'deadline-'));
    chmodSync(bin, 0o755);
    // What writes the maps of an ordinary user, and here never does.
    writeFileSync(join(bin, 'newuidmap'), '#!/bin/sh\nexec sleep 1000\n', { mode: 0o755 });
    process.env.PATH = `${bin}:${path}`;
  });
  afterAll(() => {
    process.env.PATH = path;
    rmSync(bin, { recursive: true });
  });

  const options: SpawnOptions = { unshare: { user: { uidMap: 'auto' } }, timeout: 50 };
  const calls: [string, () => Promise<unknown>, object][] = [
    ['spawn()', () => spawn('true', [], options), GIVEN_UP],
    ['fork()', () => fork(__filename, [], options), GIVEN_UP],
    ['execFile()', () => execFile('true', [], options), { ...GIVEN_UP, killed: true, cmd: 'true', stdout: '' }],
    ['exec()', () => exec('true', { ...options, shell: undefined }), { ...GIVEN_UP, killed: true, stderr: '' }],
  ];
  test.each(calls)('%s', async (_, call, error) => {
    const before = footprint();
    await expect(call()).rejects.toMatchObject(error);
    await expectNothingLeft(before);
  });
});

describe('a program that does not heed killSignal', () => {
  const STUBBORN = "trap '' TERM; echo ready; while :; do sleep 1; done";
  const STOPPED = 'kill -STOP $$';
  test.each<[string, (timeout: number) => Promise<unknown>, object]>([
    ['when its time is over', (timeout) => exec(STUBBORN, { timeout }), { killed: true, signal: 'SIGKILL' }],
    ['when it is stopped', (timeout) => exec(STOPPED, { timeout }), { killed: true, signal: 'SIGKILL' }],
    [
      'when it writes too much',
      () => exec("trap '' TERM PIPE; while :; do echo more 2>/dev/null; done", { maxBuffer: 10 }),
      { code: 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER' },
    ],
    [
      'when it is aborted',
      (timeout) => exec(STUBBORN, { signal: AbortSignal.timeout(timeout) }),
      { name: 'AbortError', code: 'ABORT_ERR' },
    ],
    [
      'when it is stopped, behind an init',
      (timeout) => exec(STOPPED, { timeout, unshare: ['user', 'pid'] }),
      { killed: true, signal: 'SIGKILL' },
    ],
  ])('gets SIGKILL %s, and the call settles', async (_, call, error) => {
    expect(await whenItRuns(call)).toMatchObject(error);
  });
});

/** With twice the time as long as that is over before the program does what it is to do: on a busy machine. */
async function whenItRuns(call: (timeout: number) => Promise<unknown>): Promise<object> {
  for (let timeout = 100; ; timeout *= 2) {
    const error = await call(timeout).then(
      () => ({}),
      (reason: unknown) => reason as { code?: unknown; signal?: unknown },
    );
    const { code, signal } = error as { code?: unknown; signal?: unknown };
    if (code !== 'ETIMEDOUT' && signal !== 'SIGTERM') return error;
  }
}
