import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { NAMESPACE_KINDS, type NamespaceSet, unshare } from '../../lib';
import { Network } from '../../lib/network';
import { eventually, expectNothingLeft, footprint, mountsBelow } from '../fixtures/footprint';
import { errorWith } from '../fixtures/errors';

describe('a set of namespaces', () => {
  let set: NamespaceSet;

  beforeAll(async () => {
    set = await unshare([...NAMESPACE_KINDS]);
  });

  afterAll(() => set.close());

  test('has one of each kind, in alphabetical order', () => {
    expect([...set].map(({ kind }) => kind)).toEqual(NAMESPACE_KINDS);
    for (const kind of NAMESPACE_KINDS) {
      expect(set[kind]).toBe(set.get(kind));
      expect(set.get(kind)?.kind).toBe(kind);
    }
    expect(() => set.get('mount' as 'mnt')).toThrow(errorWith({ code: 'ERR_INVALID_ARG_VALUE' }));
    expect(inspect(set)).toContain(String(set.net));
  });

  test('starts programs inside: spawn, execFile, exec', async () => {
    const { stdout } = await set.execFile('readlink', ['/proc/self/ns/net', '/proc/self/ns/time']);
    expect(stdout).toBe(`${String(set.net)}\n${String(set.time)}\n`);
    expect((await set.exec('echo $0 >&2; id -u')).stdout).toBe('0\n');
    const child = await set.spawn('sh', ['-c', 'exit 4'], { stdio: 'ignore' });
    expect(await child.exited).toEqual({ code: 4, signal: null });
  });

  test('has names of its own', async () => {
    await set.setHostname('one');
    await set.setDomainname('two');
    expect((await set.exec('hostname; cat /proc/sys/kernel/domainname')).stdout).toBe('one\ntwo\n');
    await set.setHostname('');
    expect(hostname()).not.toBe('one');
    await expect(set.setHostname('x'.repeat(65))).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  });

  test('has mounts of its own, and proc shows its processes', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ns-set-'));
    await set.mount({ type: 'proc', target: directory });
    expect((await set.execFile('cat', [`${directory}/1/comm`])).stdout).toBe('nsinit\n');
    expect(mountsBelow(directory)).toEqual([]);
    await set.umount(directory, { detach: true });
    await expect(set.umount(directory)).rejects.toMatchObject({
      code: 'EINVAL',
      step: `umount ${directory}`,
      kind: 'mnt',
    });
    rmdirSync(directory);
  });

  test('has propagation of its own', async () => {
    await set.setPropagation('/', 'shared', { recursive: true });
    expect((await set.readFile('/proc/thread-self/mountinfo', 'utf8')).split('\n')[0]).toMatch(/shared:/);
    await set.setPropagation('/', 'private', { recursive: true });
  });

  test('has sysctls of its own', async () => {
    const forward = '/proc/sys/net/ipv4/ip_forward';
    const before = readFileSync(forward, 'utf8');
    await set.writeFile(forward, '1');
    expect(await set.readFile(forward, 'utf8')).toBe('1\n');
    await set.writeFile(forward, Buffer.from('0'));
    expect(await set.readFile(forward)).toEqual(Buffer.from('0\n'));
    expect(readFileSync(forward, 'utf8')).toBe(before);
  });

  test('writes and reads files, large ones too', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ns-set-'));
    await set.mount({ type: 'tmpfs', target: directory });
    const large = Buffer.alloc(3 * 1024 * 1024, 'linux');
    const file = `${directory}/large`;
    await expect(set.writeFile(file, 'x')).rejects.toMatchObject({ code: 'ENOENT', path: file, step: `write ${file}` });
    await set.writeFile(file, large, { create: true });
    expect((await set.readFile(file)).equals(large)).toBe(true);
    await set.writeFile(file, '');
    expect(await set.readFile(file, 'latin1')).toBe('');
    await set.writeFile(file, 'abc');
    await expect(set.readFile(file, { maxBytes: 2 })).rejects.toMatchObject({ code: 'EFBIG' });
    await set.umount(directory);
    rmdirSync(directory);
  });

  test('writes nothing where there is nothing to write: files of an mqueue refuse even that', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ns-set-'));
    await set.mount({ type: 'mqueue', target: directory });
    await set.writeFile(`${directory}/queue`, '', { create: true });
    expect(await set.readFile(`${directory}/queue`, 'latin1')).toMatch(/^QSIZE:0 /);
    await expect(set.writeFile(`${directory}/queue`, 'x')).rejects.toMatchObject({ code: 'EINVAL', syscall: 'write' });
    await set.umount(directory);
    rmdirSync(directory);
  });

  test.each([
    [() => set.writeFile('/x', 7 as unknown as string), 'ERR_INVALID_ARG_TYPE'],
    [() => set.writeFile('/x', 'y', { crate: true } as object), 'ERR_INVALID_ARG_VALUE'],
    [() => set.writeFile('', 'y'), 'ERR_INVALID_ARG_VALUE'],
    [() => set.readFile('/x', { maxBytes: -1 }), 'ERR_OUT_OF_RANGE'],
    [() => set.readFile('/x', 'utf9' as 'utf8'), 'ERR_INVALID_ARG_VALUE'],
    [() => set.mount({ target: '/x' }), 'ERR_INVALID_ARG_VALUE'],
    [() => set.setPropagation('/', 'rshared' as 'shared'), 'ERR_INVALID_ARG_VALUE'],
    [() => set.spawn('true', [], { setns: [] } as object), 'ERR_INVALID_ARG_VALUE'],
    [() => set.exec('true', 'x'.repeat(3_000_000) as never), 'ERR_INVALID_ARG_TYPE'],
  ])('refuses bad arguments %#', async (call, code) => {
    await expect(call()).rejects.toMatchObject({ code });
  });
});

describe('a set without a kind', () => {
  test("does not act on the host's instead", async () => {
    const set = await unshare(['user', 'ipc']);
    const missing = (kind: string) => ({ code: 'ERR_LINUX_NS_NO_SUCH_KIND', kind });
    await expect(set.setHostname('mine')).rejects.toMatchObject(missing('uts'));
    await expect(set.setDomainname('mine')).rejects.toMatchObject(missing('uts'));
    await expect(set.mount({ type: 'tmpfs', target: '/tmp' })).rejects.toMatchObject(missing('mnt'));
    await expect(set.umount('/tmp')).rejects.toMatchObject(missing('mnt'));
    await expect(set.setPropagation('/', 'private')).rejects.toMatchObject(missing('mnt'));
    await expect(Network.open(set)).rejects.toMatchObject(missing('net'));
    await set.close();
  });
});

describe('closing a set', () => {
  test('ends its init and with it all processes of its pid namespace, and leaves nothing', async () => {
    const before = footprint();
    const set = await unshare(['user', 'pid', 'mnt', 'net']);
    const child = await set.spawn('sleep', ['60'], { stdio: 'ignore' });
    const closing = [set.close(), set.close()];
    await Promise.all(closing);
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await expectNothingLeft(before);
  });

  test('closes its handles, and all else rejects then', async () => {
    const set = await unshare(['user', 'uts']);
    const { uts } = set;
    await set[Symbol.asyncDispose]();
    const closed = { code: 'ERR_LINUX_NS_CLOSED' };
    expect(set.closed).toBe(true);
    expect(uts!.closed).toBe(true);
    expect(() => [...set]).toThrow(errorWith(closed));
    for (const call of [
      () => set.setHostname('x'),
      () => set.spawn('true'),
      () => set.execFile('true'),
      () => set.exec('true'),
      () => set.readFile('/proc/version'),
      () => set.writeFile('/proc/version', 'x'),
      () => set.mount({ type: 'tmpfs', target: '/tmp' }),
      () => Network.open(set),
    ]) {
      await expect(call()).rejects.toMatchObject(closed);
    }
    await set.close();
  });
});

test('a set whose init was killed says so, and closes as any other', async () => {
  const before = footprint();
  const set = await unshare(['user', 'pid']);
  process.kill(set.init!, 'SIGKILL');
  await eventually(() => set.init === undefined);
  await expect(set.spawn('true')).rejects.toMatchObject({
    code: 'ENOMEM',
    hint: expect.stringMatching(/init/) as string,
  });
  await set.close();
  await expectNothingLeft(before);
});

test('200 sets, one after another, leave nothing behind', async () => {
  const before = footprint();
  for (let i = 0; i < 200; i++) {
    const set = await unshare(['user', 'pid', 'uts']);
    await set.close();
  }
  await expectNothingLeft(before);
});

test('the reading and the writing of a file are given up by a signal', async () => {
  await using set = await unshare(['user', 'uts']);
  const hostnameFile = '/proc/sys/kernel/hostname';
  for (const call of [
    (signal: AbortSignal) => set.readFile(hostnameFile, { signal }),
    (signal: AbortSignal) => set.writeFile(hostnameFile, 'x', { signal }),
  ]) {
    const controller = new AbortController();
    const waiting = call(controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  }
});
