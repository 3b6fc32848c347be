import type { NativeNetlink } from '../../../types/native';
import { Errno } from '../../kernel/errno';
import { systemError } from '../../errors/system-error';
import { dumpLinks } from '../link/lookup';
import { LINK, RTM_DELLINK, RTM_NEWLINK } from '../link/link-message';
import { type Connection, openSocket } from '../netlink/connection';
import { type Message, decode, messagesIn } from '../netlink/netlink-message';
import { GROUPS, type NetworkDump, type NetworkEvent, eventOf } from './events';
import { type CheckedWatchOptions, NetworkWatch, type WatchSource } from './watch';

/** The most datagrams that are taken in one turn of the event loop, so that other work has its turn, too. */
const MOST_IN_TURN = 256;

/**
 * The errors that mean a loss: some events were lost because there was no more room or because one was too long, and
 * the events after them were not.
 */
const LOSSES: ReadonlySet<unknown> = new Set([Errno.ENOBUFS, Errno.EMSGSIZE]);

/**
 * The socket that receives events from the kernel, and the watches that these are given to. It is a socket of its own,
 * because a socket for requests would have events among its answers.
 */
export class EventSource implements WatchSource {
  readonly #socket: NativeNetlink;
  readonly #connection: Connection;
  readonly #dump: () => Promise<NetworkDump>;
  readonly #watches = new Set<NetworkWatch>();
  readonly #groups = new Set<number>();
  /** The names of links by their indexes, also of links that are gone. */
  readonly #names = new Map<number, string>();
  /** The messages that have arrived while the names were not known yet. */
  #early: Message[] | undefined;
  #waiting = 0;
  #closed = false;

  /** Takes over an adopted netlink socket. */
  constructor(fd: number, receiveBuffer: number, connection: Connection, dump: () => Promise<NetworkDump>) {
    this.#socket = openSocket(fd, receiveBuffer, () => this.#receive());
    this.#socket.unref();
    this.#connection = connection;
    this.#dump = dump;
  }

  /** Creates a watch, which reports events from now on. */
  watch(options: CheckedWatchOptions): NetworkWatch {
    const watch = new NetworkWatch(this, options);
    // Links are always among the groups, for their names.
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

  /**
   * Asks for the names of all links, because events name a link by its index. Until the names are known, events wait.
   */
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

  /**
   * Ends all watches with the error where an action fails. The error has no caller to go to, and is no reason to end
   * this process.
   */
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

  /** Takes and drops all messages that came for watches that have ended: they are not for the next watch. */
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
