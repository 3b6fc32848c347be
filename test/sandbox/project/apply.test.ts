/** The changes in a copy of a project are written to the project. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Sandbox } from '../../../lib';
import { said, withFolder } from '../box';
import { copied, makeProject, onCopy, specOf, treeOf } from './copy';

const script = (path: string, commands: string): void => void execFileSync('sh', ['-c', commands], { cwd: path });

/** A later ctime than that of all before, and of the copy. */
const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 15));

test.each([
  ['files that are new, changed and gone', 'echo x > new; echo more >> lines; rm old/one; : > empty-file'],
  [
    'directories that are new, empty, gone and moved',
    'mkdir -p n/e/w; rm -r old; rmdir empty; mv src moved; mkdir old',
  ],
  [
    'a file in the place of a directory, and the other way',
    'rm -r old; echo x > old; rm lines; mkdir lines; echo y > lines/y',
  ],
  ['links, in each place', 'ln -sf src/a link; ln -s / root; rm lines; ln -s x lines; rm -r old; ln -s src old'],
  ['permissions, of files and directories', 'chmod 755 script; chmod 700 src; chmod 600 no-end; mkdir -m 750 d'],
  ['hard links', 'echo x > one; ln one two; ln one src/three; ln no-end again'],
  [
    'names with all kinds of characters',
    `echo x > "$(printf 'two\\nlines')"; echo y > "$(printf 'b\\377')"; echo z > ' '; mkdir -- -d; echo > -- -d/-f`,
  ],
  ['a hole', 'truncate -s 20M sparse; echo end >> sparse'],
])('apply() makes of the project what the copy is: %s', async (_, commands) => {
  await onCopy(async ({ folder, path, sandbox, change }) => {
    const wanted = copied(folder, path);
    script(wanted, commands);
    await change(commands);
    const changes = await sandbox.changes();
    expect(await sandbox.apply()).toEqual(changes);
    expect(treeOf(path)).toBe(treeOf(wanted));
    expect(await sandbox.changes()).toEqual([]);
    expect(await sandbox.diff()).toBe('');
    expect(await sandbox.apply()).toEqual([]);
  });
});

test('hard links stay links, holes stay holes, and the time of a file is that of the copy', async () => {
  await onCopy(async ({ path, sandbox, change }) => {
    await change('echo x > one; ln one two; truncate -s 200M sparse; echo end >> sparse; touch -d 2001-02-03 one');
    await sandbox.apply();
    expect(statSync(join(path, 'one')).ino).toBe(statSync(join(path, 'two')).ino);
    expect(statSync(join(path, 'one')).mtime.getFullYear()).toBe(2001);
    expect(statSync(join(path, 'sparse')).blocks).toBeLessThan(1000);
  });
});

test('user.* attributes go along, and those of overlays do not', async () => {
  await onCopy(async ({ path, sandbox, change }) => {
    await change(`echo more >> lines; python3 -c 'import os; os.setxattr("lines", "user.note", b"kept")'`);
    await sandbox.apply();
    const list = `import os, sys; print({name: os.getxattr(sys.argv[1], name) for name in os.listxattr(sys.argv[1]) if name.startswith('user.')})`;
    expect(execFileSync('python3', ['-c', list, join(path, 'lines')], { encoding: 'utf8' })).toBe(
      "{'user.note': b'kept'}\n",
    );
  });
});

test('paths choose what is applied, with the directories that it takes', async () => {
  await onCopy(async ({ path, sandbox, change }) => {
    await change('mkdir -p a/b; echo x > a/b/c; echo x > a/d; echo more >> lines; rm -r old');
    await sandbox.apply('a/b/c');
    expect(readdirSync(join(path, 'a'), { recursive: true })).toEqual(['b', 'b/c']);
    await sandbox.apply(['old/deep', `${path}/lines`]);
    expect(readdirSync(join(path, 'old'))).toEqual(['one']);
    expect((await sandbox.changes()).map(({ path: at }) => at)).toEqual([`${path}/a/d`, `${path}/old`]);
    await expect(sandbox.apply('/etc')).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    await expect(sandbox.apply('a', { force: true } as object)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
  });
});

describe('what changed on the host meanwhile is told, and nothing is written', () => {
  test.each([
    ['a file that both have changed', 'echo mine >> lines', 'echo theirs >> lines', ['lines']],
    ['a file that the copy has deleted', 'rm lines', 'echo theirs >> lines', ['lines']],
    ['a file that the host has deleted', 'echo mine >> lines', 'rm lines', ['lines']],
    ['a file that both have added', 'echo mine > new', 'echo theirs > new', ['new']],
    ['a file that another was moved to', 'echo mine >> lines', 'mv no-end lines', ['lines']],
    ['a file in a directory that the copy has deleted', 'rm -r old', 'echo x > old/deep/x', ['old/deep', 'old/deep/x']],
    ['a directory in the place of a file', 'echo mine >> lines', 'rm lines; mkdir lines', ['lines']],
    ['a link in the place of a file', 'echo mine >> lines', 'ln -sf /etc/passwd lines', ['lines']],
  ])('%s', async (_, mine, theirs, names) => {
    await onCopy(async ({ path, sandbox, change }) => {
      await change(`${mine}; echo x > other`);
      await sandbox.changes();
      await tick();
      script(path, theirs);
      const before = treeOf(path);
      await expect(sandbox.apply()).rejects.toMatchObject({
        code: 'ERR_LINUX_NS_CONFLICT',
        paths: names.map((name) => join(path, name)),
        hint: expect.stringContaining('Nothing has been applied') as string,
      });
      expect(treeOf(path)).toBe(before);
      await sandbox.apply('other');
      if (names.length > 1) return;
      await sandbox.apply('.', { overwrite: true });
      expect(await sandbox.changes()).toEqual([]);
    });
  });

  test('what is equal to the copy is no conflict, nor what the copy has not changed', async () => {
    await onCopy(async ({ path, sandbox, change }) => {
      await change('echo more >> lines; echo x > new; rm old/one; chmod 700 old');
      await tick();
      script(path, 'echo more >> lines; echo x > new; echo theirs >> src/a; echo z > src/z');
      await sandbox.apply();
      expect(readFileSync(join(path, 'src/a'), 'utf8')).toContain('theirs');
      expect(statSync(join(path, 'old')).mode & 0o777).toBe(0o700);
    });
  });

  test('what was applied is what later changes are compared with', async () => {
    await onCopy(async ({ path, sandbox, change }) => {
      await change('echo one >> lines; echo x > other');
      await sandbox.apply('lines');
      await tick();
      await change('echo two >> lines');
      await sandbox.apply('lines');
      expect(readFileSync(join(path, 'lines'), 'utf8')).toMatch(/one\ntwo\n$/);
      await tick();
      script(path, 'echo theirs >> lines');
      await change('echo three >> lines');
      await expect(sandbox.apply('lines')).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CONFLICT' });
    });
  });
});

test('special files are refused, and the rest can be applied', async () => {
  await onCopy(async ({ path, sandbox, change }) => {
    await change(`mkfifo fifo; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("sock")'; echo x > new`);
    await expect(sandbox.apply()).rejects.toMatchObject({
      code: 'ERR_LINUX_NS_REFUSED',
      paths: [join(path, 'fifo'), join(path, 'sock')],
    });
    expect(readdirSync(path)).not.toContain('new');
    expect((await sandbox.apply('new')).map(({ path: at }) => at)).toEqual([join(path, 'new')]);
  });
});

test.each([
  ['a hook', 'mkdir -p .git/hooks; echo x > .git/hooks/pre-commit', ['.git/hooks', '.git/hooks/pre-commit']],
  ['settings of a submodule', 'mkdir -p .git/modules/a; echo x > .git/modules/a/config', ['.git/modules/a/config']],
  [
    'settings of a submodule whose name has a newline',
    `mkdir -p "$(printf '.git/modules/a\nb')"; echo x > "$(printf '.git/modules/a\nb/config')"`,
    ['.git/modules/a\nb/config'],
  ],
  ['another directory for them', 'mkdir .git; echo ../src > .git/commondir', ['.git/commondir']],
  ['a file that names a repository', "echo 'gitdir: ../src' > old/.git", ['old/.git']],
  ['a link to a repository', 'ln -s src .git', ['.git']],
])('what makes git run programs is refused: %s', async (_, commands, refused) => {
  await onCopy(async ({ path, sandbox, change }) => {
    await change(commands);
    await expect(sandbox.apply()).rejects.toMatchObject({
      code: 'ERR_LINUX_NS_REFUSED',
      paths: refused.map((name) => join(path, name)),
    });
  });
});

test('a failure in the middle says what is left, and can be gone on from', async () => {
  await onCopy(async ({ path, sandbox, change }) => {
    const deep = `import os
for name in ['deep'] + ['d' * 250] * 17:
    os.mkdir(name); os.chdir(name)
open('end', 'w').close()`;
    await change(`echo x > a; echo x > src/b; rm no-end; python3 -c "${deep}"`);
    const error: unknown = await sandbox.apply().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ENAMETOOLONG',
      step: 'apply changes',
      hint: expect.stringMatching(/of \d+ changes have been applied/) as string,
    });
    const { paths } = error as { paths: string[] };
    expect((await sandbox.changes()).map(({ path: at }) => at)).toEqual(paths.sort());
    expect(readdirSync(path)).not.toContain('no-end.tmp');
    await change('rm -r deep');
    await sandbox.apply();
    expect(await sandbox.changes()).toEqual([]);
    expect(readdirSync(path)).toEqual(expect.arrayContaining(['a']));
    expect(readdirSync(path, { recursive: true }).filter((name) => String(name).includes('.linux-ns'))).toEqual([]);
  });
});

test('a later sandbox with the same upper directory goes on, and knows what the host has changed since', async () => {
  await withFolder(async (folder) => {
    const path = makeProject(folder);
    const upper = join(folder, 'upper');
    mkdirSync(upper);
    await tick();
    const first = await Sandbox.create(specOf(path, {}, upper));
    await said(first, `echo mine >> ${path}/lines; echo mine >> ${path}/src/a`);
    await first.close();
    await tick();
    writeFileSync(join(path, 'lines'), 'theirs');
    const second = await Sandbox.create(specOf(path, {}, upper));
    try {
      await expect(second.apply()).rejects.toMatchObject({ paths: [join(path, 'lines')] });
      await second.apply('src');
      expect(readFileSync(join(path, 'src/a'), 'utf8')).toMatch(/mine\n$/);
    } finally {
      await second.close();
    }
    expect(readdirSync(folder).sort()).toEqual(['project', 'upper', 'upper.base']);
  });
});

test('what lies in the place of the file beside an upper directory is neither followed nor waited for', async () => {
  await withFolder(async (folder) => {
    const [path, upper, other] = [makeProject(folder), join(folder, 'upper'), join(folder, 'other')];
    mkdirSync(upper);
    writeFileSync(other, 'kept');
    execFileSync('sh', ['-c', 'ln -s other upper.base.new && mkfifo upper.base'], { cwd: folder });
    await (await Sandbox.create(specOf(path, {}, upper))).close();
    expect(readFileSync(other, 'utf8')).toBe('kept');
    expect(JSON.parse(readFileSync(`${upper}.base`, 'utf8'))).toHaveProperty('since');
  });
});

test('ten thousand files are applied, and the event loop goes on', async () => {
  await onCopy(async ({ path, sandbox, change }) => {
    await change(
      'mkdir many; cd many; for i in $(seq 100); do mkdir $i; for j in $(seq 100); do echo $j > $i/$j; done; done',
    );
    let turns = 0;
    const timer = setInterval(() => turns++, 5);
    await sandbox.apply();
    clearInterval(timer);
    expect(turns).toBeGreaterThan(10);
    expect(readdirSync(join(path, 'many'), { recursive: true })).toHaveLength(10_100);
    await change('rm -r many');
    expect((await sandbox.diff()).length).toBeGreaterThan(10_000);
    await sandbox.apply();
    expect(readdirSync(path)).not.toContain('many');
  });
});

test('a project that was moved away is still the one', async () => {
  await onCopy(async ({ folder, path, sandbox, change }) => {
    await change('echo x > new');
    renameSync(path, join(folder, 'moved'));
    mkdirSync(path);
    await sandbox.apply();
    expect(readdirSync(path)).toEqual([]);
    expect(readdirSync(join(folder, 'moved'))).toContain('new');
    rmSync(path, { recursive: true });
  });
});
