/** Placeholders: what is made on the host for protected paths that do not exist, and how it goes away again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type MountEntry, Sandbox, type SandboxSpec } from '../../lib';
import { CompiledPackage } from '../fixtures/child-node';
import { said, userland } from '../sandbox/box';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'linux-ns-placeholders-'));
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const PATHS = ['.git/hooks/', '.git/config', '.npmrc', 'a/b/c/'];

function spec(...paths: readonly string[]): SandboxSpec {
  const mounts: MountEntry[] = [{ type: 'bind', source: folder, target: '/p' }];
  return { mounts: [...mounts, ...paths.map((path): MountEntry => ({ type: 'protect', target: `/p/${path}` }))] };
}

function create(...paths: readonly string[]): Promise<Sandbox> {
  return Sandbox.create(userland(spec(...paths)));
}

function there(): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
}

/** While they go away a directory may be gone before it is read. */
function nothing(): boolean {
  return readdirSync(folder).length === 0;
}

const ALL = ['.git', '.git/config', '.git/hooks', '.npmrc', 'a', 'a/b', 'a/b/c'];

test('are there with the sandbox, empty, and gone after it', async () => {
  const sandbox = await create(...PATHS);
  expect(there()).toEqual(ALL);
  expect(statSync(join(folder, '.npmrc'))).toMatchObject({ size: 0 });
  await sandbox.close();
  expect(there()).toEqual([]);
});

test('are not left by a call that fails', async () => {
  const failing = spec(...PATHS);
  const mounts = [...(failing.mounts ?? []), { type: 'bind', source: '/nowhere/at/all', target: '/q' } as const];
  await expect(Sandbox.create(userland({ mounts }))).rejects.toMatchObject({ code: 'ENOENT' });
  expect(there()).toEqual([]);
});

test('cannot be made in a directory of somebody else: then the call rejects', async () => {
  chmodSync(folder, 0o555);
  if (process.geteuid?.() !== 0) {
    await expect(create('.npmrc')).rejects.toMatchObject({ code: 'EACCES', path: '.npmrc' });
  }
  chmodSync(folder, 0o755);
  expect(there()).toEqual([]);
});

test('belong to the owner of the directory', async () => {
  const { uid, gid } = statSync(folder);
  await using _ = await create(...PATHS);
  for (const path of ALL) expect(statSync(join(folder, path))).toMatchObject({ uid, gid });
});

describe('stay where somebody has put something', () => {
  test('into a directory', async () => {
    const sandbox = await create(...PATHS);
    writeFileSync(join(folder, '.git/hooks/pre-commit'), 'mine');
    await sandbox.close();
    expect(there()).toEqual(['.git', '.git/hooks', '.git/hooks/pre-commit']);
  });

  test('into a file', async () => {
    const sandbox = await create(...PATHS);
    chmodSync(join(folder, '.npmrc'), 0o644);
    appendFileSync(join(folder, '.npmrc'), 'mine');
    await sandbox.close();
    expect(there()).toEqual(['.npmrc']);
    expect(readFileSync(join(folder, '.npmrc'), 'utf8')).toBe('mine');
  });

  test('in place of a file', async () => {
    const sandbox = await create(...PATHS);
    writeFileSync(join(folder, 'mine'), 'mine');
    renameSync(join(folder, 'mine'), join(folder, '.npmrc'));
    await sandbox.close();
    expect(there()).toEqual(['.npmrc']);
  });

  test('beside them, from inside', async () => {
    const sandbox = await create(...PATHS);
    await said(sandbox, 'touch /p/.git/HEAD');
    await sandbox.close();
    expect(there()).toEqual(['.git', '.git/HEAD']);
  });
});

test('are not what was there before: an empty directory, an empty file', async () => {
  mkdirSync(join(folder, '.git/hooks'), { recursive: true });
  writeFileSync(join(folder, '.npmrc'), '', { mode: 0o444 });
  const [first, second] = [await create(...PATHS), await create(...PATHS)];
  await first.close();
  await second.close();
  expect(there()).toEqual(['.git', '.git/hooks', '.npmrc']);
});

test('of a sandbox that is removed meanwhile, with the whole project, are nobody’s trouble', async () => {
  const sandbox = await create(...PATHS);
  rmSync(folder, { recursive: true });
  await sandbox.close();
  expect(existsSync(folder)).toBe(false);
});

describe('of two sandboxes', () => {
  const attack =
    'mv /p/.git /p/g; mkdir -p /p/.git/hooks; touch /p/.git/hooks/x /p/.npmrc; echo x >/p/.npmrc; rm -f /p/.npmrc';

  test.each([
    ['the first ends first', [0, 1]],
    ['the second ends first', [1, 0]],
  ])('stay until the last one ends: %s', async (_, [one = 0, other = 0]) => {
    const sandboxes = [await create(...PATHS), await create('.git/hooks/', '.npmrc')];
    await sandboxes[one]?.close();
    await said(sandboxes[other]!, attack);
    expect(there()).toEqual(expect.arrayContaining(['.git', '.git/hooks', '.npmrc']));
    expect(readdirSync(join(folder, '.git/hooks'))).toEqual([]);
    expect(statSync(join(folder, '.npmrc')).size).toBe(0);
    await sandboxes[other]?.close();
    expect(there()).toEqual([]);
  });

  test('that come and go all the time are all gone in the end, and each was protected', async () => {
    const written = await Promise.all(
      Array.from({ length: 4 }, async () => {
        let bad = '';
        for (let round = 0; round < 4; round++) {
          await using sandbox = await create(...PATHS);
          bad += await said(sandbox, `(${attack}) 2>/dev/null; ls /p/.git/hooks; cat /p/.npmrc`);
        }
        return bad;
      }),
    );
    expect(written.join('')).toBe('');
    expect(there()).toEqual([]);
  });
});

test('that have been left, because all was killed at once, go with the next sandbox', async () => {
  mkdirSync(join(folder, '.git/hooks'), { recursive: true });
  for (const path of ['.git/hooks', '.git']) utimesSync(join(folder, path), 7106163, 7106163);
  await (await create(...PATHS)).close();
  expect(there()).toEqual([]);
});

describe('when Node ends', () => {
  let compiled: CompiledPackage;
  beforeAll(() => {
    compiled = new CompiledPackage();
  });
  afterAll(() => compiled.remove());

  const script = (after: string): string => `
    const { Sandbox, hostUserland } = linux;
    const base = hostUserland();
    const mounts = ${JSON.stringify(spec(...PATHS).mounts)};
    await Sandbox.create({ ...base, mounts: [...base.mounts, ...mounts] });
    process.stdout.write('made');
    ${after}`;

  async function gone(): Promise<void> {
    for (let i = 0; i < 500 && !nothing(); i++) await delay(20);
    expect(there()).toEqual([]);
  }

  test('by itself, they go', async () => {
    const [node, args] = compiled.command(script('process.exit(0)'));
    const child = spawn(node, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child, 'close');
    await gone();
  });

  test('by SIGKILL, they go after the programs of the sandbox', async () => {
    const [node, args] = compiled.command(script('await new Promise(() => setInterval(() => undefined, 1000))'));
    const child = spawn(node, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    expect(there()).toEqual(ALL);
    child.kill('SIGKILL');
    await once(child, 'close');
    await gone();
  });

  test('by SIGKILL at any moment, they go', async () => {
    let seen = 0;
    for (let round = 0; round < 12; round++) {
      const [node, args] = compiled.command(script('await new Promise(() => setInterval(() => undefined, 1000))'));
      const child = spawn(node, args, { stdio: ['ignore', 'ignore', 'inherit'] });
      // From the moment that the first is there, a little later each time.
      for (let i = 0; i < 5000 && nothing(); i++) await delay(1);
      seen += nothing() ? 0 : 1;
      await delay(round % 4);
      child.kill('SIGKILL');
      await once(child, 'close');
      await gone();
    }
    expect(seen).toBeGreaterThan(0);
  });
});
