import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import { invalidType, invalidValue } from '../errors/validate';
import { systemError } from '../errors/system-error';
import { native } from '../native';
import type { NamespaceProcess } from './namespace-process';
import { Pty } from './pty';

/** The milliseconds between two checks if this process is in the foreground again: a shell does not tell it. */
const LOOK = 100;

const STDIN = 0;

/** The number of the signal on all architectures of Node but MIPS: signal(7). */
const SIGTSTP = 20;

/**
 * Shows the pseudoterminal of a program ({@link SpawnOptions.pty}) in the terminal of this process, which is its
 * standard input and output, until no process has the pseudoterminal open any more.
 *
 * - Bytes pass unchanged in both directions: this terminal is in raw mode meanwhile, without processing of its output
 * (cfmakeraw(3)). `process.stdin.setRawMode(true)` leaves that on, so that line ends are translated twice.
 * - The pseudoterminal follows the size of this terminal. Ctrl-C and all other keys are for the program.
 * - Ctrl-Z suspends the program and this process, and `fg` of the shell continues both: if the program runs in the
 * foreground of its terminal and does not ignore SIGTSTP. In a shell inside, Ctrl-Z suspends the job of that shell. A
 * program that reads the key itself, as editors do, gets it.
 * - In the background (`node program.js &`) this terminal keeps its modes and is not read; the output is shown. `fg`
 * connects it.
 *
 * The modes of the terminal are restored at the end; Node does it if this process ends earlier.
 *
 * @param child - started with the option `pty`
 * @throws TypeError if it has no pty, or this process no terminal; NamespaceError if its modes cannot be set
 *
 * @example
 * ```ts
 * const { columns, rows } = process.stdout;
 * const shell = await spawn('bash', [], { unshare: ['user', 'pid', 'mnt'], pty: { cols: columns, rows } });
 * await relayTerminal(shell);
 * ```
 */
export async function relayTerminal(child: NamespaceProcess): Promise<void> {
  const pty: unknown = (child as { pty?: unknown } | null)?.pty;
  if (!(pty instanceof Pty)) throw invalidType('child', 'a process that was started with the option pty', child);
  if (!isatty(STDIN) || !isatty(1))
    throw invalidValue('child', child, 'can be shown only if standard input and output are a terminal');
  const relay = new Relay(child, pty);
  try {
    await relay.run();
  } finally {
    relay.end();
  }
}

class Relay {
  readonly #child: NamespaceProcess;
  readonly #pty: Pty;
  /** The modes that our terminal had before it was raw; undefined while it is not raw, as in the background. */
  #modes: Buffer | undefined;
  #look: NodeJS.Timeout | undefined;
  #suspended = false;
  /** Called with the keys that were pressed. */
  readonly #onKeys = (keys: Buffer): void => this.#type(keys);
  readonly #onRoom = (): void => {
    if (this.#modes !== undefined) process.stdin.resume();
  };
  readonly #onEnd = (): void => void this.#pty.end();
  readonly #onSize = (): void => this.#resize();
  readonly #onStop = (): void => this.#suspend();
  readonly #onContinue = (): void => this.#continue();

  constructor(child: NamespaceProcess, pty: Pty) {
    this.#child = child;
    this.#pty = pty;
  }

  async run(): Promise<void> {
    const shown = new Promise<void>((resolve) => this.#pty.once('close', resolve));
    this.#pty.on('error', ignore); // 'close' follows
    this.#pty.on('drain', this.#onRoom);
    this.#pty.pipe(process.stdout, { end: false });
    process.stdout.on('resize', this.#onSize);
    process.on('SIGTSTP', this.#onStop);
    process.on('SIGCONT', this.#onContinue);
    this.#enter();
    if (!this.#pty.destroyed) await shown;
  }

  end(): void {
    this.#leave();
    clearInterval(this.#look);
    process.off('SIGTSTP', this.#onStop);
    process.off('SIGCONT', this.#onContinue);
    process.stdout.off('resize', this.#onSize);
    this.#pty.off('drain', this.#onRoom);
    this.#pty.off('error', ignore);
    this.#pty.unpipe(process.stdout);
  }

  /** Makes the terminal raw and reads it: now, or as soon as this process is in the foreground. */
  #enter(): void {
    if (native().isInBackground(STDIN)) {
      this.#look ??= setInterval(() => this.#enter(), LOOK);
      return;
    }
    clearInterval(this.#look);
    this.#look = undefined;
    // This is done each time, as a shell that had the terminal meanwhile has set its own modes.
    const before = makeRaw();
    this.#modes ??= before;
    this.#resize();
    process.stdin.off('data', this.#onKeys).off('end', this.#onEnd);
    process.stdin.on('data', this.#onKeys).once('end', this.#onEnd).ref().resume();
  }

  /** Restores the modes of the terminal, unless this process is in the background: then they are the shell's. */
  #leave(): void {
    if (this.#modes === undefined) return;
    process.stdin.off('data', this.#onKeys).off('end', this.#onEnd).pause().unref();
    if (!native().isInBackground(STDIN)) native().restoreModes(STDIN, this.#modes);
    this.#modes = undefined;
  }

  #resize(): void {
    const { columns, rows } = process.stdout;
    if (columns > 0 && rows > 0 && !native().isInBackground(STDIN)) this.#pty.resize(columns, rows);
  }

  #type(keys: Buffer): void {
    const key = this.#pty.suspendKey;
    const at = key === undefined || !this.#isSuspendedByKey() ? -1 : keys.indexOf(key);
    const before = at === -1 ? keys : keys.subarray(0, at);
    if (before.length > 0 && !this.#pty.write(before)) process.stdin.pause();
    if (at === -1) return;
    const after = keys.subarray(at + 1);
    if (after.length > 0) process.stdin.unshift(after);
    this.#suspend();
  }

  /**
   * True if Ctrl-Z stops the program and this process. The kernel does not stop the program: its process group is
   * orphaned, and a signal of the terminal does not stop such a group, as nobody could continue it (setpgid(2)). So we
   * do it ourselves, if the program is in the foreground of its terminal and does not ignore the signal, and if our own
   * shell can continue us.
   */
  #isSuspendedByKey(): boolean {
    return (
      this.#pty.foregroundGroup === this.#child.pid && !ignoresStop(this.#child.pid) && canBeContinued(process.pid)
    );
  }

  /** Stops the program, and then this process as Ctrl-Z does: with all of its process group. */
  #suspend(): void {
    if (this.#suspended || !canBeContinued(process.pid)) return;
    this.#suspended = true;
    this.#signal('SIGSTOP');
    this.#leave();
    // Without a listener the signal stops this process.
    process.off('SIGTSTP', this.#onStop);
    process.kill(0, 'SIGTSTP');
  }

  #continue(): void {
    if (this.#suspended) process.on('SIGTSTP', this.#onStop);
    this.#suspended = false;
    this.#enter();
    this.#signal('SIGCONT');
  }

  /** Sends a signal to the program and the rest of its process group, which it leads. */
  #signal(signal: NodeJS.Signals): void {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      this.#child.kill(signal); // it does not lead a group any more
    }
  }
}

function makeRaw(): Buffer {
  try {
    return native().makeRaw(STDIN);
  } catch (error) {
    throw systemError(error, { step: 'set terminal modes', operation: 'terminal' });
  }
}

/** True if a process ignores or blocks SIGTSTP, as interactive shells do: SigIgn and SigBlk of proc_pid_status(5). */
function ignoresStop(pid: number): boolean {
  const status = textOf(`/proc/${pid}/status`);
  const masks = [...status.matchAll(/^Sig(?:Ign|Blk):\s*([0-9a-f]+)$/gm)];
  return masks.length === 0 || masks.some(([, mask = '0']) => (BigInt(`0x${mask}`) >> BigInt(SIGTSTP - 1)) % 2n === 1n);
}

/**
 * True if the process group of a process is not orphaned: one of the parents is in the same session, but in another
 * group. setpgid(2)
 */
function canBeContinued(pid: number): boolean {
  const own = statOf(pid);
  for (let process = own; process !== undefined && process.session === own?.session; process = statOf(process.ppid)) {
    if (process.group !== own.group) return true;
  }
  return false;
}

/** Reads proc_pid_stat(5). The name of the program is in parentheses, and may have any characters. */
function statOf(pid: number): { ppid: number; group: number; session: number } | undefined {
  const fields = textOf(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? [];
  const [ppid = NaN, group = NaN, session = NaN] = fields.slice(1, 4).map(Number);
  return Number.isNaN(session) ? undefined : { ppid, group, session };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function ignore(): void {
  // for the event 'error', which would be thrown without a listener
}
