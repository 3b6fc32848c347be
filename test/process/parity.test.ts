import * as childProcess from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
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
    'cwd, env, argv0': [['-c', 'pwd; echo $A $0'], { cwd: '/', env: { A: 'a', PATH: '/bin:/usr/bin' } }],
  };

  test.each(Object.entries(cases))('%s', async (_, [args, options]) => {
    const node = promisify(childProcess.execFile) as unknown as (...all: unknown[]) => Promise<unknown>;
    const [mine, nodes] = await Promise.all([
      settled(execFile('sh', args, options)),
      settled(node('sh', args, options)),
    ]);
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

/** What became of a promise; of an error all that is on it, but for the stack. */
async function settled(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    const { name, message, cause } = error as Error;
    return { ...(error as object), name, message, cause };
  }
}
