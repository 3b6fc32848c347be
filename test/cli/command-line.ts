import { type ChildProcess, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { parseCommandLine } from '../../cli/arguments';
import type { Command } from '../../cli/command';
import { COMMANDS } from '../../cli/commands';
import { describeFailure } from '../../cli/report';
import { CompiledPackage } from '../fixtures/child-node';

/** How a command ended. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** `linux-ns` as it is installed, of these sources. */
export class CommandLine {
  readonly #package = new CompiledPackage();
  readonly main = this.#package.main;

  /** Runs it to its end, with nothing to read. */
  async run(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Ended> {
    const child = this.start(args, env);
    const [stdout, stderr, code] = await Promise.all([
      text(child.stdout!),
      text(child.stderr!),
      new Promise<number | null>((resolve, reject) => {
        child.on('error', reject);
        child.on('close', resolve);
      }),
    ]);
    return { code, stdout, stderr };
  }

  /** What it prints, having ended well. */
  async prints(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  }

  start(args: readonly string[], env: NodeJS.ProcessEnv = process.env): ChildProcess {
    return spawn(process.execPath, [this.main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  remove(): void {
    this.#package.remove();
  }
}

/** A PATH without directories that are closed to an ordinary user: for exec(3) a program is not just missing there. */
export const SEARCHABLE: NodeJS.ProcessEnv = { PATH: '/usr/bin:/bin' };

/** One line on standard error, and no stack. */
export function expectOneLine({ stderr }: Ended): void {
  expect(stderr).toMatch(/^linux-ns: [^\n]+\n$/);
}

/** What a command says that refuses some words, which it does before it starts anything; in this process, for speed. */
export async function refusalOf(command: Command, words: readonly string[]): Promise<string[]> {
  try {
    await command.run(parseCommandLine(command, words), COMMANDS);
  } catch (error) {
    return describeFailure(command.name, error, words);
  }
  throw new Error(`${command.name} ${words.join(' ')} was not refused`);
}
