/** Passes bytes on between the two sides of a connection, and has those of the client looked at before. */
import type { Socket } from 'node:net';
import { native } from '../../../native';
import { breakOff } from '../../sockets/break-off';
import { descriptorOf, socketOver } from '../../sockets/socket-over';
import type { Expected } from '../inspect/guard';
import { type Inspected, Inspector } from '../inspect/inspector';
import { type Refusal, refuse } from '../inspect/refusal';
import type { Traffic } from '../requests/recorded';
import type { Room } from '../room';
import { OnThread } from './on-thread';

/**
 * The bytes after which a thread relays what need not be looked at. To hand it over takes about as long as to relay so
 * many here.
 */
const MANY = 1 << 17;

/**
 * One connection made of two. The client's side says only what was expected. An end is passed on as an end: the other
 * direction stays open. What breaks one side off breaks the other off.
 *
 * Node relays the first bytes. Then a thread relays both directions, when there is nothing to look at any more, or else
 * what the server sends: of HTTP/1, whose requests are looked at one by one. So Node's server side is another socket then,
 * which only writes. What a thread does not have is the descriptor of a socket of the caller's own `outside`, and of TLS
 * with a proxy; that stays here.
 */
export class Passage implements Traffic {
  /** Resolves when the connection is over. */
  readonly over: Promise<void>;
  readonly #client: Socket;
  #server: Socket;
  readonly #inspector: Inspector;
  readonly #refused: (refusal: Refusal) => void;
  /** What breaks one side off breaks the other off. */
  #areJoined = true;
  #hasEnded = false;
  /** The bytes that have come since the start. */
  #moved = 0;
  #thread: OnThread | undefined;
  /** The counts of a server's side that has been replaced. */
  #before: Traffic = { bytesRead: 0, bytesWritten: 0 };
  #isOnThread = false;
  /** It has been handed over to a thread, or never will be. */
  #isHandedOver = false;
  readonly #room: Pick<Room, 'enter' | 'leave'>;
  /** It has taken another place. */
  #hasPlace = false;
  #onOver: () => void = () => undefined;

  /**
   * @param room - asked for another place, where a thread relays what the server sends: that takes descriptors of its own
   * @param client - half-open, as the server's side is; both have a listener for 'error'
   * @param refused - called when the client says something else than what is expected: it has been told, and the server's
   * side is broken off
   */
  constructor(
    { client, server, room }: { client: Socket; server: Socket; room: Pick<Room, 'enter' | 'leave'> },
    expected: Expected,
    refused: (refusal: Refusal) => void,
  ) {
    this.#room = room;
    this.#client = client;
    this.#server = server;
    this.#refused = refused;
    this.#inspector = new Inspector(expected, (inspected) => this.#take(inspected));
    this.over = new Promise((resolve) => (this.#onOver = resolve));
    this.#await(client);
    this.#await(server);
    this.#hearServer();
    this.#hearClient();
    if (server.readableEnded) this.#serverEnd(); // that of an `outside` may have been read before
    server.resume();
    client.resume();
  }

  /** The bytes that the server has sent. */
  get bytesRead(): number {
    return this.#before.bytesRead + this.#server.bytesRead + (this.#thread?.counts.server ?? 0);
  }

  /** The bytes that the server has been sent. */
  get bytesWritten(): number {
    return this.#before.bytesWritten + this.#server.bytesWritten + (this.#thread?.counts.client ?? 0);
  }

  /** Breaks the connection off, on both sides. When this returns, nothing flows any more. */
  cut(): void {
    this.#endThread();
    breakOff(this.#client);
    breakOff(this.#server);
  }

  /** Lets bytes of the client go on, or ends the connection. */
  #take({ pass, refusal }: Inspected): void {
    for (const bytes of pass) this.#server.write(bytes);
    if (refusal !== undefined) this.#refuse(refusal);
    else if (this.#hasEnded && this.#inspector.waiting === 0) this.#server.end();
    else if (!this.#mayRead) this.#client.pause();
  }

  /** False while what the client sends has to wait, for the server to read or to answer. */
  get #mayRead(): boolean {
    return !this.#server.writableNeedDrain && !this.#inspector.holds;
  }

  #hearClient(): void {
    this.#client.on('data', this.#fromClient).on('end', this.#clientEnd);
    this.#server.on('drain', this.#serverDrain);
  }

  #hearServer(): void {
    this.#server.on('data', this.#fromServer).on('end', this.#serverEnd);
    this.#client.on('drain', this.#clientDrain);
  }

  #hearClientNoMore(): void {
    this.#client.off('data', this.#fromClient).off('end', this.#clientEnd);
    this.#server.off('drain', this.#serverDrain);
  }

  #hearServerNoMore(): void {
    this.#server.off('data', this.#fromServer).off('end', this.#serverEnd);
    this.#client.off('drain', this.#clientDrain);
  }

  readonly #fromClient = (chunk: Buffer): void => {
    this.#take(this.#inspector.fromClient(chunk));
    this.#count(chunk);
  };

  readonly #fromServer = (chunk: Buffer): void => {
    if (!this.#client.write(chunk)) this.#server.pause();
    if (this.#inspector.listens) {
      this.#take(this.#inspector.fromServer(chunk));
      if (this.#mayRead) this.#client.resume();
    }
    this.#count(chunk);
  };

  readonly #clientEnd = (): void => {
    this.#hasEnded = true;
    this.#take(this.#inspector.end());
  };

  readonly #serverEnd = (): void => void this.#client.end();

  readonly #serverDrain = (): void => {
    this.#handOver();
    if (!this.#server.destroyed && this.#mayRead) this.#client.resume();
  };

  readonly #clientDrain = (): void => {
    this.#handOver();
    if (!this.#isOnThread) this.#server.resume();
  };

  #refuse(refusal: Refusal): void {
    this.#isHandedOver = true;
    this.#inspector.close();
    this.#hearClientNoMore();
    this.#hearServerNoMore();
    this.#areJoined = false;
    this.#endThread();
    breakOff(this.#server);
    refuse(this.#client, refusal);
    this.#refused(refusal);
  }

  // ── by the thread ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Counts what has come, after it has been passed on. */
  #count(chunk: Buffer): void {
    this.#moved += chunk.length;
    this.#handOver();
  }

  /** Hands over what a thread may relay, if it is many bytes. Ends that are on their way are left to Node. */
  #handOver(): void {
    if (this.#moved < MANY || this.#isHandedOver) return;
    const sides = [this.#client, this.#server];
    if (sides.some(({ writableLength }) => writableLength > 0)) return;
    const { settled, isDeaf } = this.#inspector;
    if (!settled && !isDeaf) return;
    this.#isHandedOver = true;
    if (sides.some(({ readableEnded, writableEnded }) => readableEnded || writableEnded)) return;
    if (settled) this.#handOverBoth();
    else this.#handOverAnswers();
  }

  #handOverBoth(): void {
    const [client, server] = [this.#client.pause(), this.#server.pause()];
    this.#hearClientNoMore();
    this.#hearServerNoMore();
    this.#areJoined = false;
    this.#thread = OnThread.start({ client, server }, 'both', () => this.#threadIsOver());
    if (this.#thread === undefined) {
      this.#areJoined = true;
      this.#hearClient();
      this.#hearServer();
      client.resume();
      server.resume();
      return;
    }
    this.#isOnThread = true;
    // The connections are the thread's: its descriptors keep them open.
    client.destroy();
    server.destroy();
  }

  #handOverAnswers(): void {
    const [client, server] = [this.#client, this.#server];
    this.#hasPlace = this.#room.enter();
    if (!this.#hasPlace) return;
    server.pause();
    this.#hearServerNoMore();
    const writer = this.#openWriter();
    this.#thread =
      writer &&
      OnThread.start({ client, server }, 'from-server', (broken) => {
        this.#threadIsOver();
        if (broken) this.cut();
        else client.end();
      });
    if (writer === undefined || this.#thread === undefined) {
      writer?.destroy();
      this.#giveBack();
      this.#hearServer();
      server.resume();
      return;
    }
    this.#isOnThread = true;
    this.#before = { bytesRead: server.bytesRead, bytesWritten: server.bytesWritten };
    server.off('drain', this.#serverDrain).destroy();
    this.#server = writer.on('error', () => undefined).on('drain', this.#serverDrain);
    this.#await(writer);
  }

  /** A socket that only writes to the server; undefined where there is no descriptor for it. */
  #openWriter(): Socket | undefined {
    const fd = descriptorOf(this.#server);
    if (fd === undefined) return undefined;
    try {
      return socketOver(native().duplicate(fd), { readable: false, allowHalfOpen: true });
    } catch {
      return undefined;
    }
  }

  #endThread(): void {
    if (!this.#isOnThread) return;
    this.#thread?.cancel();
    this.#threadIsOver();
  }

  #threadIsOver(): void {
    this.#isOnThread = false;
    this.#giveBack();
    this.#mayBeOver();
  }

  #giveBack(): void {
    if (this.#hasPlace) this.#room.leave();
    this.#hasPlace = false;
  }

  #await(side: Socket): void {
    if (side.closed) this.#closed(side);
    else side.once('close', () => this.#closed(side));
  }

  #closed(side: Socket): void {
    const other = side === this.#client ? this.#server : this.#client;
    const isReplaced = side !== this.#client && side !== this.#server;
    const isBroken = !side.readableEnded || !side.writableFinished;
    if (this.#areJoined && isBroken && !isReplaced) {
      this.#endThread();
      breakOff(other);
    }
    this.#mayBeOver();
  }

  #mayBeOver(): void {
    if (!this.#client.closed || !this.#server.closed) return;
    this.#inspector.close();
    if (!this.#isOnThread) this.#onOver();
  }
}
