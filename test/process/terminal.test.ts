import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { type NamespaceProcess, type SpawnOptions, execFile, spawn, unshare } from '../../lib';
import { errorWith } from '../fixtures/errors';
import { needs } from '../fixtures/optional';
import { Screen } from '../fixtures/screen';
import type { Request } from './terminal-parent';
import { ONE_WAIT } from '../fixtures/patience';
import { eventually } from '../fixtures/footprint';

const ROOT = join(__dirname, '..', '..');
const TSX = require.resolve('tsx/cjs');

/** A prompt that does not look like what was typed. */
const ENV = { PATH: process.env.PATH, HOME: '/', PS1: 'in-$((40+2))> ', ENV: '', TERM: 'dumb' };

/** zsh with a prompt as the others have it, and without a line editor. */
const ZSH = { file: 'zsh', args: ['-f', '+Z', '-o', 'promptsubst', '-o', 'nopromptsp', '-o', 'nopromptcr', '-i'] };

/** A shell that starts Node, as people do, which starts a program. */
function commandLine(request: Partial<Request>): string {
  const options: SpawnOptions = { stdio: 'inherit', env: ENV, ...request.options };
  const whole: Request = { file: 'bash', args: ['--norc', '--noediting'], ...request, options };
  const command = [process.execPath, '--require', TSX, join(__dirname, 'terminal-parent.ts'), JSON.stringify(whole)];
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  return `trap : INT; cd ${ROOT}; ${quoted}; echo "Node ended: $?"; read rest`;
}

/** All that on the terminal of a person. */
async function nodeOnScreen(request: Partial<Request>): Promise<Screen> {
  return Screen.open(['sh', '-c', commandLine(request)]);
}

/** Programs that tell how often they are interrupted, or how large the terminal is; and nothing else. */
const COUNT = `trap 'echo "interrupt $((++n))"' INT; trap 'exit 0' QUIT; echo counting; while :; do sleep 0.1; done`;
const SIZES = `trap 'stty size' WINCH; trap 'exit 0' INT; echo watching; while :; do sleep 0.1; done`;

const shells: Record<string, Partial<Request>> = {
  'bash in a new pid namespace': { options: { unshare: ['user', 'pid', 'mnt'] } },
  'sh in a new pid namespace': { file: 'sh', args: ['-i'], options: { unshare: ['user', 'pid'] } },
  'bash as process 1': { options: { unshare: ['user', 'pid'], init: false } },
  'sh as process 1': { file: 'sh', args: ['-i'], options: { unshare: ['user', 'pid'], init: false } },
  'bash in other namespaces': { options: { unshare: ['user', 'uts', 'net'] } },
  'sh in other namespaces': { file: 'sh', args: ['-i'], options: { unshare: ['user', 'uts', 'net'] } },
  'bash in a set with a pid namespace': { set: ['user', 'pid', 'mnt'] },
  'bash in a set without': { set: ['user', 'uts'] },
  'bash without namespaces': {},
  'zsh in a new pid namespace': { ...ZSH, options: { unshare: ['user', 'pid', 'mnt'] } },
  'zsh as process 1': { ...ZSH, options: { unshare: ['user', 'pid'], init: false } },
  'zsh in other namespaces': { ...ZSH, options: { unshare: ['user', 'uts', 'net'] } },
  'zsh in a set with a pid namespace': { ...ZSH, set: ['user', 'pid', 'mnt'] },
};

needs({ tool: ['tmux', 'bash', 'zsh'] }).describe("stdio: 'inherit' on a terminal", () => {
  test.each(Object.entries(shells))('%s controls jobs', async (_, request) => {
    await using screen = await nodeOnScreen(request);
    const first = await screen.shows(/in-42>$/);
    expect(first).not.toMatch(/job control|process group|tty/);

    await screen.type(`bash -c '${COUNT.replaceAll("'", `'\\''`)}'`);
    await screen.shows(/^counting$/m);
    await screen.press('C-c');
    await screen.shows(/interrupt 1$/m);
    await screen.press('C-c');
    const counted = await screen.shows(/interrupt 2$/m);
    expect(counted).not.toMatch(/interrupt 3/);

    await screen.press('C-z');
    await screen.shows(/(Stopped|[Ss]uspended)[^]*in-42>$/);
    await screen.type('echo "again $((1+1))"; fg');
    await screen.shows(/^again 2\s+(\[1\]\s+\+ continued\s+)?bash -c/m);
    await screen.press('C-c');
    await screen.shows(/interrupt 3$/m);
    await screen.press('C-\\');
    await screen.shows(/interrupt 3\s[^]*in-42>$/);

    await screen.type(`bash -c '${SIZES.replaceAll("'", `'\\''`)}'`);
    await screen.shows(/^watching$/m);
    await screen.resize(70, 30);
    await screen.shows(/^30 70$/m);
    await screen.press('C-c');
    await screen.shows(/30 70\s[^]*in-42>$/);

    await screen.type('exit 5');
    const end = await screen.shows(/^ended: /m);
    expect(end).toContain('ended: 5 null, interrupts of Node: 0');
    expect(end).not.toMatch(/process group/);
    await screen.type('back');
    await screen.shows(/Node read back\s+Node ended: 0$/m);
  });

  test('a program that is no shell is interrupted once, in a pid namespace without Node', async () => {
    const options: SpawnOptions = { unshare: ['user', 'pid'], stdio: 'inherit' };
    await using screen = await nodeOnScreen({ file: 'bash', args: ['-c', COUNT], options });
    await screen.shows(/^counting$/m);
    await screen.press('C-c');
    await screen.shows(/interrupt 1$/m);
    await screen.press('C-z'); // ignored: nobody could continue it
    await screen.press('C-c');
    await screen.shows(/interrupt 2$/m);
    await screen.press('C-\\');
    expect(await screen.shows(/^ended: /m)).toContain('ended: 0 null, interrupts of Node: 0');
    expect(await screen.text()).not.toContain('interrupt 3');
    await screen.type('back');
    await screen.shows(/Node read back/);
  });

  test('as with Node, it is interrupted along with Node in other namespaces', async () => {
    const options: SpawnOptions = { unshare: ['user', 'uts'], stdio: 'inherit' };
    const script = `trap 'echo interrupted; exit 3' INT; echo waiting; while :; do sleep 0.1; done`;
    await using screen = await nodeOnScreen({ file: 'bash', args: ['-c', script], options, interrupts: 1 });
    await screen.shows(/^waiting$/m);
    await screen.press('C-c');
    const end = await screen.shows(/^ended: /m);
    expect(end).toContain('ended: 3 null, interrupts of Node: 1');
    expect(end.match(/interrupted/g)).toHaveLength(1);
  });

  test('the terminal is given back when the shell is killed', async () => {
    await using screen = await nodeOnScreen(shells['bash in a new pid namespace']!);
    await screen.shows(/in-42>$/);
    await screen.type('kill -KILL $$');
    await screen.shows(/^ended: null SIGKILL/m);
    await screen.type('back');
    await screen.shows(/Node read back\s+Node ended: 0$/m);
  });

  test('Node without the foreground takes it from nobody', async () => {
    const request = JSON.stringify({
      file: 'sh',
      args: ['-c', 'sleep 1'],
      options: { unshare: ['user', 'pid'], stdio: 'inherit' },
    });
    const node = `'${process.execPath}' --require '${TSX}' '${join(__dirname, 'terminal-parent.ts')}' '${request}'`;
    await using screen = await Screen.open(['env', 'PS1=outer-$((40+2))> ', 'ENV=', 'sh', '-i']);
    await screen.shows(/outer-42>$/);
    await screen.type(`cd ${ROOT}; ${node} &`);
    // Node has the program end, reads, and is stopped for it; the shell can be typed into all the time.
    await screen.shows(/ended: 0 null/);
    await screen.type('echo "still $((6*7))"');
    await screen.shows(/^still 42$/m);
    await screen.type('kill -KILL %1; wait');
  });
});

/** script(1) is what has no terminal itself gives one with: a job of CI, ssh without -t. */
needs({ tool: ['script', 'bash', 'zsh'] }).describe('on a terminal of script(1)', () => {
  const onScript: Record<string, Partial<Request>> = {
    bash: { options: { unshare: ['user', 'pid', 'mnt'] } },
    sh: { file: 'sh', args: ['-i'], options: { unshare: ['user', 'pid'] } },
    zsh: { ...ZSH, options: { unshare: ['user', 'pid'] } },
    'bash in a set': { set: ['user', 'pid', 'mnt'] },
  };

  test.each(Object.entries(onScript))('%s controls jobs', async (_, request) => {
    const folder = mkdtempSync(join(tmpdir(), 'linux-ns-script-'));
    const args = ['--quiet', '--flush', '--return', '--command', commandLine(request), join(folder, 'typescript')];
    const script = nodeSpawn('script', args, { env: { ...process.env, SHELL: '/bin/sh' }, timeout: ONE_WAIT });
    const viewer = new Viewer(script.stdout);
    const type = (keys: string): unknown => script.stdin.write(keys);
    expect(await viewer.sees(/in-42> /)).not.toMatch(/job control|process group|tty/);
    type(`bash -c '${COUNT.replaceAll("'", `'\\''`)}'\r`);
    await viewer.sees(/\ncounting\r/);
    type('\x03');
    await viewer.sees(/interrupt 1\r/);
    type('\x1a');
    await viewer.sees(/(Stopped|suspended)[^]*in-42> /);
    type('fg\r');
    await viewer.sees(/\n[^\n]*bash -c/);
    type('\x03');
    await viewer.sees(/interrupt 2\r/);
    type('\x1c');
    await viewer.sees(/in-42> /);
    type('exit 5\r');
    expect(await viewer.sees(/Node: \d+/)).toContain('ended: 5 null, interrupts of Node: 0');
    type('back\r');
    await viewer.sees(/Node read back\s+Node ended: 0\r/);
    type('\r');
    expect(await once(script, 'exit')).toEqual([0, null]);
    rmSync(folder, { recursive: true });
  });
});

/** Whether a program can open the terminal that Node has, though it is given none. */
const TTY = '(exec 3<>/dev/tty) 2>/dev/null; echo "tty: $?" >&4';

needs({ tool: ['tmux', 'bash'] }).describe('the terminal of Node, where it is not handed over', () => {
  const stdio = ['pipe', 'pipe', 'pipe', 'ignore'] as const;
  const cases: [what: string, options: SpawnOptions, set: Request['set'], opens: boolean][] = [
    ['new namespaces', { unshare: ['user', 'uts'] }, undefined, false],
    ['a new pid namespace', { unshare: ['user', 'pid'] }, undefined, false],
    ['a new pid namespace without init', { unshare: ['user', 'pid'], init: false }, undefined, false],
    ['a set', {}, ['user', 'pid'], false],
    ['namespaces and newSession: false', { unshare: ['user'], newSession: false }, undefined, true],
    ['no namespaces', {}, undefined, true],
    ['no namespaces and newSession', { newSession: true }, undefined, false],
    ['no namespaces and detached', { detached: true }, undefined, false],
  ];

  test.each(cases)('%s', async (_, options, set, opens) => {
    const file = join(mkdtempSync(join(tmpdir(), 'linux-ns-tty-')), 'result');
    try {
      const script = TTY.replace('&4', `'${file}'`);
      await using screen = await nodeOnScreen({
        ...{ file: 'bash', args: ['-c', script] },
        options: { stdio: [...stdio], ...options },
        ...(set === undefined ? {} : { set }),
      });
      await screen.shows(/^ended: 0/m);
      expect(readFileSync(file, 'utf8') === 'tty: 0\n').toBe(opens);
    } finally {
      rmSync(join(file, '..'), { recursive: true });
    }
  });

  test('handed over, and newSession: it can be used, and does not control', async () => {
    await using screen = await nodeOnScreen({ options: { unshare: ['user', 'pid'], newSession: true } });
    await screen.shows(/no job control in this shell[^]*in-42>$/);
    await screen.type('exec 3<>/dev/tty');
    await screen.shows(/No such device or address/);
  });
});

describe('newSession', () => {
  const sessions: [SpawnOptions, boolean][] = [
    [{}, false],
    [{ newSession: true }, true],
    [{ detached: true }, true],
    [{ unshare: 'user' }, true],
    [{ unshare: 'user', newSession: false }, false],
    [{ unshare: ['user', 'pid'], stdio: 'ignore' }, true],
  ];

  test.each(sessions)('%j: a session of its own is %s', async (options, own) => {
    await using child = await spawn('sleep', ['600'], options);
    expect(sessionOf(child.pid) === child.pid).toBe(own);
    if (!own) expect(sessionOf(child.pid)).toBe(sessionOf(process.pid));
  });

  test('the holder of a set has one', async () => {
    await using set = await unshare(['user', 'pid']);
    expect(sessionOf(set.init!)).toBe(set.init);
  });

  test.each([
    [{ newSession: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ newSession: false, detached: true }, 'ERR_INVALID_ARG_VALUE'],
    [{ newSession: false, pty: {} }, 'ERR_INVALID_ARG_VALUE'],
  ])('refuses %j', async (options, code) => {
    await expect(spawn('true', options as SpawnOptions)).rejects.toThrow(errorWith({ code }));
  });
});

/** Someone in front of a terminal: what has not been seen yet, and what is waited for. */
class Viewer {
  unseen = '';

  constructor(terminal: Readable) {
    terminal.setEncoding('utf8').on('data', (text: string) => (this.unseen += text));
  }

  /** Waits until something is shown, and gives what was up to there. */
  async sees(pattern: RegExp): Promise<string> {
    const deadline = Date.now() + ONE_WAIT;
    for (;;) {
      const found = pattern.exec(this.unseen);
      if (found !== null) {
        const end = found.index + found[0].length;
        const seen = this.unseen.slice(0, end);
        this.unseen = this.unseen.slice(end);
        return seen;
      }
      if (Date.now() > deadline) throw new Error(`${String(pattern)} is not in ${JSON.stringify(this.unseen)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

describe('pty', () => {
  const where: Record<string, Pick<Request, 'options' | 'set'>> = {
    'without namespaces': { options: {} },
    'in new namespaces': { options: { unshare: ['user', 'mnt', 'uts'] } },
    'in a new pid namespace': { options: { unshare: ['user', 'pid', 'mnt'] } },
    'as process 1': { options: { unshare: ['user', 'pid'], init: false } },
    'in a set': { options: {}, set: ['user', 'pid', 'mnt', 'net'] },
  };

  test.each(Object.entries(where))('a shell on it, %s', async (_, { options, set }) => {
    const joined = set === undefined ? undefined : await unshare(set);
    const terminal: SpawnOptions = { ...options, env: ENV, pty: { cols: 91, rows: 31 } };
    const shell = await (joined ?? { spawn }).spawn('bash', ['--norc', '--noediting'], terminal);
    await useShell(shell);
    await joined?.close();
  });

  test('a shell on a terminal of the devpts inside', async () => {
    await using set = await setWithDevpts();
    const shell = await set.spawn('bash', ['--norc', '--noediting'], { env: ENV, pty: { cols: 91, rows: 31 } });
    const viewer = new Viewer(shell.pty!);
    await viewer.sees(/in-42> /);
    shell.pty!.write('tty; ls /dev/pts\r');
    await viewer.sees(/\/dev\/pts\/0\r\n0\s+ptmx\r\n/);
    shell.pty!.end();
    expect(await shell.exited).toEqual({ code: 0, signal: null });
  });

  test('is in place of the streams', async () => {
    await using child = await spawn('cat', { pty: {} });
    expect([child.stdin, child.stdout, child.stderr, child.stdio]).toEqual([null, null, null, [null, null, null]]);
    expect([child.pty!.cols, child.pty!.rows]).toEqual([80, 24]);
  });

  test('other programs have none', async () => {
    await using child = await spawn('cat');
    expect(child.pty).toBe(null);
  });

  test('all that was written comes, then the end, then close', async () => {
    const child = await spawn('sh', ['-c', 'seq 20000; exit 3'], { unshare: ['user', 'pid'], pty: {} });
    const events: string[] = [];
    child.on('exit', () => events.push('exit'));
    child.pty!.on('end', () => events.push('end')).on('close', () => events.push('pty close'));
    const closed = new Promise((resolve) => child.on('close', (...how) => resolve(how)));
    let text = '';
    for await (const chunk of child.pty!) text += String(chunk);
    expect(await closed).toEqual([3, null]);
    expect(text).toBe(Array.from({ length: 20_000 }, (_, index) => `${index + 1}\r\n`).join(''));
    expect(events.filter((event) => event !== 'exit')).toEqual(['end', 'pty close']);
  });

  test('nobody reads it: it closes all the same', async () => {
    const child = await spawn('echo', ['unread'], { pty: {} });
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
  });

  test('as much can be typed as one likes: who is slow holds up the writer, not Node', async () => {
    const script = 'stty raw -echo; echo ready; sleep 0.5; head -c 3000000 | cksum; exit 0';
    const child = await spawn('sh', ['-c', script], { unshare: ['user', 'pid'], pty: {} });
    const viewer = new Viewer(child.pty!);
    await viewer.sees(/ready/);
    const bytes = Buffer.alloc(3_000_000, 'terminal');
    expect(child.pty!.write(bytes)).toBe(false);
    const { stdout } = await execFile('sh', ['-c', 'yes terminal | tr -d "\\n" | head -c 3000000 | cksum']);
    await viewer.sees(new RegExp(stdout.trim()));
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });

  test('end() types the end of the input, also in the middle of a line', async () => {
    for (const input of ['', 'line\r', 'no line']) {
      const child = await spawn('sh', ['-c', 'stty -echo; echo ready; cat; echo done'], { pty: {} });
      const viewer = new Viewer(child.pty!);
      await viewer.sees(/ready\r\n/);
      child.pty!.end(input);
      expect(await viewer.sees(/done/)).toBe(`${input.replace('\r', '\r\n')}done`);
      expect(await child.exited).toEqual({ code: 0, signal: null });
    }
  });

  test('what is typed when nobody is there any more is lost, and no error', async () => {
    const child = await spawn('true', { pty: {} });
    await child.exited;
    child.pty!.write('late\r');
    await new Promise((resolve) => child.on('close', resolve));
    expect(() => child.pty!.resize(10, 10)).not.toThrow();
  });

  test('who waits for what was written is told when it is destroyed', async () => {
    const child = await spawn('sh', ['-c', 'stty raw -echo; echo ready; sleep 600'], {
      unshare: ['user', 'pid'],
      pty: {},
    });
    await new Viewer(child.pty!).sees(/ready/);
    const written = [Buffer.alloc(3_000_000), Buffer.from('more')].map(
      (bytes) =>
        new Promise((resolve) => child.pty!.write(bytes, (error) => resolve((error as NodeJS.ErrnoException)?.code))),
    );
    child.pty!.destroy();
    // As with a socket of Node's.
    expect(await Promise.all(written)).toEqual([undefined, 'ERR_STREAM_DESTROYED']);
    await child.close();
  });

  test('destroy() takes the terminal away: SIGHUP', async () => {
    const child = await spawn('sleep', ['600'], { unshare: ['user', 'pid'], pty: {} });
    child.pty!.destroy();
    expect(await child.exited).toEqual({ code: null, signal: 'SIGHUP' });
  });

  test('close() ends a shell, which ignores SIGTERM, by SIGHUP', async () => {
    const child = await spawn('bash', ['--norc', '--noediting'], { unshare: ['user', 'pid'], env: ENV, pty: {} });
    await new Viewer(child.pty!).sees(/in-42> /);
    await child.close();
    expect(await child.exited).toEqual({ code: null, signal: 'SIGHUP' });
  });

  test('a Worker that is terminated leaves none open, and none behind when it closes them', async () => {
    const script = `
      require(${JSON.stringify(TSX)});
      const { spawn } = require(${JSON.stringify(join(ROOT, 'lib'))});
      const start = () => spawn('sleep', ['600'], { pty: {} });
      Promise.all([start(), start()]).then(async ([kept, closed]) => {
        closed.pty.resume();
        await closed.close();
        require('node:worker_threads').parentPort.postMessage(kept.pid);
        setInterval(() => kept.pty.write('x'), 1);
      });`;
    const worker = new Worker(script, { eval: true });
    await once(worker, 'message');
    expect(masters()).toBe(1);
    await worker.terminate();
    await eventually(() => masters() === 0);
  });

  test('descriptors of ours do not leak into it, nor its master into others', async () => {
    await using one = await spawn('cat', { pty: {} });
    const other = await execFile('ls', ['-l', '/proc/self/fd']);
    expect(other.stdout).not.toContain('ptmx');
    expect(one.pty!.destroyed).toBe(false);
    const script = 'for fd in /proc/self/fd/*; do readlink $fd; done | sort | uniq -c | grep -c ptmx';
    const own = await spawn('sh', ['-c', script], { pty: {} });
    await new Viewer(own.pty!).sees(/^0\r\n/);
  });

  test.each([
    [{ pty: true }, 'ERR_INVALID_ARG_TYPE'],
    [{ pty: { cols: 0, rows: 1 } }, 'ERR_OUT_OF_RANGE'],
    [{ pty: { cols: 1, rows: 65_536 } }, 'ERR_OUT_OF_RANGE'],
    [{ pty: { cols: '80' } }, 'ERR_INVALID_ARG_TYPE'],
    [{ pty: { columns: 80 } }, 'ERR_INVALID_ARG_VALUE'],
    [{ pty: {}, stdio: 'pipe' }, 'ERR_INVALID_ARG_VALUE'],
  ])('refuses %j', async (options, code) => {
    await expect(spawn('true', options as SpawnOptions)).rejects.toThrow(errorWith({ code }));
  });

  test('resize() refuses what is no size', async () => {
    await using child = await spawn('cat', { pty: {} });
    expect(() => child.pty!.resize(0, 24)).toThrow(errorWith({ code: 'ERR_OUT_OF_RANGE' }));
    expect(() => child.pty!.resize(80, '24' as never)).toThrow(errorWith({ code: 'ERR_INVALID_ARG_TYPE' }));
  });

  test('execFile has none', async () => {
    await expect(execFile('true', { pty: {} } as never)).rejects.toThrow(errorWith({ code: 'ERR_INVALID_ARG_VALUE' }));
  });

  test('without /dev/ptmx the start says what to mount', async () => {
    await using set = await unshare(['user', 'mnt']);
    await set.mount({ source: 'none', target: '/dev', type: 'tmpfs' });
    await expect(set.spawn('true', { pty: {} })).rejects.toThrow(
      errorWith({
        code: 'ENOENT',
        path: '/dev/ptmx',
        step: 'open a terminal',
        hint: expect.stringContaining('devpts') as string,
      }),
    );
  });

  test('without a devpts beside it, too', async () => {
    await using set = await unshare(['user', 'mnt']);
    await set.mount({ source: 'none', target: '/dev/pts', type: 'tmpfs' });
    await expect(set.spawn('true', { pty: {} })).rejects.toThrow(
      errorWith({ code: 'ENODEV', path: '/dev/ptmx', hint: expect.stringContaining('devpts') as string }),
    );
  });
});

/** What one does in front of a terminal of 91 by 31. */
async function useShell(shell: NamespaceProcess): Promise<void> {
  const pty = shell.pty!;
  const viewer = new Viewer(pty);
  expect(await viewer.sees(/in-42> /)).not.toMatch(/job control|process group/);
  pty.write('stty size; tty; echo $((6 * 7)) >/dev/tty\r');
  await viewer.sees(/\n31 91\r\n\/dev\/pts\/\d+\r\n42\r\nin-42> /);

  pty.write(`bash -c '${SIZES.replaceAll("'", `'\\''`)}'\r`);
  await viewer.sees(/\nwatching\r\n/);
  pty.resize(100, 40);
  await viewer.sees(/\n?40 100\r\n/);
  expect([pty.cols, pty.rows]).toEqual([100, 40]);
  pty.write('\x03');
  await viewer.sees(/\^Cin-42> |\^C\r?\n?in-42> /);

  pty.write('cat\r');
  await viewer.sees(/cat\r\n/);
  pty.write('twice\r');
  await viewer.sees(/twice\r\ntwice\r\n/);
  pty.write('\x1a');
  await viewer.sees(/Stopped[^]*in-42> /);
  pty.write('fg\r');
  await viewer.sees(/cat\r\n/);
  pty.write('\x04');
  await viewer.sees(/in-42> /);
  pty.write('(exit 9)\r');
  await viewer.sees(/in-42> /);
  pty.write('\x04');
  expect(await shell.exited).toEqual({ code: 9, signal: null });
}

/** With a devpts of its own, and a /dev/ptmx that leads there. */
async function setWithDevpts(): ReturnType<typeof unshare> {
  const set = await unshare(['user', 'mnt', 'pid']);
  await set.mount({ source: 'none', target: '/dev/pts', type: 'devpts', data: 'newinstance,ptmxmode=0666' });
  return set;
}

/** How many terminals this process has open. */
function masters(): number {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // the descriptor that lists the directory
    }
  });
  return links.filter((link) => link.endsWith('/ptmx')).length;
}

/** proc_pid_stat(5) */
function sessionOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]);
}
