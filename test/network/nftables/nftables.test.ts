/** lib/network/nftables: rules of bridges, set in transactions. */
import type { Socket } from 'node:dgram';
import { type NamespaceSet, unshare } from '../../../lib';
import { Network } from '../../../lib/network';
import { compare, lookup, meta, payload, verdict } from '../../../lib/network/nftables/expressions';
import { Table } from '../../../lib/network/nftables/messages';
import { Transactions } from '../../../lib/network/nftables/transactions';
import { eventually } from '../../fixtures/footprint';

const ADDRESSES = ['10.8.0.1', '10.8.0.2'] as const;
const number = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

describe('nf_tables', () => {
  const sets: NamespaceSet[] = [];
  const networks: Network[] = [];
  const sockets: Socket[] = [];
  const received: string[] = [];
  const table = new Table('bridge', 'test');
  let transactions: Transactions;

  beforeAll(async () => {
    sets.push(await unshare(['user', 'net']));
    for (let host = 0; host < 2; host++) sets.push(await unshare('net', { setns: sets[0]! }));
    networks.push(...(await Promise.all(sets.map((set) => Network.open(set)))));
    const [core, ...hosts] = networks;
    await core!.link.add({ name: 'br0', kind: 'bridge', up: true });
    for (const [index, host] of hosts.entries()) {
      const peer = { name: 'eth0', namespace: sets[index + 1]! };
      await core!.link.add({ name: `p${index}`, kind: 'veth', up: true, master: 'br0', peer });
      await host.link.set('eth0', { up: true });
      await host.address.add('eth0', `${ADDRESSES[index]!}/24`);
      sockets.push(await host.createSocket({ type: 'udp4', port: 7000 }));
    }
    sockets[1]!.on('message', (message) => received.push(String(message)));
    transactions = await Transactions.open(core!);
    await transactions.commit('make a table', [
      table.create(),
      table.addChain('forward', { type: 'filter', hook: 'forward' }),
      table.addSet('ports', ['interface'], { value: ['mark'] }),
      table.addSet('sources', ['ipv4']),
      table.addSet('cut', ['mark', 'mark']),
      table.addRule('forward', [meta('protocol', 0), compare(0, 'equal', Uint8Array.of(8, 6)), verdict('accept')]),
      table.addRule('forward', [
        ...[meta('inputInterface', 2), lookup('ports', 2, 0), meta('outputInterface', 2), lookup('ports', 2, 1)],
        ...[lookup('cut', 0), verdict('drop')],
      ]),
      table.addRule('forward', [payload('network', 12, 4, 0), lookup('sources', 0), verdict('drop')]),
    ]);
    const ports = await Promise.all(['p0', 'p1'].map((name) => core!.link.get(name)));
    const elements = ports.map(({ index }, mark) => ({ key: number(index), value: number(mark) }));
    await transactions.commit('set ports', table.setElements('ports', elements));
  });

  afterAll(async () => {
    transactions.close();
    for (const socket of sockets) socket.close();
    for (const network of networks) await network.close();
    for (const set of sets.reverse()) await set.close();
  });

  /** True as soon as something of what the first host sends comes to the second. */
  async function passes(): Promise<boolean> {
    received.length = 0;
    await eventually(async () => {
      await send();
      return received.length > 0;
    });
    return true;
  }

  /** True if nothing of it has come after a while. */
  async function isCut(): Promise<boolean> {
    await new Promise((resolve) => setTimeout(resolve, 20)); // for what was sent before
    received.length = 0;
    for (let count = 0; count < 3; count++) await send();
    await new Promise((resolve) => setTimeout(resolve, 50));
    return received.length === 0;
  }

  const send = (): Promise<unknown> => new Promise((resolve) => sockets[0]!.send('x', 7000, ADDRESSES[1], resolve));

  const cut = (...pairs: [number, number][]): Buffer[] =>
    table.setElements(
      'cut',
      pairs.map((pair) => ({ key: Buffer.concat(pair.map(number)) })),
    );

  test('drops what its rules and sets say, from when the transaction is committed', async () => {
    expect(await passes()).toBe(true);
    await transactions.commit('cut', cut([0, 1]));
    expect(await isCut()).toBe(true);
    await transactions.commit('cut the other way', cut([1, 0]));
    expect(await passes()).toBe(true);
    await transactions.commit('cut an address', table.setElements('sources', [{ key: Uint8Array.of(10, 8, 0, 1) }]));
    expect(await isCut()).toBe(true);
    await transactions.commit('cut nothing', [...cut(), ...table.setElements('sources', [])]);
    expect(await passes()).toBe(true);
  });

  test('commits all messages of a transaction or none', async () => {
    await transactions.commit('cut', cut([0, 1]));
    const refused = transactions.commit('cut nothing', [...cut(), ...table.setElements('stranger', [])]);
    expect(await refused.catch((error: unknown) => error)).toMatchObject({ code: 'ENOENT', step: 'cut nothing' });
    expect(await isCut()).toBe(true);
    await transactions.commit('cut nothing', cut());
    expect(await passes()).toBe(true);
  });

  test('sets more elements than fit in one message', async () => {
    const many = Array.from({ length: 3000 }, (_, index) => ({ key: number(index) }));
    await transactions.commit('cut many addresses', table.setElements('sources', many));
    await transactions.commit('cut nothing', table.setElements('sources', []));
    expect(await passes()).toBe(true);
  });

  test('is closed with an error for what comes later', async () => {
    const closed = await Transactions.open(networks[0]!);
    closed.close();
    closed.close();
    expect(await closed.commit('cut', cut()).catch((error: unknown) => error)).toMatchObject({
      code: 'ERR_LINUX_NS_CLOSED',
    });
  });
});
