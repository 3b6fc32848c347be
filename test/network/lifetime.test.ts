import { Namespace, execFile, unshare } from '../../lib';
import { Network } from '../../lib/network';
import { NOTHING, eventually, expectNothingLeft, footprint } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { resultOf } from '../fixtures/scenario';

const SCENARIOS = require.resolve('./scenarios');

// Jest itself starts programs to find its files.
beforeAll(() => eventually(() => footprint().children.length === 0));

test('a handle that is closed while it is asked for is an error of its own, and nothing is left', async () => {
  const before = footprint();
  const set = await unshare(['user', 'net']);
  const net = await Network.open(set);
  const ns = await Namespace.open(`/proc/self/fd/${set.net!.fd}`);
  await ns.close();
  await expect(net.link.add({ name: 'a', kind: 'veth', peer: { namespace: ns } })).rejects.toMatchObject({
    code: 'ERR_LINUX_NS_CLOSED',
  });
  const pending = [net.link.list(), net.link.add({ name: 'x', kind: 'veth' }), net.address.list()];
  await Promise.all([
    net.close(),
    ...pending.map((each) => expect(each).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' })),
  ]);
  await expect(net.link.list()).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
  expect(() => net.watch()).toThrow(expect.objectContaining({ code: 'ERR_LINUX_NS_CLOSED' }) as Error);
  await net.close();
  await set.close();
  await expectNothingLeft(before);
});

test('a network outlives the handle it was opened by', async () => {
  const set = await unshare(['user', 'net']);
  await using net = await Network.open(set.net);
  await set.close();
  await net.link.add({ name: 'a', kind: 'veth', up: true });
  await net.sysctl.set('net.ipv4.ip_forward', 1);
  expect(await net.sysctl.get('net.ipv4.ip_forward')).toBe('1');
  expect((await net.link.list()).length).toBe(3);
});

test('what is refused leaves nothing behind', async () => {
  await execFile('true'); // what is opened once, and stays
  const before = footprint();
  const uts = await unshare(['user', 'uts']);
  await expect(Network.open(uts)).rejects.toMatchObject({ code: 'ERR_LINUX_NS_NO_SUCH_KIND', kind: 'net' });
  await expect(Network.open(uts.uts)).rejects.toMatchObject({ code: 'ERR_LINUX_NS_NO_SUCH_KIND', kind: 'net' });
  await expect(Network.open(uts, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'ERR_LINUX_NS_NO_SUCH_KIND',
  });
  await uts.close();
  await expect(Network.open(uts)).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
  const net = await unshare(['user', 'net']);
  await expect(Network.open(net, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
  await net.close();
  await expectNothingLeft(before);
});

test('where descriptors run out between its two sockets, nothing is left', async () => {
  expect(await resultOf(SCENARIOS, 'withoutDescriptors', [], { limits: ['nofile=96'] })).toEqual({
    codes: ['EMFILE'],
    left: 0,
  });
});

test.each([
  [() => Network.open({} as never), 'ERR_INVALID_ARG_TYPE'],
  [() => Network.open(3 as never), 'ERR_INVALID_ARG_TYPE'],
  [() => Network.open(undefined, { receivebuffer: 5 } as object), 'ERR_INVALID_ARG_VALUE'],
  [() => Network.open(undefined, { receiveBuffer: '5' as unknown as number }), 'ERR_INVALID_ARG_TYPE'],
  [() => Network.open(undefined, { receiveBuffer: -1 }), 'ERR_OUT_OF_RANGE'],
  [() => Network.open(undefined, { signal: true as unknown as AbortSignal }), 'ERR_INVALID_ARG_TYPE'],
])('bad arguments are refused %#', async (call, code) => {
  await expect(call()).rejects.toMatchObject({ code });
});

test('100 networks, one after another and all at once, leave nothing behind', async () => {
  await execFile('true');
  const before = footprint();
  const set = await unshare(['user', 'net']);
  for (let i = 0; i < 50; i++) {
    const net = await Network.open(set);
    expect((await net.link.list()).length).toBe(1);
    await net.close();
  }
  const many = await Promise.all(Array.from({ length: 50 }, () => Network.open(set)));
  const names = await Promise.all(many.map(async (net) => (await net.link.list())[0]?.name));
  expect(new Set(names)).toEqual(new Set(['lo']));
  await Promise.all(many.map((net) => net.close()));
  await set.close();
  await expectNothingLeft(before);
});

describe('a Worker', () => {
  test('that ends in the middle of it all takes its sockets along', async () => {
    expect(await resultOf(SCENARIOS, 'terminatedWorkers', [8])).toEqual(NOTHING);
  });

  needs({ root: true }).test('that has moved works in the network it has moved to', async () => {
    expect(await resultOf(SCENARIOS, 'movedWorker')).toEqual({
      inside: ['lo', 'veth0', 'inside'],
      forwarding: '1',
      outside: expect.not.arrayContaining(['inside']) as string[],
    });
  });
});
