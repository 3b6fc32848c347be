/** A name server behind sockets that it is given: in the hosts of a lab, and wherever programs inside ask for names. */
import { type Server, type Socket, createServer } from 'node:net';
import type { NativeRawSocket } from '../../../types/native';
import { SOCKET_DOMAINS } from '../../kernel/sockets';
import { native } from '../../native';
import { setReceivedAddress } from '../descriptors/bind';
import { handOver } from '../descriptors/hand-over';
import { MOST_DATAGRAM_BYTES, type Query, type Reply, decodeQuery, encodeReply } from './dns-message';

/** An answer of a name server, and its time. */
export interface Response {
  /** Undefined where nothing is to be said at all. */
  readonly reply: Reply | undefined;
  /** Milliseconds. */
  readonly delay: number;
}

const BACKLOG = 128;

/** The most datagrams that are answered before others have their turn. */
const MOST_IN_TURN = 32;

/** The most questions of one connection that are answered before others have their turn. */
const MOST_OF_CONNECTION_IN_TURN = 8;

/** The most bytes of an answer over TCP: its length has 16 bits. */
const MOST_STREAM_BYTES = 0xffff;

/** The most bytes of a question over TCP. It has a name of 255 bytes at most, and what extensions add. */
const MOST_QUESTION_BYTES = 4096;

/** The most answers that may wait at once for their delay, and the most connections: who asks may be hostile. */
const MOST_WAITING = 1000;
const MOST_CONNECTIONS = 64;

/** The most bytes of answers that a client may leave unread before its connection is closed. */
const MOST_UNREAD_BYTES = 1 << 18;

/** Milliseconds without a question after which a connection is closed. */
const IDLE_MS = 10_000;

/** A name server. Its sockets keep no event loop alive. */
export class NameServer {
  readonly #respond: (query: Query) => Response;
  readonly #datagrams: NativeRawSocket[] = [];
  readonly #servers: Server[] = [];
  readonly #connections = new Set<Socket>();
  readonly #waiting = new Set<NodeJS.Timeout>();

  /** @param respond - gives the answer to a question, which may be malformed: `query.code` says so */
  constructor(respond: (query: Query) => Response) {
    this.#respond = respond;
  }

  /**
   * Answers what comes as datagrams, from the address that each was sent to: a client takes no answer from another.
   *
   * @param socket - an adopted descriptor of a bound socket, which is the name server's from here on
   */
  receive(socket: number, domain: 'inet' | 'inet6'): void {
    let datagrams: NativeRawSocket;
    try {
      setReceivedAddress(socket, domain);
      datagrams = native().openRawSocket(socket, () => this.#onReadable(datagrams, SOCKET_DOMAINS[domain]));
    } catch (error) {
      native().closeNow(socket);
      throw error;
    }
    datagrams.unref();
    this.#datagrams.push(datagrams);
  }

  /**
   * Answers who connects.
   *
   * @param socket - an adopted descriptor of a bound socket, which is the name server's from here on
   */
  listen(socket: number): void {
    handOver(socket, (fd) => {
      const server = createServer((connection) => this.serve(connection));
      this.#servers.push(server.listen({ fd, backlog: BACKLOG, exclusive: true }).unref());
    });
  }

  /** Answers what comes over a connection, which is the name server's from here on. One too many is closed at once. */
  serve(connection: Socket): void {
    connection.on('error', () => undefined);
    if (this.#connections.size >= MOST_CONNECTIONS) {
      connection.destroy();
      return;
    }
    this.#connections.add(connection);
    connection.once('close', () => this.#connections.delete(connection));
    connection.setTimeout(IDLE_MS, () => connection.destroy());
    connection.unref();
    let received = Buffer.alloc(0);
    const answer = (): void => {
      for (let count = 0; count < MOST_OF_CONNECTION_IN_TURN; count++) {
        const end = received.length < 2 ? 2 : 2 + received.readUInt16BE();
        if (end > MOST_QUESTION_BYTES) connection.destroy();
        if (connection.destroyed) return;
        if (end > received.length || received.length < 2) {
          connection.resume();
          return;
        }
        this.#onStreamMessage(connection, received.subarray(2, end));
        received = received.subarray(end);
      }
      connection.pause();
      setImmediate(answer).unref();
    };
    connection.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      answer();
    });
  }

  /** Everything is over when this returns; the sockets are closed some turns later. */
  close(): void {
    for (const timer of this.#waiting) clearTimeout(timer);
    for (const connection of this.#connections) connection.destroy();
    for (const each of [...this.#datagrams.splice(0), ...this.#servers.splice(0)]) each.close();
  }

  /** Takes some of the datagrams that have come. If there are more, it is called again. */
  #onReadable(datagrams: NativeRawSocket, domain: number): void {
    for (let count = 0; count < MOST_IN_TURN && this.#datagrams.includes(datagrams); count++) {
      const received = receivedBy(datagrams);
      if (received === undefined) return;
      const [message, from, , port, to] = received;
      this.#answer(message, MOST_DATAGRAM_BYTES, (answer) => {
        if (this.#datagrams.includes(datagrams)) send(datagrams, answer, domain, from, port, to);
      });
    }
  }

  #onStreamMessage(connection: Socket, message: Buffer): void {
    this.#answer(message, MOST_STREAM_BYTES, (answer) => {
      if (connection.destroyed) return;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      connection.write(Buffer.concat([length, answer]));
      if (connection.writableLength > MOST_UNREAD_BYTES) connection.destroy();
    });
  }

  #answer(message: Buffer, most: number, send: (answer: Buffer) => void): void {
    const query = decodeQuery(message);
    if (query === undefined) return;
    const { reply, delay } = this.#respond(query);
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

function receivedBy(datagrams: NativeRawSocket): ReturnType<NativeRawSocket['receive']> {
  try {
    return datagrams.receive();
  } catch {
    return undefined; // an error of a datagram before, which is lost
  }
}

/** What cannot be sent, because the client is gone or its buffer is full, is lost: datagrams may be. */
function send(
  datagrams: NativeRawSocket,
  answer: Buffer,
  domain: number,
  to: string,
  port: number,
  from: string | undefined,
): void {
  try {
    datagrams.send(answer, domain, to, port, null, from);
  } catch {
    // It may ask again.
  }
}
