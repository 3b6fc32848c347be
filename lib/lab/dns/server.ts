/** The name server of one host: two sockets in its network, and this process behind them. */
import { type RemoteInfo, type Socket as DatagramSocket, createSocket } from 'node:dgram';
import { type Server, type Socket, createServer } from 'node:net';
import { native } from '../../native';
import { bindTo } from '../../network/descriptors/bind';
import { inetEndpoint } from '../../network/descriptors/endpoint';
import { handOver } from '../../network/descriptors/hand-over';
import type { SocketRequest } from '../../network/place';
import { MOST_DATAGRAM_BYTES, decodeQuery, encodeReply } from '../../network/resolve/dns-message';
import { NAME_SERVER } from '../files';
import type { DnsTable } from './dns';

/** The sockets of a name server, in the network of its host. */
export const DNS_SOCKETS: readonly SocketRequest[] = [
  { domain: 'inet', type: 'dgram' },
  { domain: 'inet', type: 'stream' },
];

const PORT = 53;
const BACKLOG = 128;

/** The most bytes of an answer over TCP: its length has 16 bits. */
const MOST_STREAM_BYTES = 0xffff;

/** The most bytes of a question over TCP. It has a name of 255 bytes at most, and what extensions add. */
const MOST_QUESTION_BYTES = 4096;

/** The most answers that may wait at once for their delay, and the most connections: a program in the host may be hostile. */
const MOST_WAITING = 1000;
const MOST_CONNECTIONS = 64;

/** The most bytes of answers that a client may leave unread before its connection is closed. */
const MOST_UNREAD_BYTES = 1 << 18;

/** Milliseconds without a question after which a connection is closed. */
const IDLE_MS = 10_000;

/**
 * A name server. Its sockets are made with the host, and it runs from the moment on in which somebody on the host may ask:
 * many hosts never do.
 */
export class HostDns {
  readonly #table: DnsTable;
  readonly #fds: number[];
  #datagrams: DatagramSocket | undefined;
  #server: Server | undefined;
  readonly #connections = new Set<Socket>();
  readonly #waiting = new Set<NodeJS.Timeout>();

  /** @param fds - adopted descriptors of {@link DNS_SOCKETS}, which are the name server's from here on */
  constructor(table: DnsTable, fds: readonly number[]) {
    this.#table = table;
    this.#fds = [...fds];
  }

  /**
   * Begins to answer. When it returns, a program that is started can ask. It keeps no event loop alive. To call it again
   * changes nothing.
   */
  begin(): void {
    const [datagram, stream] = this.#fds.splice(0);
    if (datagram === undefined || stream === undefined) return;
    try {
      this.#datagrams = this.#receive(datagram);
    } finally {
      this.#server = this.#listen(stream);
    }
  }

  /** Everything is over when this returns; the sockets are closed some turns later. */
  close(): void {
    for (const fd of this.#fds.splice(0)) native().closeNow(fd);
    for (const timer of this.#waiting) clearTimeout(timer);
    for (const connection of this.#connections) connection.destroy();
    this.#datagrams?.close();
    this.#server?.close();
    this.#datagrams = undefined;
    this.#server = undefined;
  }

  #receive(socket: number): DatagramSocket {
    return handOver(socket, (fd) => {
      bindTo(fd, inetEndpoint(NAME_SERVER, PORT));
      // The lookup does nothing: answers are sent to addresses.
      const datagrams = createSocket({ type: 'udp4', lookup: (address, _options, done) => done(null, address, 4) });
      // What is sent to a client that is gone comes back as an error: the next question is answered all the same.
      datagrams.on('error', () => undefined);
      datagrams.on('message', (message, from) => this.#onDatagram(datagrams, message, from));
      // exclusive is needed: in a worker of a cluster the descriptor would else be taken for one of the primary.
      return datagrams.bind({ fd, exclusive: true }).unref();
    });
  }

  #listen(socket: number): Server {
    return handOver(socket, (fd) => {
      bindTo(fd, inetEndpoint(NAME_SERVER, PORT));
      const server = createServer((connection) => this.#onConnection(connection));
      server.maxConnections = MOST_CONNECTIONS;
      return server.listen({ fd, backlog: BACKLOG, exclusive: true }).unref();
    });
  }

  #onDatagram(datagrams: DatagramSocket, message: Buffer, { address, port }: RemoteInfo): void {
    this.#answer(message, MOST_DATAGRAM_BYTES, (answer) => datagrams.send(answer, port, address, () => undefined));
  }

  #onConnection(socket: Socket): void {
    this.#connections.add(socket);
    socket.once('close', () => this.#connections.delete(socket));
    socket.on('error', () => undefined);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.unref();
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2) {
        const end = 2 + received.readUInt16BE();
        if (end > MOST_QUESTION_BYTES) socket.destroy();
        if (end > received.length || socket.destroyed) return;
        this.#onStreamMessage(socket, received.subarray(2, end));
        received = received.subarray(end);
      }
    });
  }

  #onStreamMessage(socket: Socket, message: Buffer): void {
    this.#answer(message, MOST_STREAM_BYTES, (answer) => {
      if (socket.destroyed) return;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      socket.write(Buffer.concat([length, answer]));
      if (socket.writableLength > MOST_UNREAD_BYTES) socket.destroy();
    });
  }

  #answer(message: Buffer, most: number, send: (answer: Buffer) => void): void {
    const query = decodeQuery(message);
    if (query === undefined) return;
    const { reply, delay } = this.#table.respond(query);
    if (reply === undefined) return;
    const answer = encodeReply(query, reply, most);
    if (delay === 0) send(answer);
    else if (this.#waiting.size < MOST_WAITING) this.#later(delay, () => send(answer));
  }

  #later(delay: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.#waiting.delete(timer);
      then();
    }, delay);
    timer.unref();
    this.#waiting.add(timer);
  }
}
