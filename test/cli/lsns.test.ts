import { execFile } from 'node:child_process';
import { readlinkSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { spawn, unshare } from '../../lib';
import { needs } from '../fixtures/optional';
import { CommandLine, expectOneLine } from './command-line';

let cli: CommandLine;
beforeAll(() => (cli = new CommandLine()));
afterAll(() => cli.remove());

const own = (kind: string): number => statSync(`/proc/self/ns/${kind}`).ino;

describe('linux-ns lsns', () => {
  test('lists namespaces in the columns of lsns(8)', async () => {
    const lines = (await cli.prints('lsns', '--type', 'uts')).trimEnd().split('\n');
    expect(lines[0]).toMatch(/^ +NS TYPE +NPROCS +PID USER +COMMAND$/);
    expect(lines.find((line) => line.includes(String(own('uts'))))).toMatch(/^\d{10} uts +\d+ +\d+ \S+ +\S/);
    // What a process calls itself may have more lines than one: those are not asked.
    const rows = lines.filter((line) => /^\d{10} \w+ +\d+ /.test(line));
    expect(rows.filter((line) => !line.includes(' uts '))).toEqual([]);
  });

  test('shows what a new process is in, by a filter', async () => {
    await using child = await spawn('sleep', ['1000'], { unshare: ['user', 'uts'] });
    const id = /\d+/.exec(readlinkSync(`/proc/${child.pid}/ns/uts`))![0];
    const printed = await cli.prints(
      'lsns',
      '-rn',
      '-o',
      'NS,TYPE,NPROCS,PID,COMMAND',
      '-Q',
      `NS == ${id} && TYPE =~ "^u"`,
    );
    expect(printed).toBe(`${id} uts 1 ${child.pid} sleep\\x201000\n`);
    const negated = await cli.prints(
      'lsns',
      '-rn',
      '-o',
      'NS',
      '-t',
      'uts',
      '-Q',
      `!(NS eq ${id}) or NPROCS gt 100000`,
    );
    expect(negated.split('\n')).not.toContain(id);
    const ofTask = await cli.prints('lsns', '-n', '--raw', '-o', 'NS', '-t', 'uts', '--task', String(child.pid));
    expect(ofTask).toBe(`${id}\n`);
    const processes = await cli.prints('lsns', '-n', '-o', 'PID,COMMAND', id);
    expect(processes.trim()).toBe(`${child.pid} sleep 1000`);
  });

  test('draws owners as a tree', async () => {
    await using child = await spawn('sleep', ['1000'], { unshare: ['user', 'uts'] });
    const user = /\d+/.exec(readlinkSync(`/proc/${child.pid}/ns/user`))![0];
    const uts = /\d+/.exec(readlinkSync(`/proc/${child.pid}/ns/uts`))![0];
    const lines = (await cli.prints('lsns', '--tree', '-n', '-o', 'NS')).split('\n');
    const at = lines.findIndex((line) => line.endsWith(user));
    expect(lines[at]).toMatch(/^[│ ]*[├└]─\d+$/);
    expect(lines[at + 1]).toMatch(new RegExp(`^[│ ]+[├└]─${uts}$`));
  });

  test('draws the namespaces of a process below those that they belong to; in JSON these have them as children', async () => {
    await using set = await unshare(['user', 'uts']);
    const child = await set.spawn('sleep', ['1000']);
    const id = (kind: 'user' | 'uts'): number => Number(set.get(kind)?.id);
    const options = ['-o', 'NS', '-p', String(child.pid)];
    const tree = await cli.prints('lsns', '-T', '-n', ...options);
    expect(tree).toMatch(new RegExp(`^\\d+\n[^]*└─${id('user')}\n( +)└─${id('uts')}\n`, 'm'));
    interface Node {
      ns: number;
      children?: Node[];
    }
    const { namespaces } = JSON.parse(await cli.prints('lsns', '-TJ', ...options)) as { namespaces: Node[] };
    const top = namespaces.find(({ children }) => children?.some(({ ns }) => ns === id('user')));
    expect(top?.children?.find(({ ns }) => ns === id('user'))?.children).toEqual([{ ns: id('uts') }]);
    child.kill('SIGKILL');
    await child.exited;
  });

  test('prints JSON with numbers as numbers', async () => {
    const printed = await cli.prints('lsns', '-J', '-t', 'uts', '-o', 'NS,TYPE,PNS');
    const { namespaces } = JSON.parse(printed) as { namespaces: object[] };
    expect(namespaces).toContainEqual({ ns: own('uts'), type: 'uts', pns: 0 });
  });

  test('prints nothing, and no headings, where there is nothing to list', async () => {
    const nobody = String(2 ** 22 + 1); // more than any process id: proc(5), pid_max
    for (const options of [[], ['--raw'], ['-Tparent']])
      expect(await cli.prints('lsns', '-p', nobody, ...options)).toBe('');
    expect(JSON.parse(await cli.prints('lsns', '-J', '-p', nobody))).toEqual({ namespaces: [] });
  });

  needs({ tool: ['lsns'] }).test('prints what that of util-linux prints', async () => {
    await using child = await spawn('sleep', ['1000'], { unshare: ['user', 'uts'] });
    const once = (options: readonly string[]): Promise<string> =>
      promisify(execFile)('lsns', [...options]).then(({ stdout }) => stdout);
    // It gives up where another process ends while it looks at it.
    const theirs = (options: readonly string[]): Promise<string> =>
      once(options).catch(() => once(options).catch(() => once(options)));
    for (const options of [
      ['-p', String(child.pid), '-o', 'NS,TYPE,PNS,ONS'],
      ['-p', String(child.pid), '--tree=owner', '-o', 'NS,TYPE'],
      ['-p', String(child.pid), '-t', 'user', '--tree=parent', '-o', 'NS,PNS'],
      ['-p', String(2 ** 22 + 1)],
    ])
      expect(await cli.prints('lsns', ...options)).toBe(await theirs(options));
    for (const options of [
      ['-J', '-p', String(child.pid), '-t', 'uts'],
      ['-J', '-p', String(child.pid), '-t', 'uts', '-t', 'user', '--tree=owner', '-o', 'NS,TYPE'],
      ['-J', '-p', String(2 ** 22 + 1)],
    ])
      expect(JSON.parse(await cli.prints('lsns', ...options))).toEqual(JSON.parse(await theirs(options)));
  });

  test('lists its columns', async () => {
    expect(await cli.prints('lsns', '-H')).toMatch(/NS +namespace identifier[^]*ONS +owner/);
  });

  test.each([
    [['--json', '--raw'], '--json and --raw are mutually exclusive'],
    [['-o', 'NS,SIZE'], "unknown column 'SIZE'"],
    [['-t', 'foo'], '--type must be one of'],
    [['-p', 'x'], '--task must be a process id'],
    [['-p', '0'], '--task must be a process id'],
    [['abc'], 'the namespace must be a number'],
    [['1'], 'no namespace 1 found'],
    [['-Q', 'NS =='], '--filter: a value is missing at the end'],
    [['-Q', 'SIZE == 1'], "--filter: unknown column 'SIZE'"],
    [['-Q', 'COMMAND =~ "("'], "--filter: invalid regular expression '('"],
    [['-Q', '(NS'], "--filter: missing ')'"],
    [['-Tsideways'], 'unknown option'],
  ])('refuses %j in one line', async (args, message) => {
    const ended = await cli.run(['lsns', ...args]);
    expectOneLine(ended);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    if (message !== 'unknown option') expect(ended.stderr).toContain(message);
  });
});
