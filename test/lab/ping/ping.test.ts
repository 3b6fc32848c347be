/** ping, pingAll and trace: who reaches whom, found out by this process. */
import { inspect } from 'node:util';
import { type Host, Lab, type LabNetwork } from '../../../lib/lab';
import { CompiledPackage } from '../../fixtures/child-node';
import { type Footprint, expectNothingLeft } from '../../fixtures/footprint';
import { footprintWithServers } from '../../network/sockets/inside';

let before: Footprint;
let lab: Lab;
let [lan, wan]: LabNetwork[] = [];
let [a, b, c]: Host[] = [];

beforeAll(async () => {
  before = await footprintWithServers();
  lab = await Lab.create();
  lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24', subnet6: 'fd00::/64' });
  wan = await lab.addNetwork('wan', { subnet: '10.1.0.0/24' });
  [a, b] = await lab.addHosts(['a', 'b'], { on: lan });
  await lab.addRouter('router', { on: [wan, lan] });
  c = await lab.addHost('c', { on: wan });
});
afterAll(async () => {
  await lab.close();
  await expectNothingLeft(before);
});

describe('ping', () => {
  test('says that a host answers, and how fast', async () => {
    const result = await lab.ping(a!, b!, { count: 5, interval: 1 });
    expect(result).toMatchObject({ from: 'a', to: 'b', address: '10.0.0.2', ok: true, received: 5, loss: 0 });
    expect(result.times).toHaveLength(5);
    expect(result.times.every((time) => time !== null && time >= 0)).toBe(true);
    expect(String(result)).toMatch(/^a → b \(10\.0\.0\.2\): 5 of 5, \d+\.\d+ ms$/);
    expect(inspect(result)).toContain(String(result));
  });

  test('goes to an address that both have a network for', async () => {
    expect((await lab.ping('a', 'router')).address).toBe('10.0.0.3');
    expect((await lab.ping('c', 'router')).address).toBe('10.1.0.1');
  });

  test('goes over IPv6 where that is asked for, to addresses, and to other names', async () => {
    expect(await lab.ping('a', 'b', { family: 6 })).toMatchObject({ address: 'fd00::2', ok: true });
    expect(await lab.ping('a', '10.1.0.2')).toMatchObject({ to: '10.1.0.2', ok: true });
    lab.dns.set('alias', '10.0.0.2');
    expect(await lab.ping('a', 'alias')).toMatchObject({ to: 'alias', address: '10.0.0.2', ok: true });
  });

  test('can be as large as a datagram', async () => {
    expect(await lab.ping('a', 'b', { size: 20_000 })).toMatchObject({ ok: true });
  });

  test('says why there is no answer', async () => {
    expect(await lab.ping('a', '10.0.0.200', { timeout: 50 })).toMatchObject({
      ok: false,
      reason: 'no answer',
      loss: 1,
    });
    expect((await lab.ping('a', '192.0.2.1')).reason).toBe('not sent: ENETUNREACH');
    expect((await lab.ping('c', 'a', { family: 6 })).reason).toBe('not sent: ENETUNREACH');
    expect(await lab.ping('a', 'c', { family: 6 })).toMatchObject({ reason: 'c has no address', times: [] });
  });

  test('of a host that is unplugged has no answer', async () => {
    expect(await lab.ping('a', 'c')).toMatchObject({ received: 1 }); // its link-layer address is known from here on
    await c!.down();
    expect(await lab.ping('a', 'c', { timeout: 50 })).toMatchObject({ received: 0 });
    await c!.up();
    expect(await lab.ping('a', 'c')).toMatchObject({ received: 1 });
  });

  test('refuses what is no host, and options that are none', async () => {
    await expect(lab.ping('nobody', 'a')).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    await expect(lab.ping('a', 'nobody')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(lab.ping('a', 'b', { size: 7 })).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
    await expect(lab.ping('a', 'b', { counts: 1 } as object)).rejects.toThrow(/counts.*count/);
  });
});

describe('pingAll', () => {
  test('is a table of all pairs', async () => {
    const matrix = await lab.pingAll();
    expect(matrix.hosts).toEqual(['a', 'b', 'router', 'c']);
    expect(matrix.results).toHaveLength(12);
    expect(matrix.ok).toBe(true);
    expect(matrix.reaches('a', 'c')).toBe(true);
    expect(matrix.get('a', 'a')).toBeUndefined();
    const [head, first, ...others] = String(matrix).split('\n');
    expect(head).toMatch(/^ +a +b +router +c$/);
    expect(first).toMatch(/^a +· +\d+\.\d\d +\d+\.\d\d +\d+\.\d\d$/);
    expect(others.at(-1)).toBe('12 of 12 reached, in ms');
  });

  test('shows who is cut off', async () => {
    await c!.down();
    const matrix = await lab.pingAll({ timeout: 50 });
    await c!.up();
    expect(matrix.ok).toBe(false);
    expect(matrix.reaches('a', 'b')).toBe(true);
    expect(['a', 'b', 'router'].some((other) => matrix.reaches(other, 'c') || matrix.reaches('c', other))).toBe(false);
    expect(String(matrix)).toContain('6 of 12 reached');
    expect(String(matrix)).toMatch(/c +✗ +✗ +✗ +·/);
  });
});

describe('trace', () => {
  test('finds the routers on the way', async () => {
    const trace = await lab.trace('a', 'c');
    expect(trace.reached).toBe(true);
    expect(trace.hops.map(({ hop, host, address }) => [hop, host, address])).toEqual([
      [1, 'router', '10.0.0.3'],
      [2, 'c', '10.1.0.2'],
    ]);
    expect(String(trace)).toMatch(/^a → c\n 1 {2}router \(10\.0\.0\.3\) {2}.* ms\n 2 {2}c \(10\.1\.0\.2\) {2}.* ms$/);
  });

  test('over one network has one step, in both families', async () => {
    expect((await lab.trace('a', 'b')).hops).toHaveLength(1);
    expect((await lab.trace('a', 'b', { family: 6 })).hops).toMatchObject([{ host: 'b', address: 'fd00::2' }]);
  });

  test('shows how far it goes', async () => {
    await c!.down();
    const trace = await lab.trace('a', 'c', { timeout: 50 });
    await c!.up();
    expect(trace.reached).toBe(false);
    expect(trace.hops).toMatchObject([{ host: 'router' }, { address: null, host: null, time: null }]);
    expect(String(trace)).toMatch(/^a → c: not reached\n.*router.*\n 2 {2}\*$/);
  });
});

test('a ping of several requests fails once when the lab is closed, and no rejection that nobody hears of ends Node', async () => {
  const node = new CompiledPackage();
  try {
    const { value } = await node.run(`
      const { Lab } = require('./dist/lab');
      const lab = await Lab.create({ networks: { lan: {} }, hosts: { a: { on: 'lan' }, b: { on: 'lan' } } });
      const failed = lab.ping('a', 'b', { count: 4, interval: 20 }).catch(({ code }) => code);
      await lab.close();
      return failed;`);
    expect(value).toBe('ERR_LINUX_NS_CLOSED');
  } finally {
    node.remove();
  }
});
