/**
 * The parent's end of an IPC channel, as lib/internal/child_process.js of Node has it, made of public parts.
 *
 * The socket is held twice. A socket of Node's that could not be written to is closed, with all that is still to be read
 * from it: what the child had said before it ended would be lost to whoever happened to answer. So one is only read
 * from, the other only written to.
 */
import { EventEmitter } from 'node:events';
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { Errno } from '../../kernel/errno';
import { NamespaceError } from '../../errors/namespace-error';
import { AdvancedCodec } from './advanced';
import type { Codec, Serialization } from './codec';
import { JsonCodec } from './json';

/** What becomes of a channel. Nothing of it is called before the event loop has turned. */
export interface ChannelListener {
  message(message: unknown): void;
  /** Neither end sends or receives any more; called once. */
  disconnected(): void;
  /** The other end has sent what is no message. `disconnected` follows. */
  error(error: Error): void;
}

/** The parent's socket, twice. */
export interface ChannelDescriptors {
  readonly read: number;
  readonly write: number;
}

/** How messages are written, and how large one may be that is read. */
export interface ChannelFormat {
  readonly serialization: Serialization;
  /** Bytes. */
  readonly maxMessageSize: number;
}

/** Tells whether a message has been handed to the kernel. */
export type Sent = (error: Error | null) => void;

/** `onread` is documented for connect(); it is the constructor that takes it. */
type Reading = SocketConstructorOpts & { onread: OnReadOpts };

/** Bytes read at once: what libuv takes. */
const READ_BYTES = 65536;

/** From here on `send()` says that it would be better to wait, as Node does: two reads of the other end's. */
const WRITE_HIGH_WATER = 2 * READ_BYTES;

/** Messages of Node's to itself have a `cmd` that begins with this. */
const INTERNAL_PREFIX = 'NODE_';

/** {@link NamespaceProcess.channel}: whether the channel keeps the event loop alive. */
export class ChannelControl extends EventEmitter {
  readonly #sockets: readonly Socket[];

  /** @internal */
  constructor(sockets: readonly Socket[]) {
    super();
    this.#sockets = sockets;
  }

  /** Has the event loop wait for the end of the channel, which it does from the start. */
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
  /** Whether the other end is being told that a handle was dropped. */
  #refusing = false;
  #bytesRead = 0;

  /** @param fds - of the same socket, one to read from and one to write to; they are the channel's from here on */
  constructor(fds: ChannelDescriptors, format: ChannelFormat, listener: ChannelListener) {
    const { serialization, maxMessageSize } = format;
    this.#codec = serialization === 'json' ? new JsonCodec(maxMessageSize) : new AdvancedCodec(maxMessageSize);
    this.#listener = listener;
    // One buffer, and no stream in between: as fast as Node's own.
    const onread = { buffer: Buffer.allocUnsafe(READ_BYTES), callback: this.#read.bind(this) };
    const reading: Reading = { fd: fds.read, readable: true, writable: false, onread };
    this.#writer = new Socket({ fd: fds.write, readable: false, writable: true });
    this.#reader = new Socket(reading);
    this.control = new ChannelControl([this.#reader, this.#writer]);
    this.#reader.on('error', ignore).on('close', () => this.#ended());
    this.#reader.resume();
    // Told to whoever sends, each for his own message.
    this.#writer.on('error', ignore);
  }

  /** False as soon as either end has disconnected. */
  get connected(): boolean {
    return this.#connected;
  }

  /** All that has come so far. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Reads nothing more for now, nor learns that the other end is closed. */
  pause(): void {
    this.#reader.pause();
  }

  resume(): void {
    this.#reader.resume();
  }

  /**
   * @returns whether more should be sent now
   * @throws what the serialization throws for a message that cannot be sent
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
    // At once, and so before the callback above, which comes a tick later.
    const failure = this.#failure();
    if (failure !== null) settle(refused, failure);
    return this.#writer.writableLength < WRITE_HIGH_WATER;
  }

  /** Why nothing can be written any more. */
  #failure(): Error | null {
    return this.#writer.errored;
  }

  /** Nothing more is received, and nothing more taken to be sent; what has been taken is. */
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

  /** The other end has closed its own, or we have. */
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
   * It went with the bytes that it came with. The other end sends no other until it is told; one that does all the same,
   * and reads nothing, is not answered each time: the answers would be kept.
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

  /** Where the next message would begin is not known any more. */
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

/** As Node has it: what one writes to a process that has ended. */
function brokenPipe(): Error {
  return Object.assign(new Error('write EPIPE'), { errno: -Errno.EPIPE, code: 'EPIPE', syscall: 'write' });
}

function ignore(): void {
  // Nothing to do.
}
