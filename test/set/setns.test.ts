import { Namespace, type NamespaceSet, setns, spawn, unshare } from '../../lib';
import { expectNothingLeft, footprint } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';

const names = (set: Iterable<Namespace>) => [...set].map(String);

describe('setns', () => {
  let made: NamespaceSet;

  beforeAll(async () => {
    made = await unshare({ user: true, uts: { hostname: 'made' }, net: true, pid: true, mnt: true });
  });

  afterAll(() => made.close());

  test('takes a set, any iterable, or a single namespace, and makes handles of its own', async () => {
    const [whole, some, one] = [await setns(made), await setns([made.user!, made.uts!]), await setns(made.user!)];
    expect(names(whole)).toEqual(names(made));
    expect(names(some)).toEqual([String(made.user), String(made.uts)].sort());
    expect(names(one)).toEqual([String(made.user)]);
    expect(whole.net!.fd).not.toBe(made.net!.fd);
    await Promise.all([whole.close(), some.close(), one.close()]);
    expect(made.net!.closed).toBe(false);
  });

  test('runs programs there', async () => {
    const set = await setns(made);
    expect((await set.execFile('hostname')).stdout).toBe('made\n');
    await set.close();
  });

  test('has no init of its own: closing it ends nothing', async () => {
    const set = await setns(made);
    expect(set.init).toBeUndefined();
    await set.close();
    expect((await made.execFile('hostname')).stdout).toBe('made\n');
  });

  test('takes the namespaces of a process: those that are not ours', async () => {
    const child = await spawn('sleep', ['60'], { unshare: ['user', 'uts', 'ipc'], stdio: 'ignore' });
    const set = await setns({ pid: child.pid });
    expect([...set].map(({ kind }) => kind)).toEqual(['ipc', 'user', 'uts']);
    const named = await setns({ pid: child.pid, kinds: ['user', 'uts'] });
    expect(names(named)).toEqual([String(set.user), String(set.uts)]);
    await Promise.all([set.close(), named.close(), child[Symbol.asyncDispose]()]);
  });

  test('of our own namespaces is joined already, and works', async () => {
    const set = await setns({ pid: process.pid, kinds: ['user', 'mnt', 'uts'] });
    expect((await set.execFile('true')).stdout).toBe('');
    await set.close();
  });

  test('of a pid namespace whose init has ended rejects, with the reason, and leaves nothing', async () => {
    const dead = await unshare(['user', 'pid']);
    const kept = [await dead.user!.duplicate(), await dead.pid!.duplicate()];
    await dead.close();
    const before = footprint();
    await expect(setns(kept)).rejects.toMatchObject({
      code: 'ENOMEM',
      hint: expect.stringMatching(/init/) as string,
    });
    await expectNothingLeft(before);
    await Promise.all(kept.map((namespace) => namespace.close()));
  });

  needs({ unprivileged: true }).test(
    'of what belongs to a user namespace that is not joined is EPERM, naming it',
    async () => {
      await expect(setns(made.uts!)).rejects.toMatchObject({
        code: 'EPERM',
        kind: 'uts',
        step: 'join uts',
        syscall: 'setns',
        hint: expect.stringContaining(String(made.user)) as string,
      });
    },
  );

  test.each([
    [undefined, 'ERR_INVALID_ARG_TYPE'],
    ['net', 'ERR_INVALID_ARG_TYPE'],
    [['net'], 'ERR_INVALID_ARG_TYPE'],
    [{ pid: 'x' }, 'ERR_INVALID_ARG_TYPE'],
    [{ pid: 1, kind: 'net' }, 'ERR_INVALID_ARG_VALUE'],
    [{ pid: 1, kinds: ['mount'] }, 'ERR_INVALID_ARG_VALUE'],
    [{ pid: 2 ** 30 }, 'ESRCH'],
  ])('refuses %p', async (target, code) => {
    await expect(setns(target as unknown as Namespace)).rejects.toMatchObject({ code });
  });

  test('refuses two of a kind, and closed ones', async () => {
    const [one, other] = [await Namespace.of('self', 'net'), await Namespace.of('self', 'net')];
    await expect(setns([one, other])).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    await Promise.all([one.close(), other.close()]);
    await expect(setns([one])).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
    await expect(setns(one)).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
  });
});

describe('new namespaces in joined ones', () => {
  test.each(['root', 'current', 'ranges'] as const)('nest user namespaces, with the map %s', async (name) => {
    const outer = await unshare(['user', 'uts']);
    const map = name === 'ranges' ? [{ inside: 7, outside: 0, count: 1 }] : name;
    const child = await spawn('sh', ['-c', 'cat /proc/self/uid_map; id -u'], {
      setns: outer,
      unshare: { user: { uidMap: map, gidMap: map, setgroups: 'deny' }, uts: { hostname: 'nested' } },
    });
    let output = '';
    for await (const chunk of child.stdout!) output += String(chunk);
    await child.exited;
    const [line, id] = output.trim().split('\n');
    const inner = name === 'ranges' ? '7' : '0';
    expect(line!.trim().split(/\s+/)).toEqual([inner, '0', '1']);
    expect(id).toBe(inner);
    await outer.close();
  });

  test('nest pid namespaces', async () => {
    const outer = await unshare(['user', 'pid']);
    const child = await spawn('sleep', ['60'], { setns: outer, unshare: ['pid'], stdio: 'ignore' });
    const inner = await Namespace.of(child.pid, 'pid');
    const parent = await inner.parent();
    expect(parent!.equals(outer.pid!)).toBe(true);
    await Promise.all([inner.close(), parent!.close(), child[Symbol.asyncDispose]()]);
    await outer.close();
  });

  test("'auto' below a joined user namespace is refused: nobody grants ids there", async () => {
    const outer = await unshare(['user']);
    await expect(spawn('true', { setns: outer, unshare: { user: { uidMap: 'auto' } } })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
    await outer.close();
  });
});
