/** What a list of routes gives can be given back. */
import type { Network, Route, RouteSpec } from '../../../lib/network';
import { eventually } from '../../fixtures/footprint';
import { Lab } from '../../fixtures/lab';
import { needs } from '../../fixtures/optional';

let lab: Lab;
let net: Network;
beforeEach(async () => {
  lab = await Lab.of(1);
  ({ net } = lab.at(0));
  for (const name of ['br0', 'br1']) await net.link.add({ name, kind: 'bridge', up: true, addressGeneration: 'none' });
  await net.link.set('lo', { up: true });
  await net.address.add('br0', '192.168.5.1/24');
  await net.address.add('br1', '192.168.6.1/24');
  await net.address.add('br0', '2001:db8:5::1/64', { flags: ['nodad'] });
  // The kernel makes the routes of an IPv6 address when it gets to that.
  await eventually(async () => {
    const own = await net.route.list({ table: 'local', family: 'inet6', link: 'br0' });
    return own.some(({ to, type }) => type === 'local' && to === '2001:db8:5::1');
  });
});
afterEach(() => lab[Symbol.asyncDispose]());

/** Routes of all sorts, each to a destination of its own. */
const SPECS: readonly RouteSpec[] = [
  { to: 'default', via: '192.168.5.254' },
  { to: 'default', via: '2001:db8:5::ff', metric: 77 },
  {
    to: '10.0.0.0/8',
    via: '192.168.5.254',
    source: '192.168.5.1',
    metric: 5,
    protocol: 'static',
    metrics: { mtu: 1400 },
  },
  { to: '10.1.0.0/16', link: 'br1' },
  { to: '10.2.0.0/16', nexthops: [{ via: '192.168.5.2', weight: 3 }, { via: '192.168.6.2' }] },
  { to: '10.3.0.0/16', nexthops: [{ link: 'br0' }, { link: 'br1', weight: 256 }] },
  { to: '10.4.0.0/16', type: 'blackhole' },
  { to: '10.5.0.0/16', type: 'unreachable', metric: 9 },
  { to: '10.6.0.0/16', type: 'prohibit', table: 100 },
  { to: '10.7.0.0/16', type: 'throw', table: 1000, protocol: 99 },
  { to: '10.8.0.1', via: '172.16.0.1', link: 'br1', onlink: true },
  { to: '10.9.0.0/16', nexthops: [{ via: '172.16.0.1', link: 'br0', onlink: true }, { via: '192.168.6.3' }] },
  { to: '10.10.0.0/16', via: '192.168.5.254', tos: 0x10 },
  { to: '10.11.0.0/16', type: 'local', link: 'lo' },
  { to: '2001:db8:1::/64', via: '2001:db8:5::2' },
  { to: '2001:db8:2::/64', link: 'br1', preference: 'high' },
  {
    to: '2001:db8:3::/64',
    nexthops: [
      { via: '2001:db8:5::2', link: 'br0', weight: 2 },
      { via: '2001:db8:5::3', link: 'br0' },
    ],
  },
  { to: '2001:db8:4::/64', type: 'blackhole' },
  { to: '2001:db8:6::/64', link: 'br0', expires: 5000 },
];

async function own(): Promise<Route[]> {
  return (await net.route.list({ table: 'all' })).filter(({ protocol }) => protocol !== 'kernel');
}

/** Without what goes on by itself. */
function lasting(routes: readonly Route[]): object[] {
  return routes.map(({ expires, ...rest }) => ({ ...rest, expires: expires !== undefined }));
}

test('each can be deleted, added again, and replaced by itself', async () => {
  for (const spec of SPECS) await net.route.add(spec);
  const listed = await own();
  expect(listed).toHaveLength(SPECS.length);
  for (const route of listed) {
    await net.route.replace(route);
    await net.route.delete(route);
    expect(lasting(await own())).toHaveLength(listed.length - 1);
    await net.route.add(route);
    await expect(net.route.add(route)).rejects.toMatchObject({ code: 'EEXIST' });
  }
  expect(lasting(await own())).toEqual(expect.arrayContaining(lasting(listed)));
  for (const route of await own()) await net.route.delete(route);
  expect(await own()).toEqual([]);
});

test('those of the kernel can be deleted and added, too', async () => {
  const ofKernel = (await net.route.list({ table: 'all' })).filter(({ type }) => type !== 'anycast');
  expect(ofKernel.length).toBeGreaterThan(5);
  for (const route of ofKernel) await net.route.delete(route);
  const types = (await net.route.list({ table: 'all' })).map(({ type }) => type);
  expect(types.filter((type) => type !== 'anycast')).toEqual([]);
  // What is a source address has to be a local one first.
  const rank = ({ type, to }: Route): number => (type === 'local' ? Number(to.includes('/')) : 2);
  const order = [...ofKernel].sort((a, b) => rank(a) - rank(b));
  // Several go to fe80::/64 with one metric, one by each link.
  for (const route of order) await net.route.append(route);
  const again = (await net.route.list({ table: 'all' })).filter(({ type }) => type !== 'anycast');
  // Nobody but the kernel gives an IPv6 route the metric 0: that is the default, 1024.
  const asGiven = (routes: readonly Route[]): Set<string> =>
    new Set(routes.map((route) => JSON.stringify({ ...route, metric: route.metric === 0 ? 1024 : route.metric })));
  expect(asGiven(again)).toEqual(asGiven(ofKernel));
});

needs({ tool: ['ip'] }).test('so can those by a next-hop object, whatever it leads to', async () => {
  const { set } = lab.at(0);
  for (const words of [
    'id 1 via 192.168.5.2 dev br0',
    'id 2 via 192.168.6.2 dev br1',
    'id 3 group 1/2,2',
    'id 4 blackhole',
    'id 5 dev br1',
    'id 6 via 2001:db8:5::2 dev br0',
  ]) {
    await set.exec(`ip nexthop add ${words}`);
  }
  for (const [to, nexthopId] of [
    ['10.1.0.0/16', 1],
    ['10.3.0.0/16', 3],
    ['10.4.0.0/16', 4],
    ['10.5.0.0/16', 5],
  ] as const) {
    await net.route.add({ to, nexthopId });
  }
  await net.route.add({ to: '2001:db8:1::/64', nexthopId: 6 });
  const listed = await own();
  expect(listed.map(({ nexthopId }) => nexthopId)).toEqual([1, 3, 4, 5, 6]);
  for (const route of listed) {
    await net.route.delete(route);
    await net.route.add(route);
  }
  expect(await own()).toEqual(listed);
  for (const route of listed) await net.route.delete(route);
  expect(await own()).toEqual([]);
});

test('a link that is not given by its name is given by its index', async () => {
  const { index } = await net.link.get('br1');
  await net.route.add({ to: '10.1.0.0/16', index });
  await net.route.add({ to: '10.2.0.0/16', nexthops: [{ index }, { link: 'br0' }] });
  expect(await net.route.list({ link: 'br1', protocol: 'boot' })).toMatchObject([
    { to: '10.1.0.0/16', link: 'br1' },
    { to: '10.2.0.0/16', nexthops: [{ link: 'br1' }, { link: 'br0' }] },
  ]);
});

describe('a list', () => {
  test('has IPv4 first, and what the filter asks for', async () => {
    for (const spec of SPECS) await net.route.add(spec);
    const families = (await net.route.list({ table: 'all' })).map(({ family }) => family);
    expect(families).toEqual([...families].sort());
    expect((await net.route.list({ to: 'default' })).map(({ family }) => family)).toEqual(['inet', 'inet6']);
    expect((await net.route.list({ to: '::/0' })).map(({ via }) => via)).toEqual(['2001:db8:5::ff']);
    expect((await net.route.list({ family: 'inet6', type: 'blackhole' })).map(({ to }) => to)).toEqual([
      '2001:db8:4::/64',
    ]);
    expect((await net.route.list({ table: 1000 })).map(({ to }) => to)).toEqual(['10.7.0.0/16']);
    expect(await net.route.list({ table: 4711 })).toEqual([]);
    expect((await net.route.list({ table: 'all', protocol: 99 })).map(({ to }) => to)).toEqual(['10.7.0.0/16']);
    expect((await net.route.list({ link: 'br1', family: 'inet' })).map(({ to }) => to)).toEqual(
      expect.arrayContaining(['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16', '192.168.6.0/24']),
    );
    await expect(net.route.list({ link: 'nosuch' })).rejects.toMatchObject({ code: 'ENODEV' });
  });
});

describe('a lookup', () => {
  test('says which way a packet goes, and why none', async () => {
    for (const spec of SPECS) await net.route.add(spec);
    expect(await net.route.get('203.0.113.5')).toMatchObject({
      via: '192.168.5.254',
      link: 'br0',
      source: '192.168.5.1',
    });
    expect(await net.route.get('10.0.0.5')).toMatchObject({ via: '192.168.5.254', source: '192.168.5.1' });
    expect(await net.route.get('192.168.6.1')).toMatchObject({ type: 'local', link: 'lo' });
    await expect(net.route.get('10.4.0.5')).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(net.route.get('10.5.0.5')).rejects.toMatchObject({ code: 'EHOSTUNREACH' });
    await net.route.delete({ to: 'default', via: '192.168.5.254' });
    await expect(net.route.get('203.0.113.5')).rejects.toMatchObject({ code: 'ENETUNREACH' });
  });
});
