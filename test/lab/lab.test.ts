/** Labs: what they are made of, and what is left of them. */
import { createServer } from 'node:http';
import { inspect } from 'node:util';
import { Lab } from '../../lib/lab';
import { errorWith } from '../fixtures/errors';
import { type Footprint, expectNothingLeft } from '../fixtures/footprint';
import { footprintWithServers, getText } from '../network/sockets/inside';

let before: Footprint;
beforeAll(async () => {
  before = await footprintWithServers();
});
afterAll(() => expectNothingLeft(before));

describe('a lab', () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await Lab.create({ seed: 42 });
  });
  afterEach(() => lab.close());

  test('has hosts on a network, which reach each other by name, in programs and in this process', async () => {
    const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
    const [a, b] = await lab.addHosts(['a', 'b'], { on: lan });
    const server = createServer((request, response) => response.end(`hello ${request.socket.remoteAddress}`));
    await b.listen(server, { port: 80, host: '0.0.0.0' });
    expect(await getText({ host: 'b', agent: a.httpAgent() })).toBe('hello 10.0.0.1');
    expect(await getText({ host: 'b.lab', agent: a.httpAgent() })).toBe('hello 10.0.0.1');
    expect((await a.execFile('getent', ['hosts', 'b.lab'])).stdout).toMatch(/^10\.0\.0\.2\s+b b\.lab\n$/);
  });

  test('has its parts by their names', async () => {
    const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24', subnet6: 'fd00::/64' });
    const host = await lab.addHost('a', { on: 'lan' });
    expect([...lab.hosts]).toEqual([['a', host]]);
    expect([...lab.networks]).toEqual([['lan', lan]]);
    expect(lan.interfaces).toEqual(host.interfaces);
    expect(host.interfaces).toEqual([
      {
        host: 'a',
        network: 'lan',
        name: 'eth0',
        index: 2,
        addresses: ['10.0.0.1', 'fd00::1'],
        mac: expect.stringMatching(/^06:/) as string,
        port: expect.any(String) as string,
      },
    ]);
  });

  test('prints as one line', () => {
    expect(inspect(lab)).toBe('Lab { seed: 42, hosts: 0, networks: 0 }');
  });
});

test('a lab that is closed has closed hosts, and takes no more', async () => {
  const lab = await Lab.create();
  const host = await lab.addHost('a');
  await lab.close();
  await lab.close();
  expect([lab.closed, host.closed, host.state]).toEqual([true, true, 'closed']);
  await expect(lab.addHost('b')).rejects.toThrow(errorWith({ code: 'ERR_LINUX_NS_CLOSED' }));
  await expect(host.spawn('true')).rejects.toThrow(errorWith({ code: 'ERR_LINUX_NS_CLOSED' }));
  expect(() => host.network).toThrow(errorWith({ code: 'ERR_LINUX_NS_CLOSED' }));
});

test('a seed is a number of 32 bits, by chance unless it is given', async () => {
  await expect(Lab.create({ seed: 2 ** 32 })).rejects.toThrow(errorWith({ code: 'ERR_OUT_OF_RANGE' }));
  const labs = await Promise.all([Lab.create(), Lab.create()]);
  expect(labs[0].seed).not.toBe(labs[1].seed);
  await Promise.all(labs.map((lab) => lab.close()));
});
