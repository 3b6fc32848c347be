/** A task that makes the sockets of a network for as long as somebody asks for some. */
import { writeSync } from 'node:fs';
import type { Step } from '../../types/native';
import { abortError } from '../errors/abort';
import { closedError } from '../errors/namespace-error';
import { native } from '../native';
import type { Answers, Task } from '../task/task';
import { creationError } from './descriptors/socket-error';

/** The arguments of socket(2). */
export type SocketNumbers = readonly [domain: number, type: number, protocol: number];

/** Carries the steps out by a task in the network. Settles when the task has ended. */
type RunThere = (steps: readonly Step[], answers: Answers) => Promise<unknown>;

/** The most requests that are on their way at once, PLAN_MOST_SOCKETS of src/plan/plan.h: the pipe has room for them. */
const MOST_TOGETHER = 64;

/** The milliseconds without a request after which the task ends. */
const IDLE = 1000;

/** Somebody who waits for a socket. */
interface Waiting {
  readonly numbers: SocketNumbers;
  readonly resolve: (fd: number) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes sockets by a task in the network. The first request starts it. It ends a second after the last one, when this is
 * closed, or with this process, and keeps the event loop alive only while somebody waits for a socket, or for its end.
 */
export class SocketServer {
  readonly #run: RunThere;
  /** Those of whom no task knows yet. */
  readonly #queue: Waiting[] = [];
  /** The task that takes requests. */
  #line: Line | undefined;
  /** The tasks that have not ended yet. */
  readonly #living = new Set<Line>();
  #closed = false;

  constructor(run: RunThere) {
    this.#run = run;
  }

  /** Makes a socket. Its descriptor is adopted, and the caller closes it. */
  make(numbers: SocketNumbers, signal?: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw closedError('This Network');
      if (signal?.aborted === true) throw abortError(signal);
      const waiting = { numbers, resolve, reject };
      this.#queue.push(signal === undefined ? waiting : abortable(waiting, signal));
      this.#ask();
    });
  }

  /** Ends the task, which first answers what it has been asked. Resolves when nothing of it is left. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#line?.end();
    this.#line = undefined;
    rejectAll(this.#queue, closedError('This Network'));
    await Promise.all([...this.#living].map((line) => line.awaitEnd()));
  }

  #ask(): void {
    try {
      this.#line ??= this.#begin();
    } catch (error) {
      rejectAll(this.#queue, error); // this process has as many descriptors as it may
      return;
    }
    this.#line.ask(this.#queue);
  }

  #begin(): Line {
    const line: Line = new Line(this.#run, {
      hasRoom: () => this.#line === line && line.ask(this.#queue),
      isIdle: () => this.#leave(line),
      hasFailed: (error) => {
        // Those who are still in the queue would only meet the same error.
        if (this.#line === line) rejectAll(this.#queue, error);
        this.#leave(line);
      },
    });
    this.#living.add(line);
    void line.ended.then(() => this.#living.delete(line));
    return line;
  }

  /** Asks that task no more. */
  #leave(line: Line): void {
    line.end();
    if (this.#line === line) this.#line = undefined;
  }
}

/** The things that a task tells of itself. */
interface Events {
  /** It has answered, and can be asked for more. */
  hasRoom(): void;
  /** Nobody has asked it for some time. */
  isIdle(): void;
  /** It has not done what it is there for, and has ended. */
  hasFailed(error: unknown): void;
}

/** One task, and the pipe by which it is asked. */
class Line implements Answers {
  /** Resolves when nothing of the task is left. It never rejects. */
  readonly ended: Promise<void>;
  readonly #events: Events;
  /** Both ends of the pipe; -1 once they are closed. */
  #theirs: number;
  #ours: number;
  #task: Task | undefined;
  /** Those who have asked, in the order in which the task answers. */
  readonly #asked: Waiting[] = [];
  readonly #idle: NodeJS.Timeout;
  #isAwaited = false;

  constructor(run: RunThere, events: Events) {
    this.#events = events;
    [this.#theirs, this.#ours] = native().pipe();
    this.#idle = setTimeout(() => this.#asked.length === 0 && this.#events.isIdle(), IDLE).unref();
    this.ended = this.#live(run);
  }

  /** Asks for the first of those, as many as there is room for. */
  ask(queue: Waiting[]): void {
    const asking = queue.splice(0, MOST_TOGETHER - this.#asked.length);
    if (asking.length === 0) return;
    if (this.#asked.length === 0) this.#task?.ref();
    this.#asked.push(...asking);
    try {
      writeSync(this.#ours, new Uint32Array(asking.flatMap(({ numbers }) => numbers)));
    } catch {
      // EPIPE: the task has ended, and what has asked it is told why.
    }
  }

  /** The task ends when it has answered. */
  end(): void {
    clearTimeout(this.#idle);
    if (this.#ours !== -1) native().closeNow(this.#ours);
    this.#ours = -1;
  }

  /** The same as {@link ended}, and keeps the event loop alive until then. */
  awaitEnd(): Promise<void> {
    this.#isAwaited = true;
    this.#task?.ref();
    return this.ended;
  }

  begun(task: Task): void {
    this.#task = task;
    this.#release();
    this.#rest();
  }

  fd(fd: number): void {
    const waiting = this.#asked.shift();
    if (waiting === undefined) native().closeNow(fd);
    else waiting.resolve(fd);
    this.#answered();
  }

  data(data: Buffer): void {
    this.#asked.shift()?.reject(creationError({ errno: data.readInt32LE(), syscall: 'socket' }));
    this.#answered();
  }

  async #live(run: RunThere): Promise<void> {
    try {
      await run([['sockets', this.#theirs]], this);
    } catch (error) {
      this.#events.hasFailed(error); // before anybody who hears of it asks again
      rejectAll(this.#asked, error);
    } finally {
      this.#release();
    }
  }

  #answered(): void {
    this.#idle.refresh();
    this.#events.hasRoom();
    this.#rest();
  }

  /** The event loop need not go on for a task that nobody waits for. */
  #rest(): void {
    if (this.#asked.length === 0 && !this.#isAwaited) this.#task?.unref();
  }

  /** The task has its end of the pipe, or will not have it. */
  #release(): void {
    if (this.#theirs !== -1) native().closeNow(this.#theirs);
    this.#theirs = -1;
  }
}

function rejectAll(waiting: Waiting[], error: unknown): void {
  for (const { reject } of waiting.splice(0)) reject(error);
}

/** Rejects when the signal is aborted. The socket that comes after all is closed. */
function abortable({ numbers, resolve, reject }: Waiting, signal: AbortSignal): Waiting {
  const stop = (): void => reject(abortError(signal));
  signal.addEventListener('abort', stop, { once: true });
  const settle = (then: () => void): void => {
    signal.removeEventListener('abort', stop);
    then();
  };
  return {
    numbers,
    resolve: (fd) => settle(() => (signal.aborted ? native().closeNow(fd) : resolve(fd))),
    reject: (error) => settle(() => reject(error)),
  };
}
