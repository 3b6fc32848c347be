import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MountOptions, mount, umount } from '../../lib';
import { isAtLeast } from '../../lib/kernel/version';
import { mountsBelow } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { Workshop } from './in-a-set';

let shop: Workshop;
beforeEach(async () => {
  shop = await Workshop.open(['user', 'mnt', 'pid', 'net', 'ipc', 'cgroup', 'uts']);
});
afterEach(() => shop.close());

/** Mounts something, and gives the mount. */
async function mounted(options: Omit<MountOptions, 'target'>): Promise<{ path: string; superOptions: string }> {
  const [path] = await shop.directories('m');
  await shop.set.mount({ ...options, target: path });
  const mount = await shop.mountAt(path);
  expect(mount?.type).toBe(options.type);
  return { path, superOptions: mount?.superOptions.join() ?? '' };
}

const list = async (path: string): Promise<string[]> =>
  (await shop.set.execFile('ls', ['-A', path])).stdout.trimEnd().split('\n');

describe('tmpfs', () => {
  test('has a size and a mode', async () => {
    const { path, superOptions } = await mounted({ type: 'tmpfs', size: 64 << 10, mode: 0o2750 });
    expect(superOptions).toContain('size=64k,mode=2750');
    await expect(
      shop.set.writeFile(join(path, 'big'), Buffer.alloc(128 << 10), { create: true }),
    ).rejects.toMatchObject({ code: 'ENOSPC' });
  });

  test('has options by name: numbers, strings, flags', async () => {
    const options = { size: '1m', nr_inodes: 17, mode: '700', huge: 'never', noswap: false };
    expect((await mounted({ type: 'tmpfs', options })).superOptions).toContain('size=1024k,nr_inodes=17,mode=700');
  });

  test('shows its source in mountinfo', async () => {
    const { path } = await mounted({ type: 'tmpfs', source: 'my scratch' });
    expect(await shop.mountAt(path)).toMatchObject({ source: 'my scratch' });
  });
});

describe('proc', () => {
  test('shows the pid namespace, in part if asked', async () => {
    const { path, superOptions } = await mounted({ type: 'proc', subset: 'pid', hidepid: 'invisible' });
    expect(superOptions).toBe('rw,hidepid=invisible,subset=pid');
    const names = await list(path);
    expect(names).toEqual(expect.arrayContaining(['self', 'thread-self']));
    // Who lists it is in there; the init is not for an ordinary user, who may not trace it.
    expect(names).toContainEqual(expect.stringMatching(/^\d$/));
    expect(names).not.toContain('cpuinfo');
  });
});

test('sysfs shows the net namespace', async () => {
  const { path } = await mounted({ type: 'sysfs', readOnly: true });
  expect(await list(join(path, 'class/net'))).toEqual(['lo']);
  expect(await shop.optionsAt(path)).toContain('ro');
});

test('mqueue shows the queues of the ipc namespace', async () => {
  const { path } = await mounted({ type: 'mqueue' });
  await shop.set.execFile('touch', [join(path, 'queue')]);
  expect(await shop.set.readFile(join(path, 'queue'), 'utf8')).toMatch(/^QSIZE:0 /);
});

test('devpts is an instance of its own, with terminals of its own', async () => {
  const { path, superOptions } = await mounted({
    type: 'devpts',
    options: { newinstance: true, ptmxmode: '0666', max: 1 },
  });
  expect(superOptions).toMatch(/ptmxmode=666,max=1/);
  expect(await list(path)).toEqual(['ptmx']);
});

test('cgroup2 has its root where the cgroup namespace has it', async () => {
  const { path } = await mounted({ type: 'cgroup2', noSuid: true, noDev: true, noExec: true });
  expect(await list(path)).toContain('cgroup.procs');
  expect(await shop.mountAt(path)).toMatchObject({
    root: /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1],
    options: expect.arrayContaining(['noexec']) as string[],
  });
});

describe('overlay', () => {
  async function layers(): Promise<{ lower: string[]; upper: string; work: string }> {
    const [one, two, upper, work] = await shop.directories('one', 'two', 'upper', 'work');
    await shop.set.writeFile(join(one, 'both'), 'from one', { create: true });
    await shop.set.writeFile(join(two, 'both'), 'from two', { create: true });
    await shop.set.writeFile(join(two, 'second'), 'from two', { create: true });
    return { lower: [one, two], upper, work };
  }

  test('the uppermost layer that has a file shows it, and what is written goes to the upper one', async () => {
    const { lower, upper, work } = await layers();
    const { path } = await mounted({ type: 'overlay', lower, upper, work });
    expect(await shop.set.readFile(join(path, 'both'), 'utf8')).toBe('from one');
    expect(await shop.set.readFile(join(path, 'second'), 'utf8')).toBe('from two');
    await shop.set.writeFile(join(path, 'second'), 'changed');
    expect(await list(upper)).toEqual(['second']);
    expect(await shop.set.readFile(join(shop.folder, 'two/second'), 'utf8')).toBe('from two');
  });

  test('without an upper layer it can be read only', async () => {
    const { lower } = await layers();
    const { path } = await mounted({ type: 'overlay', lower });
    await expect(shop.set.writeFile(join(path, 'both'), 'x')).rejects.toMatchObject({ code: 'EROFS' });
  });

  const again = 'in a user namespace a removed directory can be made again: that takes userxattr (on a tmpfs 6.6)';
  (isAtLeast(release(), [6, 6]) ? test : test.skip)(again, async () => {
    const [lower, upper, work] = await shop.directories('one', 'upper', 'work', 'one/directory/inside');
    const { path, superOptions } = await mounted({ type: 'overlay', lower: [lower], upper, work });
    expect(superOptions).toContain('userxattr');
    await shop.set.exec(`rm -r ${path}/directory && mkdir ${path}/directory`);
    expect((await shop.set.execFile('ls', ['-A', join(path, 'directory')])).stdout).toBe('');
  });

  test('layers may have colons, commas and backslashes in their names', async () => {
    const [one, two] = await shop.directories('one: a,b\\c', 'two\\:,');
    await shop.set.writeFile(join(two, 'deep'), 'down here', { create: true });
    const { path } = await mounted({ type: 'overlay', lower: [one, two] });
    expect(await shop.set.readFile(join(path, 'deep'), 'utf8')).toBe('down here');
  });

  (isAtLeast(release(), [6, 7]) ? test : test.skip)('layers may be many (6.7)', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `layer ${index}: a,b\\c`);
    const lower = await shop.directories(...names);
    await shop.set.writeFile(join(lower.at(-1) ?? '', 'deep'), 'down here', { create: true });
    const { path } = await mounted({ type: 'overlay', lower });
    expect(await shop.set.readFile(join(path, 'deep'), 'utf8')).toBe('down here');
  });

  test('its layers can be given as data, as for mount(2)', async () => {
    const { lower } = await layers();
    const { path } = await mounted({ type: 'overlay', data: `lowerdir=${lower.join(':')}` });
    expect(await shop.set.readFile(join(path, 'second'), 'utf8')).toBe('from two');
  });

  test.each<[Partial<MountOptions>, string]>([
    [{ type: 'tmpfs', lower: ['/usr'] }, 'options.lower'],
    [{ lower: [] }, 'options.lower'],
    [{ lower: '/usr' as never }, 'options.lower'],
    [{ lower: ['/usr', ''] }, 'options.lower[1]'],
    [{ lower: ['/usr'], upper: '/mnt' }, 'options'],
    [{ lower: ['/usr'], work: '/mnt' }, 'options'],
    [{ upper: '/mnt', work: '/mnt' }, 'options.lower'],
    [{ lower: ['/usr'], source: 'overlay' }, 'options.source'],
    [{ lower: ['/usr'], userxattr: 1 as never }, 'options.userxattr'],
  ])('%j is refused before anything is done', async (options, name) => {
    await expect(shop.set.mount({ type: 'overlay', target: shop.folder, ...options })).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_INVALID_ARG_(TYPE|VALUE)$/) as string,
      message: expect.stringContaining(name) as string,
    });
  });
});

needs({ root: true, tool: ['mkfs.erofs'] }).describe('erofs, as root', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ns-erofs-'));
    for (const name of ['content', 'target']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'content/file'), 'from the image');
    execFileSync('mkfs.erofs', [join(folder, 'image'), join(folder, 'content')], { stdio: 'ignore' });
  });
  afterEach(() => {
    expect(mountsBelow(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  (isAtLeast(release(), [6, 12]) ? test : test.skip)(
    'an image is mounted, and what is in it can be read (6.12)',
    async () => {
      const target = join(folder, 'target');
      await mount({ type: 'erofs', source: join(folder, 'image'), target, readOnly: true, noDev: true });
      expect(readFileSync(join(target, 'file'), 'utf8')).toBe('from the image');
      await umount(target);
    },
  );

  test('what is no such image is told', async () => {
    const target = join(folder, 'target');
    const attempt = mount({ type: 'erofs', source: join(folder, 'content/file'), target });
    await expect(attempt).rejects.toMatchObject({
      code: isAtLeast(release(), [6, 12]) ? 'EINVAL' : 'ENOTBLK',
      syscall: 'fsconfig',
      step: `mount erofs on ${target}`,
    });
  });
});
