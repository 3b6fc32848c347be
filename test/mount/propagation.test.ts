/** What Documentation/filesystems/sharedsubtree.rst of the kernel promises, table by table. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MountInfo, type NamespaceSet, type Propagation, unshare } from '../../lib';
import { using } from '../fixtures/causes';

type State = 'shared' | 'private' | 'slave' | 'shared and slave' | 'unbindable';

const STATES: readonly State[] = ['shared', 'private', 'slave', 'shared and slave', 'unbindable'];

let folder: string;
let set: NamespaceSet;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ns-propagation-'));
  set = await unshare(['user', 'mnt']);
  await set.mount({ type: 'tmpfs', target: folder });
});

afterEach(async () => {
  await set.close();
  rmSync(folder, { recursive: true });
});

/** A directory below the folder, made inside. */
async function directory(name: string): Promise<string> {
  const path = join(folder, name);
  await set.execFile('mkdir', ['-p', path]);
  return path;
}

/** A mount in a state; a slave needs a master, which is beside it. */
async function mountIn(state: State, name: string): Promise<string> {
  const path = await directory(name);
  if (state === 'slave' || state === 'shared and slave') {
    const master = await mountIn('shared', `${name}-master`);
    await set.mount({ bind: true, source: master, target: path });
    await set.setPropagation(path, 'slave');
  } else {
    await set.mount({ type: 'tmpfs', target: path });
  }
  await set.execFile('mkdir', ['-p', join(path, 'below')]);
  const last = state === 'shared and slave' ? 'shared' : state;
  if (last !== 'slave') await set.setPropagation(path, last);
  return path;
}

/** The uppermost mount on a path. */
async function mountAt(path: string, where = set): Promise<MountInfo> {
  const mount = (await where.mountinfo()).filter(({ target }) => target === path).at(-1);
  if (mount === undefined) throw new Error(`nothing is mounted on ${path}`);
  return mount;
}

function stateOf({ shared, master, unbindable }: MountInfo): State {
  if (shared !== undefined) return master === undefined ? 'shared' : 'shared and slave';
  if (master !== undefined) return 'slave';
  return unbindable ? 'unbindable' : 'private';
}

test.each(STATES)('a mount made %s is that', async (state) => {
  expect(stateOf(await mountAt(await mountIn(state, 'm')))).toBe(state);
});

test('links are followed, but those of /proc are not: they can lead to mounts of others', async () => {
  const path = await mountIn('private', 'm');
  for (const [name, to] of Object.entries({ plain: path, magic: `/proc/self/root${path}` })) {
    await set.execFile('ln', ['-s', to, join(folder, name)]);
  }
  await expect(set.setPropagation(join(folder, 'magic'), 'shared')).rejects.toMatchObject({ code: 'ELOOP' });
  expect(stateOf(await mountAt(path))).toBe('private');
  await set.setPropagation(join(folder, 'plain'), 'shared');
  expect(stateOf(await mountAt(path))).toBe('shared');
});

describe('state transitions', () => {
  const table: [from: State, to: Propagation, becomes: State][] = [
    ['shared', 'shared', 'shared'],
    ['shared', 'slave', 'private'], // nobody else is in its peer group, so there is no master
    ['shared', 'private', 'private'],
    ['shared', 'unbindable', 'unbindable'],
    ['slave', 'shared', 'shared and slave'],
    ['slave', 'slave', 'slave'],
    ['slave', 'private', 'private'],
    ['slave', 'unbindable', 'unbindable'],
    ['shared and slave', 'shared', 'shared and slave'],
    ['shared and slave', 'slave', 'slave'],
    ['shared and slave', 'private', 'private'],
    ['shared and slave', 'unbindable', 'unbindable'],
    ['private', 'shared', 'shared'],
    ['private', 'slave', 'private'],
    ['private', 'private', 'private'],
    ['private', 'unbindable', 'unbindable'],
    ['unbindable', 'shared', 'shared'],
    ['unbindable', 'slave', 'unbindable'],
    ['unbindable', 'private', 'private'],
    ['unbindable', 'unbindable', 'unbindable'],
  ];

  test.each(table)('what is %s and made %s is %s', async (from, to, becomes) => {
    const path = await mountIn(from, 'm');
    await set.setPropagation(path, to);
    expect(stateOf(await mountAt(path))).toBe(becomes);
  });

  test('a shared mount with a peer becomes a slave of that peer', async () => {
    const path = await mountIn('shared', 'm');
    const peer = await directory('peer');
    await set.mount({ bind: true, source: path, target: peer });
    const { shared } = await mountAt(peer);
    await set.setPropagation(path, 'slave');
    expect(await mountAt(path)).toMatchObject({ master: shared });
  });
});

/** What the copy of a mount is, by the mount and by whether it is put on a shared one. */
const BIND: [source: State, target: State, becomes: State][] = [
  ['shared', 'shared', 'shared'],
  ['private', 'shared', 'shared'],
  ['slave', 'shared', 'shared and slave'],
  ['shared and slave', 'shared', 'shared and slave'],
  ['shared', 'private', 'shared'],
  ['private', 'private', 'private'],
  ['slave', 'private', 'slave'],
  ['shared and slave', 'slave', 'shared and slave'],
];

describe('bind', () => {
  test.each(BIND)('a %s mount bound on a %s one is %s', async (source, target, becomes) => {
    const from = await mountIn(source, 'from');
    const to = join(await mountIn(target, 'to'), 'below');
    await set.mount({ bind: true, source: from, target: to });
    const [original, copy] = [await mountAt(from), await mountAt(to)];
    expect(stateOf(copy)).toBe(becomes);
    expect(stateOf(original)).toBe(source);
    // It is a peer of its original, or a slave of the same master.
    if (original.shared !== undefined) expect(copy.shared).toBe(original.shared);
    expect(copy.master).toBe(original.master);
  });

  test('an unbindable mount is not bound', async () => {
    const from = await mountIn('unbindable', 'from');
    const to = await directory('to');
    await expect(set.mount({ bind: true, source: from, target: to })).rejects.toMatchObject({
      code: 'EINVAL',
      step: `bind ${from} on ${to}`,
    });
  });

  test('a recursive bind takes along what is mounted below, but for what is unbindable', async () => {
    const from = await directory('from');
    await mountIn('private', 'from/taken');
    await mountIn('unbindable', 'from/left');
    await mountIn('private', 'from/left/below/too');
    const to = await directory('to');
    await set.mount({ bind: true, recursive: true, source: from, target: to });
    const targets = (await set.mountinfo()).map(({ target }) => target).filter((target) => target.startsWith(`${to}/`));
    expect(targets).toEqual([`${to}/taken`]);
  });
});

describe('move', () => {
  test.each(BIND)('a %s mount moved to a %s one is %s', async (source, target, becomes) => {
    const from = await mountIn(source, 'from');
    const to = join(await mountIn(target, 'to'), 'below');
    await set.mount({ move: true, source: from, target: to });
    expect(stateOf(await mountAt(to))).toBe(becomes);
  });

  test('an unbindable mount stays unbindable, and is not moved to a shared one', async () => {
    const from = await mountIn('unbindable', 'from');
    const shared = join(await mountIn('shared', 'shared'), 'below');
    await expect(set.mount({ move: true, source: from, target: shared })).rejects.toMatchObject({ code: 'EINVAL' });
    const to = join(await mountIn('private', 'to'), 'below');
    await set.mount({ move: true, source: from, target: to });
    expect(stateOf(await mountAt(to))).toBe('unbindable');
  });

  test('what lies on a shared mount is not moved', async () => {
    const below = join(await mountIn('shared', 'from'), 'below');
    await set.mount({ type: 'tmpfs', target: below });
    const to = await directory('to');
    await expect(set.mount({ move: true, source: below, target: to })).rejects.toMatchObject({
      code: 'EINVAL',
      step: `move ${below} to ${to}`,
    });
  });
});

describe('mount and umount', () => {
  /** A mount and a bind of it. */
  async function pair(): Promise<[string, string]> {
    const one = await mountIn('shared', 'one');
    const other = await directory('other');
    await set.mount({ bind: true, source: one, target: other });
    return [one, other];
  }

  const mountedOn = async (path: string): Promise<boolean> =>
    (await set.mountinfo()).some(({ target }) => target === path);

  test('what is mounted on one peer is mounted on the other, and unmounted there as well', async () => {
    const [one, other] = await pair();
    await set.mount({ type: 'tmpfs', target: join(one, 'below') });
    const [here, there] = [await mountAt(join(one, 'below')), await mountAt(join(other, 'below'))];
    expect(there.shared).toBe(here.shared);
    expect(stateOf(here)).toBe('shared');
    await set.umount(join(other, 'below'));
    expect(await mountedOn(join(one, 'below'))).toBe(false);
  });

  test('a slave receives, and does not send', async () => {
    const [master, slave] = await pair();
    await set.setPropagation(slave, 'slave');
    await set.mount({ type: 'tmpfs', target: join(master, 'below') });
    expect(stateOf(await mountAt(join(slave, 'below')))).toBe('slave');
    await set.umount(join(slave, 'below'));
    expect(await mountedOn(join(master, 'below'))).toBe(true);
    await set.umount(join(master, 'below'));
    await set.mount({ type: 'tmpfs', target: join(slave, 'below') });
    expect(await mountedOn(join(master, 'below'))).toBe(false);
  });

  test('a private mount neither sends nor receives', async () => {
    const [one, other] = await pair();
    await set.setPropagation(other, 'private');
    await set.mount({ type: 'tmpfs', target: join(one, 'below') });
    expect(await mountedOn(join(other, 'below'))).toBe(false);
    expect(stateOf(await mountAt(join(one, 'below')))).toBe('shared');
  });

  test('what is mounted on a mount that is not shared is private', async () => {
    for (const state of ['private', 'slave', 'unbindable'] as const) {
      const below = join(await mountIn(state, state), 'below');
      await set.mount({ type: 'tmpfs', target: below });
      expect(stateOf(await mountAt(below))).toBe('private');
    }
  });

  test('a peer with something mounted on the copy keeps it', async () => {
    const [one, other] = await pair();
    await set.mount({ type: 'tmpfs', target: join(one, 'below') });
    await set.setPropagation(join(other, 'below'), 'private');
    await set.execFile('mkdir', [join(other, 'below', 'deep')]);
    await set.mount({ type: 'tmpfs', target: join(other, 'below', 'deep') });
    await set.umount(join(one, 'below'));
    expect(await mountedOn(join(one, 'below'))).toBe(false);
    expect(await mountedOn(join(other, 'below', 'deep'))).toBe(true);
  });
});

describe('a new mount namespace', () => {
  /** One below the set's, in the same user namespace, as the kernel copies it. */
  function copy(propagation: Propagation | 'unchanged' = 'unchanged', from = set): Promise<NamespaceSet> {
    const sleep = from.spawn('sleep', ['1000'], { unshare: { mnt: { propagation } }, stdio: 'ignore' });
    return using(sleep, (program) => program.namespaces());
  }

  const has = async (where: NamespaceSet, path: string): Promise<boolean> =>
    (await where.mountinfo()).some(({ target }) => target === path);

  test.each(STATES)('what is %s is there as well, in the same peer groups', async (state) => {
    const path = await mountIn(state, 'm');
    await using other = await copy();
    const [original, copied] = [await mountAt(path), await mountAt(path, other)];
    expect(copied.id).not.toBe(original.id);
    expect([copied.shared, copied.master]).toEqual([original.shared, original.master]);
    // Newer kernels, Linux 6.18 for one, make the copy of an unbindable mount private.
    expect(stateOf(copied).replace('private', state)).toBe(state);
  });

  test('shared: a mount in one appears in the other, both ways', async () => {
    const path = await mountIn('shared', 'm');
    await using other = await copy();
    await set.mount({ type: 'tmpfs', source: 'from here', target: join(path, 'below') });
    expect(await mountAt(join(path, 'below'), other)).toMatchObject({ source: 'from here' });
    await other.umount(join(path, 'below'));
    expect(await has(set, join(path, 'below'))).toBe(false);
    await other.mount({ type: 'tmpfs', source: 'from there', target: join(path, 'below') });
    expect(await mountAt(join(path, 'below'))).toMatchObject({ source: 'from there' });
  });

  test('slave: what is mounted above appears below, and not the other way round', async () => {
    const path = await mountIn('shared', 'm');
    await using other = await copy('slave');
    expect((await mountAt(path, other)).master).toBe((await mountAt(path)).shared);
    await other.mount({ type: 'tmpfs', target: join(path, 'below') });
    expect(await has(set, join(path, 'below'))).toBe(false);
    await other.umount(join(path, 'below'));
    await set.mount({ type: 'tmpfs', target: join(path, 'below') });
    expect(await has(other, join(path, 'below'))).toBe(true);
  });

  test('private, the default of unshare(): neither way', async () => {
    const path = await mountIn('shared', 'm');
    await using other = await copy('private');
    await set.mount({ type: 'tmpfs', target: join(path, 'below') });
    expect(await has(other, join(path, 'below'))).toBe(false);
  });

  test('shared and slave: a slave that is shared hands on what it receives', async () => {
    const path = await mountIn('shared', 'm');
    await using middle = await copy('slave');
    await middle.setPropagation(path, 'shared');
    await using last = await copy('unchanged', middle);
    await set.mount({ type: 'tmpfs', source: 'handed on', target: join(path, 'below') });
    expect(await mountAt(join(path, 'below'), last)).toMatchObject({ source: 'handed on' });
    expect(stateOf(await mountAt(path, last))).toBe('shared and slave');
    await last.umount(join(path, 'below'));
    expect(await has(middle, join(path, 'below'))).toBe(false);
    expect(await has(set, join(path, 'below'))).toBe(true);
  });

  test('in a new user namespace a shared mount becomes a slave: nothing gets out', async () => {
    const path = await mountIn('shared', 'm');
    const sleep = set.spawn('sleep', ['1000'], {
      unshare: { user: true, mnt: { propagation: 'unchanged' } },
      stdio: 'ignore',
    });
    await using(sleep, async (program) => {
      await using below = await program.namespaces();
      expect(await mountAt(path, below)).toMatchObject({ master: (await mountAt(path)).shared });
      expect(stateOf(await mountAt(path, below))).toBe('slave');
    });
  });
});
