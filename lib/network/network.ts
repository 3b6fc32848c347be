import { OURS, mustBeOurs } from '../errors/illegal-constructor';
import type { Socket as DatagramSocket } from 'node:dgram';
import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { Server, Socket } from 'node:net';
import { closedError } from '../errors/namespace-error';
import { abortSignal, integer, schema } from '../errors/schema';
import { validateInteger, validateOneOf } from '../errors/validate';
import { SOCKET_DOMAINS, SOCKET_TYPES, type SocketDomain, type SocketType } from '../kernel/sockets';
import { throwIfAborted } from '../errors/abort';
import { closeWhenForgotten, notForgotten } from '../handle/forgotten';
import { inspectAs } from '../handle/inspect';
import type { Namespace } from '../namespace/namespace';
import { native } from '../native';
import { type Attachment, attach } from './attach/attach';
import type { NetworkAttachOptions } from './attach/attach-options';
import { Addresses } from './address/addresses';
import type * as egresses from './egress/egress';
import type { Egress } from './egress/egress';
import type { EgressPolicy } from './egress/policy/egress-policy';
import type { Policy } from './egress/policy/policy';
import { type Forward, type ForwardOptions, forward, whenClosed } from './forward/forward';
import { Links } from './link/links';
import { Neighbors } from './neighbor/neighbors';
import { Connection } from './netlink/connection';
import { NextHopObjects } from './nexthop/nexthops';
import { Nsids } from './nsid/nsids';
import { Qdiscs } from './qdisc/qdiscs';
import {
  NETWORK_SOCKETS,
  type NetworkTarget,
  Place,
  type PlaceFacts,
  type SocketRequest,
  netlinkSocket,
} from './place';
import { type LookupAddress, type LookupOptions, lookup } from './resolve/lookup';
import { Routes } from './route/routes';
import { Rules } from './rule/rules';
import {
  type Connector,
  type ConnectorOptions,
  type HttpAgentOptions,
  type HttpsAgentOptions,
  connector,
  httpAgent,
  httpsAgent,
} from './sockets/agents';
import { type ConnectOptions, destinationOf } from './sockets/connect-options';
import { connect } from './sockets/connect';
import { type DatagramOptions, createSocket } from './sockets/datagram';
import { type FetchOptions, fetchFrom } from './sockets/fetch';
import { type ListenOptions, listen } from './sockets/listen';
import { Sysctls } from './sysctl';
import type { NetworkDump } from './watch/events';
import { EventSource } from './watch/source';
import { type NetworkWatch, type NetworkWatchOptions, checkWatchOptions } from './watch/watch';

/** Options of {@link Network.open}. */
export interface NetworkOptions {
  /**
   * The number of bytes of events that the kernel may keep for the watches of this network until they are read.
   * Default: 4 MiB. Without CAP_NET_ADMIN in the initial user namespace the kernel gives at most net.core.rmem_max.
   */
  receiveBuffer?: number | undefined;
  /** Aborts the call, which then rejects with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

const parseOpen = schema<NetworkOptions>()({ receiveBuffer: integer(0, 2 ** 30 - 1), signal: abortSignal });

/** The receive buffer of the socket for requests, in bytes: all answers to one sendmsg(2) must fit in it at once. */
const ANSWER_BYTES = 1 << 20;
const EVENT_BYTES = 4 << 20;

/** The things that a network owns and closes. */
interface Possessions {
  place: Place;
  connection: Connection;
  events: EventSource;
  parts: Parts;
  forwards: Set<Forward>;
  egress: Egress | undefined;
}

/**
 * The parts that a watch lists. It refers to them and not to the network, so that a watch does not keep the network
 * from being collected as garbage.
 */
type Parts = Pick<Network, 'link' | 'address' | 'route' | 'rule' | 'neighbor'>;

/** The network of each socket, agent and connector: the network lives as long as one of these is in use. */
const networks = new WeakMap<object, Network>();

let construct: (owned: Possessions) => Network;

/** {@link Network.egress}, for a policy that has been checked, and a network that was made for it: it has no other links. */
export let egressBy: (network: Network, policy: Policy) => Promise<Egress>;

/**
 * A network namespace to work in: its links, addresses, routes, rules and neighbors, and sockets in it.
 *
 * Links, addresses, routes, rules and neighbors are what ip(8) shows and changes. Requests go over a netlink socket
 * that was opened in the namespace; no program is started.
 *
 * Requests that are made in the same turn of the event loop are sent together: a hundred of them in `Promise.all` are a
 * few system calls. The kernel carries them out in the order in which they were made, on a thread of this package, so
 * that the event loop is not blocked.
 *
 * To open a network needs the right to enter the namespace, as {@link setns} does; to read it then needs no privilege.
 * To change it needs CAP_NET_ADMIN in the user namespace that owns the network namespace. The creator of that user
 * namespace has it.
 *
 * Only messages of the kernel are accepted: a process in the namespace can forge netlink messages, and they are
 * ignored.
 *
 * Sockets are made inside and used here: a socket stays in the namespace that it was created in
 * (`network_namespaces(7)`), so one process, with one event loop, can have servers on port 80 of many networks.
 * Addresses, ports, interfaces and names are those of the namespace: `127.0.0.1` is its own loopback. To make a socket
 * needs the right to enter the namespace.
 *
 * A network keeps its namespace alive, and also the mount namespace of the set that it was opened for. Close it, or
 * declare it with `await using`. A network that nobody closes is closed when it is collected as garbage, with a process
 * warning (`LINUX_NS_UNCLOSED`); this does not happen while a socket or an agent of it is in use.
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
    construct = (owned) => new Network(OURS, owned);
    egressBy = (network, policy) => network.#egress(policy, true);
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
  /** Next-hop objects, which routes share: `ip nexthop`. */
  readonly nexthop: NextHopObjects;
  /** Queueing disciplines of links: `tc qdisc`. */
  readonly qdisc: Qdiscs;
  /** Ids of other network namespaces: `ip netns list-id`. */
  readonly nsid: Nsids;
  readonly #owned: Possessions;

  private constructor(key: symbol, owned: Possessions) {
    mustBeOurs(key, 'await Network.open()');
    const { place, connection, parts } = owned;
    this.#owned = owned;
    this.link = parts.link;
    this.address = parts.address;
    this.route = parts.route;
    this.rule = parts.rule;
    this.neighbor = parts.neighbor;
    this.sysctl = new Sysctls(place);
    this.nexthop = new NextHopObjects(connection);
    this.qdisc = new Qdiscs(connection);
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
    const { receiveBuffer = EVENT_BYTES, signal } = parseOpen('options', options);
    const place = Place.of('target', target);
    try {
      throwIfAborted(signal);
      const fds = await place.sockets(NETWORK_SOCKETS, signal);
      return construct(takeOver(place, fds, receiveBuffer));
    } catch (error) {
      await place.close();
      throw error;
    }
  }

  /**
   * The network of namespaces whose maker has also made the sockets in there: {@link NETWORK_SOCKETS}. No task is
   * started.
   *
   * @param fds - adopted descriptors, which are the network's from here on
   * @param more - the sockets of which `fds` has descriptors, besides those two
   * @internal
   */
  static over(
    target: NetworkTarget,
    fds: readonly number[],
    facts: PlaceFacts = {},
    more: readonly SocketRequest[] = [],
  ): Network {
    let place: Place | undefined;
    try {
      place = Place.of('target', target, facts);
      place.keep(more, fds.slice(NETWORK_SOCKETS.length));
      return construct(takeOver(place, fds, EVENT_BYTES));
    } catch (error) {
      if (place === undefined) for (const fd of fds) native().closeNow(fd);
      void place?.close();
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

  /** True after `close()` has been called. */
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
   * Makes a server of `net`, `tls`, `http`, `https` or `http2` listen in the network. Resolves with the server once it
   * listens; close it like any other.
   *
   * Ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE in the user namespace that owns the
   * network namespace. The creator of that user namespace has it. bind(2), listen(2)
   *
   * @param server - a server that does not listen yet. Default: a new one of `net`
   * @param options - the address or path to listen on and other settings, or only the port. Default: any free port
   * @throws NamespaceError `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, … with `address`, `port` and `hint`;
   * `ERR_LINUX_NS_CLOSED`
   *
   * @example
   * ```ts
   * const server = await network.listen(http.createServer((request, response) => response.end('inside')), 80);
   * ```
   */
  async listen<S extends Server>(server: S, options?: ListenOptions | number): Promise<S>;
  async listen(options: ListenOptions | number): Promise<Server>;
  async listen(first: unknown, second?: ListenOptions | number): Promise<Server> {
    return this.#kept(await listen(this.#owned.place, first, second));
  }

  /**
   * Connects to a server that can be reached from the network. Resolves with the socket once it is connected.
   *
   * A name may have several addresses: they are tried in turn, as `net.connect()` does. TLS is spoken on the socket by
   * `tls.connect({ socket })`, HTTP/2 by `http2.connect(url, { createConnection: () => socket })`. connect(2)
   *
   * The argument is the server to connect to, with other settings; or only the port and the host, an address or a name, as
   * in `net.connect(port, host)`. Without a host it is the loopback of the namespace.
   *
   * @throws NamespaceError `ECONNREFUSED`, `ENETUNREACH`, `ETIMEDOUT`, `ENOTFOUND`, … with `address`, `port` and
   * `hint`; `ERR_LINUX_NS_CLOSED`
   *
   * @example
   * ```ts
   * const socket = await network.connect({ host: '192.168.5.10', port: 80 });
   * ```
   */
  async connect(port: number, host?: string): Promise<Socket>;
  async connect(options: ConnectOptions): Promise<Socket>;
  async connect(options: ConnectOptions | number, host?: string): Promise<Socket> {
    return this.#kept(await connect(this.#owned.place, destinationOf(options, host)));
  }

  /**
   * Creates a UDP socket of `node:dgram` in the network. With `port` or `address` the socket is bound when this
   * resolves; without them `bind()` or the first `send()` binds it. udp(7)
   *
   * @throws NamespaceError `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, …; `ERR_LINUX_NS_CLOSED`
   *
   * @example
   * ```ts
   * const socket = await network.createSocket({ type: 'udp4', port: 53 });
   * socket.on('message', (message, { address }) => console.log(address, message));
   * ```
   */
  async createSocket(options: DatagramOptions | 'udp4' | 'udp6'): Promise<DatagramSocket> {
    return this.#kept(await createSocket(this.#owned.place, options));
  }

  /**
   * Creates a socket of any family as a descriptor: socket(2).
   *
   * @param domain - `'inet'`, `'unix'`, …: AF_* in lower case
   * @param type - `'stream'`, `'dgram'`, …: SOCK_* in lower case
   * @param protocol - as in socket(2); default 0
   * @returns a descriptor with close-on-exec, which the caller closes
   * @throws NamespaceError `EPERM`, `EPROTONOSUPPORT`, …; `ERR_LINUX_NS_CLOSED`
   */
  async socket(domain: SocketDomain, type: SocketType, protocol = 0): Promise<number> {
    validateOneOf('domain', domain, Object.keys(SOCKET_DOMAINS));
    validateOneOf('type', type, Object.keys(SOCKET_TYPES));
    validateInteger('protocol', protocol, 0, 0xffff);
    const fd = await this.#owned.place.socket(domain, type, protocol);
    native().disown(fd);
    return fd;
  }

  /**
   * Finds the addresses of a name as a program in the network would find them: hosts(5) is read first, then the name
   * servers of resolv.conf(5) are asked, through sockets of the namespace. If the network was opened for a set with a
   * mount namespace, the files are those inside. Otherwise they are those in /etc/netns/NAME, if the namespace has a name
   * and there are such files (ip-netns(8)), and else those of this process.
   *
   * nsswitch.conf(5) is not followed: there are no other sources.
   *
   * @throws NamespaceError `ENOTFOUND` when the name has no address, `EAI_AGAIN` when no server has answered;
   * `ERR_LINUX_NS_CLOSED`
   *
   * @example
   * ```ts
   * await network.lookup('example.org', { servers: ['10.0.0.53'] }); // [{ address: '192.0.2.1', family: 4 }]
   * ```
   */
  async lookup(hostname: string, options?: LookupOptions): Promise<LookupAddress[]> {
    return this.#kept(await lookup(this.#owned.place, hostname, options));
  }

  /**
   * Creates an agent for `http.request()`. Its connections come from the network, until the network is closed.
   *
   * @param options - those of `http.Agent`, and `dns`
   *
   * @example
   * ```ts
   * http.get('http://192.168.5.10/', { agent: network.httpAgent({ keepAlive: true }) }, (response) => response.resume());
   * ```
   */
  httpAgent(options?: HttpAgentOptions): HttpAgent {
    return this.#kept(httpAgent(this.#owned.place, options));
  }

  /**
   * Creates an agent for `https.request()`, as {@link Network.httpAgent} does for http. Its options are those of
   * `https.Agent`, and `dns`.
   */
  httpsAgent(options?: HttpsAgentOptions): HttpsAgent {
    return this.#kept(httpsAgent(this.#owned.place, options));
  }

  /**
   * Creates a connector for undici's `new Agent({ connect })`, and so for its `fetch()`. It connects from the network,
   * until the network is closed.
   *
   * @param options - those of `tls.connect()`, for https, and `dns`
   *
   * @example
   * ```ts
   * import { Agent, fetch } from 'undici';
   * const dispatcher = new Agent({ connect: network.connector() });
   * const response = await fetch('http://192.168.5.10/', { dispatcher });
   * ```
   */
  connector(options?: ConnectorOptions): Connector {
    return this.#kept(connector(this.#owned.place, options));
  }

  /**
   * Requests a URL from the network, as the global `fetch()` does from this process's: with the same arguments, the same
   * rules for redirects, and a `Response` of Node's.
   *
   * Three things differ. Each request has a connection of its own, which is closed with its answer. Where no answer comes, the
   * promise rejects with the reason itself, as that of {@link Network.connect} does, and not with a `TypeError` that has
   * it as its `cause`. There is no cache.
   *
   * @param options - those of the global `fetch()`, and `agent`; unknown ones are errors
   * @throws NamespaceError `ECONNREFUSED`, `ENOTFOUND`, …; `ERR_LINUX_NS_REDIRECT`; `ERR_LINUX_NS_CLOSED`
   * @throws TypeError for what is no request, as the global `fetch()`; the reason of the signal when it is aborted
   *
   * @example
   * ```ts
   * const response = await network.fetch('http://192.168.5.10/users', { method: 'POST', body: '{}' });
   * console.log(response.status, await response.json());
   * ```
   */
  async fetch(url: string | URL | Request, options?: FetchOptions): Promise<Response> {
    return this.#kept(await fetchFrom(this.#owned.place, url, options));
  }

  /**
   * Forwards a port, so that programs on one side reach a server on the other by a port of their own loopback: a client
   * of a database in this process a server in the network, for example; or with direction `'out'` a program inside a
   * server on this host. It works in this process, by sockets on both sides, and takes no program, no device and no route.
   *
   * Data of one side wait until the other reads, an end is passed on as an end, and a connection that breaks on one
   * side is reset on the other. It is reset as well if nothing listens on the other side. Both addresses are loopbacks
   * unless options say otherwise; to the server, every connection comes from its own loopback.
   *
   * @returns the forward, which keeps Node running until it or the network is closed
   * @throws NamespaceError `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES` with `address`, `port` and `hint`;
   * `ERR_LINUX_NS_CLOSED`
   *
   * @example
   * ```ts
   * await using forward = await network.forward({ host: 0, inside: 5432 });
   * const client = new Client({ host: '127.0.0.1', port: forward.port });
   * ```
   */
  async forward(options: ForwardOptions): Promise<Forward> {
    const { place, forwards } = this.#owned;
    const made = this.#kept(await forward(place, options));
    forwards.add(made);
    whenClosed(made, () => forwards.delete(made));
    if (!this.closed) return made;
    await made.close();
    throw closedError('This Network');
  }

  /**
   * Lets programs in the network reach the hosts that a policy allows, and no others, without tools, devices, privileges or
   * variables of theirs. Every connection that a program makes, to whatever address, comes to this process, which decides
   * about it, makes it outside and passes on what both sides send.
   *
   * The loopback must be the only link of the network: what leaves by one that is made later passes no policy. Connections of
   * programs to their own loopback are left to them. UDP, but for questions to name servers, is refused at once.
   *
   * A program with CAP_NET_ADMIN in the network can cut itself off, and no more: this process decides on what it sees, and
   * connects to what it has decided about.
   *
   * @returns the egress, which is closed with the network; it does not keep Node running
   * @throws NamespaceError `ERR_LINUX_NS_OTHER_LINKS` where the network has another link than the loopback; `EEXIST` where
   * it has an egress; `EPERM`; `ERR_LINUX_NS_CLOSED`
   * @throws TypeError, RangeError for what is no policy, and for rules that can never match
   *
   * @example
   * ```ts
   * const set = await unshare(['user', 'net']);
   * await using network = await Network.open(set);
   * await using egress = await network.egress({ allow: ['packages.example.com:443'] });
   * ```
   */
  async egress(policy: EgressPolicy): Promise<Egress> {
    return this.#egress(policy, false);
  }

  async #egress(policy: EgressPolicy | Policy, isNew: boolean): Promise<Egress> {
    const { egress, whenClosed: whenEgressClosed } = require('./egress/egress') as typeof egresses;
    const owned = this.#owned;
    const { link, route, address } = this;
    const made = this.#kept(await egress({ place: owned.place, link, route, address, isNew }, policy));
    owned.egress = made;
    whenEgressClosed(made, () => (owned.egress = undefined));
    if (!this.closed) return made;
    await made.close();
    throw closedError('This Network');
  }

  /**
   * Closes the network, its forwards and its egress. Requests without an answer yet reject with `ERR_LINUX_NS_CLOSED`, and watches
   * end. Servers, connections and UDP sockets that exist go on, and keep the namespace alive; no new ones are made, not
   * by agents and connectors either. To call it again changes nothing.
   */
  async close(): Promise<void> {
    notForgotten(this);
    await release(this.#owned);
  }

  /** Calls {@link Network.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Keeps the network alive at least as long as the object that it has made. */
  #kept<T extends object>(made: T): T {
    networks.set(made, this);
    return made;
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

/** Makes the two connections of a network from their descriptors; a descriptor that is not taken over is closed. */
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
    return { place, connection, events, parts, forwards: new Set(), egress: undefined };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/**
 * Closes all that a network owns. It is no method: a function made in the constructor would keep its `this`, and so the
 * network, from being collected.
 */
async function release({ place, connection, events, forwards, egress }: Possessions): Promise<void> {
  events.close();
  connection.close();
  await Promise.all([place.close(), ...[...forwards].map((each) => each.close()), egress?.close()]);
}
