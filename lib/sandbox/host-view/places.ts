/** The paths and patterns that a view is made from. */
import { type Stats, lstatSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { type Check, list } from '../../errors/schema';
import { validatePath } from '../../errors/validate';
import { isPattern, literal, splitPattern } from '../globs/glob';

/** A path, or a pattern below one. */
export interface Place {
  readonly path: string;
  /** Undefined for the path itself. */
  readonly pattern: string | undefined;
  /** True for a pattern that was given without a directory to start with: it is for each directory of the project. */
  readonly anywhere: boolean;
  /** True if it ended in a slash. */
  readonly directory: boolean;
}

const place: Check<Place> = (name, value) => {
  const text = validatePath(name, value);
  // A URL is a path, whatever characters it has.
  if (typeof value !== 'string')
    return { path: resolve(text), pattern: undefined, anywhere: false, directory: text.endsWith('/') };
  return placeOf(text);
};

/** One path or pattern, or several. */
export const places: Check<Place[]> = (name, value) =>
  Array.isArray(value) ? list(place)(name, value) : [place(name, value)];

/** The home directory of this process's user. environ(7) */
export function ownHome(): string {
  const { HOME = '' } = process.env;
  return isAbsolute(HOME) ? resolve(HOME) : homedir();
}

/** A text that may begin with `~`, and may be a pattern. A relative one starts at this process's directory. */
function placeOf(text: string): Place {
  const whole = text === '~' || text.startsWith('~/') ? ownHome() + text.slice(1) : text;
  const directory = whole.endsWith('/');
  if (!isPattern(whole)) return { path: resolve(literal(whole)), pattern: undefined, anywhere: false, directory };
  const { start, rest } = splitPattern(whole);
  return { path: resolve(start || '.'), pattern: rest, anywhere: start === '', directory };
}

/** Finds the real paths of many that lie beside each other: each directory on the way is looked at once. */
export class RealPaths {
  readonly #known = new Map<string, string>([['/', '/']]);

  /** The path without links, as far as it exists. */
  of(path: string): string {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const straight = join(this.of(dirname(path)), basename(path));
    const real = statusOf(straight)?.isSymbolicLink() === true ? target(straight) : straight;
    this.#known.set(path, real);
    return real;
  }
}

/** The status of a path itself, which may be a link; undefined where nothing is, or nothing that can be looked at. */
export function statusOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

export function exists(path: string): boolean {
  return statusOf(path) !== undefined;
}

/** The path that a link leads to; its own where that does not exist. */
function target(link: string): string {
  try {
    return realpathSync.native(link);
  } catch {
    return link;
  }
}
