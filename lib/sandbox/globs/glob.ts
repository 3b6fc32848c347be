/**
 * Patterns for paths. A pattern is matched name by name, so that a search goes only into directories in which something
 * can match. glob(7); `**` and braces are those of shells.
 */
import { invalidValue } from '../../errors/validate';

/** Any number of directories, none included. */
const ANY_DEPTH = Symbol('**');

/** The condition for one name. */
type Part = typeof ANY_DEPTH | string | RegExp;

/** The parts of one pattern that are still to be matched, by their positions. */
type Positions = readonly number[];

/** A pattern, of which a path has been followed to some directory. */
export class Glob {
  readonly #parts: readonly Part[];
  readonly #at: Positions;

  private constructor(parts: readonly Part[], at: Positions) {
    this.#parts = parts;
    this.#at = at;
  }

  /** @throws TypeError `ERR_INVALID_ARG_VALUE` for one that can match nothing below a directory */
  static parse(name: string, pattern: string): Glob[] {
    return alternatives(name, pattern).map((each) => {
      const names = each.split('/').filter((one) => one !== '' && one !== '.');
      if (names.length === 0 || each.startsWith('/') || names.includes('..')) {
        throw invalidValue(name, pattern, "must be a pattern below a directory, without '..'");
      }
      const parts = names.map((one) => partOf(name, one));
      return new Glob(parts, reachable(parts, [0]));
    });
  }

  /** The pattern after the directory, or file, of that name. */
  into(name: string): Glob {
    const at = this.#at.flatMap((position) => {
      const part = this.#parts[position];
      if (part === ANY_DEPTH) return [position];
      return fits(part, name) ? [position + 1] : [];
    });
    return new Glob(this.#parts, reachable(this.#parts, at));
  }

  /** The one path that matches, if that is certain before anything is looked at. */
  get only(): string | undefined {
    return this.#parts.every((part) => typeof part === 'string') ? this.#parts.join('/') : undefined;
  }

  /** True if the path that was followed matches. */
  get matches(): boolean {
    return this.#at.includes(this.#parts.length);
  }

  /** True if something below it can match. */
  get goesOn(): boolean {
    return this.#at.some((position) => position < this.#parts.length);
  }
}

/** True for a text that is a pattern, and not only a path. */
export function isPattern(text: string): boolean {
  return /[*?[{]/.test(text.replaceAll(/\\./g, ''));
}

/** A path in which nothing is a pattern: the text without the backslashes that say so. */
export function literal(text: string): string {
  return text.replaceAll(/\\(.)/g, '$1');
}

/** Splits a pattern into the names at its start, which are a path, and the rest. */
export function splitPattern(pattern: string): { start: string; rest: string } {
  const names = pattern.split('/');
  const first = names.findIndex(isPattern);
  return { start: literal(names.slice(0, first).join('/')), rest: names.slice(first).join('/') };
}

function fits(part: string | RegExp | undefined, name: string): boolean {
  return part instanceof RegExp ? part.test(name) : part === name;
}

/** Adds the positions after each `**`, which may stand for no directory at all. */
function reachable(parts: readonly Part[], at: Positions): Positions {
  const all = new Set<number>();
  for (let position of at) {
    all.add(position);
    while (parts[position] === ANY_DEPTH) all.add(++position);
  }
  return [...all];
}

const MOST_ALTERNATIVES = 1024;

/** The patterns that one with braces stands for: `{a,b}/*` is `a/*` and `b/*`. */
function alternatives(name: string, pattern: string): string[] {
  if (!pattern.includes('{')) return [pattern];
  const done: string[] = [];
  const waiting = [pattern];
  for (let each = waiting.pop(); each !== undefined; each = waiting.pop()) {
    const braces = firstBraces(each);
    if (braces === undefined) done.push(each);
    else waiting.push(...braces.options.map((option) => braces.before + option + braces.after));
    if (done.length + waiting.length > MOST_ALTERNATIVES) {
      throw invalidValue(name, pattern, `stands for more than ${MOST_ALTERNATIVES} patterns`);
    }
  }
  return done;
}

/** The first braces in a pattern that are closed, and have a comma. */
function firstBraces(pattern: string): { before: string; options: string[]; after: string } | undefined {
  const commas: number[][] = [];
  const starts: number[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at];
    if (character === '\\') at++;
    else if (character === '{') {
      starts.push(at);
      commas.push([]);
    } else if (character === ',') commas.at(-1)?.push(at);
    else if (character === '}' && starts.length > 0) {
      const start = starts.pop() ?? 0;
      const ends = [start, ...(commas.pop() ?? []), at];
      if (ends.length === 2) continue;
      const options = ends.slice(1).map((end, index) => pattern.slice((ends[index] ?? 0) + 1, end));
      return { before: pattern.slice(0, start), options, after: pattern.slice(at + 1) };
    }
  }
  return undefined;
}

const SPECIAL = /[.*+?^${}()|[\]\\/]/g;

/** One name of a pattern. `*` matches a dot at the start of a name as well. */
function partOf(name: string, part: string): Part {
  if (part === '**') return ANY_DEPTH;
  if (!isPattern(part)) return literal(part);
  const source = part.replaceAll(
    /\\(.)|\*+|\?|\[([!^]?)(\]?[^\]]*)\]|([^\\*?[]+|.)/gs,
    (text, escaped?: string, not?: string, set?: string, plain?: string) => {
      if (escaped !== undefined) return escaped.replaceAll(SPECIAL, '\\$&');
      if (plain !== undefined) return plain.replaceAll(SPECIAL, '\\$&');
      if (set !== undefined) return `[${not === '' ? '' : '^'}${set.replaceAll(/[\\\][^]/g, '\\$&')}]`;
      return text === '?' ? '[^]' : '[^]*';
    },
  );
  try {
    return new RegExp(`^${source}$`, 'u');
  } catch {
    throw invalidValue(name, part, 'has brackets that stand for no character'); // [z-a]
  }
}
