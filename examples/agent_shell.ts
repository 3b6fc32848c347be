/**
 * The shell tool of an AI agent, or of whoever types what others wrote: the project's directory can be written, the rest
 * of this system's programs can be run, the home directory and its keys are not there, and neither is the network.
 *
 *     npx tsx examples/agent_shell.ts PROJECT               a shell in PROJECT, on this terminal
 *     npx tsx examples/agent_shell.ts PROJECT command...    runs one command line after another; ^C interrupts one
 *
 * All commands are run in one sandbox: what one has left in /tmp is there for the next, and so are the directory and the
 * variables that it has left its shell with. Its processes end with it.
 */
import { resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { type RunLimits, Sandbox, hostUserland, relayTerminal } from 'linux-ns';
import { fail } from './command-line';

/** The limits of each command. */
const LIMITS: RunLimits = { wall: 60_000, memory: 2 ** 31, output: 30_000 };

/** Runs a command line where the last one has left off. Its errors are where they belong among its output. */
const SCRIPT = `exec 2>&1
[ -e /tmp/.state ] && . /tmp/.state
trap '{ export -p; printf "cd %q\\n" "$PWD"; } > /tmp/.state' EXIT
eval "$1"`;

class Shell {
  readonly #box: Sandbox;
  #interrupt = new AbortController();

  static async open(project: string): Promise<Shell> {
    const userland = hostUserland({ writable: project, toolchains: true });
    const env = { ...userland.env, PS1: 'agent:\\w\\$ ' };
    return new Shell(await Sandbox.create({ ...userland, hostname: 'agent', env }));
  }

  private constructor(box: Sandbox) {
    this.#box = box;
  }

  /**
   * Runs a command line. Its output goes to `output` as it comes, up to the limit.
   *
   * @returns how it has ended, in words for the agent; nothing if it has succeeded
   */
  async run(command: string, output: Writable): Promise<string> {
    this.#interrupt = new AbortController();
    const { signal: interrupt } = this.#interrupt;
    try {
      const options = { limits: LIMITS, stdout: output, signal: interrupt };
      const { verdict, code, signal, error } = await this.#box.run('bash', ['-c', SCRIPT, 'bash', command], options);
      if (verdict === 'ok') return '';
      if (error !== undefined) return `[${error.message}]`;
      return (
        { exit: `[exit code ${code}]`, signal: `[${signal}]` }[verdict as string] ?? `[over the limit: ${verdict}]`
      );
    } catch (error) {
      if (interrupt.aborted) return '[interrupted]';
      throw error;
    }
  }

  /** Ends the command that runs, with all its processes, whatever they do about signals. */
  interrupt(): void {
    this.#interrupt.abort();
  }

  /** A terminal of the sandbox's own: what runs in it cannot type into this one (TIOCSTI). */
  async interact(): Promise<void> {
    const { columns: cols, rows } = process.stdout;
    await relayTerminal(await this.#box.spawn('bash', ['--norc', '-i'], { pty: { cols, rows } }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#box.close();
  }
}

async function main(): Promise<void> {
  const [project, ...commands] = process.argv.slice(2);
  if (project === undefined) throw new Error('Usage: agent_shell PROJECT [command...]');
  await using shell = await Shell.open(resolve(project));
  if (commands.length === 0) await shell.interact();
  process.on('SIGINT', () => shell.interrupt());
  for (const command of commands) {
    console.log(`$ ${command}`);
    const end = await shell.run(command, process.stdout);
    if (end !== '') console.log(end);
  }
}

main().catch(fail);
