/** What a program pays for that loads the package: files, counted, as they are published. No times. */
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { execFile } from '../../lib';
import { noMoreDescriptors } from '../../lib/hints/limits';
import { HostFiles } from '../../lib/kernel/host-files';
import { loadEverything } from '../../lib/thread/everything';
import { CompiledPackage, ROOT } from '../fixtures/child-node';

let compiled: CompiledPackage;
beforeAll(() => (compiled = new CompiledPackage()));
afterAll(() => compiled.remove());

/** The files of the package that a script has loaded in the end, with the folders of lib/ that they are made of. */
async function loadedBy(script: string): Promise<{ files: string[]; folders: Set<string> }> {
  const { value, error } = await compiled.run(`${script}; return Object.keys(require.cache);`);
  expect(error).toBeUndefined();
  const files = (value as string[]).filter((file) => file.startsWith(join(compiled.directory, 'dist')));
  return { files, folders: new Set(files.flatMap(sourcesOf)) };
}

/** `lib/network`, for a chunk that has a module of it, as its source map says. */
function sourcesOf(chunk: string): string[] {
  const map = /sourceMappingURL=(\S+)\s*$/.exec(readFileSync(chunk, 'utf8'))?.[1];
  if (map === undefined) return [];
  const { sources } = JSON.parse(readFileSync(join(chunk, '..', map), 'utf8')) as { sources: string[] };
  return sources.map((source) => /\blib\/\w[\w-]*/.exec(join(chunk, '..', source))?.[0] ?? source);
}

describe('loading', () => {
  test("require('linux-ns') loads one file, whatever there is in the package", async () => {
    const { files } = await loadedBy('');
    expect(files.map((file) => relative(compiled.directory, file))).toEqual(['dist/index.js']);
  });

  test('the first program loads what starts it: no sandbox, no discovery, at most 25 files', async () => {
    const { files, folders } = await loadedBy(`await linux.execFile('true')`);
    expect(files.length).toBeLessThanOrEqual(25);
    expect([...folders]).toContain('lib/process');
    for (const folder of ['lib/sandbox', 'lib/discovery', 'lib/host']) expect([...folders]).not.toContain(folder);
  });

  test('all that `linux-ns` exports loads no code of networks or of discovery, and filters need nothing else', async () => {
    const { folders } = await loadedBy('void { ...linux }');
    expect([...folders]).toContain('lib/sandbox');
    for (const folder of ['lib/network', 'lib/discovery']) expect([...folders]).not.toContain(folder);
    const seccomp = await loadedBy(`void { ...require('linux-ns/seccomp') }`);
    expect([...seccomp.folders]).toContain('lib/seccomp');
    for (const folder of ['lib/network', 'lib/discovery', 'lib/sandbox', 'lib/set', 'lib/process']) {
      expect([...seccomp.folders]).not.toContain(folder);
    }
  });

  test('what compiles filters is loaded with the first filter', async () => {
    const filters = join(compiled.directory, 'dist', 'chunks', 'filters.js');
    expect((await loadedBy(`await linux.execFile('true')`)).files).not.toContain(filters);
    expect((await loadedBy(`await linux.execFile('true', [], { seccomp: 'default' })`)).files).toContain(filters);
  });

  test('what explains errors is loaded with the first of them', async () => {
    const causes = join(compiled.directory, 'dist', 'chunks', 'causes.js');
    expect((await loadedBy(`await linux.execFile('true')`)).files).not.toContain(causes);
    const fails = `if (!(await linux.spawn('/no/such').catch(({ hint }) => hint)).includes('/no/such')) throw 'no hint'`;
    expect((await loadedBy(fails)).files).toContain(causes);
  });

  test('everything loads at most 90 files', async () => {
    const { files } = await loadedBy(
      `require(${JSON.stringify(join(compiled.directory, 'dist/chunks/everything.js'))})`,
    );
    expect(files.length).toBeLessThanOrEqual(90);
  });

  test('a part that cannot be loaded, as there is no descriptor left, is an error with its step and a hint', async () => {
    const [node, args] = compiled.command(`
      await linux.execFile('true');
      const fs = require('node:fs');
      const taken = [];
      try { for (;;) taken.push(fs.openSync('/dev/null')); } catch { /* there are no more */ }
      const errors = [];
      for (const call of [() => linux.unshare('user'), () => linux.Sandbox.create(), () => linux.execFile('true', [], { seccomp: 'default' })])
        try { await call(); } catch ({ code, step, hint, message }) { errors.push({ code, step, hint, message }); }
      for (const fd of taken) fs.closeSync(fd);
      const set = await linux.unshare('user');
      await set.close();
      return errors;`);
    const { stdout } = await execFile(node, args, { rlimits: { nofile: 200 } });
    const { value } = JSON.parse(stdout) as { value: unknown };
    const hint = noMoreDescriptors(new HostFiles('/nowhere'));
    const part = { code: 'EMFILE', hint, message: expect.stringContaining(hint) as string };
    expect(value).toEqual([
      { ...part, step: 'load a part of linux-ns' },
      { ...part, step: 'load a part of linux-ns' },
      { ...part, step: 'load the compiler of filters' },
    ]);
  });

  test('a name is what it was at the first time it was asked for, and can be replaced, as a test double has to', async () => {
    const { value } = await compiled.run(`
      const first = linux.spawn;
      const same = first === linux.spawn;
      Object.defineProperty(linux, 'spawn', { value: 1 });
      return [same, linux.spawn, { ...linux }.unshare === linux.unshare];`);
    expect(value).toEqual([true, 1, true]);
  });

  test('a Worker that moves its thread has loaded everything before: it reads no file of the package after that', async () => {
    const { value, error } = await compiled.run(`
      const { Worker } = require('node:worker_threads');
      const { once } = require('node:events');
      const body = \`
        const { parentPort } = require('node:worker_threads');
        const linux = require(${JSON.stringify(join(compiled.directory, 'dist'))});
        const count = () => Object.keys(require.cache).length;
        const before = count();
        linux.thread.unshareSync('fs');
        const moved = count();
        const all = Object.values(linux);
        require(${JSON.stringify(join(compiled.directory, 'dist/chunks/everything.js'))});
        parentPort.postMessage({ before, moved, after: count() });\`;
      const [counts] = await once(new Worker(body, { eval: true }), 'message');
      return counts;`);
    expect(error).toBeUndefined();
    const { before, moved, after } = value as Record<string, number>;
    expect(before).toBe(1);
    expect(moved).toBeGreaterThan(20);
    expect(after).toBe(moved);
  });

  test('sources are loaded as a whole: there it has nothing to do', () => {
    expect(() => loadEverything()).not.toThrow();
  });

  test('what an error has in its stack is a file of lib/, with --enable-source-maps', async () => {
    const [node, args] = compiled.command(`return linux.spawn('/no/such/program').catch(({ stack }) => stack);`);
    const { stdout } = await execFile(node, ['--enable-source-maps', ...args]);
    expect((JSON.parse(stdout) as { value: string }).value).toContain(join(ROOT, 'lib', 'launch', 'launch.ts'));
  });
});
