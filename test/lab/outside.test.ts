/** The way from a lab to the outside: by a router that pasta or slirp4netns serves. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from '../../lib';
import { type Host, Lab } from '../../lib/lab';
import type { AttachProgram } from '../../lib/network';
import { errorWith } from '../fixtures/errors';
import { eventually, isAlive } from '../fixtures/footprint';
import { findTool, needs } from '../fixtures/optional';
import { nodeArguments } from '../fixtures/scenario';
import { closeAll, getText } from '../network/sockets/inside';

let lab: Lab;
let machine: Server;

beforeAll(async () => {
  machine = createServer((request, response) => response.end(`this machine, to ${request.socket.remoteAddress}`));
  await once(machine.listen(0, '127.0.0.1'), 'listening');
});
beforeEach(async () => {
  lab = await Lab.create({ networks: { lan: { subnet: '192.168.1.0/24' }, wan: { subnet: '203.0.113.0/24' } } });
});
afterEach(() => lab.close());
afterAll(() => closeAll(machine));

/** The port of a server that only programs of this machine can reach. */
function port(): number {
  return (machine.address() as AddressInfo).port;
}

/** Requests from a host, by a program, what this machine serves on its loopback. */
async function get(host: Host, gateway: string): Promise<string> {
  const { stdout } = await host.execFile('curl', ['-s', '--max-time', '20', `http://${gateway}:${port()}/`]);
  return stdout;
}

/** A PATH with some programs only. */
async function withPath<T>(programs: readonly string[], run: () => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'linux-ns-path-'));
  for (const program of programs) symlinkSync(findTool(program) ?? '', join(folder, program));
  const before = process.env.PATH;
  process.env.PATH = folder;
  try {
    return await run();
  } finally {
    process.env.PATH = before;
    rmSync(folder, { recursive: true });
  }
}

describe.each<AttachProgram>(['pasta', 'slirp4netns'])('with %s', (program) => {
  const { test: testWith } = needs({ tool: [program, 'curl'] });

  testWith(
    'all hosts reach the outside: over several routers, from behind a NAT, and those that come later',
    async () => {
      const near = await lab.addHost('near', { on: 'wan' });
      await lab.addRouter('gateway', { on: ['lan', 'wan'], nat: 'wan' });
      const outside = await lab.outside({ on: 'wan', with: program, hostLoopback: true });
      const far = await lab.addHost('far', { on: 'lan' });
      expect(await far.network.route.list({ to: 'default' })).toMatchObject([{ via: '192.168.1.1' }]);
      const hosts = [near, far, outside];
      const answers = await Promise.all(hosts.map((host) => get(host, outside.gateway)));
      expect(answers).toEqual(hosts.map(() => 'this machine, to 127.0.0.1'));
      const text = await getText({ host: outside.gateway, port: port(), agent: near.httpAgent() });
      expect(text).toBe('this machine, to 127.0.0.1');
    },
  );

  testWith('hosts are reached over the router as before', async () => {
    const [a] = await lab.addHosts(['a'], { on: 'lan' });
    const b = await lab.addHost('b', { on: 'wan' });
    await lab.outside({ on: ['lan', 'wan'], with: program });
    await b.listen(
      createServer((request, response) => response.end(request.socket.remoteAddress)),
      80,
    );
    expect(await getText({ host: 'b', agent: a.httpAgent() })).toBe('::ffff:192.168.1.1');
  });

  testWith('after a crash of the router there is no way, and after its restart there is', async () => {
    const a = await lab.addHost('a', { on: 'wan' });
    const outside = await lab.outside({ on: 'wan', with: program, hostLoopback: true });
    await outside.crash();
    expect((await outside.network.link.list()).map(({ name }) => name)).not.toContain('tap0');
    await outside.restart();
    await lab.addInterface(outside, 'lan');
    expect(await get(a, outside.gateway)).toBe('this machine, to 127.0.0.1');
    const [b] = await lab.addHosts(['b'], { on: 'lan' });
    expect(await get(b, outside.gateway)).toBe('this machine, to 127.0.0.1');
  });

  testWith('the program ends with the router, and routes with it', async () => {
    const a = await lab.addHost('a', { on: 'wan' });
    const outside = await lab.outside({ on: 'wan', with: program });
    const { what = '' } = [...lab.events].find(({ what: each }) => each.startsWith(`${program} of outside`)) ?? {};
    const pid = Number(/pid (\d+)/.exec(what)?.[1]);
    expect(isAlive(pid)).toBe(true);
    await outside.close();
    expect(isAlive(pid)).toBe(false);
    expect(await a.network.route.list({ to: 'default' })).toEqual([]);
    await lab.outside({ on: 'wan', with: program });
  });
});

describe('lab.outside()', () => {
  const { test: testWith } = needs({ tool: ['pasta'] });

  testWith('is part of the topology: of a lab that is made of an object, and of JSON', async () => {
    await using first = await Lab.create({
      networks: { wan: {} },
      hosts: { a: { on: 'wan' } },
      outside: { on: 'wan' },
    });
    const { topology } = first.toJSON();
    expect(topology).toMatchObject({ routers: {}, hosts: { a: {} } });
    expect(topology.outside).toEqual({
      name: 'outside',
      on: [{ network: 'wan', address: ['10.0.0.2'] }],
      with: 'pasta',
      hostLoopback: false,
    });
    expect(String(first)).toContain('outside eth0 10.0.0.2 [router to the outside]');
    await using second = await Lab.create(topology);
    expect(second.toJSON().topology).toEqual(topology);
  });

  testWith('is there once, and keeps its range for itself', async () => {
    await lab.outside({ on: 'wan' });
    await expect(lab.outside({ on: 'lan', name: 'other' })).rejects.toThrow('leads outside already');
    const networks = await Promise.all(['x', 'y', 'z'].map((name) => lab.addNetwork(name)));
    expect(networks.map(({ subnet }) => subnet)).toEqual(['10.0.0.0/24', '10.0.1.0/24', '10.0.3.0/24']);
    await expect(lab.addNetwork('taken', { subnet: '10.0.0.0/16' })).rejects.toThrow(
      'must not overlap 10.0.2.0/24, which the way outside has',
    );
    expect(lab.networks.has('taken')).toBe(false);
  });

  test('refuses a lab with a network of that range', async () => {
    await lab.addNetwork('taken', { subnet: '10.0.2.0/24' });
    await expect(lab.outside({ on: 'taken' })).rejects.toThrow('must not overlap 10.0.2.0/24');
    expect(lab.hosts.size).toBe(0);
  });

  test.each([
    [{}, '"options.on"'],
    [{ on: 'nowhere' }, 'must be a network of this lab: lan, wan'],
    [{ on: 'lan', name: 'a.b' }, 'must be a name that DNS allows'],
    [{ on: 'lan', with: 'nat' }, 'pasta'],
    [{ on: 'lan', hostloopback: true }, 'hostLoopback'],
  ])('refuses %j', async (options, words) => {
    await expect(lab.outside(options as never)).rejects.toThrow(words);
    expect(lab.hosts.size).toBe(0);
  });

  testWith('without /dev/net/tun it says so, and nothing is left', async () => {
    const program = nodeArguments(require.resolve('./scenarios'), 'notOutside');
    const mounts = [{ type: 'tmpfs', target: '/dev/net' }];
    const { stdout } = await execFile(process.execPath, program, { unshare: ['user', 'mnt'], mounts });
    const hint = `There is no /dev/net/tun here: load the module ('sudo modprobe tun'), or give the container the device.`;
    expect(JSON.parse(stdout.replace('result: ', ''))).toEqual({
      error: { code: 'ERR_LINUX_NS_ATTACH', step: 'start pasta', hint },
      hosts: [],
    });
  });

  test('without the program it says what to install, and nothing is left', async () => {
    const attempt = withPath([], () => lab.outside({ on: 'wan' }));
    const hint = `pasta is not installed, or not in the PATH: Debian has it in the package passt ('sudo apt install passt').`;
    await expect(attempt).rejects.toThrow(errorWith({ code: 'ENOENT', step: 'start pasta', hint }));
    expect(lab.hosts.size).toBe(0);
    await eventually(async () => (await lab.core.link.list()).every(({ kind }) => kind !== 'veth'));
  });
});
