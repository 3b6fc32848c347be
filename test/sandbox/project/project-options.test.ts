/** The project of a sandbox: the directory itself, or a copy of it, at its own path. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Sandbox, type SandboxSpec } from '../../../lib';
import { expectNothingLeft, footprint } from '../../fixtures/footprint';
import { inSandbox, said, userland, withFolder } from '../box';

/** Makes a project with a file in it, below a folder. */
function projectIn(folder: string): string {
  const path = join(folder, 'project');
  mkdirSync(join(path, 'secret'), { recursive: true });
  writeFileSync(join(path, 'file'), 'as it was\n');
  writeFileSync(join(path, 'secret/key'), 'key\n');
  return path;
}

function specOf(project: SandboxSpec['project'], more: SandboxSpec = {}): SandboxSpec {
  return { ...userland(more), cwd: undefined, project };
}

test('direct: programs start in the directory, and write in it', async () => {
  await withFolder(async (folder) => {
    const path = projectIn(folder);
    await inSandbox(specOf({ path, mode: 'direct' }), async (sandbox) => {
      expect(await said(sandbox, 'pwd; echo new > file')).toBe(path);
      await expect(sandbox.changes()).rejects.toMatchObject({ code: 'ERR_LINUX_NS_NO_OVERLAY' });
    });
    expect(readFileSync(join(path, 'file'), 'utf8')).toBe('new\n');
  });
});

test('overlay: what programs write stays in the copy', async () => {
  const before = footprint();
  await withFolder(async (folder) => {
    const path = projectIn(folder);
    await inSandbox(specOf({ path, mode: 'overlay' }), async (sandbox) => {
      expect(await said(sandbox, 'pwd; echo new > file; mkdir d; cat file')).toBe(`${path}\nnew`);
      expect((await sandbox.changes()).map(({ change, path: at }) => `${change} ${at}`)).toEqual([
        `added ${path}/d`,
        `modified ${path}/file`,
      ]);
    });
    expect(readFileSync(join(path, 'file'), 'utf8')).toBe('as it was\n');
    expect(readdirSync(folder)).toEqual(['project']);
  });
  await expectNothingLeft(before);
});

test('overlay: with an upper directory a later sandbox goes on', async () => {
  await withFolder(async (folder) => {
    const project = { path: projectIn(folder), mode: 'overlay', upper: join(folder, 'upper') } as const;
    mkdirSync(project.upper);
    await inSandbox(specOf(project), async (sandbox) => expect(await said(sandbox, 'echo new > file')).toBe(''));
    await inSandbox(specOf(project), async (sandbox) => expect(await said(sandbox, 'cat file')).toBe('new'));
    expect(readdirSync(folder).sort()).toEqual(['project', 'upper', 'upper.base']);
  });
});

test.each(['direct', 'overlay'] as const)(
  '%s: entries below it are mounted on it, and others before it',
  async (mode) => {
    await withFolder(async (folder) => {
      const path = projectIn(folder);
      const mounts = [
        { type: 'mask', target: join(path, 'secret') },
        { type: 'tmpfs', target: folder },
      ] as const;
      await inSandbox(specOf({ path, mode }, { mounts: [mounts[1], mounts[0]] }), async (sandbox) => {
        expect(await said(sandbox, 'ls; ls secret')).toBe('file\nsecret');
      });
    });
  },
);

test('a cwd of the spec comes before the project', async () => {
  await withFolder(async (folder) => {
    const path = projectIn(folder);
    const spec = { ...specOf({ path, mode: 'overlay' }), cwd: '/' };
    await inSandbox(spec, async (sandbox) => expect(await said(sandbox, 'pwd')).toBe('/'));
  });
});

test.each([
  ['a project without a mode', { path: 'x' }, /spec\.project\.mode/],
  ['another mode', { path: 'x', mode: 'copy' }, /spec\.project\.mode/],
  ['the whole root', { path: '/', mode: 'direct' }, /second root/],
  ['an upper directory of no overlay', { path: 'x', mode: 'direct', upper: 'y' }, /spec\.project\.upper/],
  ['an upper directory in the project', { path: 'x', mode: 'overlay', upper: 'x/y' }, /spec\.project\.upper/],
  ['an upper directory above the project', { path: 'x/y', mode: 'overlay', upper: 'x' }, /spec\.project\.upper/],
  ['an unknown option', { path: 'x', mode: 'overlay', uper: 'y' }, /'uper' \(did you mean 'upper'\?\)/],
])('%s is refused', async (_, project, words) => {
  const spec = { project } as unknown as SandboxSpec;
  await expect(Sandbox.create(spec)).rejects.toMatchObject({ message: expect.stringMatching(words) as string });
});

test('a project that is not there is an error that names it', async () => {
  await withFolder(async (folder) => {
    const path = join(folder, 'none');
    for (const mode of ['direct', 'overlay'] as const) {
      await expect(Sandbox.create(specOf({ path, mode }))).rejects.toMatchObject({
        code: 'ENOENT',
        step: expect.stringMatching(/^project: /) as string,
      });
    }
  });
});
