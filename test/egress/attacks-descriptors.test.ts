/** Descriptors that programs inside have from this process, and those that they send to it. */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import type { NamespaceProcess } from '../../lib';
import { eventually } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { Inside } from './inside';
import { ADDRESSES, ECHO_PORT, Outside } from './outside/outside';

const [OTHER] = ADDRESSES.other;

/** Tries to make each of its sockets one that leads elsewhere: a socket belongs to the network that it was made in. */
const TURN = `
import os, socket, struct, sys
name = sys.argv[1]
def tried(what, call):
    try: return what + ': ' + str(call())
    except OSError as error: return None
found = []
sockets = 0
for fd in [0, 1, 3]:
    try: s = socket.socket(fileno=os.dup(fd))
    except OSError: continue
    sockets += 1
    if s.family in (socket.AF_INET, socket.AF_INET6): found.append('a socket of IP')
    if s.type == socket.SOCK_DGRAM: found.append('a socket of datagrams')
    def again():
        # connect() to AF_UNSPEC takes the other end away, so that another one may follow: connect(2)
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.connect(s.fileno(), struct.pack('H14x', 0), 16) < 0: raise OSError(ctypes.get_errno(), '')
        return 'yes'
    found.append(tried('taken apart', again))
    found.append(tried('connects', lambda: s.connect('\\0' + name)))
    found.append(tried('sends', lambda: s.sendto(b'x', '\\0' + name)))
    def listens():
        s.bind('\\0' + name + '-own'); s.listen()
        return 'yes'
    found.append(tried('listens', listens))
os.write(2, ('%d sockets, found: %r' % (sockets, [each for each in found if each is not None])).encode())
`;

/** Sends many descriptors over whatever is a socket, as Node sends handles and without a word. */
const SEND = `
import array, json, os, socket
handle = json.dumps({'cmd': 'NODE_HANDLE', 'type': 'net.Native', 'msg': 'take it'}).encode() + b'\\n'
sent = 0
last = None
for fd in [1, 3]:
    try: s = socket.socket(fileno=os.dup(fd))
    except OSError: continue
    s.setblocking(False)
    for _ in range(500):
        given = [socket.socket() for _ in range(20)]
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [each.fileno() for each in given]))]
        try:
            s.sendmsg([handle if fd == 3 else b'x'], rights)
            sent += 20
        except OSError as error: last = error
        for each in given: each.close()
os.write(2, ('sent %d, %s' % (sent, last)).encode())
os.read(0, 1)
`;

describe('descriptors: programs inside are root, with all capabilities', () => {
  let outside: Outside;
  let inside: Inside;

  beforeAll(async () => {
    outside = await Outside.open();
  });
  beforeEach(async () => {
    inside = await Inside.open(outside, { allow: ['www.example.com'] });
  });
  afterEach(() => inside[Symbol.asyncDispose]());
  afterAll(() => outside[Symbol.asyncDispose]());

  /** A program that has a channel for messages as its descriptor 3, as Node's children have, and pipes. */
  const start = (code: string, ...args: string[]): Promise<NamespaceProcess> =>
    inside.set.spawn('/usr/bin/python3', ['-c', code, ...args], { stdio: ['pipe', 'pipe', 'pipe', 'ipc'] });
  const said = (child: NamespaceProcess): (() => string) => {
    let text = '';
    child.stderr!.on('data', (chunk) => (text += String(chunk)));
    return () => text;
  };

  test('its streams and its channel lead nowhere else: not even to a server of this process that has no file', async () => {
    const name = `egress-attack-${process.pid}`;
    const server = createServer((socket) => socket.end('reached')).listen(`\0${name}`);
    await once(server, 'listening');
    try {
      const child = await start(TURN, name);
      const text = said(child);
      await child.exited;
      await eventually(() => text().includes('found:'));
      expect(text()).toMatch(/^[1-3] sockets, found: \[\]$/);
    } finally {
      server.close();
    }
  });

  test('sockets that a program sends over its streams and its channel are dropped, and none stays open', async () => {
    const messages: unknown[] = [];
    const before = readdirSync('/proc/self/fd').length;
    const child = await start(SEND);
    child.on('message', (message, handle) => messages.push(message, handle));
    const text = said(child);
    await eventually(() => text().includes('sent'));
    // Newer kernels refuse them where they are sent, as this process takes none: SO_PASSRIGHTS, Linux 6.16.
    expect(text()).toMatch(/^sent ([1-9]|0, \[Errno 1\])/);
    await eventually(() => readdirSync('/proc/self/fd').length < before + 50);
    for (const handle of messages) expect([undefined, 'take it']).toContain(handle);
    child.stdin!.end();
    await child.exited;
  });

  needs({ tool: ['ip'] }).test('a device of its own (tun, tap) takes its packets, and leads nowhere', async () => {
    const said = await inside.python(`
import fcntl, os, socket, struct, subprocess
def device(name, flags):
    fd = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(fd, 0x400454ca, struct.pack('16sH22x', name, flags | 0x1000)) # TUNSETIFF, IFF_NO_PI
    os.set_blocking(fd, False)
    return fd
devices = [device(b'tun0', 1), device(b'tap0', 2)]
for command in [
    'addr add 93.184.216.30/24 dev tap0', 'link set tap0 up', 'addr add 10.9.9.1/24 dev tun0', 'link set tun0 up',
    'route del local 0.0.0.0/0 dev lo table local', 'route replace default dev tun0',
    'neigh replace ${OTHER} lladdr 02:00:00:00:00:01 dev tap0', 'rule add pref 1 from all lookup main',
]: subprocess.run(['ip', *command.split()], check=True)
s = socket.socket()
s.setblocking(False)
s.connect_ex(('${OTHER}', ${ECHO_PORT}))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.sendto(b'x', ('93.184.215.1', 443))
# A packet that comes in by a device, from an address of the outside to another one: it is not passed on.
ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 28, 1, 0, 64, 17, 0, socket.inet_aton('10.9.9.7'), socket.inet_aton('${OTHER}'))
for _ in range(20): os.write(devices[0], ip + struct.pack('!HHHH', 5000, ${ECHO_PORT}, 8, 0))
print('sent')
`);
    expect(said).toEqual(['sent']);
    expect(outside.dialled).not.toContain('other');
    expect(inside.requests).toEqual([]);
  });
});
