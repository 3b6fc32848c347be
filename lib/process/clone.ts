import type { Cgroup } from '../cgroup/cgroup';
import { inspectAs } from '../handle/inspect';
import { noteProgram } from '../handle/open';
import type { Exit, Task } from '../task/task';
import { endTask } from './ending';
import { killTask } from './kill';
import type { CloneOptions } from './program-options';
import { programOf, startProgram } from './program';
import { isTerminalAmong } from './stdio';
import { parseClone } from './schemas';

/** A process that {@link clone} started: no streams, no events. */
export class ClonedProcess {
  static {
    inspectAs(this, ({ pid, pidfd }) => ({ pid, ...(pidfd === -1 ? { ended: true } : { running: true }) }));
  }

  /** Its pid, as this process sees it. */
  readonly pid: number;
  /** Its cgroup, with the option `cgroup`; else null. */
  readonly cgroup: Cgroup | null;
  readonly #task: Task;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(file: string, task: Task, cgroup: Cgroup | undefined) {
    this.#task = task;
    void task.exited.then(noteProgram(file, task.pid));
    this.cgroup = cgroup ?? null;
    this.pid = task.pid;
  }

  /** A pidfd for it, which this object owns: it is closed, and this is -1, once the process has ended. pidfd_open(2) */
  get pidfd(): number {
    return this.#task.pidfd;
  }

  /** Resolves with how it ended, once it has. Any number of callers may wait. */
  wait(): Promise<Exit> {
    return this.#task.exited;
  }

  /**
   * Sends a signal through the pidfd, so that it never reaches another process that has got the same pid.
   * pidfd_send_signal(2)
   *
   * @param signal - a name or a number, 0 to ask only. Default: SIGTERM
   * @returns false when it has ended already
   * @throws TypeError `ERR_UNKNOWN_SIGNAL`; NamespaceError `EPERM` for a program that has changed its user
   */
  kill(signal?: NodeJS.Signals | number): boolean {
    return killTask(this.#task, signal);
  }

  /** Keeps Node running until it ends: the default. */
  ref(): void {
    this.#task.ref();
  }

  /** Lets Node end while it runs. */
  unref(): void {
    this.#task.unref();
  }

  /**
   * Sends SIGTERM, and SIGKILL two seconds later if it still runs. Resolves when it is gone and its cgroup is removed.
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  /** {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await endTask(this.#task);
    await this.cgroup?.delete();
  }
}

/**
 * Starts a program in new or joined namespaces: the layer under {@link spawn}, with descriptors in place of streams.
 * Resolves when the program runs.
 *
 * Rejects with a `TypeError` or `RangeError` for bad arguments, before anything is started; with a `NamespaceError`
 * when a step fails, the exec included, after which nothing is left behind; with an `AbortError`.
 *
 * Namespaces of other kinds than `user` need CAP_SYS_ADMIN, or a new user namespace beside them. clone(2), setns(2),
 * namespaces(7)
 *
 * @example
 * ```ts
 * const log = fs.openSync('out.log', 'a');
 * const child = await clone({ file: 'hostname', unshare: { user: true, uts: { hostname: 'box' } }, stdio: [0, log, log] });
 * console.log(await child.wait()); // { code: 0, signal: null }
 * ```
 */
export async function clone(options: CloneOptions): Promise<ClonedProcess> {
  const checked = parseClone('options', options);
  const { file, args = [], stdio = [0, 1, 2] } = checked;
  const program = programOf(file, args, checked);
  const { task, cgroup } = await startProgram(program, { fds: stdio, hasTerminal: isTerminalAmong(stdio) });
  return new ClonedProcess(file, task, cgroup);
}
