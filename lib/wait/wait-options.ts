import { type Check, abortSignal, milliseconds } from '../errors/schema';
import { invalidType } from '../errors/validate';
import type { NamespaceProcess } from '../process/namespace-process';

/** Options of the functions of `waitFor`. Unknown ones are errors. */
export interface WaitOptions {
  /**
   * Milliseconds after which the wait is given up; 0 for no limit. Default: 30,000. Jest and Vitest give up on a test or
   * a hook after 5,000 unless they are told otherwise, and then do not show the error of this.
   */
  timeout?: number | undefined;
  /** Gives the wait up, which then rejects with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

/** Options of a wait for something that a program brings about. */
export interface WaitForProgramOptions extends WaitOptions {
  /**
   * The program that is to bring it about. If it ends, so does the wait, at once; and the error shows the last lines of
   * its output. Default: the target, if that is a program.
   */
  program?: NamespaceProcess | undefined;
}

/** The default of {@link WaitOptions.timeout}. */
export const PATIENCE = 30_000;

/** Recognizes a program by its shape: the class of another realm is another class. */
export function isProgram(value: unknown): value is NamespaceProcess {
  return value !== null && typeof value === 'object' && 'pidfd' in value && 'exited' in value && 'logs' in value;
}

/** A target that is a program. */
export function programOf(target: unknown): NamespaceProcess | undefined {
  return isProgram(target) ? target : undefined;
}

export const program: Check<NamespaceProcess> = (name, value) => {
  if (!isProgram(value)) throw invalidType(name, 'a NamespaceProcess', value);
  return value;
};

export const WAIT = { timeout: milliseconds, signal: abortSignal };
export const WAIT_FOR_PROGRAM = { ...WAIT, program };
