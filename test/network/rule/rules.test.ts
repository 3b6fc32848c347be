/** What a list of rules gives can be given back. */
import type { Network, Rule, RuleSpec } from '../../../lib/network';
import { Lab } from '../../fixtures/lab';

let lab: Lab;
let net: Network;
beforeEach(async () => {
  lab = await Lab.of(1);
  ({ net } = lab.at(0));
});
afterEach(() => lab[Symbol.asyncDispose]());

/** Rules of all sorts: their priorities are their places in the list, from 1000 on. */
const SPECS: readonly RuleSpec[] = [
  { from: '192.168.5.0/24', table: 100 },
  { to: '10.0.0.0/8', table: 100_000, protocol: 'static' },
  { from: '10.0.0.1', to: '10.0.0.2', not: true, action: 'blackhole' },
  { mark: 5, action: 'prohibit' },
  { mark: 0x100, mask: 0xff00, action: 'unreachable' },
  { tos: 0x10, table: 'local' },
  { incoming: 'lo', table: 7 },
  { outgoing: 'nosuch0', table: 7 },
  { ipProtocol: 'tcp', destinationPorts: [80, 90], table: 7 },
  { ipProtocol: 'udp', sourcePorts: [53, 53], table: 7 },
  { table: 'main', suppressPrefixLength: 0 },
  { goto: 32766 },
  { action: 'nop' },
];

const ALL = (['inet', 'inet6'] as const).flatMap((family) =>
  SPECS.filter(({ from, to }) => family === 'inet' || (from ?? to) === undefined).map((spec, index) => ({
    ...spec,
    family,
    priority: 1000 + index,
  })),
);

test('each can be deleted and added again: those that there are from the start, too', async () => {
  for (const spec of ALL) await net.rule.add(spec);
  const listed = await net.rule.list();
  expect(listed).toHaveLength(ALL.length + 5);
  for (const rule of listed) {
    await net.rule.delete(rule);
    expect(await net.rule.list()).toHaveLength(listed.length - 1);
    await net.rule.add(rule);
    await expect(net.rule.add(rule)).rejects.toMatchObject({ code: 'EEXIST' });
  }
  expect(await net.rule.list()).toEqual(listed);
  for (const rule of listed) await net.rule.delete(rule);
  expect(await net.rule.list()).toEqual([]);
});

test('a list has IPv4 first, in the order in which rules are tried', async () => {
  for (const spec of [...ALL].reverse()) await net.rule.add(spec);
  const order = (rules: readonly Rule[]): [string, number][] => rules.map(({ family, priority }) => [family, priority]);
  const listed = order(await net.rule.list());
  expect(listed).toEqual([...listed].sort(([a, b], [c, d]) => (a === c ? b - d : a < c ? -1 : 1)));
  expect(order(await net.rule.list({ family: 'inet6' })).every(([family]) => family === 'inet6')).toBe(true);
});

test('a new one is for all IPv4 packets, looks up main, and comes before those that there are', async () => {
  await net.rule.add({});
  expect((await net.rule.list({ family: 'inet' }))[1]).toMatchObject({ priority: 32765, from: 'all', table: 'main' });
});

test('what is deleted has to match all that is said', async () => {
  await net.rule.add({ from: '192.168.5.0/24', table: 100, priority: 1000 });
  await expect(net.rule.delete({ from: '192.168.5.0/24', table: 101 })).rejects.toMatchObject({
    code: 'ENOENT',
    hint: 'There is no such rule.',
  });
  await net.rule.delete({ from: '192.168.5.0/24' });
});
