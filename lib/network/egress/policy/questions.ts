/** The questions of a policy to whoever decides, and the answers, which are remembered. */
import type { EgressProgram } from '../requests/egress-request';
import type { EgressPolicy, EgressQuestion } from './egress-policy';
import type { Rule } from './rule';
import { type Destination, RuleIndex } from './rule-index';

/** The most questions that are open at a time: a program inside can think of any number of names. */
const MOST_OPEN = 64;

/** The most answers that are remembered. The oldest is forgotten for a new one. */
const MOST_ANSWERS = 10_000;

interface Open {
  readonly to: Destination;
  /** Resolves when there is no question any more, with the reason where nobody has decided. */
  readonly over: Promise<string | undefined>;
  readonly withdraw: (reason: string) => void;
}

interface Answer {
  readonly to: Destination;
  readonly allowed: boolean;
}

export class Questions {
  readonly #decide: NonNullable<EgressPolicy['ask']>;
  readonly #timeout: number;
  readonly #open = new Map<string, Open>();
  readonly #answers = new Map<string, Answer>();
  readonly #onAnswer: () => void;
  #closed = false;

  /**
   * @param decide - the caller's function
   * @param timeout - milliseconds
   * @param onAnswer - called after an answer, which is remembered by then
   */
  constructor(decide: NonNullable<EgressPolicy['ask']>, timeout: number, onAnswer: () => void) {
    this.#decide = decide;
    this.#timeout = timeout;
    this.#onAnswer = onAnswer;
  }

  /** The answer about a destination; undefined where there is none. */
  said(to: Destination): boolean | undefined {
    return this.#answers.get(keyOf(to))?.allowed;
  }

  /**
   * Asks, or waits for the answer to the same question. It never rejects.
   *
   * @returns undefined after an answer; otherwise the reason why there is none
   */
  async ask(to: Destination, program: () => Promise<EgressProgram | undefined>): Promise<string | undefined> {
    const key = keyOf(to);
    const open = this.#open.get(key);
    if (open !== undefined) return open.over;
    if (this.#closed) return 'the egress is closed';
    if (this.#open.size >= MOST_OPEN) return `${MOST_OPEN} other questions have no answer yet`;
    return this.#begin(key, to, program);
  }

  /** Withdraws the questions that need no answer any more. */
  reconsider(isDecided: (to: Destination) => boolean): void {
    for (const { to, withdraw } of [...this.#open.values()]) if (isDecided(to)) withdraw('a rule has decided');
  }

  /**
   * Forgets the answers about what a rule names.
   *
   * @returns true where there was one
   */
  forget(rule: Rule): boolean {
    const named = new RuleIndex();
    named.add(rule);
    const found = [...this.#answers].filter(([, { to }]) => named.find(to) !== undefined);
    for (const [key] of found) this.#answers.delete(key);
    return found.length > 0;
  }

  close(): void {
    this.#closed = true;
    for (const { withdraw } of [...this.#open.values()]) withdraw('the egress is closed');
  }

  #begin(key: string, to: Destination, program: () => Promise<EgressProgram | undefined>): Promise<string | undefined> {
    const gone = new AbortController();
    let finish: (reason: string | undefined) => void = () => undefined;
    const over = new Promise<string | undefined>((resolve) => (finish = resolve));
    const end = (reason: string | undefined): void => {
      clearTimeout(timer);
      this.#open.delete(key);
      finish(reason);
    };
    const withdraw = (reason: string): void => {
      end(reason);
      gone.abort(new Error(reason));
    };
    const timer = setTimeout(() => withdraw(`nobody has answered within ${this.#timeout} ms`), this.#timeout);
    this.#open.set(key, { to, over, withdraw });
    this.#answerOf(to, program, gone.signal).then(
      (allowed) => {
        if (gone.signal.aborted) return;
        this.#remember(key, { to, allowed });
        end(undefined);
        this.#onAnswer();
      },
      (error: unknown) => {
        if (!gone.signal.aborted) end(`the function that decides has failed (${wordsOf(error)})`);
      },
    );
    return over;
  }

  async #answerOf(
    { name, address, port }: Destination,
    program: () => Promise<EgressProgram | undefined>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const question: EgressQuestion = { name, address, port, program: await program(), signal };
    signal.throwIfAborted();
    const answer: unknown = await this.#decide(question);
    if (typeof answer !== 'boolean') throw new TypeError('its answer is no boolean');
    return answer;
  }

  #remember(key: string, answer: Answer): void {
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    const [oldest] = this.#answers.keys();
    if (oldest !== undefined && this.#answers.size > MOST_ANSWERS) this.#answers.delete(oldest);
  }
}

/** A host and a port. The address that a name has inside may be another one later. */
function keyOf({ name, address, port }: Destination): string {
  return `${name ?? `[${address}]`}:${port}`;
}

function wordsOf(error: unknown): string {
  const message = error !== null && typeof error === 'object' && 'message' in error ? error.message : error;
  return typeof message === 'string' ? message.slice(0, 200) : typeof message;
}
