import type { Network, NextHopObjectSpec } from '../../../lib/network';
import { expectCause } from '../../fixtures/causes';
import { Lab } from '../../fixtures/lab';
import { needs } from '../../fixtures/optional';

let lab: Lab;
let net: Network;
beforeEach(async () => {
  lab = await Lab.of(1);
  ({ net } = lab.at(0));
  await net.link.add({ name: 'p0', kind: 'veth', up: true, peer: { name: 'p1', up: true } });
  await net.address.add('p0', '10.0.0.1/24');
  await net.address.add('p0', 'fd00::1/64');
});
afterEach(() => lab[Symbol.asyncDispose]());

/** Objects of all sorts; groups come after their members. */
const SPECS: readonly (NextHopObjectSpec & { id: number })[] = [
  { id: 1, via: '10.0.0.2', link: 'p0' },
  { id: 2, via: 'fd00::2', link: 'p0', protocol: 'static' },
  { id: 3, link: 'p0' },
  { id: 4, link: 'p0', family: 'inet6' },
  { id: 5, via: '192.0.2.1', link: 'p0', onlink: true },
  { id: 6, blackhole: true },
  { id: 7, blackhole: true, family: 'inet6' },
  { id: 8, via: '192.0.2.8', fdb: true },
  { id: 10, group: [{ id: 1, weight: 3 }, { id: 5 }] },
  { id: 11, group: [{ id: 1 }, { id: 5, weight: 256 }], type: 'resilient', resilient: { buckets: 8, idleTimer: 30 } },
];

test('each can be deleted and added again as a list has it', async () => {
  for (const spec of SPECS) expect(await net.nexthop.add(spec)).toBe(spec.id);
  const listed = await net.nexthop.list();
  expect(listed.map(({ id }) => id)).toEqual(SPECS.map(({ id }) => id));
  expect(listed).toContainEqual({
    ...{ id: 1, family: 'inet', via: '10.0.0.2', link: 'p0', index: expect.any(Number) as number },
    ...{ scope: 'link', protocol: 'unspec', flags: [] },
  });
  expect(listed.at(-1)).toMatchObject({
    group: [
      { id: 1, weight: 1 },
      { id: 5, weight: 256 },
    ],
    type: 'resilient',
    resilient: { buckets: 8, idleTimer: 30, unbalancedTimer: 0 },
  });
  // Groups first: one that loses its last member goes with it.
  for (const each of [...listed].reverse()) {
    expect(await net.nexthop.get(each.id)).toEqual(each);
    await net.nexthop.delete(each.id);
  }
  expect(await net.nexthop.list()).toEqual([]);
  for (const each of listed) await net.nexthop.add(each);
  expect(await net.nexthop.list()).toEqual(listed);
});

test('without a number the first that is free is taken', async () => {
  await net.nexthop.add({ id: 1, blackhole: true });
  expect(await net.nexthop.add({ via: '10.0.0.2', link: 'p0' })).toBe(2);
});

test('routes follow the object that they refer to, and go with it', async () => {
  await net.nexthop.add({ id: 1, via: '10.0.0.2', link: 'p0' });
  await net.route.add({ to: '192.0.2.0/24', nexthopId: 1 });
  expect(await net.route.get('192.0.2.1')).toMatchObject({ via: '10.0.0.2', link: 'p0' });
  await net.nexthop.replace({ id: 1, via: '10.0.0.3', link: 'p0' });
  expect(await net.route.get('192.0.2.1')).toMatchObject({ via: '10.0.0.3' });
  await net.nexthop.delete(1);
  expect(await net.route.list({ to: '192.0.2.0/24' })).toEqual([]);
});

test('lists those of one link', async () => {
  await net.nexthop.add({ id: 1, via: '10.0.0.2', link: 'p0' });
  await net.nexthop.add({ id: 2, link: 'p1' });
  await net.nexthop.add({ id: 3, blackhole: true });
  expect((await net.nexthop.list({ link: 'p1' })).map(({ id }) => id)).toEqual([2]);
  await expect(net.nexthop.list({ link: 'nosuch' })).rejects.toMatchObject({ code: 'ENODEV' });
});

test('what the kernel refuses has its reason', async () => {
  const step = 'add nexthop 1';
  await expectCause(net.nexthop.add({ id: 1, via: '192.0.2.1', link: 'p0' }), {
    ...{ code: 'ENETUNREACH', kind: 'net', step, hint: 'The router 192.0.2.1 is on no network of that link' },
  });
  await net.link.set('p1', { up: false });
  await expectCause(net.nexthop.add({ id: 1, via: '10.0.0.2', link: 'p0' }), {
    code: 'ENETDOWN',
    hint: 'nothing is up at its other end',
  });
  await net.nexthop.add({ id: 1, blackhole: true });
  await expectCause(net.nexthop.add({ id: 1, blackhole: true }), {
    ...{ code: 'EEXIST', step, hint: 'There is a next-hop object 1 already: replace() changes it.' },
  });
  for (const call of [net.nexthop.get(9), net.nexthop.delete(9)]) {
    await expectCause(call, { code: 'ENOENT', hint: 'There is no next-hop object 9 in that network.' });
  }
});

test.each<[string, string, NextHopObjectSpec]>([
  ['nexthop.link', 'a way that names nothing', { id: 1 }],
  ['nexthop.via', 'a router that drops packets', { via: '10.0.0.2', blackhole: true }],
  ['nexthop.via', 'a group with a router', { group: [{ id: 1 }], via: '10.0.0.2' }],
  ['nexthop.group', 'an empty group', { group: [] }],
  ['nexthop.group[0].weight', 'a share of nothing', { group: [{ id: 1, weight: 0 }] }],
  ['nexthop.type', 'a type that is not of a group', { link: 'p0', type: 'resilient' }],
  ['nexthop.resilient', 'a table of a group that has none', { group: [{ id: 1 }], resilient: { buckets: 8 } }],
  ['nexthop.id', 'a number out of range', { id: 0, blackhole: true }],
])('refuses, naming %s, %s', async (name, _, spec) => {
  await expect(net.nexthop.add(spec)).rejects.toThrow(name);
});

needs({ tool: ['ip'] }).test('lists what ip lists, of what either has made', async () => {
  for (const spec of SPECS) await net.nexthop.add(spec);
  const { set } = lab.at(0);
  await set.execFile('ip', ['nexthop', 'add', 'id', '20', 'via', '10.0.0.9', 'dev', 'p0', 'proto', 'bgp']);
  const { stdout } = await set.execFile('ip', ['-d', '-j', 'nexthop']);
  const theirs = (JSON.parse(stdout) as Record<string, unknown>[]).map(
    ({ id, gateway, dev, scope, protocol, flags }) => {
      return { id, via: gateway, link: dev, scope, protocol, flags };
    },
  );
  const ours = (await net.nexthop.list()).map(({ id, via, link, scope, protocol, flags }) => {
    return { id, via, link, scope, protocol, flags };
  });
  expect(ours).toEqual(theirs);
});
