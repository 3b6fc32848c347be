import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { type NamespaceSet, unshare } from '../../../lib';
import { Network } from '../../../lib/network';
import { errorWith } from '../../fixtures/errors';
import { type Footprint, expectNothingLeft, footprint } from '../../fixtures/footprint';
import { WAYS, footprintWithServers } from './inside';

describe.each(WAYS)('createSocket() in %s', (_, kinds) => {
  let set: NamespaceSet;
  let net: Network;
  let before: Footprint;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    before = await footprintWithServers();
    set = await unshare(kinds);
    net = await Network.open(set);
  });

  afterEach(async () => {
    await Promise.all(
      sockets.splice(0).map(async (socket) => new Promise<void>((resolve) => socket.close(() => resolve()))),
    );
  });

  afterAll(async () => {
    await net.close();
    await set.close();
    await expectNothingLeft(before);
  });

  const kept = (socket: Socket): Socket => {
    sockets.push(socket);
    return socket;
  };

  const echo = async (port: number, type: 'udp4' | 'udp6' = 'udp4'): Promise<Socket> => {
    const server = kept(await net.createSocket({ type, port }));
    return server.on('message', (message, { port: from, address }) => server.send(message, from, address));
  };

  const ask = async (socket: Socket, ...to: [port: number, address?: string] | []): Promise<string> => {
    const answer = once(socket, 'message');
    if (to.length === 0) socket.send('hello');
    else socket.send('hello', to[0], to[1]);
    return String((await answer)[0]);
  };

  test('makes a socket that is bound where it is asked to, privileged ports included', async () => {
    const server = await echo(53);
    expect(server.address()).toEqual({ address: '0.0.0.0', family: 'IPv4', port: 53 });
    expect(await ask(kept(await net.createSocket('udp4')), 53, '127.0.0.1')).toBe('hello');
  });

  test('speaks IPv6', async () => {
    await echo(53, 'udp6');
    expect(await ask(kept(await net.createSocket('udp6')), 53, '::1')).toBe('hello');
    expect(await ask(kept(await net.createSocket('udp4')), 53, '127.0.0.1')).toBe('hello');
  });

  test('takes only IPv6, if asked', async () => {
    kept(await net.createSocket({ type: 'udp6', port: 53, ipv6Only: true }));
    await echo(53);
  });

  test('is bound by bind(), as any other, and tells so', async () => {
    const server = kept(await net.createSocket('udp4'));
    const told: string[] = [];
    expect(server.bind(5353, '127.0.0.1', () => told.push('callback'))).toBe(server);
    server.on('listening', () => told.push('event'));
    await once(server, 'listening');
    expect(told).toEqual(['callback', 'event']);
    expect(server.address()).toMatchObject({ address: '127.0.0.1', port: 5353 });
    expect(() => server.bind(5354)).toThrow(errorWith({ code: 'ERR_SOCKET_ALREADY_BOUND' }));
  });

  test('is bound by bind() with options, to a name, and to any free port', async () => {
    const server = kept(await net.createSocket('udp4'));
    server.bind({ port: 0, address: 'localhost' });
    await once(server, 'listening');
    expect(server.address()).toMatchObject({ address: '127.0.0.1', port: expect.any(Number) as number });
    const other = kept(await net.createSocket('udp4'));
    expect(() => other.bind({ fd: 0 })).toThrow(errorWith({ code: 'ERR_INVALID_ARG_VALUE' }));
  });

  test('takes a port of digits, as Node does', async () => {
    const server = kept(await net.createSocket('udp4'));
    server.bind('5354' as never);
    await once(server, 'listening');
    expect(server.address().port).toBe(5354);
    const other = kept(await net.createSocket('udp4'));
    expect(() => other.bind('x' as never)).toThrow(errorWith({ code: 'ERR_OUT_OF_RANGE' }));
  });

  test('connects, and sends without an address then', async () => {
    await echo(53);
    const client = kept(await net.createSocket('udp4'));
    client.connect(53, 'localhost');
    await once(client, 'connect');
    expect(client.remoteAddress()).toMatchObject({ address: '127.0.0.1', port: 53 });
    expect(await ask(client)).toBe('hello');
  });

  test('sends to names of the namespace', async () => {
    await echo(53);
    expect(await ask(kept(await net.createSocket('udp4')), 53, 'localhost')).toBe('hello');
  });

  test('rejects what cannot be bound at its creation, and emits what cannot be bound later', async () => {
    await echo(53);
    await expect(net.createSocket({ type: 'udp4', port: 53 })).rejects.toThrow(
      errorWith({ code: 'EADDRINUSE', syscall: 'bind', address: '0.0.0.0', port: 53 }),
    );
    const other = kept(await net.createSocket('udp4'));
    other.bind(53);
    expect((await once(other, 'error'))[0]).toMatchObject({ code: 'EADDRINUSE', port: 53 });
    other.bind(54);
    await once(other, 'listening');
  });

  test('shares a port, if asked', async () => {
    for (const option of [{ reuseAddr: true }, { reusePort: true }]) {
      const port = 'reuseAddr' in option ? 5353 : 5354;
      kept(await net.createSocket({ type: 'udp4', port, ...option }));
      kept(await net.createSocket({ type: 'udp4', port, ...option }));
    }
  });

  test('takes the sizes of its buffers', async () => {
    const socket = kept(
      await net.createSocket({ type: 'udp4', port: 0, recvBufferSize: 20_000, sendBufferSize: 30_000 }),
    );
    // The kernel doubles them for what it keeps with each datagram: socket(7).
    expect(socket.getRecvBufferSize()).toBe(40_000);
    expect(socket.getSendBufferSize()).toBe(60_000);
  });

  test('sends through one interface only, if asked', async () => {
    await echo(53);
    expect(await ask(kept(await net.createSocket({ type: 'udp4', device: 'lo' })), 53, '127.0.0.1')).toBe('hello');
    await expect(net.createSocket({ type: 'udp4', device: 'nosuch0' })).rejects.toThrow(errorWith({ code: 'ENODEV' }));
  });

  test('is closed by its signal, bound or not', async () => {
    for (const options of [{ port: 0 }, {}]) {
      const controller = new AbortController();
      const socket = await net.createSocket({ type: 'udp4', ...options, signal: controller.signal });
      const closed = once(socket, 'close');
      controller.abort();
      await closed;
    }
    await expect(net.createSocket({ type: 'udp4', signal: AbortSignal.abort() })).rejects.toThrow(
      errorWith({ name: 'AbortError' }),
    );
  });

  test('leaves nothing when it is closed before it is bound, or while it is', async () => {
    const now = footprint();
    const idle = await net.createSocket('udp4');
    await new Promise<void>((resolve) => idle.close(() => resolve()));
    const busy = await net.createSocket('udp4');
    busy.bind(0, 'localhost');
    await new Promise<void>((resolve) => busy.close(() => resolve()));
    await expectNothingLeft(now);
  });

  test('lets several send before it is bound', async () => {
    const server = kept(await net.createSocket({ type: 'udp4', port: 53 }));
    const client = kept(await net.createSocket('udp4'));
    for (const word of ['one', 'two', 'three']) client.send(word, 53, '127.0.0.1');
    const heard: string[] = [];
    await new Promise<void>((resolve) => {
      server.on('message', (message) => {
        heard.push(String(message));
        if (heard.length === 3) resolve();
      });
    });
    expect(heard.sort()).toEqual(['one', 'three', 'two']);
  });

  test.each([
    ['udp5', { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ type: 'udp4', port: -1 }, { code: 'ERR_OUT_OF_RANGE' }],
    [{ type: 'udp4', adress: '' }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ type: 'udp4', recvBufferSize: 0 }, { code: 'ERR_OUT_OF_RANGE' }],
    [{}, { code: 'ERR_INVALID_ARG_VALUE' }],
  ])('refuses %j before anything is started', async (options, error) => {
    await expect(net.createSocket(options as never)).rejects.toThrow(errorWith(error));
  });
});
