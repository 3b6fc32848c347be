/** The values that shell completion offers: words, or things that the shell can list. */
export type Completion = readonly string[] | 'file' | 'directory' | 'process' | 'user' | 'group' | 'network';

/** An option of a command. The parser, the help and the completion are all generated from it. */
export interface Option {
  /** The long name, without the dashes. */
  readonly name: string;
  /** The short name, one letter. */
  readonly short?: string;
  /**
   * The name of its value in the help. An option without one is a switch. Two words stand for two values, as in
   * `SOURCE TARGET`.
   */
  readonly value?: string;
  /** Makes the value optional; it is part of the same word then: `--net=FILE`. */
  readonly optional?: true;
  /** The description: a phrase that begins with a verb in lower case, without a full stop. */
  readonly help: string;
  readonly completes?: Completion;
  /** Shows the option in `--help=all` only. */
  readonly rare?: true;
}

/** One of the commands of `linux-ns`. */
export interface Command {
  readonly name: string;
  /** The purpose of the command: a sentence without a full stop. */
  readonly summary: string;
  /** The operands, as the usage line shows them after the options. */
  readonly operands: string;
  readonly options: readonly Option[];
  /**
   * The end of the options. With true, options end where the program begins: `linux-ns unshare -U ls -l`. With a word,
   * they end there only if the first operand is that word.
   */
  readonly runsProgram?: true | string;
  /** Long options may have one dash, as those of ip(8): `-all`. */
  readonly oneDash?: true;
  /** The possible values of the first operand. */
  readonly words?: readonly string[];
  /** The values that completion offers for the second operand. */
  readonly afterWord?: Completion;
  /** Notes that the help shows after the options. */
  readonly notes?: readonly string[];
  readonly examples: readonly (readonly [command: string, does: string])[];
  /**
   * Runs the command.
   *
   * @param commands - all commands, for one that tells of them
   * @returns the exit status
   */
  run(given: Given, commands: readonly Entry[]): Promise<number>;
}

/** A command whose module is not loaded yet. */
export interface Entry extends Pick<Command, 'name' | 'summary'> {
  load(): Promise<Command>;
}

/** One occurrence of an option on the command line. */
export interface Written {
  readonly option: string;
  /** The values: none for a switch or where an optional value is omitted. */
  readonly values: readonly string[];
}

/** The parsed command line of a command. */
export interface Given {
  /** True where the option is present, with or without a value. */
  has(option: string): boolean;
  /** The last value of an option; undefined where it has none. */
  value(option: string): string | undefined;
  /** All values of an option, in order. */
  values(option: string): readonly string[];
  /** All options, in the order of the command line. */
  readonly sequence: readonly Written[];
  readonly operands: readonly string[];
}

/** The options that every command has. */
export const COMMON: readonly Option[] = [
  { name: 'help', short: 'h', value: 'all', optional: true, completes: ['all'], help: 'show this help' },
  { name: 'version', short: 'V', rare: true, help: 'show the version' },
];

/** The error of an invalid command line. */
export class UsageError extends Error {}
