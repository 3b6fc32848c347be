import { Sandbox, type SandboxSpec, hostUserland } from '../../lib';
import { eventually } from '../fixtures/footprint';
import { ECHO_PORT, Outside } from './outside/outside';

const NAME = 'www.example.com';

/** Programs with as much as a spec can give them, and with as little. */
const SPECS: readonly [string, SandboxSpec][] = [
  ['an ordinary user', { user: { uid: 1000, gid: 1000 } }],
  ['root', { user: { uid: 0, gid: 0 } }],
  [
    'root with capabilities over the network, namespaces of its own, and no filter',
    {
      user: { uid: 0, gid: 0 },
      capabilities: ['CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_NET_BIND_SERVICE'],
      userNamespaces: true,
      seccomp: 'none',
    },
  ],
];

const FAMILIES = `
import socket
found = []
for family in range(1, 64):
    for kind in [1, 2, 3, 5]:
        try:
            socket.socket(family, kind, 0).close()
            found.append(family)
            break
        except OSError: pass
print(*found)
`;
/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET: each belongs to a network namespace. */
const OWN_FAMILIES = [1, 2, 10, 16, 17];

const CONNECT = `
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60) as s: print(s.recv(100).decode())
except OSError as error: print(error.strerror or error)
`;

describe.each(SPECS)('a sandbox with a policy, whose programs are %s', (_, spec) => {
  let outside: Outside;
  let sandbox: Sandbox;

  beforeAll(async () => {
    outside = await Outside.open();
  });
  beforeEach(async () => {
    const network = { allow: [NAME], outside: outside.gate };
    sandbox = await Sandbox.create({ ...hostUserland(), ...spec, network });
  });
  afterEach(() => sandbox.close());
  afterAll(() => outside[Symbol.asyncDispose]());

  const python = async (code: string, ...args: string[]): Promise<string> => {
    const { stdout } = await sandbox.execFile('/bin/sh', [
      '-c',
      'exec 2>&1; /usr/bin/python3 -c "$@"; true',
      'sh',
      code,
      ...args,
    ]);
    return stdout.trim();
  };

  test('reach what is allowed, and nothing else', async () => {
    expect(await python(CONNECT, NAME, String(ECHO_PORT))).toBe('web');
    expect(await python(CONNECT, 'secrets.example.org', String(ECHO_PORT))).toMatch(/reset|refused/i);
    expect(await python(CONNECT, '93.184.216.20', String(ECHO_PORT))).toMatch(/reset|refused/i);
    expect(outside.dialled).not.toContain('other');
  });

  test('have no sockets that belong to no network: of virtual machines, Bluetooth and the like', async () => {
    const found = (await python(FAMILIES)).split(' ').map(Number);
    expect(found).toEqual(expect.arrayContaining([1, 2, 10, 16]));
    expect(found.filter((family) => !OWN_FAMILIES.includes(family))).toEqual([]);
  });

  test('reach nothing of the network of this process: neither its abstract sockets, nor its namespace', async () => {
    const said = await sandbox.exec('exec 2>&1; cat /proc/net/unix /proc/net/dev; ls -l /proc/self/fd; true');
    expect(said.stdout).not.toMatch(/eth0|@\/tmp\/|\/run\/dbus/);
  });

  test('lose their connections with the sandbox', async () => {
    const child = await sandbox.spawn('/usr/bin/python3', [
      '-c',
      `
import socket, time
s = socket.create_connection(("${NAME}", ${ECHO_PORT}))
print(s.recv(100).decode(), flush=True)
time.sleep(600)`,
    ]);
    await eventually(() => sandbox.egress!.connections === 1);
    const { egress } = sandbox;
    await sandbox.close();
    await child.exited;
    expect(egress!.connections).toBe(0);
  });
});
