import { execFileSync } from 'node:child_process';
import { unshare } from '../../../lib';
import { type NetworkEvent, type NetworkWatch, Network } from '../../../lib/network';
import { Lab } from '../../fixtures/lab';
import { needs } from '../../fixtures/optional';
import { ONE_WAIT } from '../../fixtures/patience';

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.of(1);
});
afterEach(() => lab[Symbol.asyncDispose]());

/** Takes events until one is as wanted, and answers with all of them. */
async function until(watch: NetworkWatch, wanted: (event: NetworkEvent) => boolean): Promise<NetworkEvent[]> {
  const seen: NetworkEvent[] = [];
  for (;;) {
    const { done, value } = await watch.next();
    if (done === true) throw new Error(`it has ended after ${JSON.stringify(seen)}`);
    seen.push(value);
    if (wanted(value)) return seen;
  }
}

function isLink(name: string, action: 'new' | 'delete'): (event: NetworkEvent) => boolean {
  return (event) => event.type === 'link' && event.action === action && event.link.name === name;
}

describe('a watch', () => {
  test('tells of each thing that comes and goes, from the moment it was made', async () => {
    const { net, set } = lab.at(0);
    const watch = net.watch();
    await net.link.add({ name: 'a', kind: 'veth', up: true, peer: { name: 'b', up: true } });
    await net.address.add('a', '192.168.5.5/24');
    await net.route.add({ to: '10.0.0.0/8', via: '192.168.5.1' });
    await net.rule.add({ from: '10.0.0.0/8', table: 100 });
    await net.neighbor.add({ to: '192.168.5.7', link: 'a', address: '02:00:00:00:00:07' });
    await net.nsid.set(set, 9);
    await net.neighbor.delete({ to: '192.168.5.7', link: 'a' });
    await net.rule.delete({ from: '10.0.0.0/8', table: 100 });
    await net.route.delete({ to: '10.0.0.0/8' });
    await net.address.delete('a', '192.168.5.5/24');
    await net.link.delete('a');
    const events = await until(watch, isLink('b', 'delete'));
    for (const wanted of [
      { type: 'link', action: 'new', link: { name: 'a', kind: 'veth' } },
      { type: 'link', action: 'new', link: { name: 'b', up: true } },
      { type: 'address', action: 'new', address: { address: '192.168.5.5', prefixLength: 24, link: 'a' } },
      { type: 'route', action: 'new', route: { to: '192.168.5.0/24', link: 'a', protocol: 'kernel' } },
      { type: 'route', action: 'new', route: { to: '10.0.0.0/8', via: '192.168.5.1', link: 'a' } },
      { type: 'rule', action: 'new', rule: { from: '10.0.0.0/8', table: 100 } },
      { type: 'neighbor', action: 'new', neighbor: { to: '192.168.5.7', address: '02:00:00:00:00:07', link: 'a' } },
      { type: 'nsid', action: 'new', id: 9 },
      { type: 'neighbor', action: 'delete', neighbor: { to: '192.168.5.7' } },
      { type: 'rule', action: 'delete', rule: { table: 100 } },
      { type: 'route', action: 'delete', route: { to: '10.0.0.0/8' } },
      { type: 'address', action: 'delete', address: { address: '192.168.5.5' } },
      { type: 'link', action: 'delete', link: { name: 'a' } },
    ]) {
      expect(events).toContainEqual(expect.objectContaining(nested(wanted)));
    }
    await watch.return();
  });

  test('tells only of what was asked for', async () => {
    const { net } = lab.at(0);
    await using watch = net.watch({ types: ['address'] });
    await net.link.add({ name: 'a', kind: 'veth', up: true });
    await net.address.add('a', '10.0.0.1/24');
    await net.link.set('a', { name: 'renamed' });
    await net.address.add('renamed', '10.0.0.2/24');
    const events = await until(watch, (event) => event.type === 'address' && event.address.address === '10.0.0.2');
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['address']));
    const last = events.at(-1);
    expect(last?.type === 'address' && last.address.link).toBe('renamed');
  });

  needs({ tool: ['ip'] }).test('tells of what others change', async () => {
    const { net, set } = lab.at(0);
    await using watch = net.watch({ types: ['link'] });
    await set.execFile('ip', ['link', 'add', 'theirs', 'type', 'bridge']);
    await until(watch, isLink('theirs', 'new'));
  });

  test('is one of several, each with its own events', async () => {
    const { net } = lab.at(0);
    await using first = net.watch({ types: ['link'] });
    await using second = net.watch({ types: ['link'] });
    await net.link.add({ name: 'a', kind: 'bridge' });
    await until(first, isLink('a', 'new'));
    await first.return();
    await net.link.add({ name: 'b', kind: 'bridge' });
    await until(second, isLink('b', 'new'));
    await expect(first.next()).resolves.toEqual({ done: true, value: undefined });
  });

  test('made after another has ended has none of its events', async () => {
    const { net } = lab.at(0);
    await net.watch().return();
    await net.link.add({ name: 'before', kind: 'bridge' });
    await using watch = net.watch({ types: ['link'] });
    await net.link.add({ name: 'after', kind: 'bridge' });
    const events = await until(watch, isLink('after', 'new'));
    expect(events.some(isLink('before', 'new'))).toBe(false);
  });

  test('ends with its loop, with its network, and by a signal', async () => {
    const { net, set } = lab.at(0);
    const own = await Network.open(set);
    const waiting = own.watch().next();
    const watch = own.watch();
    await own.close();
    await expect(waiting).resolves.toEqual({ done: true, value: undefined });
    await expect(watch.next()).resolves.toEqual({ done: true, value: undefined });

    const controller = new AbortController();
    const aborted = net.watch({ signal: controller.signal });
    const next = aborted.next();
    controller.abort(new Error('enough'));
    await expect(next).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: new Error('enough') });
    await expect(aborted.next()).resolves.toEqual({ done: true, value: undefined });

    const before = net.watch({ signal: AbortSignal.abort() });
    const other = net.watch();
    await net.link.add({ name: 'not-told-of', kind: 'bridge' });
    await until(other, isLink('not-told-of', 'new'));
    await other.return();
    await expect(before.next()).rejects.toMatchObject({ name: 'AbortError' });
    await expect(before.next()).resolves.toEqual({ done: true, value: undefined });
  });

  test('can be iterated, and left', async () => {
    const { net } = lab.at(0);
    const names: string[] = [];
    const watch = net.watch({ types: ['link'] });
    await net.link.add({ name: 'a', kind: 'bridge' });
    for await (const event of watch) {
      if (event.type === 'link') names.push(event.link.name);
      break;
    }
    expect(names).toEqual(['a']);
    await expect(watch.next()).resolves.toEqual({ done: true, value: undefined });
  });
});

describe('where events are lost', () => {
  needs({ tool: ['ip', 'nsenter'] }).test(
    'by the kernel, the watch says so, and what there is can be asked',
    async () => {
      const set = await unshare(['user', 'net']);
      await using net = await Network.open(set, { receiveBuffer: 16_384 });
      await using watch = net.watch();
      // While this thread does nothing else, no event is taken.
      const commands = Array.from({ length: 200 }, (_, i) => `address add 10.0.${i}.1/32 dev lo`).join('\n');
      const nsenter = [
        '--preserve-credentials',
        `--user=/proc/${process.pid}/fd/${set.user!.fd}`,
        `--net=/proc/${process.pid}/fd/${set.net!.fd}`,
      ];
      execFileSync('nsenter', [...nsenter, 'ip', '-batch', '-'], { input: commands, timeout: ONE_WAIT });
      const overrun = (await until(watch, ({ type }) => type === 'overrun')).at(-1);
      const dump = overrun?.type === 'overrun' ? await overrun.dump() : undefined;
      expect(dump?.addresses.filter(({ link }) => link === 'lo').length).toBeGreaterThanOrEqual(200);
      expect(dump?.links.map(({ name }) => name)).toEqual(['lo']);
      // And it goes on.
      await net.link.add({ name: 'later', kind: 'bridge' });
      await until(watch, isLink('later', 'new'));
      await set.close();
    },
  );

  test('because they are not taken, the watch says so, too', async () => {
    const { net } = lab.at(0);
    await using slow = net.watch({ types: ['address'], limit: 10 });
    await using quick = net.watch({ types: ['address'] });
    for (let i = 0; i < 30; i++) await net.address.add('lo', `10.0.0.${i}/32`);
    const isLast = (event: NetworkEvent) => event.type === 'address' && event.address.address === '10.0.0.29';
    expect((await until(quick, isLast)).filter(({ type }) => type === 'overrun')).toEqual([]);
    const events = await until(slow, isLast);
    expect(events[0]?.type).toBe('overrun');
    expect(events.length).toBeLessThanOrEqual(11);
  });
});

/** An object that contains at least this, at each depth. */
function nested(wanted: object): object {
  return Object.fromEntries(
    Object.entries(wanted).map(([key, value]: [string, unknown]) => [
      key,
      value !== null && typeof value === 'object' ? (expect.objectContaining(value) as unknown) : value,
    ]),
  );
}
