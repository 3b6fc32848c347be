/** A sandbox whose network is a policy: what holds for it, and what cannot be combined with it. What the policy does is in test/network/egress. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { type Server, connect, createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Sandbox, type SandboxSpec, hostUserland, unshare } from '../../lib';
import type { EgressPolicy } from '../../lib/network';
import type { SeccompProfile } from '../../lib/seccomp';
import { type Footprint, expectNothingLeft } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { footprintWithServers } from '../network/sockets/inside';
import { inSandbox, programs, said, saidIn, userland, withFolder } from './box';

/** An address of the internet, which is nobody's here: every connection to the outside comes to one server. */
const ADDRESS = '93.184.215.14';

let server: Server;
let before: Footprint;
beforeAll(async () => {
  before = await footprintWithServers();
  server = createServer((socket) => socket.on('error', () => undefined).end('outside\n')).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await expectNothingLeft(before);
});

const outside: EgressPolicy['outside'] = {
  lookup: () => Promise.resolve([{ address: ADDRESS, family: 4 }]),
  async connect() {
    const { port } = server.address() as AddressInfo;
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    return socket;
  },
};

const allowing = (...allow: string[]): SandboxSpec => ({ network: { allow, outside } });

/** A command line that says what a server has to say, or what the kernel says to connecting. */
function dial(host: string, port = 7000): string {
  return `python3 -c 'import socket
try:
  print(socket.create_connection(("${host}", ${port}), 20).recv(100).decode().strip() or "nothing")
except OSError as error:
  print(error.strerror or error)'`;
}

const REFUSED = 'Connection reset by peer';

test('programs reach what the policy names, and nothing else', async () => {
  const said = await saidIn(
    allowing(`${ADDRESS}:7000`),
    `${dial(ADDRESS)}; ${dial(ADDRESS, 7001)}; ${dial('1.1.1.1')}`,
  );
  expect(said).toBe(`outside\n${REFUSED}\n${REFUSED}`);
});

test('the policy is changed while programs run, and ends with the sandbox', async () => {
  const sandbox = await Sandbox.create(userland(allowing()));
  const { egress } = sandbox;
  expect(egress).toMatchObject({ ports: 'all', closed: false });
  expect(inspect(sandbox)).toContain("egress: Egress { allow: [], ports: 'all', connections: 0 }");
  expect(await said(sandbox, dial(ADDRESS))).toBe(REFUSED);
  egress?.allow(ADDRESS);
  expect(await said(sandbox, dial(ADDRESS))).toBe('outside');
  egress?.revoke(ADDRESS);
  expect(await said(sandbox, dial(ADDRESS))).toBe(REFUSED);
  await egress?.close();
  expect(await said(sandbox, dial(ADDRESS))).toMatch(/refused|unreachable/);
  await sandbox.close();
  expect(egress?.closed).toBe(true);
  expect(() => egress?.allow(ADDRESS)).toThrow(expect.objectContaining({ code: 'ERR_LINUX_NS_CLOSED' }) as Error);
});

test('getaddrinfo(3) finds names for each family alone, also where it looks for what the network has', async () => {
  const ask = `python3 -c 'import socket
for family in socket.AF_INET, socket.AF_INET6, socket.AF_UNSPEC:
  found = socket.getaddrinfo("a.example.com", 80, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
  print(*sorted(address[4][0].split(".")[0].split(":")[0] for address in found))'`;
  expect(await saidIn(allowing(), ask)).toBe('198\nfd2a\n198 fd2a');
});

test('without a policy there is no egress', async () => {
  for (const network of ['none', 'host'] as const) {
    await using sandbox = await Sandbox.create({ network });
    expect(sandbox.egress).toBeUndefined();
  }
});

describe('resolv.conf names the name server of the egress', () => {
  const NAMED = 'nameserver 127.0.0.1';
  const show = 'cat /etc/resolv.conf';
  /** A root of its own, with what is in its /etc, and links and directories for the programs of the host. */
  const root = (folder: string, prepare: (etc: string) => void): string => {
    const path = join(folder, 'root');
    for (const each of ['etc', 'proc', 'dev', 'run/systemd']) mkdirSync(join(path, each), { recursive: true });
    for (const entry of programs()) {
      if (entry.type === 'symlink') symlinkSync(entry.to, join(path, entry.target));
      else mkdirSync(join(path, entry.target));
    }
    prepare(join(path, 'etc'));
    return path;
  };
  const binds = programs().filter(({ type }) => type !== 'symlink');
  const own = (etc: string): void => writeFileSync(join(etc, 'resolv.conf'), 'search of.the.root\n');
  const stub = (etc: string): void => symlinkSync('../run/systemd/resolve/stub-resolv.conf', join(etc, 'resolv.conf'));
  const network = { allow: ['*.example.com'], outside };

  test('with the programs of the host, with and without its files for names', async () => {
    expect(await saidIn({ network }, show)).toBe(NAMED);
    const spec = { ...hostUserland({ resolver: true }), network };
    expect(await inSandbox(spec, (sandbox) => said(sandbox, show))).toBe(NAMED);
  });

  test.each<[string, (etc: string) => void]>([
    ['that has the file', own],
    [
      'where a link leads to the file',
      (etc) => {
        writeFileSync(join(etc, 'real'), 'search of.the.root\n');
        symlinkSync('real', join(etc, 'resolv.conf'));
      },
    ],
    [
      'where a link would lead to a file of the host',
      (etc) => {
        writeFileSync(join(etc, 'hosts'), '');
        symlinkSync('/etc/hosts', join(etc, 'resolv.conf'));
      },
    ],
  ])('with a root %s, be it read-only or not, or an overlay', async (_, prepare) => {
    await withFolder(async (folder) => {
      const path = root(folder, prepare);
      for (const each of [path, { path, readOnly: false }, { lower: [path] }]) {
        const spec: SandboxSpec = { root: each, mounts: binds, network };
        expect(await inSandbox(spec, (sandbox) => said(sandbox, show))).toBe(NAMED);
      }
    });
  });

  test.each<[string, (etc: string) => void]>([
    ['without the file', () => undefined],
    ['where a link leads nowhere', stub],
  ])('a root %s is left as it is: programs ask the same server then', async (_, prepare) => {
    await withFolder(async (folder) => {
      const path = root(folder, prepare);
      for (const each of [path, { path, readOnly: false }, { lower: [path] }]) {
        const spec: SandboxSpec = { root: each, mounts: binds, network };
        expect(await inSandbox(spec, (sandbox) => said(sandbox, show))).toMatch(/No such file/);
      }
    });
  });

  test('a file that the caller has chosen stays', async () => {
    const mounts: SandboxSpec['mounts'] = [{ type: 'file', target: '/etc/resolv.conf', data: 'nameserver 8.8.8.8\n' }];
    expect(await saidIn({ mounts, network }, show)).toBe('nameserver 8.8.8.8');
  });

  test('programs cannot write it', async () => {
    expect(await saidIn({ network, user: { uid: 0, gid: 0 } }, 'echo > /etc/resolv.conf')).toMatch(/Read-only/);
  });
});

describe('a bad policy, and what would lead past it, is refused before anything starts', () => {
  const refusal = (spec: object): Promise<unknown> => Sandbox.create(spec).catch((error: unknown) => error);
  const network = { allow: ['packages.example.com'] };

  test('what is no policy', async () => {
    expect(await refusal({ network: { allow: ['no host'] } })).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
      message: expect.stringContaining('spec.network.allow[0]') as string,
    });
    expect(await refusal({ network: { alow: [] } })).toMatchObject({
      message: expect.stringMatching(/spec\.network.*allow/) as string,
    });
    expect(await refusal({ network: 7 })).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    expect(await refusal({ network: [] })).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    await using set = await unshare(['user', 'net']);
    expect(await refusal({ network: set })).toMatchObject({
      message: expect.stringContaining("the 'net' of that set") as string,
    });
  });

  test('the network of the host', async () => {
    expect(await refusal({ network, share: ['net'] })).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
      message: expect.stringContaining('spec.share') as string,
    });
  });

  test('capabilities that are for other networks, too; those of the sandbox’s own user namespace are not', async () => {
    await using set = await unshare(['user']);
    for (const foreign of [{ share: ['user'] }, { namespaces: { user: set.user } }]) {
      expect(await refusal({ ...foreign, network, capabilities: ['CAP_NET_ADMIN'] })).toMatchObject({
        code: 'ERR_INVALID_ARG_VALUE',
        message: expect.stringContaining('spec.capabilities') as string,
      });
    }
    await inSandbox({ network, capabilities: ['CAP_NET_ADMIN', 'CAP_SYS_ADMIN'] }, () => Promise.resolve());
  });

  test('processes of the host that can be traced', async () => {
    expect(await refusal({ network, share: ['user', 'pid'] })).toMatchObject({
      message: expect.stringContaining('spec.share') as string,
    });
  });

  test('an error shows no password of a proxy', async () => {
    const via = 'http://somebody:secret@proxy.example:3128';
    const error = (await refusal({ network: { via }, share: ['net'] })) as Error;
    expect(error.message).toContain('spec.share');
    expect(error.stack).not.toContain('secret');
  });
});

/** Whatever a program may have in its own namespaces, no packet leaves but by this process. */
describe.each<[string, SandboxSpec]>([
  ['no capability', {}],
  ['CAP_NET_ADMIN and CAP_NET_RAW', { capabilities: ['CAP_NET_ADMIN', 'CAP_NET_RAW'], user: { uid: 0, gid: 0 } }],
  [
    'CAP_SYS_ADMIN as well, and no filter of system calls',
    {
      ...{ capabilities: ['CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_SYS_ADMIN'], seccomp: 'none', userNamespaces: true },
      user: { uid: 0, gid: 0 },
    },
  ],
])('a program with %s', (_, more) => {
  const spec: SandboxSpec = { ...more, ...allowing(ADDRESS) };

  test('has no link but its loopback', async () => {
    expect(await saidIn(spec, 'ls /sys/class/net 2>/dev/null; tail -n +3 /proc/net/dev | cut -d: -f1')).toMatch(
      /^\s*lo$/,
    );
  });

  test('reaches the allowed host, and no other', async () => {
    expect(await saidIn(spec, `${dial(ADDRESS)}; ${dial('1.1.1.1')}`)).toBe(`outside\n${REFUSED}`);
  });

  test('makes no socket that belongs to no network: AF_VSOCK, AF_ALG, Bluetooth; and no ring of io_uring', async () => {
    const tries = `python3 -c 'import ctypes, errno, socket
for family in [40, 38, 31, 42, 44]:
  try:
    socket.socket(family, socket.SOCK_STREAM)
    print("made", family)
  except OSError as error:
    pass
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall(425, 1, ctypes.create_string_buffer(120)))'`;
    expect(await saidIn(spec, tries)).toBe('-1');
  });
});

needs({ tool: ['ip', 'nft'] }).describe('a program with CAP_NET_ADMIN', () => {
  const capabilities: SandboxSpec['capabilities'] = ['CAP_NET_ADMIN', 'CAP_NET_RAW'];
  const spec: SandboxSpec = { ...allowing(ADDRESS), capabilities, user: { uid: 0, gid: 0 } };

  test.each([
    ['flushes all rules', 'nft flush ruleset'],
    ['flushes all routes', 'ip route flush table local; ip route flush table main'],
    ['makes an address its own', 'ip address add 1.1.1.1/32 dev lo'],
    [
      'makes links and a route through them',
      'ip link add d0 type dummy; ip link set d0 up; ip route add default dev d0',
    ],
    ['makes a tunnel', 'ip tunnel add t0 mode ipip remote 1.1.1.1 local 10.0.0.1; ip link set t0 up'],
    [
      'makes a pair of links, one end of which is for the namespace of the init',
      'ip link add v0 type veth peer name v1; ip link set v1 netns 1',
    ],
    [
      'passes a connection off for one to the allowed host, and gets that',
      'nft add table ip n; nft add chain ip n o "{ type nat hook output priority -200; }"; nft add rule ip n o ip daddr 1.1.1.1 dnat to 93.184.215.14',
    ],
  ])('%s, and reaches nothing that is not allowed', async (_, command) => {
    const said = await saidIn(spec, `{ ${command}; } >/dev/null 2>&1; timeout 5 ${dial('1.1.1.1')} || echo silence`);
    // Where it has lied about where it goes, it may come to where it has said that it goes.
    const lies = command.includes('dnat');
    expect(said).toMatch(/^(Connection re(set|fused).*|.*unreachable|timed out|silence|nothing|outside)$/);
    if (!lies) expect(said).not.toBe('outside');
  });
});

test('with a profile of its own a program makes no socket that belongs to no network, either', async () => {
  const all: SeccompProfile = { defaultAction: 'SCMP_ACT_ALLOW' };
  const make = `python3 -c 'import socket; socket.socket(40, 1)' 2>&1 | tail -1`;
  expect(await saidIn({ ...allowing(ADDRESS), seccomp: all }, make)).toMatch(/family not supported/);
});
