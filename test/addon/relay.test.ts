/** src/addon/relay: the thread that relays connections. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { native } from '../../lib/native';
import { descriptorOf } from '../../lib/network/sockets/socket-over';
import { type Footprint, eventually, expectNothingLeft, footprint } from '../fixtures/footprint';
import { PATIENCE } from '../fixtures/patience';
import { resultOf } from '../fixtures/scenario';
import { libraryWorker } from '../fixtures/worker';
import { endOf, heardFrom } from '../network/egress/inside';
import { footprintWithServers } from '../network/sockets/inside';
import { Loopback, relayThreads } from './relayed';

const SCENARIOS = require.resolve('./scenarios');
const MANY = 100_000_000;
const NONE = Buffer.alloc(0);

/** Sends so many random bytes, and ends; resolves with their hash. */
async function sendAll(socket: Socket, size: number): Promise<string> {
  const hash = createHash('sha256');
  const part = randomBytes(1 << 20);
  for (let left = size; left > 0; left -= part.length) {
    part.writeUInt32LE(left);
    const bytes = Buffer.from(part.subarray(0, Math.min(left, part.length)));
    hash.update(bytes);
    if (!socket.write(bytes)) await once(socket, 'drain');
  }
  socket.end();
  return hash.digest('hex');
}

/** The hash of all that comes until the end. */
async function hashOf(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  socket.on('data', (chunk: Buffer) => hash.update(chunk));
  await once(socket.resume(), 'end');
  return hash.digest('hex');
}

describe('a connection that a thread relays', () => {
  let loopback: Loopback;
  let before: Footprint;

  beforeAll(async () => {
    before = await footprintWithServers();
  });
  beforeEach(async () => {
    loopback = await Loopback.open();
  });
  afterEach(() => loopback.close());
  afterAll(() => expectNothingLeft(before));

  test('has all bytes of both directions at once', async () => {
    const { one, other, ended } = await loopback.relay();
    const [there, back, heardThere, heardBack] = await Promise.all([
      ...[sendAll(one, MANY), sendAll(other, MANY)],
      ...[hashOf(other), hashOf(one)],
    ]);
    expect(heardThere).toBe(there);
    expect(heardBack).toBe(back);
    expect(await ended).toEqual({ broken: false, bytes: [MANY, MANY] });
  });

  test('begins with what had been received before', async () => {
    const first = randomBytes(3 << 20); // more than the kernel takes at once
    const { one, other, ended } = await loopback.relay({ fromOne: first, fromOther: Buffer.from('hello ') });
    other.end('world');
    expect(await heardFrom(one)).toBe('hello world');
    one.end('!');
    expect(await hashOf(other)).toBe(createHash('sha256').update(first).update('!').digest('hex'));
    expect(await ended).toEqual({ broken: false, bytes: [1, 5] });
  });

  test('passes an end on as an end, and the other direction goes on', async () => {
    const { one, other, ended } = await loopback.relay();
    one.end('last words');
    expect(await heardFrom(other)).toBe('last words');
    other.write('an answer ');
    await pause(20);
    other.end('after the end');
    expect(await heardFrom(one)).toBe('an answer after the end');
    expect(await ended).toEqual({ broken: false, bytes: [10, 23] });
  });

  test.each(['one', 'other'] as const)('is reset as a whole by a reset of the side %s', async (side) => {
    const relayed = await loopback.relay();
    const far = relayed[side === 'one' ? 'other' : 'one'];
    const ends = endOf(far);
    relayed[side].resetAndDestroy();
    expect(await ends).toBe('ECONNRESET');
    expect(await relayed.ended).toMatchObject({ broken: true });
  });

  test('is reset by a side that has ended before, though nothing is sent to it', async () => {
    const { number, one, other, ended } = await loopback.relay();
    one.end('end');
    expect(await heardFrom(other)).toBe('end');
    other.write('unread');
    await eventually(() => native().bytesRelayed(number, 1) === 6);
    one.destroy(); // with unread bytes, that is a reset: tcp(7)
    expect(await ended).toMatchObject({ broken: true });
  });

  test('is not read faster than it is taken, and little of it is kept', async () => {
    const relayed = await Promise.all(Array.from({ length: 8 }, () => loopback.relay()));
    const memory = process.memoryUsage().rss;
    const chunk = Buffer.alloc(1 << 20);
    for (const { one } of relayed) {
      const flood = (): void => {
        while (one.write(chunk));
      };
      flood();
      one.on('drain', flood);
    }
    const taken = (): number => relayed.reduce((sum, { number }) => sum + native().bytesRelayed(number, 0), 0);
    for (let last = -1; last !== taken();) {
      last = taken();
      await pause(300);
    }
    // What the thread keeps, besides the two megabytes that each writer keeps here.
    expect(process.memoryUsage().rss - memory).toBeLessThan(relayed.length * (4 << 20));
    const [first] = relayed;
    const stopped = native().bytesRelayed(first!.number, 0);
    let heard = 0;
    first!.other.on('data', (bytes: Buffer) => (heard += bytes.length)).resume();
    await eventually(() => heard > 2 * stopped);
    for (const { number } of relayed) native().cancelRelay(number, true);
    await eventually(() => relayed.every(({ one }) => one.destroyed)); // each is reset while it writes
  });

  test('is cut at once when it is cancelled: nothing arrives that was sent after that', async () => {
    const { number, one, other } = await loopback.relay();
    one.write('before');
    expect(String((await once(other.resume(), 'data'))[0])).toBe('before');
    const ends = Promise.all([endOf(one), endOf(other)]);
    let heard = '';
    other.on('data', (chunk) => (heard += String(chunk)));
    native().cancelRelay(number, true);
    one.write('after');
    expect(await ends).toEqual([expect.stringMatching(/ECONNRESET|EPIPE/), 'ECONNRESET']);
    expect(heard).toBe('');
    expect(native().bytesRelayed(number, 0)).toBe(0);
    native().cancelRelay(number, true); // without effect
  });

  test('flows while the event loop stands still', async () => {
    const done = new Int32Array(new SharedArrayBuffer(4));
    const peers = new Worker(
      `const { createServer } = require('node:net');
      const { parentPort, workerData: { done, size } } = require('node:worker_threads');
      const sides = [
        (source) => source.end(Buffer.alloc(size)),
        (sink) => {
          let left = size;
          sink.on('data', ({ length }) => {
            left -= length;
            if (left > 0) return;
            Atomics.store(done, 0, 1);
            Atomics.notify(done, 0);
          });
        },
      ];
      const server = createServer((socket) => sides.shift()(socket.on('error', () => undefined)));
      server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`,
      { eval: true, workerData: { done, size: 20_000_000 } },
    );
    const [port] = (await once(peers, 'message')) as [number];
    const [source, sink] = [await loopback.connect(port), await loopback.connect(port)];
    native().startRelay(descriptorOf(source)!, descriptorOf(sink)!, true, NONE, NONE, () => undefined);
    source.destroy();
    sink.destroy();
    Atomics.wait(done, 0, 0, PATIENCE);
    expect(done[0]).toBe(1);
    await peers.terminate();
  });

  test('has sent nothing where the second socket cannot be watched', async () => {
    const file = openSync(__filename, 'r'); // epoll(7) takes no file of a disk
    for (let tries = 0; tries < 20; tries++) {
      const { peer, end } = await loopback.pair();
      const start = (): unknown =>
        native().startRelay(descriptorOf(end)!, file, true, NONE, Buffer.from('twice'), () => undefined);
      expect(start).toThrow('epoll_ctl: Operation not permitted');
      end.end('once');
      expect(await heardFrom(peer)).toBe('once');
      peer.end();
      end.resume();
    }
    closeSync(file);
  });

  test('says so where the process has no descriptors left', async () => {
    const missing = ['fcntl', 'fcntl', 'epoll_create1', 'eventfd'].map((call) => `${call}: Too many open files`);
    const found = await resultOf(SCENARIOS, 'relayWithoutDescriptors', [], { limits: ['nofile=96'] });
    expect(found).toEqual([...missing, 'relays']);
  });

  test('has no descriptor more than two, a thousand of them at once', async () => {
    const relayed = await Promise.all(Array.from({ length: 1000 }, () => loopback.relay()));
    const open = footprint().descriptors.length;
    const heard = relayed.map(({ other }) => heardFrom(other));
    relayed.forEach(({ one }, index) => one.end(`client ${index}`));
    expect(await Promise.all(heard)).toEqual(relayed.map((_, index) => `client ${index}`));
    for (const { one, other } of relayed) {
      one.resume();
      other.end();
    }
    await Promise.all(relayed.map(({ ended }) => ended));
    await eventually(() => footprint().descriptors.length <= open - 4000);
    expect(relayThreads()).toHaveLength(1);
  });

  test('does not hold up the end of the process', async () => {
    expect(await resultOf(SCENARIOS, 'relayLeftOpen')).toBe('relays');
  });

  test('ends with the Worker that it belongs to', async () => {
    const threads = relayThreads().length;
    const worker = libraryWorker(`
      const { Loopback } = require(${JSON.stringify(join(__dirname, 'relayed.ts'))});
      const loopback = await Loopback.open();
      const { one, other } = await loopback.relay();
      const chunk = Buffer.alloc(1 << 20);
      const flood = () => { while (one.write(chunk)); };
      one.on('drain', flood);
      other.once('data', () => report('flows')).resume();
      flood();`);
    await once(worker, 'message');
    expect(relayThreads()).toHaveLength(threads + 1);
    await worker.terminate();
    await eventually(() => relayThreads().length === threads);
  });
});
