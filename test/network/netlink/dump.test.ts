/** A list is whole, or says that it is not, whatever is put into the network that is listed. */
import { type NamespaceSet, unshare } from '../../../lib';
import { Network } from '../../../lib/network';

let set: NamespaceSet;
let net: Network;
beforeEach(async () => {
  set = await unshare(['user', 'net']);
  net = await Network.open(set);
});
afterEach(async () => {
  await net.close();
  await set.close();
});

/** Names of 113 bytes: with 496 of them a link has as many as the kernel allows, 64 KiB. */
function longNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index).padStart(113, 'x'));
}

async function addBridges(count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => `br${index}`);
  await Promise.all(names.map((name) => net.link.add({ name, kind: 'bridge' })));
}

/** Many routers, one after another: `10.0.0.2`, … */
function routers(count: number): { via: string }[] {
  return Array.from({ length: count }, (_, index) => ({ via: `10.0.${Math.floor(index / 250)}.${2 + (index % 250)}` }));
}

const ROUTERS = 3900;

test('links with all the names that a link may have hide none of the others, with counters or without', async () => {
  await addBridges(8);
  for (const link of ['br2', 'br5']) {
    const names = longNames(496).map((name) => link + name.slice(3));
    await net.link.set(link, { addNames: names.slice(0, 250) });
    await net.link.set(link, { addNames: names.slice(250) });
  }
  const expected = ['lo', ...Array.from({ length: 8 }, (_, index) => `br${index}`)];
  const [plain, counted, { links }] = await Promise.all([net.link.list(), net.link.list({ stats: true }), net.dump()]);
  for (const list of [plain, counted, links]) {
    expect(list.map(({ name }) => name).sort()).toEqual([...expected].sort());
    expect(list.find(({ name }) => name === 'br5')?.alternativeNames).toHaveLength(496);
  }
  expect(counted.every(({ stats }) => stats !== undefined)).toBe(true);
});

test('a link whose names come and go while the links are listed hides none of the others', async () => {
  await addBridges(60);
  await using other = await Network.open(set);
  const names = longNames(480);
  let isOver = false;
  let rounds = 0;
  const restless = (async () => {
    for (; !isOver; rounds++) {
      await other.link.set('br20', { addNames: names });
      await other.link.set('br20', { removeNames: names });
    }
  })();
  for (let count = 0; count < 60 || rounds < 5; count++) {
    expect(await net.link.list()).toHaveLength(61);
  }
  isOver = true;
  await restless;
});

test('a watch tells of a link with all the names that it may have', async () => {
  await addBridges(1);
  await using watch = net.watch({ types: ['link'] });
  const names = longNames(496);
  await net.link.set('br0', { addNames: names.slice(0, 250) });
  await net.link.set('br0', { addNames: names.slice(250) });
  await net.link.set('br0', { up: true });
  for await (const event of watch) {
    expect(event.type).toBe('link');
    if (event.type !== 'link' || !event.link.up) continue;
    expect(event.link.alternativeNames).toHaveLength(496);
    break;
  }
});

test('an IPv4 route that fits in no message is an error of its list, not a list without what follows it', async () => {
  await addBridges(1);
  await net.link.set('br0', { up: true });
  await net.address.add('br0', '10.0.0.1/8');
  await net.route.add({ to: '20.0.0.0/24', nexthops: routers(ROUTERS) });
  await net.route.add({ to: '30.0.0.0/24', via: '10.0.0.2' });
  await net.route.add({ to: '40.0.0.0/24', via: '10.0.0.2', table: 40 });
  const tooLong = {
    code: 'EMSGSIZE',
    step: 'list routes',
    hint: expect.stringContaining('fits in no message') as string,
  };
  await expect(net.route.list()).rejects.toMatchObject(tooLong);
  await expect(net.route.list({ family: 'inet' })).rejects.toMatchObject(tooLong);
  await expect(net.dump()).rejects.toMatchObject(tooLong);
  expect((await net.route.list({ table: 40 })).map(({ to }) => to)).toEqual(['40.0.0.0/24']);
  await net.route.delete({ to: '20.0.0.0/24' });
  expect((await net.route.list()).map(({ to }) => to)).toContain('30.0.0.0/24');
});

test('so is one of IPv6, whose list has no end: what is asked beside it, and after it, is answered', async () => {
  await addBridges(1);
  const link = 'br0';
  await net.link.set(link, { up: true });
  await net.address.add(link, '2001:db8::1/64', { flags: ['nodad'] });
  const nexthops = Array.from({ length: 1500 }, (_, index) => ({ via: `2001:db8::${(index + 2).toString(16)}`, link }));
  await net.route.add({ to: '2001:db8:5::/64', nexthops });
  const beside = Promise.all([
    net.link.get(link),
    net.route.list(),
    net.link.list(),
    net.route.list(),
    net.link.get('lo'),
  ]);
  await expect(beside).rejects.toMatchObject({ code: 'EMSGSIZE', step: 'list routes' });
  const outcomes = await Promise.allSettled([
    net.link.get(link),
    net.route.list({ family: 'inet6' }),
    net.link.list(),
    net.route.list(),
    net.address.list(),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled']);
  await net.route.delete({ to: '2001:db8:5::/64' });
  expect((await net.route.list()).map(({ to }) => to)).toContain('2001:db8::/64');
});
