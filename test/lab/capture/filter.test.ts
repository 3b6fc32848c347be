/** Filters of captures: the kernel chooses the packets that tcpdump chooses by the same words. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CaptureFilter, type Host, Lab } from '../../../lib/lab';
import { FILTER, compileFilter } from '../../../lib/lab/capture/filter';
import { needs } from '../../fixtures/optional';

const CASES: readonly (readonly [CaptureFilter, string])[] = [
  [{}, ''],
  [{ protocol: 'arp' }, 'arp'],
  [{ protocol: 'ip' }, 'ip'],
  [{ protocol: ['ip6', 'arp'] }, 'ip6 or arp'],
  [{ protocol: 'icmp' }, 'icmp'],
  [{ protocol: ['icmp', 'icmp6'] }, 'icmp or icmp6'],
  [{ protocol: 'tcp' }, 'tcp'],
  [{ protocol: 'udp' }, 'udp'],
  [{ port: 80 }, 'port 80'],
  [{ port: [7, 80] }, 'port 7 or port 80'],
  [{ protocol: 'tcp', port: 7 }, 'tcp port 7'],
  [{ protocol: 'ip', port: 7 }, 'ip and port 7'],
  [{ protocol: ['ip6', 'icmp'], port: 7 }, 'ip6 and port 7'],
  [{ protocol: 'arp', port: 7 }, 'arp and less 1'],
  [{ host: '10.0.0.2' }, 'host 10.0.0.2'],
  [{ host: 'fd00::2' }, 'host fd00::2'],
  [{ host: ['10.0.0.3', 'fd00::3'] }, 'host 10.0.0.3 or host fd00::3'],
  [{ host: '10.0.0.2', protocol: 'arp' }, 'arp and host 10.0.0.2'],
  [{ host: 'fd00::2', protocol: 'tcp', port: 80 }, 'tcp port 80 and host fd00::2'],
  [{ host: ['10.0.0.2', 'fd00::2'], port: 7 }, 'port 7 and (host 10.0.0.2 or host fd00::2)'],
  [{ host: '192.0.2.1' }, 'host 192.0.2.1'],
];

needs({ tool: ['tcpdump'] }).describe('a filter', () => {
  let directory: string;
  let lab: Lab;
  let [a, b, c]: Host[] = [];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'linux-ns-filter-'));
    lab = await Lab.create();
    const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24', subnet6: 'fd00::/64' });
    [a, b, c] = await lab.addHosts(['a', 'b', 'c'], { on: lan });
    const captures = await Promise.all(
      CASES.map(([filter], index) => a!.capture({ filter, file: join(directory, `${index}`) })),
    );
    await traffic();
    await Promise.all(captures.map((capture) => capture.close()));
  });
  afterAll(async () => {
    await lab.close();
    rmSync(directory, { recursive: true });
  });

  /** Some of everything: both families, answers and none, fragments, options in the header of IPv4. */
  async function traffic(): Promise<void> {
    for (const host of [b!, c!]) {
      for (const port of [7, 80]) {
        const server = await host.listen(port);
        server.on('connection', (socket) => socket.pipe(socket));
        for (const address of host.addresses) {
          const socket = await a!.connect({ host: address, port });
          socket.end('hello');
          for await (const _ of socket);
        }
      }
    }
    for (const type of ['udp4', 'udp6'] as const) {
      const socket = await a!.createSocket({ type, port: 0 });
      for (const [size, port] of [
        [10, 7],
        [3000, 80],
        [10, 9],
      ] as const) {
        const to = type === 'udp4' ? '10.0.0.2' : 'fd00::2';
        await new Promise((resolve) => socket.send(Buffer.alloc(size), port, to, resolve));
      }
      socket.close();
    }
    await lab.pingAll();
    await lab.pingAll({ family: 6 });
    await lab.ping(a!, '10.0.0.9', { timeout: 20 });
  }

  /** What hosts say by themselves, while some captures have begun and others have not. */
  const BY_THEMSELVES = '(ip6 multicast or ip6 net fe80::/10)';

  /** The number of packets that tcpdump finds in a file. */
  function found(index: number, words: string): number {
    const both = words === '' ? `not ${BY_THEMSELVES}` : `(${words}) and not ${BY_THEMSELVES}`;
    const args = ['-nr', join(directory, `${index}`), both];
    return execFileSync('tcpdump', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .split('\n')
      .filter(Boolean).length;
  }

  test.each(CASES.map(([filter, words], index) => [JSON.stringify(filter), words, index] as const))(
    '%s is what tcpdump calls %j',
    (_, words, index) => {
      expect(found(index, '')).toBe(found(0, words));
    },
  );

  test('was tried on packets of each kind', () => {
    for (const words of ['arp', 'icmp', 'icmp6', 'tcp', 'udp', 'ip6', 'ip[6:2] & 0x1fff != 0']) {
      expect(found(0, words)).toBeGreaterThan(0);
    }
  });
});

test('a filter with as much as it may have is a program that the kernel takes', () => {
  const host = Array.from({ length: 64 }, (_, index) => (index % 2 === 0 ? `10.0.0.${index}` : `fd00::${index}`));
  const port = Array.from({ length: 64 }, (_, index) => index);
  const program = compileFilter(FILTER('filter', { host, port, protocol: ['tcp', 'udp', 'arp'] }), 100);
  expect(program.length / 8).toBeLessThan(4096);
});
