/** Sandbox.run(): each program comes to a verdict, with what it wrote and what it has used. */
import { performance } from 'node:perf_hooks';
import { type NamespaceError, type RunOptions, type RunResult, Sandbox } from '../../../lib';
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
