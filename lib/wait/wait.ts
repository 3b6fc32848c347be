/** The course of a wait: attempts, its end, and the error that says how far it has come. */
import { setTimeout as pause } from 'node:timers/promises';
import { abortError } from '../errors/abort';
import { NamespaceError } from '../errors/namespace-error';
import { printable } from '../errors/printable';
import type { NamespaceProcess } from '../process/namespace-process';
import { PATIENCE, type WaitOptions } from './wait-options';

/** The first pause between attempts, in milliseconds, and the longest: each is half as long again as the one before. */
const FIRST_PAUSE = 5;
const LONGEST_PAUSE = 200;

/** The lines of output that an error shows, and the most letters of each. */
const SHOWN_LINES = 20;
const SHOWN_LETTERS = 300;

/** The time in milliseconds for the last output of a program that has ended: others may keep its streams open. */
const LAST_WORDS = 500;

/** Codes of errors that no further attempt can change. */
const FINAL = ['ERR_LINUX_NS_CLOSED', 'ERR_LINUX_NS_NO_SUCH_KIND', 'ERR_LINUX_NS_UNSUPPORTED'];

/** The description of a wait. */
export interface Wait {
  /** The thing that is waited for, as the subject of a sentence: `port 5432`. */
  readonly subject: string;
  /** The thing that it has to do, and has not done when the wait ends: `accept a connection`. */
  readonly verb: string;
}

type Reason = 'timeout' | 'abort' | 'ended';

/** The end of a wait that may come before the thing that is waited for. */
export class Waiting implements Disposable {
  readonly #wait: Wait;
  readonly #options: WaitOptions;
  /** The program whose output the error shows. */
  readonly #program: NamespaceProcess | undefined;
  readonly #stop = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #onAbort = (): void => this.#end('abort');
  #reason: Reason | undefined;
  #attempts = 0;
  #last: unknown;

  constructor(wait: Wait, options: WaitOptions, program: NamespaceProcess | undefined) {
    const { timeout = PATIENCE, signal } = options;
    this.#wait = wait;
    this.#options = options;
    this.#program = program;
    program?.logs(); // its output is kept from here on
    if (timeout > 0) this.#timer = setTimeout(() => this.#end('timeout'), timeout);
    if (signal?.aborted === true) this.#onAbort();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Ends the wait when something has happened; what that brings about by itself comes before. */
  endWhen(happened: Promise<unknown>): void {
    void happened.then(() => setImmediate(() => this.#end('ended')));
  }

  /** Is aborted when the wait is over without success. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  /**
   * Attempts something until it succeeds, with pauses between.
   *
   * @throws NamespaceError `ETIMEDOUT`, `ERR_LINUX_NS_ENDED`; an `AbortError`; an error that no further attempt can change
   */
  async until<T>(attempt: (stopped: AbortSignal) => Promise<T>): Promise<T> {
    for (let length = FIRST_PAUSE; !this.stopped.aborted; length = Math.min(length * 1.5, LONGEST_PAUSE)) {
      try {
        this.#attempts++;
        return await attempt(this.stopped);
      } catch (error) {
        if (isFinal(error)) throw error;
        // An attempt that was broken off says nothing about the state.
        if (!this.#isOver()) this.#last = error;
      }
      await pause(length, undefined, { signal: this.stopped }).catch(() => undefined);
    }
    throw await this.failure();
  }

  /** Waits for something that tells by itself when it has happened. */
  async once<T>(happened: Promise<T>): Promise<T> {
    const stopped = new Promise<undefined>((resolve) => {
      if (this.stopped.aborted) resolve(undefined);
      else this.stopped.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    const first = await Promise.race([happened.then((value) => ({ value })), stopped]);
    if (first === undefined) throw await this.failure();
    return first.value;
  }

  /** The error of a wait that is over. */
  async failure(): Promise<Error> {
    const { timeout = PATIENCE, signal } = this.#options;
    const program = this.#program;
    if (this.#reason === 'abort' && signal !== undefined) return abortError(signal);
    const { subject, verb } = this.#wait;
    const message =
      this.#reason === 'timeout'
        ? `${subject} did not ${verb} within ${timeout} ms${this.#lastAttempt()}`
        : `${nameOf(program)} ended with ${endOf(program)}, and ${subject} did not ${verb}${this.#lastAttempt()}`;
    const code = this.#reason === 'timeout' ? 'ETIMEDOUT' : 'ERR_LINUX_NS_ENDED';
    return new NamespaceError({
      code,
      message,
      step: `wait for ${subject}`,
      hint: await lastLines(program),
      cause: this.#last,
    });
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#end('ended'); // breaks off what is under way
  }

  #isOver(): boolean {
    return this.stopped.aborted;
  }

  #end(reason: Reason): void {
    this.#reason ??= reason;
    this.#stop.abort();
  }

  #lastAttempt(): string {
    if (this.#last === undefined) return '';
    return ` (attempt ${this.#attempts}: ${printable((this.#last as Error).message)})`;
  }
}

function isFinal(error: unknown): boolean {
  const { code = '' } = error as { code?: unknown };
  return typeof code === 'string' && (FINAL.includes(code) || /^ERR_(INVALID_ARG|OUT_OF_RANGE)/.test(code));
}

function nameOf(program: NamespaceProcess | undefined): string {
  return program === undefined ? 'the program' : `${printable(program.spawnfile)} (pid ${program.pid})`;
}

function endOf(program: NamespaceProcess | undefined): string {
  const { exitCode, signalCode } = program ?? {};
  return signalCode ?? `exit code ${String(exitCode)}`;
}

/** The end of the output of a program, each line made safe to print; undefined without a program. */
export async function lastLines(program: NamespaceProcess | undefined): Promise<string | undefined> {
  if (program === undefined) return undefined;
  const logs = program.logs();
  if (program.exitCode !== null || program.signalCode !== null) {
    await Promise.race([logs.ended, pause(LAST_WORDS, undefined, { ref: false })]);
  }
  const lines = logs.lines(SHOWN_LINES).map((line) => `\n  ${printable(line.slice(0, SHOWN_LETTERS))}`);
  const name = nameOf(program);
  if (lines.length === 0) return `${name} has no output that could be shown.`;
  return `The output of ${name} ends with:${lines.join('')}`;
}
