/** Partitions: who is cut off from whom, from when, and for how long. */
import type { Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type Host, Lab, type LabNetwork, type Router, partition } from '../../../lib/lab';
import { errorWith } from '../../fixtures/errors';
import { type Footprint, eventually, expectNothingLeft } from '../../fixtures/footprint';
import { footprintWithServers } from '../../network/sockets/inside';

let before: Footprint;
beforeAll(async () => {
  before = await footprintWithServers();
});
afterAll(() => expectNothingLeft(before));

const PORT = 7000;

/** A host that hears others. */
interface Ear {
  host: Host;
  socket: DatagramSocket;
  heard: Set<string>;
}

async function listenOn(host: Host): Promise<Ear> {
  const heard = new Set<string>();
  const socket = await host.createSocket({ type: 'udp4', port: PORT });
  socket.on('message', (message) => heard.add(String(message)));
  return { host, socket, heard };
}

/** Each sends to each others' first address, until who is to be heard is heard; then who is not has had as many chances. */
async function expectHeard(ears: readonly Ear[], expected: Record<string, string>): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20)); // for what was sent before
  for (const { heard } of ears) heard.clear();
  const wanted = (): boolean =>
    ears.every(({ host, heard }) => (expected[host.name] ?? '').split('').every((name) => heard.has(name)));
  await eventually(async () => {
    for (const from of ears) {
      for (const to of ears) if (from !== to) from.socket.send(from.host.name, PORT, to.host.addresses[0]);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    return wanted();
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(Object.fromEntries(ears.map(({ host, heard }) => [host.name, [...heard].sort().join('')]))).toEqual(expected);
}

describe('hosts of one network', () => {
  let lab: Lab;
  let lan: LabNetwork;
  let hosts: Host[];
  let ears: Ear[];

  beforeAll(async () => {
    lab = await Lab.create({ seed: 1 });
    lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24', subnet6: 'fd00::/64' });
    hosts = await lab.addHosts(['a', 'b', 'c', 'd', 'e'], { on: lan });
    ears = await Promise.all(hosts.map(listenOn));
  });
  afterEach(() => lab.heal());
  afterAll(() => lab.close());

  const ALL = { a: 'bcde', b: 'acde', c: 'abde', d: 'abce', e: 'abcd' };

  test('hear each other', () => expectHeard(ears, ALL));

  test('are divided into groups, which are given as hosts or names, and are healed', async () => {
    const [a, b, c] = hosts;
    const split = await lab.partition([[a!, 'b'], [c!, 'd'], 'e']);
    expect(split.rule).toEqual({ kind: 'partition', groups: [['a', 'b'], ['c', 'd'], ['e']] });
    expect(lab.faults).toEqual([split.rule]);
    await expectHeard(ears, { a: 'b', b: 'a', c: 'd', d: 'c', e: '' });
    await split.heal();
    await split.heal();
    expect(lab.faults).toEqual([]);
    await expectHeard(ears, ALL);
    expect(b).toBe(lab.hosts.get('b'));
    expect(String(lab.events)).toMatch(
      /fault +partition \[a b\] \[c d\] \[e\]\n.* heal partition \[a b\] \[c d\] \[e\]: [1-9]\d* packets dropped$/m,
    );
  });

  test('talk if they have a group in common, and hosts in no group talk to all', async () => {
    await lab.partition([
      ['a', 'b', 'c'],
      ['c', 'd'],
    ]);
    await expectHeard(ears, { a: 'bce', b: 'ace', c: 'abde', d: 'ce', e: 'abcd' });
  });

  test('are isolated, those that come later included', async () => {
    await lab.isolate('a');
    await expectHeard(ears, { a: '', b: 'cde', c: 'bde', d: 'bce', e: 'bcd' });
    const late = await lab.addHost('f', { on: lan });
    const more = [...ears, await listenOn(late)];
    await expectHeard(more, { a: '', b: 'cdef', c: 'bdef', d: 'bcef', e: 'bcdf', f: 'bcde' });
    await late.close();
  });

  test('are cut in one direction', async () => {
    await lab.cut({ from: 'a', to: ['b', 'c'] });
    await expectHeard(ears, { ...ALL, b: 'cde', c: 'bde' });
  });

  test('are cut by several partitions at once; each heals alone', async () => {
    await using first = await lab.partition([['a'], ['b']]);
    const second = await lab.isolate('c');
    await expectHeard(ears, { a: 'de', b: 'de', c: '', d: 'abe', e: 'abd' });
    await second.heal();
    await expectHeard(ears, { ...ALL, a: 'cde', b: 'cde' });
    expect(lab.faults).toEqual([first.rule]);
  });

  test('are cut for IPv6, and for broadcasts', async () => {
    await lab.isolate('a');
    const [a, b] = await Promise.all(
      ['a', 'b'].map(async (name) => lab.hosts.get(name)!.createSocket({ type: 'udp6', port: 7100, ipv6Only: true })),
    );
    const heard: string[] = [];
    b!.on('message', (message) => heard.push(String(message)));
    ears[0]!.socket.setBroadcast(true);
    ears[0]!.socket.send('broadcast', PORT, '10.0.0.255');
    a!.send('x', 7100, 'fd00::2');
    await expectHeard(ears, { a: '', b: 'cde', c: 'bde', d: 'bce', e: 'bcd' });
    expect(heard).toEqual([]);
    await lab.heal();
    await eventually(() => {
      a!.send('x', 7100, 'fd00::2');
      return heard.length > 0;
    });
    ears[0]!.socket.send('broadcast', PORT, '10.0.0.255');
    await eventually(() => ears[1]!.heard.has('broadcast'));
  });

  test('keep their connections, which are silent until they are healed', async () => {
    const [a, b] = hosts;
    const server = await b!.listen(80);
    const [client, [served]] = await Promise.all([
      a!.connect({ host: 'b', port: 80 }),
      once(server, 'connection') as Promise<[Socket]>,
    ]);
    let heard = '';
    served.on('data', (data) => (heard += String(data)));
    client.write('before ');
    await eventually(() => heard === 'before ');
    await lab.partition(['a', 'b']);
    client.write('after');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(heard).toBe('before ');
    await lab.heal();
    await eventually(() => heard === 'before after');
    client.destroy();
    server.close();
  });

  test('are not what the arguments say', async () => {
    const code = (name: string): unknown => errorWith({ code: name });
    const invalid = code('ERR_INVALID_ARG_VALUE') as Error;
    await expect(lab.partition([['a']])).rejects.toThrow(/must have two groups at least/);
    await expect(lab.partition([['a'], ['stranger']])).rejects.toThrow(/groups\[1\]\[0\].* must be a host of this lab/);
    await expect(lab.isolate('stranger')).rejects.toThrow(invalid);
    await expect(lab.cut({ from: 'a', to: [] })).rejects.toThrow(code('ERR_INVALID_ARG_TYPE') as Error);
    await expect(lab.cut({ from: 'a', to: 'b', til: 'c' } as never)).rejects.toThrow(
      /no property 'til', only from, to/,
    );
    expect(lab.faults).toEqual([]);
  });
});

test('what partitions drop is counted, exactly', async () => {
  await using lab = await Lab.create({ networks: { lan: { subnet: '10.0.0.0/24' } } });
  const [a] = await lab.addHosts(['a', 'b', 'c'], { on: 'lan' });
  await a.network.sysctl.set('net.ipv6.conf.all.disable_ipv6', '1'); // its reports of multicast groups would count
  const socket = await a.createSocket({ type: 'udp4' });
  const send = async (count: number): Promise<void> => {
    for (let each = 0; each < count; each++) {
      await new Promise((resolve) => socket.send('x', PORT, '10.0.0.2', resolve));
    }
  };
  const first = await lab.cut({ from: 'a', to: 'b' });
  expect(await first.dropped()).toBe(0);
  expect((await lab.ping('a', 'b', { timeout: 50 })).received).toBe(0); // and so the address is known from here on
  await send(3);
  expect(await first.dropped()).toBe(4);
  const second = await lab.cut({ from: 'a', to: 'c' });
  await send(4);
  expect([await first.dropped(), await second.dropped()]).toEqual([8, 4]);
  await first.heal();
  expect(String(lab.events)).toMatch(/heal cut \[a\] → \[b\]: 8 packets dropped$/);
  await send(5); // pass
  expect([await first.dropped(), await second.dropped()]).toEqual([8, 4]);
  await lab.heal();
  expect(String(lab.events)).toMatch(/heal: 4 packets dropped$/);
  await lab.heal();
  expect(String(lab.events)).toMatch(/ heal$/);
  const third = await lab.isolate('a');
  await send(1);
  await third.heal();
  expect([await first.dropped(), await second.dropped(), await third.dropped()]).toEqual([8, 4, 1]);
  expect(String(lab.events)).toMatch(/heal isolate a: 1 packet dropped$/);
});

test('hosts several routers apart are cut off', async () => {
  await using lab = await Lab.create({ seed: 1 });
  const lan = await lab.addNetwork('lan', { subnet: '10.1.0.0/24' });
  const middle = await lab.addNetwork('middle', { subnet: '10.2.0.0/24' });
  const wan = await lab.addNetwork('wan', { subnet: '10.3.0.0/24' });
  const [a, b] = await lab.addHosts(['a', 'b'], { on: lan });
  await lab.addRouter('r', { on: [lan, middle] });
  await lab.addRouter('s', { on: [middle, wan] });
  const far = await lab.addHost('f', { on: wan });
  const ears = await Promise.all([a, b, far].map(listenOn));
  const all = { a: 'bf', b: 'af', f: 'ab' };
  await expectHeard(ears, all);
  await lab.partition(['a', 'f']);
  await expectHeard(ears, { a: 'b', b: 'af', f: 'b' });
  await lab.heal();
  await lab.cut({ from: 'f', to: 'a' });
  await expectHeard(ears, { ...all, a: 'b' });
  await lab.heal();
  await lab.isolate('s');
  await expectHeard(ears, { a: 'b', b: 'a', f: '' }); // what it would pass on comes from it
});

describe('behind routers that translate addresses', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.create({
      networks: { one: {}, two: {}, wan: { subnet: '203.0.113.0/24' } },
      routers: { r: { on: ['one', 'wan'], nat: 'wan' }, s: { on: ['two', 'wan'], nat: 'wan' } },
      hosts: { a: { on: 'one' }, b: { on: 'one' }, c: { on: 'two' }, web: { on: 'wan' } },
    });
  });
  afterEach(() => lab.heal());
  afterAll(() => lab.close());

  /** A ping that is answered may take long, and one that is not has a while for it. */
  const reaches = async (from: string, to: string, timeout: number): Promise<boolean> =>
    (await lab.ping(from, to, { timeout })).ok;

  const expectReached = async (from: string, to: string): Promise<void> =>
    expect([from, to, await reaches(from, to, 10_000)]).toEqual([from, to, true]);

  const expectCut = async (from: string, to: string): Promise<void> =>
    expect([from, to, await reaches(from, to, 100)]).toEqual([from, to, false]);

  test('a host is cut off from one outside, in each direction, and its neighbors are not', async () => {
    const cuts = [
      () => lab.partition(['a', 'web']),
      () => lab.cut({ from: 'a', to: 'web' }), // the request
      () => lab.cut({ from: 'web', to: 'a' }), // the answer
      () => lab.isolate('a'),
    ];
    for (const cut of cuts) {
      await using _ = await cut();
      await expectCut('a', 'web');
      await expectReached('b', 'web');
    }
    await expectReached('a', 'web');
  });

  test('two hosts with a router each are cut off by isolate(), or by a partition that names the routers too', async () => {
    const [c, s] = [lab.hosts.get('c')!, lab.hosts.get('s') as Router];
    await s.forwardPort({ port: PORT, to: c, protocol: 'udp' });
    const [from, to] = [await lab.hosts.get('a')!.createSocket('udp4'), await listenOn(c)];
    const outside = s.interfaces.find(({ network }) => network === 'wan')!.addresses[0];
    const expectToHear = async (word: string): Promise<void> =>
      eventually(() => {
        from.send(word, PORT, outside);
        return to.heard.has(word);
      });
    await expectToHear('before');
    await lab.partition(['a', 'c']);
    await expectToHear('during');
    const named = await lab.partition(['a', ['c', 's']]);
    from.send('named', PORT, outside);
    await expectCut('a', 's');
    await named.heal();
    await lab.isolate('a');
    from.send('isolated', PORT, outside);
    await expectCut('a', 'web');
    await lab.heal();
    await expectToHear('after');
    expect(to.heard).toEqual(new Set(['before', 'during', 'after']));
  });
});

describe('partition', () => {
  const five = ['a', 'b', 'c', 'd', 'e'];

  /** Who hears whom, as groups say it. */
  const talks = (groups: string[][]): string[] =>
    five.map((one) =>
      five.filter((other) => groups.some((group) => group.includes(one) && group.includes(other))).join(''),
    );

  test('makes halves, of which the second is the larger', () => {
    expect(partition.halves(five)).toEqual([
      ['a', 'b'],
      ['c', 'd', 'e'],
    ]);
  });

  test('makes a bridge: one host that hears both halves', () => {
    expect(talks(partition.bridge(five))).toEqual(['abc', 'abc', 'abcde', 'cde', 'cde']);
  });

  test('makes a ring, in which each hears two', () => {
    expect(talks(partition.ring(five))).toEqual(['abe', 'abc', 'bcd', 'cde', 'ade']);
  });

  test('makes majorities: each hears one, and no two the same', () => {
    for (const count of [4, 5, 6, 7, 9, 12]) {
      const hosts = Array.from({ length: count }, (_, index) => index);
      const groups = partition.majorities(hosts);
      const views = hosts.map((one) =>
        hosts.filter((other) => groups.some((group) => group.includes(one) && group.includes(other))).join(),
      );
      expect(new Set(views).size).toBe(count);
      for (const view of views) expect(view.split(',').length).toBeGreaterThan(count / 2);
      expect(views.some((view) => view.split(',').length < count)).toBe(true);
    }
  });

  test('wants enough hosts', () => {
    expect(() => partition.halves(['a'])).toThrow(RangeError);
    expect(() => partition.majorities(['a', 'b', 'c'])).toThrow(/"hosts.length" is out of range. It must be >= 4/);
  });
});
