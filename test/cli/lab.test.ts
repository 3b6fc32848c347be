/** `linux-ns lab FILE`, and `linux-ns lab exec` beside it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { labCommand } from '../../cli/commands/lab';
import { execFile } from '../../lib';
import { eventually } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { CommandLine, type Ended, expectOneLine, refusalOf } from './command-line';

const TOPOLOGY = {
  seed: 7,
  networks: { lan: { subnet: '10.0.0.0/24' } },
  hosts: { a: { on: 'lan' }, b: { on: 'lan' } },
};

let commandLine: CommandLine;
let directory: string;
let env: NodeJS.ProcessEnv;
const running: ChildProcess[] = [];

beforeAll(() => (commandLine = new CommandLine()));
afterAll(() => commandLine.remove());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'linux-ns-cli-lab-'));
  env = { ...process.env, XDG_RUNTIME_DIR: directory };
  writeFileSync(join(directory, 'lab.json'), JSON.stringify(TOPOLOGY));
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  rmSync(directory, { recursive: true });
});

/** Runs a lab, and resolves with what it prints once it is there. */
async function start(...args: string[]): Promise<{ child: ChildProcess; printed: string }> {
  const child = commandLine.start(['lab', ...args], env);
  running.push(child);
  let [printed, failed] = ['', ''];
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (printed += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (failed += text));
  await eventually(() => printed.includes('Ctrl-C') || child.exitCode !== null);
  expect(failed).toBe('');
  return { child, printed };
}

const exec = (...args: string[]): Promise<Ended> => commandLine.run(['lab', 'exec', ...args], env);
const file = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};

test('a lab runs until Ctrl-C, shows itself, and has programs on its hosts', async () => {
  const { child, printed } = await start(join(directory, 'lab.json'));
  expect(printed).toMatch(/^lab, seed 7\nlan 10\.0\.0\.0\/24\n├─ a eth0 10\.0\.0\.1\n└─ b eth0 10\.0\.0\.2\n/);
  const [, url = ''] = /^Page: {3}(http:\/\/127\.0\.0\.1:\d+\/)#[\w-]{32}$/m.exec(printed) ?? [];
  const [response] = (await once(get(url), 'response')) as [{ statusCode: number; resume(): void }];
  response.resume();
  expect(response.statusCode).toBe(200);

  const inside = await exec('a', '--', 'sh', '-c', 'hostname; getent hosts b; getent hosts none || echo unknown');
  expect(inside).toMatchObject({ code: 0, stderr: '' });
  expect(inside.stdout).toMatch(/^a\n10\.0\.0\.2 +b b\.lab\nunknown\n$/);
  expect(await exec('b', 'sh', '-c', 'exit 3')).toMatchObject({ code: 3 });
  const one = await exec('a', 'sh', '-c', 'echo $$');
  expect(Number(one.stdout)).toBeLessThan(1000); // a pid of the host's own

  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(readdirSync(join(directory, 'linux-ns-lab'))).toEqual([]);
});

test('exec leaves nothing to the garbage collector', async () => {
  await start(join(directory, 'lab.json'), '--no-page');
  const collect = file(
    'collect.mjs',
    `import v8 from 'node:v8'; import vm from 'node:vm';
    v8.setFlagsFromString('--expose-gc');
    setInterval(vm.runInNewContext('gc'), 20).unref();`,
  );
  const options = { ...env, NODE_OPTIONS: `--import=${collect}` };
  const ended = await commandLine.run(['lab', 'exec', 'a', 'sleep', '0.5'], options);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
});

test('a shell on a host ends with the lab', async () => {
  const { child } = await start(join(directory, 'lab.json'), '--no-page');
  const shell = spawn(process.execPath, [commandLine.main, 'lab', 'exec', 'a', 'sh', '-c', 'echo here; sleep 1000'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(shell);
  await once(shell.stdout, 'data');
  child.kill('SIGKILL');
  expect(await once(shell, 'exit')).toEqual([128 + 9, null]);
  // What the killed lab has left is no lab, and goes.
  expect(await exec('a', 'true')).toMatchObject({ code: 1, stderr: 'linux-ns: lab: no lab runs\n' });
  expect(readdirSync(join(directory, 'linux-ns-lab'))).toEqual([]);
});

test('a module has a topology, or makes one, or a lab', async () => {
  const topology = JSON.stringify(TOPOLOGY);
  const modules = [
    file('default.mjs', `export default ${topology};`),
    file('named.mjs', `export const topology = ${topology};`),
    file('common.cjs', `module.exports = ${topology};`),
    file('named.cjs', `exports.topology = ${topology};`),
    file('made.mjs', `export default async () => (${topology});`),
    file('lab.mjs', `export default async ({ Lab }) => { const lab = await Lab.create(${topology}); return lab; };`),
  ];
  for (const module of modules) {
    const { child, printed } = await start(module, '--no-page');
    expect(printed).toContain('lab, seed 7');
    expect(printed).not.toContain('Page:');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  }
});

test('the seed of the command line counts, and the port of the page is the one that is given', async () => {
  const { child, printed } = await start(join(directory, 'lab.json'), '--seed=8');
  expect(printed).toContain('seed 8');
  const [, port = ''] = /127\.0\.0\.1:(\d+)/.exec(printed) ?? [];
  const taken = await commandLine.run(['lab', join(directory, 'lab.json'), '--port', port], env);
  expect(taken).toMatchObject({ code: 1, stdout: '' });
  expect(taken.stderr).toContain('EADDRINUSE');
  child.kill('SIGTERM');
  await once(child, 'exit');
});

test('which host is meant has to be clear', async () => {
  expect(await exec('a')).toMatchObject({ code: 1, stderr: 'linux-ns: lab: no lab runs\n' });
  const [first, second] = [
    await start(join(directory, 'lab.json'), '--no-page'),
    await start(file('other.json', JSON.stringify({ hosts: { a: {}, c: {} } })), '--no-page'),
  ];
  expect((await exec('a', 'hostname')).stderr).toMatch(/several labs have a host 'a': choose one with --lab=\d+\n$/);
  const chosen = await commandLine.run(['lab', `--lab=${second.child.pid}`, 'exec', 'a', 'cat', '/etc/hosts'], env);
  expect(chosen.stdout).not.toContain('10.0.0.1');
  expect((await exec('c', 'hostname')).stdout).toBe('c\n');
  expect((await exec('nobody')).stderr).toMatch(/no host 'nobody': there are .*\bb\b/);
  for (const { child } of [first, second]) child.kill('SIGTERM');
});

describe('the socket', () => {
  test('is in a directory that only its user can enter', async () => {
    await start(join(directory, 'lab.json'), '--no-page');
    expect(statSync(join(directory, 'linux-ns-lab')).mode & 0o777).toBe(0o700);
  });

  needs({ root: true, tool: ['setpriv'] }).test('is out of reach for another user', async () => {
    chmodSync(directory, 0o777); // as /tmp is, but for its sticky bit
    const { child } = await start(join(directory, 'lab.json'), '--no-page');
    const path = join(directory, 'linux-ns-lab');
    const script = `
      const found = (error) => error?.code ?? 'none';
      const tried = (work) => { try { work(); return 'none' } catch (error) { return error.code } };
      const fs = require('fs');
      const [path, pid] = process.argv.slice(1);
      const listed = tried(() => fs.readdirSync(path));
      const opened = tried(() => fs.chmodSync(path, 0o777));
      require('net').connect(path + '/' + pid + '.sock').on('connect', () => console.log('connected')).on('error', (connected) =>
        require('net').createServer().on('listening', () => console.log('listens')).on('error', (placed) =>
          console.log([listed, opened, found(connected), found(placed)].join())).listen(path + '/1.sock'));`;
    const other = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', script];
    const { stdout } = await execFile('setpriv', [...other, path, String(child.pid)], { env });
    expect(stdout).toBe('EACCES,EPERM,EACCES,EACCES\n');
  });

  needs({ root: true }).test('is not made in a directory that another user has made before', async () => {
    const path = join(directory, 'linux-ns-lab');
    mkdirSync(path, { mode: 0o700 });
    chownSync(path, 65534, 65534);
    const ended = await commandLine.run(['lab', join(directory, 'lab.json')], env);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toContain('is not a directory that only this user can enter');
  });

  test.each([
    ['{', 'JSON'],
    ['7', 'answer'],
    ['{}', 'answer.hosts'],
    ['{"hosts":["a"],"place":{"paths":"/proc/1/ns/net","net":"1"}}', 'answer.place.paths'],
    ['{"hosts":["a"],"place":{"paths":["/proc/1/ns/net"],"net":1}}', 'answer.place.net'],
    ['{"hosts":["a"],"place":{"paths":["/proc/1/ns/net"],"net":"one"}}', 'answer.place.net'],
    ['{"hosts":["a"],"program":"sh"}', "no property 'program'"],
  ])('an answer that is none is refused: %s', async (answer, words) => {
    await exec('a'); // makes the directory
    const server = createServer((socket) => socket.end(`${answer}\n`));
    await once(server.listen(join(directory, 'linux-ns-lab', '1.sock')), 'listening');
    try {
      const ended = await exec('a', 'true');
      expect(ended).toMatchObject({ code: 1, stdout: '' });
      expectOneLine(ended);
      expect(ended.stderr).toContain('1.sock gives no answer of a lab: ');
      expect(ended.stderr).toContain(words);
    } finally {
      server.close();
    }
  });

  test.each([
    ['others can enter', (path: string) => chmodSync(path, 0o755)],
    [
      'leads elsewhere',
      (path: string) => {
        rmSync(path, { recursive: true });
        symlinkSync('/tmp', path);
      },
    ],
  ])('is not made in a directory that %s', async (_, change) => {
    const path = join(directory, 'linux-ns-lab');
    await exec('a');
    expect(existsSync(path)).toBe(true);
    change(path);
    for (const ended of [await exec('a'), await commandLine.run(['lab', join(directory, 'lab.json')], env)]) {
      expect(ended).toMatchObject({ code: 1, stdout: '' });
      expect(ended.stderr).toContain('is not a directory that only this user can enter');
    }
  });
});

describe('what is wrong is told in one line', () => {
  test.each([
    [[], 'which file? see linux-ns lab --help'],
    [['exec'], 'on which host? see linux-ns lab --help'],
    [['a.json', 'b.json'], "unexpected argument 'b.json'"],
    [['--port=99999', 'a.json'], '--port'],
  ])('%j', async (words, message) => {
    expect((await refusalOf(labCommand, words)).join()).toContain(message);
  });

  test.each([
    ['no JSON', '{"hosts":', 'JSON'],
    ['no topology', '7', 'no topology'],
    ['no host’s name', '{"hosts":{"a b":{}}}', 'must be a name that DNS allows'],
    ['an unknown option', '{"host":{}}', 'hosts'],
  ])('%s', async (_, text, words) => {
    const ended = await commandLine.run(['lab', file('wrong.json', text)], env);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expectOneLine(ended);
    expect(ended.stderr).toContain(words);
  });

  test('a file that is not there', async () => {
    const ended = await commandLine.run(['lab', '/no/such.json'], env);
    expect(ended).toMatchObject({ code: 1 });
    expect(ended.stderr).toContain('/no/such.json');
  });
});
