import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { NAMESPACE_KINDS, type NamespaceKind, exec, execFile, spawn, unshare } from '../../lib';
import { needs } from '../fixtures/optional';

const EVERYTHING: readonly NamespaceKind[] = NAMESPACE_KINDS;

describe('spawn with unshare', () => {
  test('all eight kinds are new', async () => {
    const { stdout } = await exec('for kind in /proc/self/ns/*; do readlink $kind; done', {
      unshare: { ...Object.fromEntries(EVERYTHING.map((kind) => [kind, true])) },
    });
    const inside = stdout.trim().split('\n');
    for (const kind of EVERYTHING) expect(inside).not.toContain(readlinkSync(`/proc/self/ns/${kind}`));
    // And their _for_children, which are the same.
    expect(new Set(inside).size).toBe(EVERYTHING.length);
  });

  test('neither given: a program in the namespaces of this process', async () => {
    const { stdout } = await exec('for kind in /proc/self/ns/*; do readlink $kind; done');
    const own = EVERYTHING.map((kind) => readlinkSync(`/proc/self/ns/${kind}`));
    expect(new Set(stdout.trim().split('\n'))).toEqual(new Set(own));
  });

  test('its hostname is its own', async () => {
    const { stdout } = await execFile('hostname', { unshare: { user: true, uts: { hostname: 'box' } } });
    expect(stdout).toBe('box\n');
    expect(hostname()).not.toBe('box');
  });

  test('its view of the maps: root inside is who started it', async () => {
    const { stdout } = await exec('id -u; id -g; cat /proc/self/uid_map', { unshare: 'user' });
    const [uid, gid, map] = stdout.split('\n');
    expect([uid, gid]).toEqual(['0', '0']);
    expect(map?.trim().split(/\s+/)).toEqual(['0', String(process.getuid!()), '1']);
  });

  test("the map 'current' leaves everyone who they are", async () => {
    const user = { uidMap: 'current', gidMap: 'current' } as const;
    const { stdout } = await exec('id -u; id -g', { unshare: { user } });
    expect(stdout).toBe(`${process.getuid!()}\n${process.getgid!()}\n`);
  });

  test('without capabilities outside it has all inside as root, and none as someone else', async () => {
    const capabilities = async (user: object): Promise<string> => {
      const { stdout } = await execFile('grep', ['-E', 'Cap(Inh|Eff|Amb)', '/proc/self/status'], { unshare: { user } });
      return stdout.replace(/\s+/g, ' ');
    };
    expect(await capabilities({})).toMatch(/CapInh: 0+ CapEff: 0*1?f+ CapAmb: 0+ /i);
    if (process.getuid!() === 0) return;
    const current = await capabilities({ uidMap: 'current', gidMap: 'current' });
    expect(current).toMatch(/CapInh: 0+ CapEff: 0+ CapAmb: 0+ /);
  });

  test('with init it is process 2, without it is process 1', async () => {
    const pids = async (init?: boolean): Promise<string> =>
      (await exec('echo $$ $PPID', { unshare: ['user', 'pid'], init })).stdout;
    expect(await pids()).toBe('2 1\n');
    expect(await pids(true)).toBe('2 1\n');
    expect(await pids(false)).toBe('1 0\n');
  });

  test('a signal that ends it inside a pid namespace is that signal outside', async () => {
    for (const signal of ['KILL', 'TERM', 'SEGV']) {
      const child = await spawn('sh', ['-c', `kill -${signal} $$`], { unshare: ['user', 'pid'] });
      expect(await child.exited).toEqual({ code: null, signal: `SIG${signal}` });
    }
    const child = await spawn('sh', ['-c', 'exit 143'], { unshare: ['user', 'pid'] });
    expect(await child.exited).toEqual({ code: 143, signal: null });
  });

  test('kill() reaches the program and not its init', async () => {
    const child = await spawn('sleep', ['60'], { unshare: ['user', 'pid'] });
    expect(readFileSync(`/proc/${child.pid}/status`, 'utf8')).toMatch(new RegExp(`^NSpid:\\t${child.pid}\\t2$`, 'm'));
    expect(child.kill('SIGUSR1')).toBe(true);
    expect(await child.exited).toEqual({ code: null, signal: 'SIGUSR1' });
    expect(child.kill()).toBe(false);
  });

  test('its init reaps what is orphaned', async () => {
    // To kill(2) a zombie is there: this ends only when someone has waited for it.
    const { stdout } = await exec(
      'orphan=$(sh -c "sleep 0.05 >/dev/null & echo \\$!"); while kill -0 $orphan 2>/dev/null; do :; done; echo reaped',
      { unshare: ['user', 'pid'] },
    );
    expect(stdout).toBe('reaped\n');
  });

  test('its namespaces can be held beyond its end', async () => {
    const child = await spawn('sleep', ['60'], { unshare: { user: true, uts: { hostname: 'kept' } } });
    await using namespaces = await child.namespaces();
    await child.close();
    expect([...namespaces].map(({ kind }) => kind)).toEqual(NAMESPACE_KINDS);
    expect((await namespaces.execFile('hostname')).stdout).toBe('kept\n');
  });
});

describe('spawn with setns', () => {
  test('several programs in one set at once', async () => {
    await using set = await unshare({ user: true, pid: true, uts: { hostname: 'shared' }, mnt: true, ipc: true });
    const started = Array.from({ length: 8 }, () => set.exec('hostname; readlink /proc/self/ns/uts; echo $$ >&2'));
    const results = await Promise.all(started);
    expect(new Set(results.map(({ stdout }) => stdout))).toEqual(new Set([`shared\n${String(set.uts)}\n`]));
    expect(new Set(results.map(({ stderr }) => stderr)).size).toBe(8);
  });

  test('a set as an option, and some of its namespaces', async () => {
    await using set = await unshare({ user: true, uts: { hostname: 'shared' }, net: true });
    expect((await execFile('hostname', { setns: set })).stdout).toBe('shared\n');
    const { stdout } = await exec('hostname; readlink /proc/self/ns/net', { setns: [set.user!, set.net!] });
    expect(stdout).toBe(`${hostname()}\n${String(set.net)}\n`);
  });

  test('together with unshare: first joined, then new below', async () => {
    await using set = await unshare({ user: true, uts: { hostname: 'shared' } });
    const { stdout } = await exec('hostname; echo $$; readlink /proc/self/ns/user', { setns: set, unshare: 'pid' });
    expect(stdout).toBe(`shared\n2\n${String(set.user)}\n`);
  });

  test('the current directory stays where it is, or is the root', async () => {
    await using set = await unshare(['user', 'mnt']);
    expect((await set.execFile('pwd')).stdout).toBe(`${process.cwd()}\n`);
    expect((await set.execFile('pwd', { cwd: '/usr' })).stdout).toBe('/usr\n');
    expect((await set.execFile('pwd', { cwd: 'lib' })).stdout).toBe(`${process.cwd()}/lib\n`);
    await set.mount({ type: 'tmpfs', source: 'none', target: process.cwd().replace(/^(\/[^/]+).*/, '$1') });
    expect((await set.exec('cd -P . && pwd -P')).stdout).toBe('/\n');
    await expect(set.execFile('pwd', { cwd: process.cwd() })).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'chdir',
    });
  });

  test("a set's own methods take everything but setns", async () => {
    await using set = await unshare('user');
    const options = { setns: set } as object;
    await expect(set.spawn('true', options)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    await expect(set.execFile('true', [], options)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    await expect(set.exec('true', options)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  });
});

describe('uid, gid, groups', () => {
  const id = 'id -u; id -g; id -G';

  needs({ root: true }).test('as root: any, and groups are dropped with the id', async () => {
    expect((await exec(id, { uid: 1234, gid: 2345 })).stdout).toBe('1234\n2345\n2345\n');
    expect((await exec(id, { uid: 1234, gid: 2345, groups: [7, 8] })).stdout).toBe('1234\n2345\n2345 7 8\n');
    expect((await exec(id, { uid: 1234 })).stdout).toBe('1234\n0\n0\n');
  });

  needs({ root: true }).test('as root: inside a user namespace that maps them', async () => {
    const map = [{ inside: 0, outside: 100000, count: 1000 }];
    const user = { uidMap: map, gidMap: map };
    const options = { unshare: { user }, uid: 12, gid: 34, groups: [56] };
    expect((await exec(id, options)).stdout).toBe('12\n34\n34 56\n');
    expect((await exec('grep -E ^Cap...: /proc/self/status | grep -v CapBnd', options)).stdout).not.toMatch(
      /[1-9a-f]$/m,
    );
    const child = await spawn('sleep', ['60'], options);
    const outside = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    await child.close();
    expect(outside).toMatch(/^Uid:\t100012\t/m);
    expect(outside).toMatch(/^Gid:\t100034\t/m);
  });

  needs({ unprivileged: true }).test('as an ordinary user: only its own', async () => {
    const uid = process.getuid!();
    expect((await exec('id -u', { uid })).stdout).toBe(`${uid}\n`);
    await expect(exec('id -u', { uid: uid + 1 })).rejects.toMatchObject({ code: 'EPERM', syscall: 'setresuid' });
    await expect(exec('id -u', { groups: [] })).rejects.toMatchObject({ code: 'EPERM', syscall: 'setgroups' });
  });

  test('an id that the user namespace does not map is an error that names it', async () => {
    await expect(spawn('true', { unshare: 'user', uid: 77 })).rejects.toMatchObject({
      code: 'EINVAL',
      syscall: 'setresuid',
      step: expect.stringContaining('77') as string,
      hint: expect.any(String) as string,
    });
  });

  test('only one of them given: the other is what it is by default', async () => {
    expect((await exec('id -u; id -g', { unshare: 'user', uid: 0 })).stdout).toBe('0\n0\n');
    await using set = await unshare('user');
    expect((await set.exec('id -u; id -g', { uid: 0 })).stdout).toBe('0\n0\n');
  });
});

test('noNewPrivileges holds for the program', async () => {
  const line = (options: object): Promise<string> =>
    execFile('grep', ['NoNewPrivs', '/proc/self/status'], options).then(({ stdout }) => stdout);
  expect(await line({ noNewPrivileges: true })).toBe('NoNewPrivs:\t1\n');
  expect(await line({})).toBe(execFileSync('grep', ['NoNewPrivs', '/proc/self/status'], { encoding: 'utf8' }));
});

test('a program has the descriptors it was given and no other', async () => {
  const { stdout } = await exec('ls -1 /proc/$$/fd');
  expect(stdout).toBe('0\n1\n2\n');
});
