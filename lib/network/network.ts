import { closedError } from '../errors/namespace-error';
import { plainOptions } from '../errors/plain';
import { validateAbortSignal, validateInteger } from '../errors/validate';
import { throwIfAborted } from '../errors/abort';
import { closeWhenForgotten, notForgotten } from '../handle/forgotten';
import { inspectAs } from '../handle/inspect';
import type { Namespace } from '../namespace/namespace';
import { native } from '../native';
import { type Attachment, attach } from './attach/attach';
import type { NetworkAttachOptions } from './attach/attach-options';
import { Addresses } from './address/addresses';
import { Links } from './link/links';
import { Neighbors } from './neighbor/neighbors';
import { Connection } from './netlink/connection';
import { Nsids } from './nsid/nsids';
import { type NetworkTarget, Place, netlinkSocket } from './place';
import { Routes } from './route/routes';
import { Rules } from './rule/rules';
import { Sysctls } from './sysctl';
import type { NetworkDump } from './watch/events';
import { EventSource } from './watch/source';
import { type NetworkWatch, type NetworkWatchOptions, checkWatchOptions } from './watch/watch';

/** Options of {@link Network.open}. */
export interface NetworkOptions {
  /**
   * How many bytes of events the kernel buffers for a watch. Default 4 MiB; limited to net.core.rmem_max without
   * CAP_NET_ADMIN in the initial user namespace.
   */
  receiveBuffer?: number | undefined;
  /** Aborts the call, which then rejects with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

/** For answers: those to one sendmsg(2) are all in there at once. */
const ANSWER_BYTES = 1 << 20;
const EVENT_BYTES = 4 << 20;

/** What a network owns. */
interface Possessions {
  place: Place;
  connection: Connection;
  events: EventSource;
  parts: Parts;
}

/** Apart from the class: a watch, which lists them, must not keep the network from being collected as garbage. */
type Parts = Pick<Network, 'link' | 'address' | 'route' | 'rule' | 'neighbor'>;

let construct: (owned: Possessions) => Network;

/**
 * The links, addresses, routes, rules and neighbors of a network namespace: what ip(8) does, over a netlink socket that
 * was opened in there, without starting a program.
 *
 * Requests that are made in the same turn of the event loop are sent together: a hundred of them in `Promise.all` are a
 * few system calls. The kernel carries them out in the order in which they were made, on a thread of this package, so
 * that the event loop is not blocked.
 *
 * To open a network needs the right to enter the namespace, as {@link setns}; to read it then needs no privilege. To
 * change it needs CAP_NET_ADMIN in the user namespace that owns the network namespace, which the creator of that has.
 *
 * Only messages of the kernel are accepted: a process in the namespace can forge netlink messages, and they are
 * ignored.
 *
 * It keeps the namespace alive. Close it, or declare it with `await using`. One that is forgotten instead is closed when
 * it is collected as garbage, with a process warning (`LINUX_NS_UNCLOSED`).
 *
 * rtnetlink(7), ip(8)
 *
 * @example
 * ```ts
 * const set = await unshare(['user', 'net']);
 * await using network = await Network.open(set);
 * await network.link.add({ name: 'br0', kind: 'bridge', up: true });
 * await network.address.add('br0', '192.168.5.1/24');
 * console.log(await network.route.list()); // [{ to: '192.168.5.0/24', link: 'br0', scope: 'link', … }]
 * ```
 */
export class Network implements AsyncDisposable {
  static {
    construct = (owned) => new Network(owned);
    inspectAs(this, (network) => ({ [String(network.namespace)]: true, closed: network.closed }));
  }

  /** Links: `ip link`. */
  readonly link: Links;
  /** Addresses: `ip address`. */
  readonly address: Addresses;
  /** Routes: `ip route`. */
  readonly route: Routes;
  /** Rules of the routing policy: `ip rule`. */
  readonly rule: Rules;
  /** Neighbors: `ip neighbour`. */
  readonly neighbor: Neighbors;
  /** Settings below /proc/sys/net: sysctl(8). */
  readonly sysctl: Sysctls;
  /** Ids of other network namespaces: `ip netns list-id`. */
  readonly nsid: Nsids;
  readonly #owned: Possessions;

  private constructor(owned: Possessions) {
    const { place, connection, parts } = owned;
    this.#owned = owned;
    this.link = parts.link;
    this.address = parts.address;
    this.route = parts.route;
    this.rule = parts.rule;
    this.neighbor = parts.neighbor;
    this.sysctl = new Sysctls(place);
    this.nsid = new Nsids(connection);
    closeWhenForgotten(this, `A Network (${String(place.net)})`, owned, release);
  }

  /**
   * Opens a network namespace.
   *
   * @param target - a namespace of kind `net`, or a set with one; the caller may close it afterwards. Default: the network
   * namespace of the calling thread
   * @returns a network, which the caller closes
   * @throws NamespaceError `ERR_LINUX_NS_CLOSED`, `ERR_LINUX_NS_NO_SUCH_KIND`; `EPERM` where it may not be entered
   */
  static async open(target?: NetworkTarget, options: NetworkOptions = {}): Promise<Network> {
    const { receiveBuffer = EVENT_BYTES, signal } = plainOptions('options', options, ['receiveBuffer', 'signal']);
    validateInteger('options.receiveBuffer', receiveBuffer, 0, 2 ** 30 - 1);
    if (signal !== undefined) validateAbortSignal('options.signal', signal);
    const place = Place.of('target', target);
    try {
      throwIfAborted(signal);
      const fds = await place.sockets(Array(2).fill({ domain: 'netlink', type: 'raw' }), signal);
      return construct(takeOver(place, fds, receiveBuffer));
    } catch (error) {
      await place.close();
      throw error;
    }
  }

  /**
   * Connects a network namespace to the outside without privileges: by a program in user space, pasta(1) or
   * slirp4netns(1), which ends with the set and with this process. The interface that it creates inside has an address,
   * a default route and a name server.
   *
   * @param target - a set with a network namespace; or a namespace of kind `net`, for which the program runs until
   * `close()` of the attachment
   * @throws NamespaceError `ENOENT` with the package's name in its `hint` where the program is not installed;
   * `EADDRINUSE` when a port is taken; `ERR_LINUX_NS_ATTACH` with what else the program says
   *
   * @example
   * ```ts
   * const set = await unshare(['user', 'net']);
   * await using outside = await Network.attach(set, { with: 'pasta', ports: [8080] });
   * await set.execFile('curl', ['https://example.org']);
   * ```
   */
  static async attach(target: NetworkTarget, options: NetworkAttachOptions = {}): Promise<Attachment> {
    return attach(target, options);
  }

  /** The namespace. This object owns the handle, which closes with it. */
  get namespace(): Namespace {
    return this.#owned.place.net;
  }

  /** Whether `close()` has been called. */
  get closed(): boolean {
    return this.#owned.connection.closed;
  }

  /**
   * Watches the network: `ip monitor`. It reports every change from this call on. If changes come faster than they are
   * read and some are lost, an event of type `'overrun'` says so.
   *
   * @throws NamespaceError `ERR_LINUX_NS_CLOSED`
   *
   * @example
   * ```ts
   * for await (const event of network.watch({ types: ['link'] })) {
   *   if (event.type === 'link') console.log(event.action, event.link.name, event.link.state);
   *   if (event.type === 'overrun') console.log('events were lost; now there are', (await event.dump()).links);
   * }
   * ```
   */
  watch(options: NetworkWatchOptions = {}): NetworkWatch {
    const checked = checkWatchOptions(options);
    if (this.closed) throw closedError('This Network');
    return this.#owned.events.watch(checked);
  }

  /**
   * Lists everything, with the routes of all tables.
   *
   * @throws NamespaceError `ERR_LINUX_NS_CLOSED`
   */
  async dump(): Promise<NetworkDump> {
    return dump(this);
  }

  /**
   * Closes it. Requests without an answer yet reject with `ERR_LINUX_NS_CLOSED`; watches end. Calling it again changes
   * nothing.
   */
  async close(): Promise<void> {
    notForgotten(this);
    await release(this.#owned);
  }

  /** Calls {@link Network.close}: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function dump({ link, address, route, rule, neighbor }: Parts): Promise<NetworkDump> {
  const [links, addresses, routes, rules, neighbors] = await Promise.all([
    link.list(),
    address.list(),
    route.list({ table: 'all' }),
    rule.list(),
    neighbor.list(),
  ]);
  return { links, addresses, routes, rules, neighbors };
}

/** Makes the two connections of a network; descriptors that are not taken over are closed. */
function takeOver(place: Place, fds: readonly number[], receiveBuffer: number): Possessions {
  const [answers = -1, changes = -1] = fds;
  let connection: Connection;
  try {
    connection = new Connection(answers, { receiveBuffer: ANSWER_BYTES, another: () => netlinkSocket(place) });
  } catch (error) {
    native().closeNow(changes);
    throw error;
  }
  try {
    const parts: Parts = {
      link: new Links(connection, place),
      address: new Addresses(connection),
      route: new Routes(connection),
      rule: new Rules(connection),
      neighbor: new Neighbors(connection),
    };
    const events = new EventSource(changes, receiveBuffer, connection, () => dump(parts));
    return { place, connection, events, parts };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Made out here: a function made in the constructor would keep its `this`, and so the network, from being collected. */
async function release({ place, connection, events }: Possessions): Promise<void> {
  events.close();
  connection.close();
  await place.close();
}
