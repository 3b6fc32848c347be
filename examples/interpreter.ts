/**
 * A code interpreter with a state, for an agent: one Python lives in a sandbox and runs one cell after another. A cell
 * that takes too long is interrupted. If it does not end then, Python is killed, and the next cell has a new one.
 *
 *     npx tsx examples/interpreter.ts            runs the cells below
 *     npx tsx examples/interpreter.ts cell...    runs these
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { type NamespaceProcess, type RunLimits, type RunResult, Sandbox, hostUserland } from 'linux-ns';
import { fail } from './command-line';

const PROGRAM = readFileSync(join(__dirname, 'interpreter/cells.py'), 'utf8');
/** Milliseconds for a cell, and for its end after it was interrupted. */
const TIME = { cell: 5000, end: 1000 };
/** The limits of one Python, in all its life. */
const LIMITS: RunLimits = { wall: Infinity, memory: 512 * 2 ** 20, processes: 64, fileSize: 16 * 2 ** 20 };
const LONGEST_RESULT = 2 ** 20;

/** An account that a cell gives of itself. It can say what it likes. */
interface Result {
  readonly output?: string;
  readonly value?: string;
  readonly error?: string;
}

/** One Python, until it ends. */
class Python {
  readonly #child: NamespaceProcess;
  readonly #end: AbortController;
  /** Resolves when it has ended. */
  readonly ended: Promise<Result>;

  static start(box: Sandbox): Promise<Python> {
    const end = new AbortController();
    return new Promise((resolve, reject) => {
      const running = box.run('python3', ['-u', '-c', PROGRAM], {
        stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
        limits: LIMITS,
        signal: end.signal,
        onStart: (child) => {
          const python = new Python(child, running, end);
          void python.#nextResult().then(() => resolve(python)); // it is ready for cells
        },
      });
      running.catch(reject);
    });
  }

  private constructor(child: NamespaceProcess, running: Promise<RunResult>, end: AbortController) {
    this.#child = child;
    this.#end = end;
    this.ended = running.then(
      ({ verdict }) => ({ error: `Python has ended: ${verdict}` }),
      () => ({ error: 'Python was killed' }),
    );
  }

  async run(code: string): Promise<Result> {
    this.#child.stdin?.write(`${JSON.stringify(code)}\n`);
    const result = this.#nextResult();
    const inTime = await Promise.race([result, pause(TIME.cell)]);
    if (inTime !== undefined) return inTime;
    this.#child.kill('SIGINT');
    return (await Promise.race([result, pause(TIME.end)])) ?? this.kill();
  }

  kill(): Promise<Result> {
    this.#end.abort();
    return this.ended;
  }

  #nextResult(): Promise<Result> {
    return Promise.race([resultOf(this.#child.stdio[3] as Readable), this.ended]);
  }
}

/** The next line, as far as it is one of a result. */
function resultOf(lines: Readable): Promise<Result> {
  let text = '';
  return new Promise((resolve) => {
    const take = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (!text.endsWith('\n') && text.length < LONGEST_RESULT) return;
      lines.off('data', take);
      try {
        resolve(JSON.parse(text) as Result);
      } catch {
        resolve({ error: 'there is no result' });
      }
    };
    lines.on('data', take);
  });
}

class Interpreter {
  readonly #box: Sandbox;
  #python: Promise<Python> | undefined;

  static async open(): Promise<Interpreter> {
    return new Interpreter(await Sandbox.create(hostUserland()));
  }

  private constructor(box: Sandbox) {
    this.#box = box;
  }

  /** Runs a cell after the cells before it. With the first one, and after Python has ended, a new Python is started. */
  async run(code: string): Promise<Result> {
    this.#python ??= Python.start(this.#box);
    const python = await this.#python;
    void python.ended.then(() => (this.#python = undefined));
    return python.run(code);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#box.close();
  }
}

const CELLS = [
  'a = 6\nprint("hello")',
  'a * 7',
  'import os; os.system("echo from a program")',
  '1 / 0',
  'while True: pass',
  'a',
  'import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass',
  'a',
  'everything = [b"x" * (1 << 20) for i in range(2000)]',
  'print(open("/etc/shadow").read())',
  'import urllib.request; urllib.request.urlopen("http://192.0.2.1/")',
];

async function main(): Promise<void> {
  const given = process.argv.slice(2);
  await using interpreter = await Interpreter.open();
  for (const cell of given.length > 0 ? given : CELLS) {
    console.log(`>>> ${cell.replaceAll('\n', '\n... ')}`);
    const { output = '', value, error } = await interpreter.run(cell);
    console.log([output.trimEnd(), value, error].filter(Boolean).join('\n'));
  }
}

main().catch(fail);
