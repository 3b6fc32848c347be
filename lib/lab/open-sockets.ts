/** The sockets of a host in this process, which end with it. */
import { setMaxListeners } from 'node:events';
import type { Socket as DatagramSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import { closedError } from '../errors/namespace-error';

/** Remembers sockets as long as they are open. */
export class OpenSockets {
  readonly #host: string;
  readonly #open = new Map<object, () => void>();
  #gone = manyListen();

  /** @param host - its name */
  constructor(host: string) {
    this.#host = host;
  }

  /** Is aborted when they are destroyed: for connections from the host, and attempts to connect, which are not kept here. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** A server that is made, and the connections that it accepts. @throws the reason why all is over by then */
  async server<S extends Server>(making: Promise<S>): Promise<S> {
    const { gone } = this;
    const server = await making;
    server.on('connection', (socket: Socket) => this.#until(gone, socket, () => socket.destroy()));
    this.#until(gone, server, () => server.close());
    gone.throwIfAborted();
    return server;
  }

  /** A socket that is made. @throws the reason why all is over by then */
  async datagrams(making: Promise<DatagramSocket>): Promise<DatagramSocket> {
    const { gone } = this;
    const socket = await making;
    this.#until(gone, socket, () => close(socket));
    gone.throwIfAborted();
    return socket;
  }

  /** Destroys them all. No connection is ended in an orderly way. */
  destroy(): void {
    const all = [...this.#open.values()];
    this.#open.clear();
    this.#gone.abort(closedError(`Host ${this.#host}`));
    this.#gone = manyListen();
    for (const end of all) end();
  }

  #until(gone: AbortSignal, socket: Server | Socket | DatagramSocket, end: () => void): void {
    if (gone.aborted) {
      end();
      return;
    }
    this.#open.set(socket, end);
    socket.once('close', () => this.#open.delete(socket));
  }
}

/** Each connection of a host listens, and that is no leak. */
function manyListen(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** Whoever has it may have closed it a moment ago: then it is still remembered, and cannot be closed again. */
function close(socket: DatagramSocket): void {
  try {
    socket.close();
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_SOCKET_DGRAM_NOT_RUNNING') throw error;
  }
}
