import { closeSync, openSync, readlinkSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { NAMESPACE_KINDS, Namespace, spawn, unshare } from '../../lib';
import { Network } from '../../lib/network';
import { expectNothingLeft, footprint } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { errorWith } from '../fixtures/errors';

const OWN_NET = '/proc/self/ns/net';

describe('a namespace', () => {
  test.each(NAMESPACE_KINDS)('of this process, of kind %s, is what /proc/self/ns says', async (kind) => {
    const namespace = await Namespace.of('self', kind);
    const status = statSync(`/proc/self/ns/${kind}`, { bigint: true });
    expect(namespace).toMatchObject({ kind, id: status.ino, dev: status.dev, closed: false });
    expect(String(namespace)).toBe(readlinkSync(`/proc/self/ns/${kind}`));
    await namespace.close();
  });

  test('can be written as JSON, with the id as a number', async () => {
    await using namespace = await Namespace.of('self', 'net');
    expect(JSON.parse(JSON.stringify({ namespace }))).toEqual({
      namespace: { kind: 'net', id: Number(namespace.id) },
    });
  });

  test('is the same however it was opened', async () => {
    const handles = [
      await Namespace.open(OWN_NET),
      await Namespace.open(pathToFileURL(OWN_NET)),
      await Namespace.of(process.pid, 'net'),
      await Namespace.fromFd(openSync(OWN_NET, 'r')),
    ];
    handles.push(await handles[0]!.duplicate());
    for (const handle of handles) expect(handle.equals(handles[0]!)).toBe(true);
    expect(new Set(handles.map(({ fd }) => fd)).size).toBe(handles.length);
    await Promise.all(handles.map((handle) => handle.close()));
  });

  test('that a socket keeps is found from that, in whichever process it is', async () => {
    await using set = await unshare(['user', 'net']);
    const name = String(set.net);
    const network = await Network.open(set);
    const server = await network.listen({ port: 0 });
    await network.close();
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    await set.close();
    for (const pid of ['self', process.pid] as const) {
      await using net = await Namespace.ofSocket(pid, fd);
      expect(String(net)).toBe(name);
    }
    await using child = await spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
    server.close();
    await using net = await Namespace.ofSocket(child.pid, 3);
    expect(String(net)).toBe(name);
  });

  test('is not found from what is no socket, and of no process', async () => {
    const file = openSync('/dev/null', 'r');
    await expect(Namespace.ofSocket('self', file)).rejects.toThrow(
      errorWith({ code: 'ENOTTY', hint: expect.stringMatching(/is no socket/) as string }),
    );
    closeSync(file);
    const none = errorWith({ code: 'EBADF', hint: expect.stringMatching(/has no such descriptor/) as string });
    await expect(Namespace.ofSocket('self', 1_000_000)).rejects.toThrow(none);
    await expect(Namespace.ofSocket(2 ** 22 + 1, 0)).rejects.toThrow(errorWith({ code: 'ESRCH' }));
    await expect(Namespace.ofSocket('self', -1)).rejects.toThrow(errorWith({ code: 'ERR_OUT_OF_RANGE' }));
  });

  needs({ unprivileged: true }).test('is not found from a socket of who may not be looked into', async () => {
    const refused = errorWith({ code: 'EPERM', hint: expect.stringMatching(/takes the right to ptrace it/) as string });
    await expect(Namespace.ofSocket(1, 0)).rejects.toThrow(refused);
  });

  test('is another than any other', async () => {
    const [net, uts] = [await Namespace.of('self', 'net'), await Namespace.of('self', 'uts')];
    const set = await unshare(['user', 'net']);
    expect(net.equals(uts)).toBe(false);
    expect(net.equals(set.net!)).toBe(false);
    await Promise.all([net.close(), uts.close(), set.close()]);
  });

  test('can only be compared with a namespace', async () => {
    const net = await Namespace.of('self', 'net');
    for (const other of [undefined, null, 'net', {}]) {
      expect(() => net.equals(other as Namespace)).toThrow(
        errorWith({ code: 'ERR_INVALID_ARG_TYPE', name: 'TypeError' }),
      );
    }
    await net.close();
  });

  test('prints as what it is', async () => {
    const net = await Namespace.of('self', 'net');
    expect(inspect(net)).toBe(`Namespace { ${String(net)} }`);
    await net.close();
    expect(inspect(net)).toBe(`Namespace { ${String(net)}, closed }`);
  });

  test('knows the processes in it that can be seen', async () => {
    const child = await spawn('sleep', ['60'], { unshare: ['user', 'net'], stdio: 'ignore' });
    const net = await Namespace.of(child.pid, 'net');
    expect(await net.processes()).toEqual([child.pid]);
    await child[Symbol.asyncDispose]();
    expect(await net.processes()).toEqual([]);
    await net.close();
  });

  test('belongs to the user namespace it was created in', async () => {
    const set = await unshare(['user', 'net', 'uts']);
    for (const namespace of [set.net!, set.uts!]) {
      const user = await namespace.userNamespace();
      expect(user.equals(set.user!)).toBe(true);
      await user.close();
    }
    await set.close();
  });

  test('of kind user has the uid of its creator, and a parent', async () => {
    const set = await unshare(['user']);
    expect(await set.user!.owner()).toBe(process.geteuid?.());
    const parent = await set.user!.parent();
    const own = await Namespace.of('self', 'user');
    expect(parent?.equals(own)).toBe(true);
    expect(await own.parent()).toBeNull();
    await Promise.all([parent?.close(), own.close(), set.close()]);
  });

  test('of kind pid has a parent, null at the top of what can be seen', async () => {
    const set = await unshare(['user', 'pid']);
    const parent = await set.pid!.parent();
    const own = await Namespace.of('self', 'pid');
    expect(parent?.equals(own)).toBe(true);
    expect(await own.parent()).toBeNull();
    await Promise.all([parent?.close(), own.close(), set.close()]);
  });

  test('of another kind has neither', async () => {
    const net = await Namespace.of('self', 'net');
    await expect(net.owner()).rejects.toMatchObject({ code: 'EINVAL', kind: 'net' });
    await expect(net.parent()).rejects.toMatchObject({ code: 'EINVAL', kind: 'net' });
    await net.close();
  });
});

describe('opening', () => {
  test.each([
    ['a file', __filename],
    ['a directory', '/tmp'],
    ['a device', '/dev/null'],
    ['a file of /proc', '/proc/self/status'],
  ])('%s is EINVAL, with the path', async (_, path) => {
    await expect(Namespace.open(path)).rejects.toMatchObject({
      code: 'EINVAL',
      path,
      hint: expect.stringMatching(/no namespace/) as string,
    });
  });

  test('what is not there is ENOENT', async () => {
    await expect(Namespace.open('/nosuch')).rejects.toMatchObject({ code: 'ENOENT', path: '/nosuch', syscall: 'open' });
  });

  test('of a process that has ended is ESRCH', async () => {
    const child = await spawn('true');
    await child.exited;
    await expect(Namespace.of(child.pid, 'net')).rejects.toMatchObject({ code: 'ESRCH' });
  });

  test('a descriptor that is none of a namespace leaves it open, and the caller’s', async () => {
    const fd = openSync('/dev/null', 'r');
    await expect(Namespace.fromFd(fd)).rejects.toMatchObject({ code: 'EINVAL' });
    closeSync(fd);
    await expect(Namespace.fromFd(2 ** 30)).rejects.toMatchObject({ code: 'EBADF' });
  });

  test.each([
    [() => Namespace.open(''), 'ERR_INVALID_ARG_VALUE'],
    [() => Namespace.open('a\0b'), 'ERR_INVALID_ARG_VALUE'],
    [() => Namespace.open(7 as unknown as string), 'ERR_INVALID_ARG_TYPE'],
    [() => Namespace.of('me' as 'self', 'net'), 'ERR_INVALID_ARG_TYPE'],
    [() => Namespace.of(0, 'net'), 'ERR_OUT_OF_RANGE'],
    [() => Namespace.of('self', 'network' as 'net'), 'ERR_INVALID_ARG_VALUE'],
    [() => Namespace.fromFd(-1), 'ERR_OUT_OF_RANGE'],
  ])('refuses bad arguments', async (call, code) => {
    await expect(call()).rejects.toMatchObject({ code });
  });

  needs({ unprivileged: true }).test("another user's process is EACCES, with the reason", async () => {
    await expect(Namespace.of(1, 'net')).rejects.toMatchObject({
      code: expect.stringMatching(/EACCES|EPERM/) as string,
      kind: 'net',
      step: 'open net of process 1',
    });
  });

  test('leaves nothing behind when it fails', async () => {
    const before = footprint();
    for (let i = 0; i < 50; i++) await Namespace.open('/dev/null').catch(() => undefined);
    await expectNothingLeft(before);
  });
});

describe('a closed namespace', () => {
  test('still says what it was, and does nothing else', async () => {
    const net = await Namespace.of('self', 'net');
    const other = await net.duplicate();
    const name = String(net);
    await Promise.all([net.close(), net.close()]);
    await net.close();
    expect(net.closed).toBe(true);
    expect(String(net)).toBe(name);
    const closed = { code: 'ERR_LINUX_NS_CLOSED' };
    expect(() => net.fd).toThrow(errorWith(closed));
    expect(() => net.equals(other)).toThrow(errorWith(closed));
    expect(() => other.equals(net)).toThrow(errorWith(closed));
    for (const call of [
      () => net.owner(),
      () => net.userNamespace(),
      () => net.parent(),
      () => net.processes(),
      () => net.duplicate(),
      () => net.persist('/nosuch/x'),
    ]) {
      await expect(call()).rejects.toMatchObject(closed);
    }
    await other.close();
  });

  test('is closed by asyncDispose', async () => {
    const net = await Namespace.of('self', 'net');
    await net[Symbol.asyncDispose]();
    expect(net.closed).toBe(true);
  });
});
