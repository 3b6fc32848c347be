/** What a list of addresses gives can be given back. */
import type { Address, Network } from '../../../lib/network';
import { Lab } from '../../fixtures/lab';

let lab: Lab;
let net: Network;
beforeEach(async () => {
  lab = await Lab.of(1);
  ({ net } = lab.at(0));
  for (const name of ['br0', 'br1']) await net.link.add({ name, kind: 'bridge', addressGeneration: 'none' });
  // Else the secondary addresses of a network go with its first one.
  await net.sysctl.set('net.ipv4.conf.all.promote_secondaries', 1);
});
afterEach(() => lab[Symbol.asyncDispose]());

/** Without what goes on by itself. */
function lasting(addresses: readonly Address[]): object[] {
  return addresses.map(({ validLifetime, preferredLifetime, ...rest }) => ({
    ...rest,
    lifetimes: [validLifetime !== null, preferredLifetime !== null],
  }));
}

async function addAll(): Promise<Address[]> {
  await net.address.add('br0', '192.168.5.5/24');
  await net.address.add('br0', '192.168.5.6/24'); // secondary
  await net.address.add('br0', '10.0.0.1/8', { broadcast: '10.0.0.255', label: 'br0:ten', scope: 'link', metric: 7 });
  await net.address.add('br0', '10.9.0.1/16', { broadcast: null, flags: ['noprefixroute'] });
  await net.address.add('br0', '172.16.0.1', { peer: '172.17.0.1' });
  await net.address.add('br0', '172.16.0.2', { peer: '172.18.0.1/16' });
  await net.address.add('br0', '192.0.2.1/32', { validLifetime: 5000, preferredLifetime: 4000 });
  await net.address.add('br0', '2001:db8::1/64', { flags: ['nodad', 'noprefixroute'] });
  await net.address.add('br0', '2001:db8:1::1/64', { flags: ['nodad'], validLifetime: 6000, preferredLifetime: 0 });
  await net.address.add('br0', '2001:db8:2::1', { peer: '2001:db8:3::1/64', flags: ['nodad'], metric: 99 });
  await net.address.add('br0', 'fe80::5/64', { flags: ['nodad'], scope: 'link' });
  return net.address.list({ link: 'br0' });
}

test('each can be taken from its link, given to it again, and replaced by itself', async () => {
  const listed = await addAll();
  expect(listed).toHaveLength(11);
  expect(new Set(listed.flatMap(({ flags }) => flags))).toEqual(
    new Set(['secondary', 'nodad', 'noprefixroute', 'deprecated']),
  );
  for (const address of listed) {
    await net.address.delete('br0', address);
    await expect(net.address.delete('br0', address)).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
    await net.address.add('br0', address);
    await expect(net.address.add('br0', address)).rejects.toMatchObject({ code: 'EEXIST' });
    await net.address.replace('br0', address);
  }
  const again = lasting(await net.address.list({ link: 'br0' }));
  // Which of two in one network is the secondary one, their order says.
  const withoutOrder = (list: object[]): Set<string> =>
    new Set(
      list.map((each) =>
        JSON.stringify({ ...each, flags: (each as Address).flags.filter((flag) => flag !== 'secondary') }),
      ),
    );
  expect(withoutOrder(again)).toEqual(withoutOrder(lasting(listed)));
  for (const address of listed) await net.address.delete('br0', address);
  expect(await net.address.list({ link: 'br0' })).toEqual([]);
});

test('each can be given to another link, and options go over what it says', async () => {
  const listed = await addAll();
  for (const address of listed) await net.address.delete('br0', address);
  for (const { label: _, ...address } of listed) await net.address.add('br1', address);
  const named = (list: readonly Address[]): Set<string> =>
    new Set(list.map(({ address, peer }) => `${address} ${peer}`));
  expect(named(await net.address.list({ link: 'br1' }))).toEqual(named(listed));
  const [first] = listed;
  await net.address.replace('br1', first!, { validLifetime: 60, label: 'br1:x' });
  expect((await net.address.list({ link: 'br1' }))[0]).toMatchObject({ address: first!.address, dynamic: true });
});

test.each<[string, object]>([
  ['address.address', { prefixLength: 24 }],
  ['address.prefixLength', { address: '10.0.0.1' }],
  ['address', { address: '10.0.0.1', prefixLength: 24, netmask: '255.0.0.0' }],
  ['address.scope', { address: '10.0.0.1', prefixLength: 24, scope: 'far' }],
])('what no list gives is refused for %s', async (name, address) => {
  await expect(net.address.add('br0', address as Address)).rejects.toMatchObject({
    code: expect.stringMatching(/^ERR_INVALID_ARG/) as string,
    message: expect.stringContaining(name) as string,
  });
});

test('flags that are no list are refused', async () => {
  await expect(net.address.add('br0', '10.0.0.1/8', { flags: 'nodad' as never })).rejects.toMatchObject({
    code: 'ERR_INVALID_ARG_TYPE',
  });
});

test('a list has IPv4 first, and what the filter asks for', async () => {
  await addAll();
  const families = (await net.address.list()).map(({ family }) => family);
  expect(families).toEqual([...families].sort());
  expect(await net.address.list({ family: 'inet6', scope: 'link' })).toMatchObject([
    { address: 'fe80::5', link: 'br0' },
  ]);
  expect(await net.address.list({ link: 'br1' })).toEqual([]);
  await expect(net.address.list({ link: 'nosuch' })).rejects.toMatchObject({ code: 'ENODEV' });
});
