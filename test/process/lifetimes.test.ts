import { type ChildProcess, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Worker } from 'node:worker_threads';
import { type NamespaceProcess, type SpawnOptions, clone, spawn, unshare } from '../../lib';
import { eventually, expectNothingLeft, footprint } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';

const ROOT = join(__dirname, '..', '..');
const TSX = require.resolve('tsx/cjs');

/** A Node process that has started a script; `shared` is the script's descriptor 3, ended when all who have it are gone. */
async function parentOf(script: string, options: SpawnOptions): Promise<{ parent: ChildProcess; shared: Socket }> {
  const args = ['--require', TSX, join(__dirname, 'parent.ts'), script, JSON.stringify(options)];
  const stdio = ['ignore', 'pipe', 'inherit', 'pipe'] as const;
  const parent = nodeSpawn(process.execPath, args, { cwd: ROOT, stdio: [...stdio] });
  await once(parent.stdout!, 'data');
  return { parent, shared: parent.stdio[3] as Socket };
}

/** A daemon, as it is done: its parents end, and it has a session of its own. */
const DAEMON = `(setsid sh -c 'echo daemon >&3; exec sleep 600' &) ; `;

// What is opened once, and kept.
beforeAll(() => runOne());

describe('when Node is killed', () => {
  const kinds: [what: string, script: string, options: SpawnOptions][] = [
    ['a program', 'echo daemon >&3; exec sleep 600', {}],
    ['a program in a session of its own', 'echo daemon >&3; exec sleep 600', { detached: true }],
    ['a program in a pid namespace', 'echo daemon >&3; exec sleep 600', { unshare: ['user', 'pid'] }],
    ['a program as process 1', 'echo daemon >&3; exec sleep 600', { unshare: ['user', 'pid'], init: false }],
    ['all of a pid namespace', `${DAEMON} exec sleep 600`, { unshare: ['user', 'pid'] }],
    ['all of a pid namespace without init', `${DAEMON} exec sleep 600`, { unshare: ['user', 'pid'], init: false }],
  ];

  test.each(kinds)('%s dies', async (_, script, options) => {
    const { parent, shared } = await parentOf(script, options);
    await once(shared, 'data');
    parent.kill('SIGKILL');
    await once(shared.resume(), 'close');
  });

  test.each([{}, { unshare: ['user', 'pid'] }])('with dieWithParent: false it lives on: %j', async (options) => {
    const answer = 'echo ready >&3; read line <&3; echo "got $line" >&3';
    const { parent, shared } = await parentOf(answer, {
      ...options,
      detached: true,
      dieWithParent: false,
    } as SpawnOptions);
    await once(shared, 'data');
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    shared.write('hello\n');
    expect(await text(shared)).toBe('got hello\n');
  });
});

test('when the program ends, so does everything in its pid namespace', async () => {
  const child = await spawn('sh', ['-c', `${DAEMON} read line`], {
    unshare: ['user', 'pid'],
    stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
  });
  const shared = child.stdio[3] as Socket;
  await once(shared, 'data');
  child.stdin!.end('\n');
  await once(shared.resume(), 'close');
  expect(await child.exited).toEqual({ code: 0, signal: null });
});

test('when the Worker that started it ends, a program dies', async () => {
  const script = `
    require(${JSON.stringify(TSX)});
    const { spawn } = require(${JSON.stringify(join(ROOT, 'lib'))});
    spawn('sleep', ['600'], { stdio: 'ignore' }).then((child) => {
      require('node:worker_threads').parentPort.postMessage(child.pid);
    });`;
  const worker = new Worker(script, { eval: true });
  const [pid] = (await once(worker, 'message')) as [number];
  await worker.terminate();
  await eventually(() => !isThere(pid));
});

test.each([[{}], [{ unshare: ['user', 'pid'] }], [{ unshare: ['user', 'pid'], init: false }]])(
  'with dieWithParent: false it lives on, and leaves no zombie when it ends: %j',
  async (options) => {
    const script = `
      require(${JSON.stringify(TSX)});
      const { spawn } = require(${JSON.stringify(join(ROOT, 'lib'))});
      const options = { ...${JSON.stringify(options)}, stdio: 'ignore', dieWithParent: false };
      spawn('sleep', ['600'], options).then((child) => {
        require('node:worker_threads').parentPort.postMessage(child.pid);
      });`;
    const worker = new Worker(script, { eval: true });
    const [pid] = (await once(worker, 'message')) as [number];
    await worker.terminate();
    expect(isThere(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
    await eventually(() => !isThere(pid));
  },
);

describe('close()', () => {
  test('asks the program to end, and waits for it', async () => {
    const child = await spawn('sh', ['-c', 'trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.01; done']);
    const output = text(child.stdout!);
    await new Promise((resolve) => child.stdout!.once('readable', resolve));
    await Promise.all([child.close(), child.close()]);
    expect([child.exitCode, isThere(child.pid)]).toEqual([7, false]);
    expect(await output).toBe('ready\nbye\n');
    await child.close();
  });

  test('ends it when it does not want to', async () => {
    const child = await spawn('sh', ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.01; done'], {
      unshare: ['user', 'pid'],
    });
    await once(child.stdout!, 'data');
    await child.close();
    expect(child.signalCode).toBe('SIGKILL');
  });

  test('does not wait for ever for who else holds its streams', async () => {
    const child = await spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 600']);
    const [chunk] = (await once(child.stdout!, 'data')) as [Buffer];
    await child.close();
    expect(child.stdout!.destroyed).toBe(true);
    process.kill(Number(chunk.toString()), 'SIGKILL');
  });

  test('await using', async () => {
    let pid: number;
    {
      await using child = await spawn('sleep', ['600'], { unshare: ['user', 'pid'] });
      pid = child.pid;
      expect(isThere(pid)).toBe(true);
    }
    expect(isThere(pid)).toBe(false);
  });
});

describe('an AbortSignal', () => {
  test.each([0, 1, 5, 20, 50, 100, 200])(
    'aborted while it starts, %i turns of the loop later: rejects, and nothing is left',
    async (turns) => {
      const before = footprint();
      const controller = new AbortController();
      const outcome = abortOf(spawn('sleep', ['600'], { unshare: ['user', 'pid', 'net'], signal: controller.signal }));
      for (let turn = 0; turn < turns; turn++) await tick();
      controller.abort('enough');
      expect(await outcome).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: 'enough' });
      await expectNothingLeft(before);
    },
  );
});

needs({ unprivileged: true, tool: ['newuidmap'] }).test(
  'an abort ends newuidmap, too, whatever that waits for',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'linux-ns-newuidmap-'));
    const path = process.env.PATH;
    writeFileSync(join(folder, 'newuidmap'), `#!/bin/sh\necho $$ >'${folder}/begun'\nexec sleep 600\n`, {
      mode: 0o755,
    });
    process.env.PATH = `${folder}:${path}`;
    const before = footprint();
    const controller = new AbortController();
    const making = unshare({ user: { uidMap: 'auto', gidMap: 'auto' } }, { signal: controller.signal });
    await eventually(() => existsSync(join(folder, 'begun')));
    process.env.PATH = path;
    controller.abort();
    await expect(making).rejects.toMatchObject({ name: 'AbortError' });
    await expectNothingLeft(before);
    rmSync(folder, { recursive: true });
  },
);

describe('nothing is left', () => {
  test('of 200 programs, one after another and at once', async () => {
    await runOne();
    const before = footprint();
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 10 }, (_, index) => runOne(index % 2 === 0)));
    }
    await expectNothingLeft(before);
  });

  test('of 100 that could not be started', async () => {
    await spawn('/no/such/file').catch(() => undefined);
    const before = footprint();
    for (let round = 0; round < 10; round++) {
      const attempts = Array.from({ length: 10 }, () => spawn('/no/such/file', { unshare: ['user', 'pid', 'uts'] }));
      for (const result of await Promise.allSettled(attempts)) expect(result.status).toBe('rejected');
    }
    await expectNothingLeft(before);
  });

  test('of programs in a set', async () => {
    const set = await unshare(['user', 'pid', 'net']);
    await set.execFile('true');
    const before = footprint();
    await Promise.all(Array.from({ length: 20 }, () => set.execFile('true')));
    await expectNothingLeft(before);
    await set.close();
  });
});

describe('clone', () => {
  test('a pid, a pidfd, and how it ended', async () => {
    const child = await clone({ file: 'sh', args: ['-c', 'exit 5'], unshare: ['user', 'pid'], stdio: [] });
    expect(child.pid).toBeGreaterThan(1);
    expect(await child.wait()).toEqual({ code: 5, signal: null });
    expect([child.kill(), child.pidfd]).toEqual([false, -1]);
  });

  test('its pidfd refers to it', async () => {
    await using child = await clone({ file: 'sleep', args: ['600'] });
    expect(readFileSync(`/proc/self/fdinfo/${child.pidfd}`, 'utf8')).toMatch(new RegExp(`^Pid:\\t${child.pid}$`, 'm'));
    expect(child.kill(0)).toBe(true);
    expect(() => child.kill('SIGFOO' as never)).toThrow('Unknown signal: SIGFOO');
  });

  test('descriptors that become its own, while ours stay open', async () => {
    const reader = await spawn('cat');
    const { fd } = (reader.stdin as unknown as { _handle: { fd: number } })._handle;
    const child = await clone({ file: 'sh', args: ['-c', 'echo from the clone'], stdio: [0, fd, fd] });
    expect(await child.wait()).toEqual({ code: 0, signal: null });
    reader.stdin!.end();
    expect(await text(reader.stdout!)).toBe('from the clone\n');
  });

  test('close() ends it', async () => {
    const child = await clone({ file: 'sleep', args: ['600'] });
    await Promise.all([child.close(), child.close()]);
    expect(await child.wait()).toEqual({ code: null, signal: 'SIGTERM' });
  });
});

/** The error of an abort: a rejection, or, when the program ran already, the event; then it has also ended. */
async function abortOf(started: Promise<NamespaceProcess>): Promise<unknown> {
  try {
    const child = await started;
    const closed = new Promise((resolve) => child.once('close', resolve));
    const error = await new Promise((resolve) => child.once('error', resolve));
    await closed;
    return error;
  } catch (error) {
    return error;
  }
}

async function runOne(isolated = true): Promise<void> {
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  const child = await spawn('true', isolated ? { unshare: ['user', 'pid', 'mnt'], stdio } : { stdio });
  await once(child, 'close');
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
