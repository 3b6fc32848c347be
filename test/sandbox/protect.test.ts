import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type MountEntry, Sandbox, type SandboxSpec } from '../../lib';
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

  test('is not there any more after close(), which ends the programs that still run', async () => {
    await withFolder(async (folder) => {
      const sandbox = await Sandbox.create(userland(project(folder, '.claude/', '.envrc')));
      const child = await sandbox.spawn('sleep', ['1000'], { stdio: 'ignore' });
      await sandbox.close();
      expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });
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

  describe('is protected wherever the sandbox has it', () => {
    /** A folder that the sandbox has twice, and another folder that is in it. */
    async function twice(more: (folder: string) => readonly MountEntry[], command = 'true'): Promise<string> {
      return withFolder(async (folder) => {
        mkdirSync(join(folder, 'sub', '.git', 'hooks'), { recursive: true });
        const mounts: MountEntry[] = [
          { type: 'bind', source: folder, target: '/p' },
          { type: 'protect', target: '/p/sub/.git/hooks' },
        ];
        return saidIn({ mounts: [...mounts, ...more(folder)] }, command);
      });
    }

    test.each<[what: string, at: string, source: string]>([
      ['a directory above it', '/q/sub/.git/hooks', ''],
      ['the directory that it is in', '/q/hooks', 'sub/.git'],
      ['the path itself', '/q', 'sub/.git/hooks'],
    ])('a second bind of %s is refused', async (_, path, source) => {
      const second = (folder: string): MountEntry[] => [{ type: 'bind', source: join(folder, source), target: '/q' }];
      await expect(twice(second)).rejects.toMatchObject({
        code: 'ERR_LINUX_NS_UNPROTECTED',
        path,
        step: expect.stringContaining('protect /p/sub/.git/hooks') as string,
        hint: expect.stringContaining('Protect that path as well') as string,
      });
    });

    test('unless that is read-only, protected as well, covered, or of something else', async () => {
      const second = (folder: string): MountEntry[] => [
        { type: 'bindReadOnly', source: folder, target: '/q' },
        { type: 'bind', source: folder, target: '/r' },
        { type: 'protect', target: '/r/sub/.git/hooks' },
        { type: 'bind', source: folder, target: '/s' },
        { type: 'tmpfs', target: '/s' },
        { type: 'bind', source: join(folder, 'sub'), target: '/p/sub' },
        { type: 'dir', target: '/tmp/other' },
      ];
      const attack =
        'touch /q/sub/.git/hooks/x /r/sub/.git/hooks/x; mv /r/sub /r/x; mv /r/sub/.git /r/x; ls /p/sub/.git/hooks';
      expect((await twice(second, attack)).match(/Read-only|busy/g)).toHaveLength(4);
    });

    test('also what is missing on a read-only mount', async () => {
      const second = (folder: string): MountEntry[] => [
        { type: 'bindReadOnly', source: folder, target: '/q' },
        { type: 'protect', target: '/q/.npmrc' },
      ];
      await expect(twice(second)).rejects.toMatchObject({ code: 'ERR_LINUX_NS_UNPROTECTED', path: '/p/.npmrc' });
    });
  });

  describe('cannot be walked around with', () => {
    const protect: MountEntry = { type: 'protect', target: '/tmp/x' };

    test('CAP_SYS_ADMIN, which is refused', async () => {
      const spec: SandboxSpec = { mounts: [protect], capabilities: ['CAP_SYS_ADMIN'] };
      await expect(saidIn(spec, 'true')).rejects.toMatchObject({
        code: 'ERR_INVALID_ARG_VALUE',
        message: expect.stringContaining('CAP_SYS_ADMIN') as string,
      });
    });

    test('CAP_DAC_READ_SEARCH of the host, which is refused', async () => {
      const spec: SandboxSpec = { mounts: [protect], capabilities: ['CAP_DAC_READ_SEARCH'], share: ['user'] };
      await expect(saidIn(spec, 'true')).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    });
  });

  test('is one below a copy of the project as well, where nothing outside can replace it, and no change of it', async () => {
    await withFolder(async (folder) => {
      mkdirSync(join(folder, '.git'));
      writeFileSync(join(folder, '.git', 'config'), 'kept');
      const mounts = ['.git/hooks/', '.git/config', '.npmrc'].map((path): MountEntry => {
        return { type: 'protect', target: `${folder}/${path}` };
      });
      await inSandbox(
        userland({ project: { path: folder, mode: 'overlay' }, mounts, cwd: folder }),
        async (sandbox) => {
          rmSync(join(folder, '.git', 'config'));
          writeFileSync(join(folder, '.git', 'config'), 'replaced outside');
          const attack = 'mv .git g; rm -f .git/config; echo x >.git/config; echo x >.npmrc; touch .git/hooks/x beside';
          await said(sandbox, attack);
          expect(await said(sandbox, 'cat .git/config; cat .npmrc; ls .git/hooks')).toBe('kept');
          expect(await sandbox.changes()).toEqual([{ path: `${folder}/beside`, change: 'added', type: 'file' }]);
        },
      );
      expect(readdirSync(folder)).toEqual(['.git']);
    });
  });
});
