/** What can be done to a Node that was forked, each done through `child_process` and through this package. */
import type { ChildProcess, ForkOptions, Serializable } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** Forks the module the one way or the other. */
export type Fork = (role: readonly string[], options?: ForkOptions) => Promise<ChildProcess>;

export type Scenario = (fork: Fork) => Promise<unknown>;

export const CHILD = join(__dirname, 'fork-child.js');

/** What is seen of a child until it is gone, but for the order of 'exit' and 'disconnect', which is by chance. */
interface Seen {
  messages: unknown[];
  events: string[];
  connected: boolean[];
  channel: boolean;
  exit: unknown;
  stdout: string | undefined;
  stderr: string | undefined;
}

async function observe(child: ChildProcess, onMessage: (message: unknown) => void = () => undefined): Promise<Seen> {
  const messages: unknown[] = [];
  const events: string[] = [];
  const connected = [child.connected];
  for (const event of ['spawn', 'disconnect', 'exit']) {
    child.on(event, (...args: unknown[]) => events.push(`${event} ${args.map(String).join()}`));
  }
  child.on('error', (error: NodeJS.ErrnoException) => events.push(`error ${error.code} ${error.message}`));
  child.on('message', (message, handle) => {
    messages.push(message);
    if (handle !== undefined) events.push('handle');
    onMessage(message);
  });
  const outputs = Promise.all(
    [child.stdout, child.stderr].map(async (stream) => (stream == null ? undefined : text(stream))),
  );
  const disconnected = child.connected ? occurs(child, 'disconnect') : undefined;
  const exit = child.exitCode === null ? await occurs(child, 'exit') : [child.exitCode, child.signalCode];
  await disconnected;
  const [stdout, stderr] = await outputs;
  connected.push(child.connected);
  return { messages, events: events.sort(), connected, channel: child.channel == null, exit, stdout, stderr };
}

/** Unlike `once()` it goes on after an 'error'. */
function occurs(child: ChildProcess, event: string): Promise<unknown[]> {
  return new Promise((resolve) => child.once(event, (...args: unknown[]) => resolve(args)));
}

const SILENT: ForkOptions = { silent: true };
const ADVANCED: ForkOptions = { serialization: 'advanced', silent: true };

/** Sends values to a child that sends them back. */
function echoed(options: ForkOptions, values: readonly unknown[]): Scenario {
  return async (fork) => {
    const child = await fork(['echo'], options);
    const seen = observe(child);
    for (const value of values) child.send(value as Serializable);
    child.send('end');
    return seen;
  };
}

function classes(message: unknown): Scenario {
  return async (fork) => {
    const child = await fork(['classes'], ADVANCED);
    const seen = observe(child);
    child.send(message as Serializable);
    return seen;
  };
}

/** What `send()` throws for values that cannot be sent. */
function unsendable(options: ForkOptions, values: readonly unknown[]): Scenario {
  return async (fork) => {
    const child = await fork(['echo'], options);
    const seen = observe(child);
    const errors = values.map((value) => thrownBy(() => child.send(value as Serializable)));
    child.send('end');
    return [errors, await seen];
  };
}

function thrownBy(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    const { name, message, code } = error as NodeJS.ErrnoException;
    return { name, message, code };
  }
}

function sent(child: ChildProcess, message: Serializable): Promise<Error | null> {
  return new Promise((resolve) => child.send(message, resolve));
}

function described(error: Error | null): unknown {
  return error === null ? null : Object.assign({ message: error.message }, error);
}

const CIRCULAR: Record<string, unknown> = {};
CIRCULAR.self = CIRCULAR;

const MEGABYTE = 'ä'.repeat(2 ** 19);

const JSON_VALUES = [
  null,
  true,
  false,
  0,
  -1.5,
  NaN,
  '',
  'two\nlines\u2028',
  '😀',
  [],
  [[1, [2]]],
  { a: { b: [null] } },
];

export const SCENARIOS: Record<string, Scenario> = {
  'json: what JSON can say': echoed(SILENT, JSON_VALUES),
  'json: what becomes something else': echoed(SILENT, [
    { date: new Date(0), map: new Map([[1, 2]]), buffer: Buffer.from('b'), error: new Error('e'), nothing: undefined },
    [undefined, Infinity, () => 1],
  ]),
  'json: messages of 1 MB': echoed(SILENT, [MEGABYTE, { text: MEGABYTE }, 'small']),
  'json: what cannot be sent': unsendable(SILENT, [undefined, () => 1, Symbol('s'), 1n, CIRCULAR, { big: 1n }]),
  'advanced: what JSON can say': echoed(ADVANCED, JSON_VALUES),
  'advanced: what it cannot': echoed(ADVANCED, [
    { map: new Map([[{ key: 1 }, new Set(['a'])]]), date: new Date(1e12), big: -(2n ** 65n), nothing: undefined },
    {
      buffer: Buffer.from('bytes'),
      empty: new Uint8Array(),
      shorts: new Uint16Array([1, 2]),
      doubles: new Float64Array([0.1]),
    },
    {
      part: Buffer.from('a longer one').subarray(2, 8),
      view: new DataView(new ArrayBuffer(5), 1, 2),
      bytes: new ArrayBuffer(4),
    },
    {
      bigs: new BigUint64Array([2n ** 64n - 1n]),
      regexp: /x/y,
      error: new TypeError('no'),
      sparse: new Array(3).fill(1, 1, 2) as unknown,
    },
    { boxed: [new Number(1), new String('s')], negative: -0, infinity: Infinity },
    CIRCULAR,
  ]),
  'advanced: 1 MB of bytes': echoed(ADVANCED, [Buffer.alloc(2 ** 20, 'b'), { text: MEGABYTE }, 'small']),
  'advanced: what cannot be sent': unsendable(ADVANCED, [undefined, () => 1, 1n, { f: () => 1 }, [Symbol('s')]]),
  'advanced: classes of what the child gets': classes({
    buffer: Buffer.from('b'),
    array: new Uint8Array(2),
    map: new Map(),
    date: new Date(),
    big: 1n,
    error: new Error(),
    nested: { set: new Set(), floats: new Float32Array(1), view: new DataView(new ArrayBuffer(1)) },
  }),
  'advanced: what the child sends': async (fork) => {
    const seen = await observe(await fork(['advanced'], ADVANCED));
    return { ...seen, classes: seen.messages.map((message) => Object.values(message as object).map(classOf)) };
  },

  'json: 10,000 to the child': (fork) => numbered(fork, SILENT, 10_000),
  'advanced: 10,000 to the child': (fork) => numbered(fork, ADVANCED, 10_000),
  'json: 10,000 from a child that ends at once': async (fork) => flooded(await fork(['flood', '10000', '1'], SILENT)),
  'advanced: 10,000 from it': async (fork) => flooded(await fork(['flood', '10000', '1'], ADVANCED)),
  'json: large ones from it': async (fork) => flooded(await fork(['flood', '50', '100000'], SILENT)),
  'advanced: large ones from it': async (fork) => flooded(await fork(['flood', '50', '100000'], ADVANCED)),
  'answers to a child that ends': async (fork) => {
    const child = await fork(['flood', '5000', '100'], SILENT);
    // Some are written to nobody: that must not cost what is still to be read.
    const seen = observe(child, () => child.connected && child.send('answer', () => undefined));
    const { messages, exit } = await seen;
    return [messages.length, exit];
  },
  'a child that exits in the middle': async (fork) => observe(await fork(['exit'], SILENT)),

  'callbacks, in the order of the messages': async (fork) => {
    const child = await fork(['echo'], SILENT);
    const seen = observe(child);
    const order: unknown[] = [];
    for (const number of [1, 2, 3]) child.send(number, (error) => order.push([number, error]));
    const after = child.send(4, undefined, (error) => order.push([4, error]));
    const last = child.send(5, undefined, {}, (error) => order.push([5, error]));
    child.send('end');
    return [await seen, order, after, last];
  },
  'options that are no object': async (fork) => {
    const child = await fork(['echo'], SILENT);
    const seen = observe(child);
    const error = thrownBy(() => child.send(1, undefined, 'options' as never));
    child.send('end');
    return [error, await seen];
  },
  'a handle that is none': async (fork) => {
    const child = await fork(['echo'], SILENT);
    const seen = observe(child);
    const errors = [{}, 'handle', 1].map((handle) => thrownBy(() => child.send(1, handle as never)));
    child.send('end');
    return [errors, await seen];
  },
  'disconnected here': async (fork) => {
    const child = await fork(['echo'], SILENT);
    const seen = observe(child, () => {
      child.disconnect();
      child.disconnect();
    });
    child.send('first');
    return [await seen, described(await sent(child, 'late'))];
  },
  'disconnected here before anything is said': async (fork) => {
    const child = await fork(['echo'], SILENT);
    const seen = observe(child);
    child.disconnect();
    return [child.connected, child.channel, await seen];
  },
  'disconnected there': async (fork) => {
    const child = await fork(['leave'], SILENT);
    const seen = observe(child);
    await once(child, 'disconnect');
    const late = described(await sent(child, 'late'));
    child.stdin?.end();
    return [late, await seen];
  },
  'sent after the exit': async (fork) => {
    const child = await fork(['silent'], SILENT);
    const errors: unknown[] = [];
    const seen = observe(child);
    await seen;
    child.on('error', (error) => errors.push((error as NodeJS.ErrnoException).code));
    const taken = child.send('late');
    return [taken, described(await sent(child, 'late')), errors, await seen];
  },
  'a message before anybody listens': async (fork) => {
    const child = await fork(['early'], SILENT);
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    // The message was sent before, but is read in its own time.
    await new Promise((resolve) => setTimeout(resolve, 200));
    const messages = await once(child, 'message');
    child.send('end');
    return [String(line), messages, await occurs(child, 'exit')];
  },
  'a listener for one message': async (fork) => {
    const child = await fork(['flood', '3', '0'], SILENT);
    const exit = once(child, 'exit');
    const first: unknown = await once(child, 'message');
    const second: unknown = await once(child, 'message');
    return [first, second, await exit];
  },

  'a child that does not listen': async (fork) => observe(await fork(['silent'], SILENT)),
  'a child that lets its channel go': async (fork) => observe(await fork(['unref'], SILENT)),
  'a child that never reads': async (fork) => {
    const child = await fork(['deaf'], SILENT);
    const seen = observe(child);
    await once(child, 'message');
    const pressed = Array.from({ length: 1000 }, () => child.send('x'.repeat(10_000)));
    const killed = child.kill('SIGKILL');
    return [pressed[0], pressed.at(-1), killed, await seen];
  },
  'a kill': async (fork) => {
    const child = await fork(['echo'], SILENT);
    const seen = observe(child);
    child.once('message', () => child.kill());
    child.send('ready');
    return seen;
  },

  'arguments, environment, directory': async (fork) =>
    observe(await fork(['describe', 'a', 'b c'], { ...SILENT, cwd: '/', env: { A: 'a' } })),
  execArgv: async (fork) =>
    observe(await fork(['describe'], { ...SILENT, execArgv: ['--no-warnings', '--stack-trace-limit=3'] })),
  'stdio: a word': async (fork) => observe(await fork(['describe'], { stdio: 'pipe' })),
  'stdio: an array': async (fork) => observe(await fork(['describe'], { stdio: ['ignore', 'pipe', 'ignore', 'ipc'] })),
  'stdio: the channel as another descriptor': async (fork) =>
    observe(await fork(['describe'], { stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'ignore', 'ipc'] })),
  'stdio: streams of the parent': async (fork) => {
    const child = await fork(['describe'], { stdio: ['ipc', 'pipe', 'pipe'] });
    return [child.stdio.map((stream) => stream !== null), await observe(child)];
  },
  'the channel, unreferenced and again referenced': async (fork) => {
    const child = await fork(['echo'], SILENT);
    const seen = observe(child);
    child.channel?.unref();
    child.channel?.ref();
    child.send('end');
    return seen;
  },
};

async function numbered(fork: Fork, options: ForkOptions, count: number): Promise<unknown> {
  const child = await fork(['count', String(count)], options);
  const seen = observe(child);
  let callbacks = 0;
  for (let number = 0; number < count; number++) child.send({ number }, () => callbacks++);
  return [await seen, callbacks];
}

async function flooded(child: ChildProcess): Promise<unknown> {
  const { messages, ...seen } = await observe(child);
  const numbers = messages.map((message) => (message as { number: number }).number);
  return { ...seen, count: numbers.length, ordered: numbers.every((number, index) => number === index) };
}

function classOf(value: unknown): string {
  return Buffer.isBuffer(value) ? 'Buffer' : Object.prototype.toString.call(value);
}

/** Those in which the version of the child's Node could matter: what is on the wire, and how the channel ends. */
export const OF_EACH_NODE = [
  'json: what JSON can say',
  'json: messages of 1 MB',
  'json: 10,000 to the child',
  'advanced: what it cannot',
  'advanced: classes of what the child gets',
  'advanced: what the child sends',
  'advanced: 10,000 to the child',
  'advanced: 10,000 from it',
  'disconnected here',
  'disconnected there',
  'a child that lets its channel go',
];
