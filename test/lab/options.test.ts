/** Bad input: it is refused before anything is started, by an error that names the option. */
import { Lab, type LabOptions } from '../../lib/lab';
import { type Footprint, expectNothingLeft } from '../fixtures/footprint';
import { footprintWithServers } from '../network/sockets/inside';

let lab: Lab;
let before: Footprint;
beforeAll(async () => {
  before = await footprintWithServers();
});
beforeEach(async () => {
  lab = await Lab.create();
  await lab.addNetwork('lan', { subnet: '10.0.0.0/29', subnet6: 'fd00::/64' });
  await lab.addHost('a', { on: 'lan' });
});
afterEach(() => lab.close());
afterAll(() => expectNothingLeft(before));

test.each<[what: string, call: (lab: Lab) => Promise<unknown>, message: RegExp]>([
  ['a name that DNS does not allow', (l) => l.addHost('a_b'), /argument 'name' must be a name that DNS allows/],
  ['a name with a dot', (l) => l.addHost('a.b'), /argument 'name'/],
  ['a name that is too long', (l) => l.addHost('x'.repeat(64)), /argument 'name'/],
  ['the name of the loopback', (l) => l.addHost('localhost'), /loopback/],
  ['a name that is taken, in another case', (l) => l.addHost('A'), /argument 'name' must be a name that is not taken/],
  ['a name twice in a list', (l) => l.addHosts(['x', 'y', 'x']), /names\[2\]/],
  ['the name of a network that is taken', (l) => l.addNetwork('lan'), /argument 'name'/],
  ['an option that does not exist', (l) => l.addHost('b', { onn: 'lan' } as object), /did you mean 'on'/],
  [
    'a network that does not exist',
    (l) => l.addHost('b', { on: 'wan' }),
    /options\.on' must be a network of this lab: lan/,
  ],
  ['a network twice', (l) => l.addHost('b', { on: ['lan', 'lan'] }), /must not be named twice/],
  [
    'an address that is taken',
    (l) => l.addHost('b', { on: 'lan', address: '10.0.0.1' }),
    /options\.address' is the address of host a already/,
  ],
  [
    'an address outside',
    (l) => l.addHost('b', { on: 'lan', address: '10.0.1.1' }),
    /must be an address for a host in 10\.0\.0\.0\/29/,
  ],
  [
    'the address for broadcasts',
    (l) => l.addHost('b', { on: 'lan', address: '10.0.0.7' }),
    /must be an address for a host/,
  ],
  [
    'an address without a network',
    (l) => l.addHost('b', { address: '10.0.0.2' }),
    /options\.address' must be given together with 'options\.on'/,
  ],
  [
    'something that is no address',
    (l) => l.addHost('b', { on: 'lan', address: 'x' }),
    /must be an IPv4 or IPv6 address/,
  ],
  [
    'a subnet that is none',
    (l) => l.addNetwork('b', { subnet: '10.0.0.1/24' }),
    /options\.subnet' must be a network, as '10\.0\.0\.0\/24' is/,
  ],
  ['a subnet of the wrong family', (l) => l.addNetwork('b', { subnet: 'fd00::/64' }), /must be an IPv4 address/],
  ['a subnet of the loopback', (l) => l.addNetwork('b', { subnet: '127.1.0.0/16' }), /without 127\.0\.0\.0\/8/],
  ['all addresses as a subnet', (l) => l.addNetwork('b', { subnet: '0.0.0.0/0' }), /without 127\.0\.0\.0\/8/],
  ['a subnet for multicast', (l) => l.addNetwork('b', { subnet: '224.0.0.0/24' }), /which is for multicast/],
  ['a subnet of one link', (l) => l.addNetwork('b', { subnet6: 'fe80::/64' }), /options\.subnet6' .* link-local/],
  ['a subnet for one', (l) => l.addNetwork('b', { subnet: '10.0.0.1/32' }), /at most 31 bits/],
  [
    'NAT towards a network that the router is not on',
    (l) => l.addRouter('r', { nat: 'lan' }),
    /options\.nat' must be one of the networks in 'options\.on'/,
  ],
  [
    'a kind of NAT that does not exist',
    (l) => l.addRouter('r', { on: 'lan', nat: { network: 'lan', type: 'cone' as 'symmetric' } }),
    /options\.nat\.type' must be one of/,
  ],
  ['a cable to a stranger', (l) => l.addLink('a', 'x'), /argument 'b' must be a host of this lab: a/],
  ['a clock that is none', (l) => l.addHost('b', { clock: { boottime: NaN } }), /options\.clock\.boottime/],
])('%s', async (_, call, message) => {
  const names = [...lab.hosts.keys(), ...lab.networks.keys()];
  await expect(call(lab)).rejects.toThrow(message);
  expect([...lab.hosts.keys(), ...lab.networks.keys()]).toEqual(names);
  // Nothing has been taken by what was refused.
  expect((await lab.addHost('next', { on: 'lan' })).addresses).toEqual(['10.0.0.2', 'fd00::2']);
});

test('a network that is full takes no more, and none of several hosts that do not all fit', async () => {
  const full = /options\.on' has no address left in 10\.0\.0\.0\/29/;
  await expect(lab.addHosts(['b', 'c', 'd', 'e', 'f', 'g'], { on: 'lan' })).rejects.toThrow(full);
  expect([...lab.hosts.keys()]).toEqual(['a']);
  const hosts = await lab.addHosts(['b', 'c', 'd', 'e', 'f'], { on: 'lan' });
  expect(hosts.map(({ addresses }) => addresses[0])).toEqual([2, 3, 4, 5, 6].map((last) => `10.0.0.${last}`));
  await expect(lab.addHost('g', { on: 'lan' })).rejects.toThrow(full);
  await hosts[1].close();
  expect((await lab.addHost('g', { on: 'lan' })).addresses[0]).toBe('10.0.0.3');
});

test.each<[what: string, topology: LabOptions, message: RegExp]>([
  ['a cable to a stranger', { links: [{ between: ['a', 'x'] }] }, /options\.links\[0\]\.between\[1\]' must be a host/],
  ['a cable to itself', { links: [{ between: ['a', 'a'] }] }, /options\.links\[0\]\.between\[1\]' must be another/],
  [
    'NAT towards a stranger',
    { routers: { r: { on: 'lan', nat: 'x' } } },
    /options\.routers\.r\.nat' must be a network/,
  ],
  ['NAT elsewhere', { routers: { r: { nat: 'lan' } } }, /options\.routers\.r\.nat' .* in 'options\.routers\.r\.on'/],
  ['an address alone', { hosts: { b: { address: '10.0.0.2' } } }, /options\.hosts\.b\.address' must be given together/],
  ['an address outside', { hosts: { b: { on: 'lan', address: '10.1.0.2' } } }, /options\.hosts\.b\.address'/],
])('in a topology, %s', async (_, { hosts, ...topology }, message) => {
  const all = { networks: { lan: { subnet: '10.0.0.0/24' } }, hosts: { a: { on: 'lan' }, ...hosts }, ...topology };
  await expect(Lab.create(all)).rejects.toThrow(message);
});

test('a network needs a range where none is free', async () => {
  await lab.addNetwork('low', { subnet: '10.0.0.0/9' });
  await lab.addNetwork('middle', { subnet: '10.128.0.0/10' });
  expect((await lab.addNetwork('x')).subnet).toBe('10.192.0.0/24');
  await lab.addNetwork('high', { subnet: '10.192.0.0/10' });
  await expect(lab.addNetwork('y')).rejects.toThrow(
    /options\.subnet' must be given: no \/24 of 10\.0\.0\.0\/8 is free/,
  );
});

test('networks without a range get one that is free', async () => {
  const networks = await Promise.all([
    lab.addNetwork('x'),
    lab.addNetwork('y'),
    lab.addNetwork('z', { subnet: null, subnet6: 'fd01::/64' }),
  ]);
  expect(networks.map(({ subnet }) => subnet)).toEqual(['10.0.1.0/24', '10.0.3.0/24', undefined]);
  const cable = await lab.addLink('a', await lab.addHost('b'));
  expect(cable.subnet).toBe('10.0.0.8/30');
});
