/** Servers inside a sandbox that are reachable from outside: sandbox.expose(). */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { text } from 'node:stream/consumers';
import { Sandbox, type SandboxSpec, unshare } from '../../lib';
import { type Footprint, expectNothingLeft } from '../fixtures/footprint';
import { footprintWithServers } from '../network/sockets/inside';
import { userland } from './box';

const LOOPBACK = '127.0.0.1';

/** A server in Python that answers what it hears, on TCP or UDP, and says when it can be reached. */
const ECHO = {
  tcp: [
    'import socket, sys',
    's = socket.create_server((sys.argv[1], 8080), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)',
    'print("ready", flush=True)',
    'while True:',
    '  c = s.accept()[0]',
    '  c.sendall(c.recv(100).upper())',
    '  c.close()',
  ].join('\n'),
  udp: [
    'import socket',
    's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
    's.bind(("127.0.0.1", 8080))',
    'print("ready", flush=True)',
    'while True:',
    '  data, sender = s.recvfrom(100)',
    '  s.sendto(data.upper(), sender)',
  ].join('\n'),
};

async function serve(sandbox: Sandbox, protocol: 'tcp' | 'udp', address = LOOPBACK): Promise<void> {
  const server = await sandbox.spawn('python3', ['-c', ECHO[protocol], address], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(server.stdout!, 'data');
}

async function ask(port: number, words: string, host = LOOPBACK): Promise<string> {
  const socket = connect({ port, host });
  socket.end(words);
  return text(socket);
}

/** The code of the error that ends a connection; undefined for an orderly end. */
function endOf(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    let code: string | undefined;
    socket.on('error', (error: NodeJS.ErrnoException) => (code = error.code)).resume();
    socket.once('close', () => resolve(code));
  });
}

let before: Footprint;
beforeAll(async () => (before = await footprintWithServers()));
afterAll(() => expectNothingLeft(before));

/** As far as they differ in who owns the network. */
const KINDS: [name: string, spec: SandboxSpec][] = [
  ['a sandbox', {}],
  ['one whose programs are in a user namespace of their own', { capabilities: ['CAP_SYS_ADMIN'] }],
  ['one without a pid namespace', { share: ['pid'], proc: false }],
];

describe.each(KINDS)('the port of %s', (_, spec) => {
  test('is reachable by a port of the host, by TCP and by UDP', async () => {
    await using sandbox = await Sandbox.create(userland(spec));
    await Promise.all([serve(sandbox, 'tcp'), serve(sandbox, 'udp')]);
    const tcp = await sandbox.expose(8080);
    expect(tcp).toMatchObject({ protocol: 'tcp', direction: 'in', closed: false });
    expect(await ask(tcp.port, 'hello')).toBe('HELLO');
    const udp = await sandbox.expose(8080, { protocol: 'udp' });
    const client = createSocket('udp4');
    try {
      const heard = once(client, 'message');
      client.send('hello', udp.port, LOOPBACK);
      expect(String(((await heard) as [Buffer])[0])).toBe('HELLO');
    } finally {
      client.close();
    }
  });
});

test('a port that is chosen is the one, at the address that is chosen; a server inside may be that of IPv6', async () => {
  await using sandbox = await Sandbox.create(userland());
  await serve(sandbox, 'tcp', '::1');
  const free = await sandbox.expose(9);
  await free.close();
  const { port } = await sandbox.expose(8080, { host: free.port, hostAddress: '127.0.0.2', insideAddress: '::1' });
  expect(port).toBe(free.port);
  expect(await ask(port, 'six', '127.0.0.2')).toBe('SIX');
  await expect(sandbox.expose(1, { host: port, hostAddress: '127.0.0.2' })).rejects.toMatchObject({
    code: 'EADDRINUSE',
    port,
  });
});

test('the server may come later: until then connections are reset, and the port stays', async () => {
  await using sandbox = await Sandbox.create(userland());
  const { port } = await sandbox.expose(8080);
  expect(await endOf(connect({ port, host: LOOPBACK }))).toBe('ECONNRESET');
  await serve(sandbox, 'tcp');
  expect(await ask(port, 'now')).toBe('NOW');
});

test('the port is closed with the sandbox, and its connections end', async () => {
  const sandbox = await Sandbox.create(userland());
  const forward = await sandbox.expose(8080);
  await serve(sandbox, 'tcp');
  const client = connect({ port: forward.port, host: LOOPBACK });
  await once(client, 'connect');
  const [end] = await Promise.all([endOf(client), sandbox.close()]);
  expect([undefined, 'ECONNRESET']).toContain(end);
  expect(forward.closed).toBe(true);
  expect(await endOf(connect({ port: forward.port, host: LOOPBACK }))).toBe('ECONNREFUSED');
  await expect(sandbox.expose(8080)).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
});

test('a sandbox that is closed meanwhile exposes nothing', async () => {
  const sandbox = await Sandbox.create(userland());
  const exposing = sandbox.expose(8080);
  const closing = sandbox.close();
  await expect(exposing).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
  await closing;
});

test('a signal closes the port, and the sandbox goes on', async () => {
  await using sandbox = await Sandbox.create(userland());
  const stop = new AbortController();
  const forward = await sandbox.expose(8080, { signal: stop.signal });
  stop.abort();
  while (!forward.closed) await pause(1);
  expect((await sandbox.exec('echo on')).stdout).toBe('on\n');
});

test('a network that is given is the one whose ports are exposed', async () => {
  await using set = await unshare(['user', 'net']);
  await using sandbox = await Sandbox.create(userland({ network: set.net }));
  await serve(sandbox, 'tcp');
  const { port } = await sandbox.expose(8080);
  expect(await ask(port, 'given')).toBe('GIVEN');
});

test('a sandbox in the network of the host has no port to expose', async () => {
  await using sandbox = await Sandbox.create(userland({ network: 'host' }));
  await expect(sandbox.expose(8080)).rejects.toMatchObject({
    code: 'ERR_LINUX_NS_NO_SUCH_KIND',
    kind: 'net',
    hint: expect.stringContaining("network: 'host'") as string,
  });
});

test('bad ports and options are refused', async () => {
  await using sandbox = await Sandbox.create();
  const wrong = (port: unknown, options?: unknown): Promise<unknown> =>
    sandbox.expose(port as number, options as object).catch((error: unknown) => error);
  for (const port of [0, 65536, 1.5, -1]) expect(await wrong(port)).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  for (const port of ['80', undefined, null]) expect(await wrong(port)).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  expect(await wrong(80, { host: 65536 })).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  expect(await wrong(80, { protocol: 'sctp' })).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  expect(await wrong(80, { inside: 80 })).toMatchObject({ message: expect.stringContaining('inside') as string });
  expect(await wrong(80, { direction: 'out' })).toMatchObject({
    message: expect.stringContaining('direction') as string,
  });
});
