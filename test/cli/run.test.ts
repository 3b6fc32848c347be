import { execFile, spawn as spawnHost } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { runCommand } from '../../cli/commands/run';
import { unshare } from '../../lib';
import { networkNamespaces } from '../../lib/network';
import { needs } from '../fixtures/optional';
import { Screen } from '../fixtures/screen';
import { CommandLine, refusalOf } from './command-line';
import { eventually } from '../fixtures/footprint';

let cli: CommandLine;
let directory: string;

beforeAll(() => {
  cli = new CommandLine();
  directory = mkdtempSync(join(tmpdir(), 'linux-ns-run-'));
  writeFileSync(join(directory, 'mine'), 'of the host');
});

afterAll(() => {
  cli.remove();
  rmSync(directory, { recursive: true });
});

/** What a shell in a sandbox with the host's programs prints. */
function inside(options: readonly string[], script: string): Promise<string> {
  return cli.prints('run', '-H', ...options, '--', 'sh', '-c', script);
}

describe('linux-ns run', () => {
  test('has nothing of the host but its programs', async () => {
    const shown = await inside(
      ['--no-toolchains'],
      `ls -d /home/* /root ${directory} 2>/dev/null; ls /sys/class/net 2>/dev/null; echo $$`,
    );
    expect(shown).toMatch(/^\/home\/user\n\d+\n$/);
    expect(await inside([], 'cat /proc/net/dev | tail -n +3 | cut -d: -f1')).toMatch(/^\s*lo\n$/);
    expect(await inside([], 'grep -c . /proc/[0-9]*/comm | wc -l')).toMatch(/^[1-5]\n$/);
  });

  test('a project can be written, is where it starts, and is all there is of the host', async () => {
    const project = join(directory, 'project');
    mkdirSync(project);
    const printed = await cli.prints('run', '-p', project, '--', 'sh', '-c', `pwd; echo made > file; ls ${directory}`);
    expect(printed).toBe(`${project}\nproject\n`);
    expect(readFileSync(join(project, 'file'), 'utf8')).toBe('made\n');
  });

  test('takes what bwrap takes: binds, files, directories, links and modes, in their order', async () => {
    const options = [
      ...['--ro-bind', directory, '/read', '--bind', directory, '/write', '--bind-try', '/no/such', '/none'],
      ...['--perms', '0700', '--size', '1m', '--tmpfs', '/t', '--perms', '0711', '--dir', '/t/d'],
      ...['--symlink', '/read/mine', '/link', '--file', join(directory, 'mine'), '/t/copy'],
      ...['--ro-file', join(directory, 'mine'), '/t/fixed', '--chmod', '0600', '/t/copy', '--mask', '/read/mine'],
      ...['--dir', '/sealed', '--remount-ro', '/t'],
    ];
    const script = `
      touch /read/x 2>/dev/null || echo read-only
      touch /write/y && echo written
      ls -d /none 2>/dev/null || echo not there
      stat -c '%a %n' /t /t/d /t/copy
      readlink /link; cat /t/copy; wc -c < /read/mine
      touch /t/more 2>/dev/null || echo sealed; ls -d /sealed`;
    expect((await inside(options, script)).split('\n').map((line) => line.trim())).toEqual([
      'read-only',
      'written',
      'not there',
      '700 /t',
      '711 /t/d',
      '600 /t/copy',
      '/read/mine',
      'of the host0',
      'sealed',
      '/sealed',
      '',
    ]);
    expect(existsSync(join(directory, 'y'))).toBe(true);
  });

  test('-v, --readable and --writable are binds, too', async () => {
    const script = `cat /a/mine; touch /a/x 2>/dev/null || echo; touch /b/x && cat ${directory}/mine`;
    const printed = await inside(
      ['-v', `${directory}:/a:ro`, '-v', `${directory}:/b`, '--readable', directory],
      script,
    );
    expect(printed).toBe('of the host\nof the host');
    expect(await inside(['--writable', directory], `echo > ${directory}/z && ls ${directory}/z`)).toBe(
      `${directory}/z\n`,
    );
  });

  test('has another root: read-only, to be written, or with what is written kept nowhere, or apart', async () => {
    const [root, upper] = [join(directory, 'root'), join(directory, 'upper')];
    for (const path of ['usr', 'etc', 'proc', 'dev']) mkdirSync(join(root, path), { recursive: true });
    mkdirSync(upper);
    const links = ['--symlink', 'usr/bin', '/bin', '--symlink', 'usr/lib', '/lib', '--symlink', 'usr/lib64', '/lib64'];
    const host = ['--ro-bind', '/usr', '/usr'];
    const touch = ['--', '/usr/bin/touch', '/etc/new'];
    const made = join(root, 'etc', 'new');

    await cli.prints('run', '--overlay-root', root, ...host, ...links, ...touch);
    expect(existsSync(made)).toBe(false);
    await cli.prints('run', '--overlay-root', root, '--upper', upper, ...host, ...links, ...touch);
    expect([existsSync(made), existsSync(join(upper, 'etc', 'new'))]).toEqual([false, true]);
    await cli.prints('run', '--root', root, '--writable-root', ...host, ...links, ...touch);
    expect(existsSync(made)).toBe(true);
    const refused = await cli.run(['run', '--root', root, ...host, '--', '/usr/bin/rm', '/etc/new']);
    expect(refused.code).not.toBe(0);
    expect(existsSync(made)).toBe(true);
  });

  test('--no-unix-sockets: a program makes no sockets but those of the network', async () => {
    const make = (family: string): string =>
      `python3 -c 'import socket; socket.socket(socket.${family})' 2>&1 | tail -1`;
    const printed = await inside(['--no-unix-sockets'], `${make('AF_UNIX')}; ${make('AF_INET')}`);
    expect(printed).toMatch(/^OSError: .*family not supported by protocol\n$/);
    expect(await inside([], make('AF_UNIX'))).toBe('');
  });

  test("the host's own root, as bwrap has it", async () => {
    const printed = await cli.prints('run', '--ro-bind', '/', '/', 'sh', '-c', 'touch /x 2>/dev/null || ls -d /etc');
    expect(printed).toBe('/etc\n');
  });

  test('is who, where and with what environment it is told to be', async () => {
    const options = [
      '--uid',
      '1234',
      '--gid',
      '4321',
      '--hostname',
      'box',
      '-w',
      '/usr/lib',
      '-e',
      'A=1',
      '-e',
      'SEEN',
    ];
    const more = ['--setenv', 'B', 'two words', '--unsetenv', 'LANG', '-e', 'NOT_THERE'];
    const script = 'id -u; id -g; hostname; pwd; echo "$A $B $SEEN"; env | grep -c -e LANG -e NOT_THERE -e HIDDEN';
    const { stdout } = await cli.run(['run', '-H', ...options, ...more, '--', 'sh', '-c', script], {
      ...process.env,
      SEEN: 'seen',
      HIDDEN: 'hidden',
    });
    expect(stdout).toBe('1234\n4321\nbox\n/usr/lib\n1 two words seen\n0\n');
  });

  test('a user and a group by number have names, without which ssh does not start', async () => {
    const names = 'id -un; id -gn; getent passwd root | cut -d: -f1';
    expect(await inside(['--uid', '1234', '--gid', '4321'], names)).toBe('user\nuser\nroot\n');
    expect(await inside(['--uid', '0', '--gid', '0'], names)).toBe('root\nroot\nroot\n');
  });

  test('has no capabilities but those that are added, and no new user namespaces where they are closed', async () => {
    const show = "sed -n 's/^CapEff:\\t//p' /proc/self/status";
    expect(await inside([], show)).toBe('0000000000000000\n');
    expect(await inside(['--cap-add', 'net_raw', '--cap-add', 'CAP_CHOWN'], show)).toBe('0000000000002001\n');
    expect(await inside(['--seccomp', 'none'], 'unshare -U true && echo open')).toBe('open\n');
    const script = 'unshare -U true 2>/dev/null && echo open || echo closed';
    expect(await inside([], script)).toBe('closed\n');
    expect(await inside(['--allow-userns'], script)).toBe('open\n');
    expect(await inside(['--seccomp', 'none', '--disable-userns'], script)).toBe('closed\n');
  });

  test('is built in a user and a pid namespace that exist, each a file', async () => {
    await using set = await unshare(['user', 'pid']);
    const child = await set.spawn('sleep', ['1000'], { stdio: 'ignore' });
    const options = ['user', 'pid'].map((kind) => `--${kind}ns=/proc/${child.pid}/ns/${kind}`);
    const seen = await inside(options, 'readlink /proc/self/ns/user /proc/self/ns/pid');
    expect(seen).toBe(`user:[${set.user!.id}]\npid:[${set.pid!.id}]\n`);
  });

  test('has names of hosts, and clocks that are ahead', async () => {
    const options = ['--add-host', 'db:10.0.0.5', '--add-host=db:fd00::5', '--boottime', '8640000'];
    const hosts =
      'grep -c "db$" /etc/hosts; getent hosts db | grep -c ^fd00::5; test $(cut -d. -f1 /proc/uptime) -gt 8640000 && echo ahead';
    expect(await inside(options, hosts)).toMatch(/^2\n[1-9]\nahead\n$/);
  });

  test('shares what it is told to, and takes limits and a seccomp profile', async () => {
    const own = readFileSync('/proc/sys/kernel/hostname', 'utf8');
    expect(await inside(['--share', 'uts', '--ulimit', 'nofile=10:20'], 'hostname; ulimit -n; ulimit -Hn')).toBe(
      `${own}10\n20\n`,
    );
    const profile = join(directory, 'profile.json');
    const rule = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 11 };
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] }));
    const script = 'mkdir /tmp/x 2>&1 | grep -o "Resource temporarily unavailable"';
    expect(await inside(['--seccomp', profile], script)).toBe('Resource temporarily unavailable\n');
  });

  test('reads all of it from JSON, on standard input too, and options add to it', async () => {
    const spec = {
      hostUserland: { writable: directory },
      hostname: 'from-json',
      env: { A: 'json', B: 'json' },
      mounts: [{ type: 'file', target: '/etc/motd', data: 'hello' }],
    };
    const file = join(directory, 'spec.json');
    writeFileSync(file, JSON.stringify(spec));
    const script = 'hostname; pwd; cat /etc/motd; echo " $A $B"';
    expect(await cli.prints('run', '--spec', file, '-e', 'B=option', '--', 'sh', '-c', script)).toBe(
      `from-json\n${directory}\nhello json option\n`,
    );
    const child = spawnHost(process.execPath, [cli.main, 'run', '--spec', '-', '--hostname', 'option', 'hostname']);
    child.stdin.end(JSON.stringify(spec));
    expect(await text(child.stdout)).toBe('option\n');
  });

  test('makes a sandbox without namespaces from a spec, and says what that has', async () => {
    const work = join(directory, 'by-landlock');
    mkdirSync(work);
    const landlock = { execute: ['/usr', '/bin', '/lib', '/lib64'], write: [work, '/dev/null'], connectTcp: [443] };
    const file = join(directory, 'landlock.json');
    writeFileSync(file, JSON.stringify({ isolation: 'landlock', landlock, cwd: work }));
    const script = 'echo text > file; cat file; ls / 2> /dev/null || echo refused';
    expect(await cli.prints('run', '--spec', file, '--', 'sh', '-c', script)).toBe('text\nrefused\n');
    const explained = await cli.prints('run', '--spec', file, '--explain');
    expect(explained).toMatch(/^The files of the host, as far as Landlock allows\n/);
    expect(explained.replace(/\s+/g, ' ')).toContain(
      `write ${work} /dev/null; connect to TCP 443; listen on no TCP port`,
    );
    const lines = await refusalOf(runCommand, ['--spec', file, '-n', 'host', 'true']);
    expect(lines[0]).toContain('has no namespaces, which spec.network takes');
  });

  test('gives the program its standard streams, and no descriptor but those that are named', async () => {
    const fd = openSync(join(directory, 'mine'), 'r');
    const script = '[ ! -e /proc/self/fd/5 ] && cat <&4';
    const args = [cli.main, 'run', '-H', '--preserve-fd', '4', '--', 'sh', '-c', script];
    const child = spawnHost(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', 'ignore', fd, fd] });
    closeSync(fd);
    expect(await text(child.stdout!)).toBe('of the host');
  });

  test('ends as the program has ended, and passes signals on', async () => {
    expect((await cli.run(['run', '-H', 'sh', '-c', 'exit 7'])).code).toBe(7);
    expect((await cli.run(['run', '-H', 'sh', '-c', 'kill -KILL $$'])).code).toBe(137);
    expect((await cli.run(['run', '-H', 'no-such-program'])).code).toBe(127);
    const script = 'trap "echo got it; exit 5" TERM; echo ready; while :; do sleep 0.1; done';
    const child = cli.start(['run', '-H', 'sh', '-c', script]);
    const output = text(child.stdout!);
    await once(child.stdout!, 'readable');
    child.kill('SIGTERM');
    const [code] = (await once(child, 'close')) as [number];
    expect([code, await output]).toEqual([5, 'ready\ngot it\n']);
  });

  test('takes everything in it with it', async () => {
    const child = cli.start(['run', '-p', directory, 'sh', '-c', 'sleep 1000 & echo $! started; wait']);
    await once(child.stdout!, 'readable');
    const before = await sleepers();
    expect(before).not.toEqual([]);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await eventually(async () => !(await sleepers()).some((pid) => before.includes(pid)));
  });

  test('--die-with-parent ends with the process that has started it, which a default run outlives', async () => {
    for (const [options, survives] of [
      [['--die-with-parent'], false],
      [[], true],
    ] as const) {
      const words = [cli.main, 'run', ...options, '-p', directory, 'sh', '-c', 'echo started; exec sleep 1000'];
      // A shell that does not become the command, because it has more to do.
      const parent = spawnHost('sh', ['-c', `"$@" & echo pid $!; wait`, 'sh', process.execPath, ...words]);
      let printed = '';
      for await (const part of parent.stdout) {
        printed += String(part);
        if (printed.includes('started') && /pid \d+\n/.test(printed)) break;
      }
      const pid = Number(/pid (\d+)/.exec(printed)![1]);
      try {
        parent.kill('SIGKILL');
        if (survives) await new Promise((resolve) => setTimeout(resolve, 500));
        else while (existsSync(`/proc/${pid}/exe`)) await new Promise((resolve) => setTimeout(resolve, 20));
        expect([options, existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/comm`, 'utf8')]).toEqual([
          options,
          survives ? 'node\n' : expect.anything(),
        ]);
        if (!survives) while ((await sleepers()).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
      } finally {
        if (survives) process.kill(pid, 'SIGKILL');
      }
    }
  });

  /** Of ours, by the directory they were started in. */
  async function sleepers(): Promise<string[]> {
    const script = `for p in /proc/[0-9]*; do [ "$(readlink $p/cwd)" = '${directory}' ] && cat $p/comm | grep -q sleep && echo $p; done; true`;
    return (await promisify(execFile)('sh', ['-c', script])).stdout.split('\n').filter((line) => line !== '');
  }

  test('limits take a cgroup: it is made, or the reason is given', async () => {
    const { code, stdout, stderr } = await cli.run([
      'run',
      '-H',
      '-m',
      '64m',
      '--pids',
      '20',
      '--cpus=0.5',
      'echo',
      'ok',
    ]);
    if (code === 0) expect(stdout).toBe('ok\n');
    else
      expect({ code, stdout, stderr }).toEqual({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(/^hint: /m) as string,
      });
  });

  test.each([
    [['true'], 'the sandbox would be empty'],
    [['-H'], 'no program specified'],
    [['--nonsense'], "unknown option '--nonsense'"],
    [['--hostanme', 'x', 'true'], "unknown option '--hostanme' (did you mean '--hostname'?)"],
    [['--ro-bnid', '/', '/', 'true'], "unknown option '--ro-bnid' (did you mean '--ro-bind'?)"],
    [['--bind', '/x'], "option '--bind' needs values: SOURCE TARGET"],
    [['--tmpfs'], "option '--tmpfs' needs a value: TARGET"],
    [['--tmpfs', '/', 'true'], '--tmpfs: the target must be an absolute path below the root'],
    [['--ro-bind', '/etc', 'etc', 'true'], "--ro-bind: the target must be an absolute path below the root, not 'etc'"],
    [['-v', 'x', 'true'], '--volume must be SOURCE:TARGET or SOURCE:TARGET:ro'],
    [['-H', '--perms', '8', '--dir', '/x', 'true'], '--perms must be an octal mode'],
    [['-H', '--perms', '0700', 'true'], '--perms must be followed by --tmpfs, --dir, --file or --ro-file'],
    [['-H', '--perms', '0700', '--bind', '/etc', '/x', 'true'], '--perms must be followed by '],
    [['-H', '--size', '1m', '--dir', '/x', 'true'], '--size must be followed by --tmpfs'],
    [['-H', '--preserve-fd', '1000', 'true'], '--preserve-fd: descriptor 1000 is not open'],
    [['-H', '--size', 'much', '--tmpfs', '/x', 'true'], '--size must be a number of bytes, such as 512m'],
    [['-H', '-m', 'much', 'true'], '--memory must be a number of bytes'],
    [['-H', '--pids', 'many', 'true'], '--pids-limit must be a number'],
    [['-H', '--cpus', '0', 'true'], '--cpus must be a number of processors'],
    [['-H', '--ulimit', 'nofile', 'true'], '--ulimit must be NAME=SOFT'],
    [['-H', '--ulimit', 'foo=1', 'true'], "has no property 'foo'"],
    [['-H', '--cap-add', 'fly', 'true'], "unknown capability 'fly'"],
    [['-H', '-e', '=x', 'true'], '--env must be NAME=VALUE or NAME'],
    [['-H', '--share', 'mnt', 'true'], "cannot have 'mnt'"],
    [['-H', '--share', 'x', 'true'], '--share must be one of'],
    [['-H', '--map', 'x', 'true'], '--map must be one of root, current, auto'],
    [['-H', '--uid', 'me', 'true'], '--uid must be a number'],
    [['-H', '-w', 'here', 'true'], "--chdir must be an absolute path, not 'here'"],
    [['-H', '--upper', '/x', 'true'], '--upper needs --overlay or --overlay-root'],
    [['--root', '/', '--overlay-root', '/', 'true'], 'only one root can be specified'],
    [['-H', '--file', '/no/such', '/x', 'true'], '--file: cannot read /no/such: ENOENT'],
    [['-H', '--spec', '/no/such', 'true'], '--spec: cannot read /no/such: ENOENT'],
    [['-H', '--spec', '/etc/passwd', 'true'], '--spec: /etc/passwd is not valid JSON'],
    [['-H', '--seccomp', '/etc/passwd', 'true'], '--seccomp must be BPF'],
    [['-H', '-n', '/proc/self/ns/uts', 'true'], 'must be a namespace of kind net, and is uts'],
  ])('refuses %j in one line', async (words, message) => {
    const lines = await refusalOf(runCommand, words);
    expect(lines).toEqual([expect.stringContaining(message)]);
    expect(lines[0]).toMatch(/^linux-ns: run: .*$/);
  });

  test.each([
    ['[]', 'must contain an object'],
    ['{"hostUserland":true,"rot":"/"}', "has no property 'rot' (did you mean 'root'?)"],
    ['{"hostUserlnd":true}', "--spec: there is no 'hostUserlnd' (did you mean 'hostUserland'?)"],
    ['{"root":"/","HostUserland":true}', "--spec: there is no 'HostUserland' (did you mean 'hostUserland'?)"],
    ['{"hostUserland":{"writeable":[]}}', "'spec.hostUserland' has no property 'writeable' (did you mean 'writable'?)"],
    ['{"hostUserland":{"writable":[5]}}', '"spec.hostUserland.writable[0]" property must be'],
    ['{"rot":"/"}', "the spec has no 'hostUserland', 'root' or 'mounts'"],
    ['{"hostUserland":true,"mounts":{}}', 'mounts must be an array'],
    ['{"hostUserland":true,"mounts":[{"type":"bnd"}]}', '.type'],
    ['{"hostUserland":1}', 'hostUserland'],
    ['{"hostUserland":true,"hostname":5}', 'spec.hostname'],
    ['{"hostUserland":true,"network":5}', 'network'],
    ['{"hostUserland":true,"env":[1]}', 'env'],
  ])('refuses the spec %s in one line', async (spec, message) => {
    const file = join(directory, 'wrong.json');
    writeFileSync(file, spec);
    const lines = await refusalOf(runCommand, ['--spec', file, 'true']);
    expect(lines).toEqual([expect.stringContaining(message)]);
    expect(lines[0]).toMatch(/^linux-ns: run: .*$/);
  });

  test('tells what there is not', async () => {
    const ended = await cli.run(['run', '-H', '--ro-bind', '/no/such', '/x', 'true']);
    expect(ended.stderr).toMatch(
      /^linux-ns: run: bind \/no\/such on \/x: no such file or directory \(ENOENT\)\nhint: /,
    );
    expect(ended.code).toBe(1);
  });

  test('is in a network that a path leads to', async () => {
    await using set = await unshare(['user', 'net']);
    const path = `/proc/${process.pid}/fd/${set.net!.fd}`;
    // Its owner is a user namespace that an ordinary user's sandbox does not have: that is said.
    const { code, stdout, stderr } = await cli.run(['run', '-H', '-n', path, 'readlink', '/proc/self/ns/net']);
    if (code === 0) expect(stdout).toBe(`${String(set.net)}\n`);
    else expect(stderr).toMatch(/^linux-ns: run: .*\(EPERM\)\nhint: /);
  });
});

needs({ root: true }).test('linux-ns run is in a network that has a name', async () => {
  const name = `linux-ns-run-${process.pid}`;
  const kept = await networkNamespaces.add(name);
  try {
    const printed = await cli.prints('run', '-H', '-n', name, 'readlink', '/proc/self/ns/net');
    expect(printed).toBe(`net:[${kept.id}]\n`);
  } finally {
    await networkNamespaces.delete(name);
  }
});

needs({ tool: ['tmux', 'bash'] }).test('a shell of linux-ns run on a terminal has one of its own', async () => {
  chmodSync(directory, 0o755);
  const words = [process.execPath, cli.main, 'run', '-H', 'bash', '--norc', '--noediting'].join(' ');
  const script = `${words}; echo "ended: $?"; stty -a | grep -ow -e icanon -e echo | tr '\\n' ' '; read rest`;
  await using screen = await Screen.open(['sh', '-c', script]);
  expect(await screen.shows(/bash-[\d.]+[$#]\s*$/)).not.toMatch(/job control|process group/);
  await screen.type("PS1='in-$((40+2))> '");
  await screen.shows(/in-42>$/);
  await screen.type('tty; stty size');
  await screen.shows(/^\/dev\/pts\/\d+\n24 80\n/m);
  await screen.type("bash -c 'echo sl''eeps; exec sleep 1000'"); // seen once it has the terminal
  await screen.shows(/^sleeps$/m);
  await screen.press('C-z');
  await screen.shows(/Stopped[^]*in-42>$/);
  await screen.type('fg');
  await screen.shows(/fg\s+bash -c.*sleep 1000'$/);
  await screen.press('C-c');
  await screen.shows(/\^C\s+in-42>$/);
  await screen.resize(70, 20);
  await screen.type('clear; stty size');
  await screen.shows(/^20 70$/m);
  await screen.type('sleep 1000 & exit 5');
  await screen.shows(/^ended: 5\nicanon echo/m);
});

needs({ tool: ['tmux'] }).test(
  'on a terminal linux-ns run refuses descriptors that the program would not get',
  async () => {
    chmodSync(directory, 0o755);
    const words = [process.execPath, cli.main, 'run', '-H', '--preserve-fd', '4', 'true', '4</dev/null'].join(' ');
    await using screen = await Screen.open(['sh', '-c', `${words}; echo "ended: $?"; read rest`]);
    expect(await screen.shows(/^ended: 1$/m)).toContain(
      'linux-ns: run: --preserve-fd: a program on a terminal gets no',
    );
  },
);
