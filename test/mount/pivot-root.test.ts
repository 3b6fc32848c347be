import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { unshare } from '../../lib';
import { Workshop } from './in-a-set';

let shop: Workshop;
beforeEach(async () => {
  shop = await Workshop.open(['user', 'mnt', 'pid']);
});
afterEach(() => shop.close());

/** A root in which programs of the host run. */
async function root(): Promise<string> {
  const [path] = await shop.directories('root', 'root/old', 'root/proc');
  await shop.set.mount({ bind: true, recursive: true, source: path, target: path });
  for (const name of ['usr', 'bin', 'lib', 'lib64', 'etc']) {
    const target = join(path, name);
    await shop.set.mount({ bind: true, recursive: true, source: `/${name}`, target, create: true, readOnly: true });
  }
  await shop.set.mount({ type: 'proc', target: join(path, 'proc') });
  return path;
}

test('what is inside is all there is: the old root is gone', async () => {
  await shop.set.pivotRoot(await root());
  const mounts = await shop.set.mountinfo();
  expect(mounts.map(({ target }) => target)).toEqual(['/', '/usr', '/bin', '/lib', '/lib64', '/etc', '/proc']);
  const { stdout } = await shop.set.execFile('ls', ['/']);
  expect(stdout.split('\n')).toEqual(['bin', 'etc', 'lib', 'lib64', 'old', 'proc', 'usr', '']);
});

test('the old root can be kept, and unmounted later', async () => {
  const path = await root();
  await shop.set.pivotRoot(path, join(path, 'old'));
  expect((await shop.set.execFile('ls', ['/old'])).stdout).toContain('proc\n');
  await shop.set.umount('/old', { detach: true });
  expect((await shop.set.execFile('ls', ['/old'])).stdout).toBe('');
});

test('a program that runs there has the new root as well', async () => {
  const program = await shop.set.spawn('sh', ['-c', 'echo ready; read line; cd /; echo *'], { cwd: '/' });
  await new Promise((resolve) => program.stdout?.once('data', resolve));
  await shop.set.pivotRoot(await root());
  program.stdin?.end('\n');
  const [listed] = await Promise.all([
    new Promise((resolve) => program.stdout?.once('data', (data: Buffer) => resolve(String(data)))),
    program.exited,
  ]);
  expect(listed).toBe('bin etc lib lib64 old proc usr\n');
});

test('this process keeps its own root', async () => {
  const before = readlinkSync('/proc/self/root');
  await shop.set.pivotRoot(await root());
  expect(readlinkSync('/proc/self/root')).toBe(before);
});

test.each([
  ['a directory that is no mount point', '/usr', undefined, 'EINVAL'],
  ['what is not there', '/no/such', undefined, 'ENOENT'],
  ['a place for the old root that is not below', '/mnt', '/usr', 'EBUSY'],
])('%s is refused', async (_, newRoot, putOld, code) => {
  await shop.set.mount({ type: 'tmpfs', target: '/mnt' });
  await expect(shop.set.pivotRoot(newRoot, putOld)).rejects.toMatchObject({
    code,
    kind: 'mnt',
    step: `change root to ${newRoot}`,
  });
  expect((await shop.set.execFile('ls', ['/'])).stdout).toContain('proc\n');
});

test('a set without a mount namespace has no root to change', async () => {
  await using other = await unshare('user');
  await expect(other.pivotRoot('/mnt')).rejects.toMatchObject({ code: 'ERR_LINUX_NS_NO_SUCH_KIND' });
});
