/** UDP forwards: each sender has a socket of its own on the other side, so that answers find their way back. */
import type { RemoteInfo, Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { createSocket } from '../sockets/datagram';
import type { End, Leg, Way } from './way';

/** Milliseconds after which a sender who is silent is forgotten, as connection tracking does by default. */
const IDLE = 120_000;

/** The most datagrams that wait for the socket of their sender. */
const MOST_WAITING = 64;

/** Bytes that a socket may have waiting to be sent; datagrams that come on top of that are lost, as on any network. */
const MOST_UNSENT = 1 << 20;

/** Binds the socket that listens, and opens another one for each sender. */
export async function forwardUdp({ from, to, most }: Way): Promise<Leg> {
  const listening = await open(from, from.port);
  const senders = new Senders(listening, to, most);
  listening.on('message', (message, sender) => senders.pass(message, sender));
  const sweep = setInterval(() => senders.forget(Date.now() - IDLE), IDLE / 4).unref();
  return {
    port: listening.address().port,
    count: () => senders.count,
    close: async () => {
      clearInterval(sweep);
      senders.forget(Infinity);
      listening.close();
      await once(listening, 'close');
    },
  };
}

/** A socket of the family of an end. Errors of one datagram (ECONNREFUSED, EMSGSIZE) are the loss of that datagram. */
async function open({ place, address }: End, port?: number): Promise<Socket> {
  const type = isIP(address) === 6 ? 'udp6' : 'udp4';
  const socket = await createSocket(place, port === undefined ? { type } : { type, port, address });
  return socket.on('error', () => undefined);
}

interface Sender {
  /** Datagrams that wait until the socket is there; undefined from then on. */
  waiting: Buffer[] | undefined;
  socket: Socket | undefined;
  lastUsed: number;
  gone: boolean;
}

/** The senders of one forward, the one who was heard last at the end. */
class Senders {
  readonly #byAddress = new Map<string, Sender>();
  readonly #listening: Socket;
  readonly #to: End;
  readonly #most: number;

  constructor(listening: Socket, to: End, most: number) {
    this.#listening = listening;
    this.#to = to;
    this.#most = most;
  }

  get count(): number {
    return this.#byAddress.size;
  }

  /** Passes a datagram on to the other side. */
  pass(message: Buffer, from: RemoteInfo): void {
    const sender = this.#senderAt(from);
    if (sender.waiting === undefined) send(sender.socket, message);
    else if (sender.waiting.length < MOST_WAITING) sender.waiting.push(message);
  }

  /** Forgets those whose last datagram, in either direction, is older than that, in milliseconds since 1970. */
  forget(since: number): void {
    for (const [key, sender] of this.#byAddress) {
      if (sender.lastUsed <= since) this.#drop(key, sender);
    }
  }

  #senderAt(from: RemoteInfo): Sender {
    const key = `${from.address} ${from.port}`;
    const known = this.#byAddress.get(key);
    const sender = known ?? { waiting: [], socket: undefined, lastUsed: 0, gone: false };
    sender.lastUsed = Date.now();
    this.#byAddress.delete(key);
    this.#byAddress.set(key, sender);
    if (known === undefined) {
      this.#dropOldest();
      void this.#connect(key, sender, from);
    }
    return sender;
  }

  /** Makes room: whoever sends from many addresses pushes out the oldest of them, and takes no more of this process. */
  #dropOldest(): void {
    const [oldest] = this.#byAddress;
    if (oldest !== undefined && this.#byAddress.size > this.#most) this.#drop(...oldest);
  }

  #drop(key: string, sender: Sender): void {
    sender.gone = true;
    this.#byAddress.delete(key);
    sender.socket?.close();
  }

  async #connect(key: string, sender: Sender, { address, port }: RemoteInfo): Promise<void> {
    try {
      const socket = await open(this.#to);
      if (sender.gone) {
        socket.close();
        return;
      }
      sender.socket = socket;
      socket.connect(this.#to.port, this.#to.address);
      await once(socket, 'connect');
      socket.on('message', (message) => {
        sender.lastUsed = Date.now();
        send(this.#listening, message, port, address);
      });
      for (const message of sender.waiting ?? []) send(socket, message);
      sender.waiting = undefined;
    } catch {
      // No descriptor or no route: its datagrams are lost, and the next one tries again.
      if (!sender.gone) this.#drop(key, sender);
    }
  }
}

function send(socket: Socket | undefined, message: Buffer, ...to: [port: number, address: string] | []): void {
  if (socket === undefined || socket.getSendQueueSize() > MOST_UNSENT) return;
  const [port, address] = to;
  // With a callback an error of this datagram goes there, and is not emitted.
  if (port === undefined) socket.send(message, () => undefined);
  else socket.send(message, port, address, () => undefined);
}
