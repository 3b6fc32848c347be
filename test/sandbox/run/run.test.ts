/** Sandbox.run(): each program comes to a verdict, with what it wrote and what it has used. */
import { open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Writable } from 'node:stream';
import { type NamespaceError, type NamespaceProcess, type RunOptions, type RunResult, Sandbox } from '../../../lib';
import { expectNothingLeft, footprint } from '../../fixtures/footprint';
import { needs } from '../../fixtures/optional';
import { ONE_WAIT } from '../../fixtures/patience';
import { userland } from '../box';

const MIB = 2 ** 20;
/** A limit of time that nothing reaches which is not meant to. */
const LONG = { wall: ONE_WAIT };

let box: Sandbox;
beforeAll(async () => (box = await Sandbox.create(userland())));
afterAll(async () => box.close());

function sh(script: string, options: Omit<RunOptions, 'encoding'> = {}): Promise<RunResult> {
  return box.run('sh', ['-c', script], { ...options, limits: { ...LONG, ...options.limits } });
}

function python(script: string, limits: RunOptions['limits'] = {}): Promise<RunResult> {
  return box.run('python3', ['-c', script], { limits: { ...LONG, ...limits } });
}

describe('the verdict', () => {
  test('ok: exit code 0, with the output to either side', async () => {
    expect(await sh('cat; echo problem >&2', { input: 'answer\n' })).toMatchObject({
      verdict: 'ok',
      code: 0,
      signal: null,
      stdout: 'answer\n',
      stderr: 'problem\n',
      truncated: false,
    });
  });

  test('exit: another exit code', async () => {
    expect(await sh('exit 3')).toMatchObject({ verdict: 'exit', code: 3, signal: null });
  });

  test('signal: it crashed', async () => {
    expect(await sh('kill -SEGV $$')).toMatchObject({ verdict: 'signal', code: null, signal: 'SIGSEGV' });
  });

  test('wall: it took too long', async () => {
    const { verdict, signal, stdout, usage } = await sh('echo begun; sleep 600', { limits: { wall: 500 } });
    expect([verdict, signal, stdout]).toEqual(['wall', 'SIGKILL', 'begun\n']);
    expect(usage.wall).toBeLessThan(ONE_WAIT);
  });

  test('cpu: it used too much of the processor, though it had time left', async () => {
    const { verdict, signal, usage } = await sh('while :; do :; done', { limits: { cpu: 200 } });
    expect([verdict, signal]).toEqual(['cpu', 'SIGKILL']);
    expect(usage.cpuUser + usage.cpuSystem).toBeGreaterThan(200);
  });

  test('cpu: of all processes together', async () => {
    const burn = '(while :; do :; done)';
    const { verdict, usage } = await sh(`${burn} & ${burn} & ${burn} & wait`, { limits: { cpu: 300 } });
    expect(verdict).toBe('cpu');
    expect(usage.cpuUser + usage.cpuSystem).toBeGreaterThan(300);
  });

  needs({ tool: ['python3'] }).test('memory: it had more resident than it may', async () => {
    const { verdict, usage } = await python(`a = b'x' * (90 << 20)\nimport time\ntime.sleep(600)`, {
      memory: 64 * MIB,
    });
    expect(verdict).toBe('memory');
    expect(usage.maxRss).toBeLessThan(128 * MIB);
  });

  needs({ tool: ['python3'] }).test('memory: of all processes together', async () => {
    const script = `
import os, time
for child in range(4):
  if os.fork() == 0:
    a = b'x' * (30 << 20)
    time.sleep(600)
time.sleep(600)`;
    expect((await python(script, { memory: 80 * MIB })).verdict).toBe('memory');
  });

  needs({ tool: ['python3'] }).test('processes that share their memory are not counted twice', async () => {
    const script = `
import os, time
a = b'x' * (40 << 20)
for child in range(8):
  if os.fork() == 0:
    time.sleep(0.5)
    os._exit(0)
for child in range(8): os.wait()
print('done')`;
    expect(await python(script, { memory: 120 * MIB })).toMatchObject({ verdict: 'ok', stdout: 'done\n' });
  });

  needs({ tool: ['python3'] }).test('by default 2 GB cannot be had', async () => {
    const touched = await python('a = bytearray(1 << 31)\nfor i in range(0, len(a), 4096): a[i] = 1');
    expect(touched.verdict).not.toBe('ok');
    expect(touched.usage.maxRss).toBeLessThan(1 << 30);
  });

  test('output: of both streams together, cut to the limit', async () => {
    const { verdict, stdout, stderr, truncated } = await sh('echo problem >&2; sleep 0.1; exec yes', {
      limits: { output: 1000 },
    });
    expect([verdict, truncated, stdout.length + stderr.length]).toEqual(['output', true, 1000]);
  });

  test('output that is exactly the limit is within it', async () => {
    expect(await sh('printf 1234', { limits: { output: 4 } })).toMatchObject({
      verdict: 'ok',
      stdout: '1234',
      truncated: false,
    });
  });

  test('start: it could not be started, and the error says why', async () => {
    const { verdict, code, signal, error } = await box.run('/no/such/program');
    expect([verdict, code, signal]).toEqual(['start', null, null]);
    expect(error).toMatchObject({ code: 'ENOENT', step: 'exec /no/such/program' });
  });

  test('memory: also where the limit is too low to load the program, and the error says so', async () => {
    const result = await box.run('true', [], { limits: { memory: 4096 } });
    expect(result).toMatchObject({ verdict: 'memory', code: null, signal: null });
    expect(['ENOMEM', 'ERR_LINUX_NS_KILLED']).toContain((result.error as NamespaceError).code);
  });
});

describe('a limit', () => {
  test('of the size of files: SIGXFSZ', async () => {
    const options = { limits: { fileSize: 1000 } };
    expect((await sh('exec head -c 1000 /dev/zero > /tmp/file', options)).verdict).toBe('ok');
    expect(await sh('exec head -c 2000 /dev/zero > /tmp/file', options)).toMatchObject({
      verdict: 'signal',
      signal: 'SIGXFSZ',
    });
  });

  test('of processes: one more cannot be had, or all are ended', async () => {
    const { verdict } = await sh('for i in 1 2 3 4 5 6 7 8 9; do sleep 600 & done; wait', { limits: { processes: 5 } });
    expect(['exit', 'signal']).toContain(verdict);
  });

  test.each([{ cpu: 0 }, { wall: 1.5 }, { memory: -1 }, { processes: 0 }, { output: NaN }, { fileSize: '1' }])(
    'that is none is refused: %j',
    async (limits) => {
      await expect(box.run('true', [], { limits: limits as never })).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_(OUT_OF_RANGE|INVALID_ARG_TYPE)$/) as string,
      });
    },
  );

  test('that is misspelt is refused, and the message names the right one', async () => {
    await expect(box.run('true', [], { limits: { memroy: 1 } as never })).rejects.toThrow(/memory/);
    await expect(box.run('true', [], { timeout: 1 } as never)).rejects.toThrow(TypeError);
  });

  test('of the sandbox holds for a run, too', async () => {
    await using small = await Sandbox.create(userland({ rlimits: { fsize: 100 } }));
    const { signal } = await small.run('sh', ['-c', 'exec head -c 200 /dev/zero > /tmp/file'], { limits: LONG });
    expect(signal).toBe('SIGXFSZ');
  });
});

describe('a run whose output is shown while it runs', () => {
  test('passes it on as it comes, cut to the limit, as fast as it is taken', async () => {
    const shown: string[] = [];
    const slow = new Writable({
      highWaterMark: 1,
      write: (chunk, _, done) => {
        shown.push(String(chunk));
        setTimeout(done, 5);
      },
    });
    const { verdict, stdout, stderr, truncated } = await sh('echo to stderr >&2; head -c 200000 /dev/zero; exec yes', {
      stdout: slow,
      limits: { output: 250_000 },
    });
    expect([verdict, stdout, stderr, truncated]).toEqual(['output', '', 'to stderr\n', true]);
    expect(shown.join('')).toHaveLength(250_000 - 'to stderr\n'.length);
  });

  test('waits for a reader that is slow, and for none that has gone', async () => {
    let read = 0;
    const slow = new Writable({
      highWaterMark: 1,
      write: (chunk: Buffer, _, done) => {
        read += chunk.length;
        setTimeout(done, 100);
      },
    });
    expect((await sh('head -c 300000 /dev/zero', { stdout: slow })).verdict).toBe('ok');
    expect(read).toBe(300_000);
    const gone = new Writable({ write: (_chunk, _encoding, done) => done(new Error('gone')) });
    expect((await sh('exec yes', { stdout: gone })).verdict).toMatch(/^(signal|exit)$/); // SIGPIPE or ECONNRESET
  });

  test('can have descriptors of this process, which count for no output', async () => {
    const file = await open(join(tmpdir(), `linux-ns-run-${process.pid}`), 'w+');
    try {
      const options = { stdio: ['ignore', file.fd, 'pipe'] as const, limits: { output: 4 } };
      expect(await sh('echo much more than that; printf 1234 >&2', options)).toMatchObject({
        verdict: 'ok',
        stdout: '',
        stderr: '1234',
      });
      expect(await readFile(`/proc/self/fd/${file.fd}`, 'utf8')).toBe('much more than that\n');
    } finally {
      await file.close();
      await rm(join(tmpdir(), `linux-ns-run-${process.pid}`));
    }
  });

  test('can have a terminal, whose output counts', async () => {
    let shown = '';
    const onStart: RunOptions['onStart'] = ({ pty }) => void pty?.on('data', (part: Buffer) => (shown += String(part)));
    const sized = { pty: { cols: 33, rows: 7 }, onStart };
    expect((await sh('stty size', sized)).verdict).toBe('ok');
    expect(shown).toBe('7 33\r\n');
    expect(await sh('exec yes', { ...sized, limits: { output: 1000 } })).toMatchObject({
      verdict: 'output',
      truncated: true,
      stdout: '',
    });
  });

  test('is over its limit of output on a terminal, also when it ends at once', async () => {
    for (let at = 0; at < 20; at++) {
      const { verdict, truncated } = await sh('echo more than that', { pty: {}, limits: { output: 5 } });
      expect({ verdict, truncated }).toEqual({ verdict: 'output', truncated: true });
    }
  });

  test('gets signals from who has started it', async () => {
    const script = 'trap "exit 5" TERM; echo ready; while :; do sleep 0.1; done';
    const child = await new Promise<NamespaceProcess>((resolve, reject) => {
      sh(script, { onStart: resolve }).catch(reject);
    });
    const ended = sh(script, { onStart: (each) => void each.stdout!.once('data', () => each.kill('SIGTERM')) });
    expect(await ended).toMatchObject({ verdict: 'exit', code: 5 });
    child.kill('SIGKILL');
    expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });
  });

  test('is ended by an error of who has started it', async () => {
    const before = footprint();
    const onStart = (): never => {
      throw new Error('of the caller');
    };
    await expect(sh('sleep 600', { onStart })).rejects.toThrow('of the caller');
    await expectNothingLeft(before);
  });

  test('refuses streams for what is no pipe', async () => {
    const stdout = new Writable();
    await expect(sh('true', { stdout, stdio: 'inherit' })).rejects.toThrow(/options\.stdout/);
    await expect(sh('true', { input: '', stdio: 'ignore' })).rejects.toThrow(/options\.input/);
    await expect(sh('true', { stdout, pty: {} })).rejects.toThrow(/options\.stdout/);
    await expect(sh('true', { stdout: 'file' as never })).rejects.toThrow(TypeError);
    await expect(sh('true', { onStart: true as never })).rejects.toThrow(TypeError);
  });
});

test('a run without limits may take as long, and as much, as it wants', async () => {
  const all = { cpu: Infinity, wall: Infinity, memory: Infinity, output: Infinity };
  const limits = { ...all, processes: Infinity, fileSize: Infinity };
  const script = 'ulimit -f; ulimit -d; ulimit -t; head -c 2000000 /dev/zero';
  const { verdict, stdout } = await sh(script, { limits });
  expect([verdict, stdout.length]).toEqual(['ok', 'unlimited\n'.length * 3 + 2_000_000]);
});

describe('a run', () => {
  test('gives Buffers on request', async () => {
    const { stdout } = await box.run('printf', ['\\377'], { encoding: 'buffer', limits: LONG });
    expect(stdout).toEqual(Buffer.of(255));
  });

  test('has what the sandbox gives: its files, its environment, its directory', async () => {
    await box.writeFile('/tmp/source', 'from outside');
    const options = { cwd: '/tmp', env: { GREETING: 'hello' } };
    expect((await sh('echo $GREETING, $PWD; cat source', options)).stdout).toBe('hello, /tmp\nfrom outside');
  });

  test('sees no process of another run by its number, and is not process 1', async () => {
    const [one, other] = await Promise.all([sh('echo $$; sleep 0.2'), sh('echo $$; sleep 0.2; kill -0 3')]);
    expect(one.stdout).toBe(other.stdout);
    expect(one.stdout).not.toBe('1\n');
    expect(other.verdict).toBe('exit');
  });

  test('counts the daemons that it leaves behind, and takes them along', async () => {
    const before = footprint();
    const daemon = `(setsid sh -c 'trap "" TERM HUP; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo counted; exec sleep 600' &)`;
    const fifo = 'mkfifo /tmp/ready';
    const { verdict, usage } = await sh(
      `${fifo}; ${daemon.replace('echo counted', 'echo > /tmp/ready')}; read line < /tmp/ready`,
    );
    expect(verdict).toBe('ok');
    expect(usage.cpuUser + usage.cpuSystem).toBeGreaterThan(20);
    await expectNothingLeft(before);
  });

  test('need not read its input', async () => {
    expect((await sh('exec <&-; echo closed', { input: Buffer.alloc(4 * MIB) })).stdout).toBe('closed\n');
  });

  test('of many at a time come each to their own end', async () => {
    const runs = await Promise.all(Array.from({ length: 20 }, (_, code) => sh(`exit ${code}`)));
    expect(runs.map(({ code }) => code)).toEqual(Array.from({ length: 20 }, (_, code) => code));
  });

  test('that is aborted rejects, and nothing is left of it', async () => {
    const before = footprint();
    await expect(sh('sleep 600', { signal: AbortSignal.timeout(300) })).rejects.toMatchObject({ name: 'AbortError' });
    await expect(sh('sleep 600', { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    await expectNothingLeft(before);
  });

  test('whose sandbox is closed comes to an end', async () => {
    const other = await Sandbox.create(userland());
    const running = other.run('sh', ['-c', 'echo > /tmp/up; exec sleep 600'], { limits: LONG });
    await other.exec('until test -e /tmp/up; do sleep 0.02; done');
    await other.close();
    expect(await running).toMatchObject({ verdict: 'signal', signal: 'SIGKILL' });
    await expect(other.run('true')).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
  });

  test('settles within a second after its limit of time', async () => {
    const began = performance.now();
    await sh('trap "" TERM HUP INT; while :; do sleep 1; done', { limits: { wall: 1000 } });
    expect(performance.now() - began).toBeGreaterThanOrEqual(1000 - 1);
  });
});
