import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompiledPackage } from '../fixtures/child-node';
import { needs } from '../fixtures/optional';
import { otherNode } from '../fixtures/other-nodes';

let compiled: CompiledPackage;
let home: string;

beforeAll(() => (compiled = new CompiledPackage()));
afterAll(() => compiled.remove());
beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'linux-ns-cache-'))));
afterEach(() => rmSync(home, { recursive: true }));

/** What `linux-ns completion bash` prints first, and all of its errors. */
function beginning(node: string): string {
  const { XDG_CACHE_HOME: _, NODE_COMPILE_CACHE: __, ...env } = process.env;
  const { stdout, stderr } = spawnSync(node, [compiled.main, 'completion', 'bash'], {
    env: { ...env, XDG_CACHE_HOME: home },
    encoding: 'utf8',
  });
  return stdout.slice(0, 6) + stderr;
}

const kept = (): string => join(home, 'linux-ns');

describe('the command line', () => {
  needs({ node: [22] }).test('keeps what V8 has compiled, where only its user can read and write', () => {
    const node = otherNode(22)!;
    expect(beginning(node)).toBe('# bash');
    expect(statSync(kept()).mode & 0o777).toBe(0o700);
    const [folder] = readdirSync(kept());
    expect(readdirSync(join(kept(), folder!)).length).toBeGreaterThan(5);
    expect(beginning(node)).toBe('# bash');
  });

  needs({ node: [22] }).test('keeps nothing in a directory where others can write', () => {
    const node = otherNode(22)!;
    chmodSync(home, 0o777);
    expect(beginning(node)).toBe('# bash');
    expect(existsSync(kept())).toBe(false);
    chmodSync(home, 0o755);
    mkdirSync(kept());
    chmodSync(kept(), 0o777);
    expect(beginning(node)).toBe('# bash');
    expect(readdirSync(kept())).toEqual([]);
  });

  needs({ node: [22], root: true }).test('keeps nothing as root in the directory of somebody else', () => {
    spawnSync('chown', ['12345', home]);
    expect(beginning(otherNode(22)!)).toBe('# bash');
    expect(existsSync(kept())).toBe(false);
  });

  test('works with a Node that has no such cache, or nowhere to keep it', () => {
    rmSync(home, { recursive: true });
    for (const node of [process.execPath, otherNode(22) ?? process.execPath]) expect(beginning(node)).toBe('# bash');
    mkdirSync(home);
  });
});
