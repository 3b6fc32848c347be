import { execFileSync, spawn as spawnChild } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Namespace, setns, unshare, umount } from '../../lib';
import { Arsenal } from '../fixtures/attacks';
import { expectNothingLeft, footprint, mountsBelow } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';

describe('a persistent namespace', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ns-persist-'));
    path = join(folder, 'kept');
  });

  afterEach(() => {
    expect(mountsBelow(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  test.each(['net', 'uts', 'ipc', 'user', 'cgroup', 'time', 'mnt', 'pid'] as const)(
    'of kind %s can be opened',
    async (kind) => {
      const before = footprint();
      const set = await unshare(kind);
      const namespace = set.get(kind)!;
      const kept = await namespace.persist(path);
      expect(kept).toMatchObject({ path, kind, id: namespace.id });
      expect(JSON.parse(JSON.stringify(kept))).toEqual({ path, kind, id: Number(namespace.id) });
      const opened = await Namespace.open(path);
      expect(opened.equals(namespace)).toBe(true);
      await Promise.all([opened.close(), set.close()]);
      await kept.delete();
      await kept.delete();
      expect(existsSync(path)).toBe(false);
      await expectNothingLeft(before);
    },
  );

  test('outlives all handles and processes', async () => {
    const set = await unshare({ uts: { hostname: 'kept' } });
    const name = String(set.uts);
    const kept = await set.uts!.persist(path);
    await set.close();
    const opened = await Namespace.open(path);
    expect(String(opened)).toBe(name);
    const again = await setns(opened);
    expect((await again.execFile('hostname')).stdout).toBe('kept\n');
    await Promise.all([opened.close(), again.close()]);
    await kept[Symbol.asyncDispose]();
  });

  test('does not cover a file that is there', async () => {
    const set = await unshare('net');
    writeFileSync(path, 'mine');
    await expect(set.net!.persist(path)).rejects.toMatchObject({
      code: 'EEXIST',
      path,
      kind: 'net',
      hint: expect.stringMatching(/does not cover/) as string,
    });
    expect(readFileSync(path, 'utf8')).toBe('mine');
    await set.close();
  });

  test('takes its file away again when it cannot be mounted', async () => {
    const own = await Namespace.of('self', 'mnt');
    await expect(own.persist(path)).rejects.toMatchObject({
      code: 'ELOOP',
      path,
    });
    expect(existsSync(path)).toBe(false);
    await own.close();
  });

  test('needs a directory that is there', async () => {
    const own = await Namespace.of('self', 'net');
    await expect(own.persist(join(folder, 'no', 'such'))).rejects.toMatchObject({ code: 'ENOENT' });
    await own.close();
  });

  test('is not removed when something else is there by then', async () => {
    const set = await unshare('net');
    const kept = await set.net!.persist(path);
    await umount(path);
    await expect(kept.delete()).rejects.toMatchObject({ code: 'ERR_LINUX_NS_NOT_MOUNTED', path });
    expect(statSync(path).isFile()).toBe(true);
    await set.close();
  });

  test('is mounted on no file of another, whatever is put under its name meanwhile', async () => {
    const arsenal = new Arsenal();
    const victim = join(arsenal.folder('victim'), 'file');
    const shared = arsenal.folder('shared');
    const [name, link] = [join(shared, 'kept'), join(shared, 'link')];
    writeFileSync(victim, 'mine');
    symlinkSync(victim, link);
    const swapper = spawnChild(arsenal.escape, ['swap', name, link], { stdio: 'ignore' });
    const set = await unshare('net');
    try {
      for (let round = 0; round < 200; round++) {
        const kept = await set.net!.persist(name).catch(() => undefined);
        await kept?.delete().catch(() => undefined);
        expect(mountsBelow(victim)).toEqual([]);
      }
      expect(readFileSync(victim, 'utf8')).toBe('mine');
    } finally {
      swapper.kill('SIGKILL');
      await once(swapper, 'exit');
      await set.close();
      for (const at of mountsBelow(shared)) await umount(at);
      arsenal.remove();
    }
  });

  needs({ tool: ['flock'] }).test('is made where somebody has locked the directory, and does not let go', async () => {
    const holder = spawnChild('flock', ['-F', folder, 'sh', '-c', 'echo locked; exec sleep 1000'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(holder.stdout, 'data');
    try {
      const set = await unshare('net');
      const kept = await set.net!.persist(path);
      await kept.delete();
      await set.close();
    } finally {
      holder.kill('SIGKILL');
      await once(holder, 'exit');
    }
  });

  needs({ tool: ['ip'] }).describe('and iproute2', () => {
    const name = `linux-ns-${process.pid}`;
    const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8' });

    test('`ip netns` sees what persist() has made', async () => {
      ip('netns', 'add', name); // makes /run/netns, as well
      ip('netns', 'delete', name);
      const set = await unshare('net');
      const kept = await set.net!.persist(`/run/netns/${name}`);
      await set.close();
      expect(ip('netns', 'list')).toContain(name);
      expect(ip('netns', 'exec', name, 'readlink', '/proc/self/ns/net').trim()).toBe(String(kept));
      await kept.delete();
      expect(ip('netns', 'list')).not.toContain(name);
    });

    test('what `ip netns add` has made can be opened and joined', async () => {
      const other = `${name}-ip`;
      ip('netns', 'add', other);
      try {
        const net = await Namespace.open(`/run/netns/${other}`);
        const set = await setns(net);
        expect((await set.execFile('readlink', ['/proc/self/ns/net'])).stdout.trim()).toBe(String(net));
        await Promise.all([set.close(), net.close()]);
      } finally {
        ip('netns', 'delete', other);
      }
    });
  });
});
