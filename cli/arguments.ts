import { parseArgs } from 'node:util';
import { COMMON, type Command, type Given, type Option, UsageError, type Written } from './command';
import { suggestion } from './suggestion';

/**
 * Parses a command line as getopt_long(3) does: combined short options, unambiguous abbreviations of long options and
 * optional values. If the command runs a program, options end where the program begins.
 *
 * @throws UsageError
 */
export function parseCommandLine(command: Command, words: readonly string[]): Given {
  const options = [...command.options, ...COMMON];
  const { optionWords, operands } = spellOut(options, words, command);
  const config = Object.fromEntries(
    options.map((option) => [
      option.name,
      option.value === undefined
        ? ({ type: 'boolean', multiple: true } as const)
        : ({ type: 'string', multiple: true } as const),
    ]),
  );
  const { tokens } = parseArgs({ args: optionWords, options: config, strict: true, tokens: true });
  const sequence = tokens.flatMap((token): Written[] =>
    token.kind === 'option' ? [{ option: token.name, values: valuesOf(token.value) }] : [],
  );
  const all = (name: string): readonly string[] =>
    sequence.filter(({ option }) => option === name).flatMap(({ values }) => values);
  return {
    has: (name) => sequence.some(({ option }) => option === name),
    value: (name) => all(name).at(-1),
    values: all,
    sequence,
    operands,
  };
}

/** Process ids are of type int: `<linux/types.h>`. */
const MOST_PID = 2 ** 31 - 1;

/** Stands for an omitted value, and separates two values. No argument of a command line can contain it. */
const NUL = '\0';

function valuesOf(text: string | undefined): string[] {
  return text === undefined || text === NUL ? [] : text.split(NUL);
}

interface Spelt {
  /** The options with their full names and values, `--name=value`. */
  readonly optionWords: string[];
  readonly operands: string[];
}

function spellOut(
  options: readonly Option[],
  words: readonly string[],
  { runsProgram: program, oneDash }: Command,
): Spelt {
  const isLong = (word: string): boolean =>
    word.startsWith('--') || (oneDash === true && options.some(({ name }) => word === `-${name}`));
  const optionWords: string[] = [];
  const operands: string[] = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') return { optionWords, operands: [...operands, ...rest] };
    if (isLong(word)) optionWords.push(longOption(options, word.replace(/^-+/, ''), rest));
    else if (word.startsWith('-') && word !== '-') optionWords.push(...shortOptions(options, word, rest));
    else if (program === true || (operands.length === 0 && word === program))
      return { optionWords, operands: [word, ...rest] };
    else operands.push(word);
  }
  return { optionWords, operands };
}

/** Reads a long option, given without its dashes. */
function longOption(options: readonly Option[], word: string, rest: string[]): string {
  const equals = word.indexOf('=');
  const name = equals === -1 ? word : word.slice(0, equals);
  const option = optionCalled(options, name);
  if (equals === -1) return withValue(option, `--${option.name}`, undefined, rest);
  if (option.value === undefined) throw new UsageError(`option '--${option.name}' does not take a value`);
  return withValue(option, `--${option.name}`, word.slice(equals + 1), rest);
}

/**
 * Reads short options: `-Urp`, `-t12`, `-t 12`. An optional value is the rest of the word, as in nsenter(1):
 * `-n/run/netns/blue`.
 */
function shortOptions(options: readonly Option[], word: string, rest: string[]): string[] {
  const spelt: string[] = [];
  for (let at = 1; at < word.length; at++) {
    const letter = word[at] ?? '';
    const option = options.find(({ short }) => short === letter);
    if (option === undefined) throw new UsageError(`unknown option '-${letter}'`);
    const following = word.slice(at + 1);
    const takesRest =
      option.value !== undefined &&
      following !== '' &&
      !(option.optional === true && isCluster(options, option, following));
    if (takesRest) return [...spelt, withValue(option, `-${letter}`, following.replace(/^=/, ''), rest)];
    spelt.push(withValue(option, `-${letter}`, undefined, option.value === undefined || option.optional ? [] : rest));
    if (option.value !== undefined && option.optional !== true) return spelt;
  }
  return spelt;
}

/** True where the letters after an option with an optional value are further options, and not one of its values. */
function isCluster(options: readonly Option[], { completes }: Option, letters: string): boolean {
  if (Array.isArray(completes) && completes.includes(letters.replace(/^=/, ''))) return false;
  return options.some(({ short }) => short === letters[0]);
}

function withValue(option: Option, spelling: string, value: string | undefined, rest: string[]): string {
  if (option.value === undefined) return `--${option.name}`;
  if (option.optional === true) return `--${option.name}=${value ?? NUL}`;
  const missing = numberOfWords(option) - (value === undefined ? 0 : 1);
  // `--` ends the options. A value that reads so is written in the same word: --allow-host=--
  const end = rest.indexOf('--');
  const there = end === -1 ? missing : Math.min(missing, end);
  const given = [...(value === undefined ? [] : [value]), ...rest.splice(0, there)];
  if (given.length < numberOfWords(option)) {
    throw new UsageError(`option '${spelling}' needs ${missing > 1 ? 'values' : 'a value'}: ${option.value}`);
  }
  return `--${option.name}=${given.join(NUL)}`;
}

function numberOfWords({ value = '' }: Option): number {
  return value.split(' ').length;
}

function optionCalled(options: readonly Option[], name: string): Option {
  const exact = options.find((option) => option.name === name);
  if (exact !== undefined) return exact;
  const starting = name === '' ? [] : options.filter((option) => option.name.startsWith(name));
  const [only] = starting;
  if (only !== undefined && starting.length === 1) return only;
  if (starting.length === 0) throw new UsageError(`unknown option '--${name}'${meant(options, name)}`);
  const candidates = starting.map((option) => `'--${option.name}'`).join(', ');
  throw new UsageError(`option '--${name}' is ambiguous: it could be one of ${candidates}`);
}

function meant(options: readonly Option[], name: string): string {
  const names = options.map((option) => option.name);
  return suggestion(name, names, '--');
}

/** The value of an option that takes a number. The smallest number is 0. */
export function numberOf(what: string, text: string, most = Number.MAX_SAFE_INTEGER): number {
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number <= most) return number;
  throw new UsageError(`${what} must be a number between 0 and ${most}, not '${text}'`);
}

/** The value of an option that takes a process id. */
export function processId(what: string, text: string): number {
  const pid = /^\d+$/.test(text) ? Number(text) : NaN;
  if (pid >= 1 && pid <= MOST_PID) return pid;
  throw new UsageError(`${what} must be a process id, not '${text}'`);
}

/** The value of an option that takes one of a few words. */
export function oneOf<const T extends string>(what: string, text: string, words: readonly T[]): T {
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  throw new UsageError(`${what} must be one of ${words.join(', ')}, not '${text}'`);
}
