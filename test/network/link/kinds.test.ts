/**
 * Each kind of link with settings of its own: what we make is what `ip` makes of the same words, and what `ip` has made
 * is read as we read our own. A kernel without a kind says so to both.
 */
import type { Link, LinkSpec, Network } from '../../../lib/network';
import { expectCause } from '../../fixtures/causes';
import { Lab, ipJson } from '../../fixtures/lab';
import { needs } from '../../fixtures/optional';

let lab: Lab;
let net: Network;
beforeEach(async () => {
  lab = await Lab.of(1);
  ({ net } = lab.at(0));
  await net.link.add({ name: 'v0', kind: 'veth', peer: { name: 'v1' } });
});
afterEach(() => lab[Symbol.asyncDispose]());

type Named<S> = S extends unknown ? Omit<S, 'name'> : never;

/** Each link, and the words of `ip link add x0 …` for it. */
const SAME: readonly [spec: Named<LinkSpec>, words: string][] = [
  [{ kind: 'dummy' }, 'type dummy'],
  [{ kind: 'ifb' }, 'type ifb'],
  [{ kind: 'wireguard' }, 'type wireguard'],
  [{ kind: 'vlan', link: 'v0', id: 5, protocol: '802.1ad' }, 'link v0 type vlan id 5 protocol 802.1ad'],
  [{ kind: 'vrf', table: 100 }, 'type vrf table 100'],
  [
    { kind: 'vxlan', id: 42, link: 'v0', remote: '10.0.0.2', ttl: 8 },
    'type vxlan id 42 dev v0 remote 10.0.0.2 ttl 8 dstport 4789',
  ],
  [{ kind: 'geneve', id: 7, remote: '10.0.0.2' }, 'type geneve id 7 remote 10.0.0.2'],
  [
    { kind: 'geneve', id: 8, remote: 'fd00::2', port: 6082, ttl: 9, tos: 4, flowLabel: 5, df: 'set' },
    'type geneve id 8 remote fd00::2 dstport 6082 ttl 9 tos 4 flowlabel 5 df set',
  ],
  [{ kind: 'geneve', external: true }, 'type geneve external'],
  [{ kind: 'gre', local: '10.0.0.1', remote: '10.0.0.2' }, 'type gre local 10.0.0.1 remote 10.0.0.2'],
  [
    { kind: 'gre', local: '10.0.0.1', remote: '10.0.0.2', key: 5, checksum: true, ttl: 9, link: 'v0' },
    'type gre local 10.0.0.1 remote 10.0.0.2 key 5 csum ttl 9 dev v0',
  ],
  [
    {
      ...{ kind: 'gretap', local: '10.0.0.1', remote: '10.0.0.2', inputKey: 1, outputKey: 2, sequence: true },
      ...{ pathMtuDiscovery: false, ignoreDf: true },
    },
    'type gretap local 10.0.0.1 remote 10.0.0.2 ikey 1 okey 2 seq nopmtudisc ignore-df',
  ],
  [{ kind: 'gre', external: true }, 'type gre external'],
  [
    { kind: 'ip6gre', local: 'fd00::1', remote: 'fd00::2', encapLimit: 'none', flowLabel: 5, ttl: 7 },
    'type ip6gre local fd00::1 remote fd00::2 encaplimit none flowlabel 5 hoplimit 7',
  ],
  [{ kind: 'ip6gretap', local: 'fd00::1', remote: 'fd00::2' }, 'type ip6gretap local fd00::1 remote fd00::2'],
  [{ kind: 'bond' }, 'type bond'],
  [
    { kind: 'bond', mode: 'active-backup', arpInterval: 200, arpTargets: ['10.0.0.1', '10.0.0.2'], primary: 'v0' },
    'type bond mode active-backup arp_interval 200 arp_ip_target 10.0.0.1,10.0.0.2 primary v0',
  ],
  [
    {
      ...{ kind: 'bond', mode: '802.3ad', miimon: 50, upDelay: 100, downDelay: 200, lacpRate: 'fast', minLinks: 2 },
      ...{ xmitHashPolicy: 'layer3+4', adSelect: 'bandwidth' },
    },
    'type bond mode 802.3ad miimon 50 updelay 100 downdelay 200 lacp_rate fast min_links 2 xmit_hash_policy layer3+4 ad_select bandwidth',
  ],
];

interface Seen {
  ours: Link;
  theirs: unknown;
}

/** The link as both see it, and then no more. Addresses that the kernel makes up are left out. */
async function taken(): Promise<Seen> {
  const { index: _, address: __, permanentAddress: ___, ...ours } = await net.link.get('x0');
  const [shown] = await ipJson(lab.at(0).set, '-d', 'link', 'show', 'dev', 'x0');
  await net.link.delete('x0');
  return { ours: ours as Link, theirs: shown?.linkinfo };
}

/** Makes the link; false where neither we nor `ip` can, and our error says what the kernel lacks. */
async function made(spec: Named<LinkSpec>, words: string): Promise<boolean> {
  const adding = net.link.add({ name: 'x0', ...spec });
  const error: unknown = await adding.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error === undefined) return true;
  await expectCause(adding, { code: 'ERR_LINUX_NS_UNSUPPORTED', hint: 'This kernel was built without CONFIG_' });
  const theirs = lab.at(0).set.execFile('ip', ['link', 'add', 'x0', ...words.split(' ')]);
  await expect(theirs).rejects.toMatchObject({ stderr: expect.stringContaining('Unknown device type') as string });
  return false;
}

needs({ tool: ['ip'] }).describe('a link', () => {
  test.each(SAME)('%j is that of ip link add x0 %s', async (spec, words) => {
    if (!(await made(spec, words))) return;
    const own = await taken();
    await lab.at(0).set.execFile('ip', ['link', 'add', 'x0', ...words.split(' ')]);
    const other = await taken();
    expect(own.theirs).toEqual(other.theirs);
    expect(own.ours).toEqual(other.ours);
    const { kind, ...options } = spec as LinkSpec & { link?: string; primary?: string };
    if (kind === 'vlan') delete options.link; // it is told beside the options
    delete options.primary; // the kernel tells it when it is a port
    expect(own.ours.info ?? {}).toMatchObject(options);
  });
});

test('of a bond tells its port in use, and each port its state', async () => {
  if (!(await made({ kind: 'bond', mode: 'active-backup', miimon: 10 }, 'type bond'))) return;
  await net.link.add({ name: 'w0', kind: 'veth', peer: { name: 'w1', up: true } });
  await net.link.set('v1', { up: true });
  for (const port of ['v0', 'w0']) await net.link.set(port, { master: 'x0' });
  await net.link.set('x0', { kind: 'bond', primary: 'v0' });
  await net.link.set('x0', { up: true });
  await net.link.set('x0', { kind: 'bond', activePort: 'w0', primaryReselect: 'failure' });
  expect((await net.link.get('x0')).info).toMatchObject({
    ...{ activePort: 'w0', primary: 'v0', primaryReselect: 'failure' },
  });
  expect(await net.link.get('w0')).toMatchObject({ master: 'x0', port: { state: 'active', linkFailures: 0 } });
  expect(await net.link.get('v0')).toMatchObject({ master: 'x0', port: { state: 'backup', queueId: 0 } });
});

test('of kind geneve can be given another end', async () => {
  if (!(await made({ kind: 'geneve', id: 7, remote: '10.0.0.2' }, 'type geneve id 7 remote 10.0.0.2'))) return;
  await net.link.set('x0', { kind: 'geneve', remote: '10.0.0.3', ttl: 5 });
  expect((await net.link.get('x0')).info).toMatchObject({ id: 7, remote: '10.0.0.3', ttl: 5 });
});
