import * as childProcess from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { release } from 'node:os';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { inspect, isDeepStrictEqual } from 'node:util';
import { type ForkOptions, type NamespaceProcess, type SpawnOptions, fork, spawn, unshare } from '../../lib';
import { isAtLeast } from '../../lib/kernel/version';
import { errorWith } from '../fixtures/errors';
import { expectNothingLeft, footprint } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { OTHER_NODES, otherNode } from '../fixtures/other-nodes';
import { CHILD, type Fork, OF_EACH_NODE, SCENARIOS } from './fork-scenarios';

const NAMESPACES: ForkOptions = { unshare: ['user', 'pid', 'net', 'uts', 'ipc', 'mnt'] };

function theirs(defaults: childProcess.ForkOptions): Fork {
  return (role, options) => Promise.resolve(childProcess.fork(CHILD, role, { execArgv: [], ...defaults, ...options }));
}

function ours(defaults: ForkOptions): Fork {
  return async (role, options) => {
    const given = { execArgv: [], ...defaults, ...(options as ForkOptions) };
    const child: Pick<NamespaceProcess, keyof childProcess.ChildProcess> = await fork(CHILD, role, given);
    return child;
  };
}

/** Without pages of what is the same: some values are of 1 MB. */
function expectSame(mine: unknown, expected: unknown): void {
  if (isDeepStrictEqual(mine, expected)) return;
  const shown = (value: unknown): string => inspect(value, { depth: 6, maxArrayLength: 20, maxStringLength: 200 });
  expect(shown(mine)).toBe(shown(expected));
}

const known = new Map<string, Promise<unknown>>();

/** What Node makes of a scenario: the same each time, so it is asked once. */
function nodes(name: string): Promise<unknown> {
  const result = known.get(name) ?? SCENARIOS[name]!(theirs({}));
  known.set(name, result);
  return result;
}

describe('fork does what child_process.fork does', () => {
  test.each(Object.entries(SCENARIOS))('%s', async (name, scenario) => {
    const [mine, expected] = await Promise.all([scenario(ours({})), nodes(name)]);
    expectSame(mine, expected);
  });
});

describe('in namespaces', () => {
  test.each(Object.entries(SCENARIOS))('%s', async (name, scenario) => {
    expectSame(await scenario(ours(NAMESPACES)), await nodes(name));
  });

  test('a set forks into itself', async () => {
    await using set = await unshare({ user: true, uts: { hostname: 'forked' } });
    await using child = await set.fork(CHILD, ['describe', 'x'], { silent: true, execArgv: [] });
    const [message] = (await once(child, 'message')) as [object];
    expect(message).toMatchObject({ argv: ['describe', 'x'] });
    await using other = await set.fork(CHILD, ['echo'], { silent: true, execArgv: [] });
    await using namespaces = await other.namespaces();
    expect(namespaces.get('uts')?.equals(set.get('uts')!)).toBe(true);
  });
});

describe.each(OTHER_NODES)('with Node %i', (major) => {
  const { test } = needs({ node: [major] });
  const execPath = otherNode(major) ?? '';

  test.each(OF_EACH_NODE)('%s', async (name) => {
    const scenario = SCENARIOS[name]!;
    const [mine, expected] = await Promise.all([scenario(ours({ execPath })), scenario(theirs({ execPath }))]);
    expectSame(mine, expected);
  });

  test('in namespaces', async () => {
    const child = await fork(CHILD, ['describe'], { ...NAMESPACES, execPath, execArgv: [], silent: true });
    const [message] = (await once(child, 'message')) as [object];
    expect(message).toMatchObject({ connected: true, channel: [] });
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });
});

describe('an IPC channel of any program', () => {
  /** A shell that speaks JSON: one line for each message. */
  const SCRIPT =
    'printf \'{"fd":%s,"mode":"%s"}\\n\' $NODE_CHANNEL_FD $NODE_CHANNEL_SERIALIZATION_MODE >&4; IFS= read -r line <&4; printf "%s" "$line"';
  const stdio = ['ignore', 'pipe', 'inherit', 'ignore', 'ipc'] as const;

  test('spawn makes it, as Node does', async () => {
    const talk = async (child: childProcess.ChildProcess): Promise<unknown> => {
      const [message] = (await once(child, 'message')) as [unknown];
      child.send({ answer: [1, 'ä'] });
      return [message, await text(child.stdout!), child.stdio.map((stream) => stream !== null)];
    };
    const child: Pick<NamespaceProcess, keyof childProcess.ChildProcess> = await spawn('sh', ['-c', SCRIPT], {
      stdio,
      unshare: ['user', 'net'],
    });
    const mine = await talk(child);
    expect(mine).toEqual(await talk(childProcess.spawn('sh', ['-c', SCRIPT], { stdio: [...stdio] })));
    expect(mine).toEqual([{ fd: 4, mode: 'json' }, '{"answer":[1,"ä"]}', expect.any(Array)]);
  });

  test('what the environment said of another one is not passed on', async () => {
    const env = { PATH: process.env.PATH, NODE_CHANNEL_FD: '77', NODE_CHANNEL_SERIALIZATION_MODE: 'advanced' };
    const child = await spawn('env', [], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], env });
    const lines = (await text(child.stdout!)).split('\n').filter((line) => line.startsWith('NODE_'));
    expect(lines).toEqual(['NODE_CHANNEL_FD=3', 'NODE_CHANNEL_SERIALIZATION_MODE=json']);
  });

  test.each([
    ['two of them', { stdio: ['ipc', 'ipc'] }, { code: 'ERR_IPC_ONE_PIPE' }],
    ['as the only word', { stdio: 'ipc' }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [
      'a serialization that is none',
      { stdio: [0, 1, 2, 'ipc'], serialization: 'xml' },
      { code: 'ERR_INVALID_ARG_VALUE' },
    ],
    ['a size that is none', { maxMessageSize: '1' }, { code: 'ERR_INVALID_ARG_TYPE' }],
    ['a size of nothing', { maxMessageSize: 0 }, { code: 'ERR_OUT_OF_RANGE' }],
  ])('%s: refused', async (_, options, error) => {
    await expect(spawn('true', [], options as never)).rejects.toThrow(errorWith(error));
  });
});

describe('arguments of fork', () => {
  test('the module may be a URL', async () => {
    const child = await fork(pathToFileURL(CHILD), ['silent'], { silent: true, execArgv: [] });
    expect([await text(child.stdout!), await child.exited]).toEqual(['silent\n', { code: 0, signal: null }]);
  });

  test.each([
    ['an array without ipc', [CHILD, [], { stdio: [0, 1, 2] }], { code: 'ERR_CHILD_PROCESS_IPC_REQUIRED' }],
    ['a word that is none', [CHILD, [], { stdio: 'pip' }], { code: 'ERR_INVALID_ARG_VALUE' }],
    ['no module', [undefined], { code: 'ERR_INVALID_ARG_TYPE' }],
    ['a module of the web', [new URL('https://example.org/a.js')], { code: 'ERR_INVALID_ARG_VALUE' }],
    ['a shell', [CHILD, [], { shell: true }], { code: 'ERR_INVALID_ARG_VALUE' }],
    ['execArgv that is no array', [CHILD, { execArgv: '--no-warnings' }], { code: 'ERR_INVALID_ARG_TYPE' }],
    ['silent that is no boolean', [CHILD, { silent: 1 }], { code: 'ERR_INVALID_ARG_TYPE' }],
    ['an unknown option', [CHILD, { unshared: 'net' }], { code: 'ERR_INVALID_ARG_VALUE' }],
  ])('%s: refused', async (_, args, error) => {
    const before = footprint();
    await expect((fork as (...all: unknown[]) => Promise<unknown>)(...args)).rejects.toThrow(errorWith(error));
    await expectNothingLeft(before);
  });

  test('a Node that is not there', async () => {
    await expect(fork(CHILD, [], { execPath: '/no/node' })).rejects.toThrow(
      errorWith({ code: 'ENOENT', syscall: 'execve' }),
    );
  });
});

describe('what differs from child_process', () => {
  test('close comes after a disconnect, too, as Node documents it', async () => {
    const child = await fork(CHILD, ['echo'], { silent: true, execArgv: [] });
    const events: string[] = [];
    for (const event of ['disconnect', 'exit', 'close'] as const) child.on(event, () => events.push(event));
    child.disconnect();
    await once(child, 'close');
    expect(events).toEqual(['disconnect', 'exit', 'close']);
  });

  test('what was sent before a disconnect arrives', async () => {
    const child = await fork(CHILD, ['count', '300'], { silent: true, execArgv: [] });
    for (let number = 0; number < 300; number++) child.send({ number, text: 'x'.repeat(10_000) });
    child.disconnect();
    expect(await text(child.stdout!)).toContain('got 300');
  });

  test('messages are kept until somebody listens, after the end too', async () => {
    const child = await fork(CHILD, ['flood', '3', '0'], { silent: true, execArgv: [] });
    await once(child, 'close');
    const numbers: unknown[] = [];
    child.on('message', (message) => numbers.push((message as { number: number }).number));
    await new Promise((resolve) => setImmediate(resolve));
    expect(numbers).toEqual([0, 1, 2]);
  });

  test('what is no message is an error and the end of the channel', async () => {
    const stdio = ['ignore', 'ignore', 'ignore', 'ipc'] as const;
    const texts = { json: 'not JSON\\n', advanced: '\\000\\000\\000\\003abc' };
    for (const serialization of ['json', 'advanced'] as const) {
      const script = `printf '${texts[serialization]}' >&3; exec sleep 60`;
      await using child = await spawn('sh', ['-c', script], { stdio, serialization });
      const disconnected = new Promise((resolve) => child.once('disconnect', () => resolve(child.connected)));
      const error = new Promise((resolve) => child.once('error', resolve));
      expect(await error).toMatchObject({ name: 'NamespaceError', code: 'ERR_LINUX_NS_IPC_MESSAGE' });
      expect(await disconnected).toBe(false);
    }
  });

  const ENDLESS = {
    json: 'exec head -c 10000000 /dev/zero >&3',
    advanced: "printf '\\377\\377\\377\\377' >&3; exec sleep 60",
  };
  test.each(['json', 'advanced'] as const)(
    'a message without an end (%s) is an error, and the end of the channel',
    async (serialization) => {
      const stdio = ['ignore', 'ignore', 'ignore', 'ipc'] as const;
      const options: SpawnOptions = { stdio, serialization, maxMessageSize: 1_000_000 };
      await using child = await spawn('sh', ['-c', ENDLESS[serialization]], options);
      const disconnected = new Promise((resolve) => child.once('disconnect', () => resolve(child.connected)));
      const error = new Promise((resolve) => child.once('error', resolve));
      expect(await error).toMatchObject({
        name: 'NamespaceError',
        code: 'ERR_LINUX_NS_IPC_MESSAGE_SIZE',
        message: expect.stringContaining('more than 1000000 bytes') as string,
        hint: expect.stringContaining('maxMessageSize') as string,
      });
      expect(await disconnected).toBe(false);
    },
  );

  test.each([
    ['just as long as is allowed', 1000, ['x'.repeat(998)]],
    ['one byte longer', 999, ['ERR_LINUX_NS_IPC_MESSAGE_SIZE']],
    ['of any length', Infinity, ['x'.repeat(998)]],
  ])('a message %s', async (_, maxMessageSize, expected) => {
    const script = 'printf \'{}\\n"%0998d"\\n\' 0 | tr 0 x >&3';
    await using child = await spawn('sh', ['-c', script], { stdio: ['ignore', 'ignore', 2, 'ipc'], maxMessageSize });
    const seen: unknown[] = [];
    child.on('message', (message) => seen.push(message));
    child.on('error', (error: NodeJS.ErrnoException) => seen.push(error.code));
    await new Promise((resolve) => child.once('disconnect', () => resolve(undefined)));
    expect(seen).toEqual([{}, ...expected]);
  });

  test('with nobody to listen the child has to wait, as with a pipe; nothing is lost then', async () => {
    const options: ForkOptions = { silent: true, execArgv: [], maxMessageSize: 100_000 };
    const child = await fork(CHILD, ['flood', '3000', '1000'], options);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(child.exitCode).toBeNull();
    const numbers: number[] = [];
    child.on('message', (message) => numbers.push((message as { number: number }).number));
    await once(child, 'disconnect');
    expect(numbers).toEqual(Array.from({ length: 3000 }, (_, index) => index));
  });

  test('nor does it keep a child that has been killed from its close', async () => {
    const options: ForkOptions = { silent: true, execArgv: [], maxMessageSize: 100_000 };
    const child = await fork(CHILD, ['flood', '3000', '1000'], options);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    expect(await closed).toEqual([null, 'SIGKILL']);
    expect(child.connected).toBe(false);
  });

  test('a handle is refused, and nothing is sent', async () => {
    await using child = await fork(CHILD, ['echo'], { silent: true, execArgv: [] });
    const server: Server = createServer();
    expect(() => child.send('server', server)).toThrow(
      errorWith({ name: 'NamespaceError', code: 'ERR_LINUX_NS_UNSUPPORTED' }),
    );
    child.send('next');
    expect(await once(child, 'message')).toEqual(['next', undefined]);
  });

  // The child's Node waits for an answer to the handle before it sends anything else. Where the kernel refuses
  // to send one, none can come: the child does not learn of it, and this end has received nothing to answer.
  const refused = isAtLeast(release(), [6, 16]);
  const lost = refused
    ? 'is refused by the kernel'
    : 'is lost with its message, which is warned of, and what follows arrives';
  test(`a handle that the child sends ${lost}`, async () => {
    const warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const child = await fork(CHILD, ['handle'], { silent: true, execArgv: [] });
    const messages: unknown[] = [];
    child.on('message', (...message) => messages.push(message));
    if (!refused) await once(child, 'message');
    child.send('end');
    await child.exited;
    expect(messages).toEqual(refused ? [] : [['after', undefined]]);
    const warned = [expect.any(String), { code: 'LINUX_NS_HANDLE_LOST' }];
    expect(warning.mock.calls).toEqual(refused ? [] : [warned]);
    warning.mockRestore();
  });

  test('a child that claims to send handles, and does not read the answers, has few of them kept', async () => {
    const warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const script = `
      const { readSync, writeSync } = require('node:fs');
      const again = (act) => {
        for (;;) {
          try {
            return act();
          } catch (error) {
            if (error.code !== 'EAGAIN') throw error;
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
          }
        }
      };
      const say = (text) => {
        for (let bytes = Buffer.from(text); bytes.length > 0;) {
          bytes = bytes.subarray(again(() => writeSync(3, bytes)));
        }
      };
      say('{"cmd":"NODE_HANDLE"}\\n'.repeat(100000) + '"all"\\n');
      const chunk = Buffer.alloc(65536);
      let heard = '';
      while (!heard.endsWith('"enough"\\n')) heard += chunk.toString('utf8', 0, again(() => readSync(3, chunk)));
      say((heard.split('NODE_HANDLE_NACK').length - 1) + '\\n');`;
    const child = await spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    expect(await once(child, 'message')).toEqual(['all', undefined]);
    child.send('enough');
    const [answers] = (await once(child, 'message')) as [number];
    expect(answers).toBeGreaterThan(0);
    // As many as a socket holds.
    expect(answers).toBeLessThan(50_000);
    await child.close();
    warning.mockRestore();
  });
});

describe('lifetimes', () => {
  test('nothing is left of a child that has ended, nor of one that was closed', async () => {
    await (await fork(CHILD, ['silent'], { silent: true, execArgv: [] })).close();
    const before = footprint();
    const ended = await fork(CHILD, ['silent'], { silent: true, execArgv: [] });
    await once(ended, 'close');
    const closed = await fork(CHILD, ['deaf'], { ...NAMESPACES, silent: true, execArgv: [] });
    closed.send('x'.repeat(2 ** 22));
    await closed.close();
    await expectNothingLeft(before);
  });

  test('a child dies with its channel open when this is what it waits for', async () => {
    const child = await fork(CHILD, ['echo'], { silent: true, execArgv: [] });
    await child.close();
    expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' });
    expect(child.connected).toBe(false);
  });

  test('neither the process nor its channel keep Node when they are unreferenced', async () => {
    const script = `
      require(${JSON.stringify(require.resolve('tsx/cjs'))});
      const { fork } = require(${JSON.stringify(require.resolve('../../lib'))});
      fork(${JSON.stringify(CHILD)}, ['echo'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] }).then((child) => {
        child.send('hello', () => { child.unref(); child.channel.unref(); console.log('done'); });
      });`;
    const parent = childProcess.spawn(process.execPath, ['--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [stdout, [code]] = await Promise.all([text(parent.stdout), once(parent, 'exit') as Promise<unknown[]>]);
    expect([stdout, code]).toEqual(['done\n', 0]);
  });
});
