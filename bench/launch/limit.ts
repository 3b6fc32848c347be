import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Contestant } from '../measure/interleave';

/** The CLONE_NEW* flags of all eight kinds: namespaces(7). */
const ALL_FLAGS = 0x7e020080;

export const C_ALL_EIGHT = 'C: all eight';
export const C_SAME_JOB = 'C: all eight, the same job';
export const C_JOIN = 'C: join a held set';
export const C_NONE = 'C: none';

/** limit.c, compiled for this run. */
export class Limit {
  readonly contestants: readonly Contestant[];
  readonly #loops: Loop[];
  readonly #directory: string;
  readonly #program: string;

  /** Compiles it. Undefined where there is no C compiler, which is reported on standard error. */
  static compile(): Limit | undefined {
    const directory = mkdtempSync(join(tmpdir(), 'linux-ns-bench-'));
    try {
      const program = join(directory, 'limit');
      execFileSync('cc', ['-O2', '-o', program, join(__dirname, 'limit.c')], { stdio: ['ignore', 2, 2] });
      return new Limit(directory, program);
    } catch (error) {
      console.error(`the C loop is left out: ${String(error)}`);
      rmSync(directory, { recursive: true });
      return undefined;
    }
  }

  private constructor(directory: string, program: string) {
    this.#directory = directory;
    this.#program = program;
    this.#loops = [
      new Loop(C_ALL_EIGHT, program, 'clone', ALL_FLAGS),
      new Loop(C_SAME_JOB, program, 'job', ALL_FLAGS),
      new Loop(C_NONE, program, 'clone', 0),
    ];
    this.contestants = [...this.#loops];
  }

  /** @param pid - of a program in the namespaces to join */
  join(pid: number): Contestant {
    const loop = new Loop(C_JOIN, this.#program, 'join', pid);
    this.#loops.push(loop);
    return loop;
  }

  close(): void {
    for (const loop of this.#loops) loop.close();
    rmSync(this.#directory, { recursive: true });
  }
}

/** One process that starts a program each time it is told to, and measures by itself. */
class Loop implements Contestant {
  readonly name: string;
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string, undefined>;

  constructor(name: string, program: string, how: string, argument: number) {
    this.name = name;
    this.#process = spawn(program, [how, `${argument}`], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  async sample(): Promise<number> {
    this.#process.stdin.write('\n');
    const { value } = await this.#lines.next();
    if (value === undefined) throw new Error(`${this.name} has ended`);
    return Number(value) / 1e6;
  }

  close(): void {
    this.#process.stdin.end();
  }
}
