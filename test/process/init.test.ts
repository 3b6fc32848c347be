import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type NamespaceProcess, type SpawnOptions, spawn } from '../../lib';
import { eventually } from '../fixtures/footprint';

const unshare = ['user', 'pid'] as const;
const FORWARDED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGTERM', 'SIGCONT', 'SIGWINCH'] as const;
const OTHERS = Object.entries(constants.signals).filter(
  ([name]) => !['SIGKILL', 'SIGSTOP', ...FORWARDED].includes(name),
);

describe('process 1 of a new pid namespace', () => {
  test('adopts orphans', async () => {
    await using child = await shell('(sleep 600 &); read end');
    await eventually(() => childrenOf(initOf(child)).length === 2);
  });

  test('reaps orphans, however many', async () => {
    await using child = await shell('for i in $(seq 300); do (: &); done; echo made; read end');
    await line(child);
    await eventually(() => childrenOf(initOf(child)).length === 1);
    expect(childrenOf(initOf(child))).toEqual([String(child.pid)]);
  });

  test.each(FORWARDED)('forwards %s, once', async (signal) => {
    const script = `
      let count = 0;
      process.on('${signal}', () => console.log('${signal}', ++count));
      process.stdin.on('data', () => console.log('asked'));
      console.log('ready');`;
    await using child = await spawn(process.execPath, ['-e', script], { unshare });
    const next = lines(child);
    expect(await next()).toBe('ready');
    process.kill(initOf(child), signal);
    expect(await next()).toBe(`${signal} 1`);
    child.stdin!.write('?');
    expect(await next()).toBe('asked');
    process.kill(initOf(child), signal);
    expect(await next()).toBe(`${signal} 2`);
  });

  test('forwards what is sent from inside', async () => {
    await using child = await shell('trap "echo got it; exit 4" USR1; kill -USR1 1; while :; do sleep 0.1; done');
    expect(await line(child)).toBe('got it');
    expect(await child.exited).toEqual({ code: 4, signal: null });
  });

  test('dies of no other signal from outside', async () => {
    await using child = await shell('while read line; do echo "$line"; done');
    for (const [, number] of OTHERS) process.kill(initOf(child), number);
    child.stdin!.write('alive\n');
    expect(await line(child)).toBe('alive');
  });

  test('dies of no signal at all from inside', async () => {
    const all = 'trap "" HUP INT QUIT USR1 USR2 TERM; for signal in $(seq 64); do kill -$signal 1; done 2>/dev/null';
    await using child = await shell(`${all}; while read line; do echo "$line"; done`);
    child.stdin!.write('alive\n');
    expect(await line(child)).toBe('alive');
  });

  const survivors = {
    'one that ignores signals': 'sh -c \'trap "" TERM HUP INT QUIT; echo up >&3; while :; do sleep 600; done\' &',
    'a daemon': "(setsid sh -c 'echo up >&3; exec sleep 600' &);",
    'one that is stopped': "sh -c 'echo up >&3; kill -STOP $$' &",
  };
  test.each(Object.entries(survivors))('ends with the program and takes along %s', async (_, script) => {
    const child = await shell(`${script} read end`, { stdio: ['pipe', 'ignore', 'ignore', 'pipe'] });
    const shared = child.stdio[3] as Socket;
    await once(shared, 'data');
    child.stdin!.end('\n');
    await once(shared.resume(), 'close');
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });

  test('when it is killed, so is all that is inside', async () => {
    const child = await shell('echo up; sleep 600');
    await line(child);
    process.kill(initOf(child), 'SIGKILL');
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('is in no process group or session of ours', async () => {
    await using child = await shell('read end');
    const init = initOf(child);
    await eventually(() => sessionOf(init) === init);
    expect(groupOf(init)).toBe(init);
  });
});

describe('how the program ended', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'linux-ns-init-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([0, 1, 7, 127, 128, 143, 255])('an exit code: %i', async (code) => {
    const child = await shell(`exit ${code}`);
    expect(await child.exited).toEqual({ code, signal: null });
  });

  test.each(['SIGTERM', 'SIGKILL', 'SIGUSR1', 'SIGABRT', 'SIGSEGV', 'SIGQUIT'])('a signal: %s', async (signal) => {
    // Those that dump core are to do so, where the system lets them.
    const script = `ulimit -c unlimited 2>/dev/null; kill -${signal.slice(3)} $$; sleep 600`;
    const child = await shell(script, { cwd: folder });
    expect(await child.exited).toEqual({ code: null, signal });
  });

  test('a real-time signal', async () => {
    const child = await shell('kill -40 $$');
    expect(await child.exited).toEqual({ code: null, signal: 'SIG40' });
  });

  test('a signal that was sent to it as kill() does', async () => {
    const child = await shell('echo up; exec sleep 600');
    await line(child);
    expect(child.kill('SIGINT')).toBe(true);
    expect(await child.exited).toEqual({ code: null, signal: 'SIGINT' });
  });
});

describe('with init: false the program is process 1', () => {
  test('as it sees itself', async () => {
    await using child = await shell('echo $$; read end', { init: false });
    expect(await line(child)).toBe('1');
    expect(initOf(child)).toBe(process.pid);
  });

  test('signals that it does not handle do not end it, from inside or outside', async () => {
    await using child = await shell('kill -TERM $$; kill -SEGV $$; kill -KILL $$; echo up; read end; echo on', {
      init: false,
    });
    const next = lines(child);
    expect(await next()).toBe('up');
    for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR1'] as const) expect(child.kill(signal)).toBe(true);
    child.stdin!.write('\n');
    expect(await next()).toBe('on');
  });

  test('signals that it handles reach it', async () => {
    const handler = 'trap "exit 6" TERM; echo up; while :; do sleep 0.1; done';
    await using child = await shell(handler, { init: false });
    await line(child);
    child.kill('SIGTERM');
    expect(await child.exited).toEqual({ code: 6, signal: null });
  });

  test('SIGKILL from outside ends it, and all that is inside', async () => {
    const script = "(setsid sh -c 'echo up >&3; exec sleep 600' &) ; read end";
    const child = await shell(script, { init: false, stdio: ['pipe', 'ignore', 'ignore', 'pipe'] });
    const shared = child.stdio[3] as Socket;
    await once(shared, 'data');
    child.kill('SIGKILL');
    await once(shared.resume(), 'close');
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('nobody reaps for it', async () => {
    await using child = await shell('(sleep 0.3 &); (sleep 0.3 &); exec sleep 600', { init: false });
    const isZombie = (pid: string): boolean => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
    await eventually(() => childrenOf(child.pid).filter(isZombie).length === 2);
  });
});

function shell(script: string, options: SpawnOptions = {}): Promise<NamespaceProcess> {
  return spawn('sh', ['-c', script], { unshare, ...options });
}

function lines(child: NamespaceProcess): () => Promise<string> {
  const iterator = createInterface(child.stdout!)[Symbol.asyncIterator]();
  return async () => (await iterator.next()).value as string;
}

function line(child: NamespaceProcess): Promise<string> {
  return lines(child)();
}

/** The init is the program's parent. */
function initOf(child: NamespaceProcess): number {
  return statOf(child.pid)[1]!;
}

function groupOf(pid: number): number {
  return statOf(pid)[2]!;
}

function sessionOf(pid: number): number {
  return statOf(pid)[3]!;
}

/** State, parent, process group, session, ...: proc_pid_stat(5). */
function statOf(pid: number): number[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
}

/** Zombies included. */
function childrenOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter((child) => child !== '');
}
