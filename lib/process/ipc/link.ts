import { invalidType, validateObject } from '../../errors/validate';
import { Channel, type ChannelControl, type ChannelDescriptors, type ChannelFormat } from './channel';
import { handleError } from './handle';

/** The methods of a NamespaceProcess that a link uses. */
export interface LinkedProcess {
  emit(event: 'message', message: unknown, sendHandle: undefined): boolean;
  emit(event: 'disconnect'): boolean;
  emit(event: 'error', error: Error): boolean;
  listenerCount(event: 'message'): number;
  on(event: 'newListener', listener: (event: string) => void): unknown;
}

/** The arguments of `send()` after `message`: a handle, options, a callback, each of which may be left out. */
export type SendArguments = readonly unknown[];

type Callback = (error: Error | null) => void;

/** The part of a process that uses its IPC channel: `send()` and the events, as Node's ChildProcess has them. */
export class Link {
  readonly #process: LinkedProcess;
  readonly #channel: Channel;
  readonly #closed: () => void;
  /** Messages that came before anybody listened: after `await fork()` they would be lost otherwise. */
  #waiting: unknown[] = [];
  readonly #mostWaiting: number;
  /** The bytes that the channel had read when the first of the waiting messages came. */
  #readBefore = 0;
  #paused = false;

  /** @param closed - called once no more messages will come, after 'disconnect' */
  constructor(process: LinkedProcess, fds: ChannelDescriptors, format: ChannelFormat, closed: () => void) {
    this.#process = process;
    this.#closed = closed;
    this.#mostWaiting = format.maxMessageSize;
    this.#channel = new Channel(fds, format, {
      message: (message) => this.#received(message),
      disconnected: () => this.#disconnected(),
      error: (error) => process.emit('error', error),
    });
    process.on('newListener', (event) => {
      if (event === 'message') globalThis.process.nextTick(() => this.#deliver());
    });
  }

  get connected(): boolean {
    return this.#channel.connected;
  }

  /** The control of the channel; null once it is disconnected. */
  get control(): ChannelControl | null {
    return this.connected ? this.#channel.control : null;
  }

  /** Does the work of `send(message, sendHandle?, options?, callback?)`. */
  send(message: unknown, rest: SendArguments): boolean {
    const { handle, callback } = sortRest(rest);
    if (!this.connected) return refuseClosed(this.#process, callback);
    validateMessage(message);
    if (isGiven(handle)) throw handleError(handle);
    return this.#channel.send(message, callback ?? ignore, (error) => refuse(this.#process, callback, error));
  }

  disconnect(): void {
    if (this.connected) this.#channel.disconnect();
    else this.#process.emit('error', disconnectedError());
  }

  destroy(): void {
    this.#channel.destroy();
  }

  /**
   * Called when the process has ended: closes a channel that is paused, as nobody wants to read the messages that wait.
   */
  drain(): void {
    if (this.#paused) this.#channel.destroy();
  }

  #received(message: unknown): void {
    if (this.#waiting.length === 0 && this.#process.listenerCount('message') > 0) {
      this.#process.emit('message', message, undefined);
    } else {
      this.#keep(message);
      this.#deliver();
    }
  }

  /**
   * Keeps a message. When too many bytes wait, the channel is paused, and the process that writes has to wait, as with
   * a stream that nobody reads.
   */
  #keep(message: unknown): void {
    if (this.#waiting.length === 0) this.#readBefore = this.#channel.bytesRead;
    this.#waiting.push(message);
    if (this.#paused || this.#channel.bytesRead - this.#readBefore <= this.#mostWaiting) return;
    this.#paused = true;
    this.#channel.pause();
  }

  /** Emits the waiting messages in their order, also when a listener throws, or removes itself. */
  #deliver(): void {
    while (this.#waiting.length > 0 && this.#process.listenerCount('message') > 0) {
      const [message] = this.#waiting.splice(0, 1);
      this.#process.emit('message', message, undefined);
    }
    if (this.#waiting.length > 0 || !this.#paused) return;
    this.#paused = false;
    this.#channel.resume();
  }

  /** Emits 'disconnect'. Even if a listener throws, the process emits 'close' afterwards. */
  #disconnected(): void {
    process.nextTick(this.#closed);
    this.#process.emit('disconnect');
  }
}

/** Answers `send()` of a process whose channel is closed, or that has none. */
export function refuseClosed(process: LinkedProcess, callback: Callback | undefined): false {
  refuse(process, callback, Object.assign(new Error('Channel closed'), { code: 'ERR_IPC_CHANNEL_CLOSED' }));
  return false;
}

/** The error of `disconnect()` for a process that is not connected. */
export function disconnectedError(): Error {
  const error = new Error('IPC channel is already disconnected');
  return Object.assign(error, { code: 'ERR_IPC_DISCONNECTED' });
}

/**
 * Finds the handle and the callback among the arguments of `send(message, sendHandle?, options?, callback?)`. The
 * options have no effect here.
 */
export function sortRest([handle, options, callback]: SendArguments): {
  handle?: unknown;
  callback?: Callback | undefined;
} {
  if (typeof handle === 'function') return { callback: handle as Callback };
  if (typeof options === 'function') return { handle, callback: options as Callback };
  if (options !== undefined) validateObject('options', options);
  return { handle, callback: typeof callback === 'function' ? (callback as Callback) : undefined };
}

function refuse(linked: LinkedProcess, callback: Callback | undefined, error: Error): void {
  process.nextTick(() => {
    if (callback === undefined) linked.emit('error', error);
    else callback(error);
  });
}

/** True if a handle is given. A falsy value is no handle, as in Node. */
function isGiven(handle: unknown): boolean {
  return Boolean(handle);
}

function validateMessage(message: unknown): void {
  if (message === undefined) {
    const error = new TypeError('The "message" argument must be specified');
    throw Object.assign(error, { code: 'ERR_MISSING_ARGS' });
  }
  if (['string', 'object', 'number', 'boolean'].includes(typeof message)) return;
  throw invalidType('message', 'one of type string, object, number, or boolean', message);
}

function ignore(): void {
  // No callback was given.
}
