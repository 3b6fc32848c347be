import { Lab } from '../fixtures/lab';

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.of(1);
  await lab.at(0).net.link.add({ name: 'a', kind: 'veth', up: true, peer: { name: 'b', up: true } });
});
afterEach(() => lab[Symbol.asyncDispose]());

test.each([
  ['10.0.0.1/32', '10.0.0.2'],
  ['10.0.0.1', '10.1.0.2/24'],
  ['2001:db8::1/128', '2001:db8::2'],
])('an address %s with the peer %s is deleted as it was added', async (address, peer) => {
  const { net } = lab.at(0);
  await net.address.add('a', address, { peer });
  expect(await net.address.list({ link: 'a', scope: 'global' })).toHaveLength(1);
  await net.address.delete('a', address, { peer });
  expect(await net.address.list({ link: 'a', scope: 'global' })).toEqual([]);
  await expect(net.address.delete('a', address, { peer: 'x' })).rejects.toThrow(TypeError);
  await expect(net.address.delete('a', address, { label: 'x' } as never)).rejects.toThrow(TypeError);
});

test('a route is deleted without its scope, whatever type it is of', async () => {
  const { net } = lab.at(0);
  await net.route.add({ to: '10.9.0.0/16', type: 'blackhole', scope: 'link' });
  await net.route.delete({ to: '10.9.0.0/16', type: 'blackhole' });
  expect(await net.route.list({ to: '10.9.0.0/16' })).toEqual([]);
});

test('a default route is listed by its family, or for both', async () => {
  const { net } = lab.at(0);
  await net.address.add('a', '10.0.0.1/24');
  await net.address.add('a', '2001:db8::1/64', { flags: ['nodad'] });
  await net.route.add({ to: 'default', via: '10.0.0.2' });
  await net.route.add({ to: 'default', via: '2001:db8::2' });
  const routers = async (to: string): Promise<unknown> => (await net.route.list({ to })).map(({ via }) => via);
  expect(await routers('default')).toEqual(['10.0.0.2', '2001:db8::2']);
  expect(await routers('0.0.0.0/0')).toEqual(['10.0.0.2']);
  expect(await routers('::/0')).toEqual(['2001:db8::2']);
});
