import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type DetachedMount, fsmount, openTree, umount, unshare } from '../../lib';
import { mountsBelow } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { NOTHING, footprint, moreThan } from '../fixtures/footprint';
import { Workshop } from './in-a-set';
import { ONE_WAIT } from '../fixtures/patience';

describe('in a set', () => {
  let shop: Workshop;
  beforeEach(async () => {
    shop = await Workshop.open();
  });
  afterEach(() => shop.close());

  test('a tree is nowhere until it is attached, and then it is not ours any more', async () => {
    const [from, to] = await shop.directories('from', 'to');
    await shop.set.mount({ type: 'tmpfs', target: from });
    await shop.set.writeFile(join(from, 'file'), 'taken', { create: true });
    const tree = await shop.set.openTree(from, { readOnly: true });
    await shop.set.umount(from);
    expect(tree).toMatchObject({ source: from, closed: false });

    await tree.attach(to, { setns: shop.set });
    expect(await shop.set.readFile(join(to, 'file'), 'utf8')).toBe('taken');
    expect(await shop.optionsAt(to)).toContain('ro');
    expect(tree.closed).toBe(true);
    await expect(tree.attach(to, { setns: shop.set })).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
    expect(() => tree.fd).toThrow('closed');
    await tree.close();
    expect(await shop.mountAt(to)).toBeDefined();
  });

  test('recursively it has all that is mounted below', async () => {
    const [from, inner, to] = await shop.directories('from', 'from/inner', 'to');
    await shop.set.mount({ type: 'tmpfs', target: inner });
    await using flat = await shop.set.openTree(from);
    await flat.attach(to, { setns: shop.set });
    expect(await shop.below(to)).toEqual([]);
    await using deep = await shop.set.openTree(from, { recursive: true, noExec: true });
    await deep.attach(to, { setns: shop.set });
    expect(await shop.below(to)).toEqual([join(to, 'inner')]);
    expect(await shop.optionsAt(join(to, 'inner'))).toContain('noexec');
  });

  test('a filesystem of its own can be used before it has a place', async () => {
    await using scratch = await shop.set.fsmount({ type: 'tmpfs', size: '64k', mode: 0o755, noSuid: true });
    expect(scratch.source).toBe('tmpfs');
    expect(readdirSync(`/proc/self/fd/${scratch.fd}`)).toEqual([]);
    const target = shop.path('made/for/it');
    await scratch.attach(target, { setns: shop.set, create: true });
    expect(await shop.optionsAt(target)).toContain('nosuid');
    expect((await shop.mountAt(target))?.superOptions).toContain('size=64k');
  });

  test('it is shared from the start, if asked', async () => {
    const [to] = await shop.directories('to');
    await using scratch = await shop.set.fsmount({ type: 'tmpfs', propagation: 'shared' });
    await scratch.attach(to, { setns: shop.set });
    expect((await shop.mountAt(to))?.shared).toBeGreaterThan(0);
  });

  test('one that could not be attached is still ours', async () => {
    const [to] = await shop.directories('to');
    await using scratch = await shop.set.fsmount({ type: 'tmpfs' });
    await expect(scratch.attach('/no/such', { setns: shop.set })).rejects.toMatchObject({
      code: 'ENOENT',
      step: 'attach tmpfs to /no/such',
      kind: 'mnt',
    });
    await scratch.attach(to, { setns: shop.set });
  });

  test('it goes to another set, if that is below in the same user namespace or not', async () => {
    const [from] = await shop.directories('from');
    await shop.set.writeFile(join(from, 'file'), 'handed over', { create: true });
    await using other = await unshare(['user', 'mnt']);
    await using tree = await shop.set.openTree(from);
    await tree.attach('/mnt', { setns: other });
    expect(await other.readFile('/mnt/file', 'utf8')).toBe('handed over');
  });

  test('what is closed is unmounted, with all that it had open', async () => {
    const before = footprint();
    await Promise.all(
      [shop.set.openTree('/usr'), shop.set.fsmount({ type: 'tmpfs' })].map(async (made) => {
        const tree = await made;
        await Promise.all([tree.close(), tree.close()]);
        await tree[Symbol.asyncDispose]();
      }),
    );
    expect(await moreThan(before)).toEqual(NOTHING);
  });

  test('nothing is left of one that could not be made', async () => {
    const before = footprint();
    await expect(shop.set.openTree('/no/such')).rejects.toMatchObject({ code: 'ENOENT', step: 'open /no/such' });
    await expect(shop.set.fsmount({ type: 'tmpfs', options: { no: true } })).rejects.toMatchObject({
      code: 'EINVAL',
      step: 'mount tmpfs',
    });
    await expect(shop.set.fsmount({ type: 'tmpfs', idmap: shop.set.user })).rejects.toMatchObject({
      code: 'EINVAL',
      syscall: 'mount_setattr',
      step: 'mount tmpfs',
    });
    expect(await moreThan(before)).toEqual(NOTHING);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['no path', () => openTree('')],
    ['an unknown option', () => openTree('/usr', { readonly: true } as object)],
    ['no type', () => fsmount({} as never)],
    ['a target', () => fsmount({ type: 'tmpfs', target: '/mnt' } as never)],
    ['a map that is no namespace', () => openTree('/usr', { idmap: 7 as never })],
    ['a map of another kind', () => openTree('/usr', { idmap: shop.set.mnt })],
    ['a propagation of no kind', () => openTree('/usr', { propagation: 'none' as never })],
  ])('%s is refused', async (_, make) => {
    await expect(make()).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_INVALID_ARG_(TYPE|VALUE)$/) as string,
    });
  });

  test.each([{ in: 1 }, { create: 1 }, { setns: 7 }, null])('attach() refuses the options %j', async (options) => {
    await using scratch = await shop.set.fsmount({ type: 'tmpfs' });
    await expect(scratch.attach('/mnt', options as object)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_INVALID_ARG_(TYPE|VALUE)$/) as string,
    });
  });

  test('sets that are closed, or have no mount namespace, are not worked in', async () => {
    await using user = await unshare('user');
    await expect(user.openTree('/usr')).rejects.toMatchObject({ code: 'ERR_LINUX_NS_NO_SUCH_KIND' });
    await expect(user.fsmount({ type: 'tmpfs' })).rejects.toMatchObject({ code: 'ERR_LINUX_NS_NO_SUCH_KIND' });
    const closed = await unshare(['user', 'mnt']);
    await closed.close();
    await using tree = await shop.set.openTree('/usr');
    await expect(tree.attach('/mnt', { setns: closed })).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
  });
});

test('one that is forgotten is unmounted by the garbage collector, with a warning', async () => {
  const script = `
    const { unshare } = require(${JSON.stringify(join(__dirname, '../../lib'))});
    process.on('warning', ({ code, message }) => console.log(code, message));
    (async () => {
      const set = await unshare(['user', 'mnt']);
      await (async () => { await set.fsmount({ type: 'tmpfs' }); })();
      let warned = false;
      process.on('warning', () => (warned = true));
      for (const end = Date.now() + ${ONE_WAIT}; !warned && Date.now() < end;) { gc(); await new Promise((resolve) => setTimeout(resolve, 10)); }
      await set.close();
    })();`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--expose-gc', '--no-warnings', '-r', 'tsx/cjs', '-e', script],
    { cwd: join(__dirname, '../..') },
  );
  expect(stdout).toMatch(/^LINUX_NS_UNCLOSED A DetachedMount \(tmpfs\) was collected as garbage/);
});

needs({ root: true }).describe('as root, on the host', () => {
  let folder: string;
  let tree: DetachedMount | undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ns-detached-'));
    chmodSync(folder, 0o755);
    for (const name of ['from', 'to']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'from/file'), 'from the host');
  });
  afterEach(async () => {
    await tree?.close();
    expect(mountsBelow(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  test('a tree is attached on the host', async () => {
    tree = await openTree(join(folder, 'from'));
    expect(mountsBelow(folder)).toEqual([]);
    await tree.attach(join(folder, 'to'));
    expect(readFileSync(join(folder, 'to/file'), 'utf8')).toBe('from the host');
    await umount(join(folder, 'to'));
  });

  test('a filesystem is attached on the host', async () => {
    tree = await fsmount({ type: 'tmpfs', mode: 0o700 });
    await tree.attach(join(folder, 'to'));
    expect(mountsBelow(folder)).toEqual([join(folder, 'to')]);
    await umount(join(folder, 'to'));
  });

  test('a directory of the host is handed to a user namespace, whose own ids it then has', async () => {
    const map = [{ inside: 0, outside: 100_000, count: 65_536 }];
    await using set = await unshare({ user: { uidMap: map, gidMap: map }, mnt: true });
    const stat = async (path: string): Promise<string> =>
      (await set.execFile('stat', ['-c', '%u:%g', path])).stdout.trim();
    expect(await stat(join(folder, 'from/file'))).toBe('65534:65534');

    tree = await openTree(join(folder, 'from'), { idmap: set.user });
    await tree.attach('/mnt', { setns: set });
    expect(await stat('/mnt/file')).toBe('0:0');
    const [mount] = (await set.mountinfo()).filter(({ target }) => target === '/mnt');
    expect(mount?.options).toContain('idmapped');
    await set.writeFile('/mnt/new', 'made inside', { create: true });
    expect((await set.execFile('stat', ['-c', '%u:%g', '/mnt/new'])).stdout).toBe('0:0\n');
    // On disk it belongs to root, and not to a number of the range.
    expect(readFileSync(join(folder, 'from/new'), 'utf8')).toBe('made inside');
  });
});
