import { type Server, createServer } from 'node:net';
import { type NamespaceError, type NamespaceSet, unshare } from '../../../lib';
import { Network } from '../../../lib/network';
import { errorWith } from '../../fixtures/errors';
import { type Footprint, expectNothingLeft } from '../../fixtures/footprint';
import { WAYS, closeAll, converse, footprintWithServers } from './inside';

describe.each(WAYS)('connect() from %s', (_, kinds) => {
  let set: NamespaceSet;
  let net: Network;
  let server: Server;
  let before: Footprint;

  beforeAll(async () => {
    before = await footprintWithServers();
    set = await unshare(kinds);
    net = await Network.open(set);
    server = await net.listen(
      createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)),
      80,
    );
  });

  afterAll(async () => {
    await closeAll(server);
    await net.close();
    await set.close();
    await expectNothingLeft(before);
  });

  test('gives a socket of Node, connected, with the addresses of both ends', async () => {
    const socket = await net.connect({ host: '127.0.0.1', port: 80 });
    expect(socket).toMatchObject({ remoteAddress: '127.0.0.1', remotePort: 80, connecting: false, readyState: 'open' });
    expect(await converse(socket, 'x'.repeat(1_000_000))).toHaveLength(1_000_000);
  });

  test('leads to the loopback of the namespace, not to that of the host', async () => {
    const host = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => host.once('listening', resolve));
    const { port } = host.address() as { port: number };
    try {
      await expect(net.connect({ host: '127.0.0.1', port })).rejects.toThrow(
        errorWith({ code: 'ECONNREFUSED', errno: -111, syscall: 'connect', address: '127.0.0.1', port }),
      );
      const error = (await net.connect({ host: 'localhost', port }).catch((cause: unknown) => cause)) as NamespaceError;
      expect(error).toMatchObject({ code: 'ECONNREFUSED', hint: expect.stringContaining("not the host's") as string });
    } finally {
      host.close();
    }
  });

  test('takes what net.connect() takes', async () => {
    const socket = await net.connect({
      ...{ host: '127.0.0.1', port: 80, localAddress: '127.0.0.7', localPort: 4567, device: 'lo' },
      ...{ noDelay: true, keepAlive: true, keepAliveInitialDelay: 1000, timeout: 20_000, allowHalfOpen: true },
    });
    expect(socket).toMatchObject({ localAddress: '127.0.0.7', localPort: 4567, timeout: 20_000, allowHalfOpen: true });
    expect(await converse(socket, 'options')).toBe('options');
  });

  test('takes a port and a host, as net.connect() does, and no host besides options', async () => {
    const socket = await net.connect(80, '127.0.0.8');
    expect(socket.remoteAddress).toBe('127.0.0.8');
    expect(await converse(socket, 'by port and host')).toBe('by port and host');
    await expect(net.connect(80, 7 as unknown as string)).rejects.toThrow(/"host" argument must be of type string/);
    const options = { port: 80 } as unknown as number;
    await expect(net.connect(options, '127.0.0.8')).rejects.toThrow(/"options" argument must be of type number/);
  });

  test('connects by IPv6, and by names of either family', async () => {
    expect(await converse(await net.connect({ host: '::1', port: 80 }), 'six')).toBe('six');
    for (const family of [0, 4, 6] as const) {
      const socket = await net.connect({ host: 'localhost', port: 80, family });
      expect(socket.remoteFamily).toBe(family === 6 ? 'IPv6' : 'IPv4');
      expect(await converse(socket, 'named')).toBe('named');
    }
  });

  test('tries all addresses of a name, and says what became of each', async () => {
    const lookup = (host: string, options: unknown, callback: (...answer: unknown[]) => void): void =>
      callback(null, [
        { address: '127.0.0.2', family: 4 },
        { address: host === 'good' ? '127.0.0.1' : '::1', family: 4 },
      ]);
    const only = await net.listen(
      createServer((socket) => socket.end('second')),
      { port: 81, host: '127.0.0.1' },
    );
    try {
      const socket = await net.connect({ host: 'good', port: 81, lookup: lookup as never });
      expect(await converse(socket, '')).toBe('second');
      const error = (await net
        .connect({ host: 'bad', port: 81, lookup: lookup as never })
        .catch((cause: unknown) => cause)) as NamespaceError & { cause: AggregateError };
      expect(error).toMatchObject({ name: 'NamespaceError', code: 'ECONNREFUSED', step: 'connect bad:81' });
      expect((error.cause.errors as NamespaceError[]).map(({ address }) => address)).toEqual(['127.0.0.2', '::1']);
      await expect(
        net.connect({ host: 'good', port: 81, lookup: lookup as never, autoSelectFamily: false }),
      ).rejects.toThrow(errorWith({ address: '127.0.0.2' }));
    } finally {
      await closeAll(only);
    }
  });

  test('does not try other addresses of a name where that would not help', async () => {
    const gone = await Network.open(set);
    await gone.close();
    await expect(gone.connect({ host: 'localhost', port: 80 })).rejects.toThrow(
      errorWith({ code: 'ERR_LINUX_NS_CLOSED' }),
    );
    await expect(net.connect({ host: 'localhost', port: 80, device: 'nosuch0' })).rejects.toThrow(
      errorWith({ code: 'ENODEV', step: 'bind to device nosuch0' }),
    );
  });

  test('says that there is no way to an address, and what to do about it', async () => {
    await expect(net.connect({ host: '192.0.2.1', port: 80 })).rejects.toThrow(
      errorWith({ code: 'ENETUNREACH', address: '192.0.2.1', hint: expect.stringContaining('no route') as string }),
    );
  });

  test('says that lo is down', async () => {
    const down = await unshare({ ...Object.fromEntries(kinds.map((kind) => [kind, true])), net: { loopback: false } });
    const network = await Network.open(down);
    try {
      await expect(network.connect({ host: '127.0.0.1', port: 80 })).rejects.toThrow(
        errorWith({ code: 'ENETUNREACH', hint: expect.stringContaining('lo is down') as string }),
      );
    } finally {
      await network.close();
      await down.close();
    }
  });

  test('gives up when its time is over, or its signal is aborted', async () => {
    const network = await Network.open(set);
    try {
      // At the other end of the veth nobody answers for any address.
      await network.link.add({ name: 'veth0', kind: 'veth', up: true, peer: { name: 'veth1', up: true } });
      await network.address.add('veth0', '10.9.9.1/24');
      const silent = { host: '10.9.9.2', port: 80 };
      await expect(net.connect({ ...silent, timeout: 50 })).rejects.toThrow(
        errorWith({ name: 'NamespaceError', code: 'ETIMEDOUT', step: 'connect 10.9.9.2:80' }),
      );
      const controller = new AbortController();
      const connecting = net.connect({ ...silent, signal: controller.signal });
      setTimeout(() => controller.abort(), 50);
      await expect(connecting).rejects.toThrow(errorWith({ name: 'AbortError', code: 'ABORT_ERR' }));
      await expect(net.connect({ ...silent, signal: controller.signal })).rejects.toThrow(
        errorWith({ name: 'AbortError' }),
      );
      const lookup = (_host: string, _options: unknown, callback: (...answer: unknown[]) => void): void =>
        callback(null, [
          { address: '10.9.9.2', family: 4 },
          { address: '127.0.0.1', family: 4 },
        ]);
      // One that does not answer is not waited for where there is another.
      const socket = await net.connect({ host: 'both', port: 80, lookup: lookup as never });
      expect(await converse(socket, 'the second')).toBe('the second');
    } finally {
      await network.close();
    }
  });

  test('destroys the socket when its signal is aborted later on', async () => {
    const controller = new AbortController();
    const socket = await net.connect({ host: '127.0.0.1', port: 80, signal: controller.signal });
    const error = new Promise((resolve) => socket.once('error', resolve));
    controller.abort();
    expect(await error).toMatchObject({ name: 'AbortError' });
    expect(socket.destroyed).toBe(true);
  });

  test('makes a hundred connections at once', async () => {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => net.connect({ host: '127.0.0.1', port: 80 })));
    const words = await Promise.all(sockets.map((socket, index) => converse(socket, String(index))));
    expect(words).toEqual(sockets.map((__, index) => String(index)));
  });

  test.each([
    [{}, { code: 'ERR_INVALID_ARG_TYPE' }],
    [{ port: 0 }, { code: 'ERR_OUT_OF_RANGE' }],
    [{ port: 80, path: '/run/x' }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ port: 80, hots: 'a' }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ port: 80, family: 5 }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ port: 80, localAddress: 'here' }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ port: 80, timeout: -1 }, { code: 'ERR_OUT_OF_RANGE' }],
    [{ port: 80, lookup: 'dns' }, { code: 'ERR_INVALID_ARG_TYPE' }],
    [{ port: 80, dns: { server: [] } }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ path: '' }, { code: 'ERR_INVALID_ARG_VALUE' }],
  ])('refuses %j before anything is started', async (options, error) => {
    await expect(net.connect(options as never)).rejects.toThrow(errorWith(error));
  });
});
