import { readlinkSync } from 'node:fs';
import { spawn } from '../../lib';
import type { NamespaceProcess } from '../../lib';
import { CommandLine, SEARCHABLE, expectOneLine } from './command-line';

jest.setTimeout(90_000);

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

  test('takes environment and directory of the process', async () => {
    const script = 'echo $MARK; pwd';
    const printed = await cli.prints('nsenter', '-t', String(target.pid), '-a', '-e', '-w', 'sh', '-c', script);
    expect(printed).toBe('theirs\n/usr\n');
    expect(await cli.prints('nsenter', '-t', String(target.pid), '-a', '--wdns=/etc', 'pwd')).toBe('/etc\n');
  });

  test('changes to the root of the process', async () => {
    expect(await cli.prints('nsenter', '-t', String(target.pid), '-a', '-r', 'pwd')).toBe('/\n');
  });

  test('ends as the program has ended', async () => {
    expect((await cli.run(['nsenter', '-t', String(target.pid), '-a', 'sh', '-c', 'exit 9'])).code).toBe(9);
    expect((await cli.run(['nsenter', '-t', String(target.pid), '-a', 'no-such-program'], SEARCHABLE)).code).toBe(127);
  });

  test.each([
    [[], 'no namespace was named'],
    [['-a'], '--all needs a process: --target PID'],
    [['--net'], '--net needs a process'],
    [['-t', 'abc', '-a'], "--target must be a number between 0 and 2147483647, and not 'abc'"],
    [['-t', '0', '-a'], '--target must be the number of a process'],
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
