/** The same with the test runners that people use: twelve files that each start a Redis on its default port. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandLine, type Ended } from '../cli/command-line';
import { ROOT } from '../fixtures/child-node';
import { needs } from '../fixtures/optional';

const FILES = 12;

/**
 * A test that starts a Redis, asks it for its pid, and waits until another file has one as well: so two of them have
 * run at the same time, on the same port.
 */
const redis = (head: string): string => `
${head}
const PORT = 6379;
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
async function ask() {
  for (;;) {
    const socket = net.connect(PORT, '127.0.0.1');
    try {
      await once(socket, 'connect');
      socket.write('INFO server\\r\\n');
      for await (const data of socket) {
        const [, pid] = /process_id:(\\d+)/.exec(String(data)) ?? [];
        if (pid !== undefined) return Number(pid);
      }
    } catch {
      await pause();
    } finally {
      socket.destroy();
    }
  }
}
test('has a Redis on its default port', async () => {
  const server = spawn('redis-server', ['--port', String(PORT), '--save', '', '--dir', UP], { stdio: 'ignore' });
  const ended = once(server, 'exit');
  try {
    const pid = await Promise.race([ask(), ended.then(() => 'ended')]);
    if (pid !== server.pid) throw new Error('it is not ours: ' + pid);
    fs.writeFileSync(UP + '/' + process.pid + '-' + server.pid, '');
    while (fs.readdirSync(UP).length < 2) await pause();
  } finally {
    server.kill('SIGKILL');
    await ended;
  }
}, 600_000);
`;

const COMMONJS = `
const { spawn } = require('node:child_process'), { once } = require('node:events');
const fs = require('node:fs'), net = require('node:net');
const UP = process.env.UP;`;

const ESM = `
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
const UP = process.env.UP;`;

let cli: CommandLine;
let folder: string;
let up: string;
beforeAll(() => (cli = new CommandLine()));
afterAll(() => cli.remove());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'linux-ns-runners-'));
  up = join(folder, 'up');
  mkdirSync(up);
  // A directory of its own: Vite writes in it.
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(join(ROOT, 'node_modules', 'vitest'), join(folder, 'node_modules', 'vitest'));
  writeFileSync(join(folder, 'package.json'), '{}');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes the test files, which are in a directory of their own. */
function write(extension: string, text: string): void {
  mkdirSync(join(folder, 'tests'));
  for (let i = 0; i < FILES; i++) writeFileSync(join(folder, 'tests', `${i}.test.${extension}`), text);
}

/** Runs a test runner there, with no more processes at once than a small machine has room for. */
async function runner(...command: string[]): Promise<Ended> {
  const env = {
    ...process.env,
    NODE_TEST_CONTEXT: undefined,
    NODE_OPTIONS: undefined,
    JEST_WORKER_ID: undefined,
    UP: up,
  };
  const options = [`--hostname=box`];
  const changeDirectory = ['sh', '-c', 'cd "$0" && exec "$@"', folder];
  const ended = await cli.run(['test', '--net', ...options, '--', ...changeDirectory, ...command], env);
  const { code, stdout, stderr } = ended;
  if (code !== 0) throw new Error(`it ended with ${code}\n${stdout}${stderr}`);
  return ended;
}

/** Two processes with a Redis each are the least that the files have waited for. */
function expectAll(processes: number): void {
  const [first = '', ...others] = readdirSync(up);
  expect(others).toHaveLength(FILES - 1);
  const pids = new Set([first, ...others].map((name) => name.split('-')[0]));
  expect(pids.size).toBeGreaterThanOrEqual(processes);
}

const withRedis = needs({ tool: ['redis-server'] });

withRedis.test('Jest: each of its workers', async () => {
  write('js', redis(COMMONJS));
  const { stderr } = await runner(process.execPath, join(ROOT, 'node_modules/jest/bin/jest.js'), '--maxWorkers=3');
  expect(stderr).toContain(`Test Suites: ${FILES} passed, ${FILES} total`);
  expectAll(2);
});

withRedis.test('Vitest: each test file', async () => {
  write('mjs', redis(`import { test } from 'vitest';${ESM}`));
  const config = { cacheDir: join(folder, 'cache'), test: { pool: 'forks', maxWorkers: 3 } };
  writeFileSync(join(folder, 'vitest.config.mjs'), `export default ${JSON.stringify(config)}`);
  const { stdout } = await runner(process.execPath, join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--no-color');
  expect(stdout).toMatch(new RegExp(`Test Files +${FILES} passed \\(${FILES}\\)`));
  expectAll(FILES);
});

withRedis.test('node:test: each test file', async () => {
  write('mjs', redis(`import test_ from 'node:test';\nconst test = (name, body) => test_(name, body);${ESM}`));
  const files = readdirSync(join(folder, 'tests')).map((file) => join('tests', file));
  const { stdout } = await runner(process.execPath, '--test', '--test-concurrency=3', ...files);
  expect(stdout).toContain(`# pass ${FILES}\n`);
  expectAll(FILES);
});

test('says that nothing was isolated, where a runner runs the tests in its own process', async () => {
  write('js', `test('has nothing', () => undefined);`);
  const jest = [process.execPath, join(ROOT, 'node_modules/jest/bin/jest.js'), '--runInBand'];
  const { stderr } = await runner(...jest);
  expect(stderr).toContain('linux-ns: test: no process of the test runner got namespaces of its own');
});
