/** The networks of "Linux Namespaces" (the article on `ip netns`), and what one builds next, from our own calls. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NamespaceProcess, NamespaceSet } from '../../lib';
import type { Network, Route } from '../../lib/network';
import { eventually } from '../fixtures/footprint';
import { type Host, Lab, connected } from '../fixtures/lab';
import { needs } from '../fixtures/optional';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'linux-ns-lab-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** As `ip route list` prints it. */
function routeText(route: Route): string {
  const words = [route.to, ...pair('via', route.via), ...pair('dev', route.link), ...pair('proto', route.protocol)];
  return [...words, ...pair('scope', route.scope), ...pair('src', route.source)].join(' ');
}

function pair(name: string, value: string | number | undefined): string[] {
  return value === undefined || value === 'boot' || value === 'global' ? [] : [name, String(value)];
}

async function routes(net: Network): Promise<string[]> {
  return (await net.route.list({ family: 'inet' })).map(routeText);
}

/** What is answered to `ping`: replies, of so many requests; its time to live. */
async function ping(from: NamespaceSet, to: string): Promise<{ received: number; ttl: number }> {
  const { stdout } = await from.execFile('ping', ['-c', '1', '-W', '20', to]);
  return { received: Number(/(\d+) received/.exec(stdout)?.[1]), ttl: Number(/ttl=(\d+)/.exec(stdout)?.[1]) };
}

/** Serves one page there, which says who asks. */
async function serve(on: Host, port: number): Promise<AsyncDisposable> {
  const server = createServer((request, response) => response.end(`hello ${request.socket.remoteAddress ?? ''}`));
  await on.net.listen(server, { port, host: '0.0.0.0' });
  return {
    [Symbol.asyncDispose]: async () => {
      await once(server.close(), 'close');
    },
  };
}

/** The page, as it is got from there. */
async function fetchFrom(from: Host, url: string): Promise<string> {
  const agent = from.net.httpAgent();
  try {
    const request = get(url, { agent });
    const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer>];
    let text = '';
    for await (const chunk of response) text += String(chunk);
    return text;
  } finally {
    agent.destroy();
  }
}

async function wire(a: Host, nameOfA: string, b: Host, nameOfB: string): Promise<void> {
  await a.net.link.add({ name: nameOfA, kind: 'veth', up: true, peer: { name: nameOfB, namespace: b.set, up: true } });
}

/** A program that serves until it is disposed of; ready when it has printed that. */
async function daemon(on: Host, ready: RegExp, file: string, args: string[]): Promise<NamespaceProcess> {
  const child = await on.set.spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  try {
    await eventually(() => {
      if (child.exitCode !== null) throw new Error(`${file} has ended: ${text}`);
      return ready.test(text);
    });
    return child;
  } catch (error) {
    await child.close();
    throw error;
  }
}

function dnsmasq(on: Host, link: string, ...options: string[]): Promise<NamespaceProcess> {
  const files = ['--conf-file=/dev/null', `--dhcp-leasefile=${join(directory, `leases-${link}`)}`, '--pid-file='];
  const args = [
    '--no-daemon',
    '--port=0',
    '--log-dhcp',
    '--bind-interfaces',
    `--interface=${link}`,
    ...files,
    ...options,
  ];
  return daemon(on, /DHCP.*(IP range|on)/, 'dnsmasq', args);
}

/** Asks once, and waits until it has an answer. It asks for nothing that would have it change /etc/resolv.conf. */
async function dhclient(on: Host, link: string): Promise<AsyncDisposable> {
  const config = join(directory, 'dhclient.conf');
  writeFileSync(config, 'request subnet-mask, broadcast-address, routers;\ntimeout 200;\n');
  const [leases, pid] = [join(directory, `client-${link}`), join(directory, `pid-${link}`)];
  const child = await on.set.spawn('dhclient', ['-4', '-1', '-d', '-cf', config, '-lf', leases, '-pf', pid, link], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await eventually(() => /^bound to/m.test(text) || child.exitCode !== null).catch(() => undefined);
  if (/^bound to/m.test(text)) return child;
  await child.close();
  throw new Error(`dhclient: ${text}`);
}

async function addressesOf(net: Network, link: string): Promise<string[]> {
  const addresses = await net.address.list({ link, family: 'inet' });
  return addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
}

needs({ tool: ['ping', 'ip'] }).describe('the walk-through of the article', () => {
  test('a pair of links, one end moved into the namespace, addresses, and ping and HTTP across', async () => {
    await using lab = await Lab.of(2);
    const [host, ns1] = [lab.at(0), lab.at(1)];
    const names = async ({ net }: Host): Promise<string[]> => (await net.link.list()).map(({ name }) => name);

    await host.net.link.add({ name: 'veth0', kind: 'veth', peer: { name: 'veth1' } });
    expect(await names(host)).toEqual(['lo', 'veth1', 'veth0']);
    await host.net.link.set('veth1', { namespace: ns1.set });
    expect(await names(host)).toEqual(['lo', 'veth0']);
    expect(await names(ns1)).toEqual(['lo', 'veth1']);

    await host.net.link.set('veth0', { up: true });
    await host.net.address.add('veth0', '192.168.5.5/24');
    await ns1.net.link.set('veth1', { up: true });
    await ns1.net.address.add('veth1', '192.168.5.10/24');
    const [there] = await ns1.net.address.list({ family: 'inet', scope: 'global' });
    expect(there).toMatchObject({ address: '192.168.5.10', broadcast: '192.168.5.255', label: 'veth1' });

    expect(await ping(ns1.set, '192.168.5.5')).toEqual({ received: 1, ttl: 64 });
    expect(await ping(host.set, '192.168.5.10')).toEqual({ received: 1, ttl: 64 });
    await using _page = await serve(ns1, 80);
    expect(await fetchFrom(host, 'http://192.168.5.10/')).toBe('hello 192.168.5.5');
  });

  test('the routes inside and outside, as `ip route list` prints them', async () => {
    await using lab = await Lab.of(2);
    await connected(lab);
    await wire(lab.at(0), 'eth0', lab.at(1), 'lan0');
    await lab.at(0).net.address.add('eth0', '192.168.3.122/24');
    await lab.at(0).net.route.add({ to: 'default', via: '192.168.3.1', link: 'eth0', protocol: 'static' });
    const printed = async ({ set }: Host): Promise<string[]> =>
      (await set.execFile('ip', ['route', 'list'])).stdout.trimEnd().split(/ *\n/);
    // Of the article, with its addresses.
    expect(await routes(lab.at(0).net)).toEqual([
      'default via 192.168.3.1 dev eth0 proto static',
      '192.168.3.0/24 dev eth0 proto kernel scope link src 192.168.3.122',
      '192.168.5.0/24 dev veth0 proto kernel scope link src 192.168.5.5',
    ]);
    expect(await routes(lab.at(1).net)).toEqual(['192.168.5.0/24 dev veth1 proto kernel scope link src 192.168.5.10']);
    for (const host of lab.hosts)
      expect((await printed(host)).map((line) => line.trimEnd())).toEqual(await routes(host.net));
  });

  needs({ tool: ['dnsmasq', 'dhclient'] }).test('a bridge, and addresses by DHCP on it and inside', async () => {
    await using lab = await Lab.of(3);
    const [host, ns1, lan] = [lab.at(0), lab.at(1), lab.at(2)];
    await wire(host, 'veth0', ns1, 'veth1');
    await wire(host, 'eth0', lan, 'lan0');
    await lan.net.address.add('lan0', '192.168.3.1/24');

    await host.net.link.add({ name: 'br0', kind: 'bridge', up: true, address: '02:00:00:00:03:7a' });
    await host.net.link.set('eth0', { master: 'br0' });
    await host.net.link.set('veth0', { master: 'br0' });
    expect((await host.net.link.list({ master: 'br0' })).map(({ name }) => name).sort()).toEqual(['eth0', 'veth0']);

    const range = [
      '--dhcp-range=192.168.3.248,192.168.3.248,255.255.255.0,1h',
      '--dhcp-host=02:00:00:00:03:7a,192.168.3.122',
    ];
    await using _server = await dnsmasq(lan, 'lan0', '--dhcp-authoritative', '--no-ping', ...range);
    await using _onBridge = await dhclient(host, 'br0');
    expect(await addressesOf(host.net, 'br0')).toEqual(['192.168.3.122/24']);
    await using _inside = await dhclient(ns1, 'veth1');
    expect(await addressesOf(ns1.net, 'veth1')).toEqual(['192.168.3.248/24']);

    const [address] = await ns1.net.address.list({ link: 'veth1', family: 'inet' });
    expect(address).toMatchObject({ dynamic: true, broadcast: '192.168.3.255' });
    expect((await ns1.net.route.list({ to: 'default' }))[0]).toMatchObject({ via: '192.168.3.1', link: 'veth1' });
    expect((await ping(ns1.set, '192.168.3.1')).received).toBe(1);
    expect((await ping(ns1.set, '192.168.3.122')).received).toBe(1);
  });

  test('deleting one end takes the other along', async () => {
    await using lab = await Lab.of(2);
    await connected(lab);
    await lab.at(1).net.link.delete('veth1');
    expect((await lab.at(0).net.link.list()).map(({ name }) => name)).toEqual(['lo']);
  });
});

needs({ tool: ['nft', 'ping'] }).test(
  'NAT: a network behind another, which the outside knows by one address',
  async () => {
    await using lab = await Lab.of(3);
    const [router, inside, outside] = [lab.at(0), lab.at(1), lab.at(2)];
    await wire(router, 'lan0', inside, 'eth0');
    await wire(router, 'wan0', outside, 'eth0');
    await router.net.address.add('lan0', '10.0.0.1/24');
    await router.net.address.add('wan0', '203.0.113.1/24');
    await inside.net.address.add('eth0', '10.0.0.2/24');
    await inside.net.route.add({ to: 'default', via: '10.0.0.1' });
    await outside.net.address.add('eth0', '203.0.113.2/24');
    await router.net.sysctl.set('net.ipv4.ip_forward', 1);
    const rules = `table ip nat {
    chain out { type nat hook postrouting priority srcnat; oifname "wan0" masquerade; }
    chain in { type nat hook prerouting priority dstnat; iifname "wan0" tcp dport 8080 dnat to 10.0.0.2:80; }
  }`;
    const child = await router.set.spawn('nft', ['-f', '-'], { stdio: ['pipe', 'inherit', 'inherit'] });
    child.stdin!.end(rules);
    expect(await child.exited).toEqual({ code: 0, signal: null });

    await using _out = await serve(outside, 80);
    expect(await fetchFrom(inside, 'http://203.0.113.2/')).toBe('hello 203.0.113.1');
    await using _in = await serve(inside, 80);
    expect(await fetchFrom(outside, 'http://203.0.113.1:8080/')).toBe('hello 203.0.113.2');
  },
);

needs({ tool: ['ping'] }).test('a chain of routers: three hops, there and back', async () => {
  await using lab = await Lab.of(4);
  const [a, r1, r2, b] = [lab.at(0), lab.at(1), lab.at(2), lab.at(3)];
  await Promise.all([wire(a, 'right', r1, 'left'), wire(r1, 'right', r2, 'left'), wire(r2, 'right', b, 'left')]);
  await a.net.address.add('right', '10.1.0.1/24');
  await r1.net.address.add('left', '10.1.0.2/24');
  await r1.net.address.add('right', '10.2.0.1/24');
  await r2.net.address.add('left', '10.2.0.2/24');
  await r2.net.address.add('right', '10.3.0.1/24');
  await b.net.address.add('left', '10.3.0.2/24');
  await a.net.route.add({ to: 'default', via: '10.1.0.2' });
  await r1.net.route.add({ to: '10.3.0.0/24', via: '10.2.0.2' });
  await r2.net.route.add({ to: '10.1.0.0/24', via: '10.2.0.1' });
  await b.net.route.add({ to: 'default', via: '10.3.0.1' });
  await Promise.all([r1, r2].map(({ net }) => net.sysctl.set('net.ipv4.ip_forward', 1)));

  expect(await ping(a.set, '10.3.0.2')).toEqual({ received: 1, ttl: 62 });
  expect(await ping(b.set, '10.1.0.1')).toEqual({ received: 1, ttl: 62 });
  expect(await a.net.route.get('10.3.0.2')).toMatchObject({ via: '10.1.0.2', link: 'right', source: '10.1.0.1' });
  await using _page = await serve(b, 80);
  expect(await fetchFrom(a, 'http://10.3.0.2/')).toBe('hello 10.1.0.1');
});

needs({ tool: ['dnsmasq'] }).test(
  'IPv6: a router advertises, and who does not listen gets no address of it',
  async () => {
    await using lab = await Lab.of(3);
    const [router, listens, deaf] = [lab.at(0), lab.at(1), lab.at(2)];
    await router.net.link.add({ name: 'br0', kind: 'bridge', multicastSnooping: false, up: true });
    for (const [name, host] of [
      ['p1', listens],
      ['p2', deaf],
    ] as const) {
      await router.net.link.add({
        name,
        kind: 'veth',
        master: 'br0',
        up: true,
        peer: { name: 'eth0', namespace: host.set },
      });
    }
    await router.net.address.add('br0', '2001:db8:3::1/64', { flags: ['nodad'] });
    await router.net.sysctl.set('net.ipv6.conf.all.forwarding', 1);
    await listens.net.sysctl.set('net.ipv6.conf.eth0.accept_ra', 1);
    await deaf.net.sysctl.set('net.ipv6.conf.eth0.accept_ra', 0);
    for (const { net } of [deaf, listens]) await net.link.set('eth0', { up: true });

    const ra = ['--enable-ra', '--dhcp-range=2001:db8:3::,ra-only,64,3600', '--ra-param=br0,4,1800'];
    await using _server = await dnsmasq(router, 'br0', ...ra);
    const advertised = async (net: Network): Promise<string[]> =>
      (await net.address.list({ link: 'eth0', family: 'inet6', scope: 'global' }))
        .filter(({ flags }) => !flags.includes('tentative'))
        .map(({ address }) => address);
    await eventually(async () => (await advertised(listens.net)).length > 0);
    expect((await advertised(listens.net))[0]).toMatch(/^2001:db8:3:/);
    const [route] = await listens.net.route.list({ to: 'default', family: 'inet6' });
    expect(route).toMatchObject({ protocol: 'ra', link: 'eth0', via: expect.stringMatching(/^fe80::/) as string });
    // The same advertisement has come to both: it goes to all nodes.
    expect(await advertised(deaf.net)).toEqual([]);
    expect(await deaf.net.route.list({ to: 'default', family: 'inet6' })).toEqual([]);
  },
);

needs({ tool: ['ping'] }).test('a macvlan: a second host on the same wire, in a namespace of its own', async () => {
  await using lab = await Lab.of(3);
  const [host, ns1, lan] = [lab.at(0), lab.at(1), lab.at(2)];
  await wire(host, 'eth0', lan, 'lan0');
  await lan.net.address.add('lan0', '192.168.3.1/24');
  await host.net.link.add({
    name: 'eth0',
    kind: 'macvlan',
    link: 'eth0',
    mode: 'bridge',
    namespace: ns1.set,
    up: true,
  });
  await ns1.net.address.add('eth0', '192.168.3.7/24');
  expect((await ping(ns1.set, '192.168.3.1')).received).toBe(1);
  const [neighbor] = await lan.net.neighbor.list({ link: 'lan0', family: 'inet' });
  expect(neighbor?.address).toBe((await ns1.net.link.get('eth0')).address);
});

needs({ tool: ['ping'] }).test('a vlan: two networks on one wire, where the kernel has them', async () => {
  await using lab = await Lab.of(2);
  await connected(lab);
  const tagged = async (host: Host, link: string, address: string): Promise<void> => {
    await host.net.link.add({ name: 'tagged', kind: 'vlan', link, id: 5, up: true });
    await host.net.address.add('tagged', address);
  };
  const outcome = await tagged(lab.at(0), 'veth0', '10.5.0.1/24').catch((error: unknown) => error);
  if (outcome !== undefined) {
    expect(outcome).toMatchObject({
      code: 'ERR_LINUX_NS_UNSUPPORTED',
      hint: expect.stringMatching(/CONFIG_VLAN_8021Q.*modprobe 8021q/) as string,
    });
    expect((await lab.at(0).net.link.list()).map(({ name }) => name)).toEqual(['lo', 'veth0']);
    return;
  }
  await tagged(lab.at(1), 'veth1', '10.5.0.2/24');
  expect((await ping(lab.at(0).set, '10.5.0.2')).received).toBe(1);
});

needs({ tool: ['ping'] }).test('a vxlan: a wire through a network', async () => {
  await using lab = await Lab.of(2);
  await connected(lab);
  const ends = [
    [lab.at(0), '192.168.5.5', '192.168.5.10', '10.42.0.1/24'],
    [lab.at(1), '192.168.5.10', '192.168.5.5', '10.42.0.2/24'],
  ] as const;
  for (const [{ net }, local, remote, address] of ends) {
    await net.link.add({ name: 'vx0', kind: 'vxlan', id: 42, local, remote, up: true });
    await net.address.add('vx0', address);
  }
  expect((await ping(lab.at(0).set, '10.42.0.2')).received).toBe(1);
});

needs({ tool: ['ping'] }).test('policy: packets of one sender take another table', async () => {
  await using lab = await Lab.of(2);
  await connected(lab);
  const { net, set } = lab.at(0);
  await net.address.add('veth0', '192.168.5.6/24');
  await net.route.add({ to: '192.168.5.10', type: 'prohibit', table: 100 });
  await net.rule.add({ from: '192.168.5.6', table: 100 });
  expect((await ping(set, '192.168.5.10')).received).toBe(1);
  await expect(net.route.get('192.168.5.10', { from: '192.168.5.6' })).rejects.toMatchObject({ code: 'EACCES' });
  await expect(set.execFile('ping', ['-c', '1', '-W', '1', '-I', '192.168.5.6', '192.168.5.10'])).rejects.toMatchObject(
    { code: 1 },
  );
});
