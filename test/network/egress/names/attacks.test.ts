/** Programs that ask the name server of an egress for what it does not give, and in ways in which nobody asks. */
import type { Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Egress } from '../../../../lib/network';
import { encodeQuestion } from '../../../../lib/network/resolve/dns-message';
import { type Footprint, eventually, expectNothingLeft } from '../../../fixtures/footprint';
import { Random } from '../../../fixtures/random';
import { WAYS, footprintWithServers } from '../../sockets/inside';
import { World, endOf } from '../inside';

/** A question with any bytes as its labels, and any type. */
function question(labels: readonly (string | Buffer)[], type = 1, klass = 1): Buffer {
  const head = Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const name = labels.flatMap((label) => [Buffer.of(label.length), Buffer.from(label)]);
  return Buffer.concat([head, ...name, Buffer.from([0, type >> 8, type & 0xff, klass >> 8, klass & 0xff])]);
}

/** The code of an answer, and the number of its records. */
const outcome = (answer: Buffer): [code: number, records: number] => [
  answer.readUInt8(3) & 0xf,
  answer.readUInt16BE(6),
];

const [ANSWERED, EMPTY, NO_SUCH_NAME, MALFORMED, NOT_DONE] = [
  [0, 1],
  [0, 0],
  [3, 0],
  [1, 0],
  [4, 0],
];

describe.each(WAYS)('a program inside %s', (_, kinds) => {
  let world: World;
  let egress: Egress;
  let before: Footprint;
  const sockets: { close(): unknown }[] = [];

  beforeAll(async () => {
    before = await footprintWithServers();
  });
  beforeEach(async () => {
    world = await World.make(kinds);
    egress = await world.net.egress({ allow: ['*.example'], outside: world.outside });
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.close();
    await egress.close();
    await world.close();
  });
  afterAll(() => expectNothingLeft(before));

  async function datagrams(type: 'udp4' | 'udp6', address?: string): Promise<DatagramSocket> {
    const socket = await world.net.createSocket({ type, port: 0, ...(address === undefined ? {} : { address }) });
    sockets.push(socket);
    return socket.on('error', () => undefined);
  }

  /** Asks by datagram, and hears only the server that was asked. */
  async function ask(message: Buffer, server = '9.9.9.9', from?: string): Promise<Buffer> {
    const socket = await datagrams(server.includes(':') ? 'udp6' : 'udp4', from);
    socket.connect(53, server);
    await once(socket, 'connect');
    // Again and again, as a datagram is lost where the buffer of the name server is full.
    const again = setInterval(() => socket.send(message), 200);
    socket.send(message);
    const [answer] = (await once(socket, 'message').finally(() => clearInterval(again))) as [Buffer];
    return answer;
  }

  async function stream(server: string): Promise<Socket> {
    const socket = await world.net.connect({ host: server, port: 53 });
    sockets.push({ close: () => socket.destroy() });
    return socket.on('error', () => undefined);
  }

  test.each([
    ['8.8.8.8', undefined],
    ['127.0.0.53', undefined],
    ['127.0.0.1', undefined],
    ['::1', undefined],
    ['2001:4860:4860::8888', undefined],
    ['8.8.8.8', '127.0.0.1'],
    ['127.0.0.53', '10.9.9.9'],
  ])('is answered by %s, from there, also when it asks from %s', async (server, from) => {
    expect(outcome(await ask(question(['a', 'example']), server, from))).toEqual(ANSWERED);
  });

  test('is answered over TCP, whichever server it asks, several questions at once and in pieces', async () => {
    const messages = [question(['a', 'example']), question(['b', 'example'], 28), question(['c', 'example'], 16)];
    const framed = Buffer.concat(messages.map((each) => Buffer.concat([Buffer.from([0, each.length]), each])));
    for (const server of ['8.8.8.8', '127.0.0.53', '2001:4860:4860::8888']) {
      const socket = await stream(server);
      let heard = Buffer.alloc(0);
      socket.on('data', (chunk: Buffer) => (heard = Buffer.concat([heard, chunk])));
      socket.write(framed.subarray(0, 7));
      socket.write(framed.subarray(7));
      const sizes = messages.map(({ length }, index) => 2 + length + [16, 28, 0][index]!);
      await eventually(() => heard.length === sizes.reduce((sum, size) => sum + size));
    }
  });

  test('sends nothing outside by names, whatever it writes into them', async () => {
    const random = new Random(5);
    for (let index = 0; index < 200; index++) {
      const secret = Buffer.from(Array.from({ length: 40 }, () => random.below(256)))
        .toString('hex')
        .slice(0, 63);
      for (const parent of ['example', 'evil.test']) {
        const message = encodeQuestion({ id: index, name: `${secret}.${parent}`, type: 'A' }) ?? Buffer.alloc(0);
        expect(outcome(await ask(message))).toEqual(ANSWERED);
      }
    }
    expect(world.outside.looked).toEqual([]);
  });

  test('hears nothing of records of other types and classes, and no data comes in by them', async () => {
    const random = new Random(9);
    const types = [2, 5, 6, 15, 16, 33, 35, 41, 43, 46, 64, 65, 99, 249, 250, 251, 252, 255, 256, 32768, 65535];
    for (const type of [...types, ...Array.from({ length: 50 }, () => 300 + random.below(60_000))]) {
      expect(outcome(await ask(question(['a', 'example'], type)))).toEqual(EMPTY);
    }
    expect(outcome(await ask(question(['version', 'bind'], 16, 3)))).toEqual(EMPTY);
    expect(outcome(await ask(question([])))).toEqual(EMPTY);
  });

  test('gets no address for what is no name: NUL, bytes beyond ASCII, labels that are too long, 254 letters', async () => {
    expect(outcome(await ask(question(['a\0b', 'example'])))).toEqual(NO_SUCH_NAME);
    expect(outcome(await ask(question([Buffer.from([0xff, 0xc3, 0xa9]), 'example'])))).toEqual(NO_SUCH_NAME);
    expect(outcome(await ask(question(['a b', 'example'])))).toEqual(NO_SUCH_NAME);
    expect(outcome(await ask(question(['10', '0', '0', '1'])))).toEqual(NO_SUCH_NAME);
    expect(outcome(await ask(question(['a'.repeat(64), 'example'])))).toEqual(MALFORMED);
    expect(outcome(await ask(question([...Array<string>(31).fill('abcdefg'), 'abcdef'])))).toEqual(NO_SUCH_NAME);
    const transfer = question(['a', 'example']);
    transfer[2] = 0x28; // UPDATE, RFC 2136
    expect(outcome(await ask(transfer))).toEqual(NOT_DONE);
  });

  test('that sends what is no question gets no answer, and others go on to get theirs', async () => {
    const socket = await datagrams('udp4');
    const random = new Random(3);
    for (let index = 0; index < 300; index++) {
      const noise = Buffer.from(Array.from({ length: random.below(80) }, () => random.below(256)));
      socket.send(noise, 53, '9.9.9.9');
    }
    expect(outcome(await ask(question(['a', 'example'])))).toEqual(ANSWERED);
  });

  test('that floods it with questions takes no name away that is in use, and holds up nobody', async () => {
    await world.outside.serve(7000, (socket) => void socket.on('error', () => undefined).pipe(socket));
    const client = await world.dial('open.example', 7000);
    const address = client.remoteAddress ?? '';
    const flood = await datagrams('udp4');
    for (let index = 0; index < 40_000; index++) {
      const name = `n${index}.${index % 2 === 0 ? 'example' : 'evil.test'}`;
      flood.send(encodeQuestion({ id: 1, name, type: 'A' }) ?? Buffer.alloc(0), 53, '9.9.9.9', () => undefined);
      if (index % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await world.resolve('open.example')).toBe(address);
    client.write('\0still there');
    expect(String((await once(client, 'data'))[0])).toBe('\0still there');
    client.destroy();
  });

  test('that opens many connections to it is refused at some point, and asks by datagram all the same', async () => {
    const many = await Promise.all(Array.from({ length: 200 }, () => stream('8.8.8.8')));
    for (const socket of many) socket.resume();
    await eventually(() => many.filter(({ closed }) => closed).length === many.length - 64);
    expect(outcome(await ask(question(['a', 'example'])))).toEqual(ANSWERED);
  });

  test('that says it sends a long message over TCP, and never reads, loses its connection', async () => {
    const long = await stream('8.8.8.8');
    long.write(Buffer.from([0xff, 0xff, 1, 2, 3]));
    await endOf(long);
  });

  test('reaches no name server outside by another way: DNS over TLS and over HTTPS are connections like all others', async () => {
    expect(await endOf(await world.dial('8.8.8.8', 853))).toBe('ECONNRESET');
    expect(await endOf(await world.dial('1.1.1.1', 443))).toBe('ECONNRESET');
    const quic = await datagrams('udp4');
    quic.connect(853, '8.8.8.8');
    await once(quic, 'connect');
    quic.send('a packet');
    const [error] = (await once(quic, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });
});
