/**
 * The shell of an AI agent, or of whoever types what others wrote: the project's directory can be written, the rest of
 * this system's programs can be run, the home directory and its keys are not there, and neither is the network.
 *
 *     npx tsx examples/agent_shell.ts PROJECT               a shell in PROJECT, on this terminal
 *     npx tsx examples/agent_shell.ts PROJECT command...    runs one command line after another
 *
 * The sandbox stays between two commands: what one has left in /tmp, or in the background, is there for the next.
 */
import { resolve } from 'node:path';
import { type ExecError, Sandbox, hostUserland, relayTerminal } from 'linux-ns';
import { fail } from './command-line';

const MOST_MILLISECONDS = 60_000;

async function open(project: string): Promise<Sandbox> {
  const userland = hostUserland({ writable: project });
  return Sandbox.create({ ...userland, hostname: 'agent', env: { ...userland.env, PS1: 'agent:\\w\\$ ' } });
}

/** What an agent is told of its command. */
async function run(box: Sandbox, command: string): Promise<string> {
  try {
    const { stdout, stderr } = await box.exec(command, { timeout: MOST_MILLISECONDS, killSignal: 'SIGKILL' });
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr, code, signal } = error as ExecError;
    return `${String(stdout)}${String(stderr)}[${signal ?? `exit status ${String(code)}`}]\n`;
  }
}

/** A terminal of the sandbox's own: what runs in it cannot type into this one (TIOCSTI). */
async function interact(box: Sandbox): Promise<void> {
  const { columns: cols, rows } = process.stdout;
  await relayTerminal(await box.spawn('bash', ['--norc', '-i'], { pty: { cols, rows } }));
}

async function main(): Promise<void> {
  const [project, ...commands] = process.argv.slice(2);
  if (project === undefined) throw new Error('Usage: agent_shell PROJECT [command...]');
  await using box = await open(resolve(project));
  if (commands.length === 0) await interact(box);
  for (const command of commands) {
    process.stdout.write(`$ ${command}\n${await run(box, command)}`);
  }
}

main().catch(fail);
