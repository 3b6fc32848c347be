/** What the compiler says of networks: see processes.test-d.ts. */
import type { Socket as DatagramSocket } from 'node:dgram';
import type { Agent, Server } from 'node:http';
import type { NamespaceSet, PersistentNamespace } from 'linux-ns';
import {
  type Address,
  type Attachment,
  type Link,
  type LinkSpec,
  type Neighbor,
  type NetworkEvent,
  type Route,
  type Rule,
  Network,
  networkNamespaces,
} from 'linux-ns/network';
import { expectType } from './equal';

declare const net: Network;
declare const set: NamespaceSet;

/** One of each kind, with no more than it takes. */
export const LINKS: readonly LinkSpec[] = [
  { name: 'a', kind: 'veth' },
  { name: 'a', kind: 'veth', peer: { name: 'b', namespace: set, mtu: 1400 } },
  { name: 'a', kind: 'bridge', stp: true },
  { name: 'a', kind: 'dummy' },
  { name: 'a', kind: 'ifb' },
  { name: 'a', kind: 'vlan', link: 'b', id: 5 },
  { name: 'a', kind: 'macvlan', link: 2, mode: 'bridge' },
  { name: 'a', kind: 'macvtap', link: 'b' },
  { name: 'a', kind: 'ipvlan', link: 'b', isolation: 'private' },
  { name: 'a', kind: 'vxlan', id: 1, portRange: [1, 2] },
  { name: 'a', kind: 'vrf', table: 10 },
  { name: 'a', kind: 'tun' },
  { name: 'a', kind: 'tap', owner: 1000 },
];

export const REFUSED: readonly LinkSpec[] = [
  // @ts-expect-error: a name of its own
  { kind: 'dummy' },
  // @ts-expect-error: of which link?
  { name: 'a', kind: 'vlan', id: 5 },
  // @ts-expect-error: a dummy has no other end
  { name: 'a', kind: 'dummy', peer: { name: 'b' } },
  // @ts-expect-error: no such mode
  { name: 'a', kind: 'macvlan', link: 'b', mode: 'l2' },
  // @ts-expect-error: a kind that there is not
  { name: 'a', kind: 'token-ring' },
];

export async function objects(): Promise<void> {
  expectType<Network>()(await Network.open());
  expectType<Network>()(await Network.open(set));
  expectType<Link>()(await net.link.add({ name: 'a', kind: 'dummy' }));
  expectType<Link[]>()(await net.link.list());
  expectType<Link>()(await net.link.get(1));
  expectType<Address[]>()(await net.address.list({ link: 'a', family: 'inet6' }));
  expectType<Route[]>()(await net.route.list({ table: 'all' }));
  expectType<Route>()(await net.route.get('10.0.0.1'));
  expectType<Rule[]>()(await net.rule.list());
  for (const rule of await net.rule.list()) await net.rule.add(rule);
  expectType<Neighbor[]>()(await net.neighbor.list());

  // @ts-expect-error: one string, as of ip-address(8)
  await net.address.add('a', '10.0.0.1', 24);
  // @ts-expect-error: to where?
  await net.route.add({ via: '10.0.0.1' });
  // @ts-expect-error: no such family
  await net.address.list({ family: 4 });
  // @ts-expect-error: its kind cannot change
  await net.link.set('a', { kind: 'veth' });
  // @ts-expect-error: made by open()
  new Network();
}

export async function events(): Promise<void> {
  for await (const event of net.watch({ types: ['link', 'address'] })) {
    expectType<NetworkEvent>()(event);
    if (event.type === 'link') expectType<Link>()(event.link);
    else if (event.type === 'nsid') expectType<number>()(event.id);
    else if (event.type === 'overrun') expectType<Link[]>()((await event.dump()).links);
    // @ts-expect-error: only events of links have one
    else console.log(event.link);
  }
  // @ts-expect-error: an overrun is always told
  net.watch({ types: ['overrun'] });
}

export async function sockets(server: Server): Promise<void> {
  expectType<Server>()(await net.listen(server, 80));
  expectType<DatagramSocket>()(await net.createSocket('udp4'));
  const agent: Agent = net.httpAgent({ keepAlive: true });
  expectType<Agent>()(agent);
  expectType<PersistentNamespace>()(await networkNamespaces.add('blue'));
  expectType<NamespaceSet>()(await networkNamespaces.enter('blue'));
  expectType<Attachment>()(await Network.attach(set, { with: 'pasta', ports: [{ host: 1, inside: 2 }] }));
  // @ts-expect-error: no such program
  await Network.attach(set, { with: 'vpnkit' });
  // @ts-expect-error: udp4 or udp6
  await net.createSocket('tcp4');
}
