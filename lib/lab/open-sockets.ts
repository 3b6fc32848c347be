/** The sockets of a host in this process, which end with it. */
import type { Socket as DatagramSocket } from 'node:dgram';
import type { Agent } from 'node:http';
import type { Server, Socket } from 'node:net';
import { closedError } from '../errors/namespace-error';

/** Remembers sockets as long as they are open. */
export class OpenSockets {
  readonly #open = new Map<object, () => void>();
  #gone = new AbortController();

  /** Is aborted when they are destroyed: for requests, whose connections nobody has. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** A server, and the connections that it accepts. */
  server<S extends Server>(server: S): S {
    server.on('connection', (socket: Socket) => this.#until(socket, () => socket.destroy()));
    return this.#until(server, () => server.close());
  }

  connection(socket: Socket): Socket {
    return this.#until(socket, () => socket.destroy());
  }

  datagrams(socket: DatagramSocket): DatagramSocket {
    return this.#until(socket, () => close(socket));
  }

  agent<A extends Agent>(agent: A): A {
    this.#open.set(agent, () => agent.destroy());
    return agent;
  }

  /** Destroys them all. No connection is ended in an orderly way. */
  destroy(): void {
    const all = [...this.#open.values()];
    this.#open.clear();
    this.#gone.abort(closedError('The host'));
    this.#gone = new AbortController();
    for (const end of all) end();
  }

  #until<T extends Server | Socket | DatagramSocket>(socket: T, end: () => void): T {
    this.#open.set(socket, end);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  }
}

/** Whoever has it may have closed it a moment ago: then it is still remembered, and cannot be closed again. */
function close(socket: DatagramSocket): void {
  try {
    socket.close();
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_SOCKET_DGRAM_NOT_RUNNING') throw error;
  }
}
