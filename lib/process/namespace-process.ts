import type { ChildProcess, MessageOptions, SendHandle, Serializable } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import type { Cgroup } from '../cgroup/cgroup';
import { Errno } from '../kernel/errno';
import { abortError } from '../errors/abort';
import { type Exit, type Task } from '../task/task';
import type { ResourceUsage } from '../task/usage';
import { inspectAs } from '../handle/inspect';
import { noteProgram } from '../handle/open';
import { CLOSE_GRACE, endTask } from './ending';
import type { ChannelControl, ChannelDescriptors, ChannelFormat } from './ipc/channel';
import { Link, disconnectedError, refuseClosed, sortRest } from './ipc/link';
import { killTask } from './kill';
import { type Logs, type LogsOptions, collectLogs, logsLimit, raiseLimit } from './logs';
import type { Pty } from './pty';
import type { Output } from './rest';
import type { PipeEnd } from './stdio';

/** The parts that a {@link NamespaceProcess} is made of. */
export interface Started {
  readonly task: Task;
  readonly cgroup: Cgroup | undefined;
  readonly file: string;
  readonly argv: readonly string[];
  /** One entry for each descriptor of the child; null where it has no pipe. */
  readonly streams: readonly (PipeEnd | null)[];
  readonly pty: Pty | null;
  /** The parent's end of the IPC channel, and the format of its messages. */
  readonly ipc?: { readonly fds: ChannelDescriptors; readonly format: ChannelFormat } | undefined;
  readonly timeout: number;
  readonly killSignal: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Sends SIGKILL to the program, or to its init and so to its whole pid namespace. This works even if the program is
 * stopped.
 */
export let endProcess: (child: NamespaceProcess) => void;

/** The task that runs the program, for functions that open its namespaces. */
export let taskOf: (child: NamespaceProcess) => Task;

/** The events of a {@link NamespaceProcess} and what their listeners are given: those of `child_process`. */
export interface NamespaceProcessEvents {
  /**
   * The program runs. It is emitted after `spawn()` has resolved, so that a listener added then is called, and before
   * all other events.
   */
  spawn: [];
  /** A signal could not be sent, or {@link SpawnOptions.signal} was aborted. */
  error: [error: Error];
  /** It has ended. Its streams may still have data. */
  exit: [code: number | null, signal: NodeJS.Signals | null];
  /**
   * It has ended, and all its streams are closed. A stream that nobody reads is not waited for: see
   * {@link NamespaceProcess.exited}.
   */
  close: [code: number | null, signal: NodeJS.Signals | null];
  /** Either side has closed the IPC channel. Comes after the last 'message', if that has a listener. */
  disconnect: [];
  /** The program has sent a message on the IPC channel. Messages are kept until there is a listener. */
  message: [message: Serializable, sendHandle: SendHandle];
}

/**
 * A program that {@link spawn} or {@link fork} started. It has the documented members of Node's `ChildProcess`, and
 * some more for namespaces.
 *
 * It runs when you get it. If a program could not be started, `spawn()` rejects, and no `'error'` is emitted.
 *
 * @example
 * ```ts
 * await using child = await spawn('sh', ['-c', 'hostname; id -u'], { unshare: ['user', 'uts'] });
 * child.stdout?.pipe(process.stdout);
 * console.log(await child.exited); // { code: 0, signal: null }
 * ```
 */
export class NamespaceProcess extends EventEmitter<NamespaceProcessEvents> {
  /** Its pid, as this process sees it. */
  readonly pid: number;
  /** The file it was started from; the shell's with `shell`. */
  readonly spawnfile: string;
  /** All its arguments, `argv[0]` first. */
  readonly spawnargs: string[];
  /** Its standard input, to write to; null unless `stdio[0]` is a pipe. */
  readonly stdin: Writable | null;
  /** Its standard output, to read; null unless `stdio[1]` is a pipe. */
  readonly stdout: Readable | null;
  /** Its standard error, to read; null unless `stdio[2]` is a pipe. */
  readonly stderr: Readable | null;
  /** One entry for each of its descriptors: a stream where that is a pipe, else null. */
  readonly stdio: ChildProcess['stdio'];
  /** Its cgroup, with the option `cgroup`; else null. It is removed before `'close'`. */
  readonly cgroup: Cgroup | null;
  /** Its terminal, with the option `pty`; else null. */
  readonly pty: Pty | null;
  /**
   * The IPC channel: `ref()` and `unref()` say whether it keeps Node running. Null once it is closed; the property is
   * absent if the program has no channel.
   */
  declare readonly channel?: ChannelControl | null;
  /**
   * A promise of how the program ended: when it resolves, `exitCode` and `signalCode` are set. It never rejects.
   *
   * Output that nobody has read yet stays readable until {@link close}. Up to 1 MiB of each stream is held in memory.
   * If another process still has the stream open and writes more, that process waits for a reader.
   */
  readonly exited: Promise<Exit>;

  static {
    endProcess = (child) => child.#task.end();
    inspectAs(this, (child) => {
      const { pid, exitCode, signalCode, spawnfile } = child;
      const running = exitCode === null && signalCode === null;
      const init = running ? child.#task.initPid || undefined : undefined;
      return { pid, running, code: exitCode ?? undefined, signal: signalCode ?? undefined, file: spawnfile, init };
    });
    taskOf = (child) => child.#task;
  }

  readonly #task: Task;
  /** The streams of the process, standard input first, and its terminal. */
  readonly #streams: readonly (Output | null)[];
  /** The streams that 'close' still waits for. */
  readonly #awaited = new Set<Output>();
  readonly #closed: Promise<void>;
  readonly #link: Link | undefined;
  #exit: Exit | undefined;
  #killed = false;
  /** The number of ends that 'close' waits for: the process's own, its streams' and its channel's. */
  #open = 1;
  #tellExit: (exit: Exit) => void = () => undefined;
  #tellClosed: () => void = () => undefined;
  #forget: (() => void)[] = [];
  #closing: Promise<void> | undefined;
  #logs: Logs | undefined;
  readonly #noteEnded: () => void;

  /** @internal */
  constructor(started: Started) {
    super();
    this.#noteEnded = noteProgram(started.file, started.task.pid);
    const { task, streams, pty } = started;
    this.#task = task;
    this.cgroup = started.cgroup ?? null;
    this.#streams = pty === null ? streams : [...streams, pty];
    this.pty = pty;
    this.pid = task.pid;
    this.spawnfile = started.file;
    this.spawnargs = [...started.argv];
    this.stdin = streams[0] ?? null;
    this.stdout = streams[1] ?? null;
    this.stderr = streams[2] ?? null;
    this.stdio = [...streams] as unknown as ChildProcess['stdio'];
    this.exited = new Promise((resolve) => (this.#tellExit = resolve));
    this.#closed = new Promise((resolve) => (this.#tellClosed = resolve));
    this.#watchStreams();
    this.#link = this.#openLink(started);
    this.#watchClock(started);
    this.#watchSignal(started);
    // A tick and not a job of a promise: all callers that wait for spawn() continue before it, and an error that a
    // listener throws is an uncaught exception.
    process.nextTick(() => {
      void task.exited.then((exit) => process.nextTick(() => this.#onExit(exit)));
      this.emit('spawn');
    });
  }

  /** True while there is an IPC channel that neither side has closed. */
  get connected(): boolean {
    return this.#link?.connected ?? false;
  }

  /** A pidfd for it, which this object owns: it is closed, and this is -1, once the process has ended. pidfd_open(2) */
  get pidfd(): number {
    return this.#task.pidfd;
  }

  /** Its exit code; null while it runs, and when a signal ended it. */
  get exitCode(): number | null {
    return this.#exit?.code ?? null;
  }

  /** The signal that ended it, inside a pid namespace too; null while it runs, and when it exited. */
  get signalCode(): NodeJS.Signals | null {
    return this.#exit?.signal ?? null;
  }

  /** The resources that it has used; null while it runs. {@link exited} has them, too. getrusage(2) */
  get usage(): ResourceUsage | null {
    return this.#exit?.usage ?? null;
  }

  /** True if {@link kill} has sent a signal. The process may still run. */
  get killed(): boolean {
    return this.#killed;
  }

  /**
   * Sends a signal through the pidfd, so that it never reaches another process that has got the same pid.
   * pidfd_send_signal(2)
   *
   * If the signal may not be sent, an `'error'` is emitted: `EPERM` for a program that has changed its user, for
   * example.
   *
   * @param signal - a name or a number, 0 to ask only. Default: SIGTERM
   * @returns true if it was sent
   * @throws TypeError `ERR_UNKNOWN_SIGNAL`
   */
  kill(signal?: NodeJS.Signals | number): boolean {
    try {
      const sent = killTask(this.#task, signal);
      this.#killed ||= sent;
      return sent;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.emit('error', error);
      return false;
    }
  }

  /**
   * Ends it: SIGTERM, and SIGKILL two seconds later if it still runs; with an init, that kills all of its pid
   * namespace. Resolves when it is gone and its streams are closed: readers that have paused get the rest of the
   * output, and output without a reader is dropped. Streams that other processes still hold open are destroyed after
   * two seconds.
   *
   * With a terminal of its own it gets SIGHUP as well, as when a terminal's window is closed: interactive shells ignore
   * SIGTERM.
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  /** {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Sends SIGTERM, unless {@link kill} has been called, as in Node; does not wait. */
  [Symbol.dispose](): void {
    if (!this.#killed) this.kill();
  }

  /**
   * Its output, which is kept from this call on up to a limit, with what nobody has read before. All calls return the
   * same object. Whoever reads its streams gets what he would get without this, at his own pace. A stream that nobody
   * reads is read for the logs, so that the program need not wait: later readers find its last 64 KiB.
   *
   * Only pipes and the terminal have output that comes here, not `'inherit'` and `'ignore'`.
   *
   * @example
   * ```ts
   * const child = await spawn('redis-server', ['--port', '0']);
   * const logs = child.logs();
   * console.log(logs.lines(5));
   * ```
   */
  logs(options: LogsOptions = {}): Logs {
    const limit = logsLimit(options);
    this.#logs ??= collectLogs(
      [
        ['stdout', this.#streams[1] ?? null],
        ['stderr', this.#streams[2] ?? null],
        ['pty', this.pty],
      ],
      limit,
    );
    raiseLimit(this.#logs, limit);
    return this.#logs;
  }

  /** Keeps Node running until it ends: the default. */
  ref(): void {
    this.#task.ref();
  }

  /** Lets Node end while it runs. Its streams keep Node running too, and have an `unref()` of their own. */
  unref(): void {
    this.#task.unref();
  }

  /**
   * Sends a message to the program, which is one that has an IPC channel: {@link fork}, or `'ipc'` in
   * {@link SpawnOptions.stdio}. There it arrives as `'message'` of `process`.
   *
   * Errors go to the callback, or are emitted as `'error'` if there is none: `ERR_IPC_CHANNEL_CLOSED` without an open
   * channel, `ERR_LINUX_NS_UNSUPPORTED` for a handle, which cannot be sent.
   *
   * @param message - anything that {@link SpawnOptions.serialization} can write, but not undefined, a bigint, a symbol
   * or a function
   * @param callback - called when the message has been handed to the kernel; the program may not have read it yet
   * @returns false when the caller should wait before sending more
   * @throws TypeError `ERR_MISSING_ARGS`, `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_HANDLE_TYPE`, and what cannot be
   * serialized
   */
  send(message: Serializable, callback?: (error: Error | null) => void): boolean;
  send(message: Serializable, sendHandle?: SendHandle, callback?: (error: Error | null) => void): boolean;
  send(
    message: Serializable,
    sendHandle?: SendHandle,
    options?: MessageOptions,
    callback?: (error: Error | null) => void,
  ): boolean;
  send(message: Serializable, ...rest: unknown[]): boolean {
    if (this.#link !== undefined) return this.#link.send(message, rest);
    return refuseClosed(this, sortRest(rest).callback);
  }

  /**
   * Closes the IPC channel once everything sent has been read; `'disconnect'` follows, here and in the program. Without
   * a channel it emits `'error'` with `ERR_IPC_DISCONNECTED`.
   */
  disconnect(): void {
    if (this.#link === undefined) this.emit('error', disconnectedError());
    else this.#link.disconnect();
  }

  #openLink({ ipc }: Started): Link | undefined {
    if (ipc === undefined) return undefined;
    const link = new Link(this, ipc.fds, ipc.format, () => this.#closedOne());
    this.#open++;
    Object.defineProperty(this, 'channel', { get: () => link.control, enumerable: true, configurable: true });
    return link;
  }

  #watchStreams(): void {
    for (const stream of this.#streams.slice(1)) {
      if (stream === null) continue;
      this.#open++;
      this.#awaited.add(stream);
      stream.once('close', () => this.#passStream(stream));
    }
  }

  /** 'close' need not wait for this stream any more: it is closed, or nobody reads it. */
  #passStream(stream: Output): void {
    if (this.#awaited.delete(stream)) this.#closedOne();
  }

  #watchClock({ timeout, killSignal }: Started): void {
    if (timeout === 0) return;
    const timer = setTimeout(() => this.kill(killSignal), timeout);
    this.#forget.push(() => clearTimeout(timer));
  }

  #watchSignal({ signal, killSignal }: Started): void {
    if (signal === undefined) return;
    const onAbort = (): void => {
      if (this.kill(killSignal)) this.emit('error', abortError(signal));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#forget.push(() => signal.removeEventListener('abort', onAbort));
    // The signal was aborted when the program already ran, but nobody could listen yet.
    if (signal.aborted) process.nextTick(onAbort);
  }

  #onExit(exit: Exit): void {
    this.#exit = exit;
    this.#noteEnded();
    for (const forget of this.#forget.splice(0)) forget();
    this.#streams[0]?.destroy();
    this.#tellExit(exit);
    // Both calls are registered before the listeners of 'exit' run, which may throw, and are made after them.
    process.nextTick(() => {
      this.#link?.drain();
      this.#whenAlone(() => this.#closedOne());
    });
    // This waits for the next turn: code that awaits `exited` has then had the time to read, or to listen for 'close'.
    setImmediate(() => this.#keepRest());
    this.emit('exit', exit.code, exit.signal);
  }

  /** Calls back when its cgroup is empty and removed: processes that it has left there may hold its streams open. */
  #whenAlone(then: () => void): void {
    if (this.cgroup === null) {
      then();
      return;
    }
    const next = (): void => process.nextTick(then);
    this.cgroup.delete().then(next, next);
  }

  /**
   * Keeps output that nobody has read. Node reads it to its end and drops it, as 'close' would never come otherwise.
   * Here it can still be read later.
   */
  #keepRest(): void {
    for (const stream of this.#streams) {
      if (stream?.readable === true) stream.keepRest(() => this.#passStream(stream));
    }
  }

  #dropRest(): void {
    for (const stream of this.#streams) {
      if (stream?.readable === true) stream.dropRest();
    }
  }

  #closedOne(): void {
    if (--this.#open > 0) return;
    this.#tellClosed();
    this.emit('close', this.exitCode, this.signalCode);
  }

  async #close(): Promise<void> {
    const ended = endTask(this.#task);
    if (this.pty !== null) this.#task.kill(constants.signals.SIGHUP);
    await ended;
    // Other processes may hold its streams: grandchildren that no pid namespace ends.
    const timer = setTimeout(() => {
      this.#streams.forEach((stream) => stream?.destroy());
      this.#link?.destroy();
    }, CLOSE_GRACE);
    await this.exited;
    this.#dropRest();
    await Promise.all([this.#closed, ...this.#streams.map(streamClosed)]);
    clearTimeout(timer);
  }
}

async function streamClosed(stream: Output | null): Promise<void> {
  if (stream !== null && !stream.closed) await new Promise((resolve) => stream.once('close', resolve));
}

/**
 * True for errors such as EPERM, which Node emits; false for a bad argument, and for a signal that the kernel does not
 * know.
 */
function isRefusal(error: unknown): error is Error {
  const { errno } = error as { errno?: unknown };
  return typeof errno === 'number' && errno !== -Errno.EINVAL && errno !== -Errno.ENOSYS;
}
