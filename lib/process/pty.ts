import { Duplex } from 'node:stream';
import type { NativeTerminal } from '../../types/native';
import { copyBytes } from '../errors/bytes';
import { integer, orNull, schema } from '../errors/schema';
import { validateInteger } from '../errors/validate';
import { systemError } from '../errors/system-error';
import { inspectAs } from '../handle/inspect';
import { native } from '../native';
import { Rest } from './rest';

/** The size of a new terminal: {@link SpawnOptions.pty}. */
export interface PtyOptions {
  /** Columns, in characters, from 1 to 65535. Default: 80. */
  cols?: number | undefined;
  /** Rows, in characters, from 1 to 65535. Default: 24. */
  rows?: number | undefined;
}

/** The size of a terminal, checked. */
export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

/** The bytes of a write that have not been typed yet, and the callback that waits for them. */
interface Typed {
  readonly rest: Uint8Array;
  readonly done: Callback;
}

type Callback = (error?: Error | null) => void;

/** The most columns and rows: `unsigned short` of `struct winsize`, ioctl_tty(2). */
const MOST = 65_535;

/** The buffer for reading: a terminal gives a few kilobytes at a time. */
const scratch = Buffer.alloc(16_384);

/** Line feed and carriage return. */
const LINE_ENDS: readonly (number | undefined)[] = [10, 13];

/** The answer of `NativeTerminal` when the other end is closed. */
const END = -1;

const parseSize = schema<PtyOptions>()({ cols: orNull(integer(1, MOST)), rows: orNull(integer(1, MOST)) });

/** Checks the option `pty`. @throws TypeError, RangeError with Node's codes */
export function parsePty(name: string, pty: unknown): TerminalSize {
  const { cols = 80, rows = 24 } = parseSize(name, pty);
  return { cols, rows };
}

function checkedSize(prefix: string, cols: unknown, rows: unknown): TerminalSize {
  validateInteger(`${prefix}cols`, cols, 1, MOST);
  validateInteger(`${prefix}rows`, rows, 1, MOST);
  return { cols, rows };
}

/**
 * The user's side of the terminal of a program that was started with {@link SpawnOptions.pty}: written bytes are typed,
 * and the bytes to read are those that the screen shows: standard output and error, and the echo of typed characters.
 * pty(7)
 *
 * Written bytes are keys: `'\x03'` is Ctrl-C and interrupts the foreground job, `'\r'` is Enter. `end()` types the
 * character that ends the input (Ctrl-D), as script(1) does. The stream ends when no process has the terminal open any
 * more. `destroy()` closes the terminal, and the kernel sends SIGHUP to the session of the program.
 *
 * @example
 * ```ts
 * const shell = await spawn('bash', [], { unshare: ['user', 'pid', 'mnt'], pty: { cols: 80, rows: 24 } });
 * await relayTerminal(shell);
 * ```
 */
export class Pty extends Duplex {
  static {
    inspectAs(this, ({ cols, rows, destroyed }) => ({ cols, rows, closed: destroyed }));
  }

  readonly #terminal: NativeTerminal;
  readonly #rest = new Rest(this, () => this.#close());
  /** The write that waits until the terminal has room. */
  #pending: Typed | undefined;
  #reading = false;
  /**
   * True if the last typed bytes end a line. In the middle of a line, the end of input has to be typed twice.
   * termios(3)
   */
  #atLineStart = true;
  /** True when no process has the other end open any more. */
  #over = false;
  /** True when the descriptor is closed. Bytes that were read before may still wait for a reader. */
  #closed = false;
  #size: TerminalSize;

  /** @internal Takes over the descriptor of the master. */
  constructor(fd: number, size: TerminalSize) {
    super({ allowHalfOpen: false });
    this.#size = size;
    this.#terminal = native().openTerminal(fd, () => this.#onEvent());
  }

  /** The number of columns. */
  get cols(): number {
    return this.#size.cols;
  }

  /** The number of rows. */
  get rows(): number {
    return this.#size.rows;
  }

  /**
   * Changes its size; the foreground job gets SIGWINCH if the size is a new one. Does nothing once the terminal is
   * closed. TIOCSWINSZ, ioctl_tty(2)
   *
   * @param cols - columns, in characters, from 1 to 65535
   * @param rows - rows, in characters, from 1 to 65535 @throws TypeError, RangeError with Node's codes for another size
   */
  resize(cols: number, rows: number): void {
    const size = checkedSize('', cols, rows);
    if (this.#closed) return;
    this.#terminal.resize(cols, rows);
    this.#size = size;
  }

  /** Keeps Node running while it is open: the default. */
  ref(): this {
    this.#terminal.ref();
    return this;
  }

  /** Lets Node end while it is open. */
  unref(): this {
    this.#terminal.unref();
    return this;
  }

  /** @internal The key that suspends the foreground job; undefined if no key does so now. */
  get suspendKey(): number | undefined {
    const key = this.destroyed ? 0 : this.#terminal.suspendKey();
    return key === 0 ? undefined : key;
  }

  /** @internal The process group of the foreground job; undefined if there is none. */
  get foregroundGroup(): number | undefined {
    const group = this.destroyed ? 0 : this.#terminal.foreground();
    return group === 0 ? undefined : group;
  }

  /** @internal */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    return this.#rest.taken(chunk, super.push(chunk, encoding));
  }

  /** @internal */
  keepRest(unread: () => void): void {
    this.#rest.keep(unread);
  }

  /** @internal */
  tap(call: (bytes: Uint8Array) => void): void {
    this.#rest.tap(call);
  }

  /** @internal */
  untilEnd(): Promise<void> {
    return this.#rest.untilEnd();
  }

  /** @internal */
  dropRest(): void {
    this.resume();
  }

  /** @internal */
  override _read(): void {
    this.#reading = true;
    this.#watch();
  }

  /** @internal */
  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: Callback): void {
    const keys = copied(chunk, done);
    if (keys === undefined) return;
    if (keys.length > 0) this.#atLineStart = LINE_ENDS.includes(keys.at(-1));
    this.#type({ rest: keys, done });
  }

  /** @internal */
  override _final(done: Callback): void {
    const key = this.#over ? 0 : this.#terminal.endOfFile();
    if (key === 0) done();
    else this._write(new Uint8Array(this.#atLineStart ? 1 : 2).fill(key), 'binary', done);
  }

  /** @internal */
  override _destroy(error: Error | null, done: Callback): void {
    const pending = this.#pending;
    this.#pending = undefined;
    this.#close();
    done(error);
    // The callback of the pending write is called, as a socket does, and so are those of the writes after it.
    pending?.done(error);
  }

  #close(): void {
    this.#closed = true;
    this.#terminal.close();
  }

  #onEvent(): void {
    if (this.#reading) this.#show();
    if (this.#pending !== undefined && !this.destroyed) this.#type(this.#pending);
    else this.#watch();
  }

  #watch(): void {
    if (!this.#closed) this.#terminal.watch(this.#reading, this.#pending !== undefined);
  }

  /** Reads once for each event, so that other events have their turn, however much a program writes. */
  #show(): void {
    const count = this.#try('read', () => this.#terminal.read(scratch));
    if (count === undefined || count === 0) return;
    if (count !== END) {
      this.#reading = this.push(Buffer.from(scratch.subarray(0, count)));
      return;
    }
    this.#over = true;
    this.#reading = false;
    this.push(null);
  }

  /**
   * Types as many bytes as there is room for. Bytes that nobody can read any more are lost without an error, as on any
   * terminal.
   */
  #type({ rest, done }: Typed): void {
    this.#pending = { rest, done };
    const count = this.#over ? END : this.#try('write', () => this.#terminal.write(rest));
    if (count === undefined) return;
    const left = rest.subarray(count === END ? rest.length : count);
    this.#pending = left.length === 0 ? undefined : { rest: left, done };
    this.#watch();
    if (left.length === 0) done();
  }

  #try<T>(operation: string, transfer: () => T): T | undefined {
    try {
      return transfer();
    } catch (error) {
      this.destroy(systemError(error, { step: `${operation} terminal`, operation: 'pty' }));
      return undefined;
    }
  }
}

/** Copies the bytes of a write, as the caller may change them before there is room to type them. */
function copied(chunk: Uint8Array, done: Callback): Buffer | undefined {
  try {
    return copyBytes('chunk', chunk);
  } catch (error) {
    done(error as Error);
    return undefined;
  }
}
