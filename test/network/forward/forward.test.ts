import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';
import { type NamespaceSet, unshare } from '../../../lib';
import { type Forward, Network } from '../../../lib/network';
import { errorWith } from '../../fixtures/errors';
import { type Footprint, eventually, expectNothingLeft } from '../../fixtures/footprint';
import { WAYS, closeAll, converse, footprintWithServers } from '../sockets/inside';

const LOOPBACK = '127.0.0.1';

describe.each(WAYS)('forward() of %s', (_, kinds) => {
  let set: NamespaceSet;
  let net: Network;
  let before: Footprint;
  const servers: Server[] = [];
  const clients: Socket[] = [];

  beforeAll(async () => {
    before = await footprintWithServers();
  });
  beforeEach(async () => {
    set = await unshare(kinds);
    net = await Network.open(set);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await closeAll(...servers.splice(0));
    await net.close();
    await set.close();
  });
  afterAll(() => expectNothingLeft(before));

  const kept = (server: Server): Server => {
    servers.push(server);
    return server;
  };
  /** A server inside, which does with each connection what it is told. */
  const serveInside = async (serve: (socket: Socket) => void, port = 5432): Promise<Server> =>
    kept(await net.listen(createServer({ allowHalfOpen: true }, serve), port));
  const echo = (socket: Socket): void => void socket.on('error', () => undefined).pipe(socket);
  const dial = async (port: number): Promise<Socket> => {
    const socket = connect({ port, host: LOOPBACK, allowHalfOpen: true });
    await once(socket, 'connect');
    clients.push(socket.on('error', () => undefined));
    return socket;
  };
  /** What comes until the other side ends; text() would destroy the socket then. */
  const heardFrom = (socket: Socket): Promise<string> =>
    new Promise((resolve, reject) => {
      let heard = '';
      socket.on('data', (chunk) => (heard += String(chunk))).once('end', () => resolve(heard));
      socket.once('close', () => reject(new Error(`The connection was broken off after: ${heard}`)));
    });
  /** Resolves with the code of the error that ends a connection; undefined for an orderly end. */
  const endOf = (socket: Socket): Promise<string | undefined> =>
    new Promise((resolve) => {
      let code: string | undefined;
      socket.on('error', (error: NodeJS.ErrnoException) => (code = error.code));
      socket.once('close', () => resolve(code)).resume();
    });

  describe('TCP', () => {
    test('leads from a free port of the host to a server inside', async () => {
      await serveInside(echo);
      await using forward = await net.forward({ host: 0, inside: 5432 });
      expect(forward.port).toBeGreaterThan(0);
      expect(await converse(await dial(forward.port), 'hello')).toBe('hello');
      expect(inspect(forward)).toMatch(/^Forward \{ protocol: 'tcp', direction: 'in', port: \d+, connections: \d \}$/);
    });

    test('leads out, from a port inside to a server of the host', async () => {
      const outside = kept(createServer({ allowHalfOpen: true }, echo).listen(0, LOOPBACK));
      await once(outside, 'listening');
      const { port } = outside.address() as AddressInfo;
      await using forward = await net.forward({ direction: 'out', inside: 80, host: port });
      expect(forward).toMatchObject({ port: 80, direction: 'out', protocol: 'tcp' });
      expect(await converse(await net.connect({ port: 80, host: LOOPBACK, allowHalfOpen: true }), 'out')).toBe('out');
    });

    test('takes addresses of both sides', async () => {
      kept(await net.listen(createServer({ allowHalfOpen: true }, echo), { port: 80, host: '::1' }));
      await using forward = await net.forward({ host: 0, hostAddress: '127.1.2.3', inside: 80, insideAddress: '::1' });
      const socket = connect({ port: forward.port, host: '127.1.2.3', allowHalfOpen: true });
      expect(await converse(socket, 'addressed')).toBe('addressed');
      await expect(dial(forward.port)).rejects.toThrow(errorWith({ code: 'ECONNREFUSED' }));
    });

    test('carries many connections and many bytes unchanged', async () => {
      await serveInside(echo);
      await using forward = await net.forward({ host: 0, inside: 5432 });
      const sent = Array.from({ length: 50 }, (__, index) =>
        String.fromCharCode(97 + (index % 26)).repeat(index * 10_007),
      );
      const sockets = await Promise.all(sent.map(() => dial(forward.port)));
      expect(await Promise.all(sockets.map((socket, index) => converse(socket, sent[index]!)))).toEqual(sent);
      await eventually(() => forward.connections === 0);
    });

    test('passes an end on as an end: the other direction stays open', async () => {
      await serveInside((socket) => {
        socket.on('end', () => {
          socket.write('I have heard your end');
          setTimeout(() => socket.end('; and this is mine'), 50);
        });
        socket.resume();
      });
      await using forward = await net.forward({ host: 0, inside: 5432 });
      const socket = await dial(forward.port);
      socket.end();
      expect(await heardFrom(socket)).toBe('I have heard your end; and this is mine');

      await closeAll(...servers.splice(0));
      let hear!: (text: Promise<string>) => void;
      const heard = new Promise<string>((resolve) => (hear = resolve));
      await serveInside((inside) => {
        hear(heardFrom(inside));
        inside.end('mine first');
      });
      const second = await dial(forward.port);
      expect(await heardFrom(second)).toBe('mine first');
      second.end('yours later');
      expect(await heard).toBe('yours later');
    });

    test('waits for a side that does not read', async () => {
      let accept!: (socket: Socket) => void;
      const accepted = new Promise<Socket>((resolve) => (accept = resolve));
      await serveInside((socket) => accept(socket.pause()));
      await using forward = await net.forward({ host: 0, inside: 5432 });
      const socket = await dial(forward.port);
      const chunk = Buffer.alloc(1 << 20);
      let written = 0;
      const feed = (): void => {
        while (written < 512 << 20 && socket.write(chunk)) written += chunk.length;
      };
      socket.on('drain', feed);
      feed();
      let last = -1;
      await eventually(async () => {
        const same = last === socket.bytesWritten - socket.writableLength;
        last = socket.bytesWritten - socket.writableLength;
        await pause(50);
        return same;
      });
      expect(written).toBeLessThan(256 << 20);
      const ended = endOf(socket);
      (await accepted).destroy();
      await ended;
    });

    test('resets a connection where nothing listens on the other side', async () => {
      await using forward = await net.forward({ host: 0, inside: 5432 });
      expect(await endOf(connect(forward.port, LOOPBACK))).toBe('ECONNRESET');
      expect(forward.closed).toBe(false);
      await serveInside(echo); // a server that comes later is found
      expect(await converse(await dial(forward.port), 'now')).toBe('now');
    });

    test('breaks a connection on one side when it breaks on the other', async () => {
      const accepted: Socket[] = [];
      await serveInside((socket) => void accepted.push(socket.on('error', () => undefined)));
      await using forward = await net.forward({ host: 0, inside: 5432 });
      const broken = await dial(forward.port);
      await eventually(() => accepted.length === 1);
      accepted[0]?.resetAndDestroy();
      expect(await endOf(broken)).toBe('ECONNRESET');
      const breaking = await dial(forward.port);
      await eventually(() => accepted.length === 2);
      const end = endOf(accepted[1]!);
      breaking.resetAndDestroy();
      expect(await end).toBe('ECONNRESET');
      await eventually(() => forward.connections === 0);
    });

    test('serves a client that is gone before the other side is connected', async () => {
      await serveInside(echo);
      await using forward = await net.forward({ host: 0, inside: 5432 });
      for (let round = 0; round < 20; round++) {
        const socket = await dial(forward.port);
        if (round % 2 === 0) socket.resetAndDestroy();
        else socket.destroy();
      }
      expect(await converse(await dial(forward.port), 'still here')).toBe('still here');
      await eventually(() => forward.connections === 0);
    });

    test('has no more connections than it is told', async () => {
      await serveInside(echo);
      await using forward = await net.forward({ host: 0, inside: 5432, connections: 2 });
      const [one] = [await dial(forward.port), await dial(forward.port)];
      const third = connect(forward.port, LOOPBACK);
      await endOf(third);
      expect(third.bytesRead).toBe(0);
      one.resetAndDestroy();
      await eventually(() => forward.connections === 1);
      const after = await dial(forward.port);
      expect(await converse(after, 'a place is free')).toBe('a place is free');
    });

    test('close() ends what it carries, and frees the port', async () => {
      await serveInside(echo);
      const forward = await net.forward({ host: 0, inside: 5432 });
      const socket = await dial(forward.port);
      socket.write('x');
      await once(socket, 'data');
      const end = heardFrom(socket);
      await Promise.all([forward.close(), forward.close()]);
      expect(await end).toBe(''); // an orderly end, as when a program ends
      expect(forward.closed).toBe(true);
      await expect(dial(forward.port)).rejects.toThrow(errorWith({ code: 'ECONNREFUSED' }));
      await using again = await net.forward({ host: forward.port, inside: 5432 });
      expect(again.port).toBe(forward.port);
    });

    test('is closed with its network, and by its signal', async () => {
      const abort = new AbortController();
      const [one, two] = await Promise.all([
        net.forward({ host: 0, inside: 1 }),
        net.forward({ host: 0, inside: 1, signal: abort.signal }),
      ]);
      abort.abort();
      expect([one.closed, two.closed]).toEqual([false, true]);
      await net.close();
      expect(one.closed).toBe(true);
      await expect(dial(one.port)).rejects.toThrow(errorWith({ code: 'ECONNREFUSED' }));
      await expect(net.forward({ host: 0, inside: 1 })).rejects.toThrow(errorWith({ code: 'ERR_LINUX_NS_CLOSED' }));
    });
  });

  describe('UDP', () => {
    const ask = async (port: number, words: string): Promise<string> => {
      const socket = createSocket('udp4');
      try {
        socket.send(words, port, LOOPBACK);
        const [answer] = (await once(socket, 'message')) as [Buffer];
        return String(answer);
      } finally {
        socket.close();
      }
    };
    const answering = async (port = 53): Promise<{ senders: Set<number>; close: () => Promise<void> }> => {
      const socket = await net.createSocket({ type: 'udp4', port, address: LOOPBACK });
      const senders = new Set<number>();
      socket.on('message', (message, from) => {
        senders.add(from.port);
        socket.send(`${String(message)} back`, from.port, from.address);
      });
      const close = async (): Promise<void> => {
        socket.close();
        await once(socket, 'close');
      };
      return { senders, close };
    };

    test('carries datagrams in, and each answer to who has asked', async () => {
      const server = await answering();
      await using forward = await net.forward({ host: 0, inside: 53, protocol: 'udp' });
      const words = Array.from({ length: 20 }, (__, index) => `question ${index}`);
      expect(await Promise.all(words.map((each) => ask(forward.port, each)))).toEqual(
        words.map((each) => `${each} back`),
      );
      expect(server.senders.size).toBe(20);
      expect(forward.connections).toBe(20);
      await server.close();
    });

    test('carries datagrams out', async () => {
      const outside = createSocket('udp4').bind(0, LOOPBACK);
      await once(outside, 'listening');
      outside.on('message', (message, from) => outside.send(`${String(message)} outside`, from.port, from.address));
      await using forward = await net.forward({
        direction: 'out',
        inside: 53,
        host: outside.address().port,
        protocol: 'udp',
      });
      const socket = await net.createSocket('udp4');
      socket.send('hello', forward.port, LOOPBACK);
      expect(String((await once(socket, 'message'))[0])).toBe('hello outside');
      for (const each of [socket, outside]) each.close();
    });

    test('keeps the borders of datagrams, the empty one too, in their order', async () => {
      const heard: number[] = [];
      const server = await net.createSocket({ type: 'udp4', port: 53, address: LOOPBACK });
      server.on('message', (message) => heard.push(message.length));
      await using forward = await net.forward({ host: 0, inside: 53, protocol: 'udp' });
      const socket = createSocket('udp4');
      const sizes = [1, 0, 9000, 3, 65_000];
      for (const size of sizes) socket.send(Buffer.alloc(size), forward.port, LOOPBACK);
      await eventually(() => heard.length === sizes.length);
      expect(heard).toEqual(sizes);
      for (const each of [socket, server]) each.close();
    });

    test('loses what nobody takes, and goes on', async () => {
      await using forward = await net.forward({ host: 0, inside: 53, protocol: 'udp' });
      const socket = createSocket('udp4');
      const heard: string[] = [];
      socket.on('message', (message) => heard.push(String(message)));
      for (let count = 0; count < 5; count++) socket.send('nobody', forward.port, LOOPBACK);
      await eventually(() => forward.connections === 1);
      const server = await answering();
      await eventually(() => {
        socket.send('somebody', forward.port, LOOPBACK);
        return heard.includes('somebody back');
      });
      socket.close();
      await server.close();
    });

    test('remembers no more senders than it is told', async () => {
      const server = await answering();
      await using forward = await net.forward({ host: 0, inside: 53, protocol: 'udp', connections: 3 });
      for (let count = 0; count < 10; count++) expect(await ask(forward.port, 'x')).toBe('x back');
      expect(forward.connections).toBe(3);
      await server.close();
    });

    test('close() frees the port', async () => {
      const forward = await net.forward({ host: 0, inside: 53, protocol: 'udp' });
      const socket = createSocket('udp4');
      socket.send('x', forward.port, LOOPBACK);
      await eventually(() => forward.connections === 1);
      await forward.close();
      expect(forward.connections).toBe(0);
      await using again = await net.forward({ host: forward.port, inside: 53, protocol: 'udp' });
      expect(again.port).toBe(forward.port);
      socket.close();
    });
  });

  test('refuses bad options, and ports that are taken', async () => {
    const bad = async (options: object): Promise<unknown> =>
      net.forward(options as never).catch((error: unknown) => error);
    expect(await bad({ host: 0 })).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    expect(await bad({ host: 0, inside: 65536 })).toMatchObject({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
    expect(await bad({ host: 80, inside: 0 })).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(await bad({ host: 0, inside: 80, direction: 'out' })).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(await bad({ host: 0, inside: 1, hostAddress: 'localhost' })).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
    expect(await bad({ host: 0, inside: 1, protokol: 'udp' })).toMatchObject({
      message: expect.stringContaining("did you mean 'protocol'?") as string,
    });
    const forward: Forward = await net.forward({ host: 0, inside: 1 });
    for (const protocol of ['tcp', 'udp'] as const) {
      await using taken = await net.forward({ host: 0, inside: 1, protocol });
      expect(await bad({ host: taken.port, inside: 1, protocol })).toMatchObject({
        name: 'NamespaceError',
        code: 'EADDRINUSE',
        address: LOOPBACK,
        port: taken.port,
      });
    }
    await forward.close();
    const reason = errorWith({ name: 'AbortError' });
    await expect(net.forward({ host: 0, inside: 1, signal: AbortSignal.abort() })).rejects.toThrow(reason);
  });
});
