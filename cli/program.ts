/** Runs the program of a command line as if it had been started in its place: its descriptors, signals and exit status. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { isatty } from 'node:tty';
import { type CloneOptions, type Exit, clone } from 'linux-ns';

/** How a program is started; which one, and its descriptors, the command line says. */
export type Program = Omit<CloneOptions, 'file' | 'args' | 'stdio'>;

/**
 * What becomes of signals that this process gets while the program runs. `'forward'`: the program gets them, as if it were
 * this process. `'ignore'`: as unshare(1) and nsenter(1) do once they have forked.
 */
export type SignalHandling = 'forward' | 'ignore';

const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGWINCH'] as const;

/** What a terminal sends to all that is in front: the program has it already. */
const FROM_TERMINAL: readonly string[] = ['SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGWINCH', 'SIGCONT'];

/** Shells give away no higher ones: bash begins with this one for `<(command)`. */
const MOST_DESCRIPTORS = 63;

/** A program that runs: what is to be done with it is the same, whoever has started it. */
export interface RunningProgram {
  kill(signal: NodeJS.Signals): boolean;
  readonly ended: Promise<Exit>;
}

/** @returns the exit status: the program's, or 128 and the signal that ended it */
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
      const stdio = inheritedDescriptors(gap.fd);
      const child = await clone({ ...commandOf(operands), ...options, stdio });
      return { kill: (signal) => child.kill(signal), ended: child.wait() };
    });
  } finally {
    await gap.close();
  }
}

/**
 * Starts a program, and gives it the signals that this process gets until it has ended.
 *
 * @param passes - those that it is given
 * @returns the exit status, as `runProgram`
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

/** As unshare(1) and nsenter(1): without a program a login shell. */
function commandOf([file, ...args]: readonly string[]): Pick<CloneOptions, 'file' | 'args' | 'argv0'> {
  if (file !== undefined) return { file, args };
  const shell = process.env.SHELL ?? '';
  const chosen = shell === '' ? '/bin/sh' : shell;
  return { file: chosen, args: [], argv0: `-${basename(chosen)}` };
}

/**
 * The descriptors this process was given, by their numbers; a number between them that is not in use gets /dev/null.
 * Node marks them all to be closed on exec, and has some of its own: of those each is an eventfd or its like, a pipe with
 * both of its ends here, or /dev/null.
 */
function inheritedDescriptors(gap: number): number[] {
  const links = new Map<number, string>();
  for (const name of readdirSync('/proc/self/fd')) {
    const link = linkOf(name);
    if (link !== undefined) links.set(Number(name), link);
  }
  const isNodes = (fd: number, link: string): boolean =>
    link.startsWith('anon_inode:') ||
    link === '/dev/null' ||
    (link.startsWith('pipe:') && hasBothEnds(link, links)) ||
    fd === gap;
  const inReach = [...links].filter(([fd]) => fd > 2 && fd <= MOST_DESCRIPTORS);
  const given = inReach.filter(([fd, link]) => !isNodes(fd, link)).map(([fd]) => fd);
  const last = Math.max(2, ...given);
  return Array.from({ length: last + 1 }, (_, fd) => (fd <= 2 || given.includes(fd) ? fd : gap));
}

function hasBothEnds(pipe: string, links: ReadonlyMap<number, string>): boolean {
  const ends = [...links].filter(([, link]) => link === pipe).map(([fd]) => isWritable(fd));
  return ends.includes(true) && ends.includes(false);
}

/** The `flags` of proc_pid_fdinfo(5) are octal; the last bit is O_WRONLY. */
function isWritable(fd: number): boolean | undefined {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    return flags === undefined ? undefined : (parseInt(flags, 8) & 1) === 1;
  } catch {
    return undefined;
  }
}

function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined; // the one that has read the directory
  }
}
