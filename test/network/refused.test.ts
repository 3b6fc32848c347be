/** What the kernel refuses is an error with its own sentence, what it is about, and what to do. */
import { unshare } from '../../lib';
import { Network } from '../../lib/network';
import { Lab, connected } from '../fixtures/lab';
import { needs } from '../fixtures/optional';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.of(2);
  await connected(lab);
  const { net } = lab.at(0);
  await net.route.add({ to: '10.9.0.0/16', type: 'unreachable' });
  await net.route.add({ to: '10.10.0.0/16', type: 'prohibit' });
  await net.rule.add({ from: '10.0.0.0/8', priority: 7 });
  await net.neighbor.add({ to: '192.168.5.7', link: 'veth0', address: '02:00:00:00:00:07' });
});
afterAll(() => lab[Symbol.asyncDispose]());

interface Refusal {
  what: string;
  ask: (net: Network) => Promise<unknown>;
  code: string;
  step: string | RegExp;
  kernelMessage?: string | RegExp;
  attribute?: string;
  hint?: RegExp;
}

const REFUSALS: Refusal[] = [
  {
    what: 'a name that is taken',
    ask: (net) => net.link.add({ name: 'veth0', kind: 'bridge' }),
    code: 'EEXIST',
    step: 'add link veth0',
    hint: /The link veth0 exists in that network already/,
  },
  {
    what: 'the name of a peer that is taken: neither end is made',
    ask: (net) => net.link.add({ name: 'other', kind: 'veth', peer: { name: 'veth0' } }),
    code: 'EEXIST',
    step: 'add link other',
    hint: /or its peer does/,
  },
  {
    what: 'a link that is missing',
    ask: (net) => net.link.set('nosuch', { up: true }),
    code: 'ENODEV',
    step: 'set link nosuch',
    hint: /There is no link nosuch/,
  },
  {
    what: 'to delete what is not there',
    ask: (net) => net.link.delete(4711),
    code: 'ENODEV',
    step: 'delete link 4711',
    hint: /4711/,
  },
  {
    what: 'to delete lo',
    ask: (net) => net.link.delete('lo'),
    code: 'ENOTSUP',
    step: 'delete link lo',
    hint: /is not a virtual link, or belongs to the kernel/,
  },
  {
    what: 'an mtu that is too small',
    ask: (net) => net.link.set('veth0', { mtu: 10 }),
    code: 'EINVAL',
    step: 'set link veth0',
    kernelMessage: 'mtu less than device minimum',
  },
  {
    what: 'an address of a length that the link does not have',
    ask: (net) => net.link.set('veth0', { address: '02:00' }),
    code: 'EINVAL',
    step: 'set link veth0',
  },
  {
    what: 'a group address for a link',
    ask: (net) => net.link.set('veth0', { address: '01:00:00:00:00:01' }),
    code: 'EADDRNOTAVAIL',
    step: 'set link veth0',
    hint: /no address that a link can have/,
  },
  {
    what: 'a master that is no bridge',
    ask: (net) => net.link.set('veth0', { master: 'lo' }),
    code: 'ENOTSUP',
    step: 'set link veth0',
    hint: /its master cannot have links/,
  },
  {
    what: 'a multicast group without a link',
    ask: (net) => net.link.add({ name: 'x', kind: 'vxlan', id: 5, remote: '239.1.1.1' }),
    code: 'EINVAL',
    step: 'add link x',
    kernelMessage: 'Local interface required for multicast remote destination',
  },
  {
    what: 'lo in another namespace',
    ask: (net) => net.link.set('lo', { namespace: lab.at(1).set }),
    code: 'EINVAL',
    step: 'set link lo',
    kernelMessage: 'The interface netns is immutable',
    hint: /stays in its namespace/,
  },
  {
    what: 'a name that is taken where it is moved',
    ask: async (net) => {
      await net.link.add({ name: 'veth1', kind: 'veth', peer: { name: 'w' } });
      await net.link.set('veth1', { namespace: lab.at(1).set }).finally(() => net.link.delete('veth1'));
    },
    code: 'EEXIST',
    step: 'set link veth1',
    kernelMessage: /target netns/,
    hint: /taken there/,
  },
  {
    what: 'an address that is there',
    ask: (net) => net.address.add('veth0', '192.168.5.5/24'),
    code: 'EEXIST',
    step: 'add address 192.168.5.5/24 to veth0',
    kernelMessage: 'ipv4: Address already assigned',
    hint: /replace\(\)/,
  },
  {
    what: 'to take away an address that is not there',
    ask: (net) => net.address.delete('veth0', '192.168.5.6/24'),
    code: 'EADDRNOTAVAIL',
    step: 'delete address 192.168.5.6/24 from veth0',
    kernelMessage: 'ipv4: Address not found',
  },
  {
    what: 'an address for a link that is not there',
    ask: (net) => net.address.add('nosuch', '192.168.5.6/24'),
    code: 'ENODEV',
    step: 'get link nosuch',
  },
  {
    what: 'a label that is not of the link',
    ask: (net) => net.address.add('veth0', '192.168.5.66/24', { label: 'a-label-that-is-much-too-long' }),
    code: 'ERANGE',
    step: 'add address 192.168.5.66/24 to veth0',
    attribute: 'IFA_LABEL',
  },
  {
    what: 'a router that is on no network',
    ask: (net) => net.route.add({ to: '10.0.0.0/8', via: '172.16.0.1' }),
    code: 'ENETUNREACH',
    step: 'add route to 10.0.0.0/8',
    kernelMessage: 'Nexthop has invalid gateway',
    hint: /172\.16\.0\.1.*onlink/,
  },
  {
    what: 'a route that is there',
    ask: (net) => net.route.add({ to: '10.9.0.0/16', type: 'blackhole' }),
    code: 'EEXIST',
    step: 'add route to 10.9.0.0/16',
    hint: /replace\(\)/,
  },
  {
    what: 'a destination with bits beyond its length',
    ask: (net) => net.route.add({ to: '10.9.1.0/16', via: '192.168.5.10' }),
    code: 'EINVAL',
    step: 'add route to 10.9.1.0/16',
    kernelMessage: 'Invalid prefix for given prefix length',
  },
  {
    what: 'to delete a route that is not there',
    ask: (net) => net.route.delete({ to: '10.99.0.0/16' }),
    code: 'ESRCH',
    step: 'delete route to 10.99.0.0/16',
    hint: /no such route/,
  },
  {
    what: 'a source address that is not ours',
    ask: (net) => net.route.add({ to: '10.0.0.0/8', via: '192.168.5.10', source: '1.2.3.4' }),
    code: 'EINVAL',
    step: 'add route to 10.0.0.0/8',
    kernelMessage: 'Invalid prefsrc address',
  },
  {
    what: 'a lookup without a route',
    ask: (net) => net.route.get('172.16.0.1'),
    code: 'ENETUNREACH',
    step: 'get route to 172.16.0.1',
    hint: /no default one/,
  },
  {
    what: 'a lookup that meets an unreachable one',
    ask: (net) => net.route.get('10.9.1.1'),
    code: 'EHOSTUNREACH',
    step: 'get route to 10.9.1.1',
  },
  {
    what: 'a lookup that meets a prohibited one',
    ask: (net) => net.route.get('10.10.1.1'),
    code: 'EACCES',
    step: 'get route to 10.10.1.1',
  },
  {
    what: 'a rule that is there',
    ask: (net) => net.rule.add({ from: '10.0.0.0/8', priority: 7 }),
    code: 'EEXIST',
    step: 'add rule 7',
  },
  {
    what: 'a rule that is not there',
    ask: (net) => net.rule.delete({ priority: 4711 }),
    code: 'ENOENT',
    step: 'delete rule 4711',
  },
  {
    what: 'a neighbor that is there',
    ask: (net) => net.neighbor.add({ to: '192.168.5.7', link: 'veth0', address: '02:00:00:00:00:08' }),
    code: 'EEXIST',
    step: 'add neighbor 192.168.5.7 on veth0',
  },
  {
    what: 'a neighbor that is not there',
    ask: (net) => net.neighbor.delete({ to: '192.168.5.99', link: 'veth0' }),
    code: 'ENOENT',
    step: 'delete neighbor 192.168.5.99 on veth0',
  },
  {
    what: 'an id that another namespace has',
    ask: async (net) => {
      await net.nsid.set(lab.at(0).set, 77);
      const other = await unshare('net', { setns: [lab.at(0).set.user!] });
      await net.nsid.set(other, 77).finally(() => other.close());
    },
    code: 'EEXIST',
    step: /^set nsid of net:/,
    kernelMessage: 'The specified nsid is already used',
  },
  {
    what: 'a sysctl that is not there',
    ask: (net) => net.sysctl.get('net.ipv4.conf.nosuch.forwarding'),
    code: 'ENOENT',
    step: 'read /proc/sys/net/ipv4/conf/nosuch/forwarding',
    hint: /There is no link nosuch in that network/,
  },
  {
    what: 'a value that a sysctl does not take',
    ask: (net) => net.sysctl.set('net.ipv4.ip_forward', 'maybe'),
    code: 'EINVAL',
    step: 'write /proc/sys/net/ipv4/ip_forward',
    hint: /does not take that value/,
  },
];

test.each(REFUSALS)('$what', async ({ ask, code, step, kernelMessage, attribute, hint }) => {
  const { net } = lab.at(0);
  const before = JSON.stringify((await net.link.list()).map(({ name }) => name));
  await expect(ask(net)).rejects.toMatchObject({
    name: 'NamespaceError',
    code,
    step: matching(step),
    ...(kernelMessage === undefined ? {} : { kernelMessage: matching(kernelMessage) }),
    ...(attribute === undefined ? {} : { attribute }),
    ...(hint === undefined ? {} : { hint: expect.stringMatching(hint) as string }),
  });
  expect(JSON.stringify((await net.link.list()).map(({ name }) => name))).toBe(before);
});

test('the error reads as a sentence', async () => {
  await expect(lab.at(0).net.address.add('veth0', '192.168.5.5/24')).rejects.toThrow(
    'EEXIST: file already exists (the kernel: "ipv4: Address already assigned"), add address 192.168.5.5/24 to veth0: ' +
      'The link veth0 has the address 192.168.5.5/24 already: replace() changes its settings.',
  );
});

test('of many requests that go together each has its own outcome', async () => {
  const { net } = lab.at(0);
  const outcomes = await Promise.allSettled([
    net.route.add({ to: '10.20.0.0/16', via: '192.168.5.10' }),
    net.route.add({ to: '10.20.0.0/16', via: '192.168.5.10' }),
    net.route.add({ to: '10.21.0.0/16', via: '1.2.3.4' }),
    net.link.get('nosuch'),
    net.route.list({ to: '10.20.0.0/16' }),
    net.route.delete({ to: '10.20.0.0/16' }),
    net.route.list({ to: '10.20.0.0/16' }),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ]);
});

needs({ root: true }).describe('rules for users', () => {
  test('can be made in a network of the same user namespace', async () => {
    await using set = await unshare('net');
    await using net = await Network.open(set);
    await net.rule.add({ uids: [1000, 2000], table: 100, priority: 3 });
    expect((await net.rule.list({ family: 'inet' }))[1]).toMatchObject({ uids: [1000, 2000], priority: 3 });
  });
});

test('rules for users cannot be made from another user namespace, and the error says so', async () => {
  await expect(lab.at(0).net.rule.add({ uids: [0, 5], table: 100 })).rejects.toMatchObject({
    code: 'EPERM',
    kernelMessage: 'No permission to set uid',
    hint: expect.stringMatching(/only from the user namespace that owns the network/) as string,
  });
});

function matching(wanted: string | RegExp): unknown {
  return typeof wanted === 'string' ? wanted : expect.stringMatching(wanted);
}
