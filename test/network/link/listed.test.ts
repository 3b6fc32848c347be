/** What a list of links gives can be given back. */
import type { Link, LinkSpec, Network } from '../../../lib/network';
import { Lab, tunIsOpen } from '../../fixtures/lab';

let lab: Lab;
let net: Network;
beforeEach(async () => {
  lab = await Lab.of(1);
  ({ net } = lab.at(0));
});
afterEach(() => lab[Symbol.asyncDispose]());

const MAC = '02:00:00:00:00:0';

/** Links of all kinds, each after those that it refers to. */
const SPECS: readonly LinkSpec[] = [
  {
    name: 'br0',
    kind: 'bridge',
    stp: true,
    forwardDelay: 4,
    helloTime: 1,
    ageingTime: 60,
    priority: 4096,
    address: `${MAC}1`,
  },
  {
    name: 'veth0',
    kind: 'veth',
    mtu: 1400,
    alias: 'an end',
    master: 'br0',
    group: 7,
    peer: { name: 'veth1' },
    up: true,
  },
  { name: 'dummy0', kind: 'dummy', mtu: 9000, multicast: true, allMulticast: true },
  { name: 'ifb0', kind: 'ifb', txQueueLength: 5 },
  { name: 'vlan0', kind: 'vlan', link: 'br0', id: 5, protocol: '802.1ad', mtu: 1300 },
  { name: 'mac0', kind: 'macvlan', link: 'veth1', mode: 'bridge', address: `${MAC}2`, promiscuous: true },
  { name: 'tap0', kind: 'macvtap', link: 'veth1', mode: 'private' },
  { name: 'ip0', kind: 'ipvlan', link: 'br0', mode: 'l2', isolation: 'private' },
  {
    name: 'vx0',
    kind: 'vxlan',
    id: 42,
    local: '10.0.0.1',
    remote: '10.0.0.2',
    port: 5000,
    ttl: 9,
    tos: 4,
    learning: false,
  },
  { name: 'vx1', kind: 'vxlan', external: true, link: 'br0', port: 5001, ageing: 60, addressGeneration: 'none' },
  { name: 'vrf0', kind: 'vrf', table: 1000 },
  { name: 'gnv0', kind: 'geneve', id: 7, remote: '10.0.0.2', ttl: 'inherit', df: 'set', address: `${MAC}4` },
  { name: 'gre1', kind: 'gre', local: '10.0.0.1', remote: '10.0.0.2', key: 5, checksum: true, ttl: 9 },
  { name: 'gre2', kind: 'gretap', remote: '10.0.0.3', inputKey: 1, outputKey: 2, sequence: true, address: `${MAC}5` },
  { name: 'gre3', kind: 'ip6gre', local: 'fd00::1', remote: 'fd00::2', encapLimit: 'none', flowLabel: 5 },
  { name: 'gre4', kind: 'ip6gretap', remote: 'fd00::3', key: 7, address: `${MAC}6` },
  { name: 'wg0', kind: 'wireguard', mtu: 1380 },
  { name: 'bond0', kind: 'bond', mode: '802.3ad', lacpRate: 'fast', minLinks: 2, xmitHashPolicy: 'layer3+4' },
  {
    name: 'bond1',
    kind: 'bond',
    mode: 'active-backup',
    arpInterval: 200,
    arpTargets: ['10.0.0.1'],
    address: `${MAC}7`,
  },
  ...(tunIsOpen()
    ? ([
        { name: 'tun0', kind: 'tun', multiQueue: true },
        { name: 'tap1', kind: 'tap', vnetHeader: true, packetInfo: true, address: `${MAC}3` },
      ] as const)
    : []),
];

/** Those that this kernel has. */
async function addAll(): Promise<void> {
  for (const spec of SPECS) {
    await net.link.add(spec).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'ERR_LINUX_NS_UNSUPPORTED' });
    });
  }
  await net.link.set('veth0', { addNames: ['one:end', 'an end'], port: { cost: 55, hairpin: true, isolated: true } });
}

/** Links that a kernel with tunnels puts into each new network, and does not delete. */
const OF_THE_KERNEL = /^(gre|gretap|erspan|ip6gre|ip6tnl|tunl|sit)0$/;

async function listed(): Promise<Link[]> {
  return (await net.link.list()).filter(({ name }) => !OF_THE_KERNEL.test(name));
}

/** What the kernel numbers, and what is so because of that. */
function lasting({
  index: _,
  linkIndex: __,
  info = {},
  port,
  state: ___,
  flags,
  promiscuity: ____,
  permanentAddress: ________, // an ip6gre has one that is made up
  ...rest
}: Link): object {
  const { bridgeId: _____, rootId: ______, ...details } = info;
  const { state: _______, ...asPort } = port ?? {};
  const set = flags.filter((flag) => !['M-DOWN', 'LOWER_UP', 'NO-CARRIER', 'RUNNING'].includes(flag));
  return { ...rest, flags: set, info: details, port: asPort };
}

test('each can be deleted and made again, with its names and as the port that it was', async () => {
  await addAll();
  const before = (await listed()).filter(({ kind }) => kind !== undefined);
  expect(before.length).toBeGreaterThan(4);
  for (const link of before.filter(({ name }) => name !== 'veth1').reverse()) await net.link.delete(link);
  expect((await listed()).map(({ name }) => name)).toEqual(['lo']);
  const order = before.filter(({ name }) => name !== 'veth1'); // it comes with veth0, and others are on top of it
  for (const link of order.sort((a, b) => Number(a.kind === 'macvlan') - Number(b.kind === 'macvlan'))) {
    await net.link.add(link);
  }
  const end = before.find(({ name }) => name === 'veth1');
  await net.link.set('veth1', { up: end?.up, address: end?.address });
  const again = new Map((await listed()).map((link) => [link.name, link]));
  const byName = new Map(before.map((link) => [link.name, link]));
  expect([...again.keys()].sort()).toEqual(['lo', ...byName.keys()].sort());
  for (const link of byName.values()) expect(lasting(again.get(link.name)!)).toEqual(lasting(link));
});

test('the one that is meant is known by its index, whatever it is called by now', async () => {
  await net.link.add({ name: 'br0', kind: 'bridge' });
  const link = await net.link.get('br0');
  await net.link.set(link, { name: 'br1' });
  await net.link.add({ name: 'br0', kind: 'bridge' });
  expect((await net.link.get(link)).name).toBe('br1');
  await net.link.delete(link);
  expect((await listed()).map(({ name }) => name)).toEqual(['lo', 'br0']);
  await expect(net.link.delete(link)).rejects.toMatchObject({ code: 'ENODEV', step: 'delete link br0' });
});

test('one that is no virtual link cannot be made', async () => {
  const lo = await net.link.get('lo');
  await expect(net.link.add(lo)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
});

test('what cannot be given to it leaves no link', async () => {
  await net.link.add({ name: 'br0', kind: 'bridge' });
  await net.link.set('br0', { addNames: ['taken'] });
  const link = { ...(await net.link.get('br0')), name: 'br1' };
  await expect(net.link.add(link)).rejects.toMatchObject({ code: 'EEXIST', step: 'add names of link br1' });
  expect((await listed()).map(({ name }) => name)).toEqual(['lo', 'br0']);
});
