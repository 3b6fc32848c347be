import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MountInfo, type NamespaceSet, mountTree, mountinfo, peerGroups, unshare } from '../../lib';
import { isAtLeast } from '../../lib/kernel/version';
import { run } from '../../lib/launch/launch';
import type { Step } from '../../types/native';
import { expectCause } from '../fixtures/causes';
import { expectNothingLeft, footprint } from '../fixtures/footprint';

describe('of this process', () => {
  /** What others mount on this host in between is none of the test's: another look is taken then. */
  async function whileNothingChanges<T>(look: () => Promise<T>): Promise<[seen: T, lines: string[]]> {
    for (;;) {
      const before = readFileSync('/proc/self/mountinfo', 'utf8');
      const seen = await look();
      if (readFileSync('/proc/self/mountinfo', 'utf8') === before) return [seen, before.trimEnd().split('\n')];
    }
  }

  test('every line of /proc/self/mountinfo is there, in its order', async () => {
    const [mounts, lines] = await whileNothingChanges(mountinfo);
    expect(mounts.map(({ id }) => id)).toEqual(lines.map((line) => parseInt(line, 10)));
  });

  test('the device of a mount is that of its files', async () => {
    const proc = (await mountinfo()).find(({ target }) => target === '/proc');
    expect(proc).toMatchObject({ type: 'proc', root: '/', deleted: false, unbindable: false });
    // makedev(3): devices without a driver have major 0 and a minor number of up to 20 bits.
    expect([proc?.major, proc?.minor]).toEqual([0, statSync('/proc').dev]);
  });

  test('a pid is as good as no argument', async () => {
    const [[byPid, byDefault]] = await whileNothingChanges(() => Promise.all([mountinfo(process.pid), mountinfo()]));
    expect(byPid).toEqual(byDefault);
  });

  test('nothing is left open', async () => {
    const before = footprint();
    await Promise.all([mountinfo(), mountinfo(process.pid), mountinfo('self')]);
    await expectNothingLeft(before);
  });

  (isAtLeast(release(), [6, 8]) ? test : test.skip)('a mount has an ID that no other ever has (6.8)', async () => {
    const [mounts] = await whileNothingChanges(mountinfo);
    const ids = mounts.map(({ uniqueId }) => uniqueId);
    expect(ids).not.toContain(undefined);
    expect(new Set(ids).size).toBe(mounts.length);
    const byId = new Map(mounts.map((mount) => [mount.id, mount]));
    for (const { parentId, uniqueParentId } of mounts) {
      if (byId.has(parentId)) expect(byId.get(parentId)?.uniqueId).toBe(uniqueParentId);
    }
  });
});

describe('of another process', () => {
  test.each([0, -1, 1.5, '1', null])('%p is no pid', async (pid) => {
    await expect(mountinfo(pid as number)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/) as string,
    });
  });

  test('who is not there is told', async () => {
    const pid = Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8')) + 1;
    const path = `/proc/${pid}/mountinfo`;
    await expectCause(mountinfo(pid), { code: 'ESRCH', path, kind: 'mnt', hint: 'no such process' });
  });

  test('it is what that process sees', async () => {
    await using set = await unshare(['user', 'mnt']);
    await set.mount({ type: 'tmpfs', source: 'only inside', target: '/mnt' });
    await using program = await set.spawn('sleep', ['1000'], { stdio: 'ignore' });
    const [seen, own] = await Promise.all([mountinfo(program.pid), mountinfo()]);
    expect(seen.at(-1)).toMatchObject({ target: '/mnt', source: 'only inside' });
    expect(own.map(({ source }) => source)).not.toContain('only inside');
  });
});

describe('of a set', () => {
  let folder: string;
  let set: NamespaceSet;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ns-mountinfo-'));
    set = await unshare(['user', 'mnt', 'pid']);
  });

  afterEach(async () => {
    await set.close();
    rmSync(folder, { recursive: true });
  });

  const at = (mounts: readonly MountInfo[], target: string) => mounts.filter((mount) => mount.target === target);

  test('it is what a program inside sees', async () => {
    const mounts = await set.mountinfo();
    const text = (await set.execFile('cat', ['/proc/self/mountinfo'])).stdout;
    expect(mounts.map(({ id }) => id)).toEqual(
      text
        .trimEnd()
        .split('\n')
        .map((line) => parseInt(line, 10)),
    );
  });

  test('it takes no /proc inside', async () => {
    await set.mount({ type: 'tmpfs', target: '/proc' });
    expect(at(await set.mountinfo(), '/proc').at(-1)).toMatchObject({ type: 'tmpfs' });
  });

  test('a set without a mount namespace is not asked for the host', async () => {
    await using other = await unshare('user');
    await expect(other.mountinfo()).rejects.toMatchObject({ code: 'ERR_LINUX_NS_NO_SUCH_KIND', kind: 'mnt' });
  });

  (isAtLeast(release(), [6, 11]) ? test : test.skip)('it has the IDs that stay, too (6.11)', async () => {
    const mounts = await set.mountinfo();
    expect(mounts.map(({ uniqueId }) => typeof uniqueId)).toEqual(mounts.map(() => 'bigint'));
  });

  test('awkward names are read as they are', async () => {
    const target = join(folder, 'a b\t#\\040\n,ü');
    mkdirSync(target);
    await set.mount({ type: 'tmpfs', source: 'x y', target });
    expect(at(await set.mountinfo(), target)).toMatchObject([{ source: 'x y', type: 'tmpfs' }]);
  });

  test('a bind mount has the directory it came from, also when that is removed', async () => {
    await set.mount({ type: 'tmpfs', target: folder });
    await set.exec(`mkdir -p ${folder}/from/here ${folder}/to`);
    await set.mount({ bind: true, source: `${folder}/from/here`, target: `${folder}/to` });
    expect(at(await set.mountinfo(), `${folder}/to`)).toMatchObject([{ root: '/from/here', deleted: false }]);
    await set.exec(`rmdir ${folder}/from/here`);
    expect(at(await set.mountinfo(), `${folder}/to`)).toMatchObject([{ root: '/from/here', deleted: true }]);
  });

  test('what is covered is in the list, and by what', async () => {
    await set.mount({ type: 'tmpfs', source: 'lower', target: folder });
    await set.exec(`mkdir ${folder}/below`);
    await set.mount({ type: 'tmpfs', source: 'below', target: `${folder}/below` });
    await set.mount({ type: 'tmpfs', source: 'upper', target: folder });
    const mounts = await set.mountinfo();
    const [lower, upper] = at(mounts, folder);
    expect([lower?.source, upper?.source]).toEqual(['lower', 'upper']);
    expect(upper).not.toHaveProperty('coveredBy');
    expect(lower?.coveredBy).toBe(upper?.id);
    expect(at(mounts, `${folder}/below`)).toMatchObject([{ source: 'below', coveredBy: upper?.id }]);
    await set.umount(folder);
    const after = await set.mountinfo();
    expect(at(after, folder)[0]).not.toHaveProperty('coveredBy');
    expect(at(after, `${folder}/below`)[0]).not.toHaveProperty('coveredBy');
  });

  test('the tree shows what lies on what', async () => {
    await set.mount({ type: 'tmpfs', target: folder });
    await set.exec(`mkdir ${folder}/a ${folder}/b`);
    await set.mount({ type: 'tmpfs', target: `${folder}/a` });
    await set.mount({ type: 'tmpfs', target: `${folder}/b` });
    const mounts = await set.mountinfo();
    const roots = mountTree(mounts);
    expect(roots.map(({ mount }) => mount.target)).toEqual(['/']);
    const all = [...roots];
    for (const node of all) all.push(...node.children);
    expect(all.map(({ mount }) => mount.id).sort()).toEqual(mounts.map(({ id }) => id).sort());
    const node = all.find(({ mount }) => mount.target === folder);
    expect(node?.children.map(({ mount }) => mount.target)).toEqual([`${folder}/a`, `${folder}/b`]);
  });

  test('peers and slaves are found by their group, across namespaces', async () => {
    await set.mount({ type: 'tmpfs', target: folder });
    await set.setPropagation(folder, 'shared');
    await using copy = await copyOf(set, 'unchanged');
    await using slave = await copyOf(set, 'slave');
    const [own, copied, slaved] = await Promise.all([set.mountinfo(), copy.mountinfo(), slave.mountinfo()]);
    const [mount] = at(own, folder);
    const group = peerGroups([...own, ...copied, ...slaved]).get(mount?.shared ?? -1);
    expect(group?.id).toBe(mount?.shared);
    expect(group?.peers).toEqual([...at(own, folder), ...at(copied, folder)]);
    expect(group?.slaves).toEqual(at(slaved, folder));
  });

  /** A new mount namespace below that of a set. */
  async function copyOf(above: NamespaceSet, propagation: 'unchanged' | 'slave'): Promise<NamespaceSet> {
    await using program = await above.spawn('sleep', ['1000'], { unshare: { mnt: { propagation } }, stdio: 'ignore' });
    return await program.namespaces();
  }

  test('ten thousand mounts leave the event loop room', async () => {
    const count = 10_000;
    await set.mount({ type: 'tmpfs', target: folder });
    await set.exec(`cd ${folder} && seq ${count} | xargs mkdir`);
    const names = Array.from({ length: count }, (_, index) => `${folder}/${index + 1}`);
    await run(
      { join: [...set] },
      names.map((name): Step => ['tree', name, [], 0, 0, 0, 0, [], name]),
    );
    let turns = 0;
    let done = false;
    const turn = (): void => {
      turns++;
      if (!done) setImmediate(turn);
    };
    setImmediate(turn);
    const mounts = await set.mountinfo();
    done = true;
    expect(mounts.filter(({ target }) => target.startsWith(`${folder}/`))).toHaveLength(count);
    expect(turns).toBeGreaterThan(count / 500);
  });
});

test('a list and its tree can be written as JSON, in which the unique IDs are numbers', async () => {
  const mounts = await mountinfo();
  const [first] = JSON.parse(JSON.stringify(mounts)) as Record<string, unknown>[];
  const { uniqueId, uniqueParentId, ...rest } = mounts[0]!;
  expect(first).toEqual({
    ...rest,
    ...(uniqueId === undefined ? {} : { uniqueId: Number(uniqueId), uniqueParentId: Number(uniqueParentId) }),
  });
  expect(JSON.parse(JSON.stringify(mountTree(mounts)))).toBeDefined();
});

describe('of what is no list of mounts', () => {
  test.each([[undefined], ['/'], [{}], [[null]], [new Array(1)]])(
    'there is no tree, and no peer group: %p',
    (value) => {
      const refusal = expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }) as Error;
      expect(() => mountTree(value as never)).toThrow(refusal);
      expect(() => peerGroups(value as never)).toThrow(refusal);
    },
  );
});
