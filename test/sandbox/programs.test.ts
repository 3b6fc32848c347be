/** Who programs in a sandbox are, and what they have: what the spec says, and no more. */
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type NamespaceSet, Sandbox, type SandboxSpec, execFile, unshare } from '../../lib';
import { native } from '../../lib/native';
import { eventually, expectNothingLeft, footprint, isAlive } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';
import { nodeArguments, runScenario } from '../fixtures/scenario';
import { inSandbox, said, saidIn, userland } from './box';

/** CAP_* that nobody else of these tests is given. */
const NET: SandboxSpec['capabilities'] = ['CAP_NET_ADMIN', 'CAP_NET_RAW'];

test('a program has no capability, cannot gain any, is filtered, and leads a session of its own', async () => {
  const status = await saidIn({}, "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; ps -o sid= -p $$; echo $$");
  const [sid, pid] = status.split('\n').slice(-2);
  expect(status).toMatch(/CapInh:\s0{16}\nCapPrm:\s0{16}\nCapEff:\s0{16}\nCapBnd:\s0{16}\nCapAmb:\s0{16}\n/);
  expect(status).toMatch(/NoNewPrivs:\s1\nSeccomp:\s2/);
  expect(sid?.trim()).toBe(pid);
});

test('a program is this process’s user, with the same number, and no group more', async () => {
  const [uid, gid] = [process.geteuid!(), process.getegid!()];
  expect(await saidIn({}, 'id -u; id -g; cat /proc/self/uid_map | tr -s " "')).toMatch(
    new RegExp(`^${uid}\n${gid}\n ${uid} \\d+ 1$`),
  );
  expect(await saidIn({ user: { uid: 0, gid: 0 } }, 'id -u; id -g')).toBe('0\n0');
  expect(await saidIn({ user: { map: 'root' } }, 'id -u; id -g')).toBe('0\n0');
  expect(await saidIn({ user: { uid: 4321, gid: 1234 } }, 'id -u; id -g; touch /tmp/x; stat -c "%u %g" /tmp/x /')).toBe(
    '4321\n1234\n4321 1234\n4321 1234',
  );
});

needs({ root: true }).test('with privilege there can be as many ids as are wanted, and groups', async () => {
  const map = [
    { inside: 0, outside: 200_000, count: 10 },
    { inside: 1000, outside: 300_000, count: 10 },
  ];
  const user = { uid: 1003, gid: 1004, groups: [5, 1009], map };
  const text = await saidIn(
    { user },
    'id -u; id -g; id -G; cat /proc/self/uid_map | tr -s " "; touch ~/x /tmp/x && stat -c "%u %g" ~ ~/x',
  );
  expect(text).toBe('1003\n1004\n1004 5 1009\n 0 200000 10\n 1000 300000 10\n1003 1004\n1003 1004');
  const high = [{ inside: 50, outside: 200_000, count: 3 }];
  expect(await saidIn({ user: { map: high } }, 'id -u; cat /dev/null; tty; touch /tmp/x')).toMatch(/^50\nnot a tty$/);
  expect(await saidIn({ user: { uid: 9, gid: 9, map: { uid: map, gid: map } } }, 'id -u; id -G')).toBe('9\n9');
});

needs({ root: true }).test('groups of root stay outside', async () => {
  expect(await saidIn({}, 'id -G')).toBe('0');
});

needs({ unprivileged: true, tool: ['newuidmap'] }).test('the subordinate range can be had', async () => {
  const user = { map: 'auto', uid: 1000, gid: 1000, groups: [1001] } as const;
  const text = await saidIn({ user }, 'id -u; id -G; touch ~/x && stat -c "%u %g" ~/x; wc -l < /proc/self/uid_map');
  expect(text).toBe('1000\n1000 1001\n1000 1000\n2');
  expect(await saidIn({ user: { map: 'auto' } }, 'id -u')).toBe('0');
});

test('capabilities are those that were given, in the sandbox’s namespaces', async () => {
  await inSandbox(userland({ capabilities: NET }), async (sandbox) => {
    const text = await said(
      sandbox,
      "grep -E '^Cap(Eff|Bnd)' /proc/self/status; ip link add v0 type veth peer name v1 && ip -o link | wc -l",
    );
    expect(text).toMatch(/CapEff:\s0{12}3000\nCapBnd:\s0{12}3000\n3$/);
    const less = await sandbox.exec('grep CapEff /proc/self/status', { capabilities: ['CAP_NET_RAW'] });
    expect(less.stdout).toMatch(/0{12}2000$/m);
    const none = await sandbox.exec('grep CapEff /proc/self/status', { capabilities: [] });
    expect(none.stdout).toMatch(/0{16}$/m);
    const sets = await sandbox.exec('grep -E "Cap(Bnd|Eff)" /proc/self/status', { capabilities: { ambient: [] } });
    expect(sets.stdout).toMatch(/CapBnd:\s0{12}3000/);
  });
});

test('who may mount can mount, but not undo what the sandbox has mounted', async () => {
  const spec: SandboxSpec = {
    capabilities: ['CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE'],
    seccomp: 'none',
    user: { uid: 0, gid: 0 },
    mounts: [
      { type: 'bindReadOnly', source: '/usr', target: '/readonly' },
      { type: 'file', target: '/hidden/file', data: 'secret' },
      { type: 'mask', target: '/hidden' },
    ],
  };
  await inSandbox(userland(spec), async (sandbox) => {
    expect(
      await said(sandbox, 'mount -t tmpfs none /tmp && touch /tmp/x && ls /tmp; hostname inside && hostname'),
    ).toBe('x\ninside');
    const text = await said(
      sandbox,
      `mount -o remount,bind,rw /readonly; mount -o remount,bind,dev,suid /readonly; umount /readonly; umount -l /hidden;
       umount -l /proc/sys; mount -o remount,bind,rw /proc/sys; mount -t proc proc /mnt 2>/dev/null || mount -t proc proc /tmp;
       mount --bind /readonly /tmp && touch /tmp/y; mount --make-rshared / ; cat /hidden/file; echo 1 > /proc/sys/kernel/panic;
       unshare -m sh -c 'umount -l /hidden; cat /hidden/file'; unshare -Urm sh -c 'umount -l /hidden; cat /hidden/file'`,
    );
    expect(text).not.toMatch(/secret/);
    expect(
      await said(
        sandbox,
        'touch /readonly/x; cat /hidden/file; grep -c " /readonly ro" /proc/self/mountinfo; ls /readonly/x',
      ),
    ).toMatch(/Read-only file system\n.*No such file.*\n1\n.*No such file/);
  });
});

test('no user namespace can be made where they are disabled, and nobody inside can undo it', async () => {
  const attempt = 'unshare -U true || unshare -Ur true; echo $?';
  expect(await saidIn({ seccomp: 'none', disableUserNamespaces: true }, attempt)).toMatch(
    /No space left on device\n1$/,
  );
  expect(await saidIn({ seccomp: 'none' }, 'unshare -U true; echo $?')).toBe('0');
  const powerful: SandboxSpec = {
    seccomp: 'none',
    disableUserNamespaces: true,
    user: { uid: 0, gid: 0 },
    capabilities: ['CAP_SYS_ADMIN', 'CAP_SYS_RESOURCE', 'CAP_SETUID', 'CAP_SETGID', 'CAP_DAC_OVERRIDE'],
    mounts: [{ type: 'bind', source: '/proc', target: '/outer' }],
  };
  const text = await saidIn(
    powerful,
    `for p in /proc /outer; do echo 100 > $p/sys/user/max_user_namespaces; done; ${attempt}`,
  );
  expect(text).toMatch(/\n1$/);
});

test('the environment is PATH, HOME, TERM and LANG, and what is given', async () => {
  process.env.NS_TEST_SECRET = 'secret';
  try {
    await inSandbox(userland({ env: { GIVEN: 'yes', LANG: undefined, HOME: '/tmp' } }), async (sandbox) => {
      const names = async (options: object): Promise<string> =>
        (await sandbox.execFile('env', options)).stdout.replace(/^(PATH|TERM)=.*$/gm, '$1');
      expect(await names({})).toBe('PATH\nHOME=/tmp\nTERM\nGIVEN=yes\n');
      expect(await names({ env: { GIVEN: undefined, MORE: '1' } })).toBe('PATH\nHOME=/tmp\nTERM\nMORE=1\n');
    });
  } finally {
    delete process.env.NS_TEST_SECRET;
  }
});

test('programs start in cwd, or in a directory inside that is given for one of them', async () => {
  await inSandbox(userland({ cwd: '/usr' }), async (sandbox) => {
    const cwd = async (options: object): Promise<string> => (await sandbox.execFile('pwd', options)).stdout.trim();
    expect(await cwd({})).toBe('/usr');
    expect(await cwd({ cwd: 'lib' })).toBe('/usr/lib');
    expect(await cwd({ cwd: '/tmp' })).toBe('/tmp');
    await expect(cwd({ cwd: process.cwd() })).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

test('a directory to start in is not found by way of what this process has open', async () => {
  const mounts: SandboxSpec['mounts'] = Array.from({ length: 30 }, (_, fd) => ({
    type: 'symlink',
    target: `/links/${fd}`,
    to: `/proc/self/fd/${fd}`,
  }));
  await inSandbox(userland({ mounts }), async (sandbox) => {
    for (let fd = 0; fd < 30; fd++) {
      await expect(sandbox.execFile('pwd', { cwd: `/links/${fd}` })).rejects.toMatchObject({
        code: expect.stringMatching(/^(ELOOP|ENOENT|ENOTDIR)$/) as string,
      });
    }
  });
});

test('the hostname is the one given, and the host keeps its own', async () => {
  expect(await saidIn({ hostname: 'a-box' }, 'hostname; cat /proc/sys/kernel/hostname')).toBe('a-box\na-box');
});

test('limits hold for each program; a program can have less', async () => {
  await inSandbox(userland({ rlimits: { nofile: 100, core: 0 } }), async (sandbox) => {
    expect(await said(sandbox, 'ulimit -n; ulimit -Hn; ulimit -c')).toBe('100\n100\n0');
    const { stdout } = await sandbox.exec('ulimit -n; ulimit -Hn', { rlimits: { nofile: { soft: 20 } } });
    expect(stdout).toBe('20\n100\n');
    const lower = await sandbox.exec('ulimit -n; ulimit -Hn', { rlimits: { nofile: { hard: 30 } } });
    expect(lower.stdout).toBe('30\n30\n');
  });
});

test('a soft limit of a program cannot be above the hard one of the sandbox, which has no soft one', async () => {
  await inSandbox(userland({ rlimits: { nofile: { hard: 50 } } }), async (sandbox) => {
    await expect(sandbox.exec('true', { rlimits: { nofile: { soft: 51 } } })).rejects.toThrow(
      /options\.rlimits\.nofile' is more than the sandbox has. Received \{ soft: 51/,
    );
  });
});

needs({ unprivileged: true }).test('the caller is asked once who it is where a given network belongs', async () => {
  await using set = await unshare(['user', 'net']);
  const launch = jest.spyOn(native(), 'launch');
  try {
    await inSandbox(userland({ network: set.net! }), () => Promise.resolve());
    const asking = launch.mock.calls.filter(([{ steps }]) => steps.some(([name]) => name === 'read_file'));
    expect(asking).toHaveLength(1);
  } finally {
    launch.mockRestore();
  }
});

test('the network is a loopback interface, or the host’s, or one that was set up', async () => {
  expect(await saidIn({}, 'ip -o link show up | cut -d: -f2')).toBe(' lo');
  const host = await saidIn({ network: 'host' }, 'readlink /proc/self/ns/net');

  expect(host).toBe(readlinkSync('/proc/self/ns/net'));
  const set: NamespaceSet = await unshare(['user', 'net']);
  try {
    await inSandbox(userland({ network: set.net! }), async (sandbox) => {
      expect(await said(sandbox, 'readlink /proc/self/ns/net')).toBe(String(set.net));
      expect(String(sandbox.namespaces.net)).toBe(String(set.net));
      await sandbox.writeFile('/tmp/x', 'written');
      expect(await sandbox.readFile('/tmp/x', 'utf8')).toBe('written');
      const child = await sandbox.spawn('tty', { pty: { cols: 80, rows: 24 } });
      await child.exited;
    });
    // It is somebody else's, and goes on.
    expect((await set.execFile('ip', ['-o', 'link'])).stdout).toContain('lo');
  } finally {
    await set.close();
  }
});

test('kinds that are shared are the host’s', async () => {
  await inSandbox(userland({ share: ['uts', 'ipc', 'cgroup'] }), async (sandbox) => {
    const links = (await said(sandbox, 'for k in uts ipc cgroup pid net; do readlink /proc/self/ns/$k; done')).split(
      '\n',
    );
    const own = ['uts', 'ipc', 'cgroup', 'pid', 'net'].map((kind) => readlinkSync(`/proc/self/ns/${kind}`));
    expect(links.map((link, index) => link === own[index])).toEqual([true, true, true, false, false]);
    expect(sandbox.namespaces.uts).toBeUndefined();
  });
});

test('without a pid namespace of its own a sandbox still takes its programs with it', async () => {
  const sandbox = await Sandbox.create(
    userland({ share: ['pid'], proc: false, mounts: [{ type: 'bind', source: '/proc', target: '/proc' }] }),
  );
  const child = await sandbox.spawn('sleep', ['1000']);
  expect(sandbox.init).toBeUndefined();
  await sandbox.close();
  expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
});

test('terminals are the sandbox’s own', async () => {
  await inSandbox(userland(), async (sandbox) => {
    const child = await sandbox.spawn('sh', ['-c', 'tty; stty size; ls /dev/pts; [ -c /dev/ptmx ] && echo ptmx'], {
      pty: { cols: 99, rows: 11 },
    });
    const shown = text(child.pty!);
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect((await shown).replaceAll('\r', '').trim().split('\n')).toEqual(['/dev/pts/0', '11 99', '0  ptmx', 'ptmx']);
  });
  await inSandbox(userland({ terminal: false }), async (sandbox) => {
    await expect(sandbox.spawn('sh', { pty: { cols: 80, rows: 24 } })).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

test('programs run one after another and many at once', async () => {
  await inSandbox(userland(), async (sandbox) => {
    const outputs = await Promise.all(
      Array.from({ length: 20 }, (_, n) => said(sandbox, `echo ${n} > /tmp/${n}; cat /tmp/${n}`)),
    );
    expect(outputs).toEqual(Array.from({ length: 20 }, (_, n) => String(n)));
    expect((await said(sandbox, 'ls /tmp | wc -l')).trim()).toBe('20');
  });
});

test('a Node module runs inside, with a channel for messages, in a root that has no Node', async () => {
  const module =
    'process.on("message", (m) => { process.send({ got: m, uid: process.getuid() }); process.disconnect(); })';
  const spec: SandboxSpec = { mounts: [{ type: 'file', target: '/module.js', data: module }] };
  await inSandbox(spec, async (sandbox) => {
    const child = await sandbox.fork('/module.js', { hostNode: true, silent: true });
    const answer = new Promise((resolve) => child.once('message', resolve));
    child.send('hello');
    expect(await answer).toEqual({ got: 'hello', uid: process.geteuid!() });
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });
});

test('everything in it dies with it, also what has left its session and its parent', async () => {
  const before = footprint();
  const sandbox = await Sandbox.create(userland());
  const child = await sandbox.spawn('sh', ['-c', 'setsid sh -c "sleep 1000 & sleep 1000" & echo started; wait']);
  await new Promise((resolve) => child.stdout!.once('data', resolve));
  const init = sandbox.init!;
  expect(isAlive(init)).toBe(true);
  await Promise.all([sandbox.close(), sandbox.close()]);
  expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
  expect(isAlive(init)).toBe(false);
  await sandbox.close();
  expect(sandbox.closed).toBe(true);
  await expect(sandbox.exec('true')).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
  await expect(sandbox.readFile('/x')).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
  await expect(sandbox.changes()).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
  await expectNothingLeft(before);
});

test('a sandbox whose init was killed is told apart, and can be closed', async () => {
  const sandbox = await Sandbox.create(userland());
  process.kill(sandbox.init!, 'SIGKILL');
  await eventually(() => sandbox.init === undefined);
  await expect(sandbox.exec('true')).rejects.toMatchObject({ name: 'NamespaceError', code: 'ENOMEM' });
  await sandbox.close();
});

test('what needs a cgroup says so where there is none', async () => {
  await inSandbox({}, async (sandbox) => {
    for (const method of ['stats', 'freeze', 'thaw'] as const) {
      await expect(sandbox[method]()).rejects.toMatchObject({
        code: 'ERR_LINUX_NS_NO_CGROUP',
        step: method,
        hint: expect.stringContaining("'cgroup'") as string,
      });
    }
  });
});

needs({ root: true }).test('in a cgroup all of it is counted, stopped, and removed together', async () => {
  const sandbox = await Sandbox.create(userland({ cgroup: {} }));
  const child = await sandbox.spawn('sh', ['-c', 'while :; do echo tick; sleep 0.01; done']);
  let ticks = 0;
  child.stdout!.on('data', () => ticks++);
  await eventually(() => ticks > 3);
  expect(await sandbox.stats()).toMatchObject({ populated: true, frozen: false });
  await sandbox.freeze();
  expect(await sandbox.stats()).toMatchObject({ frozen: true });
  await sandbox.thaw();
  const seen = ticks;
  await eventually(() => ticks > seen + 3);
  const [, path] =
    /^0::(.*)$/m.exec(await sandbox.execFile('cat', ['/proc/self/cgroup']).then(({ stdout }) => stdout)) ?? [];
  expect(path).toBe('/');
  await sandbox.freeze();
  await sandbox.close();
  expect(existsSync(`/proc/${child.pid}`)).toBe(false);
});

describe('when this process ends', () => {
  /** A process that makes a sandbox with a program in it, tells both pids, and is killed. */
  async function leave(dieWithParent: boolean, more: SandboxSpec = {}): Promise<{ init: number; program: number }> {
    const { result } = await runScenario(join(__dirname, 'leaving'), 'leaveSandbox', [dieWithParent, more]);
    return result as { init: number; program: number };
  }

  test('everything in it ends as well', async () => {
    const { init, program } = await leave(true);
    await eventually(() => !isAlive(program) && !isAlive(init));
  });

  test('it runs on where that was asked for, until its last program has ended', async () => {
    const { init, program } = await leave(false);
    expect([isAlive(init), isAlive(program)]).toEqual([true, true]);
    process.kill(program, 'SIGKILL');
    await eventually(() => !isAlive(program) && !isAlive(init));
  });

  test('a program runs on in the pid namespace of the host as well, or ends there', async () => {
    const shared: SandboxSpec = { share: ['pid'], proc: false };
    const { init, program } = await leave(false, shared);
    expect([init, isAlive(program)]).toEqual([undefined, true]);
    process.kill(program, 'SIGKILL');
    await eventually(() => !isAlive(program));
    const other = await leave(true, shared);
    await eventually(() => !isAlive(other.program));
  });
});

test('a sandbox can be made in a user namespace where groups cannot be set', async () => {
  const command = [process.execPath, ...nodeArguments(join(__dirname, 'leaving'), 'sandboxInside')];
  const { stdout } = await execFile(command[0]!, command.slice(1), {
    unshare: { user: { setgroups: 'deny' }, mnt: true },
    cwd: join(__dirname, '../..'),
  });
  expect(stdout).toContain(JSON.stringify('0\ndeny\n'));
});

describe('in the pid namespace of the host, close()', () => {
  const spec = (): SandboxSpec => userland({ share: ['pid'], proc: false });

  /** Children of this process that are, or were, sleep(1). */
  const sleepers = (): number =>
    footprint().children.filter((pid) => existsSync(`/proc/${pid}`) && commandOf(pid) === 'sleep').length;
  const commandOf = (pid: string): string => readFileSync(`/proc/${pid}/comm`, 'utf8').trim();

  test('ends what execFile() and exec() run, too, and waits for it', async () => {
    const before = footprint();
    const sandbox = await Sandbox.create(spec());
    const runs = [sandbox.execFile('sleep', ['1000']), sandbox.exec('exec sleep 1000')];
    const ends = runs.map((run) => run.catch((error: unknown) => error));
    await eventually(() => sleepers() === 2);
    await sandbox.close();
    expect(sleepers()).toBe(0);
    expect(await Promise.all(ends)).toEqual(Array(2).fill(expect.objectContaining({ signal: 'SIGKILL' })));
    await expectNothingLeft(before);
  });

  test('returns when what spawn() started is gone', async () => {
    const sandbox = await Sandbox.create(spec());
    const child = await sandbox.spawn('sleep', ['1000']);
    await sandbox.close();
    expect(child.signalCode).toBe('SIGKILL');
  });
});
