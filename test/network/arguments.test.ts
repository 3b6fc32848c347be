/** What makes no sense is refused before anything is asked of the kernel, with the name of what it is about. */
import { unshare } from '../../lib';
import { type Network, Network as Networks } from '../../lib/network';

let net: Network;
beforeAll(async () => {
  const set = await unshare(['user', 'net']);
  net = await Networks.open(set);
  await set.close();
});
afterAll(() => net.close());

const TYPE = 'ERR_INVALID_ARG_TYPE';
const VALUE = 'ERR_INVALID_ARG_VALUE';
const RANGE = 'ERR_OUT_OF_RANGE';

type Call = (net: Network) => unknown;

/** Calls as JavaScript makes them: the types forbid most. */
function any(value: unknown): never {
  return value as never;
}

test.each<[name: string, code: string, call: Call]>([
  ['spec', TYPE, (n) => n.link.add(any('veth'))],
  ['spec.kind', VALUE, (n) => n.link.add(any({ name: 'a', kind: 'eth' }))],
  ['spec', VALUE, (n) => n.link.add(any({ name: 'a', kind: 'veth', per: {} }))],
  ['spec', VALUE, (n) => n.link.add(any({ name: 'a', kind: 'veth', stp: true }))],
  ['spec.name', TYPE, (n) => n.link.add(any({ kind: 'veth' }))],
  ['spec.name', VALUE, (n) => n.link.add({ name: '', kind: 'veth' })],
  ['spec.name', VALUE, (n) => n.link.add({ name: 'a/b', kind: 'veth' })],
  ['spec.name', VALUE, (n) => n.link.add({ name: 'a b', kind: 'veth' })],
  ['spec.name', VALUE, (n) => n.link.add({ name: '..', kind: 'veth' })],
  ['spec.name', VALUE, (n) => n.link.add({ name: 'sixteen-letters-', kind: 'veth' })],
  [
    'spec.name',
    VALUE,
    (n) =>
      n.link
        .add({ name: 'ünfzehnbuchsta', kind: 'veth' })
        .then(() => n.link.add({ name: 'ünfzehnbuchstab', kind: 'veth' })),
  ],
  ['spec.name', VALUE, (n) => n.link.add({ name: 'veth%d', kind: 'veth' })],
  ['spec.peer.name', VALUE, (n) => n.link.add({ name: 'a', kind: 'veth', peer: { name: 'a:b' } })],
  ['spec.peer', VALUE, (n) => n.link.add(any({ name: 'a', kind: 'veth', peer: { master: 'br0' } }))],
  ['spec.peer.namespace', TYPE, (n) => n.link.add(any({ name: 'a', kind: 'veth', peer: { namespace: 'ns1' } }))],
  ['spec.mtu', TYPE, (n) => n.link.add(any({ name: 'a', kind: 'veth', mtu: '1500' }))],
  ['spec.mtu', RANGE, (n) => n.link.add({ name: 'a', kind: 'veth', mtu: -1 })],
  ['spec.up', TYPE, (n) => n.link.add(any({ name: 'a', kind: 'veth', up: 1 }))],
  ['spec.address', VALUE, (n) => n.link.add({ name: 'a', kind: 'veth', address: '02-00-00-00-00-01' })],
  ['spec.alias', VALUE, (n) => n.link.add({ name: 'a', kind: 'veth', alias: 'ä'.repeat(128) })],
  ['spec.master', RANGE, (n) => n.link.add({ name: 'a', kind: 'veth', master: 0 })],
  ['spec.group', RANGE, (n) => n.link.add({ name: 'a', kind: 'veth', group: 1.5 })],
  ['spec.link', VALUE, (n) => n.link.add(any({ name: 'a', kind: 'vlan', id: 5 }))],
  ['spec.id', RANGE, (n) => n.link.add({ name: 'a', kind: 'vlan', link: 'lo', id: 4096 })],
  ['spec.protocol', VALUE, (n) => n.link.add(any({ name: 'a', kind: 'vlan', link: 'lo', id: 1, protocol: 'qinq' }))],
  ['spec.mode', VALUE, (n) => n.link.add(any({ name: 'a', kind: 'macvlan', link: 'lo', mode: 'public' }))],
  ['spec.id', VALUE, (n) => n.link.add({ name: 'a', kind: 'vxlan' })],
  ['spec.remote', VALUE, (n) => n.link.add({ name: 'a', kind: 'vxlan', id: 1, remote: '10.0.0.256' })],
  ['spec.portRange[1]', RANGE, (n) => n.link.add({ name: 'a', kind: 'vxlan', id: 1, portRange: [9, 8] })],
  ['spec.forwardDelay', RANGE, (n) => n.link.add({ name: 'a', kind: 'bridge', forwardDelay: -1 })],
  ['spec.table', VALUE, (n) => n.link.add(any({ name: 'a', kind: 'vrf' }))],
  ['spec.owner', RANGE, (n) => n.link.add({ name: 'a', kind: 'tun', owner: -1 })],
  ['spec.persistent', TYPE, (n) => n.link.openTun(any({ name: 'a', kind: 'tun', persistent: 1 }))],
  ['link', TYPE, (n) => n.link.get(any(undefined))],
  ['link', RANGE, (n) => n.link.get(0)],
  ['link', VALUE, (n) => n.link.get('')],
  ['filter', VALUE, (n) => n.link.list(any({ type: 'veth' }))],
  ['change', VALUE, (n) => n.link.set('lo', any({ mut: 1500 }))],
  ['change.kind', VALUE, (n) => n.link.set('lo', any({ kind: 'veth' }))],
  ['change', VALUE, (n) => n.link.set('lo', any({ stp: true }))],
  ['change.port.cost', RANGE, (n) => n.link.set('lo', { port: { cost: 0 } })],
  ['change.addNames[0]', VALUE, (n) => n.link.set('lo', { addNames: [''] })],
  ['change.addNames[0]', VALUE, (n) => n.link.set('lo', { addNames: ['x'.repeat(128)] })],
  ['change.removeNames[0]', VALUE, (n) => n.link.set('lo', { removeNames: ['a\0b'] })],
  ['change.addressGeneration', VALUE, (n) => n.link.set('lo', any({ addressGeneration: 'eui' }))],
  ['address', TYPE, (n) => n.address.add('lo', any(undefined))],
  ['address', VALUE, (n) => n.address.add('lo', '192.168.5.5/33')],
  ['address', VALUE, (n) => n.address.add('lo', '192.168.5.5/24/3')],
  ['address', VALUE, (n) => n.address.add('lo', '192.168.5/24')],
  ['address', VALUE, (n) => n.address.add('lo', 'fe80::1%lo/64')],
  ['options.peer', VALUE, (n) => n.address.add('lo', '10.0.0.1', { peer: 'fe80::1' })],
  ['options.flags[0]', VALUE, (n) => n.address.add('lo', '10.0.0.1', { flags: any(['dynamic']) })],
  [
    'options.preferredLifetime',
    RANGE,
    (n) => n.address.add('lo', '10.0.0.1', { validLifetime: 5, preferredLifetime: 6 }),
  ],
  ['options.scope', VALUE, (n) => n.address.add('lo', '10.0.0.1', { scope: any('universe') })],
  ['spec.to', TYPE, (n) => n.route.add(any({}))],
  ['spec.to', VALUE, (n) => n.route.add({ to: '10.0.0.0/8/8' })],
  ['spec.via', VALUE, (n) => n.route.add({ to: 'default', via: '10.0.0' })],
  ['spec.family', VALUE, (n) => n.route.add({ to: '10.0.0.0/8', family: 'inet6' })],
  ['spec.type', VALUE, (n) => n.route.add({ to: '10.0.0.0/8', type: any('drop') })],
  ['spec.table', RANGE, (n) => n.route.add({ to: '10.0.0.0/8', table: -1 })],
  ['spec.table', VALUE, (n) => n.route.add({ to: '10.0.0.0/8', table: any('mine') })],
  ['spec.nexthops', VALUE, (n) => n.route.add({ to: '10.0.0.0/8', nexthops: [] })],
  ['spec.nexthops', VALUE, (n) => n.route.add({ to: '10.0.0.0/8', via: '10.0.0.1', nexthops: [{ via: '10.0.0.2' }] })],
  ['spec.nexthops[0].weight', RANGE, (n) => n.route.add({ to: '10.0.0.0/8', nexthops: [{ weight: 257 }] })],
  ['spec.metrics', VALUE, (n) => n.route.add({ to: '10.0.0.0/8', metrics: any({ mut: 5 }) })],
  ['destination', VALUE, (n) => n.route.get('10.0.0.0/8')],
  ['options.from', VALUE, (n) => n.route.get('10.0.0.1', { from: 'fe80::1' })],
  ['filter.table', VALUE, (n) => n.route.list({ table: any('mine') })],
  ['rule', VALUE, (n) => n.rule.add(any({ form: 'all' }))],
  ['rule.from', VALUE, (n) => n.rule.add({ from: 'everywhere' })],
  ['rule.to', VALUE, (n) => n.rule.add({ from: '10.0.0.0/8', to: 'fe80::/64' })],
  ['rule.family', VALUE, (n) => n.rule.add({ from: '10.0.0.0/8', family: 'inet6' })],
  ['rule.uids[1]', RANGE, (n) => n.rule.add({ uids: [5, 4] })],
  ['rule.action', VALUE, (n) => n.rule.add({ action: any('drop') })],
  ['neighbor.to', VALUE, (n) => n.neighbor.add({ to: 'router', link: 'lo', address: '02:00:00:00:00:01' })],
  ['neighbor.address', VALUE, (n) => n.neighbor.add({ to: '10.0.0.1', link: 'lo' })],
  [
    'neighbor.state',
    VALUE,
    (n) => n.neighbor.add({ to: '10.0.0.1', link: 'lo', address: '02:00:00:00:00:01', state: any('ok') }),
  ],
  ['name', VALUE, (n) => n.sysctl.get('kernel.hostname')],
  ['name', VALUE, (n) => n.sysctl.get('net/../kernel/hostname')],
  ['name', VALUE, (n) => n.sysctl.get('net')],
  ['name', TYPE, (n) => n.sysctl.set(any(5), 1)],
  ['value', TYPE, (n) => n.sysctl.set('net.ipv4.ip_forward', any(true))],
  ['namespace', TYPE, (n) => n.nsid.get(any('ns1'))],
  ['id', RANGE, (n) => n.nsid.find(-1)],
  ['options.types[0]', VALUE, (n) => n.watch({ types: any(['links']) })],
  ['options.limit', RANGE, (n) => n.watch({ limit: 0 })],
])('%s: %s %#', async (name, code, call) => {
  const error: unknown = await new Promise((resolve) => resolve(call(net))).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code });
  expect((error as Error).message).toMatch(new RegExp(`['"]${name.replace(/[[\].]/g, '\\$&')}['"]`));
});

test('what no netlink message has room for is refused as the kernel refuses it', async () => {
  const address = Array(70_000).fill('02').join(':');
  const refused = { name: 'NamespaceError', code: 'EMSGSIZE', attribute: 'IFLA_ADDRESS' };
  await expect(net.link.set('lo', { address })).rejects.toMatchObject(refused);
});

test('clients of HTTP check their options when they are made', async () => {
  for (const make of [
    () => net.httpAgent(any(null)),
    () => net.httpsAgent(any(null)),
    () => net.connector(any(null)),
  ]) {
    expect(make).toThrow(expect.objectContaining({ code: TYPE }) as Error);
  }
});

test('a network is not opened when the signal has been aborted before', async () => {
  const reason = new Error('changed our mind');
  const signal = AbortSignal.abort(reason);
  await expect(Networks.open(undefined, { signal })).rejects.toMatchObject({ name: 'AbortError', cause: reason });
});
