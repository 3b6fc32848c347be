/** Programs that want to change what is protected in their project, or to put something else in its place. */
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CAPABILITIES, type MountEntry, type Sandbox, type SandboxSpec } from '../../lib';
import { ATTACKERS, Arsenal, type Attacker, MIGHTY, achieved } from '../fixtures/attacks';

let arsenal: Arsenal;
beforeAll(() => {
  arsenal = new Arsenal();
});
afterAll(() => arsenal.remove());

/** The attackers. CAP_SYS_ADMIN is refused where something is protected. */
const OTHERS: readonly Attacker[] = ATTACKERS.filter((attacker) => attacker !== MIGHTY);
const STRONG: Attacker = {
  who: 'root inside with every capability but one, and no filter',
  spec: {
    user: { uid: 0, gid: 0 },
    capabilities: CAPABILITIES.filter((capability) => capability !== 'CAP_SYS_ADMIN'),
    seccomp: 'none',
  },
};
const WHO = [...OTHERS, STRONG];

const PROTECTED = ['.git/hooks', '.git/config', 'sub/deep/rc', '.npmrc', '.vscode/', 'new/dir/'];

/** A project of the host: some of what is protected exists, and some does not. */
function makeProject(): string {
  const project = arsenal.folder('project');
  mkdirSync(join(project, '.git', 'hooks'), { recursive: true });
  mkdirSync(join(project, 'sub', 'deep'), { recursive: true });
  for (const path of ['.git/hooks/pre-commit', '.git/config', 'sub/deep/rc']) {
    writeFileSync(join(project, path), 'kept', { mode: 0o644 });
  }
  return project;
}

/** The state of the protected paths of a project, now that the sandbox is closed. */
function stateOf(project: string): object {
  const at = (path: string): string => join(project, path);
  return {
    hooks: readdirSync(at('.git/hooks')),
    texts: ['.git/hooks/pre-commit', '.git/config', 'sub/deep/rc'].map((path) => readFileSync(at(path), 'utf8')),
    modes: ['.git/hooks/pre-commit', '.git/config', 'sub/deep/rc'].map((path) => statSync(at(path)).mode & 0o777),
    made: ['.npmrc', '.vscode', 'new/dir'].filter((path) => existsSync(at(path))),
  };
}

const AS_IT_WAS = { hooks: ['pre-commit'], texts: ['kept', 'kept', 'kept'], modes: [0o644, 0o644, 0o644], made: [] };

function specOf(project: string, spec: SandboxSpec): SandboxSpec {
  const mounts: MountEntry[] = [
    { type: 'bind', source: project, target: '/p' },
    ...PROTECTED.map((path): MountEntry => ({ type: 'protect', target: `/p/${path}` })),
  ];
  return { ...spec, mounts, cwd: '/p' };
}

const walkaround = (...args: string[]): string => `${arsenal.walkaround} ${args.join(' ')}`;
const GOTCHA = 'echo gotcha';
const REMAKE = 'mkdir -p .git/hooks sub/deep new/dir .vscode; touch .git/hooks/new .vscode/new new/dir/new; ';
const REWRITE =
  'for f in .git/hooks/pre-commit .git/config sub/deep/rc .npmrc; do rm -f $f; echo gotcha >$f; cp /bin/true $f; done; ';

/** Each by itself, and after it an attempt to write at all of the paths. */
const WAYS: readonly (readonly [way: string, command: () => string])[] = [
  ['as it is', () => 'true'],
  ['removed', () => 'rm -rf .git sub new .vscode .npmrc; rmdir .git/hooks sub/deep'],
  ['renamed, itself', () => 'mv .git/hooks h; mv .git/config c; mv sub/deep/rc r; mv .vscode v; mv .npmrc n'],
  ['renamed, a directory above it', () => 'mv .git g; mv sub/deep d; mv sub s; mv new n; mv /p /q'],
  [
    'with something else renamed on it',
    () => 'mkdir a; echo x >b; mv -T a .git/hooks; mv -T a .vscode; mv b .npmrc; mv b sub/deep/rc',
  ],
  [
    'exchanged',
    () =>
      `mkdir a; echo gotcha >b; ${walkaround('swap', 'a', '.git')}; ${walkaround('swap', 'a', '.git/hooks')}; ${walkaround('swap', 'b', '.git/config')}; ${walkaround('swap', 'a', 'sub')}; ${walkaround('swap', 'a', '.vscode')}; ${walkaround('swap', 'b', '.npmrc')}`,
  ],
  [
    'replaced by a link',
    () =>
      'ln -sfn /tmp .git; ln -sfn /tmp .git/hooks; ln -sf /tmp/x .git/config; ln -sf /tmp/x .npmrc; ln -sfn /tmp new',
  ],
  [
    'by a hard link',
    () => `ln .git/config l; ${GOTCHA} >l; ln .git/hooks/pre-commit m; ${GOTCHA} >m; ln -f l .npmrc; ln b .npmrc`,
  ],
  [
    'by a file without a name',
    () =>
      [
        ['.git/hooks', '.git/hooks/x'],
        ['.', '.npmrc'],
        ['.', '.git/config'],
        ['.vscode', '.vscode/x'],
      ]
        .map(([a = '', b = '']) => walkaround('tmpfile', a, b))
        .join(';'),
  ],
  [
    'its inode changed',
    () =>
      ['.git/config', '.git/hooks/pre-commit', '.git/hooks', 'sub/deep/rc', '.npmrc', '.vscode']
        .map((path) => walkaround('change', path))
        .join(';'),
  ],
  [
    'unmounted',
    () =>
      'for m in .git/hooks .git/config .git sub/deep/rc sub/deep sub .npmrc .vscode; do umount $m; umount -l $m; umount -l /p/$m; done',
  ],
  [
    'mounted on',
    () => 'mount -t tmpfs t .git; mount -t tmpfs t .git/hooks; mount --bind sub .git; mount --move .git sub',
  ],
  ['remounted', () => 'for m in .git/hooks .git/config sub/deep/rc .npmrc; do mount -o remount,bind,rw $m; done'],
  [
    'in a user namespace of its own, unmounted',
    () =>
      `unshare -Urm sh -c 'umount -l .git/hooks; umount -l .git/config; umount -l .git; mount -o remount,bind,rw .git/hooks; mv .git g; ${GOTCHA} >.git/hooks/x'`,
  ],
  [
    'in a user namespace of its own, bound elsewhere',
    () =>
      `unshare -Urm sh -c 'mkdir /tmp/b; mount --bind /p /tmp/b; ${GOTCHA} >/tmp/b/.git/hooks/x; mv /tmp/b/.git /tmp/b/g'`,
  ],
  [
    'from a mount namespace without its mounts',
    () =>
      `${walkaround('elsewhere', '/p', '.git')}; ${walkaround('elsewhere', '/p/.git', 'config')}; ${walkaround('elsewhere', '/p', '.npmrc')}; ${walkaround('elsewhere', '/p/.git', 'hooks')}`,
  ],
  [
    'from a mount namespace of clone3',
    () =>
      `${walkaround('cloned', '/p', '.git')}; ${walkaround('cloned', '/p/.git', 'config')}; ${walkaround('cloned', '/p', 'sub')}`,
  ],
  [
    'through /proc',
    () =>
      `for r in /proc/self/root /proc/1/root /proc/self/cwd/..; do ${GOTCHA} >$r/p/.git/config; ${GOTCHA} >$r/p/.git/hooks/x; mv $r/p/.git $r/p/g; ${GOTCHA} >$r/p/.npmrc; done; exec 7<.git/hooks; ${GOTCHA} >/proc/self/fd/7/x; cd .git/hooks; ${GOTCHA} >./y; rm ../config`,
  ],
  [
    'by another name of the same path',
    () =>
      `${GOTCHA} >.GIT/HOOKS/x; ${GOTCHA} >.git/./hooks/../config; ${GOTCHA} >sub/../.git//hooks/x; mv .git/. g; mv ./.git/ g`,
  ],
  [
    'from the directory that it is in',
    () =>
      `(cd .git; mv hooks h; mv config c; mv ../.git ../g; mv . ../g; rmdir ../.git); (cd sub/deep; mv ../deep ../d)`,
  ],
];

describe.each(WHO)('what is protected stays as it is: $who', ({ spec }) => {
  test.each(WAYS)('%s', async (_, command) => {
    const project = makeProject();
    {
      await using sandbox = await arsenal.sandbox(specOf(project, spec));
      await achieved(sandbox, command());
      await achieved(sandbox, `cd /p; ${REMAKE}${REWRITE}`);
    }
    expect(stateOf(project)).toEqual(AS_IT_WAS);
  });
});

test('what is beside it can be changed', async () => {
  const project = makeProject();
  await using sandbox = await arsenal.sandbox(specOf(project, {}));
  await achieved(sandbox, 'echo x >.git/HEAD; mkdir .git/refs; mv .git/HEAD .git/HEAD2; touch sub/deep/a new/b c');
  expect(
    ['.git/HEAD2', '.git/refs', 'sub/deep/a', 'new/b', 'c'].filter((path) => existsSync(join(project, path))),
  ).toHaveLength(5);
});

test('the methods of the sandbox do not change it either', async () => {
  const project = makeProject();
  const sandbox: Sandbox = await arsenal.sandbox(specOf(project, {}));
  try {
    await expect(sandbox.writeFile('/p/.git/config', 'x')).rejects.toMatchObject({ code: 'EROFS' });
    await expect(sandbox.writeFile('/p/.git/hooks/new', 'x')).rejects.toMatchObject({ code: 'EROFS' });
    await expect(sandbox.writeFile('/p/.npmrc', 'x')).rejects.toMatchObject({ code: 'EROFS' });
    await expect(sandbox.createWriteStream('/p/.npmrc')).rejects.toMatchObject({ code: 'EROFS' });
    await expect(sandbox.mkdir('/p/new/dir/x')).rejects.toMatchObject({ code: 'EROFS' });
    await sandbox.writeFile('/p/new/x', 'beside it');
  } finally {
    await sandbox.close();
  }
  expect(stateOf(project)).toEqual(AS_IT_WAS);
});

describe('what the attacks would do', () => {
  test('where nothing is protected: they work', async () => {
    const project = makeProject();
    await using sandbox = await arsenal.sandbox({
      mounts: [{ type: 'bind', source: project, target: '/p' }],
      cwd: '/p',
    });
    await achieved(sandbox, 'mv .git g; mkdir -p .git/hooks; echo gotcha >.git/hooks/pre-commit; touch .npmrc');
    expect(readFileSync(join(project, '.git/hooks/pre-commit'), 'utf8')).toBe('gotcha\n');
    expect(existsSync(join(project, '.npmrc'))).toBe(true);
  });

  // This is why programs are kept from mount namespaces of their own, and why CAP_SYS_ADMIN is refused.
  test('from a mount namespace of their own, which the programs of a sandbox are kept from: they work', async () => {
    const project = makeProject();
    await using sandbox = await arsenal.sandbox(specOf(project, {}));
    const { stdout } = await sandbox.namespaces.exec(walkaround('elsewhere', '/p', '.git'));
    expect(stdout).toMatch(/unshare worked\numount worked\nrename worked/);
    expect(existsSync(join(project, 'moved'))).toBe(true);
  });
});

describe('while the sandbox is made', () => {
  /** Exchanges names in the project without end, until its standard input is closed. */
  const EXCHANGING = `
    use POSIX; my $renameat2 = 316; my $arm = (POSIX::uname())[4] eq 'aarch64'; $renameat2 = 276 if $arm;
    chdir '/p'; mkdir 'other'; mkdir 'other/hooks'; symlink '/tmp', 'link'; print "ready\\n"; close STDOUT;
    while (!-e 'stop') {
      for my $with ('other', 'link') {
        for my $name ('.git', 'sub') { my ($a, $b) = ($name, $with); syscall($renameat2, -100, $a, -100, $b, 2); syscall($renameat2, -100, $a, -100, $b, 2); }
      }
    }`;

  test('names that a neighbour exchanges lead nowhere else', async () => {
    const project = makeProject();
    await using neighbour = await arsenal.sandbox({ mounts: [{ type: 'bind', source: project, target: '/p' }] });
    const exchanging = await neighbour.spawn('perl', ['-e', EXCHANGING], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => exchanging.stdout?.once('data', resolve));
    const outcomes = { made: 0, refused: 0 };
    let mounted = '';
    for (let round = 0; round < 25; round++) {
      try {
        await using sandbox = await arsenal.sandbox({
          mounts: [
            { type: 'bind', source: project, target: '/p' },
            { type: 'protect', target: '/p/.git/hooks/' },
            { type: 'protect', target: '/p/sub/deep/' },
          ],
        });
        outcomes.made++;
        // All that was mounted for it is of the project, wherever the names have led.
        mounted += await achieved(sandbox, 'awk \'$5 ~ "^/p/" { print $4 }\' /proc/self/mountinfo');
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toMatch(/^(ESTALE|ENOENT|ENOTDIR|ELOOP|EBUSY|ERR_LINUX_NS_)/);
        outcomes.refused++;
      }
    }
    writeFileSync(join(project, 'stop'), '');
    await exchanging.exited;
    expect(outcomes.made + outcomes.refused).toBe(25);
    const elsewhere = mounted.split('\n').filter((root) => root !== '' && !root.includes(basename(project)));
    expect(elsewhere).toEqual([]);
    expect(['/tmp/hooks', '/tmp/deep'].filter((path) => existsSync(path))).toEqual([]);
  });
});
