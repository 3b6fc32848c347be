/** `linux-ns run` with a budget: what ends a program is told in one line and by the exit status; its output streams. */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { runCommand } from '../../cli/commands/run';
import { bytesOf, formatBytes, formatTime, timeOf } from '../../cli/quantities';
import { needs } from '../fixtures/optional';
import { Screen } from '../fixtures/screen';
import { CommandLine, type Ended, refusalOf } from './command-line';

let cli: CommandLine;
beforeAll(() => (cli = new CommandLine()));
afterAll(() => cli.remove());

/** A shell in a sandbox with the host's programs. */
function sh(options: readonly string[], script: string): Promise<Ended> {
  return cli.run(['run', '-H', ...options, '--', 'sh', '-c', script]);
}

/** Limits that hold nobody up. */
const AMPLE = ['--limit-wall=1h', '--limit-cpu=1h', '--limit-memory=1g', '--limit-output=1g'];

test('within its budget a program is as without', async () => {
  const script = 'cat; echo out; echo err >&2; exit 3';
  expect(await sh(AMPLE, script)).toEqual({ code: 3, stdout: 'out\n', stderr: 'err\n' });
  expect((await sh(AMPLE, 'kill -KILL $$')).code).toBe(137);
  expect((await cli.run(['run', '-H', ...AMPLE, 'no-such-program'])).code).toBe(127);
});

test.each([
  ['--limit-wall', '500ms', 'sleep 600', 124, 'it took longer'],
  ['--limit-cpu', '200ms', 'while :; do :; done', 152, 'it used more CPU time'],
  ['--limit-memory', '4k', 'true', 137, 'it had more memory'],
  ['--limit-output', '1k', 'exec yes', 153, 'it wrote more'],
] as const)('%s %s ends it, with a status of its own', async (option, limit, script, status, reason) => {
  const { code, stderr } = await sh([option, limit], script);
  expect([code, stderr]).toEqual([status, `linux-ns: run: ${reason} than ${option} ${limit}, and was ended\n`]);
});

needs({ tool: ['python3'] }).test('--limit-memory ends what fills too much', async () => {
  const words = [
    'run',
    '-H',
    '--limit-memory',
    '64m',
    'python3',
    '-c',
    'a = b"x" * (90 << 20)\nimport time\ntime.sleep(600)',
  ];
  expect((await cli.run(words)).code).toBe(137);
});

test('--limit-file-size and --limit-processes are refused to the program', async () => {
  expect((await sh(['--limit-file-size', '1k'], 'exec head -c 2000 /dev/zero > /tmp/file')).code).toBe(153); // SIGXFSZ
  const many = 'for i in 1 2 3 4 5 6 7 8 9; do sleep 600 & done; wait';
  expect((await sh(['--limit-processes', '5'], many)).code).not.toBe(0);
});

test('--limit-output shows what is within it, byte for byte and while the program runs', async () => {
  expect((await sh(['--limit-output', '10'], 'printf 0123456789abc; sleep 600')).stdout).toBe('0123456789');
  const child = cli.start(['run', '-H', '--limit-output=1g', 'sh', '-c', 'echo first; read end || sleep 600']);
  await once(child.stdout!, 'readable');
  expect(String(child.stdout!.read())).toBe('first\n');
  child.kill('SIGTERM');
  await once(child, 'close');
});

test('signals reach the program', async () => {
  const script = 'trap "echo got it; exit 5" TERM; echo ready; while :; do sleep 0.1; done';
  const child = cli.start(['run', '-H', ...AMPLE, 'sh', '-c', script]);
  const output = text(child.stdout!);
  await once(child.stdout!, 'readable');
  child.kill('SIGTERM');
  const [code] = (await once(child, 'close')) as [number];
  expect([code, await output]).toEqual([5, 'ready\ngot it\n']);
});

test('sizes and times', () => {
  expect(['1', '2k', '1.5m', '3G'].map((each) => bytesOf('x', each))).toEqual([1, 2048, 1.5 * 2 ** 20, 3 * 2 ** 30]);
  expect(['1', '500ms', '1.5s', '5m', '2h'].map((each) => timeOf('x', each))).toEqual([1000, 500, 1500, 3e5, 72e5]);
  expect([0, 1, 1000, 2048, 512 * 2 ** 20].map(formatBytes)).toEqual(['0', '1', '1000', '2k', '512m']);
  expect([1, 500, 1500, 60_000, 90_000, 72e5].map(formatTime)).toEqual(['1ms', '500ms', '1.5s', '1m', '90s', '2h']);
});

test.each([
  ['--limit-wall', '0', 'must be a time'],
  ['--limit-cpu', '5 minutes', 'must be a time'],
  ['--limit-memory', 'much', 'must be a number of bytes'],
  ['--limit-processes', '0', 'must be a number of at least 1'],
])('refuses %s %s', async (option, value, message) => {
  const [line] = await refusalOf(runCommand, ['-H', option, value, 'true']);
  expect(line).toContain(`linux-ns: run: ${option} ${message}`);
});

needs({ tool: ['tmux', 'bash'] }).test('on a terminal, job control and limits are there together', async () => {
  const words = `${process.execPath} ${cli.main} run -H --limit-output=100k --limit-wall=1h bash --norc --noediting`;
  await using screen = await Screen.open([
    'sh',
    '-c',
    `${words}; echo "ended: $?"; stty -a | grep -ow icanon; read rest`,
  ]);
  expect(await screen.shows(/bash-[\d.]+[$#]\s*$/)).not.toMatch(/job control|process group/);
  await screen.type("bash -c 'echo sl''eeps; exec sleep 1000'");
  await screen.shows(/^sleeps$/m);
  await screen.press('C-z');
  await screen.shows(/Stopped[^]*[$#]\s*$/);
  await screen.type('kill %1; clear; yes');
  await screen.shows(/than --limit-output 100k, and was ended\nended: 153\nicanon/);
});
