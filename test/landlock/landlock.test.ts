import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ExecResult,
  type LandlockOptions,
  type ProgramOptions,
  Sandbox,
  execFile,
  hostUserland,
  spawn,
  unshare,
} from '../../lib';
import { expectCause, using } from '../fixtures/causes';
import { CompiledPackage, type Outcome, outcomeOf } from '../fixtures/child-node';

/** The programs of the host, and what most of them write to. */
const PROGRAMS: LandlockOptions = {
  execute: ['/usr', '/bin', '/lib'],
  read: ['/etc'],
  write: ['/dev/null'],
  rules: [{ path: '/lib64', access: ['execute', 'read_file', 'read_dir'], optional: true }],
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'linux-ns-landlock-'));
  for (const name of ['open', 'shown', 'closed']) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'file'), name);
  }
});
afterEach(() => rmSync(folder, { recursive: true }));

/** `open` can be written, `shown` can be read, and `closed` is in no rule. */
function ruleset(more: LandlockOptions = {}): LandlockOptions {
  const { read = [], write = [] } = PROGRAMS;
  return { ...PROGRAMS, read: [...read, join(folder, 'shown')], write: [...write, join(folder, 'open')], ...more };
}

/** Runs a command line in the folder; resolves with what it printed, `status` as the last word. */
async function shell(command: string, landlock = ruleset(), options: ProgramOptions = {}): Promise<string> {
  const script = `cd ${folder}; ${command}; echo $?`;
  const { stdout, stderr }: ExecResult = await execFile('/bin/sh', ['-c', script], { landlock, ...options });
  return `${stderr}${stdout}`.trimEnd();
}

const REFUSED = /Permission denied/;

describe.each<[where: string, options: ProgramOptions]>([
  ['in the namespaces of this process', {}],
  ['in new namespaces', { unshare: ['user', 'mnt', 'pid'] }],
])('a program with a Landlock ruleset, %s', (_, options) => {
  const run = (command: string, landlock?: LandlockOptions): Promise<string> => shell(command, landlock, options);

  test('reads and lists what is below the paths given, and nothing else', async () => {
    expect(await run('cat open/file shown/file; ls open')).toBe('openshownfile\n0');
    expect(await run('cat closed/file')).toMatch(REFUSED);
    expect(await run('ls closed')).toMatch(REFUSED);
    expect(await run('ls .')).toMatch(REFUSED);
  });

  test('changes files, makes, renames and removes them where it may write', async () => {
    expect(
      await run('cd open; echo more >> file; mkdir d; mv file d/new; ln -s x y; mkfifo z; rm y z; cat d/new'),
    ).toBe('openmore\n0');
  });

  test.each([
    ['write', 'echo x >> shown/file'],
    ['truncate', 'truncate -s 0 shown/file'],
    ['make a file', 'touch shown/new'],
    ['make a directory', 'mkdir shown/new'],
    ['make a link', 'ln -s x shown/new'],
    ['make a FIFO', 'mkfifo shown/new'],
    ['remove a file', 'rm -f shown/file'],
    ['rename a file within it', 'mv shown/file shown/other'],
    ['write below a path in no rule', 'echo x > closed/new'],
  ])('does not %s elsewhere', async (_what, command) => {
    expect(await run(command)).toMatch(/Permission denied|cannot/);
    expect(readFileSync(join(folder, 'shown', 'file'), 'utf8')).toBe('shown');
    for (const name of ['shown', 'closed']) expect(readdirSync(join(folder, name))).toEqual(['file']);
  });

  test('does not move or link files into a directory that gives more rights to them', async () => {
    expect(await run('ln shown/file open/stolen')).toMatch(/cannot|failed/);
    expect(await run('mv closed/file open/stolen')).toMatch(REFUSED);
    expect(await run('mv open/file shown/put')).toMatch(REFUSED);
    expect(readdirSync(join(folder, 'open'))).toEqual(['file']);
  });

  test('executes programs only where it may', async () => {
    for (const name of ['open', 'shown']) copyFileSync('/bin/true', join(folder, name, 'program'));
    expect(await run('open/program')).toMatch(REFUSED);
    expect(await run('shown/program')).toMatch(REFUSED);
    expect(await run('shown/program', ruleset({ execute: [...(PROGRAMS.execute ?? []), join(folder, 'shown')] }))).toBe(
      '0',
    );
  });

  test('is not rid of it as user 0 with all capabilities in namespaces that it makes', async () => {
    const withProc = ruleset({ write: [...(ruleset().write ?? []), '/proc'] }); // for the maps of ids
    const inUser = (command: string): Promise<string> =>
      run(`unshare -rm --propagation unchanged ${command}`, withProc);
    expect(await inUser('cat open/file')).toBe('open0');
    expect(await inUser('cat closed/file')).toMatch(/^cat: closed\/file: Permission denied/);
    expect(await inUser('mount --bind closed open; cat open/file')).toMatch(
      /^mount: .*(denied|not permitted)[^]*open0$/,
    );
  });
});

describe('rights by name', () => {
  test('write_file without truncate appends, and does not empty a file', async () => {
    const access = ['write_file', 'read_file'] as const;
    const rules = [...(PROGRAMS.rules ?? []), { path: join(folder, 'closed/file'), access }];
    expect(await shell('echo more >> closed/file; cat closed/file', ruleset({ rules }))).toBe('closedmore\n0');
    expect(await shell('truncate -s 0 closed/file', ruleset({ rules }))).toMatch(REFUSED);
  });

  test('ioctl_dev is for devices that are opened', async () => {
    const rules = [...(PROGRAMS.rules ?? []), { path: '/dev/null', access: ['ioctl_dev'] as const }];
    expect(await shell('stty -F /dev/null', ruleset())).toMatch(REFUSED);
    expect(await shell('stty -F /dev/null', ruleset({ rules }))).toMatch(/Inappropriate ioctl/);
  });

  test('those of directories are left out for a file, and a rule that has no others is an error', async () => {
    const path = join(folder, 'closed/file');
    const rules = (access: 'make_reg' | 'read_file') => [
      ...(PROGRAMS.rules ?? []),
      { path, access: [access, 'read_dir'] as const },
    ];
    expect(await shell('cat closed/file', ruleset({ rules: rules('read_file') }))).toBe('closed0');
    await expectCause(shell('true', ruleset({ rules: rules('make_reg') })), {
      code: 'ENOMSG',
      step: 'restrict by Landlock',
      path,
      hint: 'has only rights that a directory has',
    });
  });
});

describe('paths', () => {
  test('start at the directory of the program, and lead through links', async () => {
    writeFileSync(join(folder, 'open', 'script'), 'cat ../closed/file');
    const landlock = ruleset({ read: ['/etc', '../closed', 'script'] });
    const { stdout } = await execFile('/bin/sh', ['script'], { cwd: join(folder, 'open'), landlock });
    expect(stdout).toBe('closed');
  });

  test('that do not exist are errors, unless they are optional', async () => {
    const landlock = { ...PROGRAMS, read: ['/no/such'] };
    await expectCause(execFile('true', [], { landlock }), {
      code: 'ENOENT',
      step: 'restrict by Landlock',
      path: '/no/such',
      hint: "'/no/such' of 'landlock' does not exist in the root of the program",
    });
    const rules = [...(PROGRAMS.rules ?? []), { path: '/no/such', access: ['read_file'] as const, optional: true }];
    await execFile('true', [], { landlock: { ...PROGRAMS, rules } });
  });

  test('have to include the program', async () => {
    await expectCause(execFile('/bin/true', [], { landlock: { read: ['/usr', '/lib'] } }), {
      code: 'EACCES',
      step: 'exec /bin/true',
      hint: "'execute' of 'landlock' has to have both",
    });
  });
});

describe('the network', () => {
  /** Tries in another Node: prints an error code, or 'ok', for each. */
  const TRY = `
    const net = require('node:net');
    const settled = (socket, event) => new Promise((resolve) => socket.once(event, () => resolve('ok')).once('error', ({ code }) => resolve(code)));
    const [port, name] = process.argv.slice(1);
    (async () => {
      const said = [];
      said.push(await settled(net.connect(Number(port), '127.0.0.1'), 'connect'));
      said.push(await settled(net.createServer().listen(0, '127.0.0.1'), 'listening'));
      said.push(await settled(net.connect({ path: '\\0' + name }), 'connect'));
      console.log(said.join(' '));
      process.exit();
    })();`;

  let servers: Server[];
  let port: number;
  let name: string;
  beforeEach(async () => {
    name = `linux-ns-${process.pid}-${Date.now()}`;
    servers = [createServer((socket) => socket.destroy()), createServer((socket) => socket.destroy())];
    await Promise.all([
      new Promise<void>((resolve) => servers[0]?.listen(0, '127.0.0.1', resolve)),
      new Promise<void>((resolve) => servers[1]?.listen({ path: `\0${name}` }, resolve)),
    ]);
    ({ port } = servers[0]?.address() as { port: number });
  });
  afterEach(() => servers.map((server) => server.close()));

  async function tried(landlock: LandlockOptions): Promise<string> {
    const { execute = [], read = [] } = PROGRAMS;
    const node = { ...PROGRAMS, execute: [...execute, process.execPath], read: [...read, '/proc', '/sys', '/dev'] };
    const { stdout } = await execFile(process.execPath, ['-e', TRY, String(port), name], {
      landlock: { ...node, ...landlock },
      cwd: '/usr',
    });
    return stdout.trim();
  }

  test('is closed: no TCP port, no abstract socket of others', async () => {
    expect(await tried({})).toBe('EACCES EACCES EPERM');
  });

  test('is open for the ports given, 0 for one that the kernel chooses', async () => {
    expect(await tried({ connectTcp: [port], bindTcp: [0] })).toBe('ok ok EPERM');
    expect(await tried({ connectTcp: [port === 80 ? 81 : 80], bindTcp: [port] })).toBe('EACCES EACCES EPERM');
  });

  test("is not restricted with 'any' and without a scope, nor with an ABI that has neither", async () => {
    expect(await tried({ connectTcp: 'any', bindTcp: 'any', scope: [] })).toBe('ok ok ok');
    expect(await tried({ abi: 3 })).toBe('ok ok ok');
  });
});

describe('signals', () => {
  test('reach what the program has started, and no others, unless the scope leaves them out', async () => {
    const other = await spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      expect(await shell('sleep 60 & kill $!')).toBe('0');
      expect(await shell(`kill -0 ${other.pid}`)).toMatch(/not permitted/);
      expect(await shell(`kill -0 ${other.pid}`, ruleset({ scope: ['abstract_unix_socket'] }))).toBe('0');
    } finally {
      await other.close();
    }
  });

  test('of this process still reach the program', async () => {
    const child = await spawn('sleep', ['60'], { stdio: 'ignore', landlock: PROGRAMS });
    child.kill('SIGTERM');
    expect((await child.exited).signal).toBe('SIGTERM');
  });
});

describe('together with other options', () => {
  test('it has no_new_privs, and a seccomp filter', async () => {
    const landlock = ruleset({ read: ['/etc', '/proc'] });
    const { stdout } = await execFile('grep', ['-E', '^(NoNewPrivs|Seccomp):', '/proc/self/status'], {
      landlock,
      seccomp: 'default',
    });
    expect(stdout).toBe('NoNewPrivs:\t1\nSeccomp:\t2\n');
  });

  test('a terminal, which is opened before', async () => {
    const child = await spawn('/bin/sh', ['-c', 'test -t 0 && echo terminal'], {
      pty: { cols: 80, rows: 24 },
      landlock: PROGRAMS,
    });
    let output = '';
    child.pty?.on('data', (data: Buffer) => (output += data.toString()));
    await once(child, 'close');
    expect(output).toContain('terminal');
  });

  test('in a joined set of namespaces, paths are those inside', async () => {
    await using(unshare(['user', 'mnt']), async (set) => {
      await set.mount({ type: 'tmpfs', target: join(folder, 'closed') });
      const landlock = ruleset({ read: ['/etc', join(folder, 'closed')] });
      const { stdout } = await set.execFile('/bin/sh', ['-c', `ls ${folder}/closed; cat ${folder}/open/file`], {
        landlock,
      });
      expect(stdout).toBe('open');
    });
  });

  test('without no_new_privs it takes CAP_SYS_ADMIN', async () => {
    const options = { landlock: PROGRAMS, noNewPrivileges: false, unshare: ['user'], capabilities: [] } as const;
    await expectCause(execFile('true', [], options), {
      code: 'EPERM',
      syscall: 'landlock_restrict_self',
      hint: 'CAP_SYS_ADMIN',
    });
    await execFile('true', [], { ...options, capabilities: ['CAP_SYS_ADMIN'] });
  });
});

describe('a sandbox with a Landlock ruleset', () => {
  test('restricts each of its programs, and a program can restrict itself more', async () => {
    const landlock = { ...PROGRAMS, write: ['/dev/null', '/tmp'] };
    await using(Sandbox.create({ ...hostUserland(), landlock }), async (sandbox) => {
      expect(sandbox.report.landlock).toEqual({ abi: 6, missing: [] });
      const command = 'echo text > /tmp/file; cat /tmp/file; echo text > /var/tmp/file';
      const outcome = sandbox.exec(command);
      await expect(outcome).rejects.toMatchObject({
        stdout: 'text\n',
        stderr: expect.stringMatching(REFUSED) as string,
      });
      await expect(sandbox.exec('cat /tmp/file', { landlock: PROGRAMS })).rejects.toMatchObject({
        stderr: expect.stringMatching(REFUSED) as string,
      });
      const { stdout } = await sandbox.run('cat', ['/tmp/file']);
      expect(stdout).toBe('text\n');
    });
  });

  test('with a capability it holds as well', async () => {
    const capabilities = ['CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE'] as const;
    await using(Sandbox.create({ ...hostUserland(), capabilities, landlock: PROGRAMS }), async (sandbox) => {
      await expect(sandbox.exec('echo x > /tmp/file')).rejects.toMatchObject({
        stderr: expect.stringMatching(REFUSED) as string,
      });
    });
  });
});

describe('a kernel that has no Landlock', () => {
  let node: CompiledPackage;
  beforeAll(() => (node = new CompiledPackage()));
  afterAll(() => node.remove());

  /** Runs a script of another Node, for which a filter answers as a kernel does that has none. */
  async function without(script: string): Promise<Outcome> {
    const seccomp = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['landlock_create_ruleset'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }],
    } as const;
    const [file, args] = node.command(`const landlock = ${JSON.stringify(PROGRAMS)}; ${script}`);
    return outcomeOf((await execFile(file, args, { seccomp, encoding: 'utf8' })).stdout);
  }

  test('is an error', async () => {
    await expectCause(without("await linux.execFile('true', [], { landlock })"), {
      code: 'ENOSYS',
      step: 'restrict by Landlock',
      hint: 'refuses landlock_create_ruleset(2)',
    });
  });

  test("runs the program without it by 'best-effort', which a warning and the report of a sandbox say", async () => {
    const { value } = await without(`
      const warning = new Promise((resolve) => process.once('warning', resolve));
      landlock.compatibility = 'best-effort';
      const { stdout } = await linux.execFile('cat', ['/proc/version'], { landlock });
      const { code, message } = await warning;
      const sandbox = await linux.Sandbox.create({ ...linux.hostUserland(), landlock });
      const { abi, missing } = sandbox.report.landlock;
      await sandbox.close();
      return { stdout, code, message, abi, missing: missing.length };`);
    expect(value).toEqual({
      stdout: expect.stringContaining('Linux') as string,
      code: 'LINUX_NS_LANDLOCK',
      message: expect.stringMatching(
        /does not restrict execute, .*, connect_tcp, abstract_unix_socket, signal;/,
      ) as string,
      abi: 0,
      missing: 20,
    });
  });
});
