/** Calls that are under way when a lab, a host or a network is closed, or a host crashes. */
import http from 'node:http';
import { Agent, fetch as undiciFetch } from 'undici';
import { type Host, Lab } from '../../lib/lab';
import { type Footprint, expectNothingLeft } from '../fixtures/footprint';
import { footprintWithServers } from '../network/sockets/inside';

interface Made {
  readonly lab: Lab;
  readonly a: Host;
  readonly b: Host;
}

let before: Footprint;

beforeAll(async () => {
  before = await footprintWithServers();
});

afterAll(() => expectNothingLeft(before));

/** Two hosts, of which the second does not answer. */
async function made(): Promise<Made> {
  const lab = await Lab.create({ networks: { lan: { subnet: '10.0.0.0/24' }, wan: {} }, seed: 1 });
  const [a, b] = await lab.addHosts(['a', 'b'], { on: 'lan' });
  await b.down();
  return { lab, a, b };
}

/** Each call, and how its error begins where it has not been done before the lab was closed. */
const CALLS: Readonly<Record<string, readonly [RegExp, (made: Made) => Promise<unknown>]>> = {
  addNetwork: [/^This Lab is closed$/, ({ lab }) => lab.addNetwork('more')],
  addHost: [/^This Lab is closed$/, ({ lab }) => lab.addHost('c', { on: 'lan' })],
  addHosts: [/^This Lab is closed$/, ({ lab }) => lab.addHosts(['c', 'd'], { on: ['lan', 'wan'] })],
  addRouter: [/^This Lab is closed$/, ({ lab }) => lab.addRouter('c', { on: ['lan', 'wan'], nat: 'wan' })],
  addLink: [/^This Lab is closed$/, ({ lab }) => lab.addLink('a', 'b')],
  addInterface: [/^This Lab is closed$/, ({ lab }) => lab.addInterface('a', 'wan')],
  removeInterface: [/^This Lab is closed$/, ({ lab }) => lab.removeInterface('a', 'lan')],
  partition: [/^This Lab is closed$/, ({ lab }) => lab.partition([['a'], ['b']])],
  'network.impair': [/^This Lab is closed$/, ({ lab }) => lab.networkOf('', 'lan').impair({ delay: 1 })],
  'network.capture': [/^This Lab is closed$/, ({ lab }) => lab.networkOf('', 'lan').capture()],
  counters: [/^This Lab is closed$/, ({ lab }) => lab.counters()],
  'host.impair': [/^(This Lab|Host a) is closed$/, ({ a }) => a.impair({ loss: 0.1 })],
  restart: [/^(This Lab|Host a) is closed$/, ({ a }) => a.restart()],
  spawn: [/^Host a is closed$/, ({ a }) => a.spawn('sleep', ['60'])],
  execFile: [/^(Host a is closed|Command failed: sleep 60)/, ({ a }) => a.execFile('sleep', ['60'])],
  exec: [/^(Host a is closed|Command failed: sleep 60)/, ({ a }) => a.exec('sleep 60')],
  listen: [/^Host a is closed$/, ({ a }) => a.listen(80)],
  createSocket: [/^Host a is closed$/, ({ a }) => a.createSocket('udp4')],
  connect: [/^Host a is closed$/, ({ a }) => a.connect(80, 'b')],
  fetch: [/^Host a is closed$/, ({ a }) => a.fetch('http://b/')],
  'http.get by an agent': [
    /^Host a is closed$/,
    ({ a }) =>
      new Promise((resolve, reject) => {
        http.get('http://b/', { agent: a.httpAgent() }, resolve).on('error', reject);
      }),
  ],
  'fetch of undici by a connector': [
    /^(fetch failed|Host a is closed)$/,
    ({ a }) => undiciFetch('http://b/', { dispatcher: new Agent({ connect: a.connector() }) }),
  ],
};

/** The message of a call that has failed, or 'done'. */
async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'done';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('closing a lab settles', () => {
  test.each(Object.keys(CALLS))('%s, with an error that says what is closed', async (name) => {
    const [error, call] = CALLS[name] ?? [/$/, () => Promise.reject(new Error('no call'))];
    const messages: string[] = [];
    for (const wait of [0, 1, 3, 6, 10]) {
      const all = await made();
      const done = outcome(call(all));
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      await all.lab.close();
      messages.push(await done);
    }
    expect(messages.filter((message) => message !== 'done' && !error.test(message))).toEqual([]);
  });
});

test('closing a network fails what is being connected to it, and no more', async () => {
  const { lab } = await made();
  try {
    for (const wait of [0, 1, 2, 4]) {
      const name = `net${wait}`;
      const network = await lab.addNetwork(name);
      const added = outcome(lab.addHosts([`c${wait}`, `d${wait}`], { on: ['lan', name] }));
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      await network.close();
      expect(['done', `Network ${name} is closed`]).toContain(await added);
      expect([...lab.networks.keys()]).toEqual(['lan', 'wan']);
      const links = await lab.core.link.list({ kind: 'veth' });
      expect(links).toHaveLength([...lab.hosts.values()].flatMap(({ interfaces }) => interfaces).length);
    }
    await lab.addHost('later', { on: 'wan' });
  } finally {
    await lab.close();
  }
});

test('a crash of a host settles what was under way there, and says that', async () => {
  const { lab, a } = await made();
  try {
    const calls = [a.connect(80, 'b'), a.fetch('http://b/'), a.execFile('sleep', ['60'])];
    const messages = calls.map(outcome);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await a.crash();
    expect(await Promise.all(messages)).toEqual([
      expect.stringContaining('host a has crashed'),
      expect.stringContaining('host a has crashed'),
      expect.stringMatching(/^(Command failed: sleep 60|host a has crashed)/),
    ]);
  } finally {
    await lab.close();
  }
});

test('connections of a connector end when their host crashes', async () => {
  const { lab, a, b } = await made();
  try {
    await b.up();
    const server = await b.listen(
      http.createServer((_, response) => response.write('the rest never comes')),
      80,
    );
    const dispatcher = new Agent({ connect: a.connector(), bodyTimeout: 0 });
    const { body } = await undiciFetch('http://b/', { dispatcher });
    const read = outcome(new Response(body as ReadableStream).text());
    await a.crash();
    expect(await read).toBe('terminated');
    expect(server.listening).toBe(true);
  } finally {
    await lab.close();
  }
});
