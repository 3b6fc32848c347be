import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile, spawn } from '../../lib';
import { expectCause } from '../fixtures/causes';
import { errorWith } from '../fixtures/errors';

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
