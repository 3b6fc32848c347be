/** What a list of neighbors gives can be given back. */
import type { Neighbor, Network } from '../../../lib/network';
import { Lab } from '../../fixtures/lab';

let lab: Lab;
let net: Network;
beforeEach(async () => {
  lab = await Lab.of(1);
  ({ net } = lab.at(0));
  for (const name of ['veth0', 'veth2']) {
    await net.link.add({ name, kind: 'veth', up: true, peer: { name: `${name}-peer` } });
  }
  await net.address.add('veth0', '192.168.5.1/24');
});
afterEach(() => lab[Symbol.asyncDispose]());

const MAC = '02:00:00:00:00:07';

async function all(): Promise<Neighbor[]> {
  const [neighbors, proxies] = await Promise.all([
    net.neighbor.list({ noarp: true }),
    net.neighbor.list({ proxy: true }),
  ]);
  // The link's own multicast addresses come by themselves.
  return [...neighbors, ...proxies].filter(({ to }) => !to.startsWith('ff') && !to.startsWith('224.'));
}

test('each can be deleted, added again, and replaced by itself', async () => {
  await net.neighbor.add({ to: '192.168.5.2', link: 'veth0', address: MAC });
  await net.neighbor.add({ to: '192.168.5.3', link: 'veth0', address: MAC, state: 'stale' });
  await net.neighbor.add({ to: '192.168.5.4', link: 'veth0', address: MAC, state: 'noarp' });
  await net.neighbor.add({ to: '192.168.5.5', link: 'veth0', address: MAC, state: 'stale', external: true });
  await net.neighbor.add({ to: '192.168.5.6', link: 'veth0', proxy: true });
  await net.neighbor.add({ to: 'fe80::7', link: 'veth0', address: MAC, router: true });
  await net.neighbor.add({ to: 'fe80::8', link: 'veth2', proxy: true });
  const listed = await all();
  expect(listed).toHaveLength(7);
  for (const neighbor of listed) {
    await net.neighbor.replace(neighbor);
    await net.neighbor.delete(neighbor);
    await expect(net.neighbor.delete(neighbor)).rejects.toMatchObject({ code: 'ENOENT' });
    await net.neighbor.add(neighbor);
  }
  expect(new Set((await all()).map((each) => JSON.stringify(each)))).toEqual(
    new Set(listed.map((each) => JSON.stringify(each))),
  );
  for (const neighbor of listed) await net.neighbor.delete(neighbor);
  expect((await all()).filter(({ state }) => !state.includes('FAILED'))).toEqual([]);
});

test.each<[string, object]>([
  ['neighbor.state[0]', { to: '192.168.5.2', link: 'veth0', address: MAC, state: ['stale'] }],
  ['neighbor.state', { to: '192.168.5.2', link: 'veth0', address: MAC, state: 'STALE' }],
  ['neighbor.address', { to: '192.168.5.2', link: 'veth0', state: ['STALE'] }],
  ['neighbor.external', { to: '192.168.5.2', link: 'veth0', address: MAC, external: 1 }],
  ['neighbor.address', { to: '192.168.5.2', link: 'veth0', address: MAC, proxy: true }],
])('%s is refused where it makes no sense', async (name, neighbor) => {
  await expect(net.neighbor.add(neighbor as never)).rejects.toMatchObject({
    code: expect.stringMatching(/^ERR_INVALID_ARG/) as string,
    message: expect.stringContaining(name) as string,
  });
});

test('a list has IPv4 first, and what the filter asks for', async () => {
  for (const [to, link] of [
    ['fe80::7', 'veth0'],
    ['192.168.5.2', 'veth0'],
    ['192.168.5.2', 'veth2'],
  ] as const) {
    await net.neighbor.add({ to, link, address: MAC });
  }
  expect((await net.neighbor.list()).map(({ to, link }) => [to, link])).toEqual(
    expect.arrayContaining([
      ['192.168.5.2', 'veth0'],
      ['192.168.5.2', 'veth2'],
      ['fe80::7', 'veth0'],
    ]),
  );
  expect(await net.neighbor.list({ family: 'inet', link: 'veth2' })).toMatchObject([
    { to: '192.168.5.2', link: 'veth2' },
  ]);
});
