import { execFile } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { promisify } from 'node:util';
import { spawn, unshare } from '../../lib';
import { Network } from '../../lib/network';
import type { NamespaceProcess } from '../../lib';
import { needs } from '../fixtures/optional';
import { CommandLine, SEARCHABLE, expectOneLine } from './command-line';

let cli: CommandLine;
let target: NamespaceProcess;

beforeAll(async () => {
  cli = new CommandLine();
  target = await spawn('sleep', ['1000'], {
    unshare: { user: true, uts: { hostname: 'entered' }, net: true, pid: true, mnt: true },
    env: { ...process.env, MARK: 'theirs' },
    cwd: '/usr',
    init: false,
  });
});

afterAll(async () => {
  target.kill('SIGKILL');
  await target.exited;
  cli.remove();
});

const link = (kind: string): string => readlinkSync(`/proc/${target.pid}/ns/${kind}`);

describe('linux-ns nsenter', () => {
  test('enters all namespaces of a process', async () => {
    const script = 'id -u; hostname; readlink /proc/self/ns/net';
    const printed = await cli.prints('nsenter', '-t', String(target.pid), '-a', 'sh', '-c', script);
    expect(printed).toBe(`0\nentered\n${link('net')}\n`);
  });

  test('enters those that are named, by process or by file', async () => {
    const show = ['readlink', '/proc/self/ns/uts', '/proc/self/ns/net'];
    const both = await cli.prints('nsenter', '-U', '-u', `-t${target.pid}`, ...show);
    expect(both.split('\n').slice(0, 2)).toEqual([link('uts'), readlinkSync('/proc/self/ns/net')]);
    const file = `/proc/${target.pid}/ns/net`;
    const byFile = await cli.prints('nsenter', '-t', String(target.pid), '-U', `-n${file}`, ...show);
    expect(byFile.split('\n').slice(0, 2)).toEqual([readlinkSync('/proc/self/ns/uts'), link('net')]);
  });

  test('enters a network that a socket alone keeps', async () => {
    const set = await unshare(['user', 'net']);
    const name = String(set.net);
    const net = await Network.open(set);
    const server = await net.listen({ port: 0 });
    await net.close();
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    await set.close();
    const options = ['-t', String(process.pid), '--net-socket', String(fd), '--user-parent'];
    expect(await cli.prints('nsenter', ...options, 'readlink', '/proc/self/ns/net')).toBe(`${name}\n`);
    server.close();
    const none = await cli.run(['nsenter', '-t', String(process.pid), '-N', '100000', 'true']);
    expect(none.stderr).toMatch(/^linux-ns: nsenter: open net of descriptor 100000 .*\(EBADF\)\nhint: /);
    expect(none.code).toBe(1);
  });

  test('enters the user namespace above', async () => {
    await using outer = await unshare({ user: true });
    await using inner = await outer.spawn('sleep', ['1000'], { unshare: { user: true }, stdio: 'ignore' });
    const above = await cli.prints(
      ...['nsenter', '-t', String(inner.pid), '-U', '--user-parent', 'readlink', '/proc/self/ns/user'],
    );
    expect(above).toBe(`${String(outer.user)}\n`);
  });

  test('finds no user namespace above the first', async () => {
    for (const options of [[], ['-U']]) {
      const ended = await cli.run(['nsenter', '-t', String(process.pid), ...options, '--user-parent', 'true']);
      expectOneLine(ended);
      expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('has no parent') as string });
    }
  });

  test('enters its own user namespace, where it is already', async () => {
    const own = readlinkSync('/proc/self/ns/user');
    const words = ['nsenter', '-t', String(process.pid), '-U', 'readlink', '/proc/self/ns/user'];
    expect(await cli.prints(...words)).toBe(`${own}\n`);
  });

  needs({ root: true, tool: ['nsenter'] }).test('does what that of util-linux does', async () => {
    await using child = await spawn('sleep', ['1000'], {
      unshare: ['mnt', 'uts', 'net'],
      cwd: '/usr',
      stdio: 'ignore',
    });
    const theirs = (words: readonly string[]): Promise<unknown> =>
      promisify(execFile)('nsenter', [...words], { cwd: '/' }).then(
        ({ stdout }) => ({ code: 0, stdout }),
        (error: unknown) => {
          const { code, stdout } = error as { code: number; stdout: string };
          return { code, stdout };
        },
      );
    const target = ['-t', String(child.pid)];
    for (const words of [
      [...target, '-a', 'sh', '-c', 'id; readlink /proc/self/ns/uts'],
      [...target, '-m', '-r', '-w', 'pwd'],
      [...target, '-m', '-r/usr', 'sh', '-c', 'ls -d /bin'],
      [...target, '-m', '-r', '/usr'], // /usr is the program here
      [...target, '-n', '-S', '1234', '-G', '4321', 'id'],
      [...target, '-n', 'no-such-program'],
      [...target, '-n', 'sh', '-c', 'exit 7'],
      ['-n', 'true'],
    ]) {
      const { code, stdout } = await cli.run(['nsenter', ...words]);
      expect({ words, code, stdout }).toEqual({ words, ...((await theirs(words)) as object) });
    }
  });

  test('stays who it is', async () => {
    const uid = process.geteuid?.() ?? 0;
    await using child = await spawn('sleep', ['1000'], {
      unshare: { user: { uidMap: [{ inside: 1234, outside: uid, count: 1 }], gidMap: 'current' } },
      stdio: 'ignore',
    });
    const entered = ['nsenter', '-t', String(child.pid), '-U', '--preserve-credentials', 'id', '-u'];
    expect(await cli.prints(...entered)).toBe('1234\n');
  });

  test('takes environment and directory of the process', async () => {
    const script = 'echo $MARK; pwd';
    const printed = await cli.prints('nsenter', '-t', String(target.pid), '-a', '-e', '-w', 'sh', '-c', script);
    expect(printed).toBe('theirs\n/usr\n');
    expect(await cli.prints('nsenter', '-t', String(target.pid), '-a', '--wdns=/etc', 'pwd')).toBe('/etc\n');
  });

  test('changes to the root of the process', async () => {
    expect(await cli.prints('nsenter', '-t', String(target.pid), '-a', '-r', 'pwd')).toBe('/\n');
  });

  test('takes the working directory and the environment of the process without a namespace of it', async () => {
    const env = { ...process.env, ONLY_THERE: 'yes' };
    await using other = await spawn('sleep', ['1000'], { cwd: '/usr', env });
    const words = ['nsenter', '-t', String(other.pid), '--wd', '--env', 'sh', '-c', 'pwd; echo $ONLY_THERE'];
    expect(await cli.prints(...words)).toBe('/usr\nyes\n');
  });

  test('ends as the program has ended', async () => {
    expect((await cli.run(['nsenter', '-t', String(target.pid), '-a', 'sh', '-c', 'exit 9'])).code).toBe(9);
    expect((await cli.run(['nsenter', '-t', String(target.pid), '-a', 'no-such-program'], SEARCHABLE)).code).toBe(127);
  });

  test.each([
    [[], 'no namespace specified'],
    [['-a'], '--all needs --target PID'],
    [['--net'], '--net needs --target PID'],
    [['-t', 'abc', '-a'], "--target must be a process id, not 'abc'"],
    [['-t', '0', '-a'], "--target must be a process id, not '0'"],
    [['-t', '2147483648', '-a'], '--target must be a process id'],
    [['-t', '1'], 'no namespace specified'],
    [['--wd'], '--wd needs --target PID'],
    [['--net=/proc/self/ns/uts', 'true'], 'is a uts namespace'],
  ])('refuses %j in one line', async (args, message) => {
    const ended = await cli.run(['nsenter', ...args]);
    expectOneLine(ended);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toContain(message);
  });

  test('tells what keeps it out', async () => {
    const { code, stderr } = await cli.run(['nsenter', '--net=/no/such/file', 'true']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^linux-ns: nsenter: .*\/no\/such\/file.*ENOENT/);
  });
});

needs({ root: true }).test('linux-ns nsenter joins the cgroup of the process', async () => {
  await using child = await spawn('sleep', ['1000'], { cgroup: {}, stdio: 'ignore' });
  const cgroup = readFileSync(`/proc/${child.pid}/cgroup`, 'utf8');
  expect(cgroup).toMatch(/^0::.*linux-ns-/m);
  const show = ['grep', '^0::', '/proc/self/cgroup'];
  const printed = await cli.prints('nsenter', '-t', String(child.pid), '-n', '--join-cgroup', ...show);
  expect(printed.trim()).toBe(/^0::.*$/m.exec(cgroup)![0]);
});
