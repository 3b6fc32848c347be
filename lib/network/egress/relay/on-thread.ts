/** Flows of connections that a thread of the addon relays, so that their bytes do not come to JavaScript. */
import type { Socket } from 'node:net';
import { native } from '../../../native';
import { descriptorOf } from '../../sockets/socket-over';

const NOTHING = Buffer.alloc(0);

/** Which flows: those of both directions, or what the server sends. */
export type Flows = 'both' | 'from-server';

/** The bytes that sides have sent. */
interface Counts {
  readonly client: number;
  readonly server: number;
}

/** Flows that a thread relays, until the end of the connection. */
export class OnThread {
  readonly #relay: number;
  /** Bytes of the client that Node had received, and that the thread sends. */
  readonly #first: number;
  /** The counts, once it is over. */
  #counts: Counts | undefined;

  private constructor(relay: number, first: number) {
    this.#relay = relay;
    this.#first = first;
  }

  /**
   * Gives flows to the thread, in one turn of the event loop. Nothing that was written may be on its way in Node. The thread
   * has copies of the descriptors from then on, and Node must not read what it relays.
   *
   * @param ended - called when the end of both flows has been passed on; of one flow, when it has ended, which the
   * client is not told; or with true when one side has broken off
   * @returns undefined where that is not possible: the sockets are as they were
   */
  static start(
    { client, server }: { client: Socket; server: Socket },
    flows: Flows,
    ended: (broken: boolean) => void,
  ): OnThread | undefined {
    const fds = [descriptorOf(client), descriptorOf(server)] as const;
    if (fds[0] === undefined || fds[1] === undefined) return undefined;
    const fromClient = flows === 'both' ? taken(client) : NOTHING;
    const fromServer = taken(server);
    try {
      const relay = native().startRelay(
        fds[0],
        fds[1],
        flows === 'both',
        fromClient,
        fromServer,
        (broken, ...counts) => {
          made.#counts = made.#with(...counts);
          ended(broken);
        },
      );
      const made = new OnThread(relay, fromClient.length);
      return made;
    } catch {
      if (fromClient.length > 0) client.unshift(fromClient);
      if (fromServer.length > 0) server.unshift(fromServer);
      return undefined;
    }
  }

  /** The bytes that it has taken from each side, besides those of the server that Node had received. */
  get counts(): Counts {
    const bytes = (side: 0 | 1): number => native().bytesRelayed(this.#relay, side);
    return this.#counts ?? this.#with(bytes(0), bytes(1));
  }

  /**
   * Ends it, if it is not over: when this returns nothing flows any more. With `'both'` flows it ends the connections,
   * by a reset. With one, Node still has them.
   */
  cancel(): void {
    this.#counts = this.counts;
    native().cancelRelay(this.#relay, true);
  }

  #with(client: number, server: number): Counts {
    return { client: client + this.#first, server };
  }
}

/** Takes the bytes that Node has received, and nobody has read. */
function taken(socket: Socket): Buffer {
  const chunks: Buffer[] = [];
  for (let chunk; (chunk = socket.read() as Buffer | null) !== null;) chunks.push(chunk);
  return Buffer.concat(chunks);
}
