/** Sockets of AF_UNIX in a sandbox: those of the host that it reaches, and the option that forbids them all. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Server, createServer } from 'node:net';
import { join } from 'node:path';
import type { SandboxSpec } from '../../lib';
import { defaultSeccompProfile } from '../../lib/seccomp';
import { saidIn, withFolder } from './box';

/** Says what becomes of connecting to a path; `@name` is an abstract one. */
function dial(path: string): string {
  const address = path.replace(/^@/, '\\0');
  return `python3 -c 'import socket
try:
  s = socket.socket(socket.AF_UNIX)
  s.connect("${address}")
  print(s.recv(100).decode())
except OSError as error:
  print(error.strerror)'`;
}

/** A server of the host's that says hello. */
async function hello(path: string): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => undefined).end('hello'));
  server.listen(path);
  await once(server, 'listening');
  return server;
}

const closed = (server: Server): Promise<void> => new Promise((resolve) => void server.close(() => resolve()));

test('a socket file of the host is reached where it is let in, and nowhere else', async () => {
  await withFolder(async (folder) => {
    const path = join(folder, 'socket');
    const server = await hello(path);
    try {
      expect(await saidIn({}, dial(path))).toBe('No such file or directory');
      const one: SandboxSpec = { mounts: [{ type: 'bind', source: path, target: '/run/one' }] };
      expect(await saidIn(one, `${dial('/run/one')}; ${dial(path)}`)).toBe('hello\nNo such file or directory');
    } finally {
      await closed(server);
    }
  });
});

test('abstract sockets of the host stay out, as long as its network does', async () => {
  const name = `linux-ns-test-${process.pid}`;
  const listen = [
    'import socket',
    's = socket.socket(socket.AF_UNIX)',
    `s.bind("\\0${name}")`,
    's.listen()',
    'print("ready", flush=True)',
    'while True: s.accept()[0].sendall(b"hello")',
  ];
  const server = spawn('python3', ['-c', listen.join('\n')], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(server.stdout, 'data');
    expect(await saidIn({}, dial(`@${name}`))).toBe('Connection refused');
    expect(await saidIn({ network: 'host' }, dial(`@${name}`))).toBe('hello');
    expect(await saidIn({ network: 'host', unixSockets: false }, dial(`@${name}`))).toMatch(/family not supported/);
  } finally {
    server.kill();
  }
});

/** The ways to a socket of AF_UNIX, and what becomes of each. */
const WAYS = `python3 -c 'import ctypes, errno, socket
def word(make):
  try:
    make()
    return "made"
  except OSError as error:
    return errno.errorcode[error.errno]
def ring():
  if ctypes.CDLL(None, use_errno=True).syscall(425, 1, ctypes.create_string_buffer(120)) < 0:
    raise OSError(ctypes.get_errno(), "")
for kind in [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET]:
  print(word(lambda: socket.socket(socket.AF_UNIX, kind)), word(lambda: socket.socketpair(socket.AF_UNIX, kind)))
print(word(ring))
print(word(lambda: socket.socket(socket.AF_INET)), word(lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)))'`;

const FORBIDDEN = 'EAFNOSUPPORT made\nEAFNOSUPPORT EAFNOSUPPORT\nEAFNOSUPPORT made\nENOSYS\nmade made';

test.each<[string, SandboxSpec]>([
  ['with the default filter', {}],
  ['with a profile', { seccomp: defaultSeccompProfile() }],
  ['with no other filter', { seccomp: 'none' }],
  ['as root inside, with all that it can have', { user: { uid: 0, gid: 0 }, capabilities: ['CAP_SYS_ADMIN'] }],
])('unixSockets: false leaves connected pairs, %s', async (_, spec) => {
  expect(await saidIn({ ...spec, unixSockets: false }, WAYS)).toBe(FORBIDDEN);
});

test('without the option there are all kinds', async () => {
  expect(await saidIn({}, WAYS)).toBe('made made\nmade made\nmade made\nENOSYS\nmade made');
});

test('a socket file that is let in cannot be connected to, where sockets are forbidden', async () => {
  await withFolder(async (folder) => {
    const path = join(folder, 'socket');
    const server = await hello(path);
    try {
      const mounts: SandboxSpec['mounts'] = [{ type: 'bind', source: path, target: '/run/one' }];
      expect(await saidIn({ mounts, unixSockets: false }, dial('/run/one'))).toMatch(/family not supported/);
    } finally {
      await closed(server);
    }
  });
});

test('Node’s children, and Python’s asyncio, go on without them', async () => {
  const mounts: SandboxSpec['mounts'] = [{ type: 'bindReadOnly', source: process.execPath, target: '/node' }];
  const node = `/node -e 'require("child_process").execFile("echo", ["a child"], (error, out) => console.log(error ?? out.trim()))'`;
  const python = `python3 -c 'import asyncio; asyncio.run(asyncio.sleep(0)); print("asyncio")'`;
  const said = await saidIn({ mounts, unixSockets: false }, `${node}; ${python}`);
  expect(said).toBe('a child\nasyncio');
});
