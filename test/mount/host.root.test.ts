/** In the mount namespace of this process, which only root may change. */
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type MountInfo, type NamespaceSet, mount, mountinfo, setPropagation, umount, unshare } from '../../lib';
import { isAtLeast } from '../../lib/kernel/version';
import { mountsBelow } from '../fixtures/footprint';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ns-mount-host-'));
});
afterEach(async () => {
  expect(mountsBelow(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});

const at = (...names: string[]): string => join(folder, ...names);

async function mountAt(path: string): Promise<MountInfo | undefined> {
  return (await mountinfo()).filter(({ target }) => target === path).at(-1);
}

test('mounts, binds, moves, changes and unmounts', async () => {
  await mount({ type: 'tmpfs', target: folder, size: 1 << 20, propagation: 'private' });
  await mount({ type: 'tmpfs', target: at('one'), create: true, mode: 0o711 });
  expect(statSync(at('one')).mode & 0o7777).toBe(0o711);
  writeFileSync(at('one/file'), 'here');

  await mount({ bind: true, source: at('one'), target: at('two'), create: true, readOnly: true });
  expect(readFileSync(at('two/file'), 'utf8')).toBe('here');
  expect(() => writeFileSync(at('two/file'), '')).toThrow('EROFS');

  mkdirSync(at('three'));
  await mount({ move: true, source: at('two'), target: at('three') });
  expect(readdirSync(at('two'))).toEqual([]);

  await mount({ remount: true, bind: true, target: at('three'), readOnly: false, noExec: true });
  writeFileSync(at('three/file'), 'there');
  expect(readFileSync(at('one/file'), 'utf8')).toBe('there');
  expect((await mountAt(at('three')))?.options).toContain('noexec');

  await umount(folder, { recursive: true });
});

test('paths are those of this process: relative ones, URLs, links', async () => {
  mkdirSync(at('real'));
  symlinkSync('real', at('link'));
  await mount({ type: 'tmpfs', target: relative(process.cwd(), at('link')) });
  expect(mountsBelow(folder)).toEqual([at('real')]);
  await umount(new URL(`file://${at('real')}`));
});

test('an overlay has trusted attributes, and not those of a user', async () => {
  await mount({ type: 'tmpfs', target: folder });
  for (const name of ['lower/directory', 'upper', 'work', 'all']) mkdirSync(at(name), { recursive: true });
  await mount({ type: 'overlay', target: at('all'), lower: [at('lower')], upper: at('upper'), work: at('work') });
  expect((await mountAt(at('all')))?.superOptions).not.toContain('userxattr');
  rmSync(at('all/directory'), { recursive: true });
  expect(readdirSync(at('all'))).toEqual([]);
  // A whiteout is a device 0/0.
  expect(statSync(at('upper/directory')).rdev).toBe(0);
  await umount(folder, { recursive: true });
});

test('propagation is set recursively', async () => {
  await mount({ type: 'tmpfs', target: folder });
  await mount({ type: 'tmpfs', target: at('below'), create: true });
  await setPropagation(folder, 'shared', { recursive: true });
  expect((await mountAt(at('below')))?.shared).toBeGreaterThan(0);
  await setPropagation(folder, 'private', { recursive: true });
  expect(await mountAt(at('below'))).not.toHaveProperty('shared');
  await umount(folder, { recursive: true });
});

test('a failure leaves nothing mounted', async () => {
  await expect(mount({ type: 'tmpfs', target: at('no/such'), propagation: 'shared' })).rejects.toMatchObject({
    code: 'ENOENT',
    step: `mount tmpfs on ${at('no/such')}`,
  });
  await expect(mount({ bind: true, source: '/nosuch', target: folder, readOnly: true })).rejects.toMatchObject({
    code: 'ENOENT',
    syscall: 'open_tree',
  });
  expect(mountsBelow(folder)).toEqual([]);
});

describe('id-mapped', () => {
  const map = [
    { inside: 0, outside: 200_000, count: 1000 },
    { inside: 1000, outside: 300_000, count: 1 },
  ];
  let set: NamespaceSet;
  beforeEach(async () => {
    set = await unshare({ user: { uidMap: map, gidMap: map } });
    await mount({ type: 'tmpfs', target: folder });
    mkdirSync(at('seen'));
    writeFileSync(at('file'), '');
  });
  afterEach(async () => {
    await umount(folder, { recursive: true });
    await set.close();
  });

  (isAtLeast(release(), [6, 3]) ? test : test.skip)('files have the owners of the map (tmpfs: 6.3)', async () => {
    await mount({ bind: true, source: folder, target: at('seen'), idmap: set.user });
    expect(statSync(at('seen/file')).uid).toBe(200_000);
    expect(statSync(at('file')).uid).toBe(0);
    expect((await mountAt(at('seen')))?.options).toContain('idmapped');
  });

  (isAtLeast(release(), [6, 18]) ? test : test.skip)('mountinfo() has the maps (6.18)', async () => {
    await mount({ type: 'tmpfs', target: at('seen'), idmap: set.user, noSuid: true });
    expect(await mountAt(at('seen'))).toMatchObject({ uidMap: map, gidMap: map });
    expect((await mountAt(at('seen')))?.options).toEqual(expect.arrayContaining(['nosuid', 'idmapped']));
    expect(await mountAt(folder)).not.toHaveProperty('uidMap');
  });

  test('what can have no map is told', async () => {
    await mount({ type: 'tmpfs', target: at('seen') });
    await expect(mount({ bind: true, source: '/proc', target: at('seen'), idmap: set.user })).rejects.toMatchObject({
      code: 'EINVAL',
      syscall: 'mount_setattr',
      hint: expect.stringContaining("can't be id-mapped") as string,
    });
  });

  test('a namespace that is closed by then is none', async () => {
    const closed = await set.user!.duplicate();
    await closed.close();
    await expect(mount({ bind: true, source: '/usr', target: at('seen'), idmap: closed })).rejects.toMatchObject({
      code: 'ERR_LINUX_NS_CLOSED',
    });
  });
});
