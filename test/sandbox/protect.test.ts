import { existsSync, linkSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MountEntry, SandboxSpec } from '../../lib';
import { inSandbox, said, saidIn, userland, withFolder } from './box';

/** A project that is writable at /p, with paths in it that are protected. */
function project(source: string, ...paths: readonly string[]): SandboxSpec {
  const entries = paths.map((path): MountEntry => ({ type: 'protect', target: `/p/${path}` }));
  return { mounts: [{ type: 'bind', source, target: '/p' }, ...entries], cwd: '/p' };
}

describe('a path that is protected', () => {
  test('is read-only, and what is beside it is not', async () => {
    await withFolder(async (folder) => {
      mkdirSync(join(folder, '.git', 'hooks'), { recursive: true });
      const wrote = await saidIn(
        project(folder, '.git/hooks'),
        'echo x >.git/hooks/pre-commit; rmdir .git/hooks; echo y >.git/HEAD',
      );
      expect(wrote).toMatch(/Read-only file system[^]*busy/);
      expect(readdirSync(join(folder, '.git', 'hooks'))).toEqual([]);
      expect(readFileSync(join(folder, '.git', 'HEAD'), 'utf8')).toBe('y\n');
    });
  });

  test('has no directory above it that could be moved away', async () => {
    await withFolder(async (folder) => {
      mkdirSync(join(folder, 'a', 'b', 'c'), { recursive: true });
      const wrote = await saidIn(project(folder, 'a/b/c'), 'mv a/b a/x; mv a x; mv /p /x; rm -rf a; mkdir -p a/b/c/d');
      expect(wrote.match(/busy|Read-only/g)?.length).toBeGreaterThanOrEqual(4);
      expect(readdirSync(folder, { recursive: true }).sort()).toEqual(['a', 'a/b', 'a/b/c']);
    });
  });

  test('has no link on the way that could be replaced, nor is one itself', async () => {
    await withFolder(async (folder) => {
      mkdirSync(join(folder, 'real', 'hooks'), { recursive: true });
      writeFileSync(join(folder, 'real', 'rc'), 'kept');
      symlinkSync('real', join(folder, '.git'));
      symlinkSync('.git/rc', join(folder, '.rc'));
      const attack =
        'rm .git .rc; mv .git g; ln -sfn /tmp .git; rm -rf real; mv real r; echo x >.rc; echo x >real/rc; touch .git/hooks/x';
      await saidIn(project(folder, '.git/hooks', '.rc'), attack);
      expect(readdirSync(folder).sort()).toEqual(['.git', '.rc', 'real']);
      expect(readdirSync(join(folder, 'real')).sort()).toEqual(['hooks', 'rc']);
      expect(readdirSync(join(folder, 'real', 'hooks'))).toEqual([]);
      expect(readFileSync(join(folder, '.rc'), 'utf8')).toBe('kept');
    });
  });

  test('cannot be made where it does not exist, and is not there any more afterwards', async () => {
    await withFolder(async (folder) => {
      const attack = 'mkdir -p .git/hooks/x; mv .git g; echo x >.npmrc; ln -sf /etc/passwd .npmrc; rm -rf .git .npmrc';
      await inSandbox(userland(project(folder, '.git/hooks/', '.npmrc')), async (sandbox) => {
        await said(sandbox, attack);
        expect(readdirSync(folder, { recursive: true }).sort()).toEqual(['.git', '.git/hooks', '.npmrc']);
        expect(readFileSync(join(folder, '.npmrc'), 'utf8')).toBe('');
      });
      expect(readdirSync(folder)).toEqual([]);
    });
  });

  test('cannot be made where something is in the way of it', async () => {
    await withFolder(async (folder) => {
      writeFileSync(join(folder, '.git'), 'gitdir: elsewhere');
      const attack = 'rm -f .git; mv .git g; mkdir -p .git/hooks; echo changed >.git';
      await saidIn(project(folder, '.git/hooks'), attack);
      expect(readdirSync(folder)).toEqual(['.git']);
      expect(readFileSync(join(folder, '.git'), 'utf8')).toBe('changed\n');
    });
  });

  test('needs nothing where it cannot be made anyway: on a mount that is read-only', async () => {
    await withFolder(async (folder) => {
      const [bind, ...entries] = project(folder, '.git/hooks').mounts ?? [];
      const mounts = [{ ...bind, type: 'bindReadOnly' } as MountEntry, ...entries];
      expect(await saidIn({ mounts }, 'ls -A /p')).toBe('');
      expect(existsSync(join(folder, '.git'))).toBe(false);
    });
  });

  test('is no file that has another name, by which it could be changed', async () => {
    await withFolder(async (folder) => {
      writeFileSync(join(folder, 'one'), '');
      linkSync(join(folder, 'one'), join(folder, 'two'));
      await expect(saidIn(project(folder, 'one'), 'true')).rejects.toMatchObject({
        code: 'EMLINK',
        step: expect.stringContaining('protect /p/one') as string,
      });
    });
  });

  test('is protected whatever the order of the entries is', async () => {
    await withFolder(async (folder) => {
      const mounts = [...(project(folder, 'made/').mounts ?? [])].reverse();
      await saidIn({ mounts }, 'touch /p/made/x');
      expect(readdirSync(folder)).toEqual([]);
    });
  });
});
