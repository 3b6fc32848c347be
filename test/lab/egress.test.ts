/** Hosts of a lab with a policy of egress: they are on no network, and reach through another host what it allows. */
import { type Server, createServer } from 'node:http';
import { type Host, Lab, type LabNetwork } from '../../lib/lab';
import type { EgressPolicy } from '../../lib/network';
import { type Footprint, eventually, expectNothingLeft } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { footprintWithServers } from '../network/sockets/inside';

let before: Footprint;
let lab: Lab;
let wan: LabNetwork;
let gate: Host;
let web: Host;
beforeAll(async () => {
  before = await footprintWithServers();
});
beforeEach(async () => {
  lab = await Lab.create();
  wan = await lab.addNetwork('wan', { subnet: '93.184.216.0/24' });
  [gate, web] = await lab.addHosts(['gate', 'web'], { on: wan });
  lab.dns.set('www.example.com', [...web.addresses]);
  await web.listen(answering(), 80);
});
afterEach(() => lab.close());
afterAll(() => expectNothingLeft(before));

function answering(): Server {
  return createServer((request, response) => response.end(`heard ${request.headers.host}`));
}

async function agentWith(policy: EgressPolicy): Promise<Host> {
  return lab.addHost('agent', { egress: { outside: gate, ...policy } });
}

needs({ tool: ['curl'] }).describe('programs of a host with egress', () => {
  const get = async (host: Host, to: string): Promise<string> =>
    (await host.exec(`curl -sS --max-time 30 http://${to}/ 2>&1; true`)).stdout.trim();

  test('reach what its policy allows, and nothing else', async () => {
    const agent = await agentWith({ allow: ['www.example.com'] });
    const refused = 'The egress policy does not allow';
    expect(await get(agent, 'www.example.com')).toBe('heard www.example.com');
    expect(await get(agent, 'evil.example.org')).toBe(`${refused} evil.example.org:80: no rule names it.`);
    const [address = ''] = web.addresses;
    expect(await get(agent, address)).toMatch(new RegExp(`^${refused} ${address}:80: no rule names this address`));
  });

  test('know other hosts of the lab by the name server of the egress alone', async () => {
    const agent = await agentWith({ allow: ['web'] });
    expect(await get(agent, 'web')).toBe('heard web');
    expect(await get(agent, 'gate')).toContain('does not allow gate:80: no rule names it');
    const { stdout } = await agent.exec('getent ahosts web | tail -1; cat /etc/hosts');
    expect(stdout).toMatch(/^(198\.1[89]\.|fd)/);
    expect(stdout).not.toContain(web.addresses[0]);
    expect(await agent.lookup('web', { family: 4 })).toEqual([
      { address: expect.stringMatching(/^198\.1[89]\./) as string, family: 4 },
    ]);
    expect(await (await agent.fetch('http://web/')).text()).toBe('heard web');
  });

  test('are shown, and the policy can be changed', async () => {
    const agent = await agentWith({ allow: ['www.example.com'] });
    const seen: string[] = [];
    agent.egress?.on('request', ({ decision, name }) => seen.push(`${decision} ${name}`));
    await get(agent, 'www.example.com');
    agent.egress?.revoke('www.example.com');
    await get(agent, 'www.example.com');
    await eventually(() => seen.length === 2);
    expect(seen).toEqual(['allow www.example.com', 'deny www.example.com']);
    expect(String(lab)).toMatch(/^agent \[egress\]$/m);
  });

  test('are subject to the faults of the host that their connections leave through', async () => {
    const agent = await agentWith({ allow: ['www.example.com'] });
    await gate.down();
    expect(await get(agent, 'www.example.com')).not.toContain('heard');
    await gate.up();
    expect(await get(agent, 'www.example.com')).toBe('heard www.example.com');
  });

  test('have the same policy after a crash', async () => {
    const agent = await agentWith({ allow: ['www.example.com'] });
    await agent.crash();
    await agent.restart();
    expect(await get(agent, 'www.example.com')).toBe('heard www.example.com');
    expect(await get(agent, 'web')).toContain('no rule names it');
    const { egress } = agent;
    await agent.close();
    expect(egress?.closed).toBe(true);
  });
});

test('hosts without the option have no egress', () => {
  expect(web.egress).toBeUndefined();
});

test('egress and a network exclude each other, at once and later', async () => {
  const sentence = /must not be given to a host with 'egress': each packet .* could answer nobody on a network/;
  const policy = { allow: ['www.example.com'], outside: gate };
  await expect(lab.addHost('agent', { on: wan, egress: policy })).rejects.toThrow(sentence);
  const agent = await lab.addHost('agent', { egress: policy });
  await expect(lab.addInterface(agent, wan)).rejects.toThrow(sentence);
  await expect(lab.addLink(agent, web)).rejects.toThrow(sentence);
  expect([...lab.networks.keys()]).toEqual(['wan']);
  expect(agent.interfaces).toEqual([]);
});

test('a policy that is none is refused before anything is started', async () => {
  await expect(lab.addHost('agent', { egress: { allow: [''] } })).rejects.toThrow(/options\.egress\.allow\[0\]/);
  expect(lab.hosts.has('agent')).toBe(false);
});
