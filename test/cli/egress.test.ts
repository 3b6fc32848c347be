/** `linux-ns run` with a policy: hosts that are allowed and denied, questions on the terminal, the report, exposed ports. */
import { createServer } from 'node:http';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../cli/commands/run';
import { type NamespaceProcess, type NamespaceSet, unshare } from '../../lib';
import { Network } from '../../lib/network';
import type { EgressRecord } from '../../lib/network';
import { needs } from '../fixtures/optional';
import { Screen } from '../fixtures/screen';
import { eventually } from '../fixtures/footprint';
import { CommandLine, refusalOf } from './command-line';

/** Addresses of the outside: RFC 5737. */
const HOST = '203.0.113.5';
const OTHER = '203.0.113.6';

let cli: CommandLine;
let directory: string;
/** The machine on which `linux-ns` runs: a network in which these two addresses are. */
let set: NamespaceSet;
let network: Network;
/** A program that is there, so that others can enter by its pid. */
let keeper: NamespaceProcess;
let server: ReturnType<typeof createServer>;

beforeAll(async () => {
  cli = new CommandLine();
  directory = mkdtempSync(join(tmpdir(), 'linux-ns-egress-'));
  set = await unshare(['user', 'net']);
  keeper = await set.spawn('sleep', ['infinity'], { stdio: 'ignore' });
  network = await Network.open(set);
  await network.link.set('lo', { up: true });
  for (const address of [HOST, OTHER]) await network.address.add('lo', `${address}/32`);
  server = await network.listen(
    createServer((request, response) => response.end(`to ${request.headers.host}\n`)),
    { port: 8080, host: '0.0.0.0' },
  );
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  keeper.kill();
  await keeper.exited;
  await network.close();
  await set.close();
  cli.remove();
  rmSync(directory, { recursive: true });
});

const curl = (host: string): string => `curl -sS -m 20 --noproxy '*' http://${host}:8080/`;

/** What `linux-ns run` prints on that machine. */
async function run(options: readonly string[], script: string): Promise<{ stdout: string; stderr: string }> {
  return set.execFile(process.execPath, [cli.main, 'run', '-H', ...options, '--', 'sh', '-c', script], {
    timeout: 60_000,
    env: process.env,
  });
}

test('--allow-host lets programs reach that host and no other; --deny-host is stronger', async () => {
  const script = `${curl(HOST)}; ${curl(OTHER)} | head -c 60; echo`;
  expect((await run(['--allow-host', HOST], script)).stdout).toMatch(/^to 203\.0\.113\.5:8080\n(?!to)/);
  expect((await run(['--allow-host', `${HOST}:8080`], curl(HOST))).stdout).toBe('to 203.0.113.5:8080\n');
  const denied = ['--allow-host', '203.0.113.0/24', '--deny-host', OTHER];
  expect((await run(denied, script)).stdout).toMatch(/^to 203\.0\.113\.5:8080\n(?!to)/);
});

test('a policy in a spec is added to', async () => {
  const spec = join(directory, 'spec.json');
  await set.execFile('sh', ['-c', `echo '{ "network": { "allow": ["${HOST}"] } }' > ${spec}`]);
  const { stdout } = await run(['--spec', spec, '--allow-host', OTHER], `${curl(HOST)}; ${curl(OTHER)}`);
  expect(stdout).toBe(`to ${HOST}:8080\nto ${OTHER}:8080\n`);
});

test('--report appends a line of JSON for each connection, when it is over', async () => {
  const file = join(directory, 'report');
  await run(['--allow-host', HOST, '--report', file], `${curl(HOST)}; ${curl(OTHER)} > /dev/null; true`);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  const records = lines.map((line) => JSON.parse(line) as EgressRecord);
  expect(records).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ address: HOST, port: 8080, decision: 'allow', rule: HOST }),
      expect.objectContaining({ address: OTHER, port: 8080, decision: 'deny' }),
    ]),
  );
  expect(records.find(({ decision }) => decision === 'allow')?.bytesReceived).toBeGreaterThan(20);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('--report - is a report on standard error', async () => {
  const { stdout, stderr } = await run(['--allow-host', HOST, '--report', '-'], curl(HOST));
  expect(stdout).toBe(`to ${HOST}:8080\n`);
  expect(JSON.parse(stderr)).toMatchObject({ address: HOST, port: 8080, decision: 'allow' });
});

test('--report alone allows nothing, and says what a program wanted', async () => {
  const file = join(directory, 'wanted');
  await run(['--report', file], `${curl('packages.example.com')} > /dev/null; true`);
  const [line = ''] = readFileSync(file, 'utf8').split('\n');
  expect(JSON.parse(line)).toMatchObject({ name: 'packages.example.com', port: 8080, decision: 'deny' });
});

test('--expose: a server inside is reachable by a port of the host', async () => {
  const serve = 'python3 -u -m http.server 8000 2>/dev/null';
  const child = await set.spawn(
    process.execPath,
    [cli.main, 'run', '-H', '--expose', '9000:8000', '--', 'sh', '-c', serve],
    { stdio: ['ignore', 'ignore', 'inherit'], env: process.env },
  );
  try {
    const answers = async (): Promise<boolean> =>
      network.fetch('http://127.0.0.1:9000/').then(
        async (response) => (await response.text()).includes('Directory listing'),
        () => false,
      );
    await eventually(answers);
  } finally {
    child.kill();
    await child.exited;
  }
});

test('--expose with any free port says which it is', async () => {
  const { stderr } = await run(['--expose', '0:8000'], 'true');
  expect(stderr).toMatch(/^linux-ns: run: port 8000 is 127\.0\.0\.1:\d+ of the host\n$/);
});

test('options that contradict each other, or are malformed, are refused', async () => {
  const words = async (...options: string[]): Promise<string> =>
    (await refusalOf(runCommand, ['-H', ...options, 'true'])).join('\n');
  expect(await words('--allow-host', 'a.example', '-n', 'host')).toMatch(/--allow-host is for a network of its own/);
  expect(await words('--expose', '80', '-n', 'host')).toMatch(/--expose is not for --network host/);
  for (const bad of ['x', '0', '70000', '1:2:3', '80/sctp']) {
    expect(await words('--expose', bad)).toMatch(/--expose must be PORT or HOST-PORT:PORT/);
  }
  expect(await words('--allow-host', 'no host')).toMatch(/^linux-ns: run: --allow-host .*no host/);
  expect(await words('--deny-host', '*.*')).toMatch(/^linux-ns: run: --deny-host/);
  const password = await words('--via', 'ftp://somebody:secret@proxy');
  expect(password).toMatch(/^linux-ns: run: --via/);
  expect(password).not.toContain('secret');
  expect(await words('--via', 'proxy:3128')).toMatch(/--via must be the URL of a proxy, such as .*, not 'proxy:3128'$/);
  expect(await words('--allow-host', '--')).toBe("linux-ns: run: option '--allow-host' needs a value: HOST[:PORT]");
  expect(await words('--report', '/no/such/file')).toMatch(/--report: cannot write/);
});

test('--ask needs a terminal', async () => {
  const { code, stderr } = await set
    .execFile('setsid', ['-w', process.execPath, cli.main, 'run', '-H', '--ask', '--', 'true'], { env: process.env })
    .then(
      () => ({ code: 0, stderr: '' }),
      (error: unknown) => error as { code: number; stderr: string },
    );
  expect([code, stderr]).toEqual([1, 'linux-ns: run: --ask needs a terminal, and this process has none\n']);
});

needs({ tool: ['tmux', 'bash', 'nsenter'] }).describe('--ask on a terminal', () => {
  /** A terminal whose programs are on that machine. */
  const onMachine = async (command: string): Promise<Screen> => {
    const enter = ['nsenter', '--target', String(keeper.pid), '--user', '--net', '--preserve-credentials'];
    return Screen.open([...enter, 'bash', '-c', `${command}; echo "ended: $?"; read rest`]);
  };
  const linuxNs = (...options: string[]): string => [process.execPath, cli.main, 'run', '-H', ...options].join(' ');

  test('asks beside a program that owns the terminal, and the program goes on after the answer', async () => {
    await using screen = await onMachine(linuxNs('--ask', '--', 'bash', '--norc', '--noediting'));
    await screen.shows(/bash-[\d.]+[$#]\s*$/);
    await screen.type(curl(HOST));
    await screen.shows(/curl \(pid \d+\) wants to connect to 203\.0\.113\.5:8080\. Allow it\? \[y\/N\]/);
    await screen.press('y');
    await screen.shows(/\[y\/N\] yes\s+to 203\.0\.113\.5:8080/);
    await screen.type(`clear; ${curl(HOST)}`); // the answer is remembered
    await screen.shows(/^to 203\.0\.113\.5:8080/m);
    await screen.type(`clear; ${curl(OTHER)} | head -c 50; echo; echo ov''er`);
    await screen.shows(/203\.0\.113\.6:8080\. Allow it\? \[y\/N\]/);
    await screen.press('n');
    expect(await screen.shows(/^over$/m)).not.toMatch(/^to 203\.0\.113\.6/m);
    await screen.type('exit 3');
    await screen.shows(/^ended: 3/m);
  });

  test('asks for a program that has no terminal', async () => {
    await using screen = await onMachine(`${linuxNs('--ask', '--', ...curl(HOST).split(' '))} < /dev/null | cat`);
    await screen.shows(/curl \(pid \d+\) wants to connect to .*\[y\/N\]/);
    await screen.press('y');
    await screen.shows(/yes\s+to 203\.0\.113\.5:8080\s+ended: 0/);
  });

  test('refuses to share the keys of the terminal with the program', async () => {
    await using screen = await onMachine(`${linuxNs('--ask', '--', 'true')} | cat`);
    await screen.shows(/--ask needs the keys of the terminal/);
  });
});
