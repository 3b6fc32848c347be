import type { NativeNetlink } from '../../../types/native';
import { Errno } from '../../kernel/errno';
import { systemError } from '../../errors/system-error';
import { dumpLinks } from '../link/lookup';
import { LINK, RTM_DELLINK, RTM_NEWLINK } from '../link/link-message';
import { type Connection, openSocket } from '../netlink/connection';
import { type Message, decode, messagesIn } from '../netlink/netlink-message';
import { GROUPS, type NetworkDump, type NetworkEvent, eventOf } from './events';
import { type CheckedWatchOptions, NetworkWatch, type WatchSource } from './watch';

/** So many datagrams are taken in one turn of the event loop: what else there is to do has its turn, too. */
const MOST_IN_TURN = 256;

/** Some were lost, and those that follow were not: there was no more room, or one was too long. */
const LOSSES: ReadonlySet<unknown> = new Set([Errno.ENOBUFS, Errno.EMSGSIZE]);

/** The socket that tells of changes, and the watches that they are told to. It is a socket of its own: one of requests
 * would have events among its answers. */
export class EventSource implements WatchSource {
  readonly #socket: NativeNetlink;
  readonly #connection: Connection;
  readonly #dump: () => Promise<NetworkDump>;
  readonly #watches = new Set<NetworkWatch>();
  readonly #groups = new Set<number>();
  /** Names by index, of links that are there and that were. */
  readonly #names = new Map<number, string>();
  /** What has come while the names were asked for. */
  #early: Message[] | undefined;
  #waiting = 0;
  #closed = false;

  /** Takes an adopted netlink socket over. */
  constructor(fd: number, receiveBuffer: number, connection: Connection, dump: () => Promise<NetworkDump>) {
    this.#socket = openSocket(fd, receiveBuffer, () => this.#receive());
    this.#socket.unref();
    this.#connection = connection;
    this.#dump = dump;
  }

  /** Events from now on. */
  watch(options: CheckedWatchOptions): NetworkWatch {
    const watch = new NetworkWatch(this, options);
    // Of links always, for their names.
    for (const type of ['link', ...options.types] as const) for (const group of GROUPS[type]) this.#join(group);
    this.#watches.add(watch);
    if (this.#watches.size === 1) {
      this.#socket.watch(true);
      this.#askNames();
    }
    return watch;
  }

  overrun(): { type: 'overrun'; dump: () => Promise<NetworkDump> } {
    return { type: 'overrun', dump: this.#dump };
  }

  waits(change: 1 | -1): void {
    this.#waiting += change;
    if (this.#closed) return;
    if (this.#waiting > 0) this.#socket.ref();
    else this.#socket.unref();
  }

  leave(watch: NetworkWatch): void {
    this.#watches.delete(watch);
    if (this.#watches.size > 0 || this.#closed) return;
    this.#socket.watch(false);
    for (const group of this.#groups) this.#socket.leave(group);
    this.#groups.clear();
    this.#discard();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const watch of [...this.#watches]) watch.close();
    this.#socket.close();
  }

  #join(group: number): void {
    if (this.#groups.has(group)) return;
    try {
      this.#socket.join(group);
    } catch (cause) {
      throw systemError(cause, { step: 'watch the network', operation: 'netlink', kind: 'net' });
    }
    this.#groups.add(group);
  }

  /** Events name links by their index. Until the names are known they wait. */
  #askNames(): void {
    const early: Message[] = [];
    this.#early = early;
    dumpLinks(this.#connection).then(
      (links) => {
        if (this.#early !== early) return; // asked again meanwhile
        for (const { header, attributes } of links) this.#names.set(header.index, attributes.IFNAME ?? '');
        this.#tellEarly(early);
      },
      () => {
        if (this.#early === early) this.#tellEarly(early); // the network was closed, or a link is called `if7`
      },
    );
  }

  #tellEarly(early: readonly Message[]): void {
    this.#early = undefined;
    this.#orFail(() => {
      for (const message of early) this.#tell(message);
    });
  }

  #receive(): void {
    this.#orFail(() => {
      for (let count = 0; count < MOST_IN_TURN; count++) {
        const datagram = this.#receiveOne();
        if (datagram === undefined || this.#closed) return;
        for (const message of messagesIn(datagram)) {
          if (this.#early !== undefined) this.#early.push(message);
          else this.#tell(message);
        }
      }
    });
  }

  /** What goes wrong here has no caller to tell it to, and is no reason to end this process: the watches end with it. */
  #orFail(act: () => void): void {
    try {
      act();
    } catch (error) {
      for (const watch of [...this.#watches]) watch.close(error as Error);
    }
  }

  #receiveOne(): Buffer | undefined {
    try {
      return this.#socket.receive();
    } catch (cause) {
      if (!isLoss(cause)) throw systemError(cause, { step: 'watch the network', operation: 'netlink', kind: 'net' });
      this.#lost();
      return Buffer.alloc(0);
    }
  }

  #lost(): void {
    this.#push(this.overrun());
    this.#askNames(); // what was lost may have been a name
  }

  #tell(message: Message): void {
    this.#learn(message);
    const event = eventOf(message, (index) => this.#names.get(index) ?? `if${index}`);
    if (event !== undefined) this.#push(event);
  }

  #learn(message: Message): void {
    if (message.type !== RTM_NEWLINK && message.type !== RTM_DELLINK) return;
    const { header, attributes } = decode(LINK, message);
    if (attributes.IFNAME !== undefined) this.#names.set(header.index, attributes.IFNAME);
  }

  #push(event: NetworkEvent): void {
    for (const watch of [...this.#watches]) watch.push(event);
  }

  /** What came for watches that have ended is not for the next one. */
  #discard(): void {
    this.#early = undefined;
    this.#names.clear();
    for (;;) {
      try {
        if (this.#socket.receive() === undefined) return;
      } catch (cause) {
        if (!isLoss(cause)) return;
      }
    }
  }
}

function isLoss(cause: unknown): boolean {
  return LOSSES.has((cause as { errno?: unknown }).errno);
}
