import { OURS, mustBeOurs } from '../errors/illegal-constructor';
import { closedError } from '../errors/namespace-error';
import { closeWhenForgotten, notForgotten } from '../handle/forgotten';
import { inspectAs } from '../handle/inspect';
import type { Gate } from './gate';
import type { NamespaceProcess } from './namespace-process';

let construct: (gate: Gate, starting: Promise<NamespaceProcess>, file: string) => PreparedProgram;

/**
 * A program that is ready to start: a task has joined the namespaces and waits, and what is left takes about twice as
 * long as starting the program in C. `prepare()` of a sandbox or a set makes it.
 *
 * The task waits outside the pid namespace, where no program inside sees it. It ends with {@link close}, with the sandbox or
 * set, or when Node ends. It does not keep Node running. What it takes from this process it has from the time of
 * `prepare()`: the working directory, the umask, resource limits, ids, the cgroup, and `process.env` if no `env` is
 * given.
 *
 * Start it, close it, or declare it with `await using`. One that is forgotten is closed when it is collected as garbage,
 * with a process warning (`LINUX_NS_UNCLOSED`).
 *
 * @example
 * ```ts
 * await using prepared = await sandbox.prepare('python3', ['main.py']);
 * const child = await prepared.start();
 * await child.exited;
 * ```
 */
export class PreparedProgram implements AsyncDisposable {
  static {
    construct = (...parts) => new PreparedProgram(OURS, ...parts);
    inspectAs(this, (program) => ({
      file: program.#file,
      started: program.#started,
      closed: program.closed,
    }));
  }

  readonly #gate: Gate;
  readonly #starting: Promise<NamespaceProcess>;
  readonly #file: string;
  #started = false;

  private constructor(key: symbol, gate: Gate, starting: Promise<NamespaceProcess>, file: string) {
    mustBeOurs(key, 'await sandbox.prepare()');
    this.#gate = gate;
    this.#starting = starting;
    this.#file = file;
    closeWhenForgotten(this, `A prepared program (${file})`, gate, closeGate);
    // The start must not refer to this object, or nobody could forget it.
    const reference = new WeakRef(this);
    const settled = (): void => {
      const program = reference.deref();
      if (program !== undefined) notForgotten(program);
    };
    starting.then(settled, settled);
  }

  /** True if it was closed, by itself or with the sandbox or set, before it was started. */
  get closed(): boolean {
    return this.#gate.closed;
  }

  /**
   * Starts the program, and resolves when it runs. Calling it again gives the same program.
   *
   * @throws NamespaceError `ERR_LINUX_NS_CLOSED`, also if the sandbox or set was closed meanwhile; else the errors of
   * `spawn()`: `ENOENT` if there is no such file, for example
   */
  async start(): Promise<NamespaceProcess> {
    if (this.closed) throw closedError('This PreparedProgram');
    if (!this.#started) {
      this.#started = true;
      notForgotten(this);
      this.#gate.open();
    }
    return this.#starting;
  }

  /** Ends the task that waits; resolves when nothing of it is left. It does nothing to a program that was started. */
  async close(): Promise<void> {
    if (this.#started) return;
    notForgotten(this);
    await endWaiting(this.#gate, this.#starting);
  }

  /** Calls {@link PreparedProgram.close}: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Ends a task that waits. One that has been let go is left alone. */
export async function endWaiting(gate: Gate, starting: Promise<NamespaceProcess>): Promise<void> {
  gate.close();
  if (gate.closed) await starting.catch(() => undefined);
}

/**
 * Waits until the task of a program waits.
 *
 * @param starting - settles when the program runs, or when it could not be started
 */
export async function preparedOf(
  gate: Gate,
  starting: Promise<NamespaceProcess>,
  file: string,
): Promise<PreparedProgram> {
  try {
    await Promise.race([gate.reached, starting]);
  } catch (error) {
    gate.close();
    throw error;
  }
  gate.rest();
  return construct(gate, starting, file);
}

function closeGate(gate: Gate): void {
  gate.close();
}
