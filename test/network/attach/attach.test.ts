import { type Socket as Datagram, createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, type Server, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { type NamespaceSet, unshare } from '../../../lib';
import { type AttachProgram, Network, networkNamespaces } from '../../../lib/network';
import { errorWith } from '../../fixtures/errors';
import { type Footprint, eventually, expectNothingLeft, isAlive } from '../../fixtures/footprint';
import { needs } from '../../fixtures/optional';
import { resultOf, runScenario } from '../../fixtures/scenario';
import { WAYS, closeAll, footprintWithServers, getText } from '../sockets/inside';

const PROGRAMS: [AttachProgram, string][] = [
  ['pasta', 'passt'],
  ['slirp4netns', 'slirp4netns'],
];

/** A port of the host that nobody has, which is somebody's guess: two tests may be told the same. */
async function freePort(protocol: 'tcp' | 'udp'): Promise<number> {
  const socket = protocol === 'tcp' ? createServer().listen(0, '127.0.0.1') : createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address() as AddressInfo;
  socket.close();
  await once(socket, 'close');
  return port;
}

/** UDP promises nothing: it is asked again until it answers. */
async function ask(socket: Datagram, port: number, address: string): Promise<string> {
  let answer: string | undefined;
  socket.on('message', (message) => (answer = String(message)));
  await eventually(async () => {
    socket.send('question', port, address);
    await new Promise((resolve) => setTimeout(resolve, 50));
    return answer !== undefined;
  });
  return answer ?? '';
}

describe.each(PROGRAMS)('Network.attach() with %s', (program) => {
  const { describe: describeWith } = needs({ tool: [program] });

  describeWith.each(WAYS)('of %s', (_, kinds) => {
    let set: NamespaceSet;
    let before: Footprint;
    let host: Server;
    let hostDatagram: Datagram;

    beforeAll(async () => {
      before = await footprintWithServers();
      host = createHttp((request, response) => response.end(`the host, to ${request.socket.remoteAddress}`));
      hostDatagram = createSocket('udp4');
      hostDatagram.on('message', (message, { port, address }) =>
        hostDatagram.send(`host: ${message.toString()}`, port, address),
      );
      await Promise.all([
        once(host.listen(0, '127.0.0.1'), 'listening'),
        once(hostDatagram.bind(0, '127.0.0.1'), 'listening'),
      ]);
    });

    beforeEach(async () => {
      set = await unshare(kinds);
    });

    afterEach(() => set.close());

    afterAll(async () => {
      hostDatagram.close();
      await closeAll(host);
      await expectNothingLeft(before);
    });

    const hostPort = (): number => (host.address() as AddressInfo).port;

    test('gives the network an interface, an address and a way out, at once', async () => {
      const attachment = await Network.attach(set, { with: program, interface: 'way0', mtu: 1400 });
      expect(attachment).toMatchObject({ program, interface: 'way0', address: '10.0.2.100', gateway: '10.0.2.2' });
      const network = await Network.open(set);
      try {
        const [address] = await network.address.list({ link: 'way0' });
        expect(JSON.stringify(address)).toContain('10.0.2.100');
        expect(JSON.stringify(await network.route.list())).toContain('10.0.2.2');
        expect(await network.link.get('way0')).toMatchObject({ name: 'way0', mtu: 1400 });
      } finally {
        await network.close();
      }
    });

    needs({ root: true }).test('leaves the mounts of the host as they are: namespaces keep their names', async () => {
      const name = `linux-ns-attach-${process.pid}`;
      await networkNamespaces.add(name);
      try {
        const attachment = await Network.attach(set, { with: program });
        expect(await networkNamespaces.list()).toContain(name);
        await attachment.close();
        expect(await networkNamespaces.list()).toContain(name);
      } finally {
        await networkNamespaces.delete(name);
      }
    });

    test('leads to the loopback of the host through the gateway, if asked', async () => {
      const { gateway } = await Network.attach(set, { with: program, hostLoopback: true });
      await using net = await Network.open(set);
      const agent = net.httpAgent();
      expect(await getText({ host: gateway, port: hostPort(), agent })).toBe('the host, to 127.0.0.1');
      const socket = await net.createSocket('udp4');
      expect(await ask(socket, hostDatagram.address().port, gateway)).toBe('host: question');
      socket.close();
      const { stdout } = await set.exec(`exec 3<>/dev/tcp/${gateway}/${hostPort()} && echo connected`, {
        shell: '/bin/bash',
      });
      expect(stdout).toBe('connected\n');
    });

    test('does not lead to the loopback of the host otherwise', async () => {
      const { gateway } = await Network.attach(set, { with: program });
      await using net = await Network.open(set);
      const connecting = net.connect({ host: gateway, port: hostPort(), timeout: 500 });
      await expect(connecting).rejects.toThrow(
        errorWith({ code: expect.stringMatching(/^(ETIMEDOUT|ECONNREFUSED|ENETUNREACH)$/) as string }),
      );
    });

    test('forwards ports of the host inside: TCP and UDP', async () => {
      const [tcp, udp] = [await freePort('tcp'), await freePort('udp')];
      const ports = [
        { host: tcp, inside: 80 },
        { host: udp, protocol: 'udp' as const },
      ];
      await Network.attach(set, { with: program, hostLoopback: program === 'slirp4netns', ports });
      await using net = await Network.open(set);
      const server = await net.listen(
        createHttp((__, response) => response.end('inside')),
        80,
      );
      expect(await getText({ host: '127.0.0.1', port: tcp })).toBe('inside');
      const inside = await net.createSocket({ type: 'udp4', port: udp });
      inside.on('message', (message, { port, address }) => inside.send(`inside: ${message.toString()}`, port, address));
      const outside = createSocket('udp4');
      expect(await ask(outside, udp, '127.0.0.1')).toBe('inside: question');
      outside.close();
      inside.close();
      await closeAll(server);
    });

    test('ends with its set, and the ports with it', async () => {
      const port = await freePort('tcp');
      const attachment = await Network.attach(set, { with: program, ports: [port] });
      expect(isAlive(attachment.pid)).toBe(true);
      await set.close();
      expect(isAlive(attachment.pid)).toBe(false);
      await attachment.exited;
      const again = createServer().listen(port, '127.0.0.1');
      await once(again, 'listening');
      await closeAll(again);
    });

    test('ends when it is closed: its interface is gone, and another can take its place', async () => {
      const first = await Network.attach(set, { with: program });
      await first.close();
      await first.close();
      expect(first.closed).toBe(true);
      const devices = async (): Promise<string> => (await set.execFile('cat', ['/proc/net/dev'])).stdout;
      await eventually(async () => !(await devices()).includes('tap0'));
      const second = await Network.attach(set, { with: program });
      expect(await devices()).toContain('tap0');
      await second[Symbol.asyncDispose]();
    });

    test('says which port of the host is taken, and leaves nothing', async () => {
      await expect(Network.attach(set, { with: program, ports: [hostPort()] })).rejects.toThrow(
        errorWith({ name: 'NamespaceError', code: 'EADDRINUSE', address: '127.0.0.1', port: hostPort() }),
      );
      const devices = async (): Promise<string> => (await set.execFile('cat', ['/proc/net/dev'])).stdout;
      await eventually(async () => !(await devices()).includes('tap0'));
      expect(readdirSync(tmpdir()).filter((name) => name.startsWith('linux-ns-slirp-'))).toEqual([]);
    });

    test('is given up when its signal is aborted', async () => {
      const controller = new AbortController();
      const attaching = Network.attach(set, { with: program, signal: controller.signal });
      controller.abort();
      await expect(attaching).rejects.toThrow(errorWith({ name: 'AbortError' }));
    });
  });

  describeWith('a network that is attached', () => {
    test('has a name server that asks the one of the host', async () => {
      expect(await resultOf(require.resolve('./scenarios'), 'inAnotherHost', [program])).toEqual({
        found: [{ address: '10.11.12.13', family: 4 }],
        asked: ['www.host.test'],
      });
    });
  });

  describeWith('a process that dies', () => {
    test('takes it along, however it dies', async () => {
      const { stdout, signal } = await runScenario(require.resolve('./scenarios'), 'dies', [program]);
      const pid = Number(/^pid: (\d+)$/m.exec(stdout)?.[1]);
      expect({ signal, pid }).toEqual({ signal: 'SIGKILL', pid: expect.any(Number) as number });
      await eventually(() => !isAlive(pid));
    });

    test('need not wait for it: it does not keep the event loop alive', async () => {
      const pid = await resultOf(require.resolve('./scenarios'), 'endsByItself', [program]);
      await eventually(() => !isAlive(pid as number));
    });
  });
});

describe('Network.attach()', () => {
  let set: NamespaceSet;

  beforeAll(async () => {
    set = await unshare(['user', 'net']);
  });

  afterAll(() => set.close());

  test.each(PROGRAMS)('says which package of Debian has %s, where it is not installed', async (program, name) => {
    const { error } = (await resultOf(require.resolve('./scenarios'), 'withoutPrograms', [program])) as {
      error: { code: string; hint: string };
    };
    expect(error).toMatchObject({ name: 'NamespaceError', code: 'ENOENT', path: program, step: `start ${program}` });
    expect(error.hint).toContain(`package ${name}`);
  });

  needs({ tool: ['pasta'] }).test('forwards ports of the inside to the host: TCP and UDP, with pasta', async () => {
    const host = createHttp((__, response) => response.end('the host'));
    const datagram = createSocket('udp4');
    datagram.on('message', (message, { port, address }) => datagram.send(`host: ${message.toString()}`, port, address));
    await Promise.all([
      once(host.listen(0, '127.0.0.1'), 'listening'),
      once(datagram.bind(0, '127.0.0.1'), 'listening'),
    ]);
    const udp = datagram.address().port;
    const attachment = await Network.attach(set, {
      ports: [
        { direction: 'out', host: (host.address() as AddressInfo).port, inside: 5432 },
        { direction: 'out', host: udp, protocol: 'udp' },
      ],
    });
    await using net = await Network.open(set);
    expect(await getText({ host: '127.0.0.1', port: 5432, agent: net.httpAgent() })).toBe('the host');
    const socket = await net.createSocket('udp4');
    expect(await ask(socket, udp, '127.0.0.1')).toBe('host: question');
    socket.close();
    await attachment.close();
    datagram.close();
    await closeAll(host);
  });

  test.each([
    ['ends', { name: 'NamespaceError', code: 'ERR_LINUX_NS_ATTACH' }],
    ['silent', { name: 'AbortError', code: 'ABORT_ERR' }],
  ])('does not wait for a slirp4netns that %s while it is to forward ports', async (what, error) => {
    expect(await resultOf(require.resolve('./scenarios'), 'strangeSlirp', [what])).toEqual(error);
  });

  test('says what slirp4netns cannot forward', async () => {
    for (const port of [{ direction: 'out', host: 81 } as const, { protocol: 'udp', host: 81 } as const]) {
      await expect(Network.attach(set, { with: 'slirp4netns', ports: [80, port] })).rejects.toThrow(
        errorWith({ code: 'ERR_LINUX_NS_UNSUPPORTED', message: expect.stringContaining('options.ports[1]') as string }),
      );
    }
  });

  test.each([
    [{ with: 'vpnkit' }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ ports: 80 }, { code: 'ERR_INVALID_ARG_TYPE' }],
    [{ ports: [0] }, { code: 'ERR_OUT_OF_RANGE' }],
    [{ ports: [{ inside: 80 }] }, { code: 'ERR_INVALID_ARG_TYPE' }],
    [{ ports: [{ host: 80, adress: '' }] }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ ports: [{ host: 80, address: 'localhost' }] }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ ports: [{ host: 80, address: '127.0.0.1', direction: 'out' }] }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ interface: 'a b' }, { code: 'ERR_INVALID_ARG_VALUE' }],
    [{ mtu: 100 }, { code: 'ERR_OUT_OF_RANGE' }],
    [{ loopback: true }, { code: 'ERR_INVALID_ARG_VALUE' }],
  ])('refuses %j before anything is started', async (options, error) => {
    await expect(Network.attach(set, options as never)).rejects.toThrow(errorWith(error));
  });

  test('is for what has a network', async () => {
    const without = await unshare(['user', 'uts']);
    await expect(Network.attach(without)).rejects.toThrow(errorWith({ code: 'ERR_LINUX_NS_NO_SUCH_KIND' }));
    await without.close();
    await expect(Network.attach(without)).rejects.toThrow(errorWith({ code: 'ERR_LINUX_NS_CLOSED' }));
  });
});
