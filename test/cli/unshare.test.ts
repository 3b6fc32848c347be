import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { umount } from '../../lib';
import { needs } from '../fixtures/optional';
import { Screen } from '../fixtures/screen';
import { CommandLine, SEARCHABLE, expectOneLine } from './command-line';

let cli: CommandLine;
beforeAll(() => (cli = new CommandLine()));
afterAll(() => cli.remove());

describe('linux-ns unshare', () => {
  test('makes its caller root in a user namespace', async () => {
    expect(await cli.prints('unshare', '-Ur', 'sh', '-c', 'id -u; id -g')).toBe('0\n0\n');
  });

  test('makes the program process 1, with a /proc of its own', async () => {
    const script = 'echo $$; echo /proc/[0-9]*';
    expect(await cli.prints('unshare', '-Urmpf', '--mount-proc', 'sh', '-c', script)).toBe('1\n/proc/1\n');
  });

  test('without a map everybody is nobody', async () => {
    expect(await cli.prints('unshare', '-U', 'id', '-u')).toBe('65534\n');
  });

  test('maps the caller to itself, to another, and takes names cut short', async () => {
    const uid = String(process.geteuid?.());
    expect(await cli.prints('unshare', '--map-cur', 'id', '-u')).toBe(`${uid}\n`);
    expect(await cli.prints('unshare', '--map-user=1234', '--map-group', '4321', 'sh', '-c', 'id -u; id -g')).toBe(
      '1234\n4321\n',
    );
  });

  test('leaves alone what comes after the program', async () => {
    expect(await cli.prints('unshare', 'echo', '-n', '--help', '-U')).toBe('--help -U');
    expect(await cli.prints('unshare', '--', 'echo', '--', '-r')).toBe('-- -r\n');
  });

  test('brings no interface up, and moves the clock', async () => {
    expect(await cli.prints('unshare', '-rn', 'cat', '/sys/class/net/lo/operstate', '/proc/self/net/dev')).toContain(
      'lo:',
    );
    const [seconds = ''] = (await cli.prints('unshare', '-rT', '--boottime=1000000000', 'cat', '/proc/uptime')).split(
      ' ',
    );
    expect(Number(seconds)).toBeGreaterThan(1e9);
  });

  test('mounts a binfmt_misc of its own, and registers a format there', async () => {
    const line = ':linux-ns-test:E::lnxtest::/bin/echo:';
    const listed = ['sh', '-c', 'cat /proc/sys/fs/binfmt_misc/linux-ns-test'];
    expect(await cli.prints('unshare', '-r', '--mount-proc', '-p', '--load-interp', line, ...listed)).toMatch(
      /^enabled\ninterpreter \/bin\/echo\n[^]*extension \.lnxtest\n$/,
    );
    const directory = mkdtempSync(join(tmpdir(), 'linux-ns-cli-'));
    const printed = await cli.prints('unshare', '-r', `--mount-binfmt=${directory}`, 'ls', directory);
    expect(printed).toBe('register\nstatus\n');
    rmSync(directory, { recursive: true });
  });

  test('changes root and directory', async () => {
    expect(await cli.prints('unshare', '-r', '-R', '/', '-w', '/usr', 'pwd')).toBe('/usr\n');
    const missing = await cli.run(['unshare', '-r', '--root=/nosuch', 'true']);
    expect(missing.stderr).toContain(
      'linux-ns: unshare: change root to /nosuch: no such file or directory (ENOENT)\nhint: ',
    );
    expect(missing.code).toBe(1);
  });

  test('keeps capabilities when asked to', async () => {
    const show = ['sh', '-c', 'grep CapEff /proc/self/status'];
    expect(await cli.prints('unshare', '-c', '--keep-caps', ...show)).not.toMatch(/\t0+\n/);
  });

  test('ends as the program has ended', async () => {
    expect((await cli.run(['unshare', 'sh', '-c', 'exit 7'])).code).toBe(7);
    expect((await cli.run(['unshare', '-Urp', 'sh', '-c', 'exit 8'])).code).toBe(8);
    expect((await cli.run(['unshare', 'sh', '-c', 'kill -KILL $$'])).code).toBe(137);
    expect((await cli.run(['unshare', 'sh', '-c', 'kill -TERM $$'])).code).toBe(143);
  });

  test('tells a program that is not there from one that cannot be executed', async () => {
    expect(await cli.run(['unshare', '-U', 'no-such-program'], SEARCHABLE)).toMatchObject({
      code: 127,
      stderr: expect.stringMatching(
        /^linux-ns: unshare: exec no-such-program: .*\(ENOENT\)\nhint: .*PATH.*\n$/,
      ) as string,
    });
    expect((await cli.run(['unshare', '/etc/passwd'])).code).toBe(126);
  });

  test('is killed with its program, and passes signals on', async () => {
    const child = cli.start([
      'unshare',
      'sh',
      '-c',
      'trap "echo got it; exit 5" TERM; echo ready; while :; do sleep 0.1; done',
    ]);
    const output = text(child.stdout!);
    await once(child.stdout!, 'readable');
    child.kill('SIGTERM');
    const [code] = (await once(child, 'close')) as [number];
    expect([code, await output]).toEqual([5, 'ready\ngot it\n']);
  });

  test('with --fork signals reach the program only with --forward-signals', async () => {
    for (const options of [['--fork'], ['--kill-child']]) {
      const wait = ['sh', '-c', 'trap "echo got it; exit 5" TERM; echo ready; while :; do sleep 0.1; done'];
      const child = cli.start(['unshare', ...options, '--forward-signals', ...wait]);
      const output = text(child.stdout!);
      await once(child.stdout!, 'readable');
      child.kill('SIGTERM');
      const [code] = (await once(child, 'close')) as [number];
      expect([code, await output]).toEqual([5, 'ready\ngot it\n']);
    }
  });

  test('the program has no variable of the environment, or only those named', async () => {
    const env = { PATH: '/usr/bin:/bin', ONE: '1', TWO: '2', THREE: 'three' };
    const printed = async (...args: string[]): Promise<string> => (await cli.run(['unshare', ...args], env)).stdout;
    expect(await printed('--clear-env', 'env')).toBe('');
    expect(await printed('--whitelist-env', 'ONE,THREE,FOUR', 'env')).toBe('ONE=1\nTHREE=three\n');
    expect(await printed('--clear-env', '--whitelist-env=ONE', '--whitelist-env=TWO', 'env')).toBe('ONE=1\nTWO=2\n');
  });

  test('gives the program the descriptors it was given', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'linux-ns-cli-'));
    writeFileSync(join(directory, 'file'), 'from four');
    const fd = openSync(join(directory, 'file'), 'r');
    const args = [cli.main, 'unshare', 'sh', '-c', 'cat <&4'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', 'ignore', fd] });
    closeSync(fd);
    expect(await text(child.stdout!)).toBe('from four');
    rmSync(directory, { recursive: true });
  });

  test.each([
    [['--nonsense'], "unknown option '--nonsense'"],
    [['--map-root-usr'], "unknown option '--map-root-usr' (did you mean '--map-root-user'?)"],
    [['--mape-users=auto'], "unknown option '--mape-users' (did you mean '--map-users'?)"],
    [[`--${'x'.repeat(100_000)}`], "unknown option '--xxx"],
    [['-x'], "unknown option '-x'"],
    [['--map'], "is ambiguous: it could be one of '--map-user', "],
    [['--fork=yes'], "option '--fork' does not take a value"],
    [['--wd'], "option '--wd' needs a value: DIR"],
    [['-S', 'me'], "--setuid must be a number between 0 and 4294967294, not 'me'"],
    [['--setgroups=maybe'], '--setgroups must be one of allow, deny'],
    [['--propagation', 'x'], '--propagation must be one of slave, shared, private, unchanged'],
    [['--map-user', 'no-such-user'], "unknown user 'no-such-user'"],
    [['--map-users', '1-2'], 'a map must be INSIDE:OUTSIDE:COUNT'],
    [['--map-users', '0:0:4294967296'], 'a map must be INSIDE:OUTSIDE:COUNT'],
    [['--map-groups', '0:0:0'], 'a map must be INSIDE:OUTSIDE:COUNT'],
    [['--boottime', '1'], '--monotonic and --boottime need a new time namespace'],
    [['-T', '--boottime', 'soon'], '--boottime must be a number of seconds'],
    [['--kill-child=SIGNONE'], 'no such signal'],
  ])('refuses %j in one line', async (args, message) => {
    const ended = await cli.run(['unshare', ...args]);
    expectOneLine(ended);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toContain(message);
  });
});

describe.each(['root', 'an ordinary user'])('the ids that /etc/subuid grants, of %s', (who) => {
  const wanted = who === 'root' ? ({ root: true } as const) : ({ unprivileged: true } as const);
  needs({ ...wanted, tool: ['newuidmap', 'newgidmap'] }).test('are mapped from 0 on, or to themselves', async () => {
    const name = userInfo().username;
    const granted = /^[^:]+:(\d+):(\d+)$/.exec(
      readFileSync('/etc/subuid', 'utf8')
        .split('\n')
        .find((line) => line.startsWith(`${name}:`)) ?? '',
    );
    if (granted === null) {
      const { code, stderr } = await cli.run(['unshare', '--map-auto', 'true']);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(/\/etc\/subuid grants no ids to /) as string,
      });
      return;
    }
    const [, start = '', count = ''] = granted;
    const fields = async (...options: string[]): Promise<string[][]> =>
      (await cli.prints('unshare', ...options, 'cat', '/proc/self/uid_map'))
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/\s+/));
    expect(await fields('--map-auto', '-r')).toEqual([
      ['0', String(process.geteuid?.()), '1'],
      ['1', start, count],
    ]);
    expect(await fields('--map-subids')).toEqual([[start, start, count]]);
  });
});

needs({ root: true }).test('linux-ns unshare keeps a namespace on a file', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'linux-ns-cli-'));
  const file = join(directory, 'uts');
  writeFileSync(file, '');
  const script = `echo kept-here > /proc/sys/kernel/hostname`;
  await cli.prints('unshare', `--uts=${file}`, 'sh', '-c', script);
  try {
    expect(await cli.prints('nsenter', `--uts=${file}`, 'hostname')).toBe('kept-here\n');
  } finally {
    await umount(file);
    rmSync(directory, { recursive: true });
  }
});

needs({ tool: ['tmux', 'bash'] }).test('a shell of linux-ns unshare on a terminal controls jobs', async () => {
  const words = [process.execPath, cli.main, 'unshare', '-Urmpf', '--mount-proc', 'bash', '--norc', '--noediting'].join(
    ' ',
  );
  const script = `export PS1='in-$((40+2))> ' HOME=/; ${words}; echo "ended: $?"; read rest`;
  await using screen = await Screen.open(['sh', '-c', script]);
  expect(await screen.shows(/in-42>$/)).not.toMatch(/job control|process group|tty/);
  await screen.type('echo pid $$ is $(id -un)');
  await screen.shows(/^pid 1 is root$/m);
  await screen.type("bash -c 'echo sl''eeps; exec sleep 1000'"); // seen once it has the terminal
  await screen.shows(/^sleeps$/m);
  await screen.press('C-z');
  await screen.shows(/Stopped[^]*in-42>$/);
  await screen.type('fg');
  await screen.shows(/fg\s+bash -c.*sleep 1000'$/);
  await screen.press('C-c');
  await screen.shows(/\^C\s+in-42>$/);
  await screen.type('exit 5');
  await screen.shows(/^ended: 5$/m);
});
