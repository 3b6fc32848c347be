import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type NamespaceProcess, relayTerminal, spawn } from '../../lib';
import { CommandLine } from '../cli/command-line';
import { needs } from '../fixtures/optional';
import { Screen } from '../fixtures/screen';

let cli: CommandLine;
let directory: string;

beforeAll(() => {
  cli = new CommandLine();
  directory = mkdtempSync(join(tmpdir(), 'linux-ns-relay-'));
});

afterAll(() => {
  cli.remove();
  rmSync(directory, { recursive: true });
});

/** `linux-ns run -H` and a script of sh, as a line of a shell. */
function run(script: string): string {
  return `'${process.execPath}' '${cli.main}' run -H -- sh -c '${script}'`;
}

/** What comes out of a terminal in which a program runs. */
async function shownBy(file: string, args: readonly string[]): Promise<string> {
  await using child = await spawn(file, args, { pty: {} });
  const parts: Buffer[] = [];
  child.pty!.on('data', (part: Buffer) => parts.push(part));
  const closed = new Promise((resolve) => child.pty!.once('close', resolve));
  await child.exited;
  await closed;
  return Buffer.concat(parts).toString('latin1');
}

test('this terminal gets byte for byte what the terminal of the program shows', async () => {
  const script = [
    'printf "a\\nb\\r\\nc\\n"', // a new terminal writes CR before LF
    'stty -onlcr; printf "d\\ne\\r\\n"', // this one does not
    'stty raw; printf "f\\ng\\r\\n\\th\\033[1mi\\033[0m\\200\\377\\n."',
  ].join(';');
  const directly = await shownBy('sh', ['-c', script]);
  expect(directly).toBe('a\r\nb\r\r\nc\r\nd\ne\r\nf\ng\r\n\th\u001b[1mi\u001b[0m\u0080\u00ff\n.');
  expect(await shownBy(process.execPath, [cli.main, 'run', '-H', '--', 'sh', '-c', script])).toBe(directly);
});

needs({ tool: ['bash'] }).test(
  'what is typed arrives byte for byte, and the modes are restored at the end',
  async () => {
    const script = 'stty raw -echo; echo ready; head -c 12 | od -An -tx1';
    const line = `stty -g; ${run(script)}; stty -g; echo done`;
    await using shell = await spawn('bash', ['--norc', '-c', line], { pty: {} });
    let shown = '';
    shell.pty!.on('data', (part: Buffer) => {
      if (!shown.includes('ready') && (shown + part.toString()).includes('ready')) {
        shell.pty!.write(Buffer.from([3, 4, 10, 13, 17, 19, 26, 28, 127, 128, 255, 0]));
      }
      shown += part.toString();
    });
    await shell.exited;
    while (!shown.includes('done')) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(shown).toContain('03 04 0a 0d 11 13 1a 1c 7f 80 ff 00');
    const [before, after] = shown.match(/^[0-9a-f]+(:[0-9a-f]+)+/gm) ?? [];
    expect(before).toBeDefined();
    expect(after).toBe(before);
  },
);

describe.each([
  ['bash', ['bash', '--norc', '--noprofile', '-i']],
  ['zsh', ['zsh', '-f', '-i']],
])('with the job control of %s', (shell, command) => {
  const { test } = needs({ tool: ['tmux', shell] });
  /** A shell with a prompt that is seen once per command. */
  const open = async (): Promise<Screen> => {
    const screen = await Screen.open(command);
    await screen.type("PS1='<''> '; stty -echoctl");
    await screen.shows(/^<> $|^<>$/m);
    return screen;
  };

  test('Ctrl-Z suspends run and its program, and fg continues both', async () => {
    await using screen = await open();
    const file = join(directory, `${shell}-pid`);
    await screen.type(run('echo $$; i=0; while :; do read line; echo "got $line"; done'));
    await screen.shows(/^\d+$/m);
    await screen.type('one');
    await screen.shows(/^got one$/m);
    await screen.press('C-z');
    await screen.shows(/(Stopped|suspended)/);
    await screen.type(`jobs -p > ${file}; echo at the prom""pt`);
    await screen.shows(/^at the prompt$/m);
    expect(await statesBelow(/\d{2,}/.exec(readFileSync(file, 'utf8'))![0])).toEqual(
      expect.arrayContaining(['T node', 'T sh']),
    );
    await screen.type('fg');
    await screen.type('two');
    await screen.shows(/^got two$/m);
    await screen.press('C-z');
    await screen.shows(/(Stopped|suspended)[^]*(Stopped|suspended)/);
    await screen.type('fg');
    await screen.type('three');
    await screen.shows(/^got three$/m);
    await screen.press('C-c');
    await screen.type('echo sta""tus $?; stty | head -1');
    await screen.shows(/^status 130$/m);
  });

  test('Ctrl-Z suspends a program without a terminal, too', async () => {
    await using screen = await open();
    const [file, jobs] = [join(directory, `${shell}-ticks`), join(directory, `${shell}-jobs`)];
    await screen.type(`${run('while sleep 0.1; do echo; done')} < /dev/null > ${file} 2>&1`);
    const ticks = (): number => (existsSync(file) ? readFileSync(file).length : 0);
    while (ticks() < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    await screen.press('C-z');
    await screen.shows(/(Stopped|suspended)/);
    await screen.type(`jobs -p > ${jobs}; echo at the prom""pt`);
    await screen.shows(/^at the prompt$/m);
    expect(await statesBelow(/\d{2,}/.exec(readFileSync(jobs, 'utf8'))![0])).toEqual(
      expect.arrayContaining(['T node', 'T sh']),
    );
    const before = ticks();
    await screen.type('fg');
    while (ticks() < before + 3) await new Promise((resolve) => setTimeout(resolve, 20));
    await screen.press('C-c');
    await screen.type('echo sta""tus $?');
    await screen.shows(/^status 130$/m);
  });

  test('bg lets it run on without the terminal, and fg gives it back', async () => {
    await using screen = await open();
    await screen.type(
      run('(while sleep 0.2; do echo tick $((i=i+1)); done) & while read line; do echo "got $line"; done'),
    );
    await screen.shows(/^tick 1$/m);
    await screen.press('C-z');
    await screen.shows(/(Stopped|suspended)/);
    const before = lastTick(await screen.text());
    await screen.type('bg; echo at the prom""pt');
    await screen.shows(new RegExp(`^tick ${before + 3}$`, 'm'));
    await screen.shows(/^at the prompt$/m);
    await screen.type('fg');
    // The shell says what it continues, wherever the ticks have moved what was typed.
    await screen.shows(/^at the prompt$[^]*node'/m);
    await screen.type('typed');
    await screen.shows(/^got typed$/m);
    await screen.press('C-c');
    await screen.type('echo sta""tus $?');
    await screen.shows(/^status 130$/m);
  });

  test('in the background it neither stops nor touches the terminal, and fg connects it', async () => {
    await using screen = await open();
    const file = join(directory, `${shell}-background`);
    await screen.type(`${run(`echo started; sleep 0.5; echo ended`)} & wait; stty -a > ${file}; echo wai""ted`);
    await screen.shows(/^waited$/m);
    expect(await screen.text()).toMatch(/started[^]*ended/);
    expect(readFileSync(file, 'utf8')).toMatch(/ icanon .* echo [^]*/);
    expect(readFileSync(file, 'utf8')).toMatch(/(^|\s)opost/);
    // The shell edits its line in modes of its own, which the end of a background job leaves.
    await screen.type(`${run('sleep 0.3; echo ga""s; exit')} &`);
    await screen.shows(/gas$/m);
    await screen.type('echo li""ne');
    await screen.shows(/line$/m);
    await screen.type(`${run('read line; echo "got $line"')} &`);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await screen.type('fg');
    await screen.shows(/^fg$|> fg$/m);
    await screen.type('typed');
    await screen.shows(/^got typed$/m);
  });

  test('in a shell inside, Ctrl-Z suspends the job of that shell', async () => {
    await using screen = await open();
    await screen.type(`'${process.execPath}' '${cli.main}' run -H -- bash --norc --noprofile -i`);
    await screen.type("PS1='inside> '");
    await screen.shows(/^inside>/m);
    await screen.type("sh -c 'echo sl''eeps; exec sleep 1000'");
    await screen.shows(/^sleeps$/m);
    await screen.press('C-z');
    await screen.shows(/Stopped[^]*inside>/);
    await screen.type('exit; exit');
    await screen.type('echo out""side');
    await screen.shows(/^outside$/m);
  });
});

test('refuses a process without a pty, and descriptors that are no terminal', async () => {
  await using child = await spawn('true');
  await expect(relayTerminal(child)).rejects.toThrow(
    expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }) as Error,
  );
  await expect(relayTerminal(undefined as unknown as NamespaceProcess)).rejects.toThrow(TypeError);
  const script = join(directory, 'script.js');
  writeFileSync(
    script,
    `const { spawn, relayTerminal } = require(${JSON.stringify(join(cli.main, '..', '..', 'index.js'))});
    spawn('true', [], { pty: {} }).then((child) => relayTerminal(child)).catch((error) => console.log(error.code));`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  expect(stdout).toBe('ERR_INVALID_ARG_VALUE\n');
});

function lastTick(text: string): number {
  return Number([...text.matchAll(/^tick (\d+)$/gm)].at(-1)?.[1] ?? 0);
}

/** State and name of a process and of all below it. */
async function statesBelow(pid: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,ppid=,stat=,comm=']);
  const all = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const found: (string | undefined)[] = [pid];
  const states: string[] = [];
  for (const each of found) {
    for (const [own, parent, state = '', name] of all) {
      if (own === each) states.push(`${state[0]} ${name}`);
      if (parent === each) found.push(own);
    }
  }
  return states;
}
