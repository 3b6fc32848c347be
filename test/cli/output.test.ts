import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, openSync, closeSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describeFailure } from '../../cli/report';
import { printable } from '../../cli/output';
import { needs } from '../fixtures/optional';
import { CommandLine } from './command-line';

let cli: CommandLine;
let directory: string;

beforeAll(() => {
  cli = new CommandLine();
  directory = mkdtempSync(join(tmpdir(), 'linux-ns-output-'));
  chmodSync(directory, 0o755);
});

afterAll(() => {
  cli.remove();
  rmSync(directory, { recursive: true });
});

/** What a terminal would interpret: it sets the title, clears the screen, begins a sequence in C1, turns the writing. */
const HOSTILE = '\u001b]0;owned\u0007\u001b[2J\u009b31m\u202etxt';

// eslint-disable-next-line no-control-regex
const INTERPRETED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;

test('what a terminal would interpret is written as an escape', () => {
  expect(printable(`a\u001b[31m\n\u007f\u009b\u202e\u2028é😀`)).toBe('a\\x1b[31m\\x0a\\x7f\\x9b\\u202e\\u2028é😀');
});

describe('nothing from inside reaches the terminal as an escape sequence', () => {
  test('the first line of a script, in an error of run and unshare', async () => {
    const script = join(directory, 'script');
    writeFileSync(script, `#!/no/such/${HOSTILE}\n`);
    chmodSync(script, 0o755);
    for (const args of [
      ['run', '-H', '--readable', directory, '--', script],
      ['unshare', '-Ur', script],
      ['unshare', '-Urpf', '--mount-proc', script],
    ]) {
      const { code, stdout, stderr } = await cli.run(args);
      expect({ code, stdout }).toEqual({ code: 127, stdout: '' });
      expect(stderr).toContain('\\x1b]0;owned\\x07');
      expect(stderr).not.toMatch(INTERPRETED);
      expect(stderr.trimEnd().split('\n')).toHaveLength(2);
    }
  });

  test('paths and arguments, in errors of every command', async () => {
    const path = `/no/such/${HOSTILE}\nsecond line`;
    for (const args of [
      [path],
      ['help', path],
      ['unshare', '-U', path],
      ['unshare', `--mount=${path}`, 'true'],
      ['nsenter', `--net=${path}`, 'true'],
      ['nsenter', '-t', path, '-n', 'true'],
      ['run', path],
      ['run', '--ro-bind', path, '/x', 'true'],
      ['run', '-H', path],
      ['run', '--spec', path, 'true'],
      ['netns', 'add', path],
      ['netns', path],
      ['lsns', '-t', path],
      ['lsns', '-Q', path],
      ['tree', path],
      ['doctor', path],
      ['completion', path],
    ]) {
      const { code, stderr } = await cli.run(args);
      expect(code).not.toBe(0);
      expect(stderr).toMatch(/^linux-ns: [^\n]+\n(hint: [^\n]+\n)?$/);
      expect(stderr).not.toMatch(INTERPRETED);
    }
  });

  needs({ tool: ['bash'] }).test('names and command lines of processes, in lists, trees and JSON', async () => {
    const script = `exec -a $'\\e]0;owned\\a\\u009b\\u202e' sleep 1000`;
    const child = cli.start(['unshare', '-Ur', 'bash', '-c', `echo $$; ${script}`], {
      ...process.env,
      LC_ALL: 'C.UTF-8',
    });
    try {
      await new Promise((resolve) => child.stdout!.once('data', resolve));
      for (const args of [
        ['lsns', '--type', 'user', '-u'],
        ['lsns', '--type', 'user', '--raw'],
        ['lsns', '--type', 'user', '--json'],
        ['tree', '--color=always'],
        ['tree', '--dot'],
        ['tree', '--svg'],
        ['tree', '--json'],
        ['tree', '--by', 'user'],
      ]) {
        const shown = await cli.prints(...args);
        // eslint-disable-next-line no-control-regex
        expect(shown.replace(/\u001b\[[0-9;]*m/g, '')).not.toMatch(INTERPRETED);
      }
      const { namespaces } = JSON.parse(await cli.prints('lsns', '--json')) as { namespaces: { command: string }[] };
      expect(namespaces.map(({ command }) => command)).toContain('\u001b]0;owned\u0007\u009b\u202e 1000');
    } finally {
      child.kill('SIGKILL');
      await text(child.stdout!);
    }
  });
});

test('output that cannot be written is one line on standard error, and status 1', () => {
  for (const words of [
    ['lsns'],
    ['lsns', '--json'],
    ['lsns', '-H'],
    ['doctor'],
    ['tree'],
    ['tree', '--by', 'pid'],
    ['completion', 'bash'],
    ['--help'],
    ['--version'],
    ['run', '--help'],
  ]) {
    const full = openSync('/dev/full', 'w');
    const ended = spawnSync(process.execPath, [cli.main, ...words], { stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    const command = words[0]!.startsWith('-') ? '' : ` ${words[0]}:`;
    expect([ended.status, ended.stderr.toString()]).toEqual([
      1,
      `linux-ns:${command} cannot write to standard output: no space left on device (ENOSPC)\n`,
    ]);
  }
});

test('a working directory that has been removed is named, where one is needed', () => {
  const gone = join(directory, 'gone');
  const inGone = (words: string): { status: number | null; stderr: string } => {
    mkdirSync(gone);
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', `rmdir "$PWD"; exec '${process.execPath}' '${cli.main}' ${words}`],
      {
        cwd: gone,
      },
    );
    return { status, stderr: stderr.toString() };
  };
  for (const words of ['run -p . true', 'run -H -v .:/x true', 'run --root . true', 'run -H --readable x true']) {
    expect(inGone(words)).toEqual({
      status: 1,
      stderr:
        'linux-ns: run: the working directory has been removed, so a relative path leads nowhere: change to another ' +
        'directory\n',
    });
  }
  for (const words of ['run -H true', 'unshare -U true', 'unshare -Urm true', 'lsns', 'tree']) {
    expect([words, inGone(words)]).toEqual([words, { status: 0, stderr: '' }]);
  }
});

test('an error says all of its reason, also where a path has several lines', () => {
  const error = Object.assign(new Error("ENOENT: no such file or directory, open 'a\nb'"), { code: 'ENOENT' });
  expect(describeFailure('run', error)).toEqual(["linux-ns: run: open 'a\nb': no such file or directory (ENOENT)"]);
});
