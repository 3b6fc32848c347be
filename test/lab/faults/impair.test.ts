/** Impairments: what links do to frames, where, and that a seed makes it happen again. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type Host, type Impairment, Lab, type LabNetwork, type LinkCounters } from '../../../lib/lab';
import { type Footprint, eventually, expectNothingLeft } from '../../fixtures/footprint';
import { footprintWithServers } from '../../network/sockets/inside';

let before: Footprint;
beforeAll(async () => {
  before = await footprintWithServers();
});
afterAll(() => expectNothingLeft(before));

const PORT = 7000;
const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));

/** Sends texts from one host to another, and returns those that arrive. */
async function exchange(from: Host, to: Host, texts: readonly string[]): Promise<string[]> {
  const receiver = await to.createSocket({ type: 'udp4', port: PORT });
  const sender = await from.createSocket({ type: 'udp4', port: PORT });
  const received: string[] = [];
  receiver.on('message', (message) => received.push(String(message)));
  const send = (text: string): Promise<unknown> =>
    new Promise((resolve) => sender.send(text, PORT, to.addresses[0], resolve));
  for (const text of texts) await send(text);
  await eventually(async () => {
    await send('end');
    return received.includes('end');
  });
  receiver.close();
  sender.close();
  return received.filter((text) => text !== 'end');
}

/** The time of a round trip, in milliseconds: the least of a few. */
async function roundTrip(from: Host, to: Host): Promise<number> {
  const echo = await to.createSocket({ type: 'udp4', port: PORT });
  echo.on('message', (message, { port, address }) => echo.send(message, port, address));
  const asking = await from.createSocket('udp4');
  const times: number[] = [];
  for (let count = 0; count < 3; count++) {
    const start = performance.now();
    asking.send('x', PORT, to.addresses[0]);
    await once(asking, 'message');
    times.push(performance.now() - start);
  }
  echo.close();
  asking.close();
  return Math.min(...times);
}

describe('an impairment', () => {
  let lab: Lab;
  let lan: LabNetwork;
  let a: Host;
  let b: Host;
  let c: Host;

  beforeEach(async () => {
    lab = await Lab.create({ seed: 42 });
    lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
    [a, b, c] = await lab.addHosts(['a', 'b', 'c'], { on: lan });
  });
  afterEach(() => lab.close());

  const counters = async (host: string, direction: string): Promise<LinkCounters> =>
    (await lab.counters()).find((each) => each.host === host && each.direction === direction)!;

  test('of a network acts on each frame once, and on hosts that come later', async () => {
    await lan.impair({ delay: 20 });
    expect(await roundTrip(a, b)).toBeGreaterThan(39);
    const late = await lab.addHost('late', { on: lan });
    await c.impair({ delay: 0 }); // takes the place of that of the network
    const time = await roundTrip(c, late);
    expect(time).toBeGreaterThan(19);
    expect((await counters('late', 'out')).impaired).toBe(true);
    expect(lab.faults).toEqual([
      { kind: 'impair', on: { network: 'lan' }, impairment: { delay: 20 } },
      { kind: 'impair', on: { host: 'c', network: 'lan' }, impairment: { delay: 0 } },
    ]);
  });

  test('of an interface acts on what it sends and on what it is sent', async () => {
    await a.impair({ delay: 20 }, lan);
    expect(await roundTrip(a, b)).toBeGreaterThan(39);
    expect(await roundTrip(b, a)).toBeGreaterThan(39);
    expect((await counters('b', 'out')).impaired).toBe(false);
  });

  test('of a pair acts on that direction alone', async () => {
    await lab.impair({ from: a, to: 'b' }, { loss: 1 });
    const toC = await exchange(a, c, numbers(10));
    // The kernel may change the order of datagrams whose sender moves to another processor meanwhile.
    expect(toC.sort()).toEqual(numbers(10));
    expect((await exchange(b, a, numbers(10))).sort()).toEqual(numbers(10));
    const { loss } = (await counters('a', 'out')).dropped; // an answer of its kernel to b may be among those already
    const sender = await a.createSocket('udp4');
    await new Promise((resolve) => sender.send('x', PORT, '10.0.0.2', resolve));
    await eventually(async () => (await counters('a', 'out')).dropped.loss > loss);
    sender.close();
  });

  test('is taken back by null: the wire is gone, connections stay, and what waits is delivered', async () => {
    const server = await b.listen(80);
    const [client, [served]] = await Promise.all([
      a.connect({ host: 'b', port: 80 }),
      once(server, 'connection') as Promise<[Socket]>,
    ]);
    let heard = '';
    served.on('data', (data) => (heard += String(data)));
    client.write('1');
    await eventually(() => heard === '1');
    await a.impair({ delay: 3_600_000 });
    client.write('2');
    await eventually(async () => {
      const { sent, delivered } = await counters('a', 'out');
      return sent > delivered;
    });
    await a.impair(null);
    await eventually(() => heard === '12');
    client.write('3');
    await eventually(() => heard === '123');
    expect((await lab.counters()).some(({ impaired }) => impaired)).toBe(false);
    expect(lab.faults).toEqual([]);
    client.destroy();
    server.close();
  });

  test('loses and counts', async () => {
    await lan.impair({ loss: 0.5 });
    const received = await exchange(a, b, numbers(400));
    const { sent, delivered, dropped } = await counters('a', 'out');
    expect(dropped.loss).toBeGreaterThanOrEqual(400 - received.length);
    expect(sent).toBe(delivered + dropped.loss);
    expect(dropped).toMatchObject({ queue: 0, mtu: 0, overrun: 0, refused: 0 });
  });

  test('leaves TCP whole, at its full size, with loss and duplicates, out of order and damaged', async () => {
    await lan.impair({ loss: 0.02, duplicate: 0.02, corrupt: 0.02, delay: 1, jitter: 1, reorder: 0.05 });
    const data = randomBytes(1 << 20);
    const hash = createHash('sha256');
    const server = await b.listen(80);
    const [client, [served]] = await Promise.all([
      a.connect({ host: 'b', port: 80 }),
      once(server, 'connection') as Promise<[Socket]>,
    ]);
    served.on('data', (piece: Buffer) => hash.update(piece));
    client.end(data);
    await once(served, 'end');
    expect(hash.digest('hex')).toBe(createHash('sha256').update(data).digest('hex'));
    const { sent, corrupted, duplicated, dropped } = await counters('a', 'out');
    expect(sent).toBeGreaterThan(data.length / 1500); // each packet is a frame of its own
    expect(Math.min(corrupted, duplicated, dropped.loss)).toBeGreaterThan(0);
    client.destroy();
    server.close();
  });

  test('outlives a crash of the host, and ends with it', async () => {
    await b.impair({ delay: 20 });
    await b.crash();
    await b.restart();
    expect(await roundTrip(a, b)).toBeGreaterThan(39);
    await b.close();
    expect(lab.faults).toEqual([]);
    expect(await exchange(a, c, numbers(3))).toEqual(numbers(3));
  });

  test('is checked', async () => {
    const bad: [unknown, RegExp][] = [
      [{ loss: 1.5 }, /"impairment.loss" is out of range. It must be >= 0 && <= 1. Received 1.5/],
      [{ loss: NaN }, /"impairment.loss" is out of range/],
      [{ delay: '50ms' }, /"impairment.delay" property must be of type number/],
      [{ rate: '10mb' }, /'impairment.rate' must be a number of bits per second, or such as '10mbit'/],
      [{ rate: 0 }, /"impairment.rate" is out of range/],
      [{ los: 1 }, /no property 'los' \(did you mean 'loss'\?\)/],
      [{ reorder: 0.5 }, /'impairment.reorder' does nothing without 'delay'/],
      [{ queue: 5 }, /'impairment.queue' does nothing without 'rate'/],
      [{ loss: 0.95, burst: 10 }, /"impairment.loss" is out of range/],
      [{ mtu: 20 }, /"impairment.mtu" is out of range/],
      [undefined, /"impairment" argument must be of type object/],
    ];
    for (const [impairment, message] of bad) {
      await expect(lan.impair(impairment as Impairment)).rejects.toThrow(message);
    }
    await expect(lab.impair({ from: a, to: a }, { loss: 1 })).rejects.toThrow(/'pair.to' must be another host/);
    await expect(a.impair({ loss: 1 }, 'wan')).rejects.toThrow(/must be a network that host a is on/);
    expect(lab.faults).toEqual([]);
  });
});

test('what is lost follows from the seed', async () => {
  const fates = async (seed: number): Promise<string[]> => {
    await using lab = await Lab.create({ seed });
    const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
    const [a, b] = await lab.addHosts(['a', 'b'], { on: lan });
    await exchange(a, b, []); // until the address is resolved, the sender itself puts what it sends out of order
    await lan.impair({ loss: 0.3, burst: 3 });
    return await exchange(a, b, numbers(300));
  };
  const first = await fates(7);
  expect(first.length).toBeLessThan(300);
  expect(await fates(7)).toEqual(first);
  expect(await fates(8)).not.toEqual(first);
});

test('a lab that is closed while its links are impaired and parted leaves nothing', async () => {
  const lab = await Lab.create();
  const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
  await lab.addHosts(['a', 'b'], { on: lan });
  await lan.impair({ delay: 10 });
  await lab.isolate('a');
  await lab.close();
  await expect(lab.heal()).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
});

test('a lab that is closed while faults are being made settles all of them, and leaves nothing', async () => {
  for (let round = 0; round < 5; round++) {
    const lab = await Lab.create();
    const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
    const [a] = await lab.addHosts(['a', 'b', 'c'], { on: lan });
    const calls = [lan.impair({ delay: 5 }), lab.isolate('a'), a.impair({ loss: 0.5 }), lan.impair(null), lab.heal()];
    await new Promise((resolve) => setTimeout(resolve, round * 3));
    const outcomes = Promise.allSettled(calls);
    await lab.close();
    for (const outcome of await outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
    }
  }
});

test('a lab that is closed while an impairment is taken back leaves nothing', async () => {
  for (let round = 0; round < 12; round++) {
    const lab = await Lab.create();
    const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
    await lab.addHosts(['a', 'b'], { on: lan });
    await lan.impair({ delay: 5 });
    const outcome = Promise.allSettled([lan.impair(null)]);
    await new Promise((resolve) => setTimeout(resolve, round / 2)); // the descriptors are counted after all tests
    await lab.close();
    await outcome;
  }
});
