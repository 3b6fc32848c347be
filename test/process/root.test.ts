import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile, spawn, unshare } from '../../lib';
import { expectCause } from '../fixtures/causes';
import { errorWith } from '../fixtures/errors';
import { needs } from '../fixtures/optional';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'linux-ns-root-'));
  mkdirSync(join(directory, 'inner'));
  writeFileSync(join(directory, 'inner', 'mark'), 'inside');
});

afterAll(() => rmSync(directory, { recursive: true }));

const inside = { unshare: { user: true, mnt: true, pid: true } } as const;

test('a program has the proc of its own pid namespace, mounted before it runs', async () => {
  const mounts = [{ type: 'proc', target: '/proc' }];
  const { stdout } = await execFile('sh', ['-c', 'echo $$ /proc/[0-9]*'], { ...inside, init: false, mounts });
  expect(stdout).toBe('1 /proc/1\n');
});

test('a program has a root of its own, by path and by descriptor', async () => {
  const mounts = [{ type: 'tmpfs', target: directory }];
  const { stdout } = await execFile('pwd', [], { ...inside, root: '/', cwd: directory, mounts });
  expect(stdout).toBe(`${directory}\n`);
  const fd = openSync('/', 'r');
  expect((await execFile('pwd', [], { ...inside, root: fd })).stdout).toBe('/\n');
  closeSync(fd);
});

test('a program starts in a directory given by descriptor', async () => {
  const fd = openSync(join(directory, 'inner'), 'r');
  expect((await execFile('cat', ['mark'], { ...inside, cwd: fd })).stdout).toBe('inside');
  closeSync(fd);
});

describe('a link to what a process has open, made by whoever made the root,', () => {
  const root = (): string => join(directory, 'other');
  const mounts = [{ type: 'proc', target: '/proc' }];

  beforeAll(() => {
    mkdirSync(join(root(), 'proc'), { recursive: true });
    symlinkSync('/proc/self/root/proc', join(root(), 'magic'));
    symlinkSync(`/proc/${process.pid}/root/proc`, join(root(), 'host'));
    symlinkSync('/proc/sys', join(root(), 'plain'));
  });

  test('is not followed to the working directory, while others are', async () => {
    const refused = { code: 'ELOOP', step: 'change directory to /magic', hint: 'are not followed in another root' };
    await expectCause(spawn('/x', [], { ...inside, root: root(), mounts, cwd: '/magic' }), refused);
    await expect(spawn('/x', [], { ...inside, root: root(), mounts, cwd: '/plain' })).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'execve',
    });
  });

  needs({ root: true }).test('does not lead out of the root (CVE-2024-21626)', async () => {
    const started = spawn('/x', [], { unshare: ['mnt'], root: root(), mounts, cwd: '/host' });
    await expect(started).rejects.toMatchObject({ code: 'ELOOP', step: 'change directory to /host' });
  });

  test('in a joined mount namespace is neither a root, nor written or read', async () => {
    const set = await unshare(['user', 'mnt']);
    const [link, file] = [join(directory, 'link'), join(directory, 'file')];
    symlinkSync('/proc/self/root', link);
    symlinkSync(join(directory, 'inner', 'mark'), file);
    const path = join(link, directory, 'inner', 'mark');
    const refused = { code: 'ELOOP', hint: 'are not followed in another root' };
    await expectCause(set.spawn('true', [], { root: link }), { ...refused, step: `change root to ${link}` });
    await expectCause(set.readFile(path), { ...refused, path });
    await expectCause(set.writeFile(path, 'x', { create: true }), { ...refused, path });
    expect(await set.readFile(file, 'utf8')).toBe('inside');
    await set.close();
  });
});

test('what cannot be is refused, with the reason', async () => {
  await expectCause(spawn('true', [], { ...inside, root: '/nosuch' }), {
    ...{ code: 'ENOENT', syscall: 'chroot', path: '/nosuch', step: 'change root to /nosuch' },
    hint: "The root '/nosuch' does not exist",
  });
  await expectCause(spawn('true', [], { ...inside, root: join(directory, 'inner', 'mark') }), {
    code: 'ENOTDIR',
    hint: 'is no directory',
  });
  const mounts = [{ type: 'proc', target: '/proc' }];
  await expect(spawn('true', [], { unshare: ['user'], mounts })).rejects.toThrow(
    errorWith({ code: 'ERR_INVALID_ARG_VALUE', message: expect.stringContaining('options.mounts') as string }),
  );
  await expect(spawn('true', [], { ...inside, mounts: [{ target: '/proc' }] })).rejects.toThrow(
    errorWith({ message: expect.stringContaining('options.mounts[0].type') as string }),
  );
  await expect(spawn('true', [], { root: -1 })).rejects.toThrow(errorWith({ code: 'ERR_OUT_OF_RANGE' }));
});
