/**
 * The parent's end of an IPC channel. It does the same as lib/internal/child_process.js of Node, but uses only public
 * parts of Node.
 *
 * The socket is held by two objects. Node closes a socket when writing to it fails, and drops the data that is still to
 * be read from it: a parent that answers a child that has ended would lose the child's last messages. So one object
 * only reads, and the other only writes.
 */
import { EventEmitter } from 'node:events';
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { Errno } from '../../kernel/errno';
import { NamespaceError } from '../../errors/namespace-error';
import { AdvancedCodec } from './advanced';
import type { Codec, Serialization } from './codec';
import { JsonCodec } from './json';

/** The callbacks of a channel. None is called before the event loop has turned. */
export interface ChannelListener {
  message(message: unknown): void;
  /** Neither end sends or receives any more; called once. */
  disconnected(): void;
  /** The other end has sent bytes that are no message. `disconnected` follows. */
  error(error: Error): void;
}

/** Two descriptors of the parent's socket. */
export interface ChannelDescriptors {
  readonly read: number;
  readonly write: number;
}

/** The serialization of messages, and the largest size of a message that is read. */
export interface ChannelFormat {
  readonly serialization: Serialization;
  /** The largest size, in bytes. */
  readonly maxMessageSize: number;
}

/** Tells whether a message has been handed to the kernel. */
export type Sent = (error: Error | null) => void;

/** The options of a socket with `onread`. Node documents it for connect(), but the constructor takes it. */
type Reading = SocketConstructorOpts & { onread: OnReadOpts };

/** The bytes to read at once, as many as libuv reads. */
const READ_BYTES = 65536;

/**
 * The number of bytes from which on `send()` answers that the caller should wait, as in Node: two reads of the other
 * end.
 */
const WRITE_HIGH_WATER = 2 * READ_BYTES;

/** The start of `cmd` in messages that Node sends to itself. */
const INTERNAL_PREFIX = 'NODE_';

/** Decides whether an IPC channel keeps Node running: {@link NamespaceProcess.channel}. */
export class ChannelControl extends EventEmitter {
  readonly #sockets: readonly Socket[];

  /** @internal */
  constructor(sockets: readonly Socket[]) {
    super();
    this.#sockets = sockets;
  }

  /** Keeps Node running until the channel is closed: the default. */
  ref(): void {
    for (const socket of this.#sockets) socket.ref();
  }

  /** Lets Node end while the channel is open. */
  unref(): void {
    for (const socket of this.#sockets) socket.unref();
  }
}

export class Channel {
  readonly control: ChannelControl;
  readonly #codec: Codec;
  readonly #listener: ChannelListener;
  readonly #reader: Socket;
  readonly #writer: Socket;
  #connected = true;
  #warned = false;
  /** True while the other end is being told that a handle was dropped. */
  #refusing = false;
  #bytesRead = 0;

  /**
   * @param fds - two descriptors of the same socket, one to read from and one to write to; the channel owns them from
   * here on
   */
  constructor(fds: ChannelDescriptors, format: ChannelFormat, listener: ChannelListener) {
    const { serialization, maxMessageSize } = format;
    this.#codec = serialization === 'json' ? new JsonCodec(maxMessageSize) : new AdvancedCodec(maxMessageSize);
    this.#listener = listener;
    // Reading into one buffer, without a stream in between, is as fast as Node's own channel.
    const onread = { buffer: Buffer.allocUnsafe(READ_BYTES), callback: this.#read.bind(this) };
    const reading: Reading = { fd: fds.read, readable: true, writable: false, onread };
    this.#writer = new Socket({ fd: fds.write, readable: false, writable: true });
    this.#reader = new Socket(reading);
    this.control = new ChannelControl([this.#reader, this.#writer]);
    this.#reader.on('error', ignore).on('close', () => this.#ended());
    this.#reader.resume();
    // Errors are reported to each sender, for its own message.
    this.#writer.on('error', ignore);
  }

  /** False as soon as either end has disconnected. */
  get connected(): boolean {
    return this.#connected;
  }

  /** The bytes that have come so far. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Stops reading for now. Until {@link resume} it does not notice that the other end is closed. */
  pause(): void {
    this.#reader.pause();
  }

  resume(): void {
    this.#reader.resume();
  }

  /**
   * Sends a message.
   *
   * @returns false if the caller should wait before sending more
   * @throws the errors of the serialization for a message that cannot be sent
   */
  send(message: unknown, sent: Sent, refused: (error: Error) => void): boolean {
    const bytes = this.#codec.encode(message);
    if (this.#failure() !== null || this.#writer.destroyed) {
      refused(brokenPipe());
      return false;
    }
    let settled = false;
    const settle = (tell: (error: Error) => void, error: Error): void => {
      if (!settled) tell(error);
      settled = true;
    };
    this.#writer.write(bytes, (error) => {
      if (error == null) sent(null);
      else settle(sent, error);
    });
    // A failure is reported at once, and so before the callback above, which comes a tick later.
    const failure = this.#failure();
    if (failure !== null) settle(refused, failure);
    return this.#writer.writableLength < WRITE_HIGH_WATER;
  }

  /** The reason why nothing can be written any more; null if there is none. */
  #failure(): Error | null {
    return this.#writer.errored;
  }

  /** Receives nothing more, and accepts no more messages. Messages that were accepted before are still sent. */
  disconnect(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#reader.destroy();
    if (this.#writer.writableLength === 0) this.#writer.destroy();
    else this.#writer.end(() => this.#writer.destroy());
    process.nextTick(() => this.#listener.disconnected());
  }

  /** {@link disconnect}, without waiting for anybody to read what has been sent. */
  destroy(): void {
    this.disconnect();
    this.#writer.destroy();
  }

  /** Called when the other end has closed the socket, or we have. */
  #ended(): void {
    if (this.#connected) this.destroy();
  }

  #read(bytes: number, buffer: Uint8Array): boolean {
    this.#bytesRead += bytes;
    try {
      for (const message of this.#codec.decode(buffer.subarray(0, bytes))) this.#received(message);
    } catch (error) {
      this.#spoiled(error);
    }
    return this.#connected;
  }

  #received(message: unknown): void {
    const command = internalCommand(message);
    if (command === undefined) process.nextTick(() => this.#listener.message(message));
    else if (command === 'NODE_HANDLE') this.#handleLost();
  }

  /**
   * Refuses a handle, which was lost when its bytes were read. The other end sends no other handle until it gets an
   * answer. A hostile one that goes on sending, and reads nothing, is not answered each time, or the answers would fill
   * the memory.
   */
  #handleLost(): void {
    if (!this.#warned) {
      process.emitWarning('A message that came with a server or a socket was dropped: they cannot be received', {
        code: 'LINUX_NS_HANDLE_LOST',
      });
    }
    this.#warned = true;
    if (!this.#connected || this.#refusing) return;
    this.#refusing = true;
    const told = (): void => void (this.#refusing = false);
    this.send({ cmd: 'NODE_HANDLE_NACK' }, told, told);
  }

  /** Closes the channel after bytes that are no message, as nobody knows where the next message begins. */
  #spoiled(cause: unknown): void {
    const error = (cause as { code?: unknown }).code === 'ERR_LINUX_NS_IPC_MESSAGE_SIZE' ? cause : noMessage(cause);
    process.nextTick(() => this.#listener.error(error as Error));
    this.destroy();
  }
}

function noMessage(cause: unknown): Error {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_IPC_MESSAGE',
    message: 'The process has written to its IPC channel what is no message',
    hint: 'Both ends have to use the same serialization (json: one line of JSON for each message).',
    cause,
  });
}

function internalCommand(message: unknown): string | undefined {
  if (message === null || typeof message !== 'object') return undefined;
  const { cmd } = message as { cmd?: unknown };
  const internal = typeof cmd === 'string' && cmd.length > INTERNAL_PREFIX.length && cmd.startsWith(INTERNAL_PREFIX);
  return internal ? cmd : undefined;
}

/** The error of writing to a process that has ended, as Node has it. */
function brokenPipe(): Error {
  return Object.assign(new Error('write EPIPE'), { errno: -Errno.EPIPE, code: 'EPIPE', syscall: 'write' });
}

function ignore(): void {
  // Nothing to do.
}
