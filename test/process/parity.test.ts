import * as childProcess from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, promisify } from 'node:util';
import { type ExecFileOptions, type NamespaceProcess, type SpawnOptions, exec, execFile, spawn } from '../../lib';
import { SCENARIOS, type Start } from './scenarios';

const theirs: Start = (file, args, options = {}) => Promise.resolve(childProcess.spawn(file, args, options));
const ours: Start = async (file, args, options = {}) => {
  // Ours is assignable to ChildProcess, which is a part of the promise; that it is not made by that class is known.
  const child: Pick<NamespaceProcess, keyof childProcess.ChildProcess> = await spawn(
    file,
    args,
    options as SpawnOptions,
  );
  return child;
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'linux-ns-parity-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('spawn does what child_process.spawn does', () => {
  test.each(Object.entries(SCENARIOS))('%s', async (_, scenario) => {
    expect(await scenario(ours, folder)).toEqual(await scenario(theirs, folder));
  });
});

describe('what child_process refuses is refused with the same code', () => {
  const options: Record<string, unknown[]> = {
    cwd: [true, {}],
    argv0: [5, {}],
    stdio: ['foo', [{}], ['ipc', 'ipc']],
    detached: [1, 'yes'],
    uid: ['0', true],
    gid: ['0', true],
    shell: [5, {}],
    timeout: [-1, 1.5],
    killSignal: ['SIGFOO', {}, 999],
    signal: [{}, 5],
    serialization: ['xml', 5],
    windowsHide: [1],
    windowsVerbatimArguments: [1],
  };
  const bad: [what: string, args: unknown[]][] = [
    ['no file', []],
    ['a file that is a number', [5]],
    ['a file that is empty', ['']],
    ['a file with a null byte', ['a\0b']],
    ['arguments that are a string', ['true', 'x']],
    ['an argument with a null byte', ['true', ['\0']]],
    ['options that are null', ['true', [], null]],
    ['options that are a string', ['true', [], 'x']],
    ['a null byte in the environment', ['true', [], { env: { A: '\0' } }]],
    ['a null byte in cwd', ['true', [], { cwd: 'a\0b' }]],
    ...Object.entries(options).flatMap(([name, values]) =>
      values.map((value): [string, unknown[]] => [`${name}: ${inspect(value)}`, ['true', [], { [name]: value }]]),
    ),
  ];

  test.each(bad)('%s', async (_, args) => {
    const nodes = await codeOf(async () => (childProcess.spawn as (...all: unknown[]) => unknown)(...args));
    expect(await codeOf(async () => (spawn as (...all: unknown[]) => Promise<unknown>)(...args))).toBe(nodes);
    expect(nodes).toMatch(/^ERR_/);
  });

  /** Node 26 says of these two what we do. */
  const since26 = Number(process.versions.node.split('.')[0]) >= 26;

  /** Node's says something else than what is wrong, or nothing. */
  const better: [option: object, nodes: string, ours: string][] = [
    [{ cwd: new URL('https://example.org/') }, 'ERR_INVALID_URL_SCHEME', 'ERR_INVALID_ARG_VALUE'],
    [{ env: 'A=1' }, 'not refused', 'ERR_INVALID_ARG_TYPE'],
    [{ stdio: 5 }, 'ERR_INVALID_ARG_VALUE', 'ERR_INVALID_ARG_TYPE'],
    [{ stdio: [true] }, 'ERR_INVALID_ARG_VALUE', 'ERR_INVALID_ARG_TYPE'],
    [{ stdio: ['foo'] }, 'ERR_INVALID_SYNC_FORK_INPUT', 'ERR_INVALID_ARG_VALUE'],
    [{ uid: 1.5 }, since26 ? 'ERR_OUT_OF_RANGE' : 'ERR_INVALID_ARG_TYPE', 'ERR_OUT_OF_RANGE'],
    [{ timeout: '5' }, since26 ? 'ERR_INVALID_ARG_TYPE' : 'ERR_OUT_OF_RANGE', 'ERR_INVALID_ARG_TYPE'],
  ];

  test.each(better)('but for %p, which is %s there and %s here', async (option, nodes, ours) => {
    const given = option as childProcess.SpawnOptions;
    expect(await codeOf(async () => Promise.resolve(childProcess.spawn('true', [], given)))).toBe(nodes);
    expect(await codeOf(() => spawn('true', [], option))).toBe(ours);
  });
});

describe('ref() and unref()', () => {
  const start = {
    node: `Promise.resolve(require('node:child_process').spawn('sh', ['-c', program], { stdio: 'ignore' }))`,
    ours: `require(${JSON.stringify(join(__dirname, '../../lib'))}).spawn('sh', ['-c', program], { stdio: 'ignore' })`,
  };
  const uses = {
    none: '',
    unref: 'child.unref()',
    'unref, ref': 'child.unref(); child.ref()',
  };

  test.each(Object.entries(uses))('%s: Node waits for it, or not, as with child_process', async (_, use) => {
    const [mine, nodes] = await Promise.all([start.ours, start.node].map(outcome));
    expect(mine).toEqual(nodes);

    async function outcome(starting: string): Promise<unknown> {
      // Where nobody waits for it, it runs for longer than Node does.
      const program = use === 'child.unref()' ? 'while kill -0 $PPID; do sleep 0.1; done' : 'sleep 0.5';
      const script = `
        const program = ${JSON.stringify(program)};
        ${starting}.then((child) => { child.on('exit', (...how) => console.log('exit', ...how)); ${use} });
        process.on('exit', () => console.log('end'));`;
      const args = ['--require', require.resolve('tsx/cjs'), '--eval', script];
      return promisify(childProcess.execFile)(process.execPath, args);
    }
  });
});

describe('execFile does what util.promisify(child_process.execFile) does', () => {
  const bytes = 'printf "\\303\\244\\377"; printf "\\303\\266" >&2';
  const cases: Record<string, [args: string[], options: ExecFileOptions]> = {
    'its output': [['-c', 'echo out; echo err >&2'], {}],
    'as Buffers': [['-c', bytes], { encoding: 'buffer' }],
    'as Buffers, for null': [['-c', bytes], { encoding: null }],
    'in another encoding': [['-c', bytes], { encoding: 'hex' }],
    'a character in two writes': [['-c', 'printf "\\303"; sleep 0.05; printf "\\244"'], {}],
    'an exit code': [['-c', 'echo out; echo err >&2; exit 3'], {}],
    'a signal': [['-c', 'echo out; kill $$'], {}],
    'a timeout': [['-c', 'echo out; exec sleep 60'], { timeout: 50, killSignal: 'SIGKILL' }],
    'a timeout while others hold the output': [['-c', 'sleep 1 & exec sleep 60'], { timeout: 50 }],
    'maxBuffer of stdout': [['-c', 'exec yes'], { maxBuffer: 5 }],
    'maxBuffer of stderr': [['-c', 'exec yes >&2'], { maxBuffer: 1000 }],
    'maxBuffer just reached': [['-c', 'printf 12345'], { maxBuffer: 5 }],
    'maxBuffer: Infinity': [['-c', 'head -c 3000000 /dev/zero | tr "\\0" x'], { maxBuffer: Infinity }],
    'more than a default maxBuffer': [['-c', 'exec head -c 1048577 /dev/zero'], { encoding: 'buffer' }],
    'a shell': [['-c', '"echo $0 | cat"'], { shell: true }],
    'another shell': [['-c', '"echo $0 | cat"'], { shell: '/bin/bash' }],
    'killSignal by number': [['-c', 'exec sleep 60'], { timeout: 50, killSignal: 10 }],
    'cwd, a URL': [['-c', 'pwd'], { cwd: new URL('file:///usr/lib') }],
    'cwd, env, argv0': [['-c', 'pwd; echo $A $0'], { cwd: '/', env: { A: 'a', PATH: '/bin:/usr/bin' } }],
  };

  test.each(Object.entries(cases))('%s', async (_, [args, options]) => {
    const node = promisify(childProcess.execFile) as unknown as (...all: unknown[]) => Promise<unknown>;
    const both = (given: ExecFileOptions): Promise<{ stdout?: unknown; code?: unknown }[]> =>
      Promise.all([settled(execFile('sh', args, given)), settled(node('sh', args, given))]) as never;
    let [mine, nodes] = await both(options);
    // On a busy machine a program takes longer to start, or to say something, than it is given time.
    const isLate = ({ stdout, code }: { stdout?: unknown; code?: unknown } = {}): boolean =>
      code === 'ETIMEDOUT' || (args[1]!.startsWith('echo out') && stdout === '');
    for (let { timeout = 0 } = options; isLate(mine) || isLate(nodes);) {
      [mine, nodes] = await both({ ...options, timeout: (timeout *= 2) });
    }
    expect(mine).toEqual(nodes);
  });

  test('exec, a command line', async () => {
    const node = promisify(childProcess.exec);
    expect(await exec('echo $((1+1)); echo "$0" >&2')).toEqual(await node('echo $((1+1)); echo "$0" >&2'));
    expect(await settled(exec('exit 9'))).toEqual(await settled(node('exit 9')));
    const shell = '/bin/bash';
    expect(await settled(exec('echo $0', { shell }))).toEqual(await settled(node('echo $0', { shell })));
  });

  test('an abort: the same error, once the program is gone', async () => {
    const run = async (start: (signal: AbortSignal) => Promise<unknown>): Promise<unknown> => {
      const controller = new AbortController();
      const result = settled(start(controller.signal));
      setTimeout(() => controller.abort('enough'), 50);
      return result;
    };
    const node = promisify(childProcess.execFile);
    const mine = await run((signal) => execFile('sleep', ['60'], { signal }));
    expect(mine).toEqual(await run((signal) => node('sleep', ['60'], { signal })));
    expect(mine).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: 'enough', cmd: 'sleep 60' });
  });
});

describe('what differs from child_process', () => {
  test('a file that is not there is a rejection, not an event', async () => {
    const [file, args, options] = ['there-is-no-such-file', [], { env: { PATH: '/usr/bin:/bin' } }] as const;
    await expect(spawn(file, args, options)).rejects.toMatchObject({ code: 'ENOENT', syscall: 'execve' });
    const [error] = (await once(childProcess.spawn(file, args, options), 'error')) as [Error];
    expect(error).toMatchObject({ code: 'ENOENT' });
  });

  test('so it is with execFile, which tells the command too', async () => {
    await expect(execFile('there-is-no-such-file', ['1'], { env: { PATH: '/usr/bin:/bin' } })).rejects.toMatchObject({
      code: 'ENOENT',
      cmd: 'there-is-no-such-file 1',
      stdout: '',
      stderr: '',
    });
  });

  test('a signal that was aborted before is a rejection', async () => {
    const signal = AbortSignal.abort('before');
    await expect(spawn('true', [], { signal })).rejects.toMatchObject({ name: 'AbortError', cause: 'before' });
  });

  test('the input of execFile is empty', async () => {
    expect(await execFile('cat')).toEqual({ stdout: '', stderr: '' });
  });

  test('without an IPC channel send() and disconnect() fail as on a closed one', async () => {
    const child = await spawn('true');
    const errors: unknown[] = [];
    child.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code));
    const told = new Promise((resolve) => child.send('message', resolve));
    expect(child.send('message')).toBe(false);
    child.disconnect();
    expect(await told).toMatchObject({ code: 'ERR_IPC_CHANNEL_CLOSED' });
    await child.exited;
    expect(errors).toEqual(['ERR_IPC_DISCONNECTED', 'ERR_IPC_CHANNEL_CLOSED']);
    expect([child.connected, child.channel]).toEqual([false, undefined]);
  });
});

async function codeOf(action: () => Promise<unknown>): Promise<unknown> {
  try {
    await action();
    return 'not refused';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

/** What became of a promise; of an error all that is on it, but for the stack. */
async function settled(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    const { name, message, cause } = error as Error;
    return { ...(error as object), name, message, cause };
  }
}
