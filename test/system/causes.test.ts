import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NamespaceKind, type NamespaceProcess, type NamespaceSet, setns, spawn, unshare } from '../../lib';
import { expectCause, using } from '../fixtures/causes';
import { CompiledPackage } from '../fixtures/child-node';
import { eventually, expectNothingLeft, footprint } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';

const isRoot = process.geteuid?.() === 0;
const eight = "['user', 'net', 'uts', 'pid', 'mnt', 'ipc', 'cgroup', 'time']";

let node: CompiledPackage;
let folder: string;
beforeAll(() => {
  node = new CompiledPackage();
  folder = mkdtempSync(join(tmpdir(), 'linux-ns-causes-'));
});
afterAll(() => {
  node.remove();
  rmSync(folder, { recursive: true });
});

describe('a limit of namespaces is reached', () => {
  test.each(['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'] as NamespaceKind[])(
    'none is allowed: %s',
    async (kind) => {
      await using(unshare('user'), async (set) => {
        await set.writeFile(`/proc/sys/user/max_${kind}_namespaces`, '0');
        await expectCause(node.runIn(set, `await linux.unshare('${kind}')`), {
          code: 'ENOSPC',
          syscall: kind === 'time' ? 'unshare' : 'clone3',
          step: kind === 'time' ? 'unshare time' : 'clone',
          kind,
          hint: [
            `No ${kind} namespaces are allowed in the user namespace of this process: user.max_${kind}_namespaces = 0`,
            'Create them from a process further out',
          ],
        });
      });
    },
  );

  test('so many are allowed and no more: it names the sysctl, its value, and how to raise it', async () => {
    await using(unshare('user'), async (set) => {
      await set.writeFile('/proc/sys/user/max_net_namespaces', '2');
      const script = `
        const sets = [];
        try { for (;;) sets.push(await linux.unshare('net')); } finally { for (const set of sets) await set.close(); }`;
      await expectCause(node.runIn(set, script), {
        code: 'ENOSPC',
        kind: 'net',
        hint: [
          'limit on namespaces is reached: user.max_net_namespaces = 2',
          "'sudo sysctl -w user.max_net_namespaces=",
        ],
      });
    });
  });

  test('with user namespaces of their own: it still names the one that is low', async () => {
    await using(unshare('user'), async (set) => {
      await set.writeFile('/proc/sys/user/max_net_namespaces', '1');
      const script = `
        const sets = [];
        try { for (;;) sets.push(await linux.unshare(['user', 'net'])); } finally { for (const set of sets) await set.close(); }`;
      await expectCause(node.runIn(set, script), {
        code: 'ENOSPC',
        hint: 'limit on namespaces is reached: user.max_net_namespaces = 1',
      });
    });
  });

  test("of the set that was joined: it does not blame Node's own", async () => {
    await using(unshare('user'), async (set) => {
      await set.writeFile('/proc/sys/user/max_net_namespaces', '0');
      await expectCause(set.spawn('true', { unshare: ['net'] }), {
        code: 'ENOSPC',
        syscall: 'unshare',
        step: 'unshare net',
        kind: 'net',
        hint: ['user.max_net_namespaces is reached in the user namespace that was joined', '/proc/sys/user/max_net'],
      });
    });
  });
});

describe('namespaces are nested too deep', () => {
  /** The first process of a pid namespace has no default for SIGTERM: pid_namespaces(7). */
  const killed = (program: NamespaceProcess): AsyncDisposable => ({
    [Symbol.asyncDispose]: async () => {
      program.kill('SIGKILL');
      await program.exited;
    },
  });

  /** Programs, each in a namespace below the one before, until the kernel has had enough. */
  async function nest(kind: 'user' | 'pid'): Promise<void> {
    const open: AsyncDisposable[] = [];
    try {
      let set: NamespaceSet | undefined;
      for (let depth = 0; depth < 40; depth++) {
        const first: NamespaceKind[] = kind === 'pid' && !isRoot ? ['user', 'pid'] : [kind];
        const unshare = set === undefined ? first : [kind];
        const init = kind === 'pid' ? false : undefined;
        const inner: NamespaceProcess = await spawn('sleep', ['60'], { unshare, setns: set, init, stdio: 'ignore' });
        open.unshift(killed(inner));
        set = await inner.namespaces();
        open.unshift(set);
      }
    } finally {
      for (const each of open) await each[Symbol.asyncDispose]();
    }
  }

  test.each(['user', 'pid'] as const)('%s', async (kind) => {
    await expectCause(nest(kind), {
      code: 'ENOSPC',
      syscall: 'unshare',
      step: `unshare ${kind}`,
      kind,
      hint: [/^Namespaces are nested deeper than 32 levels/, 'from a process further out'],
    });
  });

  test('by Nodes in one another, who cannot see how deep they are', async () => {
    const script = `
      const { script, levels } = JSON.parse(process.env.NEST);
      const env = { ...process.env, NEST: JSON.stringify({ script, levels: levels - 1 }) };
      if (levels === 0) return linux.unshare('user');
      const { stdout } = await linux.execFile(process.execPath, [process.argv[1], script], { env, unshare: ['user'] });
      const { error } = JSON.parse(stdout);
      throw Object.assign(new Error(), error);`;
    // Nodes in the other 30 levels would only take time.
    const levels: AsyncDisposable[] = [];
    try {
      let set: NamespaceSet | undefined;
      for (let depth = 0; depth < 30; depth++) {
        const inner: NamespaceProcess = await spawn('sleep', ['60'], {
          unshare: ['user'],
          setns: set,
          stdio: 'ignore',
        });
        levels.unshift(killed(inner));
        set = await inner.namespaces();
        levels.unshift(set);
      }
      const [file, args] = node.command(script);
      const env = { ...process.env, NEST: JSON.stringify({ script, levels: 3 }) };
      const { stdout } = await set!.execFile(file, args, { env });
      await expectCause(Promise.resolve(JSON.parse(stdout)), {
        code: 'ENOSPC',
        step: 'clone',
        kind: 'user',
        hint: [/^Namespaces are nested deeper than 32 levels here, or the limit of an outer user namespace/],
      });
    } finally {
      for (const each of levels) await each[Symbol.asyncDispose]();
    }
  });
});

/** What socketpair(2) gives where net.core.wmem_default is 16 kB. */
const LITTLE_ROOM = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>
int socketpair(int domain, int type, int protocol, int pair[2]) {
  int (*real)(int, int, int, int *) = (int (*)(int, int, int, int *))dlsym(RTLD_NEXT, "socketpair");
  int result = real(domain, type, protocol, pair);
  int room = 8192; /* which the kernel doubles */
  setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
  setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
  return result;
}`;

needs({ tool: ['cc'] }).test('little room in sockets is no hindrance, however much a program is told', async () => {
  const [source, library] = [join(folder, 'room.c'), join(folder, 'room.so')];
  writeFileSync(source, LITTLE_ROOM);
  execFileSync('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl']);
  const script = `
    const env = { PATH: process.env.PATH, LONG: 'x'.repeat(Number(process.env.BYTES)) };
    return (await linux.execFile('sh', ['-c', 'echo \${#LONG}'], { env })).stdout;`;
  for (const BYTES of ['1000', '30000', '60000', '120000']) {
    const env = { ...process.env, BYTES, LD_PRELOAD: `${process.env.LD_PRELOAD ?? ''} ${library}` };
    expect(await node.run(script, ['timeout', '60'], env)).toEqual({ value: `${BYTES}\n` });
  }
});

/**
 * A filter that answers EPERM to clone3, as older containers' do to every call that they do not know. setpriority(2)
 * loads it, in all threads: the C library of today starts no thread under it, so Node and its launcher have to run before.
 */
const REFUSES_CLONE3 = `
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
int setpriority(__priority_which_t which, id_t who, int niceness) {
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}`;

needs({ tool: ['cc'] }).describe('where clone3 is refused, clone takes over', () => {
  let seccomp: string;
  let library: string;
  beforeAll(() => {
    [seccomp, library] = [join(folder, 'clone3-seccomp'), join(folder, 'refuses-clone3.so')];
    const source = join(folder, 'refuses-clone3.c');
    writeFileSync(source, REFUSES_CLONE3);
    execFileSync('cc', ['-shared', '-fPIC', '-o', library, source]);
    execFileSync('cc', ['-o', seccomp, join(__dirname, '../fixtures/seccomp.c')]);
  });

  const refusing: Record<string, (script: string) => Promise<unknown>> = {
    ENOSYS: (script) => node.run(script, [seccomp, 'no_clone3']),
    EPERM: (script) => {
      const env = { ...process.env, LD_PRELOAD: `${process.env.LD_PRELOAD ?? ''} ${library}` };
      return node.run(`await linux.execFile('true'); require('node:os').setPriority(0); ${script}`, [], env);
    },
  };

  test.each(['ENOSYS', 'EPERM'])('with %s: in namespaces of all kinds, and below an init', async (code) => {
    const script = `
      const set = await linux.unshare(${eight});
      const { stdout } = await set.execFile('echo', ['alive'], { unshare: ['uts'] });
      await set.close();
      const child = await linux.spawn('sh', ['-c', 'read line; exit 7'], { unshare: ['user', 'pid'] });
      const found = [child.pidfd > 2, child.kill(0)];
      child.stdin.end();
      return [stdout, found, await child.exited];`;
    const value = ['alive\n', [true, true], { code: 7, signal: null }];
    expect(await refusing[code]!(script)).toEqual({ value });
  });

  test.each(['ENOSYS', 'EPERM'])('with %s: no signal stays blocked, ignored or handled', async (code) => {
    const script = `
      process.on('SIGUSR2', () => undefined);
      const { stdout } = await linux.execFile('cat', ['/proc/self/status']);
      return stdout.match(/(?<=^Sig(Blk|Ign|Cgt):\\s)[0-9a-f]+/gm);`;
    expect(await refusing[code]!(script)).toEqual({ value: Array<string>(3).fill('0'.repeat(16)) });
  });

  test.each(['ENOSYS', 'EPERM'])('with %s: but not for a chosen pid, which clone cannot give', async (code) => {
    const script = `await linux.execFile('true', [], { unshare: ['user', 'pid'], pid: 42 })`;
    await expectCause(refusing[code]!(script), { code, syscall: 'clone3', hint: [/./] });
  });

  needs({ unprivileged: true }).test("and the kernel's own EPERM is told as it is", async () => {
    await expectCause(refusing.EPERM!(`await linux.unshare('net')`), {
      ...{ code: 'EPERM', syscall: 'clone3', step: 'clone', kind: 'net', hint: [/CAP_SYS_ADMIN/] },
    });
  });
});

needs({ tool: ['cc'] }).describe('a seccomp filter', () => {
  let seccomp: string;
  beforeAll(() => {
    seccomp = join(folder, 'seccomp');
    execFileSync('cc', ['-o', seccomp, join(__dirname, '../fixtures/seccomp.c')]);
  });
  const under = (profile: string, script: string) => node.run(script, [seccomp, profile]);

  test('that has no close_range keeps no descriptor open in a program', async () => {
    const script = `
      const files = await linux.execFile('ls', ['/proc/self/fd'], { unshare: ['user', 'pid'], rlimits: { nofile: 16 } });
      const set = await linux.unshare(['user', 'net']);
      const { stdout } = await set.execFile('ls', ['/proc/self/fd']);
      await set.close();
      return [files.stdout, stdout];`;
    // The last is that of the directory.
    expect(await under('no_close_range', script)).toEqual({ value: ['0\n1\n2\n3\n', '0\n1\n2\n3\n'] });
  });

  test('of a container refuses new namespaces', async () => {
    await expectCause(under('container', `await linux.unshare(['user', 'net'])`), {
      code: 'EPERM',
      step: 'clone',
      hint: [/seccomp filter .* refuses clone/, "'--security-opt seccomp=unconfined'", 'RestrictNamespaces='],
    });
  });

  test('of a container leaves starts without namespaces alone', async () => {
    expect(await under('container', `return (await linux.execFile('echo', ['alive'])).stdout`)).toEqual({
      value: 'alive\n',
    });
  });

  const inSet = (spec: string, action: string): string => `
    const set = await linux.unshare(${spec});
    try { await ${action}; } finally { await set.close(); }`;
  const refusals: [syscall: string, profile: string, what: string, script: string, step: string][] = [
    ['unshare', 'no_unshare', 'of time', `await linux.unshare(${eight})`, 'unshare time'],
    ['unshare', 'no_unshare', 'below a set', inSet("'user'", "set.spawn('true', { unshare: ['net'] })"), 'unshare net'],
    ['setns', 'no_setns', 'into a set', inSet("['user', 'net']", "set.spawn('true')"), 'join user'],
    ['mount', 'no_mount', 'of what is private', `await linux.unshare(['user', 'mnt'])`, 'make / private (recursive)'],
  ];
  test.each(refusals)('refuses %s: %s, %s', async (syscall, profile, _, script, step) => {
    const hint = new RegExp(`seccomp filter .* refuses ${syscall},?`);
    await expectCause(under(profile, script), { code: 'EPERM', syscall, step, hint });
  });
});

describe('in a chroot', () => {
  /** A set with a tree like the host's at `root`, a directory of a tmpfs that is gone with the set. */
  async function withTree<T>(root: string, use: (set: NamespaceSet) => Promise<T>): Promise<T> {
    return using(unshare(['user', 'mnt']), async (set) => {
      await set.mount({ type: 'tmpfs', target: '/mnt' });
      await set.exec(`
        mkdir -p ${root}
        for each in /*; do
          case $each in /mnt) continue;; esac
          if [ -L $each ]; then cp -P $each ${root}/
          elif [ -d $each ]; then mkdir ${root}$each && mount --rbind $each ${root}$each; fi
        done`);
      return use(set);
    });
  }
  const refused = { code: 'EPERM', step: 'clone', hint: ['chroot', 'pivot_root(2)'] };

  test('user namespaces are refused, and it is known why', async () => {
    await withTree('/mnt/root', async (set) => {
      await expectCause(node.runIn(set, `await linux.unshare(['user', 'net'])`, ['chroot', '/mnt/root']), {
        ...refused,
        hint: [...refused.hint, /^This process runs in a chroot \(\/ is no mount point/],
      });
    });
  });

  test('that is a mount point, which shows only by exclusion', async () => {
    await withTree('/mnt', async (set) => {
      await expectCause(node.runIn(set, `await linux.unshare(['user', 'net'])`, ['chroot', '/mnt']), refused);
    });
  });

  test('other namespaces are not', async () => {
    await withTree('/mnt/root', async (set) => {
      const script = `const set = await linux.unshare('net'); await set.close(); return 'made'`;
      expect(await node.runIn(set, script, ['chroot', '/mnt/root'])).toEqual({ value: 'made' });
    });
  });
});

describe('a pid namespace whose init has ended', () => {
  const ended = {
    code: 'ENOMEM',
    syscall: 'clone',
    step: 'fork',
    kind: 'pid',
    hint: ['The init of that pid namespace has ended', 'Create a new one'],
  } as const;

  test('takes no new process', async () => {
    await using(unshare(['user', 'pid']), async (set) => {
      process.kill(set.init!, 'SIGKILL');
      await eventually(() => set.init === undefined);
      await expectCause(spawn('true', { setns: set }), ended);
      await expectCause(spawn('true', { setns: [set.user!, set.pid!] }), ended);
      await expectCause(setns(set), ended);
    });
  });
});

describe('what Node runs in', () => {
  test('a user namespace that does not map it', async () => {
    const maps = { uidMap: [], gidMap: [] };
    await using(unshare({ user: maps }), async (set) => {
      await expectCause(node.runIn(set, `await linux.unshare('user')`), {
        code: 'EPERM',
        step: 'clone',
        kind: 'user',
        hint: /^The uid and gid of this process have no mapping in its own user namespace/,
      });
      await expectCause(set.spawn('true', { unshare: ['user'] }), {
        code: 'EPERM',
        step: 'unshare user',
        hint: 'In the user namespace that was joined',
      });
    });
  });

  test('a root without /proc', async () => {
    await using(unshare(['user', 'mnt']), async (set) => {
      await set.mount({ type: 'tmpfs', target: '/proc' });
      await expectCause(node.runIn(set, `await linux.unshare('user')`), {
        code: 'ENOENT',
        step: 'write uid_map',
        hint: ['There is no /proc', "'mount -t proc proc /proc'"],
      });
    });
  });

  test('a pid namespace with the /proc of another', async () => {
    await using(unshare(['user', 'mnt', 'pid']), async (set) => {
      await expectCause(node.runIn(set, `await linux.writeUidMap(2 ** 22, [{ inside: 0, outside: 0, count: 1 }])`), {
        code: 'ENOENT',
        step: 'write uid_map',
        hint: ['/proc here is that of another pid namespace', "'mount -t proc proc /proc'"],
      });
    });
  });
});

describe('on a system that is not supported', () => {
  const calls = `[
    () => linux.unshare('user'),
    () => linux.setns({ pid: process.pid }),
    () => linux.spawn('true'),
    () => linux.execFile('true'),
    () => linux.exec('true'),
    () => linux.clone({ file: 'true' }),
    () => linux.Namespace.of('self', 'net'),
    () => linux.Namespace.open('/proc/self/ns/net'),
    () => linux.mount({ type: 'tmpfs', target: '/mnt' }),
    () => linux.umount('/mnt'),
    () => linux.setPropagation('/', 'private'),
    () => linux.writeUidMap(1, 'root'),
    () => linux.writeGidMap(1, 'root'),
    () => linux.setSetgroups(1, 'deny'),
    () => linux.readUidMap('self'),
    () => linux.readGidMap('self'),
  ]`;
  const script = `
    const told = [];
    for (const call of ${calls}) {
      told.push(await call().then(() => call + ' has worked', ({ code, message }) => code + ': ' + message));
    }
    return [...new Set(told)];`;

  /** A Node that takes itself to be there, and has no /proc. */
  async function elsewhere(platform: string, release: string): Promise<unknown> {
    const preload = join(folder, `${platform}-${release}.js`);
    writeFileSync(
      preload,
      `Object.defineProperty(process, 'platform', { value: '${platform}' }); require('os').release = () => '${release}';`,
    );
    return using(unshare(['user', 'mnt']), async (set) => {
      await set.mount({ type: 'tmpfs', target: '/proc' });
      return (await node.runIn(set, script, ['env', `NODE_OPTIONS=--require ${preload}`])).value;
    });
  }

  test.each([
    ['darwin', '24.1.0', 'Linux 5.10 or newer, and this is darwin'],
    ['win32', '10.0.26100', 'Linux 5.10 or newer, and this is win32'],
    ['linux', '5.4.0-216-generic', 'Linux 5.10 or newer, and this is Linux 5.4.0-216-generic'],
  ])('%s %s: importing works, and every call rejects and says why', async (platform, release, needed) => {
    const told = [`ERR_LINUX_NS_UNSUPPORTED: linux-ns is not supported here: it needs ${needed}`];
    expect(await elsewhere(platform, release)).toEqual(told);
  });
});

test('no more descriptors: at each point of a launch an error that says so, and nothing left', async () => {
  const script = `
    const fs = require('fs');
    const count = () => fs.readdirSync('/proc/self/fd').length;
    await linux.unshare(['user', 'net', 'pid']).then((set) => set.close());
    const before = count();
    const errors = [];
    for (let free = 0; ; free++) {
      const fds = [];
      try { for (;;) fds.push(fs.openSync('/dev/null')); } catch {}
      for (const fd of fds.splice(0, free)) fs.closeSync(fd);
      const made = await linux.unshare(['user', 'net', 'pid']).catch((error) => void errors.push(error));
      for (const fd of fds) fs.closeSync(fd);
      if (made === undefined) continue;
      await made.close();
      break;
    }
    const children = fs.readdirSync('/proc/self/task').map((id) => fs.readFileSync('/proc/self/task/' + id + '/children', 'utf8'));
    return { left: count() - before, children: children.join(''), errors: errors.map((e) => [e.name, e.code, e.hint]) };`;
  const before = footprint();
  const { value } = await node.run(script, ['prlimit', '--nofile=60']);
  const { left, children, errors } = value as { left: number; children: string; errors: string[][] };
  expect({ left, children }).toEqual({ left: 0, children: '' });
  expect(errors.length).toBeGreaterThan(3);
  for (const error of errors) {
    expect(error).toEqual(['NamespaceError', 'EMFILE', expect.stringMatching(/RLIMIT_NOFILE allows.*'ulimit -n'/)]);
  }
  await expectNothingLeft(before);
});

describe('clocks and names', () => {
  test('a clock cannot be set before the host has started', async () => {
    await expectCause(unshare({ user: true, time: { monotonic: -1e9 } }), {
      code: 'ERANGE',
      syscall: 'write',
      step: 'write timens_offsets',
      kind: 'time',
      hint: 'a negative one may not be larger than its uptime',
    });
  });

  test('what the kernel would not take is refused before anything starts', async () => {
    const bad = [
      [{ time: { boottime: 1e12 } }, 'ERR_OUT_OF_RANGE', /spec\.time\.boottime/],
      [{ uts: { hostname: 'x'.repeat(65) } }, 'ERR_INVALID_ARG_VALUE', /spec\.uts\.hostname.*at most 64 bytes/],
    ] as const;
    for (const [spec, code, message] of bad) {
      await expect(unshare(spec)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
    }
  });
});
