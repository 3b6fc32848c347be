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
export const C_NONE = 'C: none';

/** limit.c, compiled for this run. */
export class Limit {
  readonly contestants: readonly Contestant[];
  readonly #loops: readonly Loop[];

  /** Compiles it. Undefined where there is no C compiler, which is reported on standard error. */
  static compile(): Limit | undefined {
    const directory = mkdtempSync(join(tmpdir(), 'linux-ns-bench-'));
    const program = join(directory, 'limit');
    try {
      execFileSync('cc', ['-O2', '-o', program, join(__dirname, 'limit.c')], { stdio: ['ignore', 2, 2] });
      return new Limit(program);
    } catch (error) {
      console.error(`the C loop is left out: ${String(error)}`);
      return undefined;
    } finally {
      // Its processes run by now, and do not need the file any more.
      rmSync(directory, { recursive: true });
    }
  }

  private constructor(program: string) {
    this.#loops = [new Loop(C_ALL_EIGHT, program, ALL_FLAGS), new Loop(C_NONE, program, 0)];
    this.contestants = this.#loops;
  }

  close(): void {
    for (const loop of this.#loops) loop.close();
  }
}

/** One process that starts a program each time it is told to, and measures by itself. */
class Loop implements Contestant {
  readonly name: string;
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string, undefined>;

  constructor(name: string, program: string, flags: number) {
    this.name = name;
    this.#process = spawn(program, [`${flags}`], { stdio: ['pipe', 'pipe', 'inherit'] });
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
