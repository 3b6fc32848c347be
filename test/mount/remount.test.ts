import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MountOptions } from '../../lib';
import { Workshop } from './in-a-set';

let shop: Workshop;
let path: string;
beforeEach(async () => {
  shop = await Workshop.open();
  [path] = await shop.directories('m');
  await shop.set.mount({ type: 'tmpfs', target: path, noSuid: true, noDev: true, size: '64k' });
});
afterEach(() => shop.close());

const remount = (options: Omit<MountOptions, 'target' | 'remount'>): Promise<void> =>
  shop.set.mount({ remount: true, target: path, ...options });

test('options of the filesystem change, and those that are not given stay', async () => {
  await remount({ size: '128k' });
  const mount = await shop.mountAt(path);
  expect(mount?.superOptions).toEqual(expect.arrayContaining(['rw', 'size=128k']));
  expect(mount?.options).toEqual(['rw', 'nosuid', 'nodev', 'relatime']);
  await remount({ options: { nr_inodes: 10 } });
  expect((await shop.mountAt(path))?.superOptions).toEqual(expect.arrayContaining(['size=128k', 'nr_inodes=10']));
});

test('attributes change, and those that are not given stay', async () => {
  await remount({ noExec: true, noDev: false });
  expect(await shop.optionsAt(path)).toEqual(['rw', 'nosuid', 'noexec', 'relatime']);
});

test('read-only is the filesystem and all of its mounts, with bind one mount', async () => {
  const [other] = await shop.directories('other');
  await shop.set.mount({ bind: true, source: path, target: other });
  const write = (where: string): Promise<void> => shop.set.writeFile(join(where, 'file'), 'x', { create: true });

  await remount({ bind: true, readOnly: true });
  await expect(write(path)).rejects.toMatchObject({ code: 'EROFS' });
  await write(other);

  await remount({ readOnly: true });
  await expect(write(other)).rejects.toMatchObject({ code: 'EROFS' });
  expect((await shop.mountAt(other))?.superOptions).toContain('ro');

  await remount({ readOnly: false });
  await write(path);
});

test('what is open for writing does not become read-only', async () => {
  const writer = await shop.set.spawn('sh', ['-c', 'exec 9>file; echo open; exec sleep 1000'], { cwd: path });
  await new Promise((resolve) => writer.stdout?.once('data', resolve));
  await expect(remount({ readOnly: true })).rejects.toMatchObject({
    code: 'EBUSY',
    step: `remount ${path}`,
    hint: expect.stringContaining('open for writing') as string,
  });
  await writer[Symbol.asyncDispose]();
});

test('with bind and recursive all mounts below change', async () => {
  const [below] = await shop.directories('m/below');
  await shop.set.mount({ type: 'tmpfs', target: below });
  await remount({ bind: true, recursive: true, readOnly: true, noAtime: true });
  expect(await shop.optionsAt(path)).toEqual(['ro', 'nosuid', 'nodev', 'noatime']);
  expect(await shop.optionsAt(below)).toEqual(['ro', 'noatime']);
});

test('a bad option changes nothing, and is told in the words of the kernel', async () => {
  await expect(remount({ options: { size: 'much' }, noExec: true })).rejects.toMatchObject({
    code: 'EINVAL',
    syscall: 'fsconfig',
    step: `remount ${path}`,
    hint: expect.stringMatching(/^The kernel says: "tmpfs: Bad value for 'size'"/) as string,
  });
  expect(await shop.optionsAt(path)).toEqual(['rw', 'nosuid', 'nodev', 'relatime']);
});

test.each<[Omit<MountOptions, 'target' | 'remount'>, string]>([
  [{}, "argument 'options' must say what is to be changed"],
  [{ bind: true }, "argument 'options' must say what is to be changed"],
  [{ bind: true, size: 1 }, "property 'options.size' cannot be given for a mount by 'bind and remount'"],
  [{ mode: 0o700 }, "'options.mode' cannot be given"],
  [{ type: 'tmpfs' }, "'options.type' cannot be given"],
  [{ source: '/usr', noExec: true }, "'options.source' cannot be given"],
  [{ recursive: true, noExec: true }, "'options.recursive' cannot be given"],
  [{ noAtime: true, strictAtime: true }, "cannot combine 'noAtime' with 'strictAtime'"],
  [{ propagation: 'shared' }, "'options.propagation' cannot be given"],
])('%j is refused', async (options, message) => {
  await expect(remount(options)).rejects.toMatchObject({
    code: 'ERR_INVALID_ARG_VALUE',
    message: expect.stringContaining(message) as string,
  });
});

test('nothing of this is seen on the host', () => {
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(shop.folder);
});
