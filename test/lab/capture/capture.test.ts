/** Captures: what is in the file, what is iterated over, and what is lost. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { type Host, Lab, type LabNetwork, type Packet } from '../../../lib/lab';
import { errorWith } from '../../fixtures/errors';
import { type Footprint, eventually, expectNothingLeft } from '../../fixtures/footprint';
import { needs } from '../../fixtures/optional';
import { footprintWithServers, getText } from '../../network/sockets/inside';

let before: Footprint;
let directory: string;
let lab: Lab;
let lan: LabNetwork;
let [a, b, c]: Host[] = [];

beforeAll(async () => {
  before = await footprintWithServers();
  directory = mkdtempSync(join(tmpdir(), 'linux-ns-capture-'));
  lab = await Lab.create();
  lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24', subnet6: 'fd00::/64' });
  [a, b, c] = await lab.addHosts(['a', 'b', 'c'], { on: lan });
  const hello = createServer((_, response) => response.end('hello'));
  await b.listen(hello, 80);
});
afterAll(async () => {
  await lab.close();
  rmSync(directory, { recursive: true });
  await expectNothingLeft(before);
});

/** The packets that have come, once the capture is closed. */
async function all(capture: AsyncIterable<Packet> & { close(): Promise<void> }): Promise<Packet[]> {
  await capture.close();
  const packets: Packet[] = [];
  for await (const packet of capture) packets.push(packet);
  return packets;
}

const get = (): Promise<string> => getText({ host: 'b', agent: a!.httpAgent(), family: 4 });

describe('a capture', () => {
  test('has every packet, with its interface, its direction, its ends and what it carries', async () => {
    const capture = await a!.capture({ filter: { protocol: 'tcp' } });
    expect(await get()).toBe('hello');
    const packets = await all(capture);
    expect(capture.packets).toBe(packets.length);
    expect(capture.dropped).toBe(0);
    const [first, second] = packets;
    expect(first).toMatchObject({
      interface: 'eth0',
      direction: 'out',
      protocol: 'tcp',
      from: { address: '10.0.0.1' },
      to: { address: '10.0.0.2', port: 80 },
    });
    expect(second).toMatchObject({ direction: 'in', from: { address: '10.0.0.2', port: 80 } });
    expect(String(first)).toMatch(
      /^\d\d:\d\d:\d\d\.\d{6} eth0 out 10\.0\.0\.1:\d+ > 10\.0\.0\.2:80 tcp SYN, \d+ bytes$/,
    );
    expect(inspect(first)).toContain(String(first));
    expect(packets.map(({ payload }) => payload.toString()).join('')).toMatch(
      /^GET \/ HTTP.*HTTP\/1\.1 200 OK.*hello/s,
    );
    const times = packets.map(({ time }) => time);
    expect([...times].sort((x, y) => (x < y ? -1 : 1))).toEqual(times);
    expect(Math.abs(Number(times[0]! / 1_000_000n) - Date.now())).toBeLessThan(600_000);
  });

  test('is iterated over while packets come; to leave the loop does not end it', async () => {
    await using capture = await a!.capture({ filter: { protocol: 'icmp' } });
    const seen: string[] = [];
    const loop = async (): Promise<void> => {
      for await (const { from } of capture) {
        seen.push(from!.address);
        if (seen.length % 2 === 0) break;
      }
    };
    for (const expected of [2, 4]) {
      const looping = loop();
      await lab.ping(a!, b!);
      await looping;
      expect(seen).toHaveLength(expected);
    }
    expect(seen).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.1', '10.0.0.2']);
    expect(capture.closed).toBe(false);
  });

  test('of a host has lo as well, each packet once, and IPv6', async () => {
    const capture = await a!.capture({ filter: { protocol: 'icmp6', host: ['::1', 'fd00::2'] } });
    await lab.ping(a!, '::1');
    await lab.ping(a!, b!, { family: 6 });
    const echoes = (await all(capture)).filter((packet) => String(packet).includes('echo'));
    expect(echoes.map((packet) => [packet.interface, packet.direction].join(' '))).toEqual([
      'lo in',
      'lo in',
      'eth0 out',
      'eth0 in',
    ]);
  });

  test('of a network has each packet that passes the switch once, and not that of others', async () => {
    const other = await lab.addNetwork('other');
    const [x, y] = await lab.addHosts(['x', 'y'], { on: other });
    const capture = await lan.capture({ filter: { protocol: 'icmp' } });
    await lab.ping(x, y);
    await lab.ping(b!, c!);
    expect((await all(capture)).map((packet) => [packet.interface, packet.from!.address])).toEqual([
      ['lan', '10.0.0.2'],
      ['lan', '10.0.0.3'],
    ]);
  });

  test('keeps as much of a packet as is asked for, and says how long it was', async () => {
    const capture = await a!.capture({ snaplen: 40, filter: { protocol: 'icmp' } });
    await lab.ping(a!, b!);
    expect((await all(capture)).map(({ data, length }) => [data.length, length])).toEqual([
      [40, 98],
      [40, 98],
    ]);
  });

  test('goes on while interfaces are down and programs die', async () => {
    const capture = await b!.capture({ filter: { protocol: 'icmp' } });
    await b!.down();
    await b!.up();
    await c!.crash();
    await c!.restart();
    await lab.ping(c!, b!);
    expect(await all(capture)).toHaveLength(2);
  });

  test('of an interface that is no Ethernet has a header of zeros', async () => {
    const tun = await a!.network.link.openTun({ name: 'tun0', kind: 'tun' });
    await a!.network.link.set('tun0', { up: true });
    await a!.network.address.add('tun0', '10.7.0.1/24');
    const capture = await a!.capture({ filter: { host: '10.7.0.2', protocol: 'icmp' } });
    await lab.ping(a!, '10.7.0.2', { timeout: 10 });
    const [packet] = await all(capture);
    expect(packet).toMatchObject({ interface: 'tun0', protocol: 'icmp', to: { address: '10.7.0.2' } });
    expect(packet!.data.subarray(0, 14).toString('hex')).toBe('0000000000000000000000000800');
    await tun.close();
  });

  test('that nobody takes loses packets, and no memory; it counts what it has lost', async () => {
    const capture = await a!.capture({ filter: { protocol: 'udp', port: 9 }, buffer: 512 << 10 });
    const socket = await a!.createSocket({ type: 'udp4', port: 0 });
    const data = Buffer.alloc(1000);
    const send = (): Promise<void> => new Promise((resolve) => socket.send(data, 9, '10.0.0.2', () => resolve()));
    for (let sent = 1; sent <= 4000; sent++) {
      await send();
      if (sent % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(() => capture.dropped > 0);
    const { dropped } = capture;
    const packets = await all(capture);
    expect(capture.dropped).toBeGreaterThanOrEqual(dropped);
    expect(packets.length + capture.dropped).toBe(4000);
    expect(packets.length).toBeGreaterThan(500);
    socket.close();
  });

  test('ends with its signal, with its host and with its lab', async () => {
    const controller = new AbortController();
    const aborted = await a!.capture({ signal: controller.signal });
    const ending = all(aborted);
    controller.abort();
    await ending;
    await using second = await Lab.create();
    const network = await second.addNetwork('net');
    const host = await second.addHost('x', { on: network });
    const [ofHost, ofNetwork] = [await host.capture(), await network.capture()];
    await host.close();
    expect((await ofHost[Symbol.asyncIterator]().next()).done).toBe(true);
    expect(ofNetwork.closed).toBe(false);
    await second.close();
    expect([ofHost.closed, ofNetwork.closed]).toEqual([true, true]);
    await ofHost.close();
    await expect(a!.capture({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    await expect(host.capture()).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
  });
});

describe('the file', () => {
  const file = (name: string): string => join(directory, name);

  test('is pcapng from its first byte on, also without packets', async () => {
    await (await a!.capture({ file: file('none'), filter: { port: 1 } })).close();
    expect(readFileSync(file('none')).subarray(0, 4).toString('hex')).toBe('0a0d0d0a');
  });

  test('is whole when close() resolves, and an iterator gets the same from its beginning on', async () => {
    const capture = await a!.capture({ file: file('both'), filter: { protocol: 'icmp' } });
    const iterator = capture[Symbol.asyncIterator]();
    await lab.ping(a!, b!, { count: 3, interval: 0 });
    const packets = await all(capture);
    expect(packets).toHaveLength(6);
    const bytes = readFileSync(file('both'));
    for (const { data } of packets) expect(bytes.includes(data)).toBe(true);
    expect((await iterator.next()).done).toBe(true);
  });

  test('that cannot be created is an error at once, and one that is full at the end', async () => {
    await expect(a!.capture({ file: file('no/such') })).rejects.toMatchObject({
      code: 'ENOENT',
      step: /create/ as never,
    });
    const capture = await a!.capture({ file: '/dev/null' });
    await capture.close();
    const full = await a!.capture({ file: '/dev/full' }).catch((error: unknown) => error);
    expect(full).toMatchObject({ code: 'ENOSPC' });
  });

  const reading = needs({ tool: ['tcpdump', 'tshark'] });

  reading.test('is read by tcpdump and by tshark, with the names of interfaces', async () => {
    const capture = await a!.capture({ file: file('a.pcapng') });
    await lab.ping(a!, b!);
    await lab.ping(a!, '127.0.0.1');
    expect(await get()).toBe('hello');
    await capture.close();
    const lines = read('tcpdump', ['-nr', file('a.pcapng'), 'icmp or tcp port 80']);
    expect(lines).toHaveLength(
      capture.packets - read('tcpdump', ['-nr', file('a.pcapng'), 'not icmp and not tcp port 80']).length,
    );
    expect(lines[0]).toMatch(/IP 10\.0\.0\.1 > 10\.0\.0\.2: ICMP echo request, .* length 64$/);
    expect(lines.some((line) => /10\.0\.0\.2\.80 > 10\.0\.0\.1\.\d+: .*HTTP: HTTP\/1\.1 200 OK/.test(line))).toBe(true);
    const fields = ['-T', 'fields', '-e', 'frame.interface_name', '-e', 'frame.interface_description', '-e', 'ip.dst'];
    const rows = read('tshark', ['-r', file('a.pcapng'), '-Y', 'icmp.type == 8', ...fields]);
    expect(rows).toEqual(['eth0\ta\t10.0.0.2', 'lo\ta\t127.0.0.1']);
  });

  reading.test('without packets is read as well', async () => {
    for (const [name, from] of [
      ['a0', a!],
      ['lan0', lan],
    ] as const) {
      await (await from.capture({ file: file(name), filter: { port: 1 } })).close();
      expect(read('tcpdump', ['-nr', file(name)])).toEqual([]);
      expect(read('tshark', ['-r', file(name)])).toEqual([]);
    }
  });

  needs({ tool: ['tcpdump', 'python3'] }).test(
    'has the tag of a VLAN, which the kernel takes out of the frame',
    async () => {
      const capture = await lan.capture({ file: file('vlan') });
      // To the address of nobody, tagged with 7, an IPv4 packet of zeros.
      const frame = `02ff00000001020000000009810000070800${'00'.repeat(46)}`;
      const script = `import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('eth0', 0)); s.send(bytes.fromhex('${frame}'))`;
      await a!.execFile('python3', ['-c', script]);
      await capture.close();
      expect(read('tcpdump', ['-enr', file('vlan'), 'vlan 7']).join()).toMatch(/vlan 7, p 0, ethertype IPv4/);
    },
  );

  /** The lines that a program writes. */
  function read(program: string, args: string[]): string[] {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .split('\n')
      .filter(Boolean);
  }
});

describe('options are checked', () => {
  test.each([
    [{ files: 'x' }, 'ERR_INVALID_ARG_VALUE', /files.*file/],
    [{ file: 7 }, 'ERR_INVALID_ARG_TYPE', 'options.file'],
    [{ snaplen: 13 }, 'ERR_OUT_OF_RANGE', 'options.snaplen'],
    [{ buffer: 1 }, 'ERR_OUT_OF_RANGE', 'options.buffer'],
    [{ filter: 'tcp port 80' }, 'ERR_INVALID_ARG_TYPE', 'options.filter'],
    [{ filter: { protocol: 'sctp' } }, 'ERR_INVALID_ARG_VALUE', 'options.filter.protocol'],
    [{ filter: { host: 'b' } }, 'ERR_INVALID_ARG_VALUE', 'options.filter.host'],
    [{ filter: { port: [80, -1] } }, 'ERR_OUT_OF_RANGE', 'options.filter.port[1]'],
    [{ filter: { port: [] } }, 'ERR_INVALID_ARG_VALUE', 'options.filter.port'],
  ])('%j', async (options, code, words) => {
    await expect(a!.capture(options as object)).rejects.toThrow(errorWith({ code }));
    await expect(a!.capture(options as object)).rejects.toThrow(words);
  });
});
