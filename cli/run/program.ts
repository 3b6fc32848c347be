/** Runs the program of `linux-ns run`: on a terminal of its own, or with the descriptors of this process. */
import { type NamespaceProcess, type Sandbox, type StdioEntry, relayTerminal } from 'linux-ns';
import { type Channels, type RunningProgram, whileItRuns } from '../program';
import { terminalSize } from '../terminal';
import type { Asker } from './ask';
import type { Budget } from './limits';

/**
 * Runs a program on a pseudoterminal of its own, so that a program inside cannot type into this one. Job control works.
 *
 * @param endRest - ends what the program has left behind, which would keep the terminal open
 */
export async function onTerminal(
  start: Start,
  asker: Asker | undefined,
  endRest: () => Promise<void>,
): Promise<number> {
  let relayed: Promise<void> | undefined;
  try {
    return await whileItRuns(
      (signal) => signal !== 'SIGWINCH',
      async () => {
        const show = (child: NamespaceProcess): void => {
          relayed = relayTerminal(child);
          if (child.pty !== null) asker?.shows(child.pty);
          relayed.catch(() => child.close()); // nobody would see it
        };
        return start({ pty: terminalSize() }, show);
      },
    );
  } finally {
    await endRest();
    await relayed;
  }
}

/** Descriptors 0, 1 and 2, and those that are to be passed on. */
export function stdioOf(kept: readonly number[]): StdioEntry[] {
  const last = Math.max(2, ...kept);
  return Array.from({ length: last + 1 }, (_, fd) => (fd <= 2 || kept.includes(fd) ? fd : 'ignore'));
}

export function onDescriptors(start: Start, stdio: readonly StdioEntry[]): Promise<number> {
  return whileItRuns(
    () => true,
    () => start({ stdio }, suspendTogether),
  );
}

/** Starts the program. The function gets its process, before any of its output is read. */
export type Start = (channels: Channels, started: (child: NamespaceProcess) => void) => Promise<RunningProgram>;

export function starterOf(sandbox: Sandbox, [file, ...args]: [string, ...string[]], budget: Budget | undefined): Start {
  return async (channels, started) => {
    if (budget !== undefined) return budget.start(sandbox, file, args, channels, started);
    const child = await sandbox.spawn(file, args, channels);
    started(child);
    return { kill: (signal) => child.kill(signal), ended: child.exited };
  };
}

/** The milliseconds after which this process has been stopped and continued, or was not stopped. */
const UNTIL_STOPPED = 20;

/**
 * Stops the program together with this process. Ctrl-Z stops this process group only, because the program is in a
 * session of its own. The program is continued with this process. It is continued at once where the signal has no
 * effect here, which is so where nobody could continue this process (setpgid(2), orphaned process groups).
 */
function suspendTogether(child: NamespaceProcess): void {
  const goOn = (): void => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    process.off('SIGTSTP', stop).on('SIGTSTP', stop);
    signalGroup(child, 'SIGCONT');
  };
  const stop = (): void => {
    signalGroup(child, 'SIGSTOP');
    process.off('SIGTSTP', stop); // without a listener the signal stops this process
    process.kill(process.pid, 'SIGTSTP');
    setTimeout(goOn, UNTIL_STOPPED);
  };
  process.on('SIGTSTP', stop);
  child.once('exit', () => process.off('SIGTSTP', stop));
}

/** Sends a signal to the process group that the program leads, or to the program alone where it leads none. */
function signalGroup(child: NamespaceProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid, signal);
  } catch {
    child.kill(signal);
  }
}
