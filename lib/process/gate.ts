import { Socket } from 'node:net';
import { closeFd } from '../handle/close';
import { native } from '../native';

/** A task that waits at a gate. */
interface Waiting {
  ref(): void;
  unref(): void;
}

/** Holds a task back before it is started: the step `gate`. */
export class Gate {
  /** Resolves when the task waits there. */
  readonly reached: Promise<void>;
  readonly #ours: Socket;
  #theirs: number;
  #waiting: Waiting | undefined;
  #opened = false;
  #closed = false;

  constructor() {
    const [ours, theirs] = native().socketPair();
    this.#theirs = theirs;
    native().disown(ours);
    this.#ours = new Socket({ fd: ours, readable: true, writable: true });
    this.reached = new Promise((resolve) => this.#ours.once('data', () => resolve()));
    // A task that has ended is told of otherwise.
    this.#ours.on('error', () => undefined);
  }

  /** The descriptor for the task. */
  get inside(): number {
    return this.#theirs;
  }

  /** This is the task that will wait. */
  holds(task: Waiting): void {
    this.#waiting = task;
  }

  /** The task waits, and does not keep Node running from here on. */
  rest(): void {
    this.#release();
    this.#waiting?.unref();
    this.#ours.unref();
  }

  /** True if the task was ended here. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Lets the task go on. */
  open(): void {
    this.#opened = true;
    this.#waiting?.ref();
    this.#ours.end('.');
  }

  /** Ends the task, if it still waits. */
  close(): void {
    if (this.#opened) return;
    this.#closed = true;
    this.#release();
    this.#ours.destroy();
  }

  /** The task has the descriptor, or will not have it. */
  #release(): void {
    if (this.#theirs !== -1) closeFd(this.#theirs);
    this.#theirs = -1;
  }
}
