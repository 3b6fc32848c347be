import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { release } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type IdMap, type MountEntry, type SandboxSpec, type SpawnOptions, execFile, spawn, unshare } from '../../lib';
import { ATTACKERS, Arsenal, MIGHTY, ROOT_INSIDE, achieved } from '../fixtures/attacks';
import { isAtLeast } from '../../lib/kernel/version';
import { SYSCALLS } from '../../lib/seccomp/syscall-table';
import { eventually } from '../fixtures/footprint';
import { findTool, needs } from '../fixtures/optional';
import { NOTHING } from '../fixtures/footprint';
import { nodeArguments, resultOf } from '../fixtures/scenario';

const SCENARIOS = join(__dirname, 'scenarios.ts');
const isRoot = process.getuid!() === 0;
const COLUMN = process.arch === 'arm64' ? 3 : 0;

let arsenal: Arsenal;
beforeAll(() => {
  arsenal = new Arsenal();
});
afterAll(() => arsenal.remove());

/** Node with a file of the host open that it knows nothing of; what it prints, as a result. */
async function withLeakedSecret(name: string, args: readonly unknown[]): Promise<unknown> {
  const node = nodeSpawn('bash', [
    '-c',
    `exec 60<'${arsenal.secret}'; exec "$@"`,
    'sh',
    process.execPath,
    ...nodeArguments(SCENARIOS, name, args),
  ]);
  const [stdout, stderr] = await Promise.all([text(node.stdout), text(node.stderr)]);
  expect(stderr).toBe('');
  return JSON.parse(stdout.replace(/^result: /, ''));
}

describe('who enters a sandbox', () => {
  const programs = (): object => ({ attacker: arsenal.attacker, escape: arsenal.escape, programs: arsenal.programs });

  test.each([ROOT_INSIDE, MIGHTY])(
    "lets nothing of Node's be had on the way: memory, root, directory, descriptors, image; by $who",
    async ({ spec }) => {
      const got = await withLeakedSecret('enteredUnderAttack', [programs(), spec, arsenal.secret, 'nsinit']);
      expect(got).toEqual(['begun', 'looked']);
    },
  );

  test('would lose all of them if it were a program like others', async () => {
    const args = [programs(), MIGHTY.spec, arsenal.secret, 'something like it'];
    const got = await withLeakedSecret('enteredUnderAttack', args);
    expect(got).toEqual(expect.arrayContaining(['begun', 'looked', 'mem', 'root', 'cwd', 'ptrace']));
  });

  test('runs from an image that nobody inside can write, even one who has it run once more (CVE-2019-5736)', async () => {
    await using sandbox = await arsenal.sandbox(MIGHTY.spec);
    const hunter = await sandbox.spawn(arsenal.escape, ['image']);
    await sandbox.exec("printf '#!/proc/self/exe\\n' >/tmp/again; chmod +x /tmp/again");
    for (let round = 0; round < 60; round++) {
      await (
        await sandbox.spawn('/tmp/again', [], { stdio: 'ignore' }).catch(() => undefined)
      )?.exited;
      await (
        await sandbox.spawn('true', [], { stdio: 'ignore' })
      ).exited;
    }
    hunter.stdin!.end();
    expect(await text(hunter.stdout!)).not.toContain('overwritten');
    expect((await sandbox.exec('echo still')).stdout).toBe('still\n');
  });

  test('would be overwritten if the image were a file like others', async () => {
    await using sandbox = await arsenal.sandbox(MIGHTY.spec);
    const hunter = await sandbox.spawn(arsenal.escape, ['image']);
    let seen = '';
    hunter.stdout!.on('data', (chunk: Buffer) => (seen += String(chunk)));
    await sandbox.exec('cp /bin/sleep /tmp/image-of-ours');
    while (!seen.includes('overwritten')) await sandbox.exec('/tmp/image-of-ours 0.5; :');
    hunter.stdin!.end();
    const found = await sandbox.exec('head -c 9 /tmp/image-of-ours');
    expect(found.stdout).toBe('#!/bin/sh');
  });
});

describe('process 1', () => {
  test.each(ATTACKERS)(
    'is not ended, stopped or taken over from inside, and what it says does no harm: $who',
    async ({ spec }) => {
      const outcome = await resultOf(SCENARIOS, 'initAttacked', [arsenal.escape, arsenal.programs, spec]);
      expect(outcome).toMatchObject({ after: 'works\n', left: NOTHING });
      const { attack } = outcome as { attack: string[] };
      expect(attack).not.toContain('taken');
      expect(attack).not.toContain('traced');
    },
  );

  test('of a set is taken over by a root there that is not in a sandbox, and what it is made to say does no harm', async () => {
    const outcome = await resultOf(SCENARIOS, 'initOfSetAttacked', [arsenal.escape]);
    const attack = expect.arrayContaining(['taken', 'traced']) as string[];
    expect(outcome).toEqual({ attack, after: 'works\n', left: NOTHING });
  });

  test('would be taken over if it were a program like others', async () => {
    const { stdout } = await execFile('sh', ['-c', `${arsenal.escape} control; :`], {
      unshare: ['user', 'pid'],
      init: false,
    });
    expect(stdout).toBe('taken\ntraced\n');
  });
});

/** A process of the host's that does nothing. */
async function sleeper(): Promise<AsyncDisposable & { pid: number; ended(): string | null }> {
  const sleep = nodeSpawn('sleep', ['600'], { stdio: 'ignore' });
  await once(sleep, 'spawn');
  const exited = once(sleep, 'exit');
  return {
    pid: sleep.pid!,
    ended: () => sleep.signalCode,
    [Symbol.asyncDispose]: async () => {
      sleep.kill('SIGKILL');
      await exited;
    },
  };
}

describe('processes outside', () => {
  test.each(ATTACKERS)('are not to be seen or signalled: $who', async ({ spec }) => {
    await using victim = await sleeper();
    await using sandbox = await arsenal.sandbox(spec);
    const names = await sandbox.readdir('/proc');
    const pids = names.map(({ name }) => Number(name)).filter((pid) => pid > 0);
    // Its init and, from outside the pid namespace, no other.
    expect(pids).toEqual([1]);
    expect(await achieved(sandbox, `kill -9 ${victim.pid}; kill -9 -- -${victim.pid}`)).toBe('');
    await expect(sandbox.exec('kill -9 -1; kill -9 $$')).rejects.toMatchObject({ signal: 'SIGKILL' });
    expect((await sandbox.exec('echo works')).stdout).toBe('works\n');
    expect(victim.ended()).toBeNull();
  });

  test("could be signalled where the pid namespace is the host's, but not traced", async () => {
    await using victim = await sleeper();
    const mounts: MountEntry[] = [{ type: 'bind', source: '/proc', target: '/proc' }];
    await using sandbox = await arsenal.sandbox({ ...MIGHTY.spec, share: ['pid'], proc: false, mounts });
    const seize = `${arsenal.syscall} ${SYSCALLS.ptrace![COLUMN]} 0x4206 ${victim.pid} 0 0`;
    const stolen = `head -c 1 /proc/${victim.pid}/mem; cat /proc/${victim.pid}/root${arsenal.secret}`;
    expect(await achieved(sandbox, `${seize}; ${stolen}`)).toBe('-1 1\n');
    await achieved(sandbox, `kill -9 ${victim.pid}`);
    await eventually(() => victim.ended() === 'SIGKILL');
  });

  test('inside end when this process does, however they hide', async () => {
    const mark = `60${process.pid}${Date.now() % 1000}`;
    const node = nodeSpawn(process.execPath, nodeArguments(SCENARIOS, 'leftRunning', [mark]), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(node.stdout, 'data');
    await eventually(() => running(mark) === 3);
    node.kill('SIGKILL');
    await eventually(() => running(mark) === 0);
  });
});

/** How many processes have that in their arguments. */
function running(mark: string): number {
  const commands = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    });
  return commands.filter((command) => command.includes(`sleep ${mark}`) || command.includes(`sleep\0${mark}`)).length;
}

describe('a terminal that a sandbox is given', () => {
  test('has nothing typed into it from inside', async () => {
    const args = [arsenal.escape, arsenal.programs, ATTACKERS.map(({ spec }) => spec)];
    const node = await spawn(process.execPath, nodeArguments(SCENARIOS, 'keysPushed', args), { pty: { cols: 4000 } });
    const screen = await text(node.pty!);
    const result = JSON.parse(/result: (.*)\r/.exec(screen)?.[1] ?? screen) as { plain: string; inside: string[] };
    // Where the kernel does not let anybody do it, there is nothing to defend: dev.tty.legacy_tiocsti.
    const switchedOff = '/proc/sys/dev/tty/legacy_tiocsti';
    const legacy = !existsSync(switchedOff) || readFileSync(switchedOff, 'utf8').trim() !== '0';
    expect(result.plain).toBe(legacy || isRoot ? 'pushed' : 'Input/output error');
    expect(result.inside).toHaveLength(3 * ATTACKERS.length);
    expect(result.inside).not.toContain('pushed');
  });
});

describe('groups', () => {
  needs({ root: true, tool: ['setpriv'] }).test('of root are not those of what it starts', async () => {
    const bound = arsenal.folder('group');
    const file = join(bound, 'secret');
    writeFileSync(file, 'the secret\n');
    chmodSync(file, 0o040);
    chownSync(file, 65533, 12345);
    const asMember = await execFile('cat', [file], { groups: [12345], capabilities: [] });
    expect(asMember.stdout).toBe('the secret\n');
    for (const { spec } of ATTACKERS) {
      const arguments_ = nodeArguments(SCENARIOS, 'groupsInside', [bound, spec]);
      const { stdout } = await execFile('setpriv', ['--groups', '12345', process.execPath, ...arguments_]);
      expect(stdout).toMatch(/^result: \{"ours":\[12345\b.*\],"theirs":"0\\n"\}\n$/);
    }
  });

  needs({ unprivileged: true }).test.each(ATTACKERS)(
    'that were denied to an ordinary user cannot be dropped to get what they are shut out of: $who',
    async ({ spec }) => {
      await using sandbox = await arsenal.sandbox(spec);
      expect(
        await achieved(sandbox, `${arsenal.syscall} ${SYSCALLS.setgroups![COLUMN]} 0 @; cat /proc/self/setgroups`),
      ).toBe('-1 1\ndeny\n');
    },
  );
});

describe('a file that gives privileges to who executes it', () => {
  const ranges = [{ inside: 0, outside: 0, count: 1000 }];
  const map: IdMap = isRoot ? ranges : 'auto';

  /** A copy of id(1) that is run as the caller, whoever runs it. */
  function setUserId(): string {
    const folder = arsenal.folder('set-user-id');
    copyFileSync(findTool('id')!, join(folder, 'id'));
    chmodSync(join(folder, 'id'), 0o4755);
    return folder;
  }

  needs(isRoot ? {} : { tool: ['newuidmap'] }).test(
    'gives none in a sandbox, with noNewPrivileges and without',
    async () => {
      const folder = setUserId();
      const spec: SandboxSpec = {
        user: { uid: 1, gid: 1, map },
        mounts: [{ type: 'bind', source: folder, target: '/bound' }],
      };
      const open: SandboxSpec = { ...spec, seccomp: 'none', noNewPrivileges: false };
      for (const each of [spec, open]) {
        await using sandbox = await arsenal.sandbox(each);
        expect(await achieved(sandbox, 'id -u; /bound/id -u; cp /bin/id /tmp/id; chmod 4755 /tmp/id; /tmp/id -u')).toBe(
          '1\n1\n1\n',
        );
      }
    },
  );

  needs(isRoot ? {} : { tool: ['newuidmap'] }).test('gives some without a sandbox', async () => {
    const folder = setUserId();
    await using set = await unshare({ user: { uidMap: map, gidMap: map } });
    const someone: Omit<SpawnOptions, 'setns'> = { uid: 1, gid: 1 };
    expect((await set.execFile(join(folder, 'id'), ['-u'], someone)).stdout).toBe('0\n');
    expect((await set.execFile(join(folder, 'id'), ['-u'], { ...someone, noNewPrivileges: true })).stdout).toBe('1\n');
  });

  needs({ root: true, tool: ['python3'] }).test('gives no capabilities in a sandbox, and some without', async () => {
    const folder = arsenal.folder('capabilities');
    const file = join(folder, 'grep');
    copyFileSync(findTool('grep')!, file);
    chmodSync(file, 0o755);
    // struct vfs_cap_data, revision 2, effective: CAP_NET_RAW. capabilities(7)
    const value = 'struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)';
    await execFile('python3', [
      '-c',
      `import os, struct, sys; os.setxattr(sys.argv[1], "security.capability", ${value})`,
      file,
    ]);
    const look = ['^CapEff', '/proc/self/status'];
    expect((await execFile(file, look, { uid: 1, gid: 1 })).stdout).toBe('CapEff:\t0000000000002000\n');
    const spec: SandboxSpec = {
      user: { uid: 1, gid: 1, map },
      mounts: [{ type: 'bind', source: folder, target: '/bound' }],
    };
    for (const each of [spec, { ...spec, seccomp: 'none', noNewPrivileges: false } as const]) {
      await using sandbox = await arsenal.sandbox(each);
      expect((await sandbox.execFile('/bound/grep', look)).stdout).toBe('CapEff:\t0000000000000000\n');
    }
  });
});

describe('user namespaces', () => {
  test.each(ATTACKERS)(
    'cannot be made where that was switched off, and it cannot be switched on: $who',
    async ({ spec }) => {
      await using sandbox = await arsenal.sandbox({ ...spec, userNamespaces: undefined, disableUserNamespaces: true });
      const raise = `echo 100 >/proc/sys/user/max_user_namespaces; mount -o remount,rw /proc/sys; echo 100 >/proc/sys/user/max_user_namespaces
      ${arsenal.syscall} 442 -100 =/proc 0x8000 :0:1:0:0 32 >/tmp/x; echo 100 >/proc/sys/user/max_user_namespaces`;
      expect(await achieved(sandbox, `${raise}; unshare -U echo made; unshare -U --keep-caps echo made`)).toBe('');
    },
  );

  /** unshare(1), and clone and clone3 by number, where flags can be put anywhere. */
  const ways = (): string => `unshare -U echo made; unshare -Um --keep-caps echo made
    ${arsenal.syscall} ${process.arch === 'x64' ? 272 : 97} 0x10000000; echo $?; python3 -c '
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
arguments = (ctypes.c_uint64 * 11)(0x10000000)
pid = libc.syscall(435, ctypes.byref(arguments), 88)
print("clone3", pid if pid < 0 else 0, ctypes.get_errno())'`;

  test('cannot be made by default, in any way', async () => {
    await using sandbox = await arsenal.sandbox();
    const output = await achieved(sandbox, ways());
    expect(output).not.toContain('made');
    expect(output).toContain('clone3 -1 38');
  });

  test('can be made where the spec says so', async () => {
    await using sandbox = await arsenal.sandbox({ userNamespaces: true });
    const output = await achieved(sandbox, ways());
    expect(output).toMatch(/^made\nmade\n/);
    expect(output).toContain('clone3 0 0');
  });
});

describe('the cgroup of this process', () => {
  const MOUNTS: SandboxSpec = { capabilities: ['CAP_SYS_ADMIN'] };
  /** What is to be seen of it inside, and whether it can be written. */
  const look =
    'mkdir /tmp/c && mount -t cgroup2 cgroup2 /tmp/c && cat /tmp/c/cgroup.max.depth; test -w /tmp/c/cgroup.max.depth && echo open';

  needs({ root: true }).test('can be mounted with CAP_SYS_ADMIN, and is closed to other ids than ours', async () => {
    await using ours = await arsenal.sandbox({ ...MOUNTS, cgroup: {} });
    expect(await achieved(ours, look)).toBe('max\nopen\n');
    const map: IdMap = [{ inside: 0, outside: 100_000, count: 10 }];
    await using others = await arsenal.sandbox({ ...MOUNTS, cgroup: {}, user: { map } });
    expect(await achieved(others, `${look}; (echo 7 >/tmp/c/cgroup.max.depth) && echo changed`)).toBe('max\n');
  });

  test('cannot be mounted by default', async () => {
    await using sandbox = await arsenal.sandbox();
    expect(await achieved(sandbox, look)).toBe('');
  });
});

describe('keys', () => {
  interface Keyrings {
    ours: string;
    unconfined: string;
    inside: string[];
  }

  needs({ tool: ['python3'] }).test(
    'of the session that made the sandbox are not to be had, even without a filter',
    async () => {
      const number = SYSCALLS.keyctl![COLUMN]!;
      // KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING; KEYCTL_JOIN_SESSION_KEYRING: keyctl(2)
      const ask = `${arsenal.syscall} ${number} 0 -3 0`;
      const join = `import ctypes, os, sys; ctypes.CDLL(None).syscall(${number}, 1, None); os.execv(sys.argv[1], sys.argv[1:])`;
      const specs = ATTACKERS.map(({ spec }) => ({ ...spec, seccomp: 'none' }));
      const scenario = nodeArguments(SCENARIOS, 'sessionKeyrings', [arsenal.programs, ask, specs]);
      const { stdout } = await execFile('python3', ['-c', join, process.execPath, ...scenario]);
      const { ours, unconfined, inside } = JSON.parse(stdout.replace(/^result: /, '')) as Keyrings;
      expect(ours).toMatch(/^\d+\n$/);
      expect(unconfined).toBe(ours);
      expect(inside).toHaveLength(ATTACKERS.length);
      for (const keyring of inside) expect(keyring).toMatch(/^\d+\n$/);
      expect(inside).not.toContain(ours);
    },
  );

  test('are not to be asked for with the default filter', async () => {
    await using sandbox = await arsenal.sandbox();
    expect(await achieved(sandbox, `${arsenal.syscall} ${SYSCALLS.keyctl![COLUMN]} 0 -3 0`)).toBe('-1 1\n');
  });
});

describe('Node', () => {
  /** Node would close it, and wait for as long as the program likes: SO_LINGER, socket(7). */
  needs({ tool: ['python3'] }).test.each([0, 1, 2, 3, 4])('is sent no descriptor on %d', async (fd) => {
    const python = [
      'import array, os, socket, sys',
      `channel = socket.socket(fileno=os.dup(${fd}))`,
      'rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [channel.fileno()]))]',
      'try: channel.sendmsg([b"1\\n"], rights); sys.exit(1)',
      'except PermissionError: sys.exit(0)',
    ].join('\n');
    await using sandbox = await arsenal.sandbox();
    const child = await sandbox.spawn('python3', ['-c', python], { stdio: ['pipe', 'pipe', 'pipe', 'ipc', 'pipe'] });
    child.on('message', () => undefined);
    const { code } = await child.exited;
    expect(code).toBe(isAtLeast(release(), [6, 16]) ? 0 : 1);
    await child.close();
  });
});

describe('what is outside', () => {
  needs({ tool: ['bash', 'python3'] }).test.each(ATTACKERS)(
    'is not to be reached: servers on loopback, abstract sockets, queues; $who',
    async ({ spec }) => {
      // As long as can be: Node 20 fills it up with zeros.
      const name = `\0linux-ns-attacks-${process.pid}-${Date.now()}`.padEnd(108, '-');
      const [tcp, abstract] = [
        createServer((socket) => socket.end('reached\n')),
        createServer((socket) => socket.end('reached\n')),
      ];
      await Promise.all([once(tcp.listen(0, '127.0.0.1'), 'listening'), once(abstract.listen(name), 'listening')]);
      const { port } = tcp.address() as AddressInfo;
      const python = `import socket; s = socket.socket(socket.AF_UNIX); s.connect("\\0${name.slice(1)}"); print(s.recv(9).decode().strip())`;
      const reach = `bash -c 'cat </dev/tcp/127.0.0.1/${port}'; python3 -c '${python}'`;
      const queue = (await execFile('ipcmk', ['-Q'])).stdout.trim().split(' ').at(-1)!;
      try {
        await using closed = await arsenal.sandbox(spec);
        expect(await achieved(closed, `${reach}; ipcs -q -i ${queue} | grep -c msqid=`)).toBe('0\n');
        await using open = await arsenal.sandbox({ ...spec, network: 'host', share: ['ipc'] });
        expect(await achieved(open, `${reach}; ipcs -q -i ${queue} | grep -c msqid=`)).toBe('reached\nreached\n1\n');
      } finally {
        await execFile('ipcrm', ['-q', queue]);
        tcp.close();
        abstract.close();
      }
    },
  );
});
