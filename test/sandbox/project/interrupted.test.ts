/** apply() fails in the middle, or Node is killed: no file is half written, and it can be gone on from. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nodeArguments } from '../../fixtures/scenario';
import { inSandbox, withFolder } from '../box';
import { makeProject, specOf } from './copy';
import { FILES } from './interrupted-scenarios';

const SCENARIOS = join(__dirname, 'interrupted-scenarios.ts');
/** None where the directory is not there yet. */
const namesIn = (directory: string): string[] => (existsSync(directory) ? readdirSync(directory) : []);

const WHOLE = 'n'.repeat(65_536);

test('the disk is full: the error says so, nothing is lost, and apply() goes on when there is room', async () => {
  await withFolder(async (folder) => {
    const [disk, upper] = [join(folder, 'disk'), join(folder, 'upper')];
    for (const each of [disk, upper]) mkdirSync(each);
    const node = nodeArguments(SCENARIOS, 'fillDisk', [disk, upper]);
    const { stdout } = await promisify(execFile)('unshare', ['-Urm', process.execPath, ...node]);
    const result = JSON.parse(/^result: (.*)$/m.exec(stdout)?.[1] ?? '') as {
      path: string;
      paths: string[];
      left: string[];
      sizes: number[];
    };
    expect(result).toMatchObject({
      code: 'ENOSPC',
      left: result.paths,
      after: { changes: [], names: ['1', '2', '3', '4', '5', '6', '7', '8', 'kept'] },
    });
    expect(result.paths).toContain(result.path);
    expect(result.left.length).toBeLessThan(9);
    expect(result.sizes.filter((size) => size !== 100_000 && size !== 4)).toEqual([]);
  });
});

test.each([0, 1, 50, 130, FILES])('Node is killed when %d files have arrived', async (count) => {
  await withFolder(async (folder) => {
    const [path, upper] = [makeProject(folder), join(folder, 'upper')];
    mkdirSync(upper);
    const before = readFileSync(join(path, 'old/one'), 'utf8');
    const child = spawn(process.execPath, nodeArguments(SCENARIOS, 'applyMany', [path, upper]), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    await once(child.stdout, 'data');
    while (child.exitCode === null && namesIn(join(path, 'many')).length < count)
      await new Promise((resolve) => setImmediate(resolve));
    child.kill('SIGKILL');
    await closed;
    expect([before, WHOLE]).toContain(readFileSync(join(path, 'old/one'), 'utf8'));
    for (const name of namesIn(join(path, 'many')))
      expect(readFileSync(join(path, 'many', name), 'utf8') === WHOLE).toBe(true);
    await inSandbox(specOf(path, {}, upper), async (sandbox) => {
      await sandbox.apply();
      expect(await sandbox.changes()).toEqual([]);
    });
    expect(readFileSync(join(path, 'old/one'), 'utf8') === WHOLE).toBe(true);
    const names = new Set(readdirSync(join(path, 'many')));
    expect(Array.from({ length: FILES }, (_, at) => names.has(`${at + 1}`))).not.toContain(false);
  });
});
