import { invalidType, validateObject } from '../../errors/validate';
import { Channel, type ChannelControl, type ChannelDescriptors, type ChannelFormat } from './channel';
import { handleError } from './handle';

/** What `emit()` and `listenerCount()` are called of: a NamespaceProcess. */
export interface LinkedProcess {
  emit(event: 'message', message: unknown, sendHandle: undefined): boolean;
  emit(event: 'disconnect'): boolean;
  emit(event: 'error', error: Error): boolean;
  listenerCount(event: 'message'): number;
  on(event: 'newListener', listener: (event: string) => void): unknown;
}

/** `message`, and what may follow it: a handle, options, a callback. */
export type SendArguments = readonly unknown[];

type Callback = (error: Error | null) => void;

/** What a process has of its IPC channel: its `send()`, its events, in the ways of Node's ChildProcess. */
export class Link {
  readonly #process: LinkedProcess;
  readonly #channel: Channel;
  readonly #closed: () => void;
  /** Came before anybody listened: `await fork()` would lose them otherwise. */
  #waiting: unknown[] = [];
  readonly #mostWaiting: number;
  /** How much the channel had read when the first of those that wait came. */
  #readBefore = 0;
  #paused = false;

  /** @param closed - called once nothing more will come, after 'disconnect' */
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

  /** Null once it is disconnected. */
  get control(): ChannelControl | null {
    return this.connected ? this.#channel.control : null;
  }

  /** `send(message, sendHandle?, options?, callback?)`. */
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

  /** The process has ended: what it has written and nobody wants to read does not keep the channel open. */
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

  /** As with a stream that nobody reads: from some point on the process that writes has to wait. */
  #keep(message: unknown): void {
    if (this.#waiting.length === 0) this.#readBefore = this.#channel.bytesRead;
    this.#waiting.push(message);
    if (this.#paused || this.#channel.bytesRead - this.#readBefore <= this.#mostWaiting) return;
    this.#paused = true;
    this.#channel.pause();
  }

  /** Each in its turn, also when a listener throws, or removes itself. */
  #deliver(): void {
    while (this.#waiting.length > 0 && this.#process.listenerCount('message') > 0) {
      const [message] = this.#waiting.splice(0, 1);
      this.#process.emit('message', message, undefined);
    }
    if (this.#waiting.length > 0 || !this.#paused) return;
    this.#paused = false;
    this.#channel.resume();
  }

  /** What a listener throws does not keep the process from its 'close'. */
  #disconnected(): void {
    process.nextTick(this.#closed);
    this.#process.emit('disconnect');
  }
}

/** `send()` of a process whose channel is closed, or that has none. */
export function refuseClosed(process: LinkedProcess, callback: Callback | undefined): false {
  refuse(process, callback, Object.assign(new Error('Channel closed'), { code: 'ERR_IPC_CHANNEL_CLOSED' }));
  return false;
}

/** `disconnect()` of a process that is not connected. */
export function disconnectedError(): Error {
  const error = new Error('IPC channel is already disconnected');
  return Object.assign(error, { code: 'ERR_IPC_DISCONNECTED' });
}

/** The handle and the callback of `send(message, sendHandle?, options?, callback?)`; options mean nothing here. */
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

/** As Node: what is falsy is no handle. */
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
  // Nobody asked.
}
