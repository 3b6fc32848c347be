/** What happens to the bytes and the ends of connections through an egress, and who can use up what. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Egress } from '../../../../lib/network';
import { type Footprint, eventually, expectNothingLeft } from '../../../fixtures/footprint';
import { relayTime } from '../../../addon/relayed';
import { converse, footprintWithServers } from '../../sockets/inside';
import { World, endOf, heardFrom } from '../inside';

const NAME = 'server.example';
const PORT = 7000;
const SIZE = 30_000_000;

/** Column `tr` of proc_net_tcp(5): the other side has closed its window, and is asked again and again if it is open. */
const ZERO_WINDOW_PROBE = '04';

/** True while the other side of a connection, which is in the network of this process, takes no bytes any more. */
function isHeldUp({ localPort = 0, remotePort = 0 }: Socket): boolean {
  const portOf = (address = ''): number => parseInt(address.split(':')[1] ?? '', 16);
  const row = readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([, local, remote]) => portOf(local) === localPort && portOf(remote) === remotePort);
  return row?.[5]?.startsWith(ZERO_WINDOW_PROBE) === true;
}

describe('connections through an egress', () => {
  let world: World;
  let egress: Egress;
  let before: Footprint;
  /** The sides of the server, in the order of their connections. */
  let accepted: Socket[];

  beforeAll(async () => {
    before = await footprintWithServers();
  });
  beforeEach(async () => {
    accepted = [];
    world = await World.make(['user', 'net']);
    await world.outside.serve(PORT, (socket) => accepted.push(socket.on('error', () => undefined)));
    const { outside } = world;
    const ask = (): Promise<boolean> => new Promise(() => undefined);
    egress = await world.net.egress({ allow: [`${NAME}:${PORT}`], deny: ['denied.example'], ask, outside });
  });
  afterEach(async () => {
    await world.close();
    for (const socket of accepted) socket.destroy();
  });
  afterAll(() => expectNothingLeft(before));

  /** Both sides of a connection, after a first byte. */
  async function pair(): Promise<[client: Socket, server: Socket]> {
    const client = await world.dial(NAME, PORT);
    client.write('0\n');
    await eventually(() => Promise.resolve(accepted.length > 0));
    const server = accepted.shift()!;
    expect(String((await once(server, 'data'))[0])).toBe('0\n');
    server.pause();
    return [client, server];
  }

  test('an end of one side is passed on, and the other goes on sending', async () => {
    const [client, server] = await pair();
    client.end('last words');
    expect(await heardFrom(server)).toBe('last words');
    server.write('an answer ');
    await pause(20);
    server.end('after the end');
    expect(await heardFrom(client)).toBe('an answer after the end');
    await eventually(() => Promise.resolve(egress.connections === 0));
  });

  test('an end of the server is passed on, and the client goes on sending', async () => {
    const [client, server] = await pair();
    server.end('bye');
    expect(await heardFrom(client)).toBe('bye');
    client.write('still here ');
    await pause(20);
    client.end('and gone');
    expect(await heardFrom(server)).toBe('still here and gone');
    await eventually(() => Promise.resolve(egress.connections === 0));
  });

  test('the server may speak first', async () => {
    const client = await world.dial(NAME, PORT);
    await eventually(() => Promise.resolve(accepted.length === 1));
    accepted[0]!.end('SSH-2.0-server\r\n');
    expect(await heardFrom(client)).toBe('SSH-2.0-server\r\n');
    client.destroy();
  });

  test('a client that is denied is reset without a word, where the server would speak first', async () => {
    const heard = (await world.dial('denied.example', 22)).on('data', () => undefined);
    expect(await endOf(heard)).toBe('ECONNRESET');
    expect(egress.requests.recent[0]).toMatchObject({ decision: 'deny', bytesSent: 0 });
  });

  test('a reset of one side resets the other', async () => {
    const [client, server] = await pair();
    const ended = endOf(server);
    client.resetAndDestroy();
    expect(await ended).toBe('ECONNRESET');
    const [another, itsServer] = await pair();
    const anotherEnded = endOf(another);
    itsServer.resetAndDestroy();
    expect(await anotherEnded).toBe('ECONNRESET');
    await eventually(() => Promise.resolve(egress.connections === 0));
  });

  test('bytes come in order and whole, in both directions at once', async () => {
    const [client, server] = await pair();
    const bytes = Buffer.alloc(20_000_000);
    for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(at, at);
    client.end(bytes);
    server.end(bytes);
    const whole = async (socket: Socket): Promise<Buffer> => {
      const chunks: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      await once(socket.resume(), 'end');
      return Buffer.concat(chunks);
    };
    const [there, back] = await Promise.all([whole(server), whole(client)]);
    expect(there.equals(bytes)).toBe(true);
    expect(back.equals(bytes)).toBe(true);
  });

  test('what a slow reader has not read is not kept in this process', async () => {
    const [client, server] = await pair();
    const bytes = Buffer.alloc(1 << 20);
    const flood = (): void => {
      while (server.write(bytes));
    };
    server.on('drain', flood);
    flood();
    // The kernel's buffers of both connections fill, and then it stands still.
    await eventually(() => Promise.resolve(isHeldUp(server)));
    const [request] = egress.requests.recent;
    expect(request!.bytesReceived).toBeLessThan(64 << 20);
    server.off('drain', flood).end();
    const { bytesReceived } = request!;
    let read = 0;
    client.on('data', (chunk: Buffer) => (read += chunk.length));
    await once(client, 'end');
    expect(read).toBeGreaterThan(bytesReceived);
    expect(request!.bytesReceived).toBe(read);
    client.destroy();
  });

  test('a thousand connections at once are all served', async () => {
    const serve = (): void => {
      for (const socket of accepted.splice(0)) socket.pipe(socket);
    };
    const serving = setInterval(serve, 5);
    try {
      const address = await world.resolve(NAME);
      const clients = await Promise.all(Array.from({ length: 1000 }, () => world.dial(address, PORT)));
      await eventually(() => Promise.resolve(egress.connections === 1000));
      const heard = await Promise.all(clients.map((client, index) => converse(client, `client ${index}\n`)));
      expect(heard).toEqual(clients.map((_, index) => `client ${index}\n`));
    } finally {
      clearInterval(serving);
    }
    await eventually(() => Promise.resolve(egress.connections === 0));
  });

  /** Runs while bytes flow; resolves with the processor time that the relaying thread has taken for it. */
  async function byThread(run: () => Promise<void>): Promise<number> {
    const before = relayTime();
    await run();
    return relayTime() - before;
  }

  test('many bytes that are not looked at are relayed by a thread, and are counted', async () => {
    const [client, server] = await pair();
    const taken = await byThread(async () => {
      server.end(Buffer.alloc(SIZE));
      let heard = 0;
      client.on('data', ({ length }: Buffer) => (heard += length));
      await once(client, 'end');
      expect(heard).toBe(SIZE);
      client.end('done');
      expect(await heardFrom(server)).toBe('done');
    });
    expect(taken).toBeGreaterThan(0);
    await eventually(() => egress.connections === 0);
    expect(egress.requests.recent[0]).toMatchObject({ bytesReceived: SIZE, bytesSent: 2 + 4 });
  });

  test('what a thread relays is cut by a rule', async () => {
    const [client, server] = await pair();
    const flood = (): void => {
      while (server.write(Buffer.alloc(1 << 20)));
    };
    server.on('drain', flood);
    let heard = 0;
    client.on('data', ({ length }: Buffer) => (heard += length));
    const taken = await byThread(async () => {
      flood();
      await eventually(() => heard > SIZE);
    });
    expect(taken).toBeGreaterThan(0);
    egress.deny(NAME);
    const counted = egress.requests.recent[0]!.bytesReceived;
    await eventually(() => server.destroyed);
    expect(egress.requests.recent[0]!.bytesReceived).toBe(counted);
    client.destroy();
    await eventually(() => egress.connections === 0);
  });

  test('the answers of HTTP are relayed by a thread, and each request is still looked at', async () => {
    const client = await world.dial(NAME, PORT);
    const ask = (host: string): boolean => client.write(`GET / HTTP/1.1\r\nHost: ${host}:${PORT}\r\n\r\n`);
    ask(NAME);
    await eventually(() => accepted.length > 0);
    const server = accepted.shift()!;
    let asked = '';
    server.on('data', (chunk) => (asked += String(chunk)));
    let heard = Buffer.alloc(0);
    client.on('data', (chunk: Buffer) => (heard = Buffer.concat([heard.subarray(-1000), chunk])));
    const taken = await byThread(async () => {
      await eventually(() => asked.endsWith('\r\n\r\n'));
      server.write(Buffer.alloc(SIZE));
      server.write('the first');
      await eventually(() => heard.includes('the first'));
    });
    expect(taken).toBeGreaterThan(0);
    ask(NAME);
    await eventually(() => asked.split('GET /').length === 3);
    server.write('the second');
    await eventually(() => heard.includes('the second'));
    const ended = endOf(server);
    ask('other.example');
    await eventually(() => heard.includes("its request is for 'other.example"));
    expect(await ended).toBe('ECONNRESET');
    expect(asked).not.toContain('other.example');
    client.destroy();
    await eventually(() => egress.connections === 0);
    expect(egress.requests.recent[0]).toMatchObject({ decision: 'deny', bytesReceived: SIZE + 19 });
  });

  test('an end of HTTP answers by a thread is passed on', async () => {
    const client = await world.dial(NAME, PORT);
    client.write(`GET / HTTP/1.1\r\nHost: ${NAME}:${PORT}\r\n\r\n`);
    await eventually(() => accepted.length > 0);
    const server = accepted.shift()!;
    await once(server, 'data');
    server.end(Buffer.alloc(SIZE));
    let heard = 0;
    client.on('data', ({ length }: Buffer) => (heard += length));
    await once(client, 'end');
    expect(heard).toBe(SIZE);
    client.end();
    await once(server.resume(), 'end');
    await eventually(() => egress.connections === 0);
  });

  test('what the policy no longer allows when its server has accepted is cut, and nothing is sent there', async () => {
    await egress.close();
    const { outside } = world;
    let accept = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      accept = resolve;
    });
    let isTried = false;
    egress = await world.net.egress({
      allow: [`${NAME}:${PORT}`],
      outside: {
        lookup: (name) => outside.lookup(name),
        connect: async (options) => {
          isTried = true;
          await asked;
          return outside.connect(options);
        },
      },
    });
    const client = await world.dial(NAME, PORT);
    client.write('too early');
    const ended = endOf(client);
    await eventually(() => isTried);
    egress.deny(NAME);
    accept();
    expect(await ended).toBe('ECONNRESET');
    await eventually(() => egress.connections === 0);
    expect(egress.requests.recent[0]).toMatchObject({ decision: 'allow', bytesSent: 0 });
    await eventually(() => accepted.length === 1);
    accepted[0]!.resume();
    await eventually(() => accepted[0]!.closed);
    expect(accepted[0]!.bytesRead).toBe(0);
  });

  test('close() cuts what is open, what is being decided about, and what waits for its server', async () => {
    const [client, server] = await pair();
    const undecided = await world.dial('asked.example', PORT);
    await eventually(() => Promise.resolve(egress.connections === 2));
    const ends = Promise.all([client, server, undecided].map(endOf));
    await egress.close();
    expect(await ends).toEqual(['ECONNRESET', 'ECONNRESET', 'ECONNRESET']);
    expect(egress.connections).toBe(0);
  });
});
