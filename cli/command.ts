/** What a value of an option can be, for the completion of shells: words, or what the shell knows about. */
export type Completion = readonly string[] | 'file' | 'directory' | 'process' | 'user' | 'group';

/** One option of a command: the one place from which it is parsed, documented and completed. */
export interface Option {
  /** As it is written after two dashes. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** What it takes, as help calls it; none: a switch. */
  readonly value?: string;
  /** The value may be left out, and is part of the same word: `--net=FILE`. */
  readonly optional?: true;
  readonly help: string;
  readonly completes?: Completion;
  /** Written as the one before: not in help on its own. */
  readonly hidden?: true;
}

/** One of the commands of `linux-ns`. */
export interface Command {
  readonly name: string;
  /** What it does, as the list of commands says it. */
  readonly summary: string;
  /** What follows the options, as usage shows it. */
  readonly operands: string;
  readonly options: readonly Option[];
  /** Options end where the program begins: `linux-ns unshare -U ls -l`. */
  readonly runsProgram?: true;
  /** Words that the first operand can be. */
  readonly words?: readonly string[];
  readonly examples: readonly (readonly [command: string, does: string])[];
  /** @returns the exit status */
  run(given: Given): Promise<number>;
}

/** What a command was given. */
export interface Given {
  /** Whether the option is there, with a value or without. */
  has(option: string): boolean;
  /** The last value of an option; undefined where there is none. */
  value(option: string): string | undefined;
  /** All values of an option, in order. */
  values(option: string): readonly string[];
  readonly operands: readonly string[];
}

/** What every command takes. */
export const COMMON: readonly Option[] = [
  { name: 'help', short: 'h', help: 'show this help' },
  { name: 'version', short: 'V', help: 'show the version' },
];

/** Something is wrong with the words of the command line. */
export class UsageError extends Error {}
