/** Who is root in a namespace may send netlink messages to the sockets in it, ours among them: netlink(7). */
import { type NamespaceSet, unshare } from '../../../lib';
import { type NetworkEvent, Network } from '../../../lib/network';
import { needs } from '../../fixtures/optional';
import { ONE_WAIT } from '../../fixtures/patience';

let set: NamespaceSet;
let net: Network;
beforeEach(async () => {
  set = await unshare(['user', 'net']);
  net = await Network.open(set);
});
afterEach(async () => {
  await net.close();
  await set.close();
});

/** Begins with what the programs below have in common. */
function python(body: string): Promise<string> {
  const prelude = `
import socket, struct
def message(kind, sequence, body):
    return struct.pack('=IHHII', 16 + len(body), kind, 0, sequence, 0) + body
def attribute(kind, body):
    return struct.pack('=HH', 4 + len(body), kind) + body.ljust((len(body) + 3) // 4 * 4, b'\\0')
own = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
own.bind((0, 0))
rows = [line.split() for line in open('/proc/self/net/netlink')][1:]
ports = [int(row[2]) for row in rows if row[1] == '0' and row[2] not in ('0', str(own.getsockname()[0]))]
`;
  return set.execFile('python3', ['-c', prelude + body], { timeout: ONE_WAIT }).then(({ stdout }) => stdout.trim());
}

needs({ tool: ['python3'] }).describe('what runs inside cannot pose as the kernel', () => {
  test('with answers to our requests, however many it sends', async () => {
    const outcome = await python(`
refused = 0
for port in ports:
    for sequence in range(1, 500):
        try:
            own.sendto(message(2, sequence, struct.pack('=i', -1) + bytes(16)), (port, 0))
        except ConnectionRefusedError:
            refused += 1
print(len(ports), refused)
`);
    const names = await Promise.all(Array.from({ length: 20 }, () => net.link.list()));
    for (const links of names) expect(links.map(({ name }) => name)).toEqual(['lo']);
    expect(outcome).toBe('2 998');
  });

  test('with events: a watch tells of none that the kernel has not sent, and survives what is no message', async () => {
    await using watch = net.watch({ types: ['link'] });
    await python(`
link = struct.pack('=BBHiII', 0, 0, 1, 4711, 1, 0) + attribute(3, b'forged\\0')
own.sendto(message(16, 0, link), (0, 1))
own.sendto(b'no message at all, but longer than a header', (0, 1))
`);
    await net.link.add({ name: 'real', kind: 'bridge' });
    const names: string[] = [];
    for await (const event of watch) {
      names.push(described(event));
      if (names.includes('real')) break;
    }
    expect(names).toEqual(['real']);
  });
});

function described(event: NetworkEvent): string {
  return event.type === 'link' ? event.link.name : event.type;
}
