/** What a value of an option can be, for the completion of shells: words, or what the shell knows about. */
export type Completion = readonly string[] | 'file' | 'directory' | 'process' | 'user' | 'group' | 'network';

/** One option of a command: the one place from which it is parsed, documented and completed. */
export interface Option {
  /** As it is written after two dashes. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** What it takes, as help calls it; none: a switch. Of two words it takes both: `SOURCE TARGET`. */
  readonly value?: string;
  /** The value may be left out, and is part of the same word: `--net=FILE`. */
  readonly optional?: true;
  readonly help: string;
  readonly completes?: Completion;
  /** In the help of all options only. */
  readonly rare?: true;
}

/** One of the commands of `linux-ns`. */
export interface Command {
  readonly name: string;
  /** What it does, as the list of commands says it. */
  readonly summary: string;
  /** What follows the options, as usage shows it. */
  readonly operands: string;
  readonly options: readonly Option[];
  /** Options end where the program begins: `linux-ns unshare -U ls -l`. A word: after that one, which is the first. */
  readonly runsProgram?: true | string;
  /** Words that the first operand can be. */
  readonly words?: readonly string[];
  /** What comes after that word. */
  readonly afterWord?: Completion;
  readonly examples: readonly (readonly [command: string, does: string])[];
  /** @returns the exit status */
  run(given: Given): Promise<number>;
}

/** An option as it was written, once. */
export interface Written {
  readonly option: string;
  /** As many as it takes; none of a switch, and where one was left out. */
  readonly values: readonly string[];
}

/** What a command was given. */
export interface Given {
  /** Whether the option is there, with a value or without. */
  has(option: string): boolean;
  /** The last value of an option; undefined where there is none. */
  value(option: string): string | undefined;
  /** All values of an option, in order. */
  values(option: string): readonly string[];
  /** All options, in the order they were written. */
  readonly sequence: readonly Written[];
  readonly operands: readonly string[];
}

/** What every command takes. */
export const COMMON: readonly Option[] = [
  { name: 'help', short: 'h', value: 'all', optional: true, completes: ['all'], help: 'show this help' },
  { name: 'version', short: 'V', rare: true, help: 'show the version' },
];

/** Something is wrong with the words of the command line. */
export class UsageError extends Error {}
