/** All that can be checked of a new link is, before the kernel is asked for the links that it refers to. */
import { type LinkChange, type LinkSpec, Network } from '../../../lib/network';
import { KINDS, LINK_KINDS } from '../../../lib/network/link/kinds/index';

let net: Network;
beforeAll(async () => {
  net = await Network.open();
});
afterAll(() => net.close());

const NOWHERE = { name: 'x', link: 'nosuch', master: 'nosuch' };

/** One wrong option of each kind, where the link below and the master are missing as well. */
test.each<[what: string, code: string, spec: object]>([
  ['spec.id', 'ERR_OUT_OF_RANGE', { ...NOWHERE, kind: 'vlan', id: 9999 }],
  ['spec.id', 'ERR_INVALID_ARG_VALUE', { ...NOWHERE, kind: 'vlan' }],
  ['spec.link', 'ERR_INVALID_ARG_VALUE', { name: 'x', master: 'nosuch', kind: 'vlan', id: 1 }],
  ['spec.protocol', 'ERR_INVALID_ARG_VALUE', { ...NOWHERE, kind: 'vlan', id: 1, protocol: 'qinq' }],
  ['spec.mode', 'ERR_INVALID_ARG_VALUE', { ...NOWHERE, kind: 'macvlan', mode: 'public' }],
  ['spec.mode', 'ERR_INVALID_ARG_VALUE', { ...NOWHERE, kind: 'macvtap', mode: 'public' }],
  ['spec.isolation', 'ERR_INVALID_ARG_VALUE', { ...NOWHERE, kind: 'ipvlan', isolation: 'much' }],
  ['spec.id', 'ERR_OUT_OF_RANGE', { ...NOWHERE, kind: 'vxlan', id: 2 ** 24 }],
  ['spec.id', 'ERR_INVALID_ARG_VALUE', { ...NOWHERE, kind: 'vxlan' }],
  ['spec.ttl', 'ERR_OUT_OF_RANGE', { ...NOWHERE, kind: 'vxlan', id: 1, ttl: 256 }],
  ['spec.id', 'ERR_OUT_OF_RANGE', { name: 'x', master: 'nosuch', kind: 'geneve', id: 2 ** 24, remote: '10.0.0.1' }],
  ['spec.remote', 'ERR_INVALID_ARG_VALUE', { name: 'x', master: 'nosuch', kind: 'geneve', id: 1 }],
  ['spec.remote', 'ERR_INVALID_ARG_VALUE', { ...NOWHERE, kind: 'gre', remote: 'fd00::1' }],
  ['spec.key', 'ERR_INVALID_ARG_VALUE', { ...NOWHERE, kind: 'gretap', key: 1, inputKey: 2 }],
  ['spec.ignoreDf', 'ERR_INVALID_ARG_VALUE', { ...NOWHERE, kind: 'gre', ignoreDf: true }],
  ['spec.remote', 'ERR_INVALID_ARG_VALUE', { ...NOWHERE, kind: 'ip6gre' }],
  ['spec.encapLimit', 'ERR_OUT_OF_RANGE', { ...NOWHERE, kind: 'ip6gretap', remote: 'fd00::1', encapLimit: 256 }],
  ['spec.mode', 'ERR_INVALID_ARG_VALUE', { name: 'x', master: 'nosuch', kind: 'bond', mode: 'balance' }],
  ['spec.arpTargets[1]', 'ERR_INVALID_ARG_VALUE', { name: 'x', kind: 'bond', arpTargets: ['10.0.0.1', 'fd00::1'] }],
  ['spec.mtu', 'ERR_OUT_OF_RANGE', { name: 'x', master: 'nosuch', kind: 'wireguard', mtu: -1 }],
  ['spec.table', 'ERR_OUT_OF_RANGE', { name: 'x', master: 'nosuch', kind: 'vrf', table: 0 }],
  ['spec.forwardDelay', 'ERR_OUT_OF_RANGE', { name: 'x', master: 'nosuch', kind: 'bridge', forwardDelay: -1 }],
  ['spec.peer.mtu', 'ERR_OUT_OF_RANGE', { name: 'x', master: 'nosuch', kind: 'veth', peer: { mtu: -1 } }],
  ['spec.mtu', 'ERR_OUT_OF_RANGE', { name: 'x', master: 'nosuch', kind: 'dummy', mtu: -1 }],
  ['spec.mtu', 'ERR_OUT_OF_RANGE', { name: 'x', master: 'nosuch', kind: 'ifb', mtu: -1 }],
  ['spec.owner', 'ERR_OUT_OF_RANGE', { name: 'x', master: 'nosuch', kind: 'tun', owner: -1 }],
  ['spec.multiQueue', 'ERR_INVALID_ARG_TYPE', { name: 'x', master: 'nosuch', kind: 'tap', multiQueue: 1 }],
])('%s of a new link: %s, whatever else is wrong', async (what, code, spec) => {
  const error: unknown = await net.link.add(spec as LinkSpec).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code, message: expect.stringContaining(what) as string });
});

test("the kind of a link is its 'kind', and not its 'type' as in ip link", async () => {
  const spec = { name: 'v0', type: 'veth' };
  await expect(net.link.add(spec as unknown as LinkSpec)).rejects.toThrow(
    "has no property 'type' (did you mean 'kind'?)",
  );
});

test.each<[what: string, change: object]>([
  ['change.ageing', { kind: 'vxlan', link: 'nosuch', ageing: -1 }],
  ['change.forwardDelay', { kind: 'bridge', master: 'nosuch', forwardDelay: -1 }],
  ['change.mode', { kind: 'macvlan', master: 'nosuch', mode: 'public' }],
  ['change.mode', { kind: 'ipvlan', master: 'nosuch', mode: 'l4' }],
  ['change.ttl', { kind: 'geneve', ttl: 256 }],
  ['change.minLinks', { kind: 'bond', primary: 'nosuch', minLinks: -1 }],
  ['change.port.cost', { master: 'nosuch', port: { cost: 0 } }],
])('%s of a link that is changed, too', async (what, change) => {
  const error: unknown = await net.link.set('nosuch', change).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ message: expect.stringContaining(what) as string });
  expect((error as { code?: string }).code).toMatch(/^ERR_(OUT_OF_RANGE|INVALID_ARG_VALUE)$/);
});

test.each<[change: object]>([
  [{ kind: 'macvlan', link: 'lo' }],
  [{ kind: 'ipvlan', link: 'lo' }],
  [{ kind: 'vxlan', id: 5 }],
  [{ kind: 'vxlan', external: true }],
  [{ kind: 'geneve', id: 5 }],
])('an option that a link keeps as it was made is refused in a change: %j', async (change) => {
  await expect(net.link.set('nosuch', change as LinkChange)).rejects.toMatchObject({
    code: 'ERR_INVALID_ARG_VALUE',
    message: expect.stringContaining("'change' has no property") as string,
  });
});

test.each(LINK_KINDS)('each option of a %s is checked by its declaration', async (kind) => {
  const options = Object.keys(KINDS[kind].options);
  const others = Object.entries({
    link: 'nosuch',
    id: 1,
    table: 1,
    remote: kind.startsWith('ip6') ? 'fd00::1' : '10.0.0.1',
  }).filter(([key]) => options.includes(key));
  for (const option of options) {
    const spec = { name: 'x', kind, ...Object.fromEntries(others), [option]: Symbol('no option is one') };
    await expect(net.link.add(spec as LinkSpec)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_INVALID_ARG_(TYPE|VALUE)$/) as string,
      message: expect.stringContaining(`spec.${option}`) as string,
    });
  }
});

test('each property of a spec is read once, also if the spec is an object of a class', async () => {
  const reads: string[] = [];
  const read = <T>(name: string, value: T): T => {
    reads.push(name);
    return value;
  };
  class Vlan {
    link = 'nosuch';
    get name(): string {
      return read('name', 'x');
    }
    get kind(): string {
      return read('kind', 'vlan');
    }
    get id(): number {
      return read('id', 9999);
    }
  }
  await expect(net.link.add(new Vlan() as LinkSpec)).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  expect(reads.sort()).toEqual(['id', 'kind', 'name']);
});
