import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompiledPackage } from '../fixtures/child-node';
import { needs } from '../fixtures/optional';
import { Workshop } from './in-a-set';

let shop: Workshop;
beforeEach(async () => {
  shop = await Workshop.open();
});
afterEach(() => shop.close());

/** A tmpfs with another one on a directory in it. */
async function nested(name: string): Promise<string> {
  const [path] = await shop.directories(name);
  await shop.set.mount({ type: 'tmpfs', target: path });
  await shop.directories(`${name}/inner`);
  await shop.set.mount({ type: 'tmpfs', target: join(path, 'inner') });
  return path;
}

const write = (path: string): Promise<void> => shop.set.writeFile(path, 'x', { create: true });

test('a file is bound on a file, and nothing else of its directory', async () => {
  await shop.set.writeFile(shop.path('source'), 'bound', { create: true });
  await shop.set.writeFile(shop.path('target'), 'covered', { create: true });
  await shop.set.mount({ bind: true, source: shop.path('source'), target: shop.path('target') });
  expect(await shop.set.readFile(shop.path('target'), 'utf8')).toBe('bound');
  await shop.set.umount(shop.path('target'));
  expect(await shop.set.readFile(shop.path('target'), 'utf8')).toBe('covered');
});

test('a namespace is bound by its file in /proc; another link of /proc, or a way to one, is followed to nothing', async () => {
  await shop.set.exec(`cd '${shop.folder}' && touch namespace && ln -s /proc/self/ns/net link`);
  const target = shop.path('namespace');
  await shop.set.mount({ bind: true, source: '/proc/self/ns/uts', target });
  expect((await shop.mountAt(target))?.type).toBe('nsfs');
  for (const source of ['/proc/self/cwd', '/proc/self/root/etc/passwd', '/proc/self/fd/0', shop.path('link')]) {
    const refused = shop.set.mount({ bind: true, source, target });
    await expect(refused).rejects.toMatchObject({ code: 'ELOOP' });
  }
});

test('recursively read-only means all of it, and leaves the source as it is', async () => {
  const from = await nested('from');
  const [to] = await shop.directories('to');
  await shop.set.mount({ bind: true, recursive: true, source: from, target: to, readOnly: true });
  await expect(write(join(to, 'file'))).rejects.toMatchObject({ code: 'EROFS' });
  await expect(write(join(to, 'inner', 'file'))).rejects.toMatchObject({ code: 'EROFS' });
  await write(join(from, 'inner', 'file'));
  expect(await shop.set.readFile(join(to, 'inner', 'file'), 'utf8')).toBe('x');
});

test('without recursion what is mounted below stays behind', async () => {
  const from = await nested('from');
  const [to] = await shop.directories('to');
  await shop.set.mount({ bind: true, source: from, target: to });
  expect(await shop.below(to)).toEqual([]);
});

test('what a more privileged namespace has mounted can be made read-only recursively, its own flags kept', async () => {
  const [to] = await shop.directories('to');
  await shop.set.mount({ bind: true, recursive: true, source: '/proc', target: to, readOnly: true, noSuid: true });
  for (const path of [to, ...(await shop.below(to))]) {
    expect(await shop.optionsAt(path)).toEqual(expect.arrayContaining(['ro', 'nosuid']));
  }
});

test('attributes add up, and false takes one away', async () => {
  const [from, to, again] = await shop.directories('from', 'to', 'again');
  await shop.set.mount({ type: 'tmpfs', target: from, noDev: true, noExec: true });
  await shop.set.mount({ bind: true, source: from, target: to, noSuid: true });
  expect(await shop.optionsAt(to)).toEqual(['rw', 'nosuid', 'nodev', 'noexec', 'relatime']);
  await shop.set.mount({ bind: true, source: to, target: again, noExec: false, readOnly: true });
  expect(await shop.optionsAt(again)).toEqual(['ro', 'nosuid', 'nodev', 'relatime']);
  expect(await shop.optionsAt(to)).toEqual(['rw', 'nosuid', 'nodev', 'noexec', 'relatime']);
});

test.each([
  [{ noAtime: true }, 'noatime'],
  [{ relAtime: true }, 'relatime'],
  [{ strictAtime: true }, undefined], // it is what is not said
  [{ noAtime: true, noDirAtime: true }, 'nodiratime'],
  [{ noSymFollow: true }, 'nosymfollow'],
] as const)('%j is an attribute', async (attributes, option) => {
  const [from, to] = await shop.directories('from', 'to');
  await shop.set.mount({ type: 'tmpfs', target: from, ...attributes });
  await shop.set.mount({ bind: true, source: shop.folder, target: to, ...attributes });
  for (const path of [from, to]) {
    const options = await shop.optionsAt(path);
    if (option === undefined) expect(options.join()).not.toMatch(/atime/);
    else expect(options).toContain(option);
  }
});

test('noexec, nosuid and the like do what they say', async () => {
  const [to] = await shop.directories('to');
  await shop.set.mount({ bind: true, source: '/bin', target: to, noExec: true });
  await expect(shop.set.execFile(join(to, 'true'))).rejects.toMatchObject({ code: 'EACCES' });
});

test('a mount can be shared, or a slave, from the start', async () => {
  const [from, to, slave] = await shop.directories('from', 'to', 'slave');
  await shop.set.mount({ type: 'tmpfs', target: from, propagation: 'shared' });
  const group = (await shop.mountAt(from))?.shared;
  expect(group).toBeGreaterThan(0);
  await shop.set.mount({ bind: true, source: from, target: to, propagation: 'private' });
  expect(await shop.mountAt(to)).not.toHaveProperty('shared');
  await shop.set.mount({ bind: true, source: from, target: slave, propagation: 'slave' });
  expect(await shop.mountAt(slave)).toMatchObject({ master: group });
});

describe('create', () => {
  test('makes a directory for a directory, a file for a file, and what is missing on the way', async () => {
    await shop.set.mount({ bind: true, source: '/usr', target: shop.path('a/b/usr'), create: true });
    await shop.set.mount({ bind: true, source: '/etc/passwd', target: shop.path('a/etc/passwd'), create: true });
    await shop.set.mount({ type: 'tmpfs', target: shop.path('c/d'), create: true });
    expect(await shop.below(shop.folder)).toEqual(['a/b/usr', 'a/etc/passwd', 'c/d'].map((name) => shop.path(name)));
    expect((await shop.set.execFile('stat', ['-c', '%a %F', shop.path('a'), shop.path('a/b')])).stdout).toBe(
      '755 directory\n755 directory\n',
    );
  });

  test('takes what is there as it is', async () => {
    const [path] = await shop.directories('a');
    await shop.set.mount({ type: 'tmpfs', target: path, create: true });
    await expect(
      shop.set.mount({ bind: true, source: '/etc/passwd', target: path, create: true }),
    ).rejects.toMatchObject({ code: 'EINVAL', step: `bind /etc/passwd on ${path}`, kind: 'mnt' });
  });

  test('says where nothing can be made', async () => {
    const [path] = await shop.directories('a');
    await shop.set.mount({ type: 'tmpfs', target: path, readOnly: true });
    await expect(shop.set.mount({ type: 'tmpfs', target: join(path, 'b'), create: true })).rejects.toMatchObject({
      code: 'EROFS',
      path: join(path, 'b'),
      hint: expect.stringContaining('on a read-only mount') as string,
    });
  });
});

test('a link in a target leads to where it would lead inside', async () => {
  const [real] = await shop.directories('real');
  await shop.set.execFile('ln', ['-s', real, shop.path('link')]);
  await shop.set.mount({ type: 'tmpfs', target: shop.path('link') });
  expect(await shop.mountAt(real)).toBeDefined();
});

needs({ tool: ['cc'] }).describe('before Linux 5.12', () => {
  let folder: string;
  let node: CompiledPackage;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ns-old-kernel-'));
    execFileSync('cc', ['-o', join(folder, 'seccomp'), join(__dirname, '../fixtures/seccomp.c')]);
    node = new CompiledPackage();
  });
  afterAll(() => {
    node.remove();
    rmSync(folder, { recursive: true });
  });

  /** The value of a script where there is no mount_setattr(2). */
  const run = async (body: string): Promise<unknown> => {
    const script = `
      const set = await linux.unshare(['user', 'mnt']);
      try {
        await set.mount({ type: 'tmpfs', target: '/mnt' });
        ${body}
      } finally { await set.close(); }`;
    return node.run(script, [join(folder, 'seccomp'), 'no_mount_setattr']);
  };

  test('a recursive bind is read-only all the same, flags of the host included', async () => {
    const script = `
      await set.mount({ bind: true, recursive: true, source: '/proc', target: '/mnt', readOnly: true, noSuid: true });
      await set.mount({ type: 'tmpfs', target: '/mnt/sys', noAtime: true });
      await set.mount({ remount: true, bind: true, recursive: true, target: '/mnt', noExec: true });
      const mounts = (await set.mountinfo()).filter(({ target, coveredBy }) => /^\\/mnt/.test(target) && !coveredBy);
      return mounts.map(({ target, options }) => [target, options.join()]);`;
    const { value } = (await run(script)) as { value: [target: string, options: string][] };
    const proc = value.filter(([target]) => target !== '/mnt/sys');
    expect(proc[0]?.[0]).toBe('/mnt');
    for (const [, options] of proc) expect(options).toMatch(/^ro,nosuid,.*noexec/);
    expect(value).toContainEqual(['/mnt/sys', 'rw,noexec,noatime']);
  });

  test('an id-mapped mount is refused, and says why', async () => {
    const script = `await set.mount({ bind: true, source: '/usr', target: '/mnt', idmap: set.user });`;
    expect(await run(script)).toMatchObject({
      error: { code: 'ENOSYS', syscall: 'mount_setattr', hint: 'ID-mapped mounts take Linux 5.12 (mount_setattr(2)).' },
    });
  });
});
