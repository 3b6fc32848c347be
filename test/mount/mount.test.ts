import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MountOptions, type NamespaceSet, mount, setPropagation, umount, unshare } from '../../lib';
import { mountsBelow } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ns-mount-'));
});

afterEach(() => {
  expect(mountsBelow(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});

describe('in a set', () => {
  let set: NamespaceSet;

  beforeEach(async () => {
    set = await unshare(['user', 'mnt']);
  });

  afterEach(() => set.close());

  /** The options and the optional fields of the uppermost mount on a path. */
  async function mounted(path: string): Promise<string | undefined> {
    const lines = (await set.readFile('/proc/thread-self/mountinfo', 'utf8')).split('\n');
    return lines.filter((line) => line.split(' ')[4] === path).at(-1);
  }

  test('a filesystem is mounted with flags and data', async () => {
    await set.mount({
      type: 'tmpfs',
      source: 'mine',
      target: folder,
      noSuid: true,
      noDev: true,
      noExec: true,
      data: 'size=64k',
    });
    expect(await mounted(folder)).toMatch(/ rw,nosuid,nodev,noexec.* - tmpfs mine .*size=64k/);
    await expect(set.writeFile(join(folder, 'big'), Buffer.alloc(128 << 10), { create: true })).rejects.toMatchObject({
      code: 'ENOSPC',
    });
  });

  test('a directory is bound somewhere else, read-only if asked: mount(2) alone would ignore it', async () => {
    const [source, target] = [join(folder, 'source'), join(folder, 'target')];
    mkdirSync(source);
    mkdirSync(target);
    writeFileSync(join(source, 'file'), 'here');
    await set.mount({ type: 'tmpfs', target: source });
    await set.writeFile(join(source, 'file'), 'bound', { create: true });
    await set.mount({ bind: true, source, target, readOnly: true });
    expect(await set.readFile(join(target, 'file'), 'utf8')).toBe('bound');
    await expect(set.writeFile(join(target, 'file'), 'x')).rejects.toMatchObject({ code: 'EROFS' });
    await set.writeFile(join(source, 'file'), 'still writable');
  });

  test('a mount is moved, and changed', async () => {
    const [from, to] = [join(folder, 'from'), join(folder, 'to')];
    mkdirSync(from);
    mkdirSync(to);
    await set.mount({ type: 'tmpfs', target: from });
    await set.mount({ move: true, source: from, target: to });
    expect(await mounted(from)).toBeUndefined();
    await set.mount({ remount: true, bind: true, target: to, readOnly: true });
    expect(await mounted(to)).toMatch(/ ro,/);
  });

  test('a path is taken from the root of the namespace', async () => {
    await set.mount({ type: 'tmpfs', target: folder.slice(1) });
    expect(await mounted(folder)).toBeDefined();
  });

  test.each(['shared', 'private', 'slave', 'unbindable'] as const)('propagation is set to %s', async (propagation) => {
    const field = {
      shared: /shared:/,
      private: /^\S+ \S+ \S+ \S+ \S+ \S+ - /,
      slave: /^(?!.*shared)/,
      unbindable: /unbindable/,
    };
    await set.mount({ type: 'tmpfs', target: folder });
    await set.setPropagation(folder, propagation);
    expect(await mounted(folder)).toMatch(field[propagation]);
  });

  test('propagation is set recursively if asked', async () => {
    await set.mount({ type: 'tmpfs', target: folder });
    await set.exec(`mkdir ${folder}/below`);
    await set.mount({ type: 'tmpfs', target: `${folder}/below` });
    await set.setPropagation(folder, 'shared');
    expect(await mounted(`${folder}/below`)).not.toMatch(/shared:/);
    await set.setPropagation(folder, 'shared', { recursive: true });
    expect(await mounted(`${folder}/below`)).toMatch(/shared:/);
  });

  test('a busy mount is unmounted only with detach', async () => {
    await set.mount({ type: 'tmpfs', target: folder });
    const user = await set.spawn('sleep', ['60'], { cwd: folder, stdio: 'ignore' });
    await expect(set.umount(folder)).rejects.toMatchObject({ code: 'EBUSY', step: `umount ${folder}` });
    await set.umount(folder, { detach: true });
    expect(await mounted(folder)).toBeUndefined();
    await user[Symbol.asyncDispose]();
  });

  test.each<[MountOptions, string]>([
    [{ type: 'nosuchfs', target: '/tmp' }, 'ENODEV'],
    [{ type: 'tmpfs', target: '/nosuch' }, 'ENOENT'],
    [{ bind: true, source: '/nosuch', target: '/tmp' }, 'ENOENT'],
    [{ type: 'tmpfs', target: '/tmp', data: 'nosuchoption=1' }, 'EINVAL'],
  ])('%j fails, and says at what', async (options, code) => {
    await expect(set.mount(options)).rejects.toMatchObject({
      code,
      kind: 'mnt',
      step: expect.stringContaining(String(options.target)) as string,
    });
  });

  test('a bind mount whose flags cannot be set is undone', async () => {
    // What a more privileged mount namespace has mounted nosuid stays nosuid: the flags of /proc are locked here.
    const before = await mounted(folder);
    await set.mount({ bind: true, source: '/proc', target: folder, recursive: true, readOnly: true }).then(
      () => set.umount(folder, { detach: true }),
      (error: unknown) => expect(error).toMatchObject({ code: 'EPERM', step: `remount ${folder}` }),
    );
    expect(await mounted(folder)).toBe(before);
  });
});

test.each<[unknown, string]>([
  [undefined, 'ERR_INVALID_ARG_TYPE'],
  [{}, 'ERR_INVALID_ARG_TYPE'],
  [{ target: '/tmp' }, 'ERR_INVALID_ARG_VALUE'],
  [{ target: '/tmp', bind: true }, 'ERR_INVALID_ARG_VALUE'],
  [{ target: '/tmp', move: true }, 'ERR_INVALID_ARG_VALUE'],
  [{ target: '/tmp', source: '/', bind: true, move: true }, 'ERR_INVALID_ARG_VALUE'],
  [{ target: '/tmp', type: 'tmpfs', noSuid: 1 }, 'ERR_INVALID_ARG_TYPE'],
  [{ target: '/tmp', type: 'tmpfs', readonly: true }, 'ERR_INVALID_ARG_VALUE'],
  [{ target: '/tmp', type: 'tm\0pfs' }, 'ERR_INVALID_ARG_VALUE'],
])('mount() refuses %j', async (options, code) => {
  await expect(mount(options as MountOptions)).rejects.toMatchObject({ code });
});

test('umount() and setPropagation() refuse bad arguments', async () => {
  const value = { code: 'ERR_INVALID_ARG_VALUE' };
  await expect(umount('')).rejects.toMatchObject(value);
  await expect(umount('/x', { lazy: true } as object)).rejects.toMatchObject(value);
  await expect(umount('/x', { expire: true, force: true })).rejects.toMatchObject(value);
  await expect(setPropagation('/', 'none' as 'private')).rejects.toMatchObject(value);
});

needs({ root: true }).describe('as root, on the host', () => {
  test('mounts, propagates and unmounts in the mount namespace of this process', async () => {
    await mount({ type: 'tmpfs', target: folder, noSuid: true });
    expect(mountsBelow(folder)).toEqual([folder]);
    await setPropagation(folder, 'private');
    await umount(folder, { nofollow: true });
    expect(mountsBelow(folder)).toEqual([]);
  });

  test('undoes a bind mount of which only the second half fails', async () => {
    await mount({ type: 'tmpfs', target: folder });
    await expect(mount({ bind: true, source: '/nosuch', target: folder, readOnly: true })).rejects.toMatchObject({
      code: 'ENOENT',
    });
    expect(mountsBelow(folder)).toEqual([folder]);
    await umount(folder);
  });
});

needs({ unprivileged: true }).test('an ordinary user may not mount on the host, and is told why', async () => {
  await expect(mount({ type: 'tmpfs', target: folder })).rejects.toMatchObject({
    code: 'EPERM',
    step: `mount tmpfs on ${folder}`,
    hint: expect.stringMatching(/CAP_SYS_ADMIN/) as string,
  });
  expect(existsSync(folder)).toBe(true);
});

test.each([[Symbol('tmpfs')], [{}], [7]])(
  'a type that is no string is refused, with propagation too: %p',
  async (type) => {
    const options = { type, target: '/mnt', propagation: 'private' } as unknown as MountOptions;
    await expect(mount(options)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  },
);
