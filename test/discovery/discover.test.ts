import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { NAMESPACE_KINDS, Namespace, type NamespaceSet, spawn, unshare } from '../../lib';
import { Network } from '../../lib/network';
import { type NamespaceMap, discover } from '../../lib/discovery';
import { closeFd } from '../../lib/handle/close';
import { errorWith } from '../fixtures/errors';
import { eventually, expectNothingLeft, footprint } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { using } from '../fixtures/causes';
import { mountedFor, python, shell } from './fixtures/programs';

/** What is ours of a map: other tests come and go. */
function idOf(map: NamespaceMap, { kind, id }: Pick<Namespace, 'kind' | 'id'>) {
  return map.get(kind, id);
}

describe('discover() finds', () => {
  test('the namespaces of this process, and who is in them', async () => {
    const map = await discover();
    const own = map.process(process.pid)!;
    expect(own).toMatchObject({
      ppid: process.ppid,
      uid: process.geteuid!(),
      name: expect.stringMatching(/./) as string,
    });
    for (const kind of NAMESPACE_KINDS) {
      const namespace = await Namespace.of('self', kind);
      const found = idOf(map, namespace)!;
      expect(String(found)).toBe(String(namespace));
      expect(own.namespaces[kind]).toBe(found);
      expect(found.processes).toContain(own);
      await namespace.close();
    }
  });

  test('the namespaces of a process: its owner, its creator, its processes and leader, a path that opens it', async () => {
    await using(spawn('sleep', ['600'], { unshare: ['user', 'net', 'uts'], stdio: 'ignore' }), async ({ pid }) => {
      const map = await discover();
      const { user, net, uts } = map.process(pid)!.namespaces;
      for (const found of [user!, net!, uts!]) {
        expect(found.processes.map(String)).toEqual([`${pid} sleep 600`]);
        expect(found.leader).toBe(map.process(pid));
        expect(found.path).toBe(`/proc/${pid}/ns/${found.kind}`);
        const opened = await found.open();
        expect(String(opened)).toBe(String(found));
        await opened.close();
      }
      expect(user!.ownerUid).toBe(process.geteuid!());
      expect(user!.owner).toBe(map.process(process.pid)!.namespaces.user);
      expect(user!.parent).toBe(user!.owner);
      expect(user!.parent!.children).toContain(user);
      expect(new Set(user!.owned)).toEqual(new Set([net, uts]));
      expect([net!.owner, uts!.owner]).toEqual([user, user]);
      expect([net!.parent, net!.ownerUid]).toEqual([undefined, undefined]);
    });
  });

  test('the parents of pid namespaces', async () => {
    await using(unshare(['user', 'pid']), async (outer) => {
      await using(outer.spawn('sleep', ['600'], { unshare: ['pid'], stdio: 'ignore' }), async ({ pid }) => {
        const map = await discover();
        const inner = map.process(pid)!.namespaces.pid!;
        expect(inner.parent).toBe(idOf(map, outer.pid!));
        expect(inner.parent!.parent).toBe(map.process(process.pid)!.namespaces.pid);
      });
    });
  });

  test('namespaces that only a descriptor keeps', async () => {
    await using(unshare(['user', 'net', 'ipc']), async (set) => {
      let map!: NamespaceMap;
      // The task that made them is in its user namespace until its parent, Node, has waited for it.
      await eventually(async () => {
        map = await discover();
        return [...set].every((held) => idOf(map, held)?.processes.length === 0);
      });
      for (const held of set) {
        const found = idOf(map, held)!;
        expect(found.descriptors).toContainEqual({ process: map.process(process.pid), fd: held.fd });
        expect(found.path).toMatch(new RegExp(`^/proc/${process.pid}/fd/\\d+$`));
        await (await found.open()).close();
      }
    });
  });

  test('a network namespace that only a socket keeps', async () => {
    const set = await unshare(['user', 'net']);
    const { kind, id } = set.net!;
    const socket = await socketOf(set);
    await set.close();
    const map = await discover();
    expect(map.get(kind, id)).toMatchObject({
      ...{ processes: [], descriptors: [], path: undefined },
      sockets: [{ process: map.process(process.pid), fd: socket }],
    });
    closeFd(socket);
  });

  test('namespaces that only a thread is in', async () => {
    const script = `
def thread():
    assert libc.unshare(0x04000000) == 0  # CLONE_NEWUTS
    left.set(); time.sleep(600)
left = threading.Event()
threading.Thread(target=thread, daemon=True).start()
left.wait()`;
    await using(python(script, { unshare: ['user', 'net'] }), async (child) => {
      const map = await discover();
      const [task] = map.process(child.pid)!.tasks;
      const { uts } = task!.namespaces;
      expect(uts).not.toBe(task!.process.namespaces.uts);
      expect(task!.namespaces.net).toBe(task!.process.namespaces.net);
      expect(uts!.tasks).toEqual([task]);
      expect(uts!.processes).toEqual([]);
      expect(task!.namespaces.net!.tasks).toEqual([]);
      expect(uts!.path).toBe(`/proc/${child.pid}/task/${task!.tid}/ns/uts`);
      expect(uts!.owner).toBe(task!.process.namespaces.user);
    });
  });

  test('namespaces that only children will be born in', async () => {
    const script = 'assert libc.unshare(0x80) == 0  # CLONE_NEWTIME';
    await using(python(script, { unshare: ['user'] }), async (child) => {
      const map = await discover();
      const waiting = map.process(child.pid)!;
      const found = map.ofKind('time').find(({ forChildren }) => forChildren.includes(waiting))!;
      expect(found).not.toBe(waiting.namespaces.time);
      expect(found.processes).toEqual([]);
      expect(found.path).toBe(`/proc/${child.pid}/ns/time_for_children`);
    });
  });

  test('a user namespace that only those below it keep', async () => {
    await using(spawn('unshare', ['-U', 'sleep', '600'], { unshare: ['user'], stdio: 'ignore' }), async ({ pid }) => {
      let map!: NamespaceMap;
      await eventually(async () => {
        map = await discover({ fds: false });
        return map.process(pid)?.name === 'sleep';
      });
      const between = map.process(pid)!.namespaces.user!.parent!;
      expect(between).toMatchObject({ processes: [], path: undefined, ownerUid: process.geteuid!() });
      expect(between.parent).toBe(map.process(process.pid)!.namespaces.user);
      await expect(between.open()).rejects.toThrow(errorWith({ code: 'ENOENT', step: `open ${String(between)}` }));
    });
  });

  describe('bind mounts', () => {
    // In a mount namespace of its own, where an ordinary user may mount as well.
    const options = { unshare: { user: true, mnt: true } } as const;

    test('of namespaces that nothing else keeps, whatever their names, in the mount namespaces of others', async () => {
      const name = 'a b\tc\\d\ne "ü"';
      const script = `mount -t tmpfs none /mnt
        f="/mnt/$(printf 'a b\\tc\\\\d\\ne "ü"')"
        : >"$f"
        unshare --uts="$f" true`;
      await using(shell(script, options), async (child) => {
        const map = await discover();
        const inside = map.process(child.pid)!;
        const found = mountedFor(map, 'uts', child)[0]!;
        expect(found.processes).toEqual([]);
        expect(found.owner).toBe(inside.namespaces.user);
        expect(found.mounts).toEqual([
          {
            ...{ mountPoint: `/mnt/${name}`, in: inside.namespaces.mnt, process: inside },
            path: `/proc/${child.pid}/root/mnt/${name}`,
          },
        ]);
        await using(found.open(), async (opened) => expect(opened.id).toBe(found.id));
      });
    });

    test('of one namespace twice, and one that another mount covers', async () => {
      const script = `mount -t tmpfs none /mnt
        : >/mnt/first; : >/mnt/second
        unshare --net=/mnt/first true
        mount --bind /mnt/first /mnt/second
        mount --bind /dev/null /mnt/first`;
      await using(shell(script, options), async (child) => {
        const map = await discover();
        const mounted = mountedFor(map, 'net', child);
        expect(mounted).toHaveLength(1);
        const paths = mounted[0]!.mounts.map(({ mountPoint, path }) => [mountPoint, path]);
        expect(paths).toEqual([
          ['/mnt/first', undefined],
          ['/mnt/second', `/proc/${child.pid}/root/mnt/second`],
        ]);
        expect(mounted[0]!.path).toBe(`/proc/${child.pid}/root/mnt/second`);
      });
    });

    test('that links of a sandbox would have us open elsewhere are not followed there', async () => {
      // The mount is below a directory that is a link now: to what it would be on the host, were it followed here.
      const script = `mount -t tmpfs none /mnt
        mkdir /mnt/real; : >/mnt/real/net
        unshare --net=/mnt/real/net true
        mount --bind /mnt/real /mnt/real
        mount -t tmpfs none /mnt
        ln -s /proc/${process.pid}/ns /mnt/real`;
      await using(shell(script, options), async (child) => {
        const map = await discover();
        const mounted = mountedFor(map, 'net', child);
        expect(mounted).toHaveLength(1);
        expect(mounted[0]!.mounts).toMatchObject([{ mountPoint: '/mnt/real/net', path: undefined }]);
        expect(mounted[0]).not.toBe(map.process(process.pid)!.namespaces.net);
      });
    });

    test('among ten thousand mounts', async () => {
      // Each recursive bind doubles what there is.
      const script = `mount -t tmpfs none /mnt
          : >/mnt/net; unshare --net=/mnt/net true
          for i in 0 1 2 3 4 5 6 7 8 9 10 11 12; do mkdir /mnt/$i; mount --rbind /mnt /mnt/$i; done
          test $(wc -l </proc/self/mountinfo) -gt 10000`;
      await using(shell(script, options), async (child) => {
        const map = await discover();
        const mounted = mountedFor(map, 'net', child);
        expect(mounted).toHaveLength(1);
        expect(mounted[0]!.mounts.length).toBeGreaterThan(4000);
        expect(mounted[0]!.path).toMatch(/\/mnt\/net$/);
      });
    });

    needs({ root: true }).test("of this process's own mount namespace, by a path that goes on", async () => {
      const directory = mkdtempSync(join(tmpdir(), 'linux-ns-discovery-'));
      const set = await unshare('net');
      const { kind, id } = set.net!;
      const kept = await set.net!.persist(join(directory, 'net'));
      await set.close();
      const found = (await discover()).get(kind, id)!;
      expect(found.path).toBe(kept.path);
      expect(found.mounts[0]).toMatchObject({ mountPoint: kept.path, process: undefined, path: kept.path });
      await kept.delete();
      expect((await discover()).get(kind, id)).toBeUndefined();
      rmSync(directory, { recursive: true });
    });
  });
});

describe('what it looks at can be chosen', () => {
  test('by kind; the owners come along', async () => {
    await using(unshare(['user', 'net', 'uts']), async (set) => {
      const map = await discover({ kinds: ['net'] });
      expect(new Set(map.namespaces.map(({ kind }) => kind))).toEqual(new Set(['net', 'user']));
      expect(idOf(map, set.net!)!.owner).toBe(idOf(map, set.user!));
      expect(Object.keys(map.process(process.pid)!.namespaces)).toEqual(['net']);
    });
  });

  test('by source', async () => {
    const set: NamespaceSet = await unshare(['user', 'net']);
    const socket = await socketOf(set);
    const { net } = set;
    expect(idOf(await discover({ fds: false }), net!)).toMatchObject({ descriptors: [], sockets: [{ fd: socket }] });
    expect(idOf(await discover({ sockets: false }), net!)).toMatchObject({
      descriptors: [{ fd: net!.fd }],
      sockets: [],
    });
    expect(idOf(await discover({ fds: false, sockets: false }), net!)).toBeUndefined();
    expect(idOf(await discover({ hierarchy: false }), net!)).toMatchObject({ owner: undefined });
    closeFd(socket);
    await set.close();
  });

  test('command lines of all, of the first in each namespace, or of none', async () => {
    const child = await spawn('sleep', ['600'], { stdio: 'ignore' });
    const commandsOf = ({ processes }: NamespaceMap) => processes.filter(({ command }) => command !== undefined);
    const all = await discover();
    expect(all.process(child.pid)).toMatchObject({ command: 'sleep 600', user: expect.any(String) as string });
    const first = await discover({ commands: 'first', users: false });
    expect(first.process(child.pid)).toMatchObject({ name: 'sleep', user: undefined });
    const lowest = [...first].flatMap(({ processes }) => processes.slice(0, 1));
    for (const { command } of lowest) expect(command).toBeDefined();
    // This process and its child are in the same namespaces. Either may have the lower pid: the numbers start again.
    expect([first.process(child.pid), first.process(process.pid)].some((each) => !lowest.includes(each!))).toBe(true);
    expect(commandsOf(first).filter((each) => !lowest.includes(each))).toEqual([]);
    expect(commandsOf(await discover({ commands: false }))).toEqual([]);
    await child.close();
  });
});

describe('a map', () => {
  test('is JSON without an end to its depth, and prints short', async () => {
    const map = await discover();
    const json = JSON.parse(JSON.stringify(map)) as { namespaces: { kind: string; id: number; processes: number[] }[] };
    const own = map.process(process.pid)!.namespaces.net!;
    expect(json.namespaces.find(({ id }) => id === Number(own.id))).toMatchObject({
      ...{ kind: 'net', processes: own.processes.map(({ pid }) => pid), owner: Number(own.owner?.id) },
    });
    expect(inspect(map)).toBe(`NamespaceMap { ${map.size} namespaces, ${map.processes.length} processes }`);
    expect(inspect(own)).toBe(`DiscoveredNamespace { ${String(own)} }`);
  });

  test('is ordered, has each namespace once, and looks them up', async () => {
    const map = await discover();
    const ids = map.namespaces.map(({ id }) => Number(id));
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    // One number is one namespace, whatever came and went meanwhile.
    expect(new Set(ids).size).toBe(map.size);
    const pids = map.processes.map(({ pid }) => pid);
    expect(pids).toEqual([...pids].sort((a, b) => a - b));
    expect([...map]).toEqual(map.namespaces);
    expect(map.get('net', 1)).toBeUndefined();
    expect(map.process(2 ** 31 - 1)).toBeUndefined();
    expect(map.roots).toContain(topOf(map));
  });

  test('refuses to look up what makes no sense', async () => {
    const map = await discover({ fds: false, tasks: false });
    expect(() => map.get('nte' as 'net', 1)).toThrow(errorWith({ code: 'ERR_INVALID_ARG_VALUE' }));
    expect(() => map.get('net', '1' as unknown as bigint)).toThrow(errorWith({ code: 'ERR_INVALID_ARG_TYPE' }));
    expect(() => map.get('net', 1.5)).toThrow(errorWith({ code: 'ERR_OUT_OF_RANGE' }));
    expect(() => map.process(0)).toThrow(errorWith({ code: 'ERR_OUT_OF_RANGE' }));
  });
});

function topOf(map: NamespaceMap) {
  let { user } = map.process(process.pid)!.namespaces;
  while (user?.owner !== undefined) user = user.owner;
  return user;
}

test.each([
  [{ kind: ['net'] }, 'ERR_INVALID_ARG_VALUE', /did you mean 'kinds'/],
  [{ kinds: 'net' }, 'ERR_INVALID_ARG_TYPE', /options\.kinds/],
  [{ kinds: ['nte'] }, 'ERR_INVALID_ARG_VALUE', /options\.kinds\[0\].*did you mean 'net'/],
  [{ mounts: 'all' }, 'ERR_INVALID_ARG_VALUE', /options\.mounts/],
  [{ fds: 1 }, 'ERR_INVALID_ARG_TYPE', /options\.fds/],
  [{ commands: 'all' }, 'ERR_INVALID_ARG_VALUE', /options\.commands/],
  [{ signal: {} }, 'ERR_INVALID_ARG_TYPE', /options\.signal/],
  ['all', 'ERR_INVALID_ARG_TYPE', /options/],
])('refuses %p', async (options, code, message) => {
  await expect(discover(options as object)).rejects.toThrow(
    errorWith({ code, message: expect.stringMatching(message) as string }),
  );
});

test('gives up when its signal is aborted, before or meanwhile', async () => {
  await expect(discover({ signal: AbortSignal.abort() })).rejects.toThrow(errorWith({ name: 'AbortError' }));
  const controller = new AbortController();
  const looking = discover({ signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(looking).rejects.toThrow(errorWith({ name: 'AbortError', cause: errorWith({ message: 'enough' }) }));
});

test('leaves nothing behind, and holds no descriptors of this process meanwhile', async () => {
  await discover();
  const before = footprint();
  const looks = Promise.all([discover(), discover(), discover()]);
  await expectNothingLeft(before);
  await looks;
  await expectNothingLeft(before);
});

test('processes that come and go while it looks are no errors, and there is no edge that is wrong', async () => {
  let coming = true;
  const churn = async (): Promise<void> => {
    while (coming) {
      const child = await spawn('true', [], { unshare: ['user', 'ipc', 'uts'], stdio: 'ignore' });
      await child.exited;
    }
  };
  const churning = Promise.all([churn(), churn(), churn()]);
  for (let look = 0; look < 20; look++) {
    const map = await discover();
    expect(new Set(map.namespaces.map(({ id }) => id)).size).toBe(map.size);
    for (const each of map.processes) {
      for (const namespace of Object.values(each.namespaces)) expect(namespace.processes).toContain(each);
      const { parent } = each;
      if (parent === undefined) continue;
      expect(parent.pid).toBe(each.ppid);
      expect(parent.startTime).toBeLessThanOrEqual(each.startTime);
    }
    for (const { kind, owner, parent } of map) {
      expect(owner?.kind ?? 'user').toBe('user');
      expect(parent?.kind ?? kind).toBe(kind);
    }
  }
  coming = false;
  await churning;
});

test('a namespace that has got the number of one that went is told from it', async () => {
  /** By number: what those that went were called besides. */
  const gone = new Map<bigint, bigint | undefined>();
  for (;;) {
    const set = await unshare(['user', 'uts']);
    const { id } = set.uts!;
    const found = (await discover({ kinds: ['uts'], mounts: false })).get('uts', id)!;
    await set.close();
    if (gone.has(id)) {
      // Before Linux 6.18 the kernel has no such names.
      expect(found.uniqueId === undefined || found.uniqueId !== gone.get(id)).toBe(true);
      return;
    }
    gone.set(id, found.uniqueId);
  }
});

test('a pid namespace that is mounted, and whose init has ended, is there still', async () => {
  const script = `mount -t tmpfs none /mnt
    : >/mnt/pid; unshare --pid=/mnt/pid --fork true; echo ready; exec sleep 1000`;
  await using child = await spawn('sh', ['-c', script], {
    unshare: { user: true, mnt: true },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout!, 'data');
  const map = await discover();
  const own = map.process(child.pid)!.namespaces.mnt;
  const stale = map.ofKind('pid').filter(({ mounts }) => mounts.some((mount) => mount.in === own));
  expect(stale).toMatchObject([{ processes: [], mounts: [{ mountPoint: '/mnt/pid' }] }]);
  await using opened = await stale[0]!.open();
  expect([opened.kind, opened.id]).toEqual(['pid', stale[0]!.id]);
});

/** A socket of the network of a set: a descriptor. */
async function socketOf(set: NamespaceSet): Promise<number> {
  await using network = await Network.open(set);
  return await network.socket('inet', 'dgram');
}
