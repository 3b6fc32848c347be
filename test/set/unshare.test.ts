import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { NAMESPACE_KINDS, type NamespaceKind, type UnshareSpec, unshare } from '../../lib';
import { expectNothingLeft, footprint } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';

/** Runs a command in new namespaces, with a user namespace so that anyone may. */
async function inside(spec: UnshareSpec, command: string): Promise<string> {
  const set = await unshare({ user: true, ...spec });
  try {
    return (await set.exec(command)).stdout.trim();
  } finally {
    await set.close();
  }
}

const uptime = () => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);

describe('unshare', () => {
  test('creates all eight kinds, none of them ours, and leaves this process where it is', async () => {
    const own = NAMESPACE_KINDS.map((kind) => readlinkSync(`/proc/self/ns/${kind}`));
    const set = await unshare([...NAMESPACE_KINDS]);
    expect([...set].map(({ kind }) => kind)).toEqual(NAMESPACE_KINDS);
    for (const namespace of set) expect(own).not.toContain(String(namespace));
    expect(NAMESPACE_KINDS.map((kind) => readlinkSync(`/proc/self/ns/${kind}`))).toEqual(own);
    await set.close();
  });

  test.each(NAMESPACE_KINDS)('of %s alone, with a user namespace, makes these two', async (kind) => {
    const set = await unshare({ user: true, [kind]: true });
    expect([...set].map(String)).toHaveLength(kind === 'user' ? 1 : 2);
    const link = await set.execFile('readlink', [`/proc/self/ns/${kind}`]);
    expect(link.stdout.trim()).toBe(String(set.get(kind)));
    await set.close();
  });

  test('gives names to a UTS namespace', async () => {
    const names = { hostname: 'inside', domainname: 'example' };
    expect(await inside({ uts: names }, 'hostname; cat /proc/sys/kernel/domainname')).toBe('inside\nexample');
    expect(hostname()).not.toBe('inside');
  });

  test('brings lo up in a network namespace, unless told otherwise', async () => {
    const local = 'grep -c 127.0.0.1 /proc/net/fib_trie || true';
    expect(await inside({ net: true }, local)).not.toBe('0');
    expect(await inside({ net: { loopback: false } }, local)).toBe('0');
  });

  test('shifts the clocks of a time namespace', async () => {
    const [up, boot] = [86_400 * 1000, 'cut -d" " -f1 /proc/uptime'];
    const shown = Number(await inside({ time: { boottime: up } }, boot));
    expect(shown).toBeGreaterThanOrEqual(up);
    expect(shown - up).toBeLessThanOrEqual(uptime() + 1);
    expect(await inside({ time: { monotonic: 1.5, boottime: -1n } }, 'cat /proc/self/timens_offsets')).toMatch(
      /monotonic\s+1\s+500000000\nboottime\s+-1\s+999999999/,
    );
  });

  test('refuses an offset that would make a clock negative, with the reason', async () => {
    const before = footprint();
    await expect(unshare({ user: true, time: { monotonic: -1e9 } })).rejects.toMatchObject({
      code: 'ERANGE',
      kind: 'time',
      step: 'write timens_offsets',
      hint: expect.stringMatching(/negative/) as string,
    });
    await expectNothingLeft(before);
  });

  test.each([
    ['private', undefined, /^(?!.*(shared|master|unbindable))/],
    ['shared', 'shared', /shared:/],
    ['slave', 'slave', /^(?!.*shared)/],
    ['unbindable', 'unbindable', /unbindable/],
  ] as const)('makes mounts %s', async (_, propagation, expected) => {
    const mountinfo = await inside(
      { mnt: propagation === undefined ? true : { propagation } },
      'cat /proc/self/mountinfo',
    );
    const root = mountinfo.split('\n').find((line) => line.split(' ')[4] === '/')!;
    expect(root).toMatch(expected);
  });

  test("leaves the mounts' propagation when told so", async () => {
    const kindOf = (mountinfo: string) =>
      mountinfo.split('\n').map((line) => /(shared|master|unbindable|propagate_from)/.exec(line)?.[1] ?? 'private')[0];
    const unchanged = await inside({ mnt: { propagation: 'unchanged' } }, 'cat /proc/self/mountinfo');
    const own = kindOf(readFileSync('/proc/self/mountinfo', 'utf8'));
    // In a mount namespace of a new user namespace, what was shared is slave: mount_namespaces(7).
    expect(kindOf(unchanged)).toBe(own === 'shared' ? 'master' : own);
  });

  test('keeps a pid namespace alive with an init', async () => {
    const set = await unshare(['user', 'pid']);
    expect(set.init).toBeGreaterThan(0);
    const [first, second] = [await set.exec('echo $$'), await set.exec('echo $$')];
    expect(Number(first.stdout)).toBeGreaterThan(1);
    expect(Number(second.stdout)).toBeGreaterThan(Number(first.stdout));
    await set.close();
    expect(set.init).toBeUndefined();
  });

  test('has no init, and no process at all, without a pid namespace', async () => {
    const before = footprint();
    const set = await unshare(['user', 'net']);
    expect(set.init).toBeUndefined();
    await set.close();
    await expectNothingLeft(before);
  });

  test('can be done 50 times at once, and leaves nothing behind', async () => {
    const before = footprint();
    const kinds: NamespaceKind[] = ['user', 'pid', 'uts', 'ipc', 'mnt'];
    const sets = await Promise.all(Array.from({ length: 50 }, () => unshare(kinds)));
    expect(new Set(sets.map((set) => String(set.uts))).size).toBe(50);
    expect(new Set(sets.map((set) => set.init)).size).toBe(50);
    await Promise.all(sets.map((set) => set.close()));
    await expectNothingLeft(before);
  });

  test('rejects at once when its signal is aborted, and leaves nothing when it is aborted meanwhile', async () => {
    const before = footprint();
    await expect(unshare(['user'], { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    const controller = new AbortController();
    const pending = unshare(['user', 'pid', 'net'], { signal: controller.signal });
    setImmediate(() => controller.abort());
    await pending.then(
      (set) => set.close(),
      (error: unknown) => expect(error).toMatchObject({ code: 'ABORT_ERR' }),
    );
    await expectNothingLeft(before);
  });

  test.each([
    [undefined, 'ERR_INVALID_ARG_TYPE'],
    [[], 'ERR_INVALID_ARG_VALUE'],
    [{}, 'ERR_INVALID_ARG_VALUE'],
    ['mount', 'ERR_INVALID_ARG_VALUE'],
  ])('refuses %p', async (spec, code) => {
    await expect(unshare(spec as unknown as 'net')).rejects.toMatchObject({ code });
  });

  test('refuses unknown options', async () => {
    await expect(unshare('user', { singal: 1 } as object)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    await expect(unshare('user', { signal: 1 } as object)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  });

  needs({ unprivileged: true }).test('without a user namespace is EPERM, with what to add', async () => {
    await expect(unshare('net')).rejects.toMatchObject({
      code: 'EPERM',
      syscall: 'clone3',
      step: 'clone',
      kind: 'net',
      hint: expect.stringMatching(/CAP_SYS_ADMIN/) as string,
    });
  });

  needs({ root: true }).test('needs no user namespace as root', async () => {
    const set = await unshare(NAMESPACE_KINDS.filter((kind) => kind !== 'user'));
    expect(set.user).toBeUndefined();
    expect([...set]).toHaveLength(7);
    await set.close();
  });
});

describe('unshare, from within namespaces that exist', () => {
  const others = NAMESPACE_KINDS.filter((kind) => kind !== 'user');

  test.each(others)('makes a second %s namespace of the same user namespace', async (kind) => {
    const before = footprint();
    const first = await unshare(['user', kind]);
    const second = await unshare(kind, { setns: [first.user!] });
    expect([...second].map(({ kind: each }) => each)).toEqual([kind, 'user'].sort());
    expect(second.user!.equals(first.user!)).toBe(true);
    expect(second.get(kind)!.equals(first.get(kind)!)).toBe(false);
    const owner = await second.get(kind)!.userNamespace();
    expect(owner.equals(first.user!)).toBe(true);
    const link = await second.execFile('readlink', [`/proc/self/ns/${kind}`]);
    expect(link.stdout.trim()).toBe(String(second.get(kind)));
    await Promise.all([owner.close(), first.close(), second.close()]);
    await expectNothingLeft(before);
  });

  test('makes all of them anew, or has those of the set that it was given', async () => {
    const first = await unshare([...NAMESPACE_KINDS]);
    const anew = await unshare(others, { setns: first });
    expect([...anew].map((each) => each.equals(first.get(each.kind)!))).toEqual(
      NAMESPACE_KINDS.map((kind) => kind === 'user'),
    );
    const one = await unshare({ uts: { hostname: 'another' } }, { setns: first });
    expect([...one].map((each) => each.equals(first.get(each.kind)!))).toEqual(
      NAMESPACE_KINDS.map((kind) => kind !== 'uts'),
    );
    expect((await one.execFile('uname', ['-n'])).stdout).toBe('another\n');
    await Promise.all([one.close(), anew.close(), first.close()]);
  });

  test('makes a user namespace below the one that it was given', async () => {
    const first = await unshare('user');
    const below = await unshare(['user', 'net'], { setns: first });
    const parent = await below.user!.parent();
    expect(parent?.equals(first.user!)).toBe(true);
    await Promise.all([parent?.close(), below.close(), first.close()]);
  });

  test('refuses what is no namespace, or is closed', async () => {
    await expect(unshare('net', { setns: 5 as never })).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    const first = await unshare(['user', 'net']);
    await first.close();
    await expect(unshare('net', { setns: first })).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
  });
});
