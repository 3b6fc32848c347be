import { needs } from '../fixtures/optional';
import { Inside } from './inside';
import { ADDRESSES, ECHO_PORT, Outside, SINK_PORT } from './outside/outside';

const [OTHER, OTHER6] = ADDRESSES.other;
const [WEB] = ADDRESSES.web;

/** A program that prints what it hears from an address, or why it hears nothing. */
const CONNECT = `
import socket, sys, time
def hear(host, port):
    started = time.monotonic()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(found[0], socket.SOCK_STREAM) as s:
            s.settimeout(60)
            s.connect(found[4])
            s.sendall(b'hello')
            print(s.recv(100).decode().split()[0])
    except IndexError:
        print('the end')
    except OSError as error:
        print(error.strerror or error)
`;
const hear = (host: string, port: number): string => `hear(${JSON.stringify(host)}, ${port})`;

/** A refusal that comes at once: what hangs ends in "timed out". */
const REFUSED = /^(?!.*timed out).*(reset|refused|unreachable|not permitted|invalid argument|cannot assign|no such)/i;

describe('sockets: programs inside are root, with all capabilities', () => {
  let outside: Outside;
  let inside: Inside;

  beforeAll(async () => {
    outside = await Outside.open();
  });
  beforeEach(async () => {
    inside = await Inside.open(outside, { allow: ['www.example.com', `${WEB}:${ECHO_PORT}`] });
  });
  afterEach(() => inside[Symbol.asyncDispose]());
  afterAll(() => outside[Symbol.asyncDispose]());

  const python = (...lines: string[]): Promise<string[]> => inside.python(CONNECT, ...lines);
  /** Where packets of the outside go to while something is done, but for the answers to what Node has dialled. */
  const reached = async (act: () => Promise<unknown>): Promise<string[]> => {
    const wan = outside.lab.networks.get('wan')!;
    await using capture = await wan.capture();
    await act();
    // A packet that is allowed comes after all that were on their way.
    (await outside.gate.connect({ host: WEB, port: SINK_PORT })).destroy();
    await capture.close();
    const found = new Set<string>();
    const own = [WEB, ...outside.gate.addresses, ADDRESSES.web[1]] as string[];
    for await (const { protocol, to } of capture) {
      const isNeighbor = protocol === 'arp' || to === undefined || /^f[ef]/.test(to.address);
      if (!isNeighbor && !own.includes(to.address)) found.add(`${protocol} ${to.address}`);
    }
    return [...found];
  };

  test('an address that is allowed is reached, and no other', async () => {
    const packets = await reached(async () => {
      const said = await python(
        hear('www.example.com', ECHO_PORT),
        hear(WEB, ECHO_PORT),
        hear(OTHER, ECHO_PORT),
        hear(OTHER6, ECHO_PORT),
        hear(WEB, SINK_PORT),
      );
      expect(said.slice(0, 2)).toEqual(['web', 'web']);
      for (const each of said.slice(2)) expect(each).toMatch(REFUSED);
    });
    expect(packets).toEqual([]);
  });

  test.each([
    ['an IPv4 address in IPv6', `::ffff:${OTHER}`],
    ['an IPv4 address in IPv6, compatible', `::${OTHER}`],
    ['NAT64', `64:ff9b::${OTHER}`],
    ['6to4', '2002:5db8:d814::1'],
    ['this host', '0.0.0.0'],
    ['this host in IPv6', '::'],
    ['this host, mapped', '::ffff:0.0.0.0'],
    ['metadata of a cloud', '169.254.169.254'],
    ['metadata of a cloud in IPv6', 'fd00:ec2::254'],
    ['link-local', 'fe80::1%lo'],
    ['multicast', '224.0.0.1'],
    ['multicast in IPv6', 'ff02::1%lo'],
    ['broadcast', '255.255.255.255'],
    ['a private address', '10.0.0.1'],
    ['the loopback', '127.0.0.1'],
    ['the loopback in IPv6', '::1'],
    ['an address in octal', '0135.0270.0330.024'],
    ['an address as a number', String(0x5db8d814)],
  ])('%s is refused at once: %s', async (_, host) => {
    const packets = await reached(async () => {
      const [said] = await python(hear(host, ECHO_PORT));
      expect(said).toMatch(REFUSED);
    });
    expect(packets).toEqual([]);
    expect(outside.dialled).not.toContain('other');
  });

  test('everything is allowed: special addresses are not', async () => {
    await using all = await Inside.open(outside, { allow: ['*'] });
    const hosts = [
      '127.0.0.1',
      '::1',
      '169.254.169.254',
      '10.0.0.1',
      '0.0.0.0',
      '::ffff:10.0.0.1',
      '224.0.0.1',
      'fe80::1%lo',
      '64:ff9b::a00:1',
    ];
    const said = await all.python(CONNECT, ...hosts.map((host) => hear(host, 9)));
    for (const each of said) expect(each).toMatch(REFUSED);
  });

  test('port 0 is no way out', async () => {
    const [said] = await python(hear(OTHER, 0));
    expect(said).toMatch(REFUSED);
  });

  test('UDP is refused at once, but for names: QUIC falls back to TCP', async () => {
    const packets = await reached(async () => {
      const said = await python(`
for host in ["${OTHER}", "${WEB}", "${OTHER6}"]:
    for port in [443, 123, ${ECHO_PORT}]:
        s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(60)
        s.connect((host, port))
        s.send(b"hello")
        try: print(s.recv(100))
        except OSError as error: print(error.strerror or error)
`);
      expect(said).toEqual(Array(9).fill('Connection refused'));
    });
    expect(packets).toEqual([]);
  });

  test('raw sockets and packet sockets send nothing out', async () => {
    const packets = await reached(async () => {
      const said = await python(
        `
import struct
other = socket.inet_aton("${OTHER}")
# IP with a header of its own: a SYN to the other host
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, socket.inet_aton("198.51.100.7"), other)
tcp = struct.pack("!HHIIBBHHH", 4000, ${ECHO_PORT}, 1, 0, 0x50, 2, 1000, 0, 0)
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
    for _ in range(20): raw.sendto(ip + tcp, ("${OTHER}", 0))
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as icmp:
    for _ in range(20): icmp.sendto(struct.pack("!BBHHH", 8, 0, 0xf7fd, 1, 1), ("${OTHER}", 0))
for protocol in [132, 33, 47, 255]: # SCTP, DCCP, GRE
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol) as raw: raw.sendto(b"x" * 40, ("${OTHER}", 0))
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as packet:
    packet.bind(("lo", 0x0800))
    for _ in range(20): packet.send(b"\\0" * 12 + b"\\x08\\0" + ip + tcp)
print("sent")
`.replaceAll('\\\\', '\\'),
      );
      expect(said).toEqual(['sent']);
    });
    expect(packets).toEqual([]);
    expect(outside.dialled).not.toContain('other');
  });

  needs({ tool: ['ip'] }).test('own addresses, routes, rules and links cut a program off, at most', async () => {
    const packets = await reached(async () => {
      await inside.said(`
        ip link add d0 type dummy; ip link set d0 up; ip addr add 93.184.216.77/24 dev d0
        ip addr add ${OTHER}/32 dev lo
        ip route replace default via 93.184.216.1 dev d0 onlink
        ip rule add pref 1 from all lookup main
        ip route del local 0.0.0.0/0 dev lo table local
        ip -6 route del local ::/0 dev lo table local
        ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up
        echo 1 >/proc/sys/net/ipv4/ip_forward`);
      const said = await python(hear(OTHER, ECHO_PORT), hear('93.184.216.78', ECHO_PORT), hear(OTHER6, ECHO_PORT));
      for (const each of said) expect(each).not.toBe('other');
    });
    expect(packets).toEqual([]);
    expect(outside.dialled).not.toContain('other');
  });

  needs({ tool: ['nft'] }).test('own rules of nftables change what Node is told, and not what it allows', async () => {
    const packets = await reached(async () => {
      const nat = `
table ip mine {
  chain out { type nat hook output priority -100; ip daddr 1.2.3.4 dnat to ${OTHER}; ip daddr 1.2.3.5 dnat to ${WEB}; }
}`;
      expect(await inside.said('echo "$1" | nft -f -', nat)).toBe('');
      // It may call an address that is allowed by another; what leaves is decided by Node's rules.
      const said = await python(hear('1.2.3.4', ECHO_PORT), hear('1.2.3.5', ECHO_PORT));
      expect(said[0]).toMatch(REFUSED);
      await inside.said('nft flush ruleset');
      const after = await python(hear(OTHER, ECHO_PORT), hear('www.example.com', ECHO_PORT));
      for (const each of after) expect(each).not.toBe('other');
    });
    expect(packets).toEqual([]);
    expect(outside.dialled).not.toContain('other');
  });

  needs({ tool: ['unshare'] }).test('new namespaces inside have no way out at all', async () => {
    const packets = await reached(async () => {
      const code = [CONNECT, hear(OTHER, ECHO_PORT), hear(WEB, ECHO_PORT)].join('\n');
      const said = await inside.said('unshare -Urn /usr/bin/python3 -c "$1"', code);
      for (const each of said.split('\n')) expect(each).toMatch(REFUSED);
    });
    expect(packets).toEqual([]);
  });

  test('a program that binds to an address or a port of others gets nothing that is theirs', async () => {
    const said = await python(
      `
with socket.socket() as s:
    s.bind(("${OTHER}", 5555))
    s.connect(("${WEB}", ${ECHO_PORT}))
    s.sendall(b"x")
    print(s.recv(100).decode().split()[0])`,
      `
with socket.socket() as s:
    s.setsockopt(socket.SOL_IP, 19, 1) # IP_TRANSPARENT
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("0.0.0.0", 80)); s.listen()
    print("listens")`,
    );
    expect(said).toEqual(['web', 'listens']);
    expect(await python(hear('www.example.com', ECHO_PORT))).toEqual(['web']);
  });

  test('nothing of this process is open in a program inside', async () => {
    // Its standard streams, and the directory that it reads.
    expect(await python('import os', 'print(sorted(os.listdir("/proc/self/fd")))')).toEqual(["['0', '1', '2', '3']"]);
  });
});
