import { StringDecoder } from 'node:string_decoder';
import { types } from 'node:util';
import { integer, schema } from '../errors/schema';
import { invalidType } from '../errors/validate';
import { type LogChunk, type LogSource, type Logs, followLogs } from '../process/logs';
import type { NamespaceProcess } from '../process/namespace-process';
import { Waiting } from './wait';
import { WAIT, type WaitOptions, program } from './wait-options';

/** Options of {@link log}. Unknown ones are errors. */
export interface WaitLogOptions extends WaitOptions {
  /** The number of lines that have to match. Default: 1. */
  times?: number | undefined;
}

const parseLog = schema<WaitLogOptions>()({ ...WAIT, times: integer(1, 2 ** 31 - 1) });

/** Milliseconds without output after which a line that has not ended counts: a prompt, or a word without its newline. */
const QUIET = 100;

/** The most letters of a line that are looked at: a program may write one without an end. */
const LONGEST_LINE = 1 << 16;

/**
 * Waits until a program has written a line: to its standard output, its standard error or its terminal. Lines that
 * {@link NamespaceProcess.logs} has kept by then count as well, so the call does not come too late for a program that is
 * quick. A last line that has not ended counts when nothing follows it for 100 ms.
 *
 * @param pattern - an expression that matches a line, or a text that is in it
 * @returns the match of the last line that was waited for; its `input` is the whole line
 * @throws NamespaceError `ETIMEDOUT`; `ERR_LINUX_NS_ENDED` when the output has ended; both show its last lines
 *
 * @example
 * ```ts
 * const [, port] = await waitFor.log(child, /listening on port (\d+)/);
 * ```
 */
export async function log(
  child: NamespaceProcess,
  pattern: RegExp | string,
  options: WaitLogOptions = {},
): Promise<RegExpMatchArray> {
  program('child', child);
  if (typeof pattern !== 'string' && !types.isRegExp(pattern)) {
    throw invalidType('pattern', 'of type string or an instance of RegExp', pattern);
  }
  const parsed = parseLog('options', options);
  const { times = 1 } = parsed;
  using waiting = new Waiting({ subject: `a line with ${String(pattern)}`, verb: 'come' }, parsed, child);
  using search = new Search(child.logs(), matcherOf(pattern), times);
  waiting.endWhen(Promise.all([child.logs().ended, child.exited]).then(() => search.finish()));
  return await waiting.once(search.found);
}

type Matcher = (line: string) => RegExpMatchArray | null;

/** Without the flags that make an expression remember where it was. */
function matcherOf(pattern: RegExp | string): Matcher {
  if (typeof pattern === 'string') {
    const literal = new RegExp(pattern.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'u');
    return (line) => line.match(literal);
  }
  const expression = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
  return (line) => line.match(expression);
}

/** A line of one stream that has not ended yet. */
interface Unfinished {
  readonly decoder: StringDecoder;
  text: string;
}

/** Looks at lines until enough of them match. */
class Search implements Disposable {
  readonly found: Promise<RegExpMatchArray>;
  readonly #matcher: Matcher;
  readonly #lines = new Map<LogSource, Unfinished>();
  readonly #unfollow: () => void;
  readonly #tell: (match: RegExpMatchArray) => void;
  #missing: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(logs: Logs, matcher: Matcher, times: number) {
    this.#matcher = matcher;
    this.#missing = times;
    const { promise, resolve } = settledLater<RegExpMatchArray>();
    this.found = promise;
    this.#tell = resolve;
    this.#unfollow = followLogs(logs, (chunk) => this.#take(chunk));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#unfollow();
  }

  /** Nothing more comes: the last lines count as they are. */
  finish(): void {
    for (const line of this.#lines.values()) this.#look(line.text + line.decoder.end());
  }

  #take({ source, bytes }: LogChunk): void {
    const line = this.#lines.get(source) ?? { decoder: new StringDecoder('utf8'), text: '' };
    this.#lines.set(source, line);
    const parts = (line.text + line.decoder.write(bytes)).split('\n');
    line.text = (parts.pop() ?? '').slice(-LONGEST_LINE);
    for (const part of parts) this.#look(part.endsWith('\r') ? part.slice(0, -1) : part);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lookAtUnfinished(), QUIET).unref();
  }

  /** An unfinished line that matches counts once: its rest is another line then. */
  #lookAtUnfinished(): void {
    for (const line of this.#lines.values()) if (line.text !== '' && this.#look(line.text)) line.text = '';
  }

  #look(text: string): boolean {
    const match = this.#matcher(text.slice(0, LONGEST_LINE));
    if (match === null) return false;
    if (--this.#missing === 0) this.#tell(match);
    return true;
  }
}

/** A promise, and the function that resolves it. */
function settledLater<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((given) => (resolve = given));
  return { promise, resolve };
}
