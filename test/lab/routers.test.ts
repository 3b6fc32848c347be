/** Routers: ways over several networks, address translation, and ports that lead inside. */
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { constants } from 'node:os';
import { execFile } from '../../lib';
import { type Host, Lab, type LabNetwork, type NatType, type Router } from '../../lib/lab';
import { errorWith } from '../fixtures/errors';
import { eventually } from '../fixtures/footprint';
import { nodeArguments } from '../fixtures/scenario';
import { getText } from '../network/sockets/inside';

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create();
});
afterEach(() => lab.close());

/** Milliseconds until what was sent and lost is sent again. */
const AGAIN = 50;

test('routes lead over several routers, by the shortest way, and back', async () => {
  const subnets = ['10.0.1.0/24', '10.0.2.0/24', '10.0.3.0/24'];
  const [first, second, third] = await Promise.all(
    subnets.map((subnet, index) => lab.addNetwork(`net${index + 1}`, { subnet, subnet6: `fd00:${index + 1}::/64` })),
  );
  await lab.addRouter('r1', { on: [first!, second!] });
  const a = await lab.addHost('a', { on: first });
  const c = await lab.addHost('c', { on: third });
  await lab.addRouter('r2', { on: [second!, third!] });
  expect((await a.network.route.list()).filter(({ via }) => via !== undefined)).toMatchObject([
    { to: '10.0.2.0/24', via: '10.0.1.1' },
    { to: '10.0.3.0/24', via: '10.0.1.1' },
    { to: 'fd00:2::/64', via: 'fd00:1::1' },
    { to: 'fd00:3::/64', via: 'fd00:1::1' },
  ]);
  const server = createServer((request, response) => response.end(request.socket.remoteAddress));
  await c.listen(server, 80);
  const agent = a.httpAgent();
  expect(await getText({ host: '10.0.3.1', agent })).toBe('::ffff:10.0.1.2');
  expect(await getText({ host: 'fd00:3::1', agent })).toBe('fd00:1::2');
});

test('routes follow when a router is taken away, and when a shorter way comes', async () => {
  const [first, second] = [
    await lab.addNetwork('one', { subnet: '10.0.1.0/24' }),
    await lab.addNetwork('two', { subnet: '10.0.2.0/24' }),
  ];
  const middle = await lab.addNetwork('middle', { subnet: '10.0.9.0/24' });
  const a = await lab.addHost('a', { on: first, address: '10.0.1.100' });
  await lab.addRouter('far', { on: [first, middle] });
  await lab.addRouter('farther', { on: [middle, second] });
  const viaTo = async (to: string): Promise<string | undefined> => (await a.network.route.list({ to }))[0]?.via;
  expect(await viaTo('10.0.2.0/24')).toBe('10.0.1.1');
  const near = await lab.addRouter('near', { on: [{ network: first, address: '10.0.1.2' }, second] });
  expect(await viaTo('10.0.2.0/24')).toBe('10.0.1.2');
  await near.close();
  expect(await viaTo('10.0.2.0/24')).toBe('10.0.1.1');
  await lab.hosts.get('farther')!.close();
  expect(await viaTo('10.0.2.0/24')).toBeUndefined();
});

describe('a router that translates addresses', () => {
  let wan: LabNetwork;
  beforeEach(async () => {
    wan = await lab.addNetwork('wan', { subnet: '203.0.113.0/24' });
  });

  /** A home behind a NAT, with one host. */
  async function home(name: string, type?: NatType): Promise<Router> {
    const lan = await lab.addNetwork(`${name}-lan`, { subnet: '192.168.1.0/24' });
    const nat = type === undefined ? wan : { network: wan, type };
    const router = await lab.addRouter(`${name}-router`, { on: [lan, wan], nat });
    await lab.addHost(name, { on: lan });
    return router;
  }

  test('shows its own address to the outside, which has no way in', async () => {
    const web = await lab.addHost('web', { on: wan, address: '203.0.113.80' });
    const router = await home('laptop');
    await web.listen(
      createServer((request, response) => response.end(request.socket.remoteAddress)),
      { port: 80, host: '0.0.0.0' },
    );
    const laptop = lab.hosts.get('laptop')!;
    expect(await getText({ host: 'web', agent: laptop.httpAgent() })).toBe(router.addresses[1]);
    expect(router.nat).toEqual({ network: 'wan', type: 'port-restricted' });
    expect((await web.network.route.list()).filter(({ via }) => via !== undefined)).toEqual([]);
    // Even one who finds the way gets no answer.
    await web.network.route.add({ to: '192.168.1.0/24', via: router.addresses[1] });
    await expect(web.execFile('ping', ['-c1', '-W1', laptop.addresses[0]!])).rejects.toThrow(errorWith({ code: 1 }));
  });

  test('lets ports lead inside', async () => {
    const client = await lab.addHost('client', { on: wan });
    const router = await home('server');
    const server = lab.hosts.get('server')!;
    await server.listen(
      createServer((_, response) => response.end('inside')),
      80,
    );
    await router.forwardPort({ port: 8080, to: server, toPort: 80 });
    const outside = router.addresses[1]!;
    const agent = client.httpAgent();
    expect(await getText({ host: outside, port: 8080, agent })).toBe('inside');
    expect(router.portForwards).toEqual([{ protocol: 'tcp', port: 8080, to: 'server', toPort: 80 }]);
    await expect(router.forwardPort({ port: 8080, to: 'server' })).rejects.toThrow(/leads to a host already/);
    await expect(router.forwardPort({ port: 81, to: 'nobody' })).rejects.toThrow(/options.to/);
    await router.closePort(8080);
    await expect(getText({ host: outside, port: 8080, agent })).rejects.toThrow(errorWith({ code: 'ECONNREFUSED' }));
  });

  test('two hosts inside with the same port have two outside, which stay theirs', async () => {
    const router = await home('one', 'full-cone');
    const two = await lab.addHost('two', { on: 'one-lan' });
    const peers = await lab.addHosts(['p1', 'p2'], { on: wan });
    await Promise.all(peers.map(mirror));
    const outside = new Set<number>();
    for (const host of [lab.hosts.get('one')!, two]) {
      const socket = await host.createSocket({ type: 'udp4', port: 5000 });
      const [first, second] = [await mapping(socket, peers[0]), await mapping(socket, peers[1])];
      expect(first).toEqual({ address: router.addresses[1], port: first.port });
      expect(second).toEqual(first);
      outside.add(first.port);
    }
    expect(outside.size).toBe(2);
  });

  const TYPES = ['full-cone', 'address-restricted', 'port-restricted', 'symmetric'] as const;
  const PAIRS = TYPES.flatMap((left, index) => TYPES.slice(index).map((right) => [left, right] as const));
  /** RFC 5128, and what every guide to the matter says. */
  const HOPELESS = ['port-restricted symmetric', 'symmetric symmetric'];

  describe.each(PAIRS)('peers behind a %s and a %s NAT', (left, right) => {
    const connects = !HOPELESS.includes(`${left} ${right}`);

    test(connects ? 'reach each other by sending to each other' : 'cannot reach each other', async () => {
      const meeting = await lab.addHost('meeting', { on: wan });
      await mirror(meeting);
      await Promise.all([home('l', left), home('r', right)]);
      const sockets = await Promise.all(
        ['l', 'r'].map((name) => lab.hosts.get(name)!.createSocket({ type: 'udp4', port: 0 })),
      );
      const [l, r] = sockets as [Socket, Socket];
      const found = [await mapping(l, meeting), await mapping(r, meeting)] as const;
      const heard = new Set<Socket>();
      for (const socket of sockets) {
        socket.on('message', (message, { address, port }) => {
          heard.add(socket);
          if (String(message) === 'hello') socket.send('answer', port, address);
        });
      }
      const greet = (): void => {
        l.send('hello', found[1].port, found[1].address);
        r.send('hello', found[0].port, found[0].address);
      };
      const timer = setInterval(greet, AGAIN);
      try {
        if (connects) await eventually(() => heard.size === 2);
        // Each has been sent to in vain for a while, by which others have long connected.
        else await new Promise((resolve) => setTimeout(resolve, AGAIN * 10));
      } finally {
        clearInterval(timer);
      }
      expect(heard.size).toBe(connects ? 2 : 0);
    });
  });
});

const MIRROR = 3478;

/** A server that tells each who sends where that came from. */
async function mirror(host: Host): Promise<void> {
  const socket = await host.createSocket({ type: 'udp4', port: MIRROR });
  socket.on('message', (_, { address, port }) => socket.send(JSON.stringify({ address, port }), port, address));
}

/** The address and port that a socket has outside. */
async function mapping(socket: Socket, server: Host): Promise<{ address: string; port: number }> {
  socket.send('where am I?', MIRROR, server.addresses[0]);
  const [message] = (await once(socket, 'message')) as [Buffer];
  return JSON.parse(String(message)) as { address: string; port: number };
}

test('without nf_tables there is no NAT and no way outside, says the error, and nothing is left of them', async () => {
  const program = nodeArguments(require.resolve('./scenarios'), 'withoutNftables');
  // A kernel without nf_tables refuses this protocol of netlink in the same way.
  const NETLINK_NETFILTER = 12;
  const refused = { index: 2, value: NETLINK_NETFILTER, op: 'SCMP_CMP_EQ' } as const;
  const seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [
      { names: ['socket'], action: 'SCMP_ACT_ERRNO', errnoRet: constants.errno.EPROTONOSUPPORT, args: [refused] },
    ],
  } as const;
  const { stdout } = await execFile(process.execPath, program, { unshare: ['user'], seccomp });
  const error = { code: 'EPROTONOSUPPORT', hint: expect.stringContaining('This kernel has no nf_tables') as unknown };
  expect(JSON.parse(stdout.replace('result: ', ''))).toMatchObject({
    router: error,
    outside: error,
    partition: error,
    hosts: ['a', 'b'],
  });
});
