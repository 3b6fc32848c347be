/** Runs a program as if it replaced this process: with its descriptors, signals and exit status. */
import { open } from 'node:fs/promises';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { isatty } from 'node:tty';
import { type CloneOptions, type Exit, type PtyOptions, type StdioEntry, clone } from 'linux-ns';
import { inheritedDescriptors } from '../lib/process/inherited';

/** Options for the start of a program. The program and its descriptors come from the command line. */
export type Program = Omit<CloneOptions, 'file' | 'args' | 'stdio'>;

/**
 * The treatment of signals that this process receives while the program runs: `'forward'` sends them to the program,
 * `'ignore'` gives them no effect, as unshare(1) does with --fork.
 */
export type SignalHandling = 'forward' | 'ignore';

const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGWINCH'] as const;

/** Signals that a terminal sends to the whole foreground process group: the program has received them already. */
const FROM_TERMINAL: readonly string[] = ['SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGWINCH', 'SIGCONT'];

/** The descriptors, or the terminal, that a program is started with. */
export interface Channels {
  readonly stdio?: readonly StdioEntry[];
  readonly pty?: PtyOptions;
}

/** A running program, started in any way. */
export interface RunningProgram {
  kill(signal: NodeJS.Signals): boolean;
  readonly ended: Promise<Pick<Exit, 'code' | 'signal'>>;
}

/**
 * Runs a program, or a login shell. @returns the exit status of the program, or 128 plus the number of the signal that
 * killed it
 */
export async function runProgram(
  operands: readonly string[],
  options: Program,
  handling: SignalHandling,
): Promise<number> {
  const gap = await open('/dev/null', 'r+');
  const onTerminal = isatty(0) || isatty(1) || isatty(2);
  const passes = (signal: NodeJS.Signals): boolean =>
    handling === 'forward' && !(onTerminal && FROM_TERMINAL.includes(signal));
  try {
    return await whileItRuns(passes, async () => {
      const stdio = inheritedDescriptors().map((fd) => fd ?? gap.fd);
      const child = await clone({ ...commandOf(operands), ...options, stdio });
      return { kill: (signal) => child.kill(signal), ended: child.wait() };
    });
  } finally {
    await gap.close();
  }
}

/**
 * Starts a program, and forwards signals to it until it ends.
 *
 * @param passes - true for a signal that is to be forwarded
 * @returns the exit status, as {@link runProgram} has it
 */
export async function whileItRuns(
  passes: (signal: NodeJS.Signals) => boolean,
  start: () => Promise<RunningProgram>,
): Promise<number> {
  const early: NodeJS.Signals[] = [];
  let deliver = (signal: NodeJS.Signals): void => void early.push(signal);
  const onSignal = (signal: NodeJS.Signals): void => deliver(signal);
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    const child = await start();
    deliver = (signal) => {
      if (passes(signal)) child.kill(signal);
    };
    early.forEach(deliver);
    const { code, signal } = await child.ended;
    return code ?? 128 + constants.signals[signal ?? 'SIGKILL'];
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

/** The program and its arguments. Without a program it is a login shell, as in unshare(1) and nsenter(1). */
function commandOf([file, ...args]: readonly string[]): Pick<CloneOptions, 'file' | 'args' | 'argv0'> {
  if (file !== undefined) return { file, args };
  const shell = process.env.SHELL ?? '';
  const chosen = shell === '' ? '/bin/sh' : shell;
  return { file: chosen, args: [], argv0: `-${basename(chosen)}` };
}
