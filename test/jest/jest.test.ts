/** Jest with `testEnvironment: 'linux-ns/jest'`: what a test file has left open is named. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import openHandlesEnvironment from '../../lib/jest';
import { CompiledPackage, ROOT } from '../fixtures/child-node';

let compiled: CompiledPackage;
let folder: string;
beforeAll(() => {
  compiled = new CompiledPackage();
  // Jest would follow the maps to the sources, which are not below the package here.
  for (const file of readdirSync(join(compiled.directory, 'dist'), { recursive: true, encoding: 'utf8' })) {
    if (file.endsWith('.map')) rmSync(join(compiled.directory, 'dist', file));
  }
  folder = mkdtempSync(join(tmpdir(), 'linux-ns-jest-'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{}');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  compiled.remove();
});

/** What Jest writes to standard error for these test files. */
function jestOf(files: Record<string, string>, ...options: string[]): Promise<string> {
  for (const [name, body] of Object.entries(files)) {
    writeFileSync(
      join(folder, name),
      `const { spawn, unshare } = require(${JSON.stringify(compiled.directory)} + '/dist');\n${body}`,
    );
  }
  const environment = join(compiled.directory, 'dist', 'jest', 'index.js');
  const args = [join(ROOT, 'node_modules/jest/bin/jest.js'), '--rootDir', folder, '--testEnvironment', environment];
  const env = { ...process.env, NODE_OPTIONS: undefined, JEST_WORKER_ID: undefined };
  return new Promise((resolve) => {
    execFile(process.execPath, [...args, '--forceExit', ...options], { env, cwd: folder }, (_, __, stderr) =>
      resolve(stderr),
    );
  });
}

const LEAKS = `
let child;
test('leaves a program', async () => {
  child = await spawn('sleep', ['600']);
});`;

const CLOSES = `
let set;
afterAll(async () => {
  await new Promise((resolve) => setTimeout(resolve, 10));
  await set.close();
});
test('closes what it has made', async () => {
  set = await unshare(['user', 'net']);
});`;

test.each([
  ['in one process', '--runInBand'],
  ['in workers', '--maxWorkers=2'],
])('names what a file has left open, with the line, %s; hooks of the file have closed the rest', async (_, option) => {
  const stderr = await jestOf({ 'leaks.test.js': LEAKS, 'closes.test.js': CLOSES }, option);
  expect(stderr).toContain('Tests:       2 passed, 2 total');
  const [left, ...others] = stderr.split('\n').filter((line) => line.includes('still open'));
  expect(left).toBe(`${join(folder, 'leaks.test.js')}: 1 handle of linux-ns is still open:`);
  expect(others).toEqual([]);
  expect(stderr).toMatch(/A program, sleep \(pid \d+\)\n +at .*leaks\.test\.js:5:\d+/);
});

test('is an environment of Jest for Node, with all that this has', () => {
  expect(openHandlesEnvironment).toBeInstanceOf(Function);
});
