/**
 * The walk-through of an article on `ip netns`, with its names and addresses, and without ip(8): each command, then what
 * it prints, from our own calls.
 *
 *     npm run example -- ip-netns
 *
 * Root or not makes no difference. What the article does to its host is done to a namespace that stands for it, `host`: so
 * nothing of this machine changes. The last part, DHCP, uses the programs dnsmasq and dhclient where they are installed.
 */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NamespaceError, type NamespaceProcess, type NamespaceSet, unshare } from 'linux-ns';
import { type Address, type Link, Network, type Route } from 'linux-ns/network';

async function main(): Promise<void> {
  // One user namespace for all: whoever has made it may move links between its networks, privileged or not.
  await using host = await unshare(['user', 'net']);
  await using net = await Network.open(host);
  await using lan = await unshare('net', { setns: [host.user!] });
  await plugIn(net, lan);

  // The names are this program's: those of `ip netns` are files of the machine, in /run/netns.
  const names = new Map<string, NamespaceSet>();
  say('ip netns list');
  printNames(names);
  say('ip netns add ns1', 'ip netns list');
  // As ip(8) makes it, lo is down.
  await using ns1 = await unshare({ net: { loopback: false } }, { setns: [host.user!] });
  await using inside = await Network.open(ns1);
  names.set('ns1', ns1);
  printNames(names);

  say('ip link list');
  printLinks(await net.link.list());

  say('ip link add veth0 type veth peer name veth1', 'ip link list');
  await net.link.add({ name: 'veth0', kind: 'veth', peer: { name: 'veth1' } });
  printLinks(await net.link.list());

  say('ip link set veth1 netns ns1', 'ip netns exec ns1 ip link list');
  await net.link.set('veth1', { namespace: ns1 });
  printLinks(await inside.link.list());

  say('ifconfig veth0 192.168.5.5/24', 'ip netns exec ns1 ifconfig veth1 192.168.5.10/24 up');
  await net.link.set('veth0', { up: true });
  await net.address.add('veth0', '192.168.5.5/24');
  await inside.link.set('veth1', { up: true });
  await inside.address.add('veth1', '192.168.5.10/24');
  await Promise.all([cableIsPlugged(net, 'veth0'), cableIsPlugged(inside, 'veth1')]);

  say('ip addr list');
  printAddresses(await net.link.list(), await net.address.list());
  say('ip netns exec ns1 ip addr list');
  printAddresses(await inside.link.list(), await inside.address.list());

  say('ip route list');
  printRoutes(await net.route.list({ family: 'inet' }));
  say('ip netns exec ns1 ip route list');
  printRoutes(await inside.route.list({ family: 'inet' }));

  say('ip netns exec ns1 ping -c 1 192.168.5.5');
  console.log((await ns1.execFile('ping', ['-c', '1', '192.168.5.5'])).stdout.trimEnd());

  say(
    'brctl addbr br0',
    'brctl addif br0 eth0',
    'brctl addif br0 veth0',
    'ifconfig eth0 0.0.0.0',
    'ifconfig veth0 0.0.0.0',
  );
  const { address } = await net.link.get('eth0');
  await net.link.add({ name: 'br0', kind: 'bridge', address, up: true }); // known to the DHCP server by that of eth0
  await net.address.delete('eth0', '192.168.3.122/24');
  await net.address.delete('veth0', '192.168.5.5/24');
  await inside.address.delete('veth1', '192.168.5.10/24');
  for (const port of ['eth0', 'veth0']) await net.link.set(port, { master: 'br0' });
  printLinks(await net.link.list({ master: 'br0' }));

  await bridged(host, lan, ns1, address);
  say('ip netns exec ns1 ip link del veth1', 'ip link list');
  await inside.link.delete('veth1');
  printLinks(await net.link.list());
}

/** The article's host has an eth0, on a network with a router. */
async function plugIn(net: Network, lan: NamespaceSet): Promise<void> {
  await net.link.add({ name: 'eth0', kind: 'veth', up: true, peer: { name: 'lan0', namespace: lan, up: true } });
  await net.address.add('eth0', '192.168.3.122/24');
  await net.route.add({ to: 'default', via: '192.168.3.1', link: 'eth0', protocol: 'static' });
  await using outside = await Network.open(lan);
  await outside.address.add('lan0', '192.168.3.1/24');
}

/** The kernel finds out about the carrier in its own time. */
async function cableIsPlugged(net: Network, link: string): Promise<void> {
  await using watch = net.watch({ types: ['link'] });
  if ((await net.link.get(link)).state === 'UP') return;
  for await (const event of watch)
    if (event.type === 'link' && event.link.name === link && event.link.state === 'UP') return;
}

/** dhclient on the bridge and in ns1, with dnsmasq on the other side. */
async function bridged(host: NamespaceSet, lan: NamespaceSet, ns1: NamespaceSet, address = ''): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'ip-netns-'));
  try {
    const server = await startDnsmasq(lan, directory, address);
    if (server === undefined) {
      console.log('\nWith dnsmasq and dhclient installed, br0 and veth1 would have addresses by DHCP now.');
      return;
    }
    await using _server = server;
    for (const [set, link, command] of [
      [host, 'br0', 'dhclient br0'],
      [ns1, 'veth1', 'ip netns exec ns1 dhclient veth1'],
    ] as const) {
      say(command, `ip addr list ${link}`);
      await using _client = await runDhclient(set, directory, link);
      await using net = await Network.open(set);
      printAddresses([await net.link.get(link)], await net.address.list({ link }));
    }
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function startDnsmasq(
  lan: NamespaceSet,
  directory: string,
  address: string,
): Promise<NamespaceProcess | undefined> {
  const range = ['--dhcp-range=192.168.3.248,192.168.3.248,255.255.255.0,1h', `--dhcp-host=${address},192.168.3.122`];
  const files = ['--conf-file=/dev/null', `--dhcp-leasefile=${join(directory, 'leases')}`, '--pid-file='];
  const options = [
    '--no-daemon',
    '--port=0',
    '--dhcp-authoritative',
    '--no-ping',
    '--interface=lan0',
    ...files,
    ...range,
  ];
  return startUntil(/DHCP, IP range/, lan, 'dnsmasq', options);
}

/** It goes on until it is disposed of; the address stays. */
async function runDhclient(set: NamespaceSet, directory: string, link: string): Promise<AsyncDisposable> {
  const config = join(directory, 'dhclient.conf');
  await writeFile(config, 'request subnet-mask, broadcast-address, routers;\n'); // and nothing for /etc/resolv.conf
  const files = ['-cf', config, '-lf', join(directory, `${link}.leases`), '-pf', join(directory, `${link}.pid`)];
  const client = await startUntil(/^bound to/m, set, 'dhclient', ['-4', '-1', '-d', ...files, link]);
  return client ?? { [Symbol.asyncDispose]: async () => Promise.resolve() };
}

/** Starts a program and waits until it has printed something; undefined where it is not installed. */
async function startUntil(
  ready: RegExp,
  set: NamespaceSet,
  file: string,
  args: string[],
): Promise<NamespaceProcess | undefined> {
  let child: NamespaceProcess;
  try {
    child = await set.spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    if ((error as NamespaceError).code === 'ENOENT') return undefined;
    throw error;
  }
  let text = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const ended = child.exited.then(() => true);
  while (!ready.test(text)) {
    const more = once(child.stderr!, 'data').then(() => false);
    if (await Promise.race([ended, more])) throw new Error(`${file} has ended: ${text}`);
  }
  return child;
}

function say(...commands: string[]): void {
  console.log(`\n${commands.map((command) => `# ${command}`).join('\n')}`);
}

function printNames(names: ReadonlyMap<string, NamespaceSet>): void {
  for (const name of names.keys()) console.log(name);
}

function printLinks(links: readonly Link[]): void {
  for (const link of links) console.log(`${linkLine(link)} mode ${link.mode}${queue(link)}\n${addressLine(link)}`);
}

function printAddresses(links: readonly Link[], addresses: readonly Address[]): void {
  for (const link of links) {
    console.log(`${linkLine(link)}${queue(link)}\n${addressLine(link)}`);
    for (const each of addresses.filter(({ index }) => index === link.index)) {
      const { family, address, prefixLength, broadcast, scope, label } = each;
      const words = [
        `    ${family} ${address}/${prefixLength}`,
        ...(broadcast === undefined ? [] : [`brd ${broadcast}`]),
      ];
      console.log([...words, `scope ${scope}`, ...(label === undefined ? [] : [label])].join(' '));
    }
  }
}

function linkLine({ index, name, link, linkIndex, flags, mtu, qdisc = 'none', state, master }: Link): string {
  const other = linkIndex === undefined ? '' : `@${link ?? `if${linkIndex}`}`;
  const below = master === undefined ? '' : ` master ${master}`;
  return `${index}: ${name}${other}: <${flags.join(',')}> mtu ${mtu} qdisc ${qdisc}${below} state ${state}`;
}

function queue({ txQueueLength }: Link): string {
  return txQueueLength === undefined ? '' : ` qlen ${txQueueLength}`;
}

function addressLine({ type, address = '', broadcast = '' }: Link): string {
  return `    link/${type} ${address} brd ${broadcast}`;
}

function printRoutes(routes: readonly Route[]): void {
  for (const { to, via, link, protocol, scope, source } of routes) {
    const words = [to, ...(via === undefined ? [] : [`via ${via}`]), `dev ${link ?? '?'}`, `proto ${protocol}`];
    const more = [
      ...(scope === 'global' ? [] : [`scope ${scope}`]),
      ...(source === undefined ? [] : [`src ${source}`]),
    ];
    console.log([...words, ...more].join(' '));
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
