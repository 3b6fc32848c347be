/** Runs the examples as a user would: `npx tsx examples/NAME.ts`, without npx's own delay. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';

export const ROOT = resolve(__dirname, '../..');

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** The command line that runs an example. */
export function commandOf(name: string, args: readonly string[] = []): string[] {
  return [process.execPath, '--import', 'tsx', `examples/${name}.ts`, ...args];
}

/** An example that runs; disposing of it ends it. */
export class Example implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #finished: Promise<Finished>;
  #stdout = '';
  #stderr = '';

  constructor([file = '', ...args]: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.#child = spawn(file, args, { cwd: ROOT, env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.#child.stdin.on('error', () => undefined); // it has ended before it has read everything
    this.#finished = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
    this.#finished.catch(() => undefined);
  }

  write(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Resolves once the pattern is found in what it has printed, with what its first group matches. */
  async printed(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.#stdout);
      if (match !== null) return match[1] ?? match[0];
      const ended = await Promise.race([this.#finished, this.#moreOutput()]);
      if (ended === undefined || pattern.test(this.#stdout)) continue;
      throw new Error(`It has ended without printing ${String(pattern)}:\n${this.#stdout}${this.#stderr}`);
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends its input and waits for it. */
  async end(): Promise<Finished> {
    this.#child.stdin.end();
    return this.#finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#finished.catch(() => undefined);
  }

  #moreOutput(): Promise<undefined> {
    return new Promise((resolve) => this.#child.stdout.once('data', () => resolve(undefined)));
  }
}

export function startExample(name: string, args: readonly string[] = []): Example {
  return new Example(commandOf(name, args));
}

/** Runs an example to its end. */
export async function runExample(name: string, args: readonly string[] = []): Promise<Finished> {
  await using example = startExample(name, args);
  return await example.end();
}

/** The same, where it must succeed: its lines. */
export async function linesOf(name: string, args: readonly string[] = []): Promise<string[]> {
  const { code, stdout, stderr } = await runExample(name, args);
  // With all that it printed, should it fail.
  expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout });
  return stdout.trimEnd().split('\n');
}
