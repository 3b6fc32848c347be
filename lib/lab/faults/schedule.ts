/** Things that happen at given times. */
import { MOST_MS, callback, list, number, required, schema } from '../../errors/schema';

/** Something that happens at a time. */
export interface ScheduledStep {
  /** The time, in milliseconds after {@link Lab.schedule} was called. */
  at: number;
  /** Does it; a promise that it returns is awaited before the next step begins. */
  run: () => unknown;
}

const STEPS = list(
  schema<ScheduledStep>()({ at: required(number(0, MOST_MS)), run: required(callback<() => unknown>()) }),
);

/**
 * Steps that happen at their times, one after another. {@link Lab.schedule} makes it. Stop it, or declare it with `using`; it
 * does not keep Node running once it has stopped.
 */
export class Schedule implements Disposable {
  /** Resolves when all steps have been done or it was stopped; rejects with the error of a step, after which none follows. */
  readonly done: Promise<void>;
  #stop: () => void = () => undefined;
  #stopped = false;

  /** @internal */
  constructor(steps: readonly ScheduledStep[]) {
    const sorted = [...STEPS('steps', steps)].sort((first, second) => first.at - second.at);
    this.done = this.#follow(sorted);
    this.done.catch(() => undefined); // who awaits it sees the error
  }

  /** Lets no further step begin. */
  stop(): void {
    this.#stopped = true;
    this.#stop();
  }

  /** Calls {@link Schedule.stop}, for `using`. */
  [Symbol.dispose](): void {
    this.stop();
  }

  async #follow(steps: readonly ScheduledStep[]): Promise<void> {
    const start = performance.now();
    for (const step of steps) {
      await this.#until(start + step.at);
      if (this.#stopped) return;
      await step.run();
    }
  }

  /** Waits until then, or until it is stopped. A timer may come a millisecond early. */
  async #until(time: number): Promise<void> {
    for (let left = time - performance.now(); left > 0 && !this.#stopped; left = time - performance.now()) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#stop = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
