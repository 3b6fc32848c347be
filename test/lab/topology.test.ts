/** A lab as one object, as JSON and as text. */
import { Lab, type LabJSON } from '../../lib/lab';

const TOPOLOGY = {
  networks: { lan: { subnet: '10.0.0.0/24' }, wan: { subnet: '203.0.113.0/24', subnet6: 'fd00::/64' } },
  routers: { gateway: { on: ['lan', 'wan'], nat: 'wan', portForwards: [{ port: 8080, to: 'a', toPort: 80 }] } },
  hosts: { a: { on: 'lan' }, b: { on: 'lan', tmp: true }, web: { on: 'wan', address: '203.0.113.80' }, alone: {} },
  links: [{ between: ['a', 'web'], subnet: '10.9.0.0/30' }],
} as const;

const TEXT = `lab, seed 7
lan 10.0.0.0/24
├─ gateway eth0 10.0.0.1 [router]
├─ a eth0 10.0.0.2 [unplugged]
└─ b eth0 10.0.0.3 [crashed]
wan 203.0.113.0/24 fd00::/64
├─ gateway eth1 203.0.113.1 fd00::1 [router, port-restricted NAT]
└─ web eth0 203.0.113.80 fd00::2
a-web (cable) 10.9.0.0/30
├─ a eth1 10.9.0.1
└─ web eth1 10.9.0.2
alone`;

const FAULTS = `
fault: isolate alone
fault: partition [a] [b web]
fault: wan: 20 ms ± 2, 10 % lost
fault: web on wan: 1mbit
fault: a → b: 50 % twice, MTU 1000`;

describe('a lab of one object', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.create({ seed: 7, ...TOPOLOGY });
    await lab.hosts.get('a')?.down('lan');
    await lab.hosts.get('b')?.crash();
    await lab.isolate('alone');
    await lab.partition([['a'], ['b', 'web']]);
    await lab.networks.get('wan')?.impair({ delay: 20, jitter: 2, loss: 0.1 });
    await lab.hosts.get('web')?.impair({ rate: '1mbit' }, 'wan');
    await lab.impair({ from: 'a', to: 'b' }, { duplicate: 0.5, mtu: 1000 });
  });
  afterAll(() => lab.close());

  test('shows what it is made of as text, with its state', () => {
    expect(String(lab)).toBe(TEXT + FAULTS);
  });

  test('is an object for JSON, with its state, of which another one is made', async () => {
    const json = JSON.parse(JSON.stringify(lab)) as LabJSON;
    expect(json.hosts.b).toMatchObject({ state: 'crashed', unplugged: [] });
    expect(json.hosts.a).toMatchObject({ state: 'running', unplugged: ['lan'] });
    expect(json.faults).toEqual(JSON.parse(JSON.stringify(lab.faults)));
    expect(json.faults).toContainEqual({
      kind: 'impair',
      on: { network: 'wan' },
      impairment: { delay: 20, jitter: 2, loss: 0.1 },
    });
    await using again = await Lab.create(json.topology);
    expect(again.toJSON().topology).toEqual(lab.toJSON().topology);
    expect(String(again)).toBe(TEXT.replace(' [unplugged]', '').replace(' [crashed]', ''));
  });
});

test('an option of a topology is refused by its place, and nothing is left', async () => {
  const refused = async (topology: object): Promise<string> =>
    Lab.create(topology).then(
      () => 'accepted',
      (error: unknown) => (error as Error).message,
    );
  expect(await refused({ hosts: { a: { onn: 'lan' } } })).toMatch(/options\.hosts\.a' has no property 'onn'/);
  expect(await refused({ networks: { 'a b': {} } })).toMatch(/options\.networks' must be a name that DNS allows/);
  expect(await refused({ hosts: { a: {} }, links: [{ between: ['a'] }] })).toMatch(/options\.links\[0\]\.between\[1\]/);
  expect(await refused({ hosts: { a: {} }, links: [{ between: ['a', 'b'] }] })).toMatch(
    /must be a host of this lab: a/,
  );
});
