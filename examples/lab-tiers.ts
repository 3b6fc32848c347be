/**
 * A system of three tiers, each server in this process and on a host of its own: a proxy in front, two applications, and
 * a store behind them that only they can reach. A client on the internet asks the proxy by name; then an application
 * crashes, and the proxy goes on with the other.
 *
 *     npm run example -- lab-tiers
 *
 * Root or not makes no difference.
 */
import http from 'node:http';
import { text } from 'node:stream/consumers';
import { type Host, Lab } from 'linux-ns/lab';

/** Milliseconds that somebody waits for an answer. */
const PATIENCE = 5000;

async function main(): Promise<void> {
  await using lab = await Lab.create({
    networks: {
      internet: { subnet: '203.0.113.0/24' },
      front: { subnet: '10.0.1.0/24' },
      back: { subnet: '10.0.2.0/24' },
    },
    routers: { gateway: { on: ['front', 'internet'], nat: 'internet', portForwards: [{ port: 80, to: 'proxy' }] } },
    hosts: {
      client: { on: 'internet' },
      proxy: { on: 'front' },
      app1: { on: ['front', 'back'] },
      app2: { on: ['front', 'back'] },
      store: { on: 'back' },
    },
  });
  const host = (name: string): Host => {
    const found = lab.hosts.get(name);
    if (found === undefined) throw new Error(`there is no host ${name}`);
    return found;
  };
  console.log(`${String(lab).split('\n').slice(1).join('\n')}\n`);

  // The store counts. What asks it is known by its address on the network behind.
  let visits = 0;
  await host('store').listen(
    http.createServer((_, response) => response.end(String(++visits))),
    80,
  );
  for (const name of ['app1', 'app2']) await host(name).listen(application(host(name)), 80);
  await host('proxy').listen(proxy(host('proxy'), ['app1', 'app2']), 80);

  const outside = host('gateway').addresses.at(-1) ?? '';
  for (let visit = 0; visit < 2; visit++) console.log(await ask(host('client'), outside));
  const [inside = ''] = host('store').addresses;
  console.log(`the client reaches the store: ${await reaches(host('client'), inside)}`);

  await host('app1').crash();
  console.log('app1 has crashed');
  for (let visit = 0; visit < 2; visit++) console.log(await ask(host('client'), outside));
}

/** Answers with what the store says; breaks the connection off where it says nothing. */
function application(host: Host): http.Server {
  const agent = host.httpAgent({ keepAlive: true });
  return http.createServer((_, response) => {
    void get(agent, 'store').then(
      (count) => response.end(`visit ${count}, by ${host.name}`),
      () => response.destroy(),
    );
  });
}

/** Asks the applications in turn, and the next one where one does not answer in time. */
function proxy(host: Host, names: readonly string[]): http.Server {
  const agent = host.httpAgent();
  let turn = 0;
  return http.createServer((_, response) => {
    const first = turn++ % names.length;
    const inTurn = [...names.slice(first), ...names.slice(0, first)];
    void firstAnswer(agent, inTurn).then((answer) => response.end(answer));
  });
}

async function firstAnswer(agent: http.Agent, names: readonly string[]): Promise<string> {
  for (const name of names) {
    const answer = await get(agent, name).catch(() => undefined);
    if (answer !== undefined) return answer;
  }
  return 'nobody answers';
}

function get(agent: http.Agent, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get(
      { host, agent, timeout: PATIENCE },
      (response) => void text(response).then(resolve, reject),
    );
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', reject);
  });
}

async function ask(from: Host, address: string): Promise<string> {
  return `${from.name}: ${await get(from.httpAgent(), address)}`;
}

async function reaches(from: Host, host: string): Promise<string> {
  return from.connect({ host, port: 80, timeout: PATIENCE }).then(
    (socket) => {
      socket.destroy();
      return 'yes';
    },
    () => 'no',
  );
}

void main();
