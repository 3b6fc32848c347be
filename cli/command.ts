/** What shell completion offers for a value: words, or things that the shell can list. */
export type Completion = readonly string[] | 'file' | 'directory' | 'process' | 'user' | 'group' | 'network';

/** An option of a command. Parser, help and completion are all generated from it. */
export interface Option {
  /** The long name, without the dashes. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** The name of its value in the help; without one it is a switch. Two words are two values: `SOURCE TARGET`. */
  readonly value?: string;
  /** The value is optional, and part of the same word: `--net=FILE`. */
  readonly optional?: true;
  /** A phrase that begins with a verb in lower case, without a full stop. */
  readonly help: string;
  readonly completes?: Completion;
  /** Shown by `--help=all` only. */
  readonly rare?: true;
}

/** One of the commands of `linux-ns`. */
export interface Command {
  readonly name: string;
  /** What it does: a sentence without a full stop. */
  readonly summary: string;
  /** What follows the options in the usage line. */
  readonly operands: string;
  readonly options: readonly Option[];
  /**
   * Options end where the program begins: `linux-ns unshare -U ls -l`. If it is a word: they end there only if the first
   * operand is that word.
   */
  readonly runsProgram?: true | string;
  /** The values of the first operand. */
  readonly words?: readonly string[];
  /** What the second operand is. */
  readonly afterWord?: Completion;
  /** Shown in the help after the options. */
  readonly notes?: readonly string[];
  readonly examples: readonly (readonly [command: string, does: string])[];
  /** @returns the exit status */
  run(given: Given): Promise<number>;
}

/** One occurrence of an option on the command line. */
export interface Written {
  readonly option: string;
  /** As many as it takes; none for a switch or an omitted optional value. */
  readonly values: readonly string[];
}

/** The parsed command line of a command. */
export interface Given {
  /** Whether the option is present, with or without a value. */
  has(option: string): boolean;
  /** The last value of an option, undefined without one. */
  value(option: string): string | undefined;
  /** All values of an option, in order. */
  values(option: string): readonly string[];
  /** All options, in the order of the command line. */
  readonly sequence: readonly Written[];
  readonly operands: readonly string[];
}

/** The options of every command. */
export const COMMON: readonly Option[] = [
  { name: 'help', short: 'h', value: 'all', optional: true, completes: ['all'], help: 'show this help' },
  { name: 'version', short: 'V', rare: true, help: 'show the version' },
];

/** The command line is invalid. */
export class UsageError extends Error {}
