import { join } from 'node:path';
import { Workshop } from './in-a-set';

let shop: Workshop;
beforeEach(async () => {
  shop = await Workshop.open();
});
afterEach(() => shop.close());

/** A tmpfs, whose directory is made. */
async function tmpfs(...names: string[]): Promise<string[]> {
  for (const name of names) {
    await shop.directories(name);
    await shop.set.mount({ type: 'tmpfs', target: shop.path(name) });
  }
  return names.map((name) => shop.path(name));
}

test('without recursion what has something mounted on it is busy', async () => {
  const [top = ''] = await tmpfs('a', 'a/b');
  await expect(shop.set.umount(top)).rejects.toMatchObject({ code: 'EBUSY', step: `umount ${top}` });
});

test('recursively all that is below goes first, and nothing else goes', async () => {
  const [top = ''] = await tmpfs('a', 'a/b', 'a/b/c', 'a/d', 'ab');
  await shop.set.umount(top, { recursive: true });
  expect(await shop.below(shop.folder)).toEqual([shop.path('ab')]);
});

test('also what is covered: by a mount on its top, and by one on a directory above', async () => {
  const [top = ''] = await tmpfs('a');
  await shop.directories('a/x/y/z');
  for (const name of ['x/y/z', 'x/y', 'x/y', 'x']) await shop.set.mount({ type: 'tmpfs', target: join(top, name) });
  expect(await shop.below(top)).toHaveLength(4);
  await shop.set.umount(top, { recursive: true });
  expect(await shop.below(shop.folder)).toEqual([]);
});

test('of mounts on top of each other only the uppermost goes', async () => {
  const [top = ''] = await tmpfs('a', 'a/lower');
  await shop.set.mount({ type: 'tmpfs', source: 'upper', target: top });
  await tmpfs('a/upper');
  await shop.set.umount(top, { recursive: true });
  expect(await shop.below(shop.folder)).toEqual([shop.path('a'), shop.path('a/lower')]);
});

test('it stops at one that is in use, and the rest stays', async () => {
  const [top = '', busy = ''] = await tmpfs('a', 'a/busy', 'a/busy/free');
  const user = await shop.set.spawn('sleep', ['1000'], { cwd: busy, stdio: 'ignore' });
  await expect(shop.set.umount(top, { recursive: true })).rejects.toMatchObject({ code: 'EBUSY', path: busy });
  expect(await shop.below(shop.folder)).toEqual([top, busy]);
  await shop.set.umount(top, { recursive: true, detach: true });
  expect(await shop.below(shop.folder)).toEqual([]);
  await user[Symbol.asyncDispose]();
});

test('a path may have slashes and dots to spare', async () => {
  await tmpfs('a', 'a/b');
  await shop.set.umount(`${shop.folder}//a/./b/../`, { recursive: true });
  expect(await shop.below(shop.folder)).toEqual([]);
});

test('what is no mount is told', async () => {
  await expect(shop.set.umount('/usr/nosuch', { recursive: true })).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(shop.set.umount('/usr', { recursive: true })).rejects.toMatchObject({ code: 'EINVAL' });
});

test('of many, mounted at once on one place, one goes', async () => {
  const [top = ''] = await tmpfs('a');
  await Promise.all(Array.from({ length: 30 }, () => shop.set.mount({ type: 'tmpfs', target: top })));
  const stacked = async (): Promise<number> =>
    (await shop.set.mountinfo()).filter(({ target }) => target === top).length;
  expect(await stacked()).toBe(31);
  await shop.set.umount(top, { recursive: true });
  expect(await stacked()).toBe(30);
});

test('expire and recursive are not combined', async () => {
  await expect(shop.set.umount('/mnt', { recursive: true, expire: true })).rejects.toMatchObject({
    code: 'ERR_INVALID_ARG_VALUE',
  });
});
