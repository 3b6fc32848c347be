/** Reads JSON with comments and trailing commas, and remembers the line of each property. */
import { UsageError } from '../command';

/** The line of each property of an object, and of each item of an array, by its name or index. */
export type Lines = WeakMap<object, ReadonlyMap<string, number>>;

export interface Read {
  readonly value: unknown;
  readonly lines: Lines;
}

/** Spaces and comments: `//` to the end of the line, and those that are in C. */
const SPACE = /(?:\s|\/\/[^\n]*|\/\*[^]*?\*\/)*/y;

// eslint-disable-next-line no-control-regex
const STRING = /"(?:[^"\\\u0000-\u001f]|\\.)*"/y;

const OTHER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** Objects and arrays are nested in settings a few levels deep. */
const MOST_DEEP = 100;

/** @throws UsageError with the name of the file and the line */
export function readJsonc(file: string, text: string): Read {
  return new Reader(file, text).read();
}

class Reader {
  readonly #file: string;
  readonly #text: string;
  readonly #lines: Lines = new WeakMap();
  #at = 0;
  /** The line of a place that has been passed: no place is left for one before it. */
  #passed = { at: 0, line: 1 };

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text.replace(/^\ufeff/, '');
  }

  read(): Read {
    const value = this.#value(0);
    if (this.#next() !== '') throw this.#unexpected('the end of the file');
    return { value, lines: this.#lines };
  }

  #value(depth: number): unknown {
    if (depth > MOST_DEEP) throw this.#error('there are too many brackets in brackets');
    const first = this.#next();
    if (first === '{') return this.#object(depth);
    if (first === '[') return this.#array(depth);
    const token = first === '"' ? this.#match(STRING) : this.#match(OTHER);
    if (token === undefined) throw this.#unexpected('a value');
    try {
      return JSON.parse(token);
    } catch {
      throw this.#error(`${token} is no string of JSON`);
    }
  }

  #object(depth: number): object {
    const entries = new Map<string, unknown>();
    const lines = new Map<string, number>();
    this.#each('}', () => {
      this.#next();
      const line = this.#line();
      const token = this.#match(STRING);
      if (token === undefined) throw this.#unexpected('a name in quotation marks');
      const name = JSON.parse(token) as string;
      if (entries.has(name)) throw this.#error(`'${name}' is there twice`);
      if (this.#next() !== ':') throw this.#unexpected("':'");
      this.#at++;
      entries.set(name, this.#value(depth + 1));
      lines.set(name, line);
    });
    return this.#remember(Object.fromEntries(entries), lines);
  }

  #array(depth: number): unknown[] {
    const items: unknown[] = [];
    const lines = new Map<string, number>();
    this.#each(']', () => {
      this.#next();
      lines.set(String(items.length), this.#line());
      items.push(this.#value(depth + 1));
    });
    return this.#remember(items, lines);
  }

  /** Reads what is between brackets, with commas between. One more may be at the end. */
  #each(end: string, read: () => void): void {
    this.#at++;
    while (this.#next() !== end) {
      read();
      if (this.#next() === ',') this.#at++;
      else if (this.#next() !== end) throw this.#unexpected(`',' or '${end}'`);
    }
    this.#at++;
  }

  #remember<T extends object>(value: T, lines: ReadonlyMap<string, number>): T {
    this.#lines.set(value, lines);
    return value;
  }

  /** The next character that is no space. */
  #next(): string {
    this.#match(SPACE);
    return this.#text[this.#at] ?? '';
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    this.#at += found?.length ?? 0;
    return found;
  }

  #line(): number {
    const { at, line } = this.#passed;
    this.#passed = { at: this.#at, line: line + this.#text.slice(at, this.#at).split('\n').length - 1 };
    return this.#passed.line;
  }

  #unexpected(expected: string): UsageError {
    const found = this.#text.slice(this.#at, this.#at + 1);
    return this.#error(`${found === '' ? 'the file ends' : `'${found}' is`} where ${expected} is expected`);
  }

  #error(what: string): UsageError {
    return new UsageError(`${this.#file}:${this.#line()}: ${what}`);
  }
}
