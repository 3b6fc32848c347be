import { readGidMap, readUidMap, setSetgroups, spawn, unshare, writeGidMap, writeUidMap } from '../../lib';
import type { IdMap, NamespaceSet } from '../../lib';
import { readFileSync } from 'node:fs';
import { expectNothingLeft, footprint } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';

const uid = process.geteuid?.() ?? 0;
const gid = process.getegid?.() ?? 0;

/** A set whose init can be asked for its maps from outside. */
async function withMaps<T>(maps: object, use: (set: NamespaceSet, pid: number) => Promise<T>): Promise<T> {
  const set = await unshare({ user: maps, pid: true });
  try {
    return await use(set, set.init!);
  } finally {
    await set.close();
  }
}

/** A program in a user namespace that has no map yet. (An init would not do: it is not dumpable, and so root's.) */
async function unmapped<T>(use: (pid: number) => Promise<T>): Promise<T> {
  const child = await spawn('sleep', ['60'], { unshare: { user: { uidMap: [], gidMap: [] } }, stdio: 'ignore' });
  try {
    return await use(child.pid);
  } finally {
    await child[Symbol.asyncDispose]();
  }
}

const mapsOf = (maps: object) =>
  withMaps(maps, async (_, pid) => ({ uid: await readUidMap(pid), gid: await readGidMap(pid) }));
const setgroupsOf = (maps: object) =>
  withMaps(maps, async (_, pid) => readFileSync(`/proc/${pid}/setgroups`, 'utf8').trim());

describe('a new user namespace', () => {
  test("maps root to the caller by default, and with 'root'", async () => {
    const root = { uid: [{ inside: 0, outside: uid, count: 1 }], gid: [{ inside: 0, outside: gid, count: 1 }] };
    expect(await mapsOf({})).toEqual(root);
    expect(await mapsOf({ uidMap: 'root', gidMap: 'root' })).toEqual(root);
  });

  test("maps the caller to itself with 'current', and programs run as it", async () => {
    const current = { uidMap: 'current', gidMap: 'current' };
    await withMaps(current, async (set, pid) => {
      expect(await readUidMap(pid)).toEqual([{ inside: uid, outside: uid, count: 1 }]);
      expect((await set.execFile('id', ['-u'])).stdout).toBe(`${uid}\n`);
    });
  });

  test('has no ids without a map: all are 65534', async () => {
    await withMaps({ uidMap: [], gidMap: [] }, async (set, pid) => {
      expect(await readUidMap(pid)).toEqual([]);
      expect((await set.exec('id -u; id -g')).stdout).toBe('65534\n65534\n');
    });
  });

  test('is usable with all capabilities whatever its map', async () => {
    for (const map of ['root', 'current', []] as IdMap[]) {
      const set = await unshare({
        user: { uidMap: map, gidMap: map },
        uts: { hostname: 'mapped' },
        net: true,
        pid: true,
      });
      await set.setDomainname('also');
      expect((await set.execFile('hostname')).stdout).toBe('mapped\n');
      await set.close();
    }
  });

  test('can get its maps afterwards', async () => {
    await unmapped(async (pid) => {
      await writeUidMap(pid, 'root');
      await setSetgroups(pid, 'deny');
      await writeGidMap(pid, 'root');
      expect(await readUidMap(pid)).toEqual([{ inside: 0, outside: uid, count: 1 }]);
      expect(await readGidMap(pid)).toEqual([{ inside: 0, outside: gid, count: 1 }]);
      await expect(writeUidMap(pid, 'root')).rejects.toMatchObject({
        code: 'EPERM',
        step: 'write uid_map',
        kind: 'user',
        hint: expect.stringMatching(/only once/) as string,
      });
    });
  });

  test('has setgroups denied when asked for', async () => {
    expect(await setgroupsOf({ setgroups: 'deny' })).toBe('deny');
  });

  test('is left with what it was before when its map is refused', async () => {
    const before = footprint();
    const tooFar = [{ inside: 0, outside: 4_000_000_000, count: 1 }];
    await withMaps({ uidMap: tooFar }, async () => undefined).catch(() => undefined);
    await expectNothingLeft(before);
  });
});

test('our own maps can be read', async () => {
  expect((await readUidMap('self')).length).toBeGreaterThan(0);
  expect(await readGidMap(process.pid)).toEqual(await readGidMap('self'));
});

test.each([
  ['writeUidMap', () => writeUidMap(0, 'root'), 'ERR_OUT_OF_RANGE'],
  ['writeGidMap', () => writeGidMap(1, 'rot' as 'root'), 'ERR_INVALID_ARG_VALUE'],
  ['setSetgroups', () => setSetgroups(1, 'maybe' as 'deny'), 'ERR_INVALID_ARG_VALUE'],
  ['readUidMap', () => readUidMap('us' as 'self'), 'ERR_INVALID_ARG_TYPE'],
])('%s refuses bad arguments', async (_, call, code) => {
  await expect(call()).rejects.toMatchObject({ code });
});

test('the maps of a process that is not there are an error that says so', async () => {
  await expect(readUidMap(2 ** 30)).rejects.toMatchObject({ code: 'ENOENT', step: 'read uid_map' });
});

needs({ root: true }).describe('as root', () => {
  test('any ranges can be mapped', async () => {
    const ranges = [
      { inside: 0, outside: 500000, count: 1000 },
      { inside: 5000, outside: 700000, count: 7 },
    ];
    expect(await mapsOf({ uidMap: ranges, gidMap: ranges })).toEqual({ uid: ranges, gid: ranges });
  });

  test('setgroups is allowed unless denied', async () => {
    expect(await setgroupsOf({})).toBe('allow');
    expect(await setgroupsOf({ setgroups: 'allow' })).toBe('allow');
  });

  test('a program runs as 0:0 of a range, outside as who that is', async () => {
    const ranges = [{ inside: 0, outside: 500000, count: 10 }];
    await withMaps({ uidMap: ranges, gidMap: ranges }, async (set) => {
      const child = await set.spawn('sleep', ['60']);
      expect(readFileSync(`/proc/${child.pid}/status`, 'utf8')).toMatch(/^Uid:\t500000\t500000/m);
      await child[Symbol.asyncDispose]();
    });
  });
});

needs({ unprivileged: true }).describe('as an ordinary user', () => {
  test('setgroups is denied, since the kernel demands it', async () => {
    expect(await setgroupsOf({})).toBe('deny');
  });

  test("'allow' is passed on to the kernel, which refuses the gid map", async () => {
    await expect(unshare({ user: { setgroups: 'allow' } })).rejects.toMatchObject({
      code: 'EPERM',
      step: 'write gid_map',
      kind: 'user',
      hint: expect.stringMatching(/setgroups/) as string,
    });
  });

  test('a gid map before setgroups is denied is refused, with the reason', async () => {
    await unmapped(async (pid) => {
      await expect(writeGidMap(pid, 'root')).rejects.toMatchObject({
        code: 'EPERM',
        hint: expect.stringMatching(/before setgroups was denied/) as string,
      });
    });
  });

  needs({ tool: ['newuidmap', 'newgidmap'] }).describe('with newuidmap', () => {
    test("'auto' maps the caller to 0 and the granted ranges from 1 on", async () => {
      const maps = await mapsOf({ uidMap: 'auto', gidMap: 'auto' });
      expect(maps.uid[0]).toEqual({ inside: 0, outside: uid, count: 1 });
      expect(maps.uid[1]).toMatchObject({ inside: 1 });
      expect(maps.gid[0]).toEqual({ inside: 0, outside: gid, count: 1 });
      expect(maps.gid[1]).toMatchObject({ inside: 1 });
    });

    test('the ids of the range can be taken on inside', async () => {
      await withMaps({ uidMap: 'auto', gidMap: 'auto' }, async (set) => {
        expect((await set.execFile('id', ['-u'], { uid: 42, gid: 43 })).stdout).toBe('42\n');
      });
    });

    test('one map may be ours and the other newgidmap’s', async () => {
      const maps = await mapsOf({ uidMap: 'root', gidMap: 'auto' });
      expect(maps.uid).toHaveLength(1);
      expect(maps.gid.length).toBeGreaterThan(1);
    });

    test('a map can be written afterwards, too', async () => {
      await unmapped(async (pid) => {
        await writeUidMap(pid, 'auto');
        expect((await readUidMap(pid)).length).toBeGreaterThan(1);
      });
    });

    test('a range outside of what is granted is refused, with the range and the remedy, and leaves nothing', async () => {
      const before = footprint();
      const beyond = [{ inside: 0, outside: 4_000_000_000, count: 10 }];
      await expect(unshare({ user: { uidMap: beyond } })).rejects.toMatchObject({
        code: 'EPERM',
        step: 'write uid_map',
        hint: expect.stringMatching(/subuid/) as string,
      });
      await expectNothingLeft(before);
    });
  });

  test('without newuidmap the error says what to install', async () => {
    const path = process.env.PATH;
    process.env.PATH = '/nowhere';
    try {
      const ranges = [{ inside: 0, outside: 100000, count: 2 }];
      await expect(unshare({ user: { uidMap: ranges } })).rejects.toMatchObject({
        code: 'ENOENT',
        step: 'write uid_map',
        hint: expect.stringMatching(/uidmap/) as string,
      });
    } finally {
      process.env.PATH = path;
    }
  });
});
