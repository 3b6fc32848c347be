/** Hosts: programs and sockets on them, what is their own, and how they crash, stop and are unplugged. */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { type Host, Lab } from '../../lib/lab';
import { errorWith } from '../fixtures/errors';
import { eventually } from '../fixtures/footprint';

let lab: Lab;
let a: Host;
let b: Host;
beforeEach(async () => {
  lab = await Lab.create();
  await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
  [a, b] = await lab.addHosts(['a', 'b'], { on: 'lan' });
});
afterEach(() => lab.close());

async function reaches(from: Host, to: string): Promise<boolean> {
  return from.execFile('ping', ['-c1', '-W1', to]).then(
    () => true,
    () => false,
  );
}

/** The state of a process, the letter of proc_pid_stat(5), as a program of the host finds it by its command. */
async function stateOf(host: Host, command: string): Promise<string> {
  const { stdout } = await host.exec(`cat /proc/[0-9]*/stat | grep '(${command})'`).catch(() => ({ stdout: '' }));
  return /\) (\w)/.exec(stdout)?.[1] ?? 'none';
}

describe('a host', () => {
  test('has a hostname, processes and files of names of its own', async () => {
    const { stdout } = await a.exec('hostname; echo $$; cat /proc/1/comm; cat /etc/hosts /etc/resolv.conf');
    expect(stdout).toMatch(/^a\n\d+\nnsinit\n127\.0\.0\.1\tlocalhost\n/);
    expect(stdout).toContain('10.0.0.2\tb b.lab\n');
    expect(stdout).toContain('nameserver 127.0.0.53\nsearch lab\n');
  });

  test('knows a host by name as soon as that is there, and not when it is gone', async () => {
    const c = await lab.addHost('c', { on: 'lan' });
    expect(await a.lookup('c')).toEqual([{ address: '10.0.0.3', family: 4 }]);
    expect((await a.execFile('getent', ['hosts', 'c'])).stdout).toMatch(/^10\.0\.0\.3 /);
    await c.close();
    await expect(a.execFile('getent', ['hosts', 'c'])).rejects.toThrow(errorWith({ code: 2 }));
    expect((await a.execFile('cat', ['/etc/hosts'])).stdout).not.toContain('c.lab');
  });

  test('requests URLs of other hosts by their names, until it crashes', async () => {
    const server = createHttpServer((request, response) => {
      if (request.url === '/never') void response.writeHead(200).write('begun');
      else response.end(`${request.socket.remoteAddress} asked`);
    });
    await b.listen(server, { port: 80, host: '0.0.0.0' });
    expect(await (await a.fetch('http://b/')).text()).toBe('10.0.0.1 asked');
    expect(await (await a.fetch(new Request('http://b.lab/'))).text()).toBe('10.0.0.1 asked');
    const unfinished = (await a.fetch('http://b/never')).text();
    await a.crash();
    await expect(unfinished).rejects.toThrow(errorWith({ code: 'ERR_LINUX_NS_CLOSED' }));
    await a.restart();
    expect((await a.fetch('http://b/')).status).toBe(200);
  });

  test('runs Node modules that send messages', async () => {
    const child = await a.fork(require.resolve('../process/fork-child.js'), ['echo'], { stdio: 'ignore' });
    child.send('on a');
    expect(await once(child, 'message')).toEqual(['on a', undefined]);
    child.send('end');
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });

  test('has a /tmp, a /run and clocks of its own on demand', async () => {
    const own = await lab.addHost('own', { tmp: true, run: true, clock: { boottime: 1e9 } });
    await own.exec('echo x > /tmp/here; echo y > /run/there');
    const { stdout } = await own.exec('ls /tmp /run; cut -d. -f1 /proc/uptime');
    expect(stdout).toMatch(/^\/run:\nthere\n\n\/tmp:\nhere\n1\d{9}\n$/);
    await own.crash();
    await own.restart();
    expect((await own.exec('ls /tmp /run; cut -d. -f1 /proc/uptime')).stdout).toMatch(/^\/run:\n\n\/tmp:\n1\d{9}\n$/);
  });

  test('cannot write the file of names, which all hosts share', async () => {
    expect((await a.execFile('cat', ['/etc/hostname'])).stdout).toBe('a\n');
    await expect(a.exec('echo b > /etc/hostname')).rejects.toThrow(/Read-only file system|Permission denied/);
    await expect(a.exec('echo 1.2.3.4 b >> /etc/hosts')).rejects.toThrow(/Read-only file system/);
  });

  test('prints as one line', () => {
    expect(inspect(a)).toBe("Host { a, running, on: [ 'lan 10.0.0.1' ] }");
  });
});

describe('a crash', () => {
  test('kills what runs, and no peer hears of it', async () => {
    const server = await b.listen(createServer(), 80);
    const socket = await a.connect({ host: 'b', port: 80 });
    const heard: string[] = [];
    for (const event of ['end', 'close', 'error']) socket.on(event, () => heard.push(event));
    const program = await b.spawn('sleep', ['1000']);
    await b.crash();
    expect(await program.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await eventually(() => !server.listening);
    expect([b.state, b.init]).toEqual(['crashed', undefined]);
    expect(await reaches(a, 'b')).toBe(false);
    expect(heard).toEqual([]);
  });

  test('leaves a host that starts nothing until its restart, which finds names, addresses and files again', async () => {
    await b.crash();
    await b.crash();
    const crashed = errorWith({ code: 'ERR_LINUX_NS_HOST_CRASHED', hint: 'Start it again with restart().' });
    await expect(b.spawn('true')).rejects.toThrow(crashed);
    await expect(b.listen(80)).rejects.toThrow(crashed);
    await b.restart();
    expect(b.state).toBe('running');
    expect((await b.exec('hostname; cat /etc/hostname; ps -e | wc -l')).stdout).toMatch(/^b\nb\n\s*[45]\n$/);
    expect(await reaches(a, 'b')).toBe(true);
  });

  test('is what a restart of a running host begins with', async () => {
    const program = await b.spawn('sleep', ['1000']);
    const { init } = b;
    await b.restart();
    expect(await program.exited).toMatchObject({ signal: 'SIGKILL' });
    expect(b.init).not.toBe(init);
  });
});

test('a pause stops all programs, also those that they have started, until the host goes on', async () => {
  await a.spawn('sh', ['-c', 'sleep 1000 & wait']);
  await eventually(async () => (await stateOf(a, 'sleep')) === 'S');
  await a.pause();
  expect(a.state).toBe('paused');
  await a.resume();
  expect(a.state).toBe('running');
  const counter = await a.spawn('sh', ['-c', 'while :; do echo; sleep 0.01; done'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(counter.stdout!, 'data');
  await a.pause();
  counter.stdout!.resume();
  // What it had written is read; after that nothing comes.
  await new Promise((resolve) => setTimeout(resolve, 200));
  let lines = 0;
  counter.stdout!.on('data', () => lines++);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(lines).toBe(0);
  await a.resume();
  await eventually(() => lines > 0);
});

describe('a cable', () => {
  test('that is pulled out carries nothing, and everything again when it is plugged in', async () => {
    await a.down('lan');
    expect(await reaches(b, 'a')).toBe(false);
    expect((await a.network.link.get('eth0')).flags).not.toContain('LOWER_UP');
    await a.up();
    await eventually(() => reaches(b, 'a'));
    await expect(a.down('wan')).rejects.toThrow(/must be a network that host a is on/);
  });

  test('stays pulled out over a restart', async () => {
    await a.down();
    await a.restart();
    expect(await reaches(b, 'a')).toBe(false);
    await a.up();
    await eventually(() => reaches(b, 'a'));
  });
});

describe('a host that is closed', () => {
  test('ends programs, servers and connections, and frees name and address', async () => {
    const server = await b.listen(
      createServer((socket) => socket.write('hello')),
      80,
    );
    const socket = await a.connect({ host: 'b', port: 80 });
    const program = await b.spawn('cat', { stdio: ['pipe', 'pipe', 'ignore'] });
    const output = text(program.stdout!);
    await b.close();
    await b.close();
    expect(await program.exited).toMatchObject({ signal: 'SIGKILL' });
    expect(await output).toBe('');
    await eventually(() => !server.listening);
    socket.destroy();
    const again = await lab.addHost('b', { on: 'lan', address: '10.0.0.2' });
    expect(await reaches(a, 'b')).toBe(true);
    expect(again).not.toBe(b);
  });
});

test('interfaces come and go while the host runs', async () => {
  const extra = await lab.addNetwork('extra', { subnet: '10.1.0.0/24', subnet6: 'fd01::/64' });
  const added = await lab.addInterface(a, { network: extra, address: '10.1.0.7' });
  expect(added).toMatchObject({ name: 'eth1', addresses: ['10.1.0.7', 'fd01::1'] });
  await lab.addInterface('b', extra);
  expect(await reaches(b, '10.1.0.7')).toBe(true);
  expect(await reaches(b, 'fd01::1')).toBe(true);
  await expect(lab.addInterface(a, extra)).rejects.toThrow(/host a is on it already/);
  await lab.removeInterface(a, extra);
  expect(a.interfaces.map(({ name }) => name)).toEqual(['eth0']);
  await expect(a.network.link.get('eth1')).rejects.toThrow(errorWith({ code: 'ENODEV' }));
  await extra.close();
  expect(b.interfaces).toHaveLength(1);
  expect([...lab.networks.keys()]).toEqual(['lan']);
});

test('a cable between two hosts is a network of the two', async () => {
  const cable = await lab.addLink(a, 'b', { subnet: '10.9.0.0/30' });
  expect([cable.name, cable.isLink, cable.interfaces.map(({ addresses }) => addresses[0])]).toEqual([
    'a-b',
    true,
    ['10.9.0.1', '10.9.0.2'],
  ]);
  expect(await reaches(a, '10.9.0.2')).toBe(true);
  await expect(lab.addLink(a, a)).rejects.toThrow(/another host/);
  await cable.close();
  expect(await reaches(a, '10.9.0.2')).toBe(false);
});
