/**
 * The network of an AI agent: its sandbox reaches the hosts that a policy names. About others somebody is asked, who
 * here is a function, and each connection is printed. A server that the agent starts can be seen from this system.
 *
 * The outside is a lab: a network with a server for each name below, which leads nowhere else.
 *
 *     npx tsx examples/egress.ts
 */
import { createServer } from 'node:http';
import { dirname } from 'node:path';
import { Sandbox, hostUserland, waitFor } from 'linux-ns';
import { type Host, Lab } from 'linux-ns/lab';
import type { EgressPolicy, EgressRequest } from 'linux-ns/network';
import { fail } from './command-line';

const NAMES = ['registry.example.com', 'docs.example.com', 'gist.example.com', 'evil.example.org'];

/** Programs of the agent, for Node, whose `fetch()` reads no variable about proxies. */
const GET =
  'fetch(process.argv[1]).then(async (r) => console.log(r.status, await r.text()), (e) => console.log(e.cause.code))';
const SERVE = "require('http').createServer((q, r) => r.end('hello from the agent')).listen(3000)";

/** The host from which connections are made, next to a server for all of the names. */
async function buildOutside(lab: Lab): Promise<Host> {
  // Addresses that are special, such as the private ones, would need a rule of their own.
  const internet = await lab.addNetwork('internet', { subnet: '93.184.216.0/24' });
  const [gate, web] = await lab.addHosts(['gate', 'web'], { on: internet });
  for (const name of NAMES) lab.dns.set(name, [...web.addresses]);
  await web.listen(
    createServer((request, response) => response.end(`this is ${request.headers.host}`)),
    80,
  );
  return gate;
}

function policyOf(outside: Host): EgressPolicy {
  return {
    allow: ['registry.example.com', '*.github.com:443'],
    deny: ['gist.example.com'],
    ask: ({ name, port, program }) => {
      const yes = name === 'docs.example.com';
      console.log(`  ask: may ${program?.argv[0]} connect to ${name}:${port}? ${yes ? 'yes' : 'no'}`);
      return yes;
    },
    outside,
  };
}

async function createAgent(network: EgressPolicy): Promise<Sandbox> {
  const userland = hostUserland();
  const node = dirname(dirname(process.execPath)); // where it is not below /usr, as with nvm
  const mounts = [...userland.mounts, { type: 'bindReadOnly', source: node, target: node } as const];
  return Sandbox.create({ ...userland, mounts, hostname: 'agent', network });
}

/** The next connection that a program of the agent tries to make. */
function nextRequest(agent: Sandbox): Promise<EgressRequest> {
  return new Promise((resolve) => agent.egress?.once('request', resolve));
}

async function main(): Promise<void> {
  await using lab = await Lab.create();
  await using agent = await createAgent(policyOf(await buildOutside(lab)));
  const get = async (name: string): Promise<void> => {
    console.log(`the agent gets http://${name}/`);
    const seen = nextRequest(agent);
    const { stdout } = await agent.execFile(process.execPath, ['-e', GET, `http://${name}/`]);
    const { decision, port, reason } = await seen;
    console.log(`  ${decision} ${name}:${port}: ${reason}`);
    console.log(`  ${stdout.trim()}`);
  };
  for (const name of NAMES) await get(name);

  console.log('registry.example.com is denied from now on');
  agent.egress?.deny('registry.example.com');
  await get('registry.example.com');

  await agent.spawn(process.execPath, ['-e', SERVE], { stdio: 'ignore' });
  await waitFor.http(agent, '/', { port: 3000 });
  await using exposed = await agent.expose(3000);
  const response = await fetch(`http://127.0.0.1:${exposed.port}/`);
  console.log(`a server of the agent, by a port of this system: ${await response.text()}`);
}

main().catch(fail);
