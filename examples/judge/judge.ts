/**
 * Compiles a program that nobody has read, and runs it: each step in a sandbox of its own, with the host's programs
 * read-only, an empty /tmp, no network, no capabilities and a budget.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type RunLimits, type RunResult, Sandbox, hostUserland } from 'linux-ns';
import type { Language } from './languages';

const MIB = 2 ** 20;
const BUDGET: RunLimits = {
  cpu: 1000,
  wall: 30_000,
  memory: 256 * MIB,
  output: 65_536,
  processes: 64,
  fileSize: MIB,
};
const TO_COMPILE: RunLimits = { cpu: 60_000, wall: 120_000, memory: 1024 * MIB };

export class Submission implements Disposable {
  readonly #language: Language;
  /** A directory of the host, which the sandboxes have as /submission. What is in it is as untrusted as its source. */
  readonly #directory = mkdtempSync(join(tmpdir(), 'judge-'));

  constructor(language: Language, source: string) {
    this.#language = language;
    writeFileSync(join(this.#directory, language.source), source);
  }

  /** Undefined for a language that is not compiled. */
  async compile(): Promise<RunResult | undefined> {
    const { compile } = this.#language;
    return compile && (await this.#execute(compile, 'bind', '', TO_COMPILE));
  }

  /** Runs it once. Each run has a sandbox of its own, and can write nothing that another one reads. */
  async run(input: string): Promise<RunResult> {
    return this.#execute(this.#language.run, 'bindReadOnly', input, BUDGET);
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }

  async #execute(
    [file = '', ...args]: readonly string[],
    type: 'bind' | 'bindReadOnly',
    input: string,
    limits: RunLimits,
  ): Promise<RunResult> {
    // This Node is not below /usr where a version manager has installed it.
    const userland = hostUserland({ readable: dirname(dirname(process.execPath)) });
    await using box = await Sandbox.create({
      ...userland,
      mounts: [...userland.mounts, { type, source: this.#directory, target: '/submission' }],
      cwd: '/submission',
      env: { ...userland.env, ...this.#language.env },
      hostname: 'judge',
      disableUserNamespaces: true,
      rlimits: { core: 0 },
    });
    return await box.run(file, args, { input, limits });
  }
}
