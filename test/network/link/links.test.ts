import { execFileSync } from 'node:child_process';
import { unshare } from '../../../lib';
import { type Link, type LinkSpec, Network } from '../../../lib/network';
import { Lab, tunIsOpen } from '../../fixtures/lab';
import { needs } from '../../fixtures/optional';

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.of(2);
});
afterEach(() => lab[Symbol.asyncDispose]());

const UNSUPPORTED = 'ERR_LINUX_NS_UNSUPPORTED';

/** Makes a link; null, with the reason checked, where this kernel does not have the kind and `ip` says so, too. */
async function addOrNull(net: Network, spec: LinkSpec): Promise<Link | null> {
  try {
    return await net.link.add(spec);
  } catch (error) {
    expect(error).toMatchObject({
      code: UNSUPPORTED,
      kernelMessage: 'Unknown device type',
      step: `add link ${spec.name}`,
      hint: expect.stringMatching(/^This kernel was built without CONFIG_\w+, or its module is not loaded/) as string,
    });
    return null;
  }
}

describe('a new link', () => {
  test('of kind veth has two ends, each with what was asked for', async () => {
    const { net } = lab.at(0);
    const made = await net.link.add({
      name: 'a',
      kind: 'veth',
      mtu: 1400,
      address: '02:00:00:00:00:0a',
      up: true,
      alias: 'one end',
      peer: { name: 'b', mtu: 1300, address: '02:00:00:00:00:0b', up: true, txQueueLength: 77 },
    });
    expect(made).toMatchObject({
      name: 'a',
      kind: 'veth',
      mtu: 1400,
      address: '02:00:00:00:00:0a',
      up: true,
      alias: 'one end',
      link: 'b',
    });
    expect(await net.link.get('b')).toMatchObject({
      name: 'b',
      kind: 'veth',
      mtu: 1300,
      up: true,
      txQueueLength: 77,
      link: 'a',
    });
    expect(await net.link.get(made.index)).toMatchObject({ name: 'a', index: made.index });
  });

  test('of kind veth can have its other end elsewhere from the start', async () => {
    const [here, there] = [lab.at(0), lab.at(1)];
    const a = await here.net.link.add({ name: 'a', kind: 'veth', peer: { name: 'b', namespace: there.set, up: true } });
    const b = await there.net.link.get('b');
    expect(b.up).toBe(true);
    expect([a.link, b.link]).toEqual([undefined, undefined]);
    expect([a.linkIndex, b.linkIndex]).toEqual([b.index, a.index]);
    await using other = (await here.net.nsid.find(a.linkNsid!))!;
    expect(other.equals(there.set.net!)).toBe(true);
  });

  test('of kind bridge has its options, and they can be changed', async () => {
    const { net } = lab.at(0);
    const made = await net.link.add({
      name: 'br0',
      kind: 'bridge',
      stp: true,
      forwardDelay: 2,
      ageingTime: 17.5,
      priority: 4096,
      multicastSnooping: false,
    });
    expect(made.info).toMatchObject({
      stp: true,
      forwardDelay: 2,
      ageingTime: 17.5,
      priority: 4096,
      multicastSnooping: false,
    });
    await net.link.set('br0', { kind: 'bridge', stp: false, helloTime: 3 });
    expect((await net.link.get('br0')).info).toMatchObject({ stp: false, helloTime: 3, ageingTime: 17.5 });
  });

  test('can be a port of a bridge from the start, with options of its own', async () => {
    const { net } = lab.at(0);
    await net.link.add({ name: 'br0', kind: 'bridge', up: true });
    const made = await net.link.add({ name: 'a', kind: 'veth', master: 'br0' });
    expect(made.master).toBe('br0');
    await net.link.set('a', { port: { isolated: true, hairpin: true, cost: 9, learning: false } });
    expect((await net.link.get('a')).port).toMatchObject({ isolated: true, hairpin: true, cost: 9, learning: false });
    expect((await net.link.list({ master: 'br0' })).map(({ name }) => name)).toEqual(['a']);
    await net.link.set('a', { master: null });
    expect((await net.link.get('a')).master).toBeUndefined();
  });

  test('of kind macvlan is made on top of another', async () => {
    const { net } = lab.at(0);
    await net.link.add({ name: 'a', kind: 'veth' });
    const made = await net.link.add({ name: 'm', kind: 'macvlan', link: 'a', mode: 'private' });
    expect(made).toMatchObject({ kind: 'macvlan', link: 'a', info: { mode: 'private' } });
    await net.link.set('m', { kind: 'macvlan', mode: 'bridge' });
    expect((await net.link.get('m')).info).toEqual({ mode: 'bridge' });
  });

  test('can be made in another namespace, on top of one in this', async () => {
    const [here, there] = [lab.at(0), lab.at(1)];
    await here.net.link.add({ name: 'a', kind: 'veth', up: true });
    const made = await here.net.link.add({
      name: 'a',
      kind: 'macvlan',
      link: 'a',
      namespace: there.set,
      alias: 'over there',
    });
    expect(made).toMatchObject({ name: 'a', kind: 'macvlan', alias: 'over there' });
    expect((await there.net.link.list()).map(({ name }) => name)).toEqual(['lo', 'a']);
  });

  test('finds its master in the namespace that it is made in, or moved to', async () => {
    const [here, there] = [lab.at(0), lab.at(1)];
    await here.net.link.add({ name: 'br0', kind: 'bridge' });
    await there.net.link.add({ name: 'same-index', kind: 'bridge' });
    await there.net.link.add({ name: 'br0', kind: 'bridge' });
    const spec = { name: 'a', kind: 'veth', namespace: there.set, master: 'br0' } as const;
    expect(await here.net.link.add(spec)).toMatchObject({ name: 'a', master: 'br0' });
    await here.net.link.add({ name: 'b', kind: 'veth' });
    await here.net.link.set('b', { namespace: there.set, master: 'br0' });
    expect(await there.net.link.get('b')).toMatchObject({ master: 'br0' });
  });

  test('of kind vxlan has its options', async () => {
    const { net } = lab.at(0);
    await net.link.add({ name: 'a', kind: 'veth', up: true });
    const info = {
      id: 42,
      link: 'a',
      remote: '2001:db8::2',
      local: '2001:db8::1',
      port: 4789,
      ttl: 3,
      learning: false,
      external: false,
    };
    const made = await net.link.add({
      name: 'x',
      kind: 'vxlan',
      id: 42,
      link: 'a',
      remote: '2001:db8::2',
      local: '2001:db8::1',
      ttl: 3,
      learning: false,
    });
    expect(made.info).toMatchObject(info);
    const external = await net.link.add({ name: 'y', kind: 'vxlan', external: true, port: 9999 });
    expect(external.info).toMatchObject({ external: true, port: 9999 });
  });

  test.each([
    [{ name: 'x', kind: 'dummy' }, undefined],
    [{ name: 'x', kind: 'ifb' }, undefined],
    [
      { name: 'x', kind: 'vlan', link: 'a', id: 5 },
      { id: 5, protocol: '802.1Q' },
    ],
    [
      { name: 'x', kind: 'ipvlan', link: 'a', mode: 'l2', isolation: 'private' },
      { mode: 'l2', isolation: 'private' },
    ],
    [{ name: 'x', kind: 'macvtap', link: 'a', mode: 'bridge' }, { mode: 'bridge' }],
    [{ name: 'x', kind: 'vrf', table: 77 }, { table: 77 }],
  ] satisfies [LinkSpec, unknown][])(
    'of kind $kind is there, or the kernel does not have it: %p',
    async (spec, info) => {
      const { net } = lab.at(0);
      await net.link.add({ name: 'a', kind: 'veth', up: true });
      const made = await addOrNull(net, spec);
      if (made === null) {
        await expect(net.link.get('x')).rejects.toMatchObject({ code: 'ENODEV' });
      } else {
        expect(made).toMatchObject({ name: 'x', kind: spec.kind });
        expect(made.info).toEqual(info);
      }
    },
  );
});

test('where /dev/net/tun is closed to this user, or there is none, the error says so', async () => {
  const { net } = lab.at(0);
  if (tunIsOpen()) {
    expect(await net.link.add({ name: 'tun0', kind: 'tun' })).toMatchObject({ name: 'tun0' });
    return;
  }
  await expect(net.link.add({ name: 'tun0', kind: 'tun' })).rejects.toMatchObject({
    step: 'open tun tun0',
    path: '/dev/net/tun',
    hint: expect.stringContaining('/dev/net/tun') as string,
  });
});

(tunIsOpen() ? describe : describe.skip)('a tun or tap', () => {
  test('that is added stays, and belongs to who is to open it', async () => {
    const { net } = lab.at(0);
    const made = await net.link.add({ name: 'tap7', kind: 'tap', owner: 0, mtu: 1400, up: true, vnetHeader: true });
    expect(made).toMatchObject({
      name: 'tap7',
      kind: 'tun',
      type: 'ether',
      mtu: 1400,
      up: true,
      info: { type: 'tap', persistent: true, vnetHeader: true, packetInfo: false },
    });
    const tun = await net.link.add({ name: 'tun7', kind: 'tun' });
    expect(tun).toMatchObject({ type: 'none', info: { type: 'tun' } });
    await net.link.delete('tap7');
    await expect(net.link.get('tap7')).rejects.toMatchObject({ code: 'ENODEV' });
  });

  test('that is opened is gone when it is closed, and carries packets meanwhile', async () => {
    const { net, set } = lab.at(0);
    const tun = await net.link.openTun({ name: 'tun%d', kind: 'tun' });
    expect(tun.name).toBe('tun0');
    await net.sysctl.set('net.ipv6.conf.tun0.disable_ipv6', 1);
    await net.link.set(tun.name, { up: true });
    await net.address.add(tun.name, '10.7.0.1/24');
    // What is sent to that network comes out of the descriptor: a program reads it, who was handed that.
    const script = `timeout 200 python3 -c 'import os, select; select.select([3], [], []); p = os.read(3, 2000); print(p[0] >> 4, p[9], *p[16:20])' &
      ping -c 1 -W 1 10.7.0.9 > /dev/null; wait`;
    const child = await set.spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit', tun.fd] });
    let text = '';
    for await (const chunk of child.stdout!) text += String(chunk);
    expect(text).toBe('4 1 10 7 0 9\n');
    await tun.close();
    expect(() => tun.fd).toThrow(expect.objectContaining({ code: 'ERR_LINUX_NS_CLOSED' }) as Error);
    await expect(net.link.get('tun0')).rejects.toMatchObject({ code: 'ENODEV' });
  });

  test('does not take the name of another link, nor one that is open twice', async () => {
    const { net } = lab.at(0);
    await net.link.add({ name: 'a', kind: 'veth' });
    for (const name of ['a', 'lo']) {
      await expect(net.link.add({ name, kind: 'tun' })).rejects.toMatchObject({
        code: 'EEXIST',
        hint: expect.stringContaining(name) as string,
      });
    }
    await using tap = await net.link.openTun({ name: 'tap0', kind: 'tap' });
    await expect(net.link.openTun({ name: tap.name, kind: 'tap' })).rejects.toMatchObject({
      code: 'EBUSY',
      hint: expect.stringMatching(/another/i) as string,
    });
  });

  test('that cannot be set up is taken away again', async () => {
    const { net } = lab.at(0);
    await expect(net.link.add({ name: 'tap0', kind: 'tap', mtu: 10 })).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(net.link.get('tap0')).rejects.toMatchObject({ code: 'ENODEV' });
  });
});

describe('a change', () => {
  test('renames, describes, and gives more names', async () => {
    const { net } = lab.at(0);
    const { index } = await net.link.add({ name: 'a', kind: 'veth' });
    await net.link.set('a', {
      name: 'renamed',
      alias: 'what it is for',
      addNames: ['the-long-name-of-the-renamed-link'],
    });
    expect(await net.link.get('the-long-name-of-the-renamed-link')).toMatchObject({
      index,
      name: 'renamed',
      alias: 'what it is for',
    });
    await net.link.set('renamed', { removeNames: ['the-long-name-of-the-renamed-link'] });
    expect((await net.link.get('renamed')).alternativeNames).toBeUndefined();
  });

  test('switches on and off what flags there are', async () => {
    const { net } = lab.at(0);
    await net.link.add({ name: 'a', kind: 'veth', multicast: false, arp: false });
    expect((await net.link.get('a')).flags).toEqual(expect.arrayContaining(['BROADCAST', 'NOARP']));
    await net.link.set('a', { up: true, multicast: true, arp: true, promiscuous: true, allMulticast: true });
    expect((await net.link.get('a')).flags).toEqual(expect.arrayContaining(['UP', 'MULTICAST', 'PROMISC', 'ALLMULTI']));
    await net.link.set('a', { up: false, promiscuous: false });
    expect((await net.link.get('a')).flags).toEqual(['BROADCAST', 'MULTICAST', 'ALLMULTI']);
  });

  test('moves a link to another namespace, where it is up if that is asked for', async () => {
    const [here, there] = [lab.at(0), lab.at(1)];
    await here.net.link.add({ name: 'a', kind: 'veth', peer: { name: 'b' } });
    await here.net.link.set('b', { namespace: there.set.net, name: 'c', up: true });
    expect((await here.net.link.list()).map(({ name }) => name)).toEqual(['lo', 'a']);
    expect(await there.net.link.get('c')).toMatchObject({ up: true });
  });

  test('of nothing asks whether the link is there', async () => {
    const { net } = lab.at(0);
    await expect(net.link.set('lo', {})).resolves.toBeUndefined();
    await expect(net.link.set('nosuch', {})).rejects.toMatchObject({ code: 'ENODEV' });
    await expect(net.link.add({ name: 'default', kind: 'bridge' })).rejects.toMatchObject({
      code: 'EINVAL',
      hint: expect.stringContaining("No link can have the name 'default'") as unknown,
    });
  });

  test('that names a group does so of one link: a missing one is an error', async () => {
    const { net } = lab.at(0);
    await expect(net.link.set('nosuch', { group: 0, mtu: 1300 })).rejects.toMatchObject({ code: 'ENODEV' });
    expect((await net.link.get('lo')).mtu).toBe(65536);
    await net.link.set('lo', { group: 9 });
    expect((await net.link.get('lo')).group).toBe(9);
  });
});

describe('counters', () => {
  test('come with a list when they are asked for', async () => {
    const { net, set } = lab.at(0);
    await set.execFile('ping', ['-c1', '-W5', '127.0.0.1']);
    expect((await net.link.get('lo')).stats).toBeUndefined();
    const [lo] = await net.link.list({ stats: true });
    expect(lo?.stats?.rxPackets).toBeGreaterThanOrEqual(2);
    expect((await net.link.get('lo', { stats: true })).stats).toMatchObject({ rxErrors: 0, txErrors: 0 });
  });
});

describe('virtual links die', () => {
  test('with their namespace, and their other ends with them', async () => {
    const { net, set } = lab.at(0);
    const other = await unshare('net', { setns: [set.user!] });
    await net.link.add({ name: 'a', kind: 'veth', peer: { name: 'b', namespace: other } });
    await using watch = net.watch({ types: ['link'] });
    await other.close();
    for await (const event of watch)
      if (event.type === 'link' && event.action === 'delete' && event.link.name === 'a') break;
    await expect(net.link.get('a')).rejects.toMatchObject({ code: 'ENODEV' });
  });

  test('when one of the two is deleted', async () => {
    const [here, there] = [lab.at(0), lab.at(1)];
    await here.net.link.add({ name: 'a', kind: 'veth', peer: { name: 'b', namespace: there.set } });
    await there.net.link.delete('b');
    await expect(here.net.link.get('a')).rejects.toMatchObject({ code: 'ENODEV' });
  });
});

describe('a link of a namespace', () => {
  test('is closed to those that are not privileged over it, and the error says what it takes', async () => {
    await using stranger = await unshare(['user', 'net']);
    const { net } = lab.at(0);
    await net.link.add({ name: 'a', kind: 'veth' });
    if (process.geteuid?.() === 0) {
      await net.link.set('a', { namespace: stranger }); // root of the host has both
      return;
    }
    await expect(net.link.set('a', { namespace: stranger })).rejects.toMatchObject({
      code: 'EPERM',
      kind: 'net',
      step: 'set link a',
      hint: expect.stringMatching(/CAP_NET_ADMIN.*unshare\('net', \{ setns: set \}\)/) as string,
    });
  });
});

needs({ unprivileged: true }).test("the host's own network can be looked at, and not changed", async () => {
  await using host = await Network.open();
  expect((await host.link.list()).map(({ name }) => name)).toContain('lo');
  await expect(host.link.add({ name: 'linuxns0', kind: 'veth' })).rejects.toMatchObject({
    code: 'EPERM',
    hint: expect.stringContaining('CAP_NET_ADMIN') as string,
  });
});

needs({ root: true, tool: ['ip'] }).test(
  'root works in networks that belong to different user namespaces',
  async () => {
    await using one = await unshare(['user', 'net']);
    await using two = await unshare('net');
    await using net = await Network.open(one);
    await net.link.add({ name: 'a', kind: 'veth', peer: { name: 'b', namespace: two } });
    const { stdout } = await two.execFile('ip', ['-j', 'link', 'show', 'b']);
    expect(stdout).toContain('"ifname":"b"');
    expect(execFileSync('ip', ['-j', 'link'], { encoding: 'utf8' })).not.toContain('"ifname":"a"');
  },
);
