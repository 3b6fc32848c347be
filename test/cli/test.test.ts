import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testCommand } from '../../cli/commands/test';
import { CommandLine, SEARCHABLE, expectOneLine, refusalOf } from './command-line';

let cli: CommandLine;
let folder: string;
beforeAll(() => {
  cli = new CommandLine();
  folder = mkdtempSync(join(tmpdir(), 'linux-ns-test-cli-'));
});
afterAll(() => {
  cli.remove();
  rmSync(folder, { recursive: true });
});

/** A runner that forks one test process, which prints the value of an expression. */
const runner = (expression: string): string[] => {
  const child = `require('fs').writeSync(1, String(${expression})); process.disconnect();`;
  const fork = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] })`;
  return [process.execPath, '-e', `${fork}.on('exit', (code) => process.exit(code))`];
};

const own = { ...process.env, NODE_OPTIONS: undefined, NODE_TEST_CONTEXT: undefined };

describe('linux-ns test', () => {
  test.each([
    [[], "Object.keys(require('os').networkInterfaces())", 'lo'],
    [['--hostname=box'], "require('os').hostname()", 'box'],
    [['--boottime=86400000'], "require('os').uptime() > 86400000", 'true'],
    [['--net', '--tmp'], "require('os').tmpdir()", tmpdir()],
  ])('%j gives each process that is forked its own', async (options, expression, value) => {
    const ended = await cli.run(['test', ...options, '--', ...runner(expression)], own);
    expect(ended).toEqual({ code: 0, stdout: value, stderr: '' });
  });

  test('ends with the status of the command, and leaves no files', async () => {
    const ended = await cli.run(['test', '--tmp', '--', 'sh', '-c', 'exit 5'], { ...own, TMPDIR: folder });
    expect(ended.code).toBe(5);
    expect(ended.stderr).toMatch(/^linux-ns: test: no process of the test runner got namespaces of its own/);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('passes a signal on, and leaves no files then either', async () => {
    const child = cli.start(['test', '--', 'sh', '-c', 'trap "exit 7" TERM; echo ready; while :; do sleep 0.1; done'], {
      ...own,
      TMPDIR: folder,
    });
    await once(child.stdout!, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([7, null]);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('removes what one that was killed has left, and not what one that runs has', async () => {
    const wait = ['sh', '-c', 'echo ready; exec sleep 30'];
    const [killed, running] = [0, 1].map(() => cli.start(['test', '--', ...wait], { ...own, TMPDIR: folder }));
    await Promise.all([once(killed!.stdout!, 'data'), once(running!.stdout!, 'data')]);
    const before = readdirSync(folder);
    killed!.kill('SIGKILL');
    await once(killed!, 'close');
    expect(readdirSync(folder)).toEqual(before);
    await cli.run(['test', '--', 'true'], { ...own, TMPDIR: folder });
    const left = before.filter((name) => !name.includes(`-${killed!.pid}-`));
    expect(readdirSync(folder)).toEqual(left);
    expect(left).toHaveLength(1);
    running!.kill('SIGTERM');
    await once(running!, 'close');
  });

  test.each([
    [['--hostname=a,b', 'true'], '--hostname=a,b: no hostname'],
    [['--boottime=soon', 'true'], '--boottime'],
    [[], 'which test runner?'],
  ])('%j is refused before anything is started', async (words, reason) => {
    expect((await refusalOf(testCommand, words)).join('\n')).toContain(reason);
  });

  test('a command that does not exist is status 127', async () => {
    const ended = await cli.run(['test', '--', 'no-such-runner'], { ...own, ...SEARCHABLE });
    expect(ended.code).toBe(127);
    expect(ended.stderr).toContain('no-such-runner');
    expectOneLine({ ...ended, stderr: `${ended.stderr.split('\n')[0] ?? ''}\n` });
  });
});
