/** Repositories in a view: git works in it, and what it would run on the host stays as it is. */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HostViewOptions, hostView } from '../../../lib';
import { repositoryOf } from '../../../lib/sandbox/host-view/git';
import { inSandbox, said } from '../box';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'ns-git-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const USER = ['-c', 'user.name=n', '-c', 'user.email=a@b', '-c', 'protocol.file.allow=always'];

function git(directory: string, ...args: string[]): string {
  return execFileSync('git', ['-C', directory, ...USER, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function newRepository(name: string): string {
  const path = join(folder, name);
  git(folder, 'init', '-q', path);
  writeFileSync(join(path, 'file'), 'one');
  git(path, 'add', '.');
  git(path, 'commit', '-qm', 'first');
  return path;
}

async function saidIn(directory: string, command: string, options: HostViewOptions = {}): Promise<string> {
  const view = hostView({ ...options, write: [directory], readOnly: [tmpdir()] });
  return inSandbox(view, (box) => said(box, command));
}

const COMMIT = `git ${USER.slice(0, 4).join(' ')} commit -qam second && git log --format=%s && git status --short`;
/** Ways to make git of the host run something. Each is to fail. */
const PLANT = `
  echo x >.git/hooks/pre-commit; mv .git/hooks .git/h; rm -rf .git/hooks; ln -sfn /tmp .git/hooks
  git config core.fsmonitor /tmp/evil; echo x >>.git/config; mv .git/config .git/c; ln -f .git/config .git/c
  mv .git g; mkdir -p .git/hooks`;

test('git works in a repository, and its hooks and its configuration stay', async () => {
  const repository = newRepository('repository');
  const config = readFileSync(join(repository, '.git/config'), 'utf8');
  expect(await saidIn(repository, `echo two >file; ${COMMIT}`)).toBe('second\nfirst');
  await saidIn(repository, PLANT);
  expect(readFileSync(join(repository, '.git/config'), 'utf8')).toBe(config);
  expect(readdirSync(join(repository, '.git/hooks')).filter((name) => !name.endsWith('.sample'))).toEqual([]);
  expect(git(repository, 'status', '--short')).toBe('');
});

test('a directory without a repository does not get one, and git still finds the one above', async () => {
  const repository = newRepository('repository');
  mkdirSync(join(repository, 'packages'));
  writeFileSync(join(repository, 'packages/x'), '');
  expect(await saidIn(join(repository, 'packages'), 'git init -q; git status --short')).toMatch(/\n\?\? \.\/$/);
  expect(readdirSync(join(repository, 'packages'))).toEqual(['x']);
});

test('a worktree writes in the main repository, whose hooks and configuration stay', async () => {
  const repository = newRepository('repository');
  const tree = join(folder, 'tree');
  git(repository, 'worktree', 'add', '-q', tree);
  const main = join(repository, '.git');
  const config = readFileSync(join(main, 'config'), 'utf8');
  expect(await saidIn(tree, `echo two >file; ${COMMIT}; touch ${repository}/x`)).toMatch(/^second\nfirst\n.*Read-only/);
  await saidIn(
    tree,
    `cd ${main}; echo x >>config; touch hooks/pre-commit; echo x >worktrees/tree/commondir; rm -f worktrees/tree/gitdir; echo x >${tree}/.git`,
  );
  expect(readFileSync(join(main, 'config'), 'utf8')).toBe(config);
  expect(git(tree, 'log', '--format=%s')).toBe('second\nfirst\n');
  expect(git(tree, 'status', '--short')).toBe('');
});

test('a submodule writes in the repository of what it is in, and both are protected', async () => {
  const inner = newRepository('inner');
  const outer = newRepository('outer');
  git(outer, 'submodule', '--quiet', 'add', inner, 'libs/inner');
  const module = join(outer, '.git/modules/libs/inner');
  expect(repositoryOf(join(outer, 'libs/inner'))).toMatchObject({ write: [module] });
  expect(await saidIn(join(outer, 'libs/inner'), `echo two >file; ${COMMIT}; echo x >>${module}/config`)).toMatch(
    /^second\nfirst\n.*Read-only/,
  );
  expect(repositoryOf(outer).protect).toEqual(expect.arrayContaining([`${module}/config`, `${module}/hooks/`]));
  expect(await saidIn(outer, `echo x >>${module}/config; touch ${module}/hooks/post-checkout`)).toMatch(
    /Read-only.*\n.*Read-only/,
  );
});

test.each<[string, (project: string, secret: string) => void]>([
  ['a directory', (project, secret) => writeFileSync(join(project, '.git'), `gitdir: ${secret}\n`)],
  [
    'a worktree of another',
    (project) => {
      git(join(folder, 'repository'), 'worktree', 'add', '-q', join(folder, 'tree'));
      writeFileSync(join(project, '.git'), readFileSync(join(folder, 'tree/.git')));
    },
  ],
  [
    'one that it has made itself',
    (project, secret) => {
      const own = join(project, 'made/worktrees/x');
      mkdirSync(own, { recursive: true });
      for (const name of ['objects', 'refs']) mkdirSync(join(project, 'made', name));
      writeFileSync(join(project, 'made/HEAD'), 'ref: refs/heads/x');
      writeFileSync(join(own, 'gitdir'), join(project, '.git'));
      writeFileSync(join(own, 'commondir'), secret);
      writeFileSync(join(project, '.git'), `gitdir: ${own}\n`);
    },
  ],
  [
    'a link to another',
    (project, secret) => {
      mkdirSync(join(project, 'worktrees'));
      symlinkSync(secret, join(project, 'worktrees/x'));
      writeFileSync(join(project, '.git'), `gitdir: worktrees/x\n`);
    },
  ],
  ['a pipe', (project) => execFileSync('mkfifo', [join(project, '.git')])],
])('a file .git that leads to %s makes nothing writable', (_, plant) => {
  newRepository('repository');
  const [project, secret] = ['project', 'secret'].map((name) => join(folder, name)) as [string, string];
  for (const path of [project, secret]) mkdirSync(path);
  for (const name of ['objects', 'refs']) mkdirSync(join(secret, name));
  writeFileSync(join(secret, 'HEAD'), 'ref: refs/heads/x');
  plant(project, secret);
  expect(repositoryOf(project).write).toEqual([]);
});

test('hooks and settings that the configuration names are protected as well', async () => {
  const repository = newRepository('repository');
  git(repository, 'config', 'core.hooksPath', 'tools/hooks');
  git(repository, 'config', 'include.path', '../shared.config');
  writeFileSync(join(repository, 'shared.config'), '');
  expect(repositoryOf(repository).protect).toEqual(
    expect.arrayContaining([join(repository, 'tools/hooks/'), join(repository, 'shared.config')]),
  );
  expect(await saidIn(repository, 'touch tools/hooks/x; echo x >shared.config; touch tools/x')).toMatch(
    /^.*hooks\/x.*Read-only.*\n.*shared.config: Read-only file system$/,
  );
});

test('`defaults: false` leaves the repository as writable as the directory is', async () => {
  const repository = newRepository('repository');
  expect(await saidIn(repository, 'touch .git/hooks/x && ls .git/hooks/x', { defaults: false })).toBe('.git/hooks/x');
});
