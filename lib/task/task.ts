import { constants } from 'node:os';
import { performance } from 'node:perf_hooks';
import { abortError } from '../errors/abort';
import type { LaunchFailure, LaunchRequest, NativeTask, ResourceNumbers, Step, TaskEvent } from '../../types/native';
import { NamespaceError } from '../errors/namespace-error';
import { withoutPrototype } from '../errors/plain';
import { native } from '../native';
import { CLONE_FLAGS, type NamespaceKind } from '../kernel/namespace-kind';
import { closeFd } from '../handle/close';
import { systemError } from '../errors/system-error';
import { type Joined, type Known, launchError } from './failure';
import { findKilling, mayNeedUser, maybeEndedByFilter, tryWithUser } from './trial';
import { MICROSECONDS, NO_USAGE, type ResourceUsage, resourceUsage } from './usage';

/** The end of a task: exactly one of `code` and `signal` is not null. */
export interface Exit {
  /** The exit status, 0 to 255; null when a signal ended it. */
  code: number | null;
  /** The signal that ended it; null when it exited. */
  signal: NodeJS.Signals | null;
  /** The resources that it has used. The property is not enumerable: an exit is printed as its code and signal. */
  readonly usage: ResourceUsage;
}

export function exitOf(
  code: number | null,
  signal: NodeJS.Signals | null,
  numbers: ResourceNumbers,
  wall: number,
): Exit {
  const exit = { code, signal };
  return Object.defineProperty(exit, 'usage', { value: resourceUsage(numbers, wall) }) as Exit;
}

/** The sum of what the processes below an init use at a moment. */
interface Usage {
  /** The number of their threads. */
  readonly threads: number;
  /** Their CPU time, with that of children that have been waited for, in milliseconds. */
  readonly cpu: number;
  /** Their resident memory in bytes. */
  readonly resident: number;
}

/** The request for a task, and the means to stop its start. */
export interface StartOptions extends Omit<LaunchRequest, 'manual'> {
  /** Aborting it ends the task, and the start rejects, as long as the task has not been handed over. */
  signal?: AbortSignal | undefined;
  /**
   * Runs while the new task exists and its plan is held back: for work that another program has to do from outside. The
   * plan goes on when it resolves; when it rejects, the task is ended and the start rejects with the same error.
   */
  whileCloned?: ((task: Task) => Promise<void>) | undefined;
  /** Tells about the namespaces that the plan joins. It is asked only after the plan has failed. */
  joined?: Joined | undefined;
  /** The words by which errors call a step, where there are better ones than its own. */
  labels?: ReadonlyMap<Step, string> | undefined;
  /** Owns the mount points that the plan makes on the host, from the moment when each is made. */
  points?: Points | undefined;
  /** Hears what the task sends while its plan runs. Default: all of it is in the {@link Results}. */
  answers?: Answers | undefined;
}

/** Hears a task that answers what it is asked while its plan runs. */
export interface Answers {
  /** Called once, when there is a task. */
  begun(task: Task): void;
  /** Called with each descriptor that the task sends, which is adopted, in place of {@link Results}. */
  fd(fd: number): void;
  /** Called with the bytes that the task sends. */
  data(data: Buffer): void;
}

/** The owner of the mount points that a plan makes on the host. */
export interface Points {
  /** Called once, when there is a task that may make some. */
  madeBy(task: Task): void;
  /** Called with each descriptor that the task sends, two for each mount point. They are the owner's from then on. */
  add(fd: number): void;
}

/** The results that a plan which ends by itself has sent back. */
export interface Results {
  /** Descriptors that steps made, in order. The receiver closes them. */
  fds: number[];
  /** The bytes that steps have read, one after another. */
  data: Buffer;
}

/** A task in its namespaces: a program that runs, or a holder. */
export class Task {
  /** Resolves when it has ended and is reaped; never rejects. */
  readonly exited: Promise<Exit>;
  /**
   * Descriptors that its steps made before it ran, in order. The receiver closes them; while nobody has taken them,
   * they are closed with this environment: `adopt` in types/native.d.ts.
   */
  readonly fds: number[] = [];
  /** The bytes that its steps sent back before it ran. */
  data: Buffer = Buffer.alloc(0);
  readonly #native: NativeTask;

  constructor(nativeTask: NativeTask, exited: Promise<Exit>) {
    this.#native = nativeTask;
    this.exited = exited;
  }

  /** The pid of the program, or of the holder, as this process sees it. */
  get pid(): number {
    return this.#native.pid;
  }

  /** A pidfd for `pid`, owned by this object; -1 when there is none any more. */
  get pidfd(): number {
    return this.#native.pidfd;
  }

  /** The pid of nsinit where it stays as init, else 0. */
  get initPid(): number {
    return this.#native.initPid;
  }

  /** Sends a signal. Returns 0, or a positive errno: ESRCH once the task has ended. */
  kill(signal: number): number {
    return this.#native.kill(signal);
  }

  /** Kills all of it with SIGKILL: the init, and so its pid namespace, or the program. */
  end(): void {
    this.#native.end();
  }

  /**
   * Of a task with an init: what the processes below that use now. All 0 when it has ended.
   *
   * @param inProportion - a page that several of them have counts in proportion, which takes the kernel longer; else for
   * each
   */
  usage(inProportion = false): Promise<Usage> {
    return new Promise((resolve) => {
      this.#native.usage(
        (threads, cpu, resident) => resolve({ threads, cpu: cpu / MICROSECONDS, resident }),
        inProportion,
      );
    });
  }

  /** At an exit: takes what has been sent. True when no more can come. See `NativeTask` in types/native.d.ts. */
  drain(): boolean {
    return this.#native.drain();
  }

  /** Lets a holder that is no init go. */
  release(): void {
    this.#native.release();
  }

  /**
   * Ends all that is in the pid namespace of a program with an init, as {@link end} does, but the init itself kills the
   * rest and counts what it has used. Somebody may have stopped the init: then this does nothing.
   */
  endByInit(): void {
    this.#native.endByInit();
  }

  /** Opens a namespace that the task is in: a descriptor with O_CLOEXEC, which the caller closes. */
  namespace(kind: NamespaceKind): number {
    try {
      return this.#native.namespace(CLONE_FLAGS[kind]);
    } catch (error) {
      throw systemError(error, { step: `open ${kind}`, operation: 'open', kind });
    }
  }

  ref(): void {
    this.#native.ref();
  }

  unref(): void {
    this.#native.unref();
  }
}

/**
 * Starts a task. Resolves when its program runs or its namespaces are held; rejects once nothing is left of it.
 *
 * Rejects with a {@link NamespaceError}, or with Node's `AbortError` when `options.signal` was the reason.
 */
export function start(options: StartOptions): Promise<Task> {
  return new Promise((resolve, reject) => {
    let runs = false;
    begin(options, {
      received: (fd) => native().adopt(fd),
      running: (task) => {
        runs = true;
        resolve(task);
      },
      failed: reject,
      ended: (exit) => {
        if (!runs) reject(endedEarly(exit));
      },
    });
  });
}

/**
 * Runs a plan that ends in `exit`. Resolves with the results that its steps have sent back. On rejection nothing is
 * left of it, and the descriptors that had been received are closed.
 */
export function runToEnd(options: StartOptions): Promise<Results> {
  return new Promise((resolve, reject) => {
    begin(options, {
      running: () => undefined,
      failed: reject,
      ended: (exit, results) => (exit.code === 0 ? resolve(results) : reject(endedEarly(exit, results.fds))),
    });
  });
}

interface Outcome {
  received?(fd: number): void;
  running(task: Task): void;
  failed(error: unknown): void;
  ended(exit: Exit, results: Results): void;
}

/** The error with which this thread refuses to start tasks. */
let refusal: NamespaceError | undefined;

/**
 * From now on this thread starts no tasks, because it has a table of descriptors of its own: the threads that start
 * tasks would take its numbers for others.
 */
export function refuseTasks(): void {
  refusal = new NamespaceError({
    code: 'ERR_LINUX_NS_OWN_FILES',
    message: "this thread has unshared its descriptors (unshareSync('files')), and cannot start tasks any more",
    hint: 'Start them from a thread that has not.',
  });
}

/** Begins a start. Exactly one function of `outcome` is called, except that `ended` may follow `running`. */
function begin(options: StartOptions, outcome: Outcome): void {
  const { signal, whileCloned, joined, labels, points, answers, ...request } = withoutPrototype(options);
  if (refusal !== undefined) {
    outcome.failed(refusal);
    return;
  }
  if (signal?.aborted === true) {
    outcome.failed(abortError(signal));
    return;
  }
  const launching = new Launching(request, outcome, { joined, labels }, points, answers);
  launching.begin(signal, whileCloned);
}

/** One launch that is under way: it gathers the events of the task, and settles once. */
class Launching {
  readonly #request: LaunchRequest;
  readonly #outcome: Outcome;
  readonly #known: Known;
  readonly #points: Points | undefined;
  readonly #answers: Answers | undefined;
  readonly #fds: number[] = [];
  readonly #data: Buffer[] = [];
  readonly #exited: Promise<Exit>;
  #tellExit: (exit: Exit) => void = () => undefined;
  #forgetSignal: () => void = () => undefined;
  /** The reason for which we have ended the task ourselves, if we have. */
  #stopped: { reason: unknown } | undefined;
  /** The promise of the running `whileCloned`. */
  #outside: Promise<void> | undefined;
  #over = false;
  #startedAt = performance.now();

  constructor(
    request: LaunchRequest,
    outcome: Outcome,
    known: Known,
    points: Points | undefined,
    answers: Answers | undefined,
  ) {
    this.#request = request;
    this.#outcome = outcome;
    this.#known = known;
    this.#points = points;
    this.#answers = answers;
    this.#exited = new Promise((resolve) => (this.#tellExit = resolve));
  }

  begin(signal: AbortSignal | undefined, whileCloned: StartOptions['whileCloned']): void {
    const nativeTask = launchNative(withoutPrototype(this.#request, { manual: whileCloned !== undefined }), (event) => {
      if (event.type === 'cloned') this.#cloned(nativeTask, task, whileCloned);
      else this.#told(event, task);
    });
    const task = new Task(nativeTask, this.#exited);
    this.#points?.madeBy(task);
    this.#answers?.begun(task);
    if (signal === undefined) return;
    const onAbort = (): void => this.#stop(nativeTask, abortError(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    this.#forgetSignal = () => signal.removeEventListener('abort', onAbort);
  }

  /** Ends the task. The start rejects with the reason when the last event has come. */
  #stop(nativeTask: NativeTask, reason: unknown): void {
    this.#stopped ??= { reason };
    nativeTask.end();
  }

  #cloned(nativeTask: NativeTask, task: Task, whileCloned: StartOptions['whileCloned']): void {
    this.#outside = whileCloned?.(task).then(
      () => {
        if (!this.#over && this.#stopped === undefined) nativeTask.proceed();
      },
      (error: unknown) => {
        if (!this.#over) this.#stop(nativeTask, error);
      },
    );
  }

  #told(event: TaskEvent, task: Task): void {
    switch (event.type) {
      case 'fd':
        if (this.#answers !== undefined) {
          this.#answers.fd(event.fd);
          break;
        }
        this.#fds.push(event.fd);
        this.#outcome.received?.(event.fd);
        break;
      case 'point':
        // A plan that makes no points tells of none: that is somebody else, on nsinit's socket.
        if (this.#points === undefined) closeFd(event.fd);
        else this.#points.add(event.fd);
        break;
      case 'data':
        if (this.#answers === undefined) this.#data.push(event.data);
        else this.#answers.data(event.data);
        break;
      case 'failed':
        this.#over = true;
        this.#explain(event.failure);
        break;
      case 'exit':
        this.#over = true;
        this.#ended(exitOf(event.code, signalName(event.signal), event.usage, performance.now() - this.#startedAt));
        break;
      default:
        if (this.#stopped !== undefined) break;
        this.#forgetSignal();
        this.#startedAt = performance.now();
        task.fds.push(...this.#fds.splice(0));
        task.data = Buffer.concat(this.#data.splice(0));
        this.#outcome.running(task);
    }
  }

  /** Fails with the error of that failure. What its hint would propose is tried before. */
  #explain(failure: LaunchFailure): void {
    const more = this.#stopped === undefined ? this.#trialOf(failure) : undefined;
    if (more === undefined) this.#fail(launchError(failure, this.#request, this.#known));
    else void more.then((found) => this.#fail(launchError(failure, this.#request, { ...this.#known, ...found })));
  }

  #trialOf(failure: LaunchFailure): Promise<Partial<Known>> | undefined {
    if (maybeEndedByFilter(failure)) return findKilling(failure, this.#request).then((killing) => ({ killing }));
    if (!mayNeedUser(failure, this.#request)) return undefined;
    return tryWithUser(failure, this.#request).then((tried) => ({ tried }));
  }

  #fail(error: unknown): void {
    this.#forgetSignal();
    this.#tellExit(exitOf(null, null, NO_USAGE, 0));
    const reason = this.#stopped === undefined ? error : this.#stopped.reason;
    closeAll(this.#fds);
    if (this.#outside === undefined) this.#outcome.failed(reason);
    else void this.#outside.then(() => this.#outcome.failed(reason));
  }

  #ended(exit: Exit): void {
    if (this.#stopped !== undefined) {
      this.#fail(undefined);
      return;
    }
    this.#forgetSignal();
    this.#tellExit(exit);
    this.#outcome.ended(exit, { fds: this.#fds, data: Buffer.concat(this.#data) });
  }
}

function launchNative(request: LaunchRequest, onEvent: (event: TaskEvent) => void): NativeTask {
  try {
    return native().launch(request, onEvent);
  } catch (error) {
    throw coded(systemError(error, { step: 'prepare', operation: 'prepare' }));
  }
}

/** The error of a plan with a field of the wrong type: an option has changed since it was checked. */
function coded(error: Error): Error {
  return 'code' in error ? error : Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
}

/** The error of a plan that ended without reporting a failure, and yet not as it should. */
function endedEarly(exit: Exit, fds: readonly number[] = []): NamespaceError {
  closeAll(fds);
  const how = exit.signal === null ? 'ended' : `was ended by ${exit.signal}`;
  return new NamespaceError({ code: 'ERR_LINUX_NS_KILLED', message: `the new task ${how} before its plan had` });
}

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) closeFd(fd);
}

/** The first name counts where one number has two, as for Node: SIGABRT, not SIGIOT. */
const SIGNAL_NAMES = new Map(
  Object.entries(constants.signals)
    .map(([name, number]) => [number, name as NodeJS.Signals] as const)
    .reverse(),
);

/** `'SIGTERM'` for 15. Real-time signals have no name in Node. */
function signalName(signal: number | null): NodeJS.Signals | null {
  if (signal === null) return null;
  return SIGNAL_NAMES.get(signal) ?? (`SIG${signal}` as NodeJS.Signals);
}
