/** What goes away while it is asked for: errors of their own, and nothing that is half done. */
import { execFile, unshare } from '../../lib';
import { Network } from '../../lib/network';
import { eventually, expectNothingLeft, footprint } from '../fixtures/footprint';
import { Lab } from '../fixtures/lab';

async function names(net: Network): Promise<string[]> {
  return (await net.link.list()).map(({ name }) => name);
}

/** The codes of those that were refused. */
function codesOf(outcomes: readonly PromiseSettledResult<unknown>[]): string[] {
  return outcomes
    .filter((outcome) => outcome.status === 'rejected')
    .map(({ reason }: PromiseRejectedResult) => String((reason as { code?: unknown }).code));
}

test('a peer that vanishes: each request on the link is done, or says that there is no such link', async () => {
  await using lab = await Lab.of(2);
  const [here, there] = [lab.at(0), lab.at(1)];
  for (let round = 0; round < 10; round++) {
    await here.net.link.add({ name: 'a', kind: 'veth', up: true, peer: { name: 'b', namespace: there.set, up: true } });
    const asked = Array.from({ length: 30 }, (_, i) => here.net.address.add('a', `10.0.${i}.1/24`));
    const outcomes = await Promise.allSettled([...asked, there.net.link.delete('b')]);
    expect(outcomes.at(-1)).toMatchObject({ status: 'fulfilled' });
    expect(codesOf(outcomes).filter((code) => code !== 'ENODEV')).toEqual([]);
    expect(await names(here.net)).toEqual(['lo']);
    expect(await here.net.address.list({ scope: 'global' })).toEqual([]);
  }
});

test('a namespace that is closed while a link is made into it takes the link along, or there is none', async () => {
  await using lab = await Lab.of(1);
  const { net, set } = lab.at(0);
  for (let round = 0; round < 10; round++) {
    const other = await unshare('net', { setns: [set.user!] });
    const spec = { name: 'a', kind: 'veth', up: true, peer: { name: 'b', namespace: other, up: true } } as const;
    const outcomes = await Promise.allSettled([net.link.add(spec), other.close()]);
    expect(outcomes.at(-1)).toMatchObject({ status: 'fulfilled' });
    expect(codesOf(outcomes).filter((code) => code !== 'ERR_LINUX_NS_CLOSED')).toEqual([]);
    await eventually(async () => (await names(net)).join() === 'lo'); // the kernel takes a namespace down later
  }
});

test('a link that is deleted while its namespace is listed: the list is of what was there, or was not', async () => {
  await using lab = await Lab.of(1);
  const { net, set } = lab.at(0);
  await using other = await Network.open(set);
  for (let round = 0; round < 10; round++) {
    await net.link.add({ name: 'br0', kind: 'bridge', up: true });
    await net.address.add('br0', '10.0.0.1/24');
    const [links, addresses, routes] = await Promise.all([
      other.link.list(),
      other.address.list({ family: 'inet' }),
      other.route.list({ family: 'inet' }),
      net.link.delete('br0'),
    ]);
    expect(['lo', 'lo,br0']).toContain(links.map(({ name }) => name).join());
    for (const { address } of addresses) expect(['127.0.0.1', '10.0.0.1']).toContain(address);
    for (const { to } of routes) expect(to).toBe('10.0.0.0/24');
  }
});

test('a network whose opening is given up, at whatever moment, leaves nothing', async () => {
  await execFile('true'); // what is opened once, and stays
  const set = await unshare(['user', 'net']);
  await (await Network.open(set)).close();
  const before = footprint();
  for (let turns = 0; turns < 20; turns++) {
    const controller = new AbortController();
    const opening = Network.open(set, { signal: controller.signal });
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await opening.then(
      (net) => net.close(), // it was quicker
      (error: unknown) => expect(error).toMatchObject({ name: 'AbortError' }),
    );
  }
  await expectNothingLeft(before);
  await set.close();
});
