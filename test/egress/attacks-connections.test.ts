import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { eventually } from '../fixtures/footprint';
import { Inside, converse, converseWith } from './inside';
import { ECHO_PORT, Outside, SINK_PORT } from './outside/outside';

const NAME = 'www.example.com';
const WEB = 'web\n';

/** An echo of a program's own, through a connection that it keeps. */
const KEEPER = `
import os, socket, sys, time
s = socket.create_connection(("${NAME}", ${ECHO_PORT}))
s.recv(100)
if os.fork() > 0: os._exit(0)
os.setsid()
print("kept", flush=True)
try:
    while True:
        s.sendall(b"x")
        if s.recv(100) == b"": break
        time.sleep(0.01)
    print("ended", flush=True)
except OSError as error: print(error.strerror, flush=True)
try:
    socket.create_connection(("${NAME}", ${ECHO_PORT})).recv(1)
    print("again", flush=True)
except OSError as error: print(error.strerror, flush=True)
`;

describe('connections: what programs do with them', () => {
  let outside: Outside;
  let inside: Inside;

  beforeAll(async () => {
    outside = await Outside.open();
  });
  beforeEach(async () => {
    inside = await Inside.open(outside, { allow: [NAME] });
  });
  afterEach(() => inside[Symbol.asyncDispose]());
  afterAll(() => outside[Symbol.asyncDispose]());

  /** True when a program that is allowed to gets through. */
  const works = async (): Promise<boolean> => {
    const { heard } = await converseWith(inside, [NAME, ECHO_PORT], [], (all) => all.length > 0);
    return heard.toString() === WEB;
  };

  test('a child that keeps a connection loses it when its rule is revoked', async () => {
    const child = await inside.set.spawn('/usr/bin/python3', ['-c', KEEPER]);
    let said = '';
    child.stdout!.on('data', (chunk) => (said += String(chunk)));
    await eventually(() => said === 'kept\n');
    inside.egress.revoke(NAME);
    await once(child.stdout!, 'end');
    expect(said).toMatch(/^kept\n(ended|Connection reset by peer|Broken pipe)\nConnection reset by peer\n$/);
  });

  test('what is denied while it runs is cut, and what is allowed later works', async () => {
    const socket = await inside.network.connect({ host: NAME, port: ECHO_PORT });
    await once(socket, 'data');
    const closed = new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
    inside.egress.deny(`${NAME}:${ECHO_PORT}`);
    await closed;
    expect(await works()).toBe(false);
    inside.egress.revoke(`${NAME}:${ECHO_PORT}`);
    expect(await works()).toBe(true);
  });

  test('10,000 connections that say nothing: this process goes on, and so does the egress after them', async () => {
    // Each process has as many descriptors as it may.
    const child = await inside.set.spawn('/usr/bin/python3', [
      '-c',
      `
import os, resource, socket, time
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
address = socket.gethostbyname("${NAME}")
each = min(most - 50, 2500)
for _ in range(-(-10000 // each)):
    if os.fork() == 0:
        held = []
        for i in range(each):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex((address, 443))
            held.append(s)
        print("held", flush=True)
        os.read(0, 1) # until the end
        os._exit(0)
os.read(0, 1)
`,
    ]);
    let said = '';
    child.stdout!.on('data', (chunk) => (said += String(chunk)));
    await eventually(() => said.split('held').length > 4);
    await eventually(() => inside.egress.connections > 1000);
    // Descriptors are left for what else this process does.
    readdirSync('/proc/self/fd');
    // A busy machine takes its time for 10,000 connections, and may lose a question meanwhile.
    const patient = { dns: { timeout: 10_000, attempts: 5 } };
    const connected = await outside.gate.connect({ host: NAME, port: ECHO_PORT, ...patient });
    const { heard } = await converse(connected, [], () => true);
    expect(heard.toString()).toBe(WEB);

    child.stdin!.end();
    await child.exited;
    await eventually(() => inside.egress.connections === 0);
    expect(await works()).toBe(true);
  });

  test('10,000 beginnings of connections from addresses of nobody', async () => {
    await inside.python(`
import socket, struct
address = socket.gethostbyname("${NAME}")
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
to = socket.inet_aton(address)
for i in range(10000):
    source = struct.pack("!I", 0x0b000000 + i)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, i, 0, 64, 6, 0, source, to)
    tcp = struct.pack("!HHIIBBHHH", 1024 + i % 60000, 443, i, 0, 0x50, 2, 1000, 0, 0)
    tcp = tcp[:16] + struct.pack("!H", checksum(source + to + struct.pack("!HH", 6, 20) + tcp)) + tcp[18:]
    raw.sendto(ip + tcp, (address, 0))
`);
    expect(await works()).toBe(true);
  });

  test('a reader that does not read holds up its server, and no memory is filled', async () => {
    const before = process.memoryUsage().rss;
    const size = 300_000_000;
    const socket = await inside.network.connect({ host: NAME, port: 80 });
    socket.pause();
    socket.write(`GET /bytes/${size} HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`);
    await eventually(() => (inside.requests.at(-1)?.bytesReceived ?? 0) > 0);
    let last = -1;
    await eventually(async () => {
      const now = inside.requests.at(-1)?.bytesReceived ?? 0;
      await new Promise((resolve) => setTimeout(resolve, 200));
      const isStill = now === last;
      last = now;
      return isStill;
    });
    expect(last).toBeLessThan(50_000_000);
    // The server outside is in this process too, and has all of the answer in memory.
    expect(process.memoryUsage().rss - before).toBeLessThan(size + 100_000_000);
    expect(await works()).toBe(true);
    socket.destroy();
  });

  test('a server that does not read holds up its writer', async () => {
    const socket: Socket = await inside.network.connect({ host: NAME, port: SINK_PORT });
    socket.on('error', () => undefined);
    outside.pauseSinks(true);
    try {
      const chunk = Buffer.alloc(1_000_000);
      let isFull = false;
      for (let sent = 0; sent < 200 && !isFull; sent++) {
        const went = await Promise.race([
          new Promise<boolean>((resolve) => socket.write(chunk, () => resolve(true))),
          new Promise<boolean>((resolve) => setTimeout(resolve, 1000, false)),
        ]);
        isFull = !went;
      }
      expect(isFull).toBe(true);
    } finally {
      outside.pauseSinks(false);
      socket.destroy();
    }
  });

  test('programs that are stopped, limited and killed while they connect hold up nobody', async () => {
    await inside.python(`
import os, resource, signal, socket, time
address = socket.gethostbyname("${NAME}")
children = []
for i in range(60):
    pid = os.fork()
    if pid == 0:
        while True:
            s = socket.socket()
            try:
                s.connect((address, ${ECHO_PORT}))
                s.recv(10)
            except OSError: pass
            s.close()
    children.append(pid)
for round in range(20):
    for pid in children[::2]: os.kill(pid, signal.SIGSTOP)
    for pid in children:
        try: resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 4096))
        except (OSError, ValueError): pass
    time.sleep(0.02)
    for pid in children[::2]: os.kill(pid, signal.SIGCONT)
for pid in children: os.kill(pid, signal.SIGKILL)
`);
    expect(await works()).toBe(true);
    expect(inside.requests.length).toBeGreaterThan(0);
    await eventually(() => inside.egress.connections === 0);
  });

  test('the end of the namespaces ends the connections, and that of the egress as well', async () => {
    const socket = await inside.network.connect({ host: NAME, port: ECHO_PORT });
    await once(socket, 'data');
    const closed = new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
    await inside.egress.close();
    await closed;
    expect(inside.egress.connections).toBe(0);
  });
});

describe('names outside that change', () => {
  let outside: Outside;
  let inside: Inside;

  beforeAll(async () => {
    outside = await Outside.open();
    inside = await Inside.open(outside, { allow: ['*.example.com', 'db.internal', '10.7.0.0/16:5432'] });
  });
  afterAll(async () => {
    await inside[Symbol.asyncDispose]();
    await outside[Symbol.asyncDispose]();
  });

  const reach = async (name: string, port = ECHO_PORT): Promise<string | undefined> => {
    const { heard, error } = await converseWith(inside, [name, port], [], (all) => all.length > 0);
    return heard.length > 0 ? heard.toString().trim() : error;
  };

  test.each([
    '127.0.0.1',
    '::1',
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.169.254',
    'fe80::1',
    'fd00:ec2::254',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '224.0.0.1',
    'ff02::1',
    '255.255.255.255',
    '198.18.0.1',
    '240.0.0.1',
  ])('a name that leads to %s outside is not connected', async (address) => {
    outside.lab.dns.set('rebound.example.com', address);
    expect(await reach('rebound.example.com')).toBe('ECONNRESET');
    expect(inside.requests.at(-1)).toMatchObject({
      name: 'rebound.example.com',
      reason: expect.stringContaining('address') as string,
    });
  });

  test('a name that changes between two connections is looked at each time', async () => {
    outside.lab.dns.set('moving.example.com', '93.184.216.10');
    expect(await reach('moving.example.com')).toBe('web');
    outside.lab.dns.set('moving.example.com', '127.0.0.1');
    expect(await reach('moving.example.com')).toBe('ECONNRESET');
    outside.lab.dns.set('moving.example.com', '93.184.216.20');
    expect(await reach('moving.example.com')).toBe('other');
  });

  test('of several addresses only those are tried that are allowed', async () => {
    outside.lab.dns.set('mixed.example.com', ['127.0.0.1', '93.184.216.10', '10.0.0.1']);
    expect(await reach('mixed.example.com')).toBe('web');
  });

  test('a name that does not exist, that fails, or that nobody answers for is a refusal, and no silence', async () => {
    for (const answer of ['NXDOMAIN', 'SERVFAIL', 'REFUSED'] as const) {
      outside.lab.dns.set('missing.example.com', answer);
      expect(await reach('missing.example.com')).toBe('ECONNRESET');
    }
  });

  test('a port where nobody listens is a refusal', async () => {
    expect(await reach('www.example.com', 9)).toBe('ECONNRESET');
  });
});
