/** The steps that make a root, where the namespace they start in is not as usual: src/nsinit/staging.c. */
import type { Step } from '../../types/native';
import { launch, runBody } from '../../lib/launch/launch';
import { PLACE } from '../../lib/plan/place';
import { makeStep } from '../../lib/plan/step';
import { setOf, openAll } from '../../lib/set/namespace-set';

const { MAKE_MISSING, NEW_ROOT, RECURSIVE } = PLACE;

const NEW: Step[] = [
  ['fs', 'tmpfs', 'the-new-root', ['mode=0755'], 0, '/', NEW_ROOT],
  ['make_file', '/marker', 0o644, 'the new root', []],
  ['tree', '/proc', [], MAKE_MISSING | RECURSIVE, 0, 0, 0, [], '/proc'],
];

/** What is found by a task that joins the mount namespace of a holder which has made its root so. */
async function rootAfter(before: readonly Step[]): Promise<{ marker: string; mounts: string[] }> {
  const unshare = { user: true, mnt: true } as const;
  const steps: Step[] = [...before, ...NEW, ['pivot_root', null, null], ['hold']];
  const task = await launch({ unshare }, { steps, ids: 'default' });
  const set = setOf(openAll(task, ['mnt', 'user']), task);
  task.release();
  try {
    const read = async (path: string): Promise<string> =>
      (await runBody({ join: [...set] }, { steps: [['read_file', path, 1 << 20]], ids: 'default' })).data.toString();
    const lines = (await read('/proc/thread-self/mountinfo')).trim().split('\n');
    return { marker: await read('/../marker'), mounts: lines.map((line) => line.split(' ')[4] ?? '') };
  } finally {
    await set.close();
  }
}

test('the new root is the only one, and its mounts the only ones', async () => {
  const { marker, mounts } = await rootAfter([]);
  expect(marker).toBe('the new root');
  expect(mounts.filter((path) => path === '/')).toHaveLength(1);
  expect(mounts.filter((path) => path !== '/' && !path.startsWith('/proc'))).toEqual([]);
});

test('also where the old root was covered: all of it goes, and whoever joins comes to the new one', async () => {
  const { marker, mounts } = await rootAfter([
    ['fs', 'tmpfs', 'covers-the-old-root', [], 0, '/', 0],
    ['fs', 'tmpfs', 'covers-that', [], 0, '/', 0],
  ]);
  expect(marker).toBe('the new root');
  expect(mounts.filter((path) => path === '/')).toHaveLength(1);
});

test('also where there is no /proc to put it together on', async () => {
  const empty: Step = ['fs', 'tmpfs', 'hides-proc', [], 0, '/proc', 0];
  const without = NEW.slice(0, 2);
  const steps: Step[] = [empty, ...without, ['pivot_root', null, null], ['read_file', '/marker', 64]];
  const { data } = await runBody({ unshare: { user: true, mnt: true } }, { steps, ids: 'default' });
  expect(data.toString()).toBe('the new root');
});

test('what is written to a staged file is there, and staging is not', async () => {
  const steps: Step[] = [
    ...NEW,
    makeStep('data', { target: '/file', mode: 0o600, contents: 'contents', attributes: 1 }),
    ['overlay', ['/usr/share', '/usr/include'], null, null, ['userxattr'], 0, '/overlay', MAKE_MISSING | PLACE.DISCARD],
    ['pivot_root', null, null],
    ['read_file', '/file', 64],
  ];
  const { data } = await runBody({ unshare: { user: true, mnt: true } }, { steps, ids: 'default' });
  expect(data.toString()).toBe('contents');
});

test('data is mounted over what is there; what is missing stays so, with that flag', async () => {
  const over = (target: string): Step =>
    makeStep('data', { target, mode: 0o644, contents: 'contents', flags: PLACE.OPTIONAL });
  const ended: Step[] = [
    ['pivot_root', null, null],
    ['read_file', '/marker', 64],
  ];
  const links: Step[] = [['make_link', '/dangling', 'no/such'], ...['/no', '/no/such', '/dangling'].map(over)];
  const { data } = await runBody(
    { unshare: { user: true, mnt: true } },
    { steps: [...NEW, over('/marker'), ...links, ...ended], ids: 'default' },
  );
  expect(data.toString()).toBe('contents');
  for (const path of ['/no', '/dangling']) {
    const missing: Step[] = [...NEW, ...links, ['pivot_root', null, null], ['read_file', path, 64]];
    const reading = runBody({ unshare: { user: true, mnt: true } }, { steps: missing, ids: 'default' });
    await expect(reading).rejects.toMatchObject({ code: 'ENOENT' });
  }
});

test('a program’s umask is as it was, whatever was made before it', async () => {
  const steps: Step[] = [...NEW, ['pivot_root', null, null], ['read_file', '/proc/thread-self/status', 1 << 16]];
  const umask = process.umask(0o027);
  try {
    const { data } = await runBody({ unshare: { user: true, mnt: true } }, { steps, ids: 'default' });
    expect(data.toString()).toMatch(/^Umask:\s0027$/m);
  } finally {
    process.umask(umask);
  }
});
