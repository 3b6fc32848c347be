/** src/addon/wire: what a wire does to frames, and what frames cannot do to it. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import { native } from '../../lib/native';
import { withCompiled } from '../fixtures/compiled';
import { expectNothingLeft, eventually, footprint } from '../fixtures/footprint';
import { libraryWorker } from '../fixtures/worker';
import { resultOf } from '../fixtures/scenario';
import { ADDRESSES, Wired, numbersOf } from './wired';

const SCENARIOS = require.resolve('./scenarios');
const HOSTILE_FRAMES = join(__dirname, 'hostile_frames.c');
const COUNT = 400;

const texts = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));

/** Threads of this process that carry frames. */
function carriers(): string[] {
  return readdirSync('/proc/self/task').filter((thread) => {
    try {
      return readFileSync(`/proc/self/task/${thread}/comm`, 'utf8') === 'ns-wires\n';
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

describe('a wire', () => {
  let wired: Wired;

  beforeEach(async () => {
    wired = await Wired.create();
  });

  afterEach(() => wired.close());

  /** Sends datagrams, no more at a time than buffers have room for, and waits until all have had their fate. */
  async function exchange(count: number, size = 0): Promise<string[]> {
    const { send, received } = await wired.datagrams();
    const arrives = (text: string): Promise<void> =>
      eventually(async () => {
        await send(text);
        return received.includes(text);
      });
    await arrives('begin'); // the address of the neighbor is known from then on
    const { sent: before } = wired.counters(0);
    for (const [index, text] of texts(count).entries()) {
      await send(text.padEnd(size));
      // Until the thread has taken them all; and the receiver's buffer is emptied meanwhile.
      if (index % 50 === 0) await eventually(() => wired.counters(0).sent! > before! + index);
    }
    await arrives('end'); // what came before it has arrived before it, or will not
    await eventually(() => waiting() === 0);
    expect(wired.counters(0).overrun).toBe(0);
    return received.filter((text) => text !== 'begin' && text !== 'end');
  }

  function waiting(): number {
    const { sent, delivered, duplicated, lost, queueFull, tooLarge, overrun, refused } = wired.counters(0);
    return sent! + duplicated! - delivered! - lost! - queueFull! - tooLarge! - overrun! - refused!;
  }

  test('carries what comes to one end to the other, and counts it', async () => {
    expect(await exchange(COUNT)).toEqual(texts(COUNT));
    const { sent, delivered, ...rest } = wired.counters(0);
    expect(sent).toBe(delivered);
    expect(Object.values(rest).every((count) => count === 0)).toBe(true);
  });

  test('carries TCP with the offloads of its frames: large ones stay whole, and checksums are right', async () => {
    await wired.impair({ delay: 1 });
    const sent = randomBytes(8 << 20);
    const hash = createHash('sha256');
    const server = await wired.ends[1].listen({ host: ADDRESSES[1], port: 80 });
    const [socket, [accepted]] = await Promise.all([
      wired.ends[0].connect({ host: ADDRESSES[1], port: 80 }),
      once(server, 'connection') as Promise<[Socket]>,
    ]);
    accepted.on('data', (data: Buffer) => hash.update(data));
    // Without the wire, which ends with the test, neither would hear of the other's end.
    const closed = Promise.all([once(socket, 'close'), once(accepted, 'close'), once(server, 'close')]);
    socket.end(sent);
    await once(accepted, 'end');
    accepted.end();
    server.close();
    await closed;
    expect(hash.digest('hex')).toBe(createHash('sha256').update(sent).digest('hex'));
    const { delivered, refused } = wired.counters(0);
    expect(refused).toBe(0);
    expect(delivered).toBeLessThan(sent.length / 1500);
  });

  test('delays, each frame by no less than it is told to', async () => {
    await wired.impair({ delay: 30 }, [0]);
    const { send, received } = await wired.datagrams();
    await send('first');
    await eventually(() => received.length === 1);
    const start = performance.now();
    await send('second');
    await eventually(() => received.length === 2);
    expect(performance.now() - start).toBeGreaterThan(29);
  });

  test('with jitter keeps the order', async () => {
    await wired.impair({ delay: 5, jitter: 5, distribution: 'normal' });
    expect(await exchange(COUNT)).toEqual(texts(COUNT));
  });

  test('reorders: some frames overtake those that are delayed', async () => {
    await wired.impair({ delay: 20, reorder: 0.2 }, [0]);
    const received = await exchange(COUNT);
    expect(received).toHaveLength(COUNT);
    expect(received).not.toEqual(texts(COUNT));
    expect(received.sort((a, b) => Number(a) - Number(b))).toEqual(texts(COUNT));
    expect(wired.counters(0).reordered).toBeGreaterThan(COUNT / 10);
  });

  test('loses the share that it is told to', async () => {
    await wired.impair({ loss: 0.25 }, [0]);
    const received = await exchange(COUNT * 5);
    const { lost } = wired.counters(0);
    expect(received.length).toBeGreaterThan(COUNT * 5 * 0.7);
    expect(received.length).toBeLessThan(COUNT * 5 * 0.8);
    expect(lost).toBeGreaterThanOrEqual(COUNT * 5 - received.length);
  });

  test('loses in bursts as long as it is told to, and no more in all', async () => {
    await wired.impair({ loss: 0.2, burst: 8 }, [0]);
    const count = COUNT * 10;
    const received = new Set(await exchange(count));
    const fates = texts(count).map((text) => received.has(text));
    const bursts = fates.filter((arrived, index) => !arrived && (index === 0 || fates[index - 1]!)).length;
    const lost = count - received.size;
    expect(lost / count).toBeGreaterThan(0.12);
    expect(lost / count).toBeLessThan(0.28);
    expect(lost / bursts).toBeGreaterThan(5);
    expect(lost / bursts).toBeLessThan(12);
  });

  test('duplicates', async () => {
    await wired.impair({ duplicate: 1 }, [0]);
    expect(await exchange(50)).toEqual(texts(50).flatMap((text) => [text, text]));
  });

  test('corrupts so that the receiver finds it: nothing damaged arrives', async () => {
    const { send, received } = await wired.datagrams();
    await send('first');
    await eventually(() => received.length === 1);
    await wired.impair({ corrupt: 1 }, [0]);
    for (const text of texts(100)) await send(text.padEnd(1000, 'x'));
    await eventually(() => wired.counters(0).corrupted! >= 100);
    await wired.impair({}, [0]);
    await send('last');
    await eventually(() => received.includes('last'));
    // A bit of the destination's address or port leads elsewhere; wherever the bit is, the text does not come through.
    expect(received).toEqual(['first', 'last']);
    const snmp = await wired.sets[2].execFile('cat', ['/proc/net/snmp']);
    const [, udp = ''] = /^Udp: (\d.*)$/m.exec(snmp.stdout) ?? [];
    expect(Number(udp.split(' ')[6])).toBeGreaterThan(90); // InCsumErrors
  });

  test('passes packets that have just its MTU', async () => {
    await wired.impair({ mtu: 600 }, [0]);
    expect(await exchange(20, 572)).toEqual(texts(20)); // 600 with the headers of IP and UDP
    expect(wired.counters(0).tooLarge).toBe(0);
  });

  test('drops packets that are one byte larger', async () => {
    await wired.impair({ mtu: 600 }, [0]);
    expect(await exchange(20, 573)).toEqual([]);
    expect(wired.counters(0).tooLarge).toBe(20);
  });

  test('drops what finds the queue of its line full', async () => {
    await wired.impair({ rate: 10_000, queue: 5 }, [0]);
    const received = await exchange(50, 500);
    expect(wired.counters(0).queueFull).toBeGreaterThan(20);
    expect(received.slice(0, 3)).toEqual(texts(3));
  });

  test('sends no faster than its rate', async () => {
    await wired.impair({ rate: 100_000 }, [0]); // a datagram of 1,042 bytes takes 10 ms
    const start = performance.now();
    expect(await exchange(20, 1000)).toEqual(texts(20));
    expect(performance.now() - start).toBeGreaterThan(200);
  });

  test('takes the first rule whose addresses a frame has', async () => {
    const mapped = (address: string): Uint8Array =>
      Uint8Array.from([...new Array<number>(10).fill(0), 255, 255, ...address.split('.').map(Number)]);
    wired.wires.setRule(wired.wire, 0, 1, numbersOf({ loss: 1 }), mapped(ADDRESSES[0]), mapped('10.9.0.77'));
    await wired.settled();
    expect(await exchange(10)).toEqual(texts(10));
    wired.wires.setRule(wired.wire, 0, 1, numbersOf({ loss: 1 }), mapped(ADDRESSES[0]), mapped(ADDRESSES[1]));
    await wired.settled();
    const { lost } = wired.counters(0);
    const sender = await wired.ends[0].createSocket('udp4');
    await new Promise((resolve) => sender.send('x', 7000, ADDRESSES[1], resolve));
    await eventually(() => wired.counters(0).lost! > lost!);
    wired.wires.removeRule(wired.wire, 0, 1);
    await wired.settled();
    const { delivered } = wired.counters(0);
    await new Promise((resolve) => sender.send('x', 7000, ADDRESSES[1], resolve));
    await eventually(() => wired.counters(0).delivered! > delivered!);
    sender.close();
  });

  test('delivers what waits when it is released', async () => {
    const { send, received } = await wired.datagrams();
    await send('first');
    await eventually(() => received.length === 1);
    await wired.impair({ delay: 3_600_000 }, [0]);
    for (const text of texts(10)) await send(text);
    await eventually(() => wired.counters(0).sent! - wired.counters(0).delivered! >= 10);
    await new Promise<void>((resolve) => wired.wires.release(wired.wire, resolve));
    await eventually(() => received.length === 11);
    expect(received).toEqual(['first', ...texts(10)]);
  });

  test('goes on when an interface is gone, and costs nothing then', async () => {
    await wired.impair({ delay: 1 });
    await wired.ends[0].link.delete('eth0');
    await wired.settled();
    const [thread] = carriers();
    const busy = (): string => readFileSync(`/proc/self/task/${thread!}/stat`, 'utf8').split(' ').slice(13, 15).join();
    const before = busy();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await wired.settled();
    expect(busy()).toBe(before);
  });

  test('is not disturbed by frames of any content, whatever it does to them', async () => {
    await wired.impair({ corrupt: 0.5, mtu: 400, duplicate: 0.3, delay: 1, jitter: 1, rate: 1e8, loss: 0.1 });
    // They are sent by a program in the first namespace, in which it may do anything.
    const { stdout } = await withCompiled(HOSTILE_FRAMES, (program) => wired.sets[1].execFile(program, ['3000']));
    const sent = Number(stdout);
    expect(sent).toBeGreaterThan(500);
    await eventually(() => wired.counters(0).sent! >= sent);
    await wired.impair({});
    const { send, received } = await wired.datagrams();
    await send('still there');
    await eventually(() => received.length === 1);
  });
});

describe('the fate of frames', () => {
  async function fates(seed: number): Promise<string[]> {
    await using wired = await Wired.create(seed);
    const { send, received } = await wired.datagrams();
    await eventually(async () => {
      await send('begin'); // until the address is resolved, the sender itself puts what it sends out of order
      return received.length > 0;
    });
    await wired.impair({ loss: 0.3, burst: 2 }, [0]);
    for (const text of texts(COUNT)) await send(text);
    await eventually(async () => {
      await send('end');
      return received.includes('end');
    });
    return received.filter((text) => text !== 'begin' && text !== 'end');
  }

  test('is the same again with the same seed, and another with another', async () => {
    const first = await fates(42);
    expect(await fates(42)).toEqual(first);
    expect(await fates(43)).not.toEqual(first);
  });
});

describe('the thread of wires', () => {
  // A thread that has ended is in /proc until the kernel has taken it away.
  beforeEach(async () => {
    // What is opened once, and kept.
    await (await Wired.create()).close();
    await eventually(() => carriers().length === 0);
  });

  test('ends with close(), and leaves nothing', async () => {
    const before = footprint();
    const wired = await Wired.create();
    expect(carriers()).toHaveLength(1);
    await wired.impair({ delay: 5 });
    await wired.close();
    await eventually(() => carriers().length === 0);
    await expectNothingLeft(before);
  });

  test('ends with the Worker that it belongs to, whatever is under way', async () => {
    const worker = libraryWorker(`
      const { Wired } = require(${JSON.stringify(join(__dirname, 'wired.ts'))});
      const wired = await Wired.create();
      await wired.impair({ delay: 10 });
      report('made');
      setInterval(() => wired.wires.settle(() => undefined), 1);`);
    await once(worker, 'message');
    expect(carriers()).toHaveLength(1);
    await worker.terminate();
    await eventually(() => carriers().length === 0);
  });

  test('does not keep Node from ending, and ends with it', async () => {
    expect(await resultOf(SCENARIOS, 'wireLeftOpen')).toBe('left open');
  });

  test('refuses arguments that are none', () => {
    const wires = native().openWires();
    expect(() => wires.add(-1, 1, -1, 1, new Uint8Array(16))).toThrow('setsockopt: Bad file descriptor');
    expect(() => wires.add(-1, 1, -1, 1, new Uint8Array(15))).toThrow('Invalid argument');
    expect(() => wires.setRule(1, 0, 0, new Float64Array(3), new Uint8Array(), new Uint8Array())).toThrow(
      'Invalid argument',
    );
    expect(wires.counters(7, 0)).toBeUndefined();
    return new Promise<void>((resolve) => wires.close(resolve));
  });
});
