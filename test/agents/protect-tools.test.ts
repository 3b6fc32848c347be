/** Real programs in a project of which parts are protected: git and npm. */
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MountEntry, Sandbox } from '../../lib';
import { said, userland } from '../sandbox/box';

const ME = { NAME: 'me', EMAIL: 'me@example.com' };
const GIT = {
  HOME: '/nowhere',
  GIT_CONFIG_NOSYSTEM: '1',
  ...Object.fromEntries(
    ['AUTHOR', 'COMMITTER'].flatMap((who) => Object.entries(ME).map(([key, value]) => [`GIT_${who}_${key}`, value])),
  ),
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'linux-ns-tools-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function git(...args: string[]): string {
  return execFileSync('git', ['-C', folder, ...args], {
    env: { ...process.env, ...GIT },
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

function protecting(...paths: readonly string[]): Promise<Sandbox> {
  const entries = paths.map((path): MountEntry => ({
    type: 'protect',
    target: join(folder, path) + (path.endsWith('/') ? '/' : ''),
  }));
  const mounts: MountEntry[] = [{ type: 'bind', source: folder, target: folder }, ...entries];
  return Sandbox.create(userland({ mounts, cwd: folder, env: { ...GIT, HOME: '/tmp' } }));
}

describe('git, where hooks and config are protected', () => {
  beforeEach(() => {
    git('init', '-q', '-b', 'main');
    writeFileSync(join(folder, 'file'), 'one\n');
    git('add', '.');
    git('commit', '-q', '-m', 'one');
  });

  test('works', async () => {
    await using sandbox = await protecting('.git/hooks/', '.git/config');
    const work = [
      'echo two >>file',
      'git commit -q -a -m two',
      'git checkout -q -b other',
      'git checkout -q main',
      'git gc -q',
      'git worktree add -q wt other',
      'echo x >wt/new',
      'git -C wt add new',
      'git -C wt commit -q -m three',
      'git worktree remove wt',
      'git merge -q other',
      'echo four >>file',
      'git stash -q',
      'git stash pop -q',
      'git reset -q --hard',
      'git tag v1',
      'git clone -q . /tmp/clone',
    ];
    expect(await said(sandbox, `set -e; ${work.join('; ')}; echo done`)).toBe('done');
    expect(git('log', '--format=%s').split('\n').slice(0, 3)).toEqual(['three', 'two', 'one']);
  });

  test('says what it cannot do: write its config, or a hook', async () => {
    await using sandbox = await protecting('.git/hooks/', '.git/config');
    expect(await said(sandbox, 'git config core.hooksPath /tmp')).toContain('Device or resource busy');
    expect(await said(sandbox, 'git remote add origin /tmp')).toContain('Device or resource busy');
    expect(await said(sandbox, 'echo x >.git/hooks/pre-commit')).toContain('Read-only file system');
  });

  test('outside is not in the way: the host can write its config', async () => {
    await using sandbox = await protecting('.git/hooks/', '.git/config');
    git('config', 'a.b', 'c');
    expect(await said(sandbox, 'git config a.b')).toBe('c');
    expect(git('config', 'a.b')).toBe('c\n');
  });

  test('shows a placeholder that is a file as untracked, and none that is a directory', async () => {
    const sandbox = await protecting('.vscode/', '.npmrc');
    expect(git('status', '--short')).toBe('?? .npmrc\n');
    await sandbox.close();
    expect(git('status', '--short')).toBe('');
  });
});

describe('git init', () => {
  test('inside, where only hooks are protected, works without a template', async () => {
    const sandbox = await protecting('.git/hooks/');
    expect(await said(sandbox, 'git init -q -b main')).toContain('Read-only file system');
    expect(
      await said(
        sandbox,
        'git init -q -b main --template= && echo x >f && git add f && git commit -q -m one && echo done',
      ),
    ).toBe('done');
    await sandbox.close();
    expect(git('log', '--format=%s')).toBe('one\n');
    expect(existsSync(join(folder, '.git/hooks'))).toBe(false);
  });

  test('inside, where the config is protected, fails', async () => {
    const sandbox = await protecting('.git/hooks/', '.git/config');
    expect(await said(sandbox, 'git init -q --template=')).toContain('Device or resource busy');
    await sandbox.close();
    expect(spawnSync('git', ['-C', folder, 'status']).status).not.toBe(0);
  });

  test('outside works meanwhile, and nothing of it is lost', async () => {
    const sandbox = await protecting('.git/hooks/', '.git/config');
    git('init', '-q', '-b', 'main');
    writeFileSync(join(folder, 'file'), 'one\n');
    git('add', 'file');
    git('commit', '-q', '-m', 'one');
    await sandbox.close();
    expect(git('log', '--format=%s')).toBe('one\n');
    expect(git('config', 'core.bare')).toBe('false\n');
  });
});

test('npm installs in a project with an .npmrc that is protected', async () => {
  writeFileSync(join(folder, '.npmrc'), 'audit=false\nfund=false\n');
  writeFileSync(join(folder, 'package.json'), '{"name":"p","version":"1.0.0","dependencies":{"dep":"file:./dep"}}');
  execFileSync('mkdir', [join(folder, 'dep')]);
  writeFileSync(join(folder, 'dep', 'package.json'), '{"name":"dep","version":"1.0.0"}');
  await using sandbox = await protecting('.npmrc');
  expect(await said(sandbox, 'npm install --offline >/dev/null && ls node_modules')).toBe('dep');
  expect(await said(sandbox, 'npm config set --location=project registry=http://127.0.0.1:1')).toMatch(
    /EROFS|read-only/,
  );
  expect(readFileSync(join(folder, '.npmrc'), 'utf8')).toBe('audit=false\nfund=false\n');
  appendFileSync(join(folder, '.npmrc'), '# by the host\n');
  expect(await said(sandbox, 'tail -n 1 .npmrc')).toBe('# by the host');
});
