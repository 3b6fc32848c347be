import { Namespace, Sandbox, clone, execFile, fsmount, mount, spawn, unshare, writeUidMap } from 'linux-ns';
import { Network } from 'linux-ns/network';
import { plain } from '../../lib/errors/plain';

/** Answers with one value after another, and with the last for ever. */
function changing(...values: unknown[]): PropertyDescriptor {
  return { get: () => (values.length > 1 ? values.shift() : values[0]), enumerable: true };
}

const changed = (fixed: object, properties: PropertyDescriptorMap): never =>
  Object.defineProperties({ ...fixed }, properties) as never;

describe('plain()', () => {
  test('reads each property once, in depth', () => {
    let reads = 0;
    const inner = {
      get value() {
        return (reads += 1);
      },
    };
    const copy = plain({ list: [inner], inner });
    expect([copy.inner.value, copy.inner.value, copy.list[0]!.value]).toEqual([1, 1, 1]);
    expect(reads).toBe(1);
  });

  test('keeps holes, undefined, names of any kind, and circles', () => {
    const odd = JSON.parse('{"__proto__": {"a": 1}}') as object;
    const circle: { self?: object; none: undefined } = { none: undefined };
    circle.self = circle;
    const copy = plain({ odd, circle, sparse: new Array<number>(2) });
    expect(Object.keys(copy.odd)).toEqual(['__proto__']);
    expect(copy.circle.self).toBe(copy.circle);
    expect('none' in copy.circle).toBe(true);
    expect(0 in copy.sparse).toBe(false);
    const hidden = Object.defineProperty({}, 'x', { value: 1 }) as { x?: number };
    expect(plain(hidden).x).toBe(1);
  });

  test('what has a class is itself', async () => {
    await using net = await Namespace.of('self', 'net');
    for (const value of [
      net,
      new URL('file:///'),
      new Map(),
      Buffer.from('x'),
      AbortSignal.abort(),
      () => 1,
      null,
      3,
    ]) {
      expect(plain({ value }).value).toBe(value);
    }
  });
});

/** Whatever comes of it, it has a code. */
async function codeOf(call: () => Promise<unknown>): Promise<unknown> {
  try {
    await call();
    return 'none';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

describe('options that change while they are read', () => {
  test('are what they were at first', async () => {
    const options: { unshare: 'user' } = changed({}, { unshare: changing('user', 'nonsense', 7) });
    expect((await execFile('id', ['-u'], options)).stdout).toBe('0\n');
    const args = Object.defineProperty(['-u', ''], 1, changing('-r', 7, {}));
    expect((await execFile('id', args, { unshare: 'user' })).stdout).toBe('0\n');
  });

  const calls: [string, () => Promise<unknown>][] = [
    ['fsmount()', () => fsmount(changed({}, { type: changing('nosuchfs', 7) }))],
    ['mount()', () => mount(changed({ target: '/nosuch' }, { type: changing('nosuchfs', 7) }))],
    [
      'mount() of a set',
      async () => {
        await using set = await unshare(['user', 'mnt']);
        await set.mount(changed({ type: 'nosuchfs' }, { target: changing('/tmp', 7) }));
      },
    ],
    [
      'writeUidMap()',
      () =>
        writeUidMap(
          2 ** 30,
          Object.defineProperty([0], 0, changing({ inside: 0, outside: 0, count: 1 }, null)) as never,
        ),
    ],
    ['spawn()', () => spawn('/no/such', [], changed({}, { argv0: changing('x', 7), cwd: changing('/', {}) }))],
    ['clone()', () => clone(changed({ args: [] }, { file: changing('/no/such', 7) }))],
    ['Sandbox.create()', () => Sandbox.create(changed({ root: '/no/such' }, { hostname: changing('box', 7) }))],
    [
      'connect()',
      async () => {
        await using set = await unshare(['user', 'net']);
        await using network = await Network.open(set);
        await network.connect(
          changed({ host: '127.0.0.1' }, { port: changing(1, {}), signal: changing(undefined, 7) }),
        );
      },
    ],
  ];
  test.each(calls)('%s: an error has a code', async (_, call) => {
    const code = await codeOf(call);
    expect(code).toEqual(expect.any(String));
    expect(code).not.toBe('none');
  });

  test('what no copy can see is an error with a code, too', async () => {
    let reads = 0;
    class Options {
      get argv0(): unknown {
        return reads++ === 0 ? 'x' : 7;
      }
    }
    expect(['none', 'ERR_INVALID_ARG_TYPE']).toContain(
      await codeOf(async () => execFile('true', [], new Options() as object)),
    );
  });
});
