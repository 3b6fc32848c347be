import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, chmodSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type ProgramOptions, type SpawnOptions, clone, execFile, fork, spawn, unshare } from '../../lib';
import {
  type SeccompOption,
  type SeccompProfile,
  type SeccompRule,
  compileSeccomp,
  defaultSeccompProfile,
} from '../../lib/seccomp';
import { SYSCALLS } from '../../lib/seccomp/syscall-table';
import { errorWith } from '../fixtures/errors';
import { needs } from '../fixtures/optional';
import { profileOf } from '../fixtures/seccomp-profiles';

const COLUMN = process.arch === 'arm64' ? 3 : 0;
const directory = mkdtempSync(join(tmpdir(), 'linux-ns-seccomp-'));
const caller = join(directory, 'syscall');

beforeAll(() => {
  chmodSync(directory, 0o755);
  execFileSync('cc', ['-O1', '-o', caller, join(__dirname, '..', 'fixtures', 'syscall.c')]);
});
afterAll(() => rmSync(directory, { recursive: true }));

const numberOf = (name: string): string => String(SYSCALLS[name]![COLUMN]);

/** What a call comes to in a program: `'0'`, or `'-1 EPERM'`. */
async function call(options: SpawnOptions, name: string, ...args: string[]): Promise<string> {
  const { stdout } = await execFile(caller, [numberOf(name), ...args], options);
  const [result, errno] = stdout.trim().split(' ');
  const known = Object.entries(constants.errno).find(([, number]) => number === Number(errno))?.[0];
  return errno === undefined ? result! : `${result} ${known ?? errno}`;
}

const denying = (...syscalls: SeccompRule[]): SeccompProfile => ({ defaultAction: 'SCMP_ACT_ALLOW', syscalls });
const withAction = (action: SeccompRule['action'], errnoRet?: number): SeccompProfile =>
  denying({ names: ['getpgid'], action, ...(errnoRet === undefined ? {} : { errnoRet }) });

/** A filter by hand: `seccomp_data.nr == number` gets one answer, everything else ALLOW. */
function program(number: number, answer: number): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(32));
  const instruction = (at: number, code: number, jt: number, jf: number, k: number): void => {
    bytes.setUint16(at * 8, code, true);
    bytes.setUint8(at * 8 + 2, jt);
    bytes.setUint8(at * 8 + 3, jf);
    bytes.setUint32(at * 8 + 4, k, true);
  };
  instruction(0, 0x20, 0, 0, 0);
  instruction(1, 0x15, 0, 1, number);
  instruction(2, 0x06, 0, 0, answer);
  instruction(3, 0x06, 0, 0, 0x7fff0000);
  return new Uint8Array(bytes.buffer);
}
const failing = (name: string, errno: number): Uint8Array => program(Number(numberOf(name)), 0x50000 + errno);

describe('a program under a profile', () => {
  test('gets the error of the rule', async () => {
    expect(await call({}, 'getpgid', '0')).not.toMatch(/^-1/);
    expect(await call({ seccomp: withAction('SCMP_ACT_ERRNO') }, 'getpgid', '0')).toBe('-1 EPERM');
    expect(await call({ seccomp: withAction('SCMP_ACT_ERRNO', 61) }, 'getpgid', '0')).toBe('-1 ENODATA');
  });

  test('dies of SIGSYS where that is the rule', async () => {
    for (const action of ['SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_KILL_THREAD', 'SCMP_ACT_KILL', 'SCMP_ACT_TRAP'] as const) {
      const dead = call({ seccomp: withAction(action) }, 'getpgid', '0');
      await expect(dead).rejects.toMatchObject({ signal: 'SIGSYS', code: null });
    }
  });

  test('is not stopped by LOG, and by TRACE only where nobody traces it', async () => {
    expect(await call({ seccomp: withAction('SCMP_ACT_LOG') }, 'getpgid', '0')).not.toMatch(/^-1/);
    expect(await call({ seccomp: withAction('SCMP_ACT_TRACE') }, 'getpgid', '0')).toBe('-1 ENOSYS');
  });

  test('has it looked at arguments, all 64 bits of them', async () => {
    const seccomp = denying(
      { names: ['getpgid'], action: 'SCMP_ACT_ERRNO', args: [{ index: 0, value: 5n << 32n, op: 'SCMP_CMP_GE' }] },
      {
        names: ['getpgid'],
        action: 'SCMP_ACT_ERRNO',
        errnoRet: 61,
        args: [{ index: 1, value: 0xff, valueTwo: 0x12, op: 'SCMP_CMP_MASKED_EQ' }],
      },
    );
    expect(await call({ seccomp }, 'getpgid', '0', '0x1234')).not.toMatch(/^-1/);
    expect(await call({ seccomp }, 'getpgid', '0', '0x3412')).toBe('-1 ENODATA');
    expect(await call({ seccomp }, 'getpgid', '0x500000000')).toBe('-1 EPERM');
    expect(await call({ seccomp }, 'getpgid', '0x4ffffffff')).not.toBe('-1 EPERM');
  });

  test('can gain no privileges, and all that it starts is under it', async () => {
    const { stdout } = await execFile('sh', ['-c', 'sh -c "grep -E ^NoNewPrivs\\|^Seccomp: /proc/self/status"'], {
      seccomp: withAction('SCMP_ACT_ERRNO'),
    });
    expect(stdout).toBe('NoNewPrivs:\t1\nSeccomp:\t2\n');
  });

  test('is under none without the option, nor with none', async () => {
    const seccompOf = async (options: SpawnOptions): Promise<string> =>
      (await execFile('grep', ['-E', '^(NoNewPrivs|Seccomp):', '/proc/self/status'], options)).stdout;
    expect(await seccompOf({ seccomp: 'none' })).toBe(await seccompOf({}));
  });
});

describe('programs of BPF', () => {
  test('are installed as they are', async () => {
    expect(await call({ seccomp: failing('getpgid', 61) }, 'getpgid', '0')).toBe('-1 ENODATA');
  });

  test('are what a profile is compiled to', async () => {
    const { program: compiled } = compileSeccomp(withAction('SCMP_ACT_ERRNO', 61));
    expect(await call({ seccomp: compiled }, 'getpgid', '0')).toBe('-1 ENODATA');
  });

  test('are all asked', async () => {
    const seccomp = [failing('getpgid', 61), failing('getsid', 62), failing('getpriority', 63)];
    expect(await call({ seccomp }, 'getpgid', '0')).toBe('-1 ENODATA');
    expect(await call({ seccomp }, 'getsid', '0')).toBe('-1 ETIME');
    expect(await call({ seccomp }, 'getpriority', '0', '0')).toBe('-1 ENOSR');
  });

  test('are those that were given, whatever becomes of the bytes', async () => {
    const seccomp = failing('getpgid', 61);
    const starting = call({ seccomp }, 'getpgid', '0');
    seccomp.fill(0xff);
    expect(await starting).toBe('-1 ENODATA');
  });

  test('may have 4096 instructions', async () => {
    const longest = new Uint8Array(4096 * 8);
    for (let at = 0; at < longest.length; at += 8) longest.set([0x06, 0, 0, 0, 0, 0, 0xff, 0x7f], at);
    expect(await call({ seccomp: longest }, 'getpgid', '0')).not.toMatch(/^-1/);
  });

  const bad: [what: string, seccomp: unknown, code: string, message: RegExp][] = [
    ['nothing', new Uint8Array(0), 'ERR_INVALID_ARG_VALUE', /8 bytes each, at least one/],
    ['half an instruction', new Uint8Array(12), 'ERR_INVALID_ARG_VALUE', /8 bytes each/],
    ['one too many', new Uint8Array(4097 * 8), 'ERR_OUT_OF_RANGE', /4096/],
    [
      'one that has no end',
      program(1, 1).subarray(0, 24).fill(0, 11, 12).fill(0, 16),
      'ERR_INVALID_ARG_VALUE',
      /instruction 2 .*no return/,
    ],
    ['one that jumps out', program(1, 1).fill(9, 10, 11), 'ERR_INVALID_ARG_VALUE', /instruction 1 .*jumps out/],
    [
      'one that loads something else',
      program(1, 1).fill(64, 4, 5),
      'ERR_INVALID_ARG_VALUE',
      /instruction 0 .*seccomp_data/,
    ],
    ['one that is none', program(1, 1).fill(0x28, 0, 1), 'ERR_INVALID_ARG_VALUE', /instruction 0 .*may have/],
    ['an empty list', [], 'ERR_INVALID_ARG_VALUE', /'none' is for none/],
    ['too many', Array(17).fill(program(1, 0x7fff0000)), 'ERR_OUT_OF_RANGE', /<= 16/],
    ['a list of others', [defaultSeccompProfile()], 'ERR_INVALID_ARG_TYPE', /options\.seccomp\[0\]/],
    ['a word', 'unconfined', 'ERR_INVALID_ARG_VALUE', /'default', 'none'/],
    ['a number', 2, 'ERR_INVALID_ARG_TYPE', /options\.seccomp/],
    ['a profile that starts nothing', { defaultAction: 'SCMP_ACT_ERRNO' }, 'ERR_INVALID_ARG_VALUE', /refuses execve/],
  ];
  test.each(bad)('are refused before anything is started: %s', async (_, seccomp, code, message) => {
    const starting = spawn('true', [], { seccomp: seccomp as SeccompOption });
    await expect(starting).rejects.toMatchObject({ code });
    await expect(starting).rejects.toThrow(message);
  });

  test('what only the kernel finds is an error of that step', async () => {
    const uninitialized = program(1, 1);
    uninitialized.set([0x60, 0, 0, 0, 3, 0, 0, 0], 0);
    await expect(spawn('true', [], { seccomp: uninitialized })).rejects.toMatchObject({
      ...{ name: 'NamespaceError', code: 'EINVAL', syscall: 'seccomp', step: 'install seccomp filter' },
      hint: expect.stringContaining('does not take this BPF program') as string,
    });
  });

  test('that are too long together are an error of that step', async () => {
    const long = new Uint8Array(4096 * 8);
    for (let at = 0; at < long.length; at += 8) long.set([0x06, 0, 0, 0, 0, 0, 0xff, 0x7f], at);
    await expect(spawn('true', [], { seccomp: Array<Uint8Array>(9).fill(long) })).rejects.toMatchObject({
      ...{ code: 'ENOMEM', syscall: 'seccomp', hint: expect.stringContaining('32768') as string },
    });
  });

  test('one that forbids to install the next is an error of that step', async () => {
    const seccomp = [failing('seccomp', 1), failing('prctl', 1), failing('getpgid', 1)];
    await expect(spawn('true', [], { seccomp })).rejects.toMatchObject({
      ...{ code: 'EPERM', syscall: 'seccomp', hint: expect.stringContaining('has to allow one of the two') as string },
    });
  });

  test.each(['seccomp', 'prctl'])('one that forbids %s leaves the other way to install the next', async (forbidden) => {
    const seccomp = [failing(forbidden, 1), failing('getpgid', 5)];
    expect(await call({ seccomp }, 'getpgid', '0')).toBe('-1 EIO');
  });
});

describe('a filter is there for the program, and not for what starts it', () => {
  /** Opens nothing but what a static program needs to start, to write, and to end. */
  const strict: SeccompProfile = {
    defaultAction: 'SCMP_ACT_KILL_PROCESS',
    syscalls: [
      {
        names: ['execve', 'write', 'exit_group', 'exit', 'brk', 'arch_prctl', 'set_tid_address'],
        action: 'SCMP_ACT_ALLOW',
      },
    ],
  };
  const minimal = join(directory, 'minimal');

  beforeAll(() => {
    const source = `
      #include <sys/syscall.h>
      static long call(long number, long a, long b, long c) {
        long result;
      #ifdef __x86_64__
        __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
      #else
        register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
        __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
        result = x0;
      #endif
        return result;
      }
      void _start(void) { call(SYS_write, 1, (long)"here\\n", 5); for (;;) call(SYS_exit_group, 7, 0, 0); }`;
    execFileSync('cc', ['-O1', '-nostdlib', '-static', '-ffreestanding', '-o', minimal, '-x', 'c', '-'], {
      input: source,
    });
  });

  const places: [where: string, options: SpawnOptions][] = [
    ['here', {}],
    ['in new namespaces', { unshare: ['user', 'mnt', 'uts'] }],
    ['with an init', { unshare: ['user', 'pid'] }],
    ['as process 1', { unshare: ['user', 'pid'], init: false }],
  ];

  test.each(places)('it may forbid all that nsinit does: %s', async (_, options) => {
    const child = await spawn(minimal, [], { ...options, seccomp: strict });
    expect(await text(child.stdout!)).toBe('here\n');
    expect(await child.exited).toEqual({ code: 7, signal: null });
  });

  test.each(places)('why a program cannot be started is told all the same: %s', async (_, options) => {
    const script = join(directory, 'script');
    writeFileSync(script, '#!/no/such/interpreter\n', { mode: 0o755 });
    const plain = join(directory, 'plain');
    writeFileSync(plain, '');
    for (const [file, error] of [
      ['no-such-program', { code: 'ENOENT', step: 'exec no-such-program' }],
      [join(directory, 'no-such-program'), { code: 'ENOENT' }],
      [script, { code: 'ENOENT', hint: expect.stringContaining('/no/such/interpreter') as string }],
      [plain, { code: 'EACCES', hint: expect.stringContaining('no execute permission') as string }],
      [directory, { code: 'EACCES', hint: expect.stringContaining('is a directory') as string }],
    ] as const) {
      const env = { PATH: '/usr/bin:/bin' };
      await expect(spawn(file, [], { ...options, env, seccomp: strict })).rejects.toMatchObject({
        syscall: 'execve',
        ...error,
      });
    }
  });

  test('one that refuses execve is told by the program that is not there', async () => {
    const hint = expect.stringContaining('let it allow execve') as string;
    const starting = spawn('true', [], { seccomp: failing('execve', 1) });
    await expect(starting).rejects.toMatchObject({ code: 'EPERM', syscall: 'execve', hint });
  });

  test('one that kills with the first call is told as a start that was killed', async () => {
    const none = program(0, 0).subarray(16, 24);
    await expect(spawn('true', [], { seccomp: none })).rejects.toMatchObject({ code: 'ERR_LINUX_NS_KILLED' });
  });
});

describe('without noNewPrivileges', () => {
  const options: SpawnOptions = { seccomp: withAction('SCMP_ACT_ERRNO'), noNewPrivileges: false };

  needs({ root: true }).test('root can be filtered', async () => {
    expect(await call(options, 'getpgid', '0')).toBe('-1 EPERM');
    const { stdout } = await execFile('grep', ['^NoNewPrivs', '/proc/self/status'], options);
    expect(stdout).toBe('NoNewPrivs:\t0\n');
  });

  test('root of a new user namespace can be filtered', async () => {
    expect(await call({ ...options, unshare: 'user' }, 'getpgid', '0')).toBe('-1 EPERM');
  });

  test('who has no capability cannot, and is told so', async () => {
    await expect(spawn('true', [], { ...options, unshare: 'user', capabilities: [] })).rejects.toMatchObject({
      ...{ code: 'EACCES', syscall: 'seccomp', hint: expect.stringContaining('noNewPrivileges: false') as string },
    });
  });
});

describe.each<[name: string, seccomp: () => SeccompOption]>([
  ['the default profile', () => 'default'],
  [
    'the default profile with user namespaces, and without tracing',
    () => defaultSeccompProfile({ userNamespaces: true, ptrace: false }),
  ],
])('under %s', (_, seccomp) => {
  programsRun(seccomp, { test, describe });
});

describe.each(['docker', 'podman'] as const)('under the profile of %s', (name) => {
  programsRun(() => profileOf(name), needs({ profile: [name] }));
});

/** A shell, Node, Python and a compiler, each with what they use most. */
function programsRun(seccomp: () => SeccompOption, registrar: { test: jest.It; describe: jest.Describe }): void {
  const inside = (): SpawnOptions => ({ unshare: ['user', 'pid', 'mnt', 'ipc'], seccomp: seccomp() });

  registrar.test('a shell runs', async () => {
    const script = `
      set -e; cd "$(mktemp -d)"; echo one > a; cp a b; ln -s b c; cat c | sort > d; (sleep 0.01; echo two) & wait
      kill -0 $$; ulimit -n; umask; find . -type f | wc -l; trap 'echo trapped' USR1; kill -USR1 $$
      ls -la >/dev/null; df . >/dev/null; id -u; stat -c %s a; touch -d 2020-01-01 a; chmod 600 a; mkfifo f; rm -r "$PWD"`;
    const { stdout, stderr } = await execFile('sh', ['-c', script], inside());
    expect({ stdout, stderr }).toEqual({
      stdout: expect.stringMatching(/^two\n.*trapped\n0\n4\n$/s) as string,
      stderr: '',
    });
  });

  registrar.test('Node runs, with its threads, sockets, files and children', async () => {
    const script = `
        const { Worker } = require('node:worker_threads');
        const http = require('node:http'), fs = require('node:fs'), crypto = require('node:crypto'), os = require('node:os');
        const { execFileSync } = require('node:child_process'), { once } = require('node:events');
        (async () => {
          const worker = new Worker('require("node:worker_threads").parentPort.postMessage(42)', { eval: true });
          const [answer] = await once(worker, 'message');
          const server = http.createServer((request, response) => response.end('served')).listen('/tmp/' + process.pid + crypto.randomUUID());
          await once(server, 'listening');
          const body = await new Promise((resolve) => http.get({ socketPath: server.address() }, (r) => r.on('data', (d) => resolve(String(d)))));
          server.close();
          const folder = fs.mkdtempSync(os.tmpdir() + '/node-');
          const watcher = fs.watch(folder);
          fs.writeFileSync(folder + '/x', 'x'.repeat(1e6));
          await fs.promises.copyFile(folder + '/x', folder + '/y');
          watcher.close();
          const key = await new Promise((resolve, reject) => crypto.scrypt('a', 'b', 16, (e, k) => (e ? reject(e) : resolve(k.length))));
          const child = execFileSync('sh', ['-c', 'echo child']).toString().trim();
          os.cpus(); os.networkInterfaces(); os.loadavg(); process.resourceUsage(); process.memoryUsage();
          fs.rmSync(folder, { recursive: true });
          console.log(answer, body, key, child, fs.statfsSync('/').bsize > 0);
        })();`;
    const { stdout, stderr } = await execFile(process.execPath, ['-e', script], inside());
    expect({ stdout, stderr }).toEqual({ stdout: '42 served 16 child true\n', stderr: '' });
  });

  registrar.describe('with python3', () => {
    needs({ tool: ['python3'] }).test('Python runs, with its threads, pools and sockets', async () => {
      const script = [
        'import threading, subprocess, socket, tempfile, os, select, mmap, ssl, sqlite3, asyncio, signal, multiprocessing',
        'a, b = socket.socketpair(); a.send(b"x"); assert b.recv(1) == b"x"',
        't = threading.Thread(target=lambda: None); t.start(); t.join()',
        'assert subprocess.check_output(["echo", "ok"]) == b"ok\\n"',
        'with tempfile.TemporaryFile() as f: f.write(b"y" * 4096); f.flush(); m = mmap.mmap(f.fileno(), 4096); m.close()',
        'asyncio.run(asyncio.sleep(0))',
        'c = sqlite3.connect(":memory:"); c.execute("create table t (x)"); c.close()',
        'p = multiprocessing.get_context("fork").Process(target=os.getpid); p.start(); p.join(); assert p.exitcode == 0',
        'e = select.epoll(); e.close(); signal.setitimer(signal.ITIMER_REAL, 0)',
        'print(os.getrandom(4) is not None, len(os.sched_getaffinity(0)) > 0)',
      ].join('\n');
      const { stdout, stderr } = await execFile('python3', ['-c', script], inside());
      expect({ stdout, stderr }).toEqual({ stdout: 'True True\n', stderr: '' });
    });
  });

  registrar.test('a compiler runs, and what it makes does', async () => {
    const script = `
        set -e; cd "$(mktemp -d)"
        printf '#include <iostream>\\n#include <thread>\\nint main() { std::thread([] { std::cout << "made\\\\n"; }).join(); }' > a.cc
        g++ -pthread -o a a.cc; ./a; rm -r "$PWD"`;
    const { stdout, stderr } = await execFile('sh', ['-c', script], inside());
    expect({ stdout, stderr }).toEqual({ stdout: 'made\n', stderr: '' });
  });
}

describe('the default profile', () => {
  const free: ProgramOptions = { unshare: ['user', 'pid', 'mnt'] };
  const inside: ProgramOptions = { ...free, seccomp: 'default' };

  test.each<[what: string, name: string, args: string[]]>([
    ['mounting', 'fsopen', ['@', '0']],
    ['keyrings', 'keyctl', ['0', '0xfffffffffffffffd', '0']],
    ['page faults in user space', 'userfaultfd', ['1']],
    ['fanotify', 'fanotify_init', ['0x200', '0']],
    ['memory policies', 'mbind', ['0', '0', '99', '0', '0', '0']],
    ['handles', 'open_by_handle_at', ['0xffffffff', '0', '0']],
  ])('closes %s, where the kernel itself would listen', async (_, name, args) => {
    expect(await call(free, name, ...args)).not.toBe('-1 EPERM');
    expect(await call(inside, name, ...args)).toBe('-1 EPERM');
  });

  test.each<[name: string, args: string[]]>([
    ['kexec_load', []],
    ['init_module', []],
    ['finit_module', ['0xffffffff', '@', '0']],
    ['delete_module', ['@', '0']],
    ['perf_event_open', ['@', '0', '-1', '-1', '0']],
    ['reboot', []],
    ['bpf', []],
    ['syslog', ['10', '0', '0']],
    ['swapon', ['@']],
    ['settimeofday', ['@', '0']],
    ['add_key', []],
    ['request_key', []],
    ['acct', ['@']],
    ['pivot_root', ['@', '@']],
    ['move_pages', []],
  ])('closes %s', async (name, args) => {
    expect(await call(inside, name, ...args)).toBe('-1 EPERM');
  });

  test('io_uring is not there', async () => {
    expect(await call(inside, 'io_uring_setup', '1', '@')).toBe('-1 ENOSYS');
    expect(await call(inside, 'io_uring_enter', '0xffffffff')).toBe('-1 ENOSYS');
  });

  test('nothing can be typed into a terminal, whatever is in the half that the kernel does not look at', async () => {
    for (const request of ['0x5412', '0x541c', '0x100005412', '0xffffffff00005412', '0x7fffffff0000541c']) {
      // Of a descriptor that is no terminal: without the filter the kernel would say ENOTTY.
      expect(await call(free, 'ioctl', '0', request, '@')).toBe('-1 ENOTTY');
      expect(await call(inside, 'ioctl', '0', request, '@')).toBe('-1 EPERM');
    }
    expect(await call(inside, 'ioctl', '0', '0x5413', '@')).toBe('-1 ENOTTY');
  });

  test('sockets are of Unix, IP and netlink', async () => {
    const kinds = { AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16 };
    for (const family of Object.values(kinds)) {
      expect(await call(inside, 'socket', String(family), '2', '0')).not.toMatch(/^-1/);
    }
    for (const [family, type] of [
      [17, 3],
      [38, 5],
      [40, 1],
      [31, 5],
    ] as const) {
      expect(await call(inside, 'socket', String(family), String(type), '0')).toBe('-1 EPERM');
    }
  });

  test('addresses stay random', async () => {
    expect(await call(free, 'personality', '0x40000')).toBe('0');
    expect(await call(inside, 'personality', '0x40000')).toBe('-1 EPERM');
    expect(await call(inside, 'personality', '0xffffffff')).toBe('0');
  });

  test('programs trace one another in a pid namespace of theirs, and nobody outside of it', async () => {
    const seizeNobody = ['0x4206', '0x7fffffff', '0', '0'];
    expect(await call(inside, 'ptrace', ...seizeNobody)).toBe('-1 ESRCH');
    expect(await call({ seccomp: 'default' }, 'ptrace', ...seizeNobody)).toBe('-1 EPERM');
    expect(await call({ seccomp: 'default', unshare: ['user', 'uts'] }, 'pidfd_getfd', '0xffffffff')).toBe('-1 EPERM');
    await using set = await unshare(['user', 'pid']);
    expect((await set.execFile(caller, [numberOf('ptrace'), ...seizeNobody], { seccomp: 'default' })).stdout).toBe(
      '-1 3\n',
    );
  });

  test('user namespaces cannot be had unless they are asked for, and threads start all the same', async () => {
    const newUser = '0x10000000';
    expect(await call(inside, 'unshare', newUser)).toBe('-1 EPERM');
    expect(await call(inside, 'unshare', '0xabcd000010000000')).toBe('-1 EPERM');
    expect(await call(inside, 'clone3', '@', '88')).toBe('-1 ENOSYS');
    const nested = execFile('unshare', ['-U', 'true'], inside);
    await expect(nested).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('not permitted') as string });
    expect((await execFile(process.execPath, ['-p', '1'], inside)).stdout).toBe('1\n');
    const open = { ...inside, seccomp: defaultSeccompProfile({ userNamespaces: true }) };
    expect(await call(open, 'unshare', newUser)).toBe('0');
  });

  test('nobody takes a lease, which would hold up those who write', async () => {
    const file = join(directory, 'leased');
    writeFileSync(file, '');
    const script = `import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
for command in (1024, 1026):
  try:
    fcntl.fcntl(fd, command, fcntl.F_RDLCK if command == 1024 else 0)
    print('taken')
  except OSError as error:
    print(error.errno)`;
    // Whose file it is may take a lease on it: inside that is 0, as outside.
    const taken = await execFile('python3', ['-c', script, file], { ...free, unshare: ['user', 'pid'] });
    expect(taken.stdout.split('\n')[0]).toBe('taken');
    expect((await execFile('python3', ['-c', script, file], inside)).stdout).toBe('22\n22\n');
  });

  test('who is given a capability can use it', async () => {
    const admin: SpawnOptions = { ...inside, unshare: ['user', 'pid', 'mnt'], capabilities: ['CAP_SYS_ADMIN'] };
    expect((await execFile('sh', ['-c', 'mount -t tmpfs x /tmp && echo mounted'], admin)).stdout).toBe('mounted\n');
    await expect(
      execFile('mount', ['-t', 'tmpfs', 'x', '/tmp'], { ...admin, capabilities: undefined }),
    ).rejects.toMatchObject({
      code: expect.any(Number) as number,
    });
  });

  if (process.arch === 'x64') {
    test('a 64-bit program cannot make the calls of 32-bit ones', async () => {
      const run = execFile(caller, ['-32', '20'], free);
      // Where the kernel knows no such calls at all it dies as well, of SIGSEGV.
      const known = await run.then(
        ({ stdout }) => Number(stdout) > 0,
        () => false,
      );
      const signal = known ? 'SIGSYS' : 'SIGSEGV';
      await expect(execFile(caller, ['-32', '20'], inside)).rejects.toMatchObject({ signal });
      const x32 = execFile(caller, [String(0x40000000 + 39)], inside);
      await expect(x32).rejects.toMatchObject({ signal: 'SIGSYS' });
    });
  }

  test('holds in what fork(), clone() and a terminal start', async () => {
    const module = join(directory, 'module.js');
    writeFileSync(
      module,
      `const { readFileSync } = require('node:fs');
       process.send(/^Seccomp:\\s+(\\d)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]);`,
    );
    const forked = await fork(module, [], { ...inside, execArgv: [] });
    expect((await once(forked, 'message'))[0]).toBe('2');
    await forked.exited;

    const cloned = await clone({ file: 'grep', args: ['-q', '^Seccomp:.2', '/proc/self/status'], ...inside });
    expect(await cloned.wait()).toEqual({ code: 0, signal: null });

    const typed = await spawn('sh', ['-c', 'tty; grep ^Seccomp: /proc/self/status'], { ...inside, pty: {} });
    expect(await text(typed.pty!)).toMatch(/\/dev\/pts\/\d+\r\nSeccomp:\t2\r\n/);
  });
});

test('the option is known by its name only', async () => {
  await expect(spawn('true', [], { secomp: 'default' } as never)).rejects.toThrow(/did you mean 'seccomp'/);
  expect(() => compileSeccomp('default' as never)).toThrow(errorWith({ code: 'ERR_INVALID_ARG_TYPE' }));
});

test.each<SpawnOptions>([{}, { unshare: ['user', 'pid'] }])(
  'a program that its filters keep from running has not started, though they let nothing be said of it: %j',
  async (options) => {
    const syscalls = [{ names: ['sendmsg', 'execve', 'execveat'], action: 'SCMP_ACT_ERRNO' }] as const;
    const { program } = compileSeccomp({ defaultAction: 'SCMP_ACT_ALLOW', syscalls });
    const starting = spawn('true', [], { ...options, seccomp: program, stdio: 'ignore' });
    await expect(starting).rejects.toThrow(errorWith({ code: 'EPERM', step: 'exec true' }));
  },
);
