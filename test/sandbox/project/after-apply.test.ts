/** The work on a copy goes on after changes were applied: in the same sandbox, and in a later one. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Change, Sandbox } from '../../../lib';
import { inSandbox, said, withFolder } from '../box';
import { makeProject, onCopy, specOf } from './copy';

/** A later ctime than that of all before. */
const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 15));

function shown(path: string, changes: readonly Change[]): string[] {
  return changes.map(({ change, path: at }) => `${change} ${at.slice(path.length + 1)}`);
}

/** Uses one sandbox after the other, with one upper directory. */
async function onUpper(...uses: ((sandbox: Sandbox, path: string) => Promise<void>)[]): Promise<void> {
  await withFolder(async (folder) => {
    const path = makeProject(folder);
    const upper = join(folder, 'upper');
    mkdirSync(upper);
    for (const use of uses) {
      await tick();
      await inSandbox(specOf(path, {}, upper), (sandbox) => use(sandbox, path));
    }
  });
}

test('what is removed in a directory that was applied is a change', async () => {
  await onCopy(async ({ path, sandbox, change }) => {
    await change('mkdir -p n/e/f; echo x > n/a; echo y > n/b; echo z > n/e/f/c');
    await sandbox.apply();
    await change('rm n/a; rm -r n/e');
    expect(shown(path, await sandbox.changes())).toEqual(['deleted n/a', 'deleted n/e']);
    expect(await sandbox.diff()).toContain('-z\n');
    await sandbox.apply();
    expect(readdirSync(join(path, 'n'))).toEqual(['b']);
    await change('echo x > n/a');
    expect(shown(path, await sandbox.changes())).toEqual(['added n/a']);
  });
});

test('what the host adds to a directory that was applied is not deleted', async () => {
  await onCopy(async ({ path, sandbox, change }) => {
    await change('mkdir n; echo x > n/a');
    await sandbox.apply();
    mkdirSync(join(path, 'n/theirs'));
    for (const name of ['n/new', 'n/theirs/file']) writeFileSync(join(path, name), 'theirs');
    expect(await sandbox.changes()).toEqual([]);
    await change('rm n/a');
    await sandbox.apply();
    expect(readdirSync(join(path, 'n'), { recursive: true }).sort()).toEqual(['new', 'theirs', 'theirs/file']);
    await tick();
    await change('rm -r n');
    await expect(sandbox.apply()).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CONFLICT' });
    expect(readdirSync(join(path, 'n'))).toEqual(['new', 'theirs']);
  });
});

test('a later sandbox knows what was removed in a directory that an earlier one has applied', async () => {
  await onUpper(
    async (sandbox) => {
      await said(sandbox, 'mkdir n; echo x > n/a; echo y > n/b');
      await sandbox.apply();
    },
    async (sandbox, path) => {
      expect(await said(sandbox, 'rm n/a; ls n')).toBe('b');
      writeFileSync(join(path, 'n/new'), 'theirs');
    },
    async (sandbox, path) => {
      expect(await said(sandbox, 'ls n')).toBe('b');
      await sandbox.apply();
      expect(readdirSync(join(path, 'n'))).toEqual(['b', 'new']);
    },
  );
});

test('what was applied by its path is no conflict in a later sandbox, unless the host has changed it since', async () => {
  await onUpper(
    async (sandbox) => {
      await said(sandbox, 'for name in lines src/a old/one; do echo mine >> $name; done');
      await sandbox.apply(['lines', 'src']);
      await tick();
      await said(sandbox, 'for name in lines src/a; do echo more >> $name; done');
    },
    async (sandbox, path) => {
      await sandbox.apply('lines');
      expect(readFileSync(join(path, 'lines'), 'utf8')).toMatch(/mine\nmore\n$/);
      writeFileSync(join(path, 'src/a'), 'theirs');
    },
    async (sandbox, path) => {
      await expect(sandbox.apply()).rejects.toMatchObject({
        code: 'ERR_LINUX_NS_CONFLICT',
        paths: [join(path, 'src/a')],
      });
      await sandbox.apply('old');
    },
  );
});
