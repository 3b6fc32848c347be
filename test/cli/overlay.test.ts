/** `linux-ns run --overlay`: a program works on a copy of the project, and what it has changed is applied, or not. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../cli/commands/run';
import { needs } from '../fixtures/optional';
import { Screen } from '../fixtures/screen';
import { CommandLine, type Ended, refusalOf } from './command-line';

let cli: CommandLine;
let directory: string;
let project: string;

beforeAll(() => (cli = new CommandLine()));
afterAll(() => cli.remove());

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'linux-ns-overlay-'));
  project = join(directory, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'old'), 'one\n');
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Runs a shell on a copy of the project. */
function onCopy(options: readonly string[], script: string): Promise<Ended> {
  return cli.run(['run', '-p', project, '--overlay', ...options, '--', 'sh', '-c', script]);
}

function host(name: string): string {
  return readFileSync(join(project, name), 'utf8');
}

const CHANGE = 'echo two >> old; echo made > new';
const WELL: Ended = { code: 0, stdout: '', stderr: '' };

test('--apply brings the changes to the host, if the program ends with 0', async () => {
  expect(await onCopy(['--apply'], `pwd; ${CHANGE}; cat old`)).toEqual({ ...WELL, stdout: `${project}\none\ntwo\n` });
  expect([host('old'), host('new')]).toEqual(['one\ntwo\n', 'made\n']);
});

test('--apply applies nothing for a program that fails, or is ended by a limit', async () => {
  const failed = await onCopy(['--apply'], `${CHANGE}; exit 3`);
  expect([failed.code, failed.stderr]).toEqual([
    3,
    'linux-ns: run: the program ended with 3: nothing is applied, its changes are discarded\n',
  ]);
  const slow = await onCopy(['--apply', '--limit-wall', '500ms'], `${CHANGE}; sleep 600`);
  expect([slow.code, slow.stderr]).toEqual([124, expect.stringMatching(/--limit-wall 500ms.*\n.*nothing is applied/)]);
  expect([host('old'), readdirSync(project)]).toEqual(['one\n', ['old']]);
});

test('--discard leaves the project as it is, and nothing behind', async () => {
  expect(await onCopy(['--discard'], `${CHANGE}; exit 4`)).toEqual({ ...WELL, code: 4 });
  expect([host('old'), readdirSync(directory), readdirSync(project)]).toEqual(['one\n', ['project'], ['old']]);
});

test('--diff writes a patch: to a file, or after the output of the program', async () => {
  const file = join(directory, 'changes.diff');
  expect(await onCopy(['--diff', file], CHANGE)).toEqual(WELL);
  expect(host('old')).toBe('one\n');
  execFileSync('patch', ['-p1', '-s', '-i', file], { cwd: project });
  expect([host('old'), host('new')]).toEqual(['one\ntwo\n', 'made\n']);
  const { stdout } = await onCopy(['--diff', '-', '--apply'], 'echo out; rm new');
  expect(stdout).toMatch(/^out\ndiff --git a\/new b\/new\ndeleted file mode 100644\n/);
  expect(existsSync(join(project, 'new'))).toBe(false);
});

test('what changed meanwhile on the host is a conflict: it is told, nothing is applied, and the changes are kept', async () => {
  const door = join(directory, 'door');
  writeFileSync(door, '');
  const script = `${CHANGE}; echo ready; until grep -q open /door; do sleep 0.05; done`;
  const options = ['-p', project, '--overlay', '--apply', '--ro-bind', door, '/door'];
  const child = cli.start(['run', ...options, '--', 'sh', '-c', script]);
  const errors: string[] = [];
  child.stderr!.on('data', (text) => errors.push(String(text)));
  child.stdout!.once('data', () => {
    writeFileSync(join(project, 'old'), 'of the host\n');
    writeFileSync(door, 'open');
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  const stderr = errors.join('');
  expect([code, stderr]).toEqual([
    75,
    expect.stringMatching(/^linux-ns: run: .*changed on the host.*\nhint: .*\n {2}old\n/),
  ]);
  expect([host('old'), existsSync(join(project, 'new'))]).toEqual(['of the host\n', false]);
  const [, kept = ''] = /are in (.*\/linux-ns-changes-\w+\/diff), without binary files/.exec(stderr) ?? [];
  expect(readFileSync(kept, 'utf8')).toContain('+two\n');
  rmSync(join(kept, '..'), { recursive: true });
});

test('--upper keeps the copy, and a later run goes on with it', async () => {
  const upper = join(directory, 'upper');
  mkdirSync(upper);
  expect(await onCopy(['--upper', upper], CHANGE)).toEqual(WELL);
  expect(host('old')).toBe('one\n');
  expect(await onCopy(['--upper', upper, '--apply'], 'cat new')).toEqual({ ...WELL, stdout: 'made\n' });
  expect([host('old'), host('new')]).toEqual(['one\ntwo\n', 'made\n']);
  await onCopy(['--upper', upper, '--discard'], 'rm old');
  expect(await onCopy(['--upper', upper, '--diff', '-'], 'cat old')).toEqual({ ...WELL, stdout: 'one\ntwo\n' });
});

test('nothing that the program has left behind writes after it has ended', async () => {
  const script = '(trap "" TERM HUP; while :; do date +%N > other; done) & echo two >> old';
  expect(await onCopy(['--apply'], `touch other; ${script}`)).toEqual(WELL);
  expect(host('old')).toBe('one\ntwo\n');
});

test('names of files have no effect on a terminal', async () => {
  const hooks = 'mkdir -p .git/hooks; printf x > "$(printf ".git/hooks/a\\033[2Jb\\nc")"';
  const { code, stderr } = await onCopy(['--apply', '--diff', '/dev/null'], hooks);
  expect([code, stderr]).toEqual([1, expect.stringContaining('  .git/hooks/a\\x1b[2Jb\\x0ac\n')]);
  expect(existsSync(join(project, '.git'))).toBe(false);
});

test('of very many changes that are not applied, 50 are named', async () => {
  const { stderr } = await onCopy(['--apply', '--diff', '/dev/null'], 'for i in $(seq 1 90); do mkfifo fifo$i; done');
  expect(stderr.match(/^ {2}fifo\d+$/gm)).toHaveLength(50);
  expect(stderr).toMatch(/^ {2}and 40 more$/m);
});

test('settings say it, and --explain shows it', async () => {
  const file = join(directory, 'settings.json');
  writeFileSync(file, JSON.stringify({ project, overlay: true }));
  expect(await cli.run(['run', '--settings', file, '--discard', 'touch', 'new'])).toEqual(WELL);
  expect(readdirSync(project)).toEqual(['old']);
  expect(await cli.prints('run', '--settings', file, '--explain')).toMatch(/a copy, whose changes can be applied/);
});

test.each([
  [['-H', '--overlay', '--apply', 'true'], '--overlay needs --project'],
  [
    ['-p', '.', '--overlay', 'true'],
    'nobody can be asked without a terminal: use --apply, --discard, --diff FILE or --upper DIR',
  ],
  [['-p', '.', '--overlay', '--apply', '--discard', 'true'], '--apply and --discard cannot be used together'],
  [['-p', '.', '--apply', 'true'], '--apply needs --overlay'],
  [['-p', '.', '--diff', 'x', 'true'], '--diff needs --overlay'],
  [['-p', '.', '--overlay', '--diff', '/no/such/file', 'true'], '--diff: cannot write /no/such/file: ENOENT'],
])('refuses %j before anything starts', async (words, message) => {
  const lines = await refusalOf(runCommand, words);
  expect(lines).toEqual([expect.stringContaining(message)]);
});

needs({ tool: ['tmux'] }).describe('on a terminal', () => {
  /** A shell on a copy of the project, in a terminal. */
  function onScreen(script: string, options = ''): Promise<Screen> {
    writeFileSync(join(directory, 'script'), script);
    chmodSync(directory, 0o755);
    const words = `${process.execPath} ${cli.main} run -p ${project} --overlay ${options} --ro-bind ${directory}/script /script sh /script`;
    return Screen.open(['sh', '-c', `${words}; echo "ended: $?"; stty -a | grep -ow icanon; read rest`]);
  }

  test('the changes are listed, and it is asked: the diff is shown, Enter answers nothing, y applies', async () => {
    await using screen = await onScreen(`${CHANGE}; exit 3`);
    const listed = await screen.shows(/\[y\/d\/n\]$/);
    expect(listed).toContain(`linux-ns: run: 2 changes in a copy of ${project}, in memory:\n  A new\n  M old\n`);
    await screen.press('Enter');
    await screen.press('d');
    await screen.shows(/^\+two$[^]*\[y\/d\/n\]$/m);
    expect(host('old')).toBe('one\n');
    await screen.press('y');
    await screen.shows(/^ended: 3\nicanon$/m);
    expect([host('old'), host('new')]).toEqual(['one\ntwo\n', 'made\n']);
  });

  test.each([
    ['n', 0],
    ['C-c', 130],
  ])('%s applies nothing, and says so', async (key, status) => {
    await using screen = await onScreen(CHANGE);
    await screen.shows(/\[y\/d\/n\]$/);
    await screen.press(key);
    const text = await screen.shows(new RegExp(`^ended: ${status}\nicanon$`, 'm'));
    expect(text).toContain('linux-ns: run: nothing is applied, the changes are discarded\n');
    expect([host('old'), readdirSync(project)]).toEqual(['one\n', ['old']]);
  });

  test('a conflict is told, and nothing is lost: it is asked again', async () => {
    await using screen = await onScreen(CHANGE);
    await screen.shows(/\[y\/d\/n\]$/);
    writeFileSync(join(project, 'old'), 'of the host\n');
    await screen.press('y');
    await screen.shows(/changed on the host[^]*\n {2}old\n[^]*\[y\/d\/n\]$/);
    await screen.press('n');
    await screen.shows(/^ended: 0$/m);
    expect([host('old'), readdirSync(project)]).toEqual(['of the host\n', ['old']]);
  });

  test('what a program writes reaches the terminal as text, in names and in the diff', async () => {
    await using screen = await onScreen(`printf '\\033[2Jtext\\n' > "$(printf 'a\\033]0;b')"`);
    expect(await screen.shows(/\[y\/d\/n\]$/)).toContain('  A a\\x1b]0;b\n');
    await screen.press('d');
    expect(await screen.shows(/more|\[y\/d\/n\] d[^]*\[y\/d\/n\]$/)).toContain('+\\x1b[2Jtext\n');
    await screen.press('n');
    await screen.shows(/^ended: 0$/m);
  });

  test('keys that were pressed for the program are no answer', async () => {
    await using screen = await onScreen(`${CHANGE}; echo ready; sleep 1`);
    await screen.shows(/^ready$/m);
    await screen.type('yyy');
    await screen.shows(/\[y\/d\/n\]$/);
    await screen.press('n');
    await screen.shows(/^ended: 0$/m);
    expect(host('old')).toBe('one\n');
  });

  test('of very many changes 50 are listed', async () => {
    await using screen = await onScreen('seq 1 60 | while read i; do echo > file$i; done');
    expect(await screen.shows(/and 10 more\n[^]*\[y\/d\/n\]$/)).toContain('60 changes in a copy');
    await screen.press('n');
    await screen.shows(/^ended: 0$/m);
  });
});
