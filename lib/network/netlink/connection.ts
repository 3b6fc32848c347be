/**
 * Sends requests over a netlink socket, many at a time. Each answer belongs to a request by its sequence number.
 * netlink(7)
 */
import type { NativeNetlink } from '../../../types/native';
import { withCallersStack } from '../../errors/callers-stack';
import { Errno } from '../../kernel/errno';
import { closedError } from '../../errors/namespace-error';
import { systemError } from '../../errors/system-error';
import { native } from '../../native';
import { eachInTurns } from '../../event-loop/turns';
import type { Declarations } from './attributes';
import { MOST_ATTEMPTS, interrupted } from './interrupted';
import { type RequestDescription, refusedError } from './error';
import { malformed } from './malformed';
import {
  type Acknowledgement,
  type Message,
  type MessageType,
  NlmFlag,
  NlmsgType,
  acknowledgement,
  eachMessage,
  flagsOf,
  stamp,
} from './netlink-message';

/** One request. */
export interface Request<H = unknown, D extends Declarations = Declarations> extends RequestDescription {
  /** The whole message, as `encode` makes it. */
  bytes: Buffer;
  /** The type of the message, to find the name of an attribute in it. */
  type: MessageType<H, D>;
}

/** A request that has no answer yet. */
interface Pending {
  request: Request;
  isDump: boolean;
  sequence: number;
  answers: Message[];
  /** True where a change during a dump has made the dump inconsistent: NLM_F_DUMP_INTR. */
  interrupted: boolean;
  attempts: number;
  resolve: (answers: Message[]) => void;
  reject: (error: unknown) => void;
}

/**
 * The most requests that one sendmsg(2) takes, and the most bytes of them. All answers to it wait in the receive
 * buffer. Without privilege that may not be larger than net.core.rmem_max (usually 208 KiB, counted twice), which is
 * about 4 KiB for each answer with the overhead of the kernel.
 */
const MOST_MESSAGES = 64;
const MOST_BYTES = 64 * 1024;

/**
 * The most requests in one exchange with the other thread. Its answers are processed here while the kernel works on the
 * next exchange.
 */
const MOST_IN_EXCHANGE = 64;

/** The one message that answers a request. The kernel has acknowledged the request, so there must be one. */
export function only([answer]: readonly Message[]): Message {
  if (answer === undefined) throw malformed('an acknowledgement without an answer');
  return answer;
}

/** Options of a connection. */
export interface ConnectionOptions {
  /** The size of the kernel's buffer for answers that are not read yet, in bytes. */
  receiveBuffer: number;
  /** Opens another adopted socket in the same network, for the case that this one is stuck. */
  another: () => Promise<number>;
}

/**
 * A socket and the requests on it. Requests that are made in one turn of the event loop are sent together, in their
 * order.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  #socket: NativeNetlink | undefined;
  #waiting: Pending[] = [];
  #under: readonly Pending[] = [];
  #scheduled = false;
  #replacing = false;
  #closed = false;
  #sequence = 0;

  /** Takes over an adopted netlink socket. */
  constructor(fd: number, options: ConnectionOptions) {
    this.#options = options;
    this.#socket = openSocket(fd, options.receiveBuffer, () => undefined);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Sends a request. Resolves with the messages that answer it, without the acknowledgement.
   *
   * @throws NamespaceError with the error of the kernel; `ERR_LINUX_NS_CLOSED`, also when the connection is closed
   * before the answer has come: nobody knows then if the request was carried out
   */
  request(request: Request): Promise<Message[]> {
    return withCallersStack(this.#enqueue(request));
  }

  #enqueue(request: Request): Promise<Message[]> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(closedError('This Network'));
        return;
      }
      const isDump = (flagsOf(request.bytes) & NlmFlag.DUMP) === NlmFlag.DUMP;
      this.#waiting.push({
        request,
        isDump,
        sequence: 0,
        answers: [],
        interrupted: false,
        attempts: 0,
        resolve,
        reject,
      });
      this.#schedule();
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket?.close();
    const all = [...this.#under, ...this.#waiting];
    this.#under = this.#waiting = [];
    for (const { reject, request } of all) reject(closedError(`This Network (before '${request.step}' was answered)`));
  }

  /** Sends the requests after this turn of the event loop, so that all requests of the turn are made by then. */
  #schedule(): void {
    if (this.#scheduled || this.#replacing || this.#under.length > 0) return;
    this.#scheduled = true;
    // From a microtask, the next tick comes after all others, however many steps a request takes before it is made.
    queueMicrotask(() => process.nextTick(() => this.#send()));
  }

  #send(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    if (this.#socket === undefined) void this.#replace();
    else this.#exchange(this.#socket);
  }

  #exchange(socket: NativeNetlink): void {
    const under = this.#waiting.splice(0, MOST_IN_EXCHANGE);
    this.#under = under;
    for (const pending of under) {
      this.#sequence = (this.#sequence + 1) >>> 0;
      Object.assign(pending, { sequence: this.#sequence, answers: [], interrupted: false });
      stamp(pending.request.bytes, pending.sequence);
    }
    const bytes = Buffer.concat(under.map(({ request }) => request.bytes));
    const segments = segmentsOf(under);
    const sizes = Uint32Array.from(segments, (segment) => segment.bytes);
    socket.exchange(bytes, sizes, (answers, errno, syscall, sent) => {
      const asked = segments.slice(0, sent).reduce((sum, { count }) => sum + count, 0);
      void this.#answered(under.slice(0, asked), under.slice(asked), answers, { errno, syscall });
    });
  }

  /**
   * Gives each request its answer.
   *
   * @param left - the requests that have not been sent, because there were many answers already or something failed
   * before them
   */
  async #answered(
    asked: readonly Pending[],
    left: readonly Pending[],
    bytes: Buffer,
    failure: { errno: number; syscall: string },
  ): Promise<void> {
    if (this.#closed) return;
    const open = new Map(asked.map((pending) => [pending.sequence, pending]));
    try {
      await eachInTurns(eachMessage(bytes), (message) => this.#receive(message, open));
    } catch (error) {
      for (const { reject } of open.values()) reject(error);
      open.clear();
    }
    if (this.closed) return; // meanwhile
    this.#under = [];
    this.#waiting.unshift(...left);
    for (const pending of open.values()) this.#unanswered(pending, failure);
    if (failure.errno === Errno.EMSGSIZE) this.#discard();
    if (this.#waiting.length > 0) this.#schedule();
  }

  /** Closes a socket whose list never ends: it would give no other answer. */
  #discard(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** Opens a socket in place of the one that was discarded. */
  async #replace(): Promise<void> {
    this.#replacing = true;
    try {
      const fd = await this.#options.another();
      const socket = openSocket(fd, this.#options.receiveBuffer, () => undefined);
      if (this.#closed) socket.close();
      else this.#socket = socket;
    } catch (error) {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    } finally {
      this.#replacing = false;
    }
    if (!this.#closed && this.#waiting.length > 0) this.#schedule();
  }

  #receive(message: Message, open: Map<number, Pending>): void {
    const pending = open.get(message.sequence);
    if (pending === undefined) return; // of a dump that was given up, or somebody else's
    if ((message.flags & NlmFlag.DUMP_INTR) !== 0 && pending.isDump) pending.interrupted = true;
    switch (message.type) {
      case NlmsgType.NOOP:
        return;
      case NlmsgType.ERROR:
      case NlmsgType.DONE:
        this.#settle(pending, acknowledgement(message));
        open.delete(message.sequence); // only now: one that can't be read is an error of all that are open
        return;
      default:
        pending.answers.push(message);
    }
  }

  #settle(pending: Pending, outcome: Acknowledgement): void {
    if (outcome.errno !== 0) pending.reject(refusedError(pending.request, outcome));
    else if (pending.interrupted) this.#again(pending);
    else pending.resolve(pending.answers);
  }

  #again(pending: Pending): void {
    if (++pending.attempts < MOST_ATTEMPTS) {
      this.#waiting.push(pending);
      return;
    }
    pending.reject(interrupted(pending.request.step));
  }

  /**
   * Handles a request without an answer. The kernel answers every request unless it has no room for the answer. It
   * reports that once (ENOBUFS), and not again as long as the socket is congested. Nobody knows then if the request was
   * carried out.
   */
  #unanswered(pending: Pending, failure: { errno: number; syscall: string }): void {
    const cause = failure.errno === 0 ? { errno: Errno.ENOBUFS, syscall: 'recvmsg' } : failure;
    if (pending.isDump && cause.errno === Errno.ENOBUFS && ++pending.attempts < MOST_ATTEMPTS) {
      this.#waiting.push(pending);
      return;
    }
    const isTooLarge = pending.isDump && cause.errno === Errno.EMSGSIZE;
    if (isTooLarge) pending.reject(refusedError(pending.request, TOO_LARGE));
    else pending.reject(systemError(cause, { step: pending.request.step, operation: 'netlink', kind: 'net' }));
  }
}

/**
 * The error of a list with an object that fits in no message. It is made as the kernel would report it at the end of a
 * list.
 */
const TOO_LARGE: Acknowledgement = {
  errno: Errno.EMSGSIZE,
  sentence: undefined,
  offset: undefined,
  missing: undefined,
};

/** Opens the native socket. The descriptor is closed when that fails. */
export function openSocket(fd: number, receiveBuffer: number, onReadable: () => void): NativeNetlink {
  try {
    return native().openNetlink(fd, receiveBuffer, onReadable);
  } catch (cause) {
    native().closeNow(fd);
    throw systemError(cause, { step: 'open netlink socket', operation: 'netlink', kind: 'net' });
  }
}

/** The requests that go in one sendmsg(2). */
interface Segment {
  bytes: number;
  count: number;
}

/**
 * Divides requests into segments. A dump ends its segment, because the kernel refuses another one while it is under way
 * (EBUSY).
 */
function segmentsOf(requests: readonly Pending[]): Segment[] {
  const segments: Segment[] = [];
  let segment: Segment | undefined;
  for (const { request, isDump } of requests) {
    const size = request.bytes.length;
    const fits = segment !== undefined && segment.count < MOST_MESSAGES && segment.bytes + size <= MOST_BYTES;
    if (segment === undefined || !fits) segments.push((segment = { bytes: 0, count: 0 }));
    segment.bytes += size;
    segment.count++;
    if (isDump) segment = undefined;
  }
  return segments;
}
