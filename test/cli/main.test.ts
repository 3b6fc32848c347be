import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { COMMON } from '../../cli/command';
import { compileCommand } from '../../cli/commands/compile';
import { completionCommand } from '../../cli/commands/completion';
import { doctorCommand } from '../../cli/commands/doctor';
import { lsnsCommand } from '../../cli/commands/lsns';
import { netnsCommand } from '../../cli/commands/netns';
import { nsenterCommand } from '../../cli/commands/nsenter';
import { runCommand } from '../../cli/commands/run';
import { testCommand } from '../../cli/commands/test';
import { treeCommand } from '../../cli/commands/tree';
import { unshareCommand } from '../../cli/commands/unshare';
import { NAMESPACE_KINDS } from '../../lib';
import { ROOT } from '../fixtures/child-node';
import { needs } from '../fixtures/optional';
import { Screen } from '../fixtures/screen';
import { CommandLine, expectOneLine } from './command-line';

let cli: CommandLine;
let directory: string;

beforeAll(() => {
  cli = new CommandLine();
  directory = mkdtempSync(join(tmpdir(), 'linux-ns-cli-'));
});

afterAll(() => {
  cli.remove();
  rmSync(directory, { recursive: true });
});

const COMMANDS = ['unshare', 'nsenter', 'run', 'test', 'netns', 'lsns', 'tree', 'doctor', 'compile', 'completion'];

describe('linux-ns', () => {
  test('shows its commands, and its version', async () => {
    const help = await cli.prints('--help');
    for (const command of COMMANDS) expect(help).toMatch(new RegExp(`^ ${command} `, 'm'));
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(await cli.prints('--version')).toBe(`linux-ns ${version}\n`);
  });

  test('suggests what an unknown command was meant to be', async () => {
    const ended = await cli.run(['unshrae', 'true']);
    expect(ended.stderr).toBe("linux-ns: unknown command 'unshrae' (did you mean 'unshare'?): see linux-ns --help\n");
    expect((await cli.run(['frobnicate'])).stderr).toBe(
      "linux-ns: unknown command 'frobnicate': see linux-ns --help\n",
    );
  });

  test('lsns --help has all options and columns, as that of lsns(8)', async () => {
    const help = await cli.prints('lsns', '-h');
    for (const option of ['-W, --nowrap', '-V, --version', '-H, --list-columns']) expect(help).toContain(option);
    expect(help).toMatch(/Available output columns:\n +NS +namespace identifier \(inode number\)\n/);
    for (const column of [
      'TYPE',
      'PATH',
      'NPROCS',
      'PID',
      'PPID',
      'COMMAND',
      'UID',
      'USER',
      'NETNSID',
      'NSFS',
      'PNS',
      'ONS',
    ])
      expect(help).toMatch(new RegExp(`^ +${column}  \\S`, 'm'));
  });

  test.each(COMMANDS)('%s --help fits a terminal of 80 columns and 24 rows, and has examples', async (command) => {
    const lines = (await cli.prints(command, '--help')).trimEnd().split('\n');
    expect(lines[0]).toMatch(new RegExp(`^Usage: linux-ns ${command} \\[options\\]`));
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    if (command !== 'lsns') expect(lines.length).toBeLessThan(24);
    expect(lines.some((line) => line.startsWith(`  linux-ns ${command}`))).toBe(true);
  });

  test('help COMMAND is COMMAND --help', async () => {
    const help = await cli.prints('lsns', '--help');
    expect(await cli.prints('help', 'lsns')).toBe(help);
    expect(await cli.prints('--help', 'lsns')).toBe(help);
    expect(await cli.prints('help')).toBe(await cli.prints('--help'));
  });

  test.each([
    ...[unshareCommand, nsenterCommand, runCommand, testCommand, netnsCommand],
    ...[lsnsCommand, treeCommand, doctorCommand, compileCommand, completionCommand],
  ])('$name describes every option in a phrase of the same form', ({ options }) => {
    for (const { name, help } of [...options, ...COMMON]) {
      expect({ name, help }).toEqual({ name, help: expect.stringMatching(/^[a-z].*[^.]$/) as string });
    }
  });

  test('--help=all has the options that --help leaves out', async () => {
    const [usual, all] = [await cli.prints('run', '--help'), await cli.prints('run', '--help=all')];
    expect(usual).toMatch(/--help\[=all\] +show this help, or all \d+ options/);
    expect(usual).not.toContain('--cap-add');
    expect(all).toContain('--cap-add NAME');
    expect(all.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(await cli.prints('run', '--help', 'all')).toBe(all);
  });

  test('refuses in one line what it does not know', async () => {
    for (const args of [
      ['no-such-command'],
      ['help', 'no-such-command'],
      ['--no-such-option'],
      ['tree', 'x'],
      ['tree', '--svg', '--dot'],
      ['tree', '--theme', 'pink'],
      ['tree', '--json', '--processes', 'many'],
      ['tree', '--by', 'pid', '--type', 'x'],
      ['tree', '--by', 'pid', '--type', 'net'],
      ['tree', '--by', 'pid', '--processes', '2'],
      ['tree', '--by', 'pid', '--color', 'always'],
      ['tree', '--json', '--processes', '2'],
      ['tree', '--svg', '--ascii'],
      ['tree', '--dot', '--color', 'never'],
      ['tree', '--theme', 'dark'],
      ['compile', 'x'],
      ['completion', 'tcsh'],
    ]) {
      const ended = await cli.run(args);
      expectOneLine(ended);
      expect(ended).toMatchObject({ code: 1, stdout: '' });
    }
  });

  test('draws the tree as text, data, graph and picture', async () => {
    expect(await cli.prints('tree')).toMatch(/^user:\[\d+\]/);
    expect(JSON.parse(await cli.prints('tree', '--json'))).toHaveProperty('namespaces');
    expect(await cli.prints('tree', '--dot')).toContain('digraph');
    expect(await cli.prints('tree', '--svg', '--theme=dark')).toContain('<svg');
    expect(await cli.prints('tree', '--by', 'pid')).toMatch(/^\[\d+\]/);
    expect(await cli.prints('tree', '--color=always')).toContain('\u001b[');
  });

  test('tells what the host allows', async () => {
    const { stdout } = await cli.run(['doctor', '--json']);
    const { checks } = JSON.parse(stdout) as { checks: { id: string }[] };
    for (const kind of NAMESPACE_KINDS) expect(checks.map(({ id }) => id)).toContain(kind);
    const readable = await cli.run(['doctor']);
    expect(readable.stdout).toMatch(/^Linux \S+ on \S+, Node \S+, uid \d+\n\n ok +Linux /);
    expect(readable.stdout).toMatch(new RegExp(`\n\n${checks.length} checks: \\d+ \\w+(, \\d+ \\w+)*\n$`));
    expect(readable.stderr).toBe('');
  });

  test('says nothing when nobody reads on', async () => {
    const { stdout, stderr } = await promisify(execFile)('sh', [
      '-c',
      `'${process.execPath}' '${cli.main}' tree --json | head -c 1`,
    ]);
    expect({ stdout, stderr }).toEqual({ stdout: '{', stderr: '' });
  });
});

describe('completion', () => {
  needs({ tool: ['bash'] }).test('of bash knows commands, options and values', async () => {
    const script = join(directory, 'completion.bash');
    writeFileSync(script, await cli.prints('completion', 'bash'));
    const complete = async (...words: string[]): Promise<string[]> => {
      const line = words.map((word) => `'${word}'`).join(' ');
      const ask = `. ${script}; COMP_WORDS=(linux-ns ${line}); COMP_CWORD=${words.length}; _linux_ns; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', ask]);
      return stdout.trim().split('\n');
    };
    expect(await complete('uns')).toEqual(['unshare']);
    expect(await complete('unshare', '--map-a')).toEqual(['--map-auto']);
    expect(await complete('unshare', '--setgroups', '')).toEqual(['allow', 'deny']);
    expect(await complete('lsns', '--type', 'u')).toEqual(['user', 'uts']);
    expect(await complete('nsenter', '--target', String(process.pid))).toContain(String(process.pid));
    expect(await complete('unshare', 'sleep')).toContain('sleep');
    expect(await complete('netns', 'i')).toEqual(['identify']);
    expect(await complete('netns', 'exec', 'blue', 'sleep')).toContain('sleep');
    expect(await complete('nsenter', '--setuid', '')).toEqual(['follow']);
    expect(await complete('run', '--ro-b')).toEqual(['--ro-bind', '--ro-bind-try']);
    expect(await complete('run', '--bind', join(directory, 'complet'))).toEqual([script]);
  });

  needs({ tool: ['zsh'] }).test('of zsh is understood by zsh', async () => {
    const script = join(directory, '_linux-ns');
    writeFileSync(script, await cli.prints('completion', 'zsh'));
    const { stderr } = await promisify(execFile)('zsh', ['-f', '-n', script]);
    expect(stderr).toBe('');
    const load = `autoload -U compinit; compinit -D -u; . ${script}; print $_comps[linux-ns]`;
    expect((await promisify(execFile)('zsh', ['-f', '-c', load])).stdout).toBe('_linux_ns\n');
  });

  needs({ tool: ['fish'] }).test('of fish knows commands, options and values', async () => {
    const script = join(directory, 'linux-ns.fish');
    writeFileSync(script, await cli.prints('completion', 'fish'));
    const complete = async (line: string): Promise<string[]> => {
      const ask = `source ${script}; complete -C 'linux-ns ${line}'`;
      const { stdout, stderr } = await promisify(execFile)('fish', ['--no-config', '-c', ask]);
      expect(stderr).toBe('');
      return stdout.split('\n').map((offered) => offered.split('\t')[0] ?? '');
    };
    expect(await complete('uns')).toEqual(['unshare', '']);
    expect(await complete('unshare --map-a')).toEqual(['--map-auto', '']);
    expect(await complete('unshare --setgroups ')).toEqual(['allow', 'deny', '']);
    expect(await complete('lsns -t u')).toEqual(['user', 'uts', '']);
    expect(await complete(`nsenter --target ${process.pid}`)).toContain(String(process.pid));
    expect(await complete('unshare -r slee')).toContain('sleep');
    expect(await complete('netns i')).toEqual(['identify', '']);
    expect(await complete('netns exec blue slee')).toContain('sleep');
    expect(await complete('netns pids slee')).not.toContain('sleep');
    expect(await complete(`run --bind ${join(directory, 'linux-ns.fis')}`)).toContain(script);
  });
});

needs({ tool: ['tmux'] }).test(
  'on a terminal lines are as wide as it is, and 80 columns if it does not know its width',
  async () => {
    const run = (words: string): string => `'${process.execPath}' '${cli.main}' ${words}`;
    await using screen = await Screen.open(['sh', '-c', `${run('doctor --all')}; echo; echo ready; read rest`]);
    const report = await screen.shows(/^ready$/m);
    expect(report).toMatch(/^\d+ checks: /m);
    expect(report.split('\n').filter((line) => line.length > 80)).toEqual([]);
    await using blind = await Screen.open([
      'sh',
      '-c',
      `stty columns 0; ${run('lsns --type uts')}; ${run('tree --type uts --processes 1')}; echo ready; read rest`,
    ]);
    const listed = await blind.shows(/^ready$/m);
    expect(listed).toMatch(/^ +NS TYPE +NPROCS +PID USER +COMMAND$/m);
    expect(listed).toMatch(/^\d{10} uts /m);
  },
);
