/** The recipes for agents: what each prints is what its users rely on. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Sandbox, hostUserland } from '../../lib';
import { needs } from '../fixtures/optional';
import { Example, commandOf, linesOf, runExample, startExample } from './example';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'ns-agents-'))));
afterEach(() => rmSync(folder, { recursive: true }));

test('an agent that works on a copy: what fails or removes files is undone, and the rest is shown, and applied if asked', async () => {
  writeFileSync(join(folder, 'old'), 'one\n');
  const steps = ['echo two >> old', 'rm old', 'echo x > scratch; exit 3', 'cat old'];
  const lines = await linesOf('agent-copy', [folder, ...steps]);
  expect(lines).toEqual([
    '$ echo two >> old',
    '$ rm old',
    `[undone: it has removed "${folder}/old"]`,
    '$ echo x > scratch; exit 3',
    '[undone: exit]',
    '$ cat old',
    'one',
    'two',
    'diff --git a/old b/old',
    '--- a/old',
    '+++ b/old',
    '@@ -1 +1,2 @@',
    ' one',
    '+two',
  ]);
  expect(readFileSync(join(folder, 'old'), 'utf8')).toBe('one\n');
  expect((await linesOf('agent-copy', [folder, '--apply', ...steps])).at(-1)).toBe(`applied: "${folder}/old"`);
  expect(readFileSync(join(folder, 'old'), 'utf8')).toBe('one\ntwo\n');
});

describe('the shell tool of an agent', () => {
  /** The output of each command, with the words about its end. */
  async function told(commands: Readonly<Record<string, string>>): Promise<void> {
    const { stdout, stderr, code } = await runExample('agent_shell', [folder, ...Object.keys(commands)]);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout).toBe(
      Object.entries(commands)
        .map(([command, output]) => `$ ${command}\n${output}`)
        .join(''),
    );
  }

  test('changes the project, and sees no home directory', async () => {
    writeFileSync(join(folder, 'README'), 'mine\n');
    await told({ 'cat README; echo changed > README': 'mine\n', 'ls /home; ls -A ~': 'user\n' });
    expect(readFileSync(join(folder, 'README'), 'utf8')).toBe('changed\n');
  });

  test('a command begins where the last one has left off: in its directory, with its variables', async () => {
    await told({
      'mkdir "a b"; cd "a b"; export GREETING="it\'s me"': '',
      'basename "$PWD"; echo $GREETING; exit 3': "a b\nit's me\n[exit code 3]\n",
      'cd /usr; unset GREETING': '',
      'pwd; echo "<$GREETING>"': '/usr\n<>\n',
    });
  });

  test('what fails says how, errors are among the output, and nothing goes on in the background', async () => {
    await told({
      'echo one; echo two >&2; echo three': 'one\ntwo\nthree\n',
      'kill -TERM $$': '[SIGTERM]\n',
      'sleep 600 & echo left': 'left\n',
      'pgrep -c sleep': '0\n[exit code 1]\n',
    });
  });

  test('output has a limit', async () => {
    const [command, ...lines] = await linesOf('agent_shell', [folder, 'yes']);
    expect(command).toBe('$ yes');
    expect(lines.pop()).toMatch(/^y?\[over the limit: output\]$/);
    expect(lines.join('\n').length).toBeLessThanOrEqual(30_000);
  });

  test('an interrupt ends a command that ignores it, and the next one runs', async () => {
    const commands = ['trap "" INT TERM; echo begun; sleep 600; echo on', 'echo next'];
    await using shell = startExample('agent_shell', [folder, ...commands]);
    await shell.printed(/^begun$/m);
    shell.kill('SIGINT');
    const { stdout, code } = await shell.end();
    expect(code).toBe(0);
    expect(stdout).toBe(`$ ${commands[0]!}\nbegun\n[interrupted]\n$ echo next\nnext\n`);
  });
});

test('an MCP server works in its project, and has no secrets, no network and no variables', async () => {
  mkdirSync(join(folder, '.ssh'));
  writeFileSync(join(folder, '.ssh/id_ed25519'), 'a key');
  await using example = new Example(commandOf('mcp'), { ...process.env, HOME: folder, TOKEN: 'a token' });
  const { stdout, stderr, code } = await example.end();
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  expect(stdout.trimEnd().split('\n')).toEqual([
    'tools: read write download variables',
    'read PROJECT/README: a project',
    'write PROJECT/note hello: written',
    expect.stringMatching(/^read .*\.ssh\/id_ed25519: ENOENT/),
    expect.stringMatching(/^write \/usr\/bin\/ls mine: EROFS/),
    'download http://192.0.2.1/: fetch failed',
    'variables : PATH,HOME,TERM,LANG',
    'on the host: note has "hello"',
  ]);
});

needs({ tool: ['python3'] }).describe('a code interpreter', () => {
  /** The lines that follow each cell, up to the next one. */
  async function results(cells: readonly string[]): Promise<string[]> {
    const lines = await linesOf('interpreter', cells);
    const text = `${lines.join('\n')}\n`;
    const [, ...parts] = text.split(/^>>> .*\n(?:\.\.\. .*\n)*/m);
    return parts.map((part) => part.trimEnd());
  }

  test('keeps its variables, gives the last value, and shows what cells and their programs print', async () => {
    expect(
      await results([
        'a = 6',
        'print("x")\na * 7',
        'import os; os.system("echo program; echo error >&2")',
        'def f(): return a',
        'f()',
      ]),
    ).toEqual(['', 'x\n42', 'program\nerror\n0', '', '6']);
  });

  test('a cell that fails is one that has failed, whatever it raises', async () => {
    expect(await results(['1 / 0', 'a b', 'input()', 'exit(3)', '1'])).toEqual([
      'ZeroDivisionError: division by zero',
      expect.stringContaining('SyntaxError'),
      expect.stringContaining('EOFError'),
      'SystemExit: 3',
      '1',
    ]);
  });

  test('a cell that goes on is interrupted, and the state stays; if that is ignored, there is a new Python', async () => {
    const ignores = 'import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)';
    const cells = [
      'a = 1',
      'while True: pass',
      'a',
      `${ignores}\nwhile True: pass`,
      'a',
      'import os; os._exit(0)',
      '2',
    ];
    expect(await results(cells)).toEqual([
      '',
      'KeyboardInterrupt',
      '1',
      'Python was killed',
      "NameError: name 'a' is not defined",
      'Python has ended: ok',
      '2',
    ]);
  });

  test('a cell that takes too much memory, or forges a result, harms none but itself', async () => {
    const forges = 'import os; os.write(3, b"x" * (1 << 21))';
    const [greedy, forged, after] = await results(['[b"x" * (1 << 20) for i in range(2000)]', forges, '1 + 1']);
    expect(greedy).toMatch(/^(MemoryError|Python has ended: memory)/);
    expect(forged).toBe('there is no result');
    expect(after).toMatch(/2|there is no result/);
  });
});

needs({ tool: ['chromium'] }).describe('Chromium', () => {
  test('shows a page as its scripts have left it', async () => {
    expect((await linesOf('chromium')).join('\n')).toContain('<title>after</title></head><body>6 * 7 = 42');
  });

  test('has its own sandbox there, which it cannot make without user namespaces', async () => {
    const userland = hostUserland({ readable: ['/etc/chromium.d', '/etc/fonts'] });
    await using box = await Sandbox.create({ ...userland, user: { uid: 1000, gid: 1000 } });
    const { code, stderr } = await box.run('chromium', ['--headless', '--dump-dom', 'about:blank']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('No usable sandbox');
  });
});

needs({ tool: ['npm', 'tar'] }).test('a build with npm reaches the registry, and no other host', async () => {
  expect(await linesOf('build_npm')).toEqual([
    '$ npm install --no-audit --no-fund',
    'ok',
    '$ npm run --silent build',
    'ok',
    'node_modules has greeter',
    'it says: hello, refused, 0 secrets',
    'denied: evil.example.com:80',
  ]);
});
