/** Network.egress(): connections to all addresses, decided about, made and passed on by this process. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import type { Socket } from 'node:net';
import { inspect } from 'node:util';
import { type EgressOutside, type EgressQuestion, type EgressRequest, Network } from '../../../lib/network';
import { CompiledPackage } from '../../fixtures/child-node';
import { errorWith } from '../../fixtures/errors';
import { type Footprint, eventually, expectNothingLeft } from '../../fixtures/footprint';
import { WAYS, converse, footprintWithServers } from '../sockets/inside';
import { needs } from '../../fixtures/optional';
import { World, endOf, heardFrom } from './inside';

describe.each(WAYS)('egress() of %s', (_, kinds) => {
  let world: World;
  let before: Footprint;

  beforeAll(async () => {
    before = await footprintWithServers();
  });
  beforeEach(async () => {
    world = await World.make(kinds);
  });
  afterEach(() => world.close());
  afterAll(() => expectNothingLeft(before));

  const echo = (socket: Socket): void => void socket.on('error', () => undefined).pipe(socket);

  test('connects to a name that a rule allows, resolved outside, and to no other', async () => {
    const { net, outside } = world;
    await outside.serve(7000, echo);
    await using egress = await net.egress({ allow: ['echo.example:7000'], outside });
    expect(egress.ports).toBe('all');
    expect(inspect(egress)).toBe("Egress { allow: [ 'echo.example:7000' ], ports: 'all', connections: 0 }");
    expect(await converse(await world.dial('echo.example', 7000), 'hello')).toBe('hello');
    expect(await endOf(await world.dial('other.example', 7000))).toBe('ECONNRESET');
    expect(await endOf(await world.dial('echo.example', 7001))).toBe('ECONNRESET');
    expect(outside.looked).toEqual(['echo.example']);
    await eventually(() => Promise.resolve(egress.connections === 0));
  });

  test('is refused in a network with a link that leads out, whether it is up or not', async () => {
    const { net, outside } = world;
    await net.link.add({ name: 'down', kind: 'bridge' });
    await net.link.add({ name: 'out', kind: 'veth', peer: { name: 'in' }, up: true });
    const refused = net.egress({ allow: ['*'], outside });
    await expect(refused).rejects.toThrow(errorWith({ code: 'ERR_LINUX_NS_OTHER_LINKS', kind: 'net' }));
    await expect(refused).rejects.toThrow(/ egress: down, (in, out|out, in): /);
    for (const name of ['down', 'out']) await net.link.delete(name);
    await using egress = await net.egress({ allow: ['*'], outside });
    expect(egress.ports).toBe('all');
  });

  needs({ tool: ['prlimit'] }).test(
    'programs inside leave this process most of its descriptors, however few it may have',
    async () => {
      const limit = (soft: string): unknown =>
        execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${soft}:`], { encoding: 'utf8' });
      const before = execFileSync('prlimit', ['--pid', String(process.pid), '--nofile', '-o', 'SOFT', '--noheadings']);
      limit('1024');
      try {
        await using egress = await world.net.egress({ ask: () => new Promise<boolean>(() => undefined) });
        const ends: Promise<string | undefined>[] = [];
        const dial = async (): Promise<Socket> => {
          const socket = await world.dial('asked.example', 7000);
          ends.push(endOf(socket)); // it may end before the others are connected
          return socket;
        };
        const dialled = await Promise.all(Array.from({ length: 200 }, dial));
        expect(await Promise.race(ends)).toBe('ECONNRESET');
        await eventually(() => Promise.resolve(egress.connections === 128));
        for (const socket of dialled) socket.destroy();
      } finally {
        limit(String(before).trim());
      }
    },
  );

  test('connects to an address that a rule names, of both families', async () => {
    const { net, outside } = world;
    await outside.serve(7000, echo);
    await using _egress = await net.egress({ allow: ['10.0.0.1:7000', '[2001:db8::1]:7000'], outside });
    expect(await converse(await world.dial('10.0.0.1', 7000), 'four')).toBe('four');
    expect(await converse(await world.dial('2001:db8::1', 7000), 'six')).toBe('six');
    expect(await endOf(await world.dial('10.0.0.2', 7000))).toBe('ECONNRESET');
    expect(await endOf(await world.dial('2001:db8::2', 7000))).toBe('ECONNRESET');
  });

  test('tells why it refuses in HTTP, and the Host of a request must be the name', async () => {
    const { net, outside } = world;
    await outside.serve(
      80,
      createHttp((request, response) => response.end(`you asked ${request.headers.host}`)),
    );
    await using _egress = await net.egress({ allow: ['web.example'], outside });
    const ask = async (host: string, header: string): Promise<string> => {
      const socket = await world.dial(host, 80);
      socket.end(`GET / HTTP/1.1\r\nHost: ${header}\r\nConnection: close\r\n\r\n`);
      return heardFrom(socket);
    };
    expect(await ask('web.example', 'web.example')).toContain('you asked web.example');
    expect(await ask('other.example', 'other.example')).toMatch(
      /^HTTP\/1\.1 403 .*The egress policy does not allow other\.example:80: no rule names it\./s,
    );
    expect(await ask('web.example', 'other.example')).toMatch(/^HTTP\/1\.1 403 /);
  });

  test('tells each request: its decision, its program, its bytes and its end', async () => {
    const { net, outside, set } = world;
    await outside.serve(7000, echo);
    await using egress = await net.egress({ allow: ['echo.example:7000'], outside });
    const heard: EgressRequest[] = [];
    egress.on('request', (request) => heard.push(request));
    const address = await world.resolve('echo.example');
    const script = `exec 3<>/dev/tcp/${address}/7000; echo hello >&3; head -c 6 <&3; echo done; read`;
    const program = await set.spawn('bash', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    await eventually(() => Promise.resolve(heard.length === 1));
    const [request] = heard;
    await eventually(() => Promise.resolve(request?.bytesReceived === 6));
    expect(request?.toJSON()).toMatchObject({
      ...{ decision: 'allow', name: 'echo.example', address, port: 7000, rule: 'echo.example:7000' },
      ...{ bytesSent: 6, bytesReceived: 6, program: { pid: program.pid, argv: ['bash', '-c', script] } },
    });
    program.stdin!.end('\n');
    await request?.finished;
    await program.exited;
    await endOf(await world.dial('other.example', 7000));
    expect(egress.requests.recent.map(({ name, decision, reason }) => [name, decision, reason])).toEqual([
      ['echo.example', 'allow', "The egress policy allows echo.example:7000: the rule 'echo.example:7000' names it."],
      ['other.example', 'deny', 'The egress policy does not allow other.example:7000: no rule names it.'],
    ]);
  });

  test('deny() and revoke() cut what they no longer allow, and nothing else; allow() allows more', async () => {
    const { net, outside } = world;
    for (const port of [7000, 7001]) await outside.serve(port, echo);
    await using egress = await net.egress({ allow: ['a.example', 'b.example:7000'], outside });
    const first = await world.dial('a.example', 7000);
    const second = await world.dial('a.example', 7001);
    const third = await world.dial('b.example', 7000);
    for (const each of [first, second, third]) {
      each.write('x');
      await once(each, 'data');
    }
    egress.deny('a.example:7001');
    expect(await endOf(second)).toBe('ECONNRESET');
    egress.revoke('b.example:7000');
    expect(await endOf(third)).toBe('ECONNRESET');
    first.write('y');
    expect(String((await once(first, 'data'))[0])).toBe('y');
    expect(egress.connections).toBe(1);
    egress.allow('c.example');
    expect(await converse(await world.dial('c.example', 7000), 'new')).toBe('new');
    const reasons = egress.requests.recent.map(({ reason }) => reason);
    expect(reasons).toContain('The egress policy has changed, and allows a.example:7001 no longer.');
    expect(() => egress.revoke('d.example')).toThrow(errorWith({ name: 'TypeError' }));
    first.destroy();
  });

  test('revoke() of the rule that names a special address cuts the connections of names that have it', async () => {
    const { net, outside } = world;
    await outside.serve(7000, echo);
    const inTheOffice: EgressOutside = {
      lookup: () => Promise.resolve([{ address: '10.1.2.3', family: 4 }]),
      connect: (options) => outside.connect(options),
    };
    await using egress = await net.egress({ allow: ['db.example', '10.1.0.0/16'], outside: inTheOffice });
    const client = await world.dial('db.example', 7000);
    client.write('x');
    await once(client, 'data');
    egress.revoke('10.1.0.0/16');
    expect(await endOf(client)).toBe('ECONNRESET');
  });

  test('ask() holds a connection until it is decided', async () => {
    const { net, outside } = world;
    await outside.serve(7000, echo);
    const asked: unknown[] = [];
    const ask = ({ name, port }: EgressQuestion): Promise<boolean> => {
      asked.push([name, port]);
      return Promise.resolve(name === 'yes.example');
    };
    await using _egress = await net.egress({ ask, outside });
    expect(await converse(await world.dial('yes.example', 7000), 'one')).toBe('one');
    expect(await converse(await world.dial('yes.example', 7000), 'two')).toBe('two');
    expect(await endOf(await world.dial('no.example', 7000))).toBe('ECONNRESET');
    expect(asked).toEqual([
      ['yes.example', 7000],
      ['no.example', 7000],
    ]);
  });

  test('a network has one egress, and another one after that is closed', async () => {
    const { net } = world;
    const egress = await net.egress({});
    await expect(net.egress({})).rejects.toThrow(errorWith({ code: 'EEXIST' }));
    await egress.close();
    await using another = await net.egress({});
    expect(another.closed).toBe(false);
  });

  test('close() leaves the network as it was', async () => {
    const { net } = world;
    await net.link.set('lo', { up: true });
    const routes = await net.route.list({ table: 'all' });
    const egress = await net.egress({});
    await egress.close();
    expect(await net.route.list({ table: 'all' })).toEqual(routes);
    await expect(net.connect({ host: '10.0.0.1', port: 80 })).rejects.toThrow(errorWith({ code: 'ENETUNREACH' }));
    expect(() => egress.allow('web.example')).toThrow(errorWith({ code: 'ERR_LINUX_NS_CLOSED' }));
  });

  test('close() says so to whoever hears of it first: questions that are withdrawn', async () => {
    let isAsked = false;
    let wasClosed: boolean | undefined;
    const ask = ({ signal }: EgressQuestion): Promise<boolean> => {
      isAsked = true;
      signal.addEventListener('abort', () => (wasClosed = egress.closed));
      return new Promise(() => undefined);
    };
    const egress = await world.net.egress({
      ask,
      deny: ['never.example'],
      via: 'http://user:secret@proxy.example:3128',
    });
    expect(inspect(egress)).toBe(
      "Egress { allow: [], deny: [ 'never.example' ], ask, via: 'proxy.example:3128', ports: 'all', connections: 0 }",
    );
    const asked = await world.dial('asked.example', 7000);
    await eventually(() => Promise.resolve(isAsked));
    const ended = endOf(asked);
    await egress.close();
    expect(wasClosed).toBe(true);
    expect(await ended).toBe('ECONNRESET');
  });

  test('is closed with its network', async () => {
    const net = await Network.open(world.set);
    const egress = await net.egress({});
    await net.close();
    expect(egress.closed).toBe(true);
    await expect(world.net.connect({ host: '10.0.0.1', port: 80 })).rejects.toThrow(
      errorWith({ code: 'ECONNREFUSED' }),
    );
    await expect(net.egress({})).rejects.toThrow(errorWith({ code: 'ERR_LINUX_NS_CLOSED' }));
  });
});

test('a route that is there already is an error of egress(), and no rejection that nobody hears of and that ends Node', async () => {
  const node = new CompiledPackage();
  try {
    const { value } = await node.run(`
      const { Network } = require('./dist/network');
      const set = await linux.unshare(['user', 'net']);
      const net = await Network.open(set);
      await net.link.set('lo', { up: true });
      await net.route.add({ to: '0.0.0.0/0', type: 'local', link: 'lo' });
      const { code } = await net.egress({}).catch((error) => error);
      await net.close();
      await set.close();
      return code;`);
    expect(value).toBe('EEXIST');
  } finally {
    node.remove();
  }
});
