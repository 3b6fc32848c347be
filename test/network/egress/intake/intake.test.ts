/** Which connections come to this process: by rules of nf_tables, and by a listener for each port where there are none. */
import type { Socket } from 'node:net';
import { Policy } from '../../../../lib/network/egress/policy/policy';
import type { EgressPolicy } from '../../../../lib/network';
import { type Egress, egress } from '../../../../lib/network/egress/egress';
import { Place } from '../../../../lib/network/place';
import { errorWith } from '../../../fixtures/errors';
import { type Footprint, expectNothingLeft } from '../../../fixtures/footprint';
import { WAYS, closeAll, converse, footprintWithServers } from '../../sockets/inside';
import { World, endOf } from '../inside';

describe.each(WAYS)('connections of %s are taken in', (_, kinds) => {
  let world: World;
  let place: Place;
  let made: Egress | undefined;
  let before: Footprint;

  beforeAll(async () => {
    before = await footprintWithServers();
  });
  beforeEach(async () => {
    world = await World.make(kinds);
    place = Place.of('target', world.set);
    made = undefined;
  });
  afterEach(async () => {
    await made?.close();
    await place.close();
    await world.close();
  });
  afterAll(() => expectNothingLeft(before));

  const echo = (socket: Socket): void => void socket.on('error', () => undefined).pipe(socket);
  const start = async (by: 'rules' | 'listeners', policy: EgressPolicy): Promise<Egress> => {
    const { link, route, address } = world.net;
    return (made = await egress({ place, link, route, address, isNew: false }, Policy.of('policy', policy), { by }));
  };
  const codeOf = (host: string, port: number): Promise<string | undefined> =>
    world.net.connect({ host, port }).then(
      (socket) => (socket.end('x\n'), endOf(socket)),
      (error: unknown) => (error as NodeJS.ErrnoException).code,
    );

  test.each([1, 22, 80, 443, 40_000, 65_535])('on port %i, of both families, by rules', async (port) => {
    const { outside } = world;
    await outside.serve(port, echo);
    await start('rules', { allow: ['web.example', '10.0.0.1', '[2001:db8::1]'], outside });
    const address = await world.resolve('web.example');
    for (const host of [address, '10.0.0.1', '2001:db8::1']) {
      if (port === 80) continue; // there HTTP is expected
      expect(await converse(await world.dial(host, port), 'x\n')).toBe('x\n');
    }
    expect(await codeOf('10.0.0.2', port)).toBe('ECONNRESET');
  });

  test('on the ports of the policy, and the kernel refuses the others at once', async () => {
    const { outside } = world;
    for (const port of [7000, 7005, 7006]) await outside.serve(port, echo);
    const started = await start('rules', { allow: ['a.example'], ports: [22, '7000-7005'], outside });
    expect(started.ports).toEqual([22, 7000, 7001, 7002, 7003, 7004, 7005]);
    expect(await converse(await world.dial('a.example', 7005), 'x\n')).toBe('x\n');
    expect(await codeOf(await world.resolve('a.example'), 7006)).toBe('ECONNREFUSED');
  });

  test('by a listener for each usual port, and those of rules, where there are no rules of nf_tables', async () => {
    const { outside } = world;
    for (const port of [22, 7000]) await outside.serve(port, echo);
    const started = await start('listeners', {
      allow: ['a.example:22', 'a.example:7000', '[2001:db8::1]:22'],
      outside,
    });
    expect(started.ports).toEqual(expect.arrayContaining([22, 80, 443, 7000]));
    expect(await converse(await world.dial('a.example', 22), 'x\n')).toBe('x\n');
    expect(await converse(await world.dial('a.example', 7000), 'x\n')).toBe('x\n');
    expect(await converse(await world.dial('2001:db8::1', 22), 'x\n')).toBe('x\n');
    expect(await codeOf('10.0.0.2', 443)).toBe('ECONNRESET');
    expect(await codeOf('10.0.0.2', 7001)).toBe('ECONNREFUSED');
  });

  test('more ports than there can be listeners are refused where there are no rules', async () => {
    await expect(start('listeners', { ports: ['1-2000'] })).rejects.toThrow(
      errorWith({ code: 'ERR_LINUX_NS_UNSUPPORTED' }),
    );
    await start('listeners', { ports: ['1-100'] });
  });

  test('and those to the own loopback are left to the programs there', async () => {
    await start('rules', { allow: ['*'], outside: world.outside });
    const servers = await Promise.all([
      world.net.listen({ host: '127.0.0.1', port: 443 }),
      world.net.listen({ host: '::1', port: 8080 }),
    ]);
    for (const server of servers) server.on('connection', echo);
    expect(await converse(await world.dial('127.0.0.1', 443), 'own')).toBe('own');
    expect(await converse(await world.dial('::1', 8080), 'own')).toBe('own');
    expect(await codeOf('127.0.0.1', 444)).toBe('ECONNREFUSED');
    expect(world.outside.looked).toEqual([]);
    await closeAll(...servers);
  });

  test.each(['rules', 'listeners'] as const)('names are told to who asks any address, by %s', async (by) => {
    await start(by, { allow: ['a.example'], outside: world.outside });
    const first = await world.resolve('a.example', '9.9.9.9');
    for (const server of ['127.0.0.53', '10.0.0.1', '192.168.1.1']) {
      expect(await world.resolve('a.example', server)).toBe(first);
    }
    const tcp = await world.dial('8.8.8.8', 53);
    const question = Buffer.from('0001010000010000000000000161076578616d706c650000010001', 'hex');
    tcp.write(Buffer.concat([Buffer.from([0, question.length]), question]));
    const answer = await new Promise<Buffer>((resolve) => tcp.once('data', resolve));
    expect([...answer.subarray(-4)].join('.')).toBe(first);
    tcp.destroy();
  });

  test('other datagrams than questions for names are refused at once', async () => {
    await start('rules', { allow: ['*'] });
    const socket = await world.net.createSocket({ type: 'udp4' });
    const refused = new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve));
    socket.connect(443, '1.2.3.4', () => socket.send('quic'));
    expect((await refused).code).toBe('ECONNREFUSED');
    socket.close();
  });
});
