/**
 * The descriptors of a child: the check of the option `stdio`, the descriptors that are made for it, and the parent's
 * streams.
 *
 * A pipe is a pair of AF_UNIX stream sockets, as in Node: pipe(2) has one direction only, and a socket can be shut down
 * for writing while it is read.
 */
import { fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Stream } from 'node:stream';
import { isatty } from 'node:tty';
import { invalidType, invalidValue, validateFd } from '../errors/validate';
import { systemError } from '../errors/system-error';
import { native } from '../native';
import type { ChannelDescriptors } from './ipc/channel';
import { type Output, Rest } from './rest';

/** One descriptor of the child, as `options.stdio` names it. */
export type StdioEntry = 'pipe' | 'overlapped' | 'ipc' | 'ignore' | 'inherit' | number | Stream | null | undefined;

/** `options.stdio`: one word for descriptors 0, 1 and 2, or an entry for each descriptor, from 0 on. */
export type StdioOptions = 'pipe' | 'overlapped' | 'ignore' | 'inherit' | readonly StdioEntry[];

/** An entry that has been checked. */
export type StdioSlot =
  | { readonly type: 'pipe' }
  | { readonly type: 'ipc' }
  | { readonly type: 'ignore' }
  | { readonly type: 'fd'; readonly fd: number; readonly stream?: object };

/** The descriptors of a program. */
export interface ProgramStdio {
  /** Those that become 0, 1, 2, ...; null where it gets none. */
  readonly fds: readonly (number | null)[];
  /** True where one of them is a terminal of the caller's. */
  readonly hasTerminal: boolean;
}

/** True where one of some descriptors is a terminal. Each is asked once: that is two system calls. */
export function isTerminalAmong(fds: Iterable<number>): boolean {
  return [...new Set(fds)].some((fd) => isatty(fd));
}

/**
 * The parts of Node's own handle of a stream that are used here: its descriptor, and the functions to stop reading and
 * to close it.
 */
interface StreamHandle {
  fd?: unknown;
  reading?: boolean;
  readStop?: () => void;
  close?: () => void;
}

/** The number of descriptors that every program has: standard input, output and error. */
const STANDARD = 3;

/** @throws TypeError, RangeError with the codes of Node; Error `ERR_IPC_ONE_PIPE` for a second IPC channel. */
export function parseStdio(stdio: unknown): StdioSlot[] {
  const entries: unknown[] = typeof stdio === 'string' ? new Array(STANDARD).fill(stdio) : listOf(stdio);
  while (entries.length < STANDARD) entries.push(undefined);
  const slots = entries.map((entry, fd) => parseEntry(typeof stdio === 'string', entry, fd));
  if (slots.filter(({ type }) => type === 'ipc').length <= 1) return slots;
  const error = new Error('Child process can have only one IPC pipe');
  throw Object.assign(error, { code: 'ERR_IPC_ONE_PIPE' });
}

function listOf(stdio: unknown): unknown[] {
  if (stdio == null) return [];
  if (!Array.isArray(stdio)) throw invalidType('options.stdio', 'of type string or an instance of Array', stdio);
  // The array is copied by Array.from(): the holes of a sparse array become undefined, as in Node.
  return Array.from(stdio as unknown[]);
}

function parseEntry(shorthand: boolean, entry: unknown, fd: number): StdioSlot {
  const name = shorthand ? 'options.stdio' : `options.stdio[${fd}]`;
  if (entry == null) return { type: fd < STANDARD ? 'pipe' : 'ignore' };
  if (typeof entry === 'string') return parseWord(name, entry, fd, shorthand);
  if (typeof entry === 'number') {
    validateFd(name, entry);
    return { type: 'fd', fd: entry };
  }
  if (typeof entry !== 'object') throw invalidType(name, 'a string, a file descriptor or a stream', entry);
  return { type: 'fd', fd: fdOfStream(name, entry), stream: entry };
}

function parseWord(name: string, word: string, fd: number, shorthand: boolean): StdioSlot {
  const allowed = shorthand
    ? "must be 'pipe', 'overlapped', 'ignore', 'inherit' or an array"
    : "must be 'pipe', 'overlapped', 'ipc', 'ignore', 'inherit', a descriptor or a stream";
  switch (word) {
    case 'pipe':
    case 'overlapped': // differs on Windows only
      return { type: 'pipe' };
    case 'ignore':
      return { type: 'ignore' };
    case 'inherit':
      return { type: 'fd', fd };
    case 'ipc':
      if (shorthand) throw invalidValue(name, word, allowed);
      return { type: 'ipc' };
    default:
      throw invalidValue(name, word, allowed);
  }
}

/**
 * The descriptor of a stream. Streams of files and terminals have `fd`; sockets keep it in their handle. Before 'open'
 * or 'connect' there is none.
 */
function fdOfStream(name: string, stream: object): number {
  const fd = (stream as { fd?: unknown }).fd ?? handleOf(stream)?.fd;
  if (typeof fd === 'number' && fd >= 0) return fd;
  throw invalidValue(name, stream, 'must be a stream that has an open file descriptor');
}

function handleOf(stream: object): StreamHandle | undefined {
  return (stream as { _handle?: StreamHandle | null })._handle ?? undefined;
}

/** The parent's end of a pipe. */
export class PipeEnd extends Socket implements Output {
  readonly #rest = new Rest(this, () => this.#release());

  /** @internal */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    return this.#rest.taken(chunk, super.push(chunk, encoding));
  }

  /** @internal */
  keepRest(unread: () => void): void {
    // Another program reads this stream.
    if (givenAway.has(this)) unread();
    else this.#rest.keep(unread);
  }

  /** @internal */
  tap(call: (bytes: Uint8Array) => void): void {
    // Another program reads this stream.
    if (!givenAway.has(this)) this.#rest.tap(call);
  }

  /** @internal */
  untilEnd(): Promise<void> {
    return this.#rest.untilEnd();
  }

  /** @internal */
  dropRest(): void {
    if (givenAway.has(this)) this.destroy();
    else this.resume();
  }

  /**
   * Closes Node's handle, which Node itself closes at 'end' only. While it is open, the socket and all that it refers
   * to cannot be collected.
   */
  #release(): void {
    if (this.writableLength > 0) return;
    handleOf(this)?.close?.();
    (this as { _handle?: StreamHandle | null })._handle = null;
  }
}

/** The streams that another program was given as one of its descriptors. */
const givenAway = new WeakSet();

/** The parent's end of one descriptor of the child. */
type ParentEnd = { readonly fd: number } | null;

/** The descriptor of the child that is its IPC channel, for NODE_CHANNEL_FD. */
export function channelFd(slots: readonly StdioSlot[]): number | undefined {
  const fd = slots.findIndex(({ type }) => type === 'ipc');
  return fd === -1 ? undefined : fd;
}

/**
 * The descriptors of one child while it is started. Call {@link releaseChildEnds} when the child runs, and then
 * {@link streams}; or {@link discard} if the start has failed.
 */
export class StdioDescriptors {
  /** The descriptors of the child. */
  readonly child: ProgramStdio;
  readonly #slots: readonly StdioSlot[];
  readonly #nullDevice: number | undefined;
  readonly #parentEnds: ParentEnd[] = [];
  #childEnds: number[] = [];
  #channel: ChannelDescriptors | undefined;

  /**
   * @param nullDevice - a /dev/null for a program that owns the host's, and so could change its mode and times by a
   * descriptor of this process, fchmod(2). Undefined if the program may have the host's
   * @throws NamespaceError if there are no descriptors left (EMFILE, ENFILE); all are closed then
   */
  constructor(slots: readonly StdioSlot[], nullDevice?: number) {
    this.#slots = slots;
    this.#nullDevice = nullDevice;
    try {
      const fds = slots.map((slot, at) => this.#open(slot, at));
      this.child = {
        fds: fds.slice(0, Math.max(STANDARD, lastUsed(slots) + 1)),
        // What is made here, a pipe or /dev/null, is no terminal.
        hasTerminal: isTerminalAmong(slots.flatMap((slot) => (slot.type === 'fd' ? [slot.fd] : []))),
      };
    } catch (error) {
      this.discard();
      throw systemError(error, { step: 'set up stdio', operation: 'stdio' });
    }
  }

  #open(slot: StdioSlot, at: number): number | null {
    if (slot.type === 'fd' || slot.type === 'ignore') {
      this.#parentEnds.push(null);
      if (slot.type === 'fd') return this.#instead(slot.fd);
      // After the standard ones an ignored descriptor does not exist in the child, as in Node.
      return at < STANDARD ? (this.#nullDevice ?? devNull()) : null;
    }
    const [parent, child] = native().socketPair();
    this.#childEnds.push(child);
    this.#parentEnds.push(slot.type === 'pipe' ? { fd: parent } : null);
    if (slot.type === 'ipc') this.#openChannel(parent);
    return child;
  }

  /**
   * The descriptor that a program gets for one of this process's. If that is /dev/null, as in a daemon, the program
   * gets its own /dev/null.
   */
  #instead(fd: number): number {
    return this.#nullDevice !== undefined && fstatSync(fd).rdev === fstatSync(this.#nullDevice).rdev
      ? this.#nullDevice
      : fd;
  }

  #openChannel(write: number): void {
    try {
      this.#channel = { read: native().duplicate(write), write };
    } catch (error) {
      native().closeNow(write);
      throw error;
    }
  }

  /**
   * Closes the child's ends here. The child has its own by now, and they must be the only ones, or the parent would
   * never see the end of a stream.
   */
  releaseChildEnds(): void {
    const fds = this.#childEnds;
    this.#childEnds = [];
    for (const fd of fds) native().closeNow(fd);
  }

  /**
   * The parent's streams, one entry for each descriptor of the child, null where it has no pipe. The streams own the
   * descriptors from here on. As in Node, 0 is written to, 1 and 2 are read, and other pipes go both ways.
   */
  streams(): (PipeEnd | null)[] {
    this.#slots.forEach(stopReading);
    return this.#parentEnds.map((end, fd) => {
      if (end === null) return null;
      native().disown(end.fd);
      const socket = new PipeEnd({ fd: end.fd, readable: fd !== 0, writable: fd === 0 || fd >= STANDARD });
      this.#parentEnds[fd] = null;
      return socket;
    });
  }

  /** The parent's end of the IPC channel, if there is one. The caller owns it from here on. */
  channel(): ChannelDescriptors | undefined {
    const channel = this.#channel;
    this.#channel = undefined;
    return channel;
  }

  /** Closes all descriptors that are still held. */
  discard(): void {
    this.releaseChildEnds();
    const channel = this.channel();
    if (channel !== undefined) [channel.read, channel.write].forEach((fd) => native().closeNow(fd));
    for (const end of this.#parentEnds.splice(0)) {
      if (end !== null) native().closeNow(end.fd);
    }
  }
}

/** The last descriptor that is not ignored. Those after it need not be set up. */
function lastUsed(slots: readonly StdioSlot[]): number {
  return slots.reduce((last, slot, fd) => (slot.type === 'ignore' ? last : fd), -1);
}

/** Stops reading a stream here that the child reads from now on, or each would get a part of the data. */
function stopReading(slot: StdioSlot): void {
  if (slot.type !== 'fd' || slot.stream === undefined) return;
  const handle = handleOf(slot.stream);
  if (typeof handle?.readStop !== 'function') return;
  givenAway.add(slot.stream);
  handle.reading = false;
  handle.readStop();
  (slot.stream as { pause?: () => void }).pause?.();
}

let devNullFd: number | undefined;

/**
 * A descriptor of /dev/null, opened once for all children. They can do no more to the device by it than by its path.
 */
function devNull(): number {
  return (devNullFd ??= openSync('/dev/null', 'r+'));
}
