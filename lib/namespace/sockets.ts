import type { Socket as DatagramSocket } from 'node:dgram';
import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { Server, Socket } from 'node:net';
import type { Connector, ConnectorOptions, HttpAgentOptions, HttpsAgentOptions } from '../network/sockets/agents';
import type { ConnectOptions } from '../network/sockets/connect';
import type { DatagramOptions } from '../network/sockets/datagram';
import type { ListenOptions } from '../network/sockets/listen';
import type { LookupAddress, LookupOptions } from '../network/resolve/lookup';
import type { Namespace } from './namespace';
import type { NamespaceSet } from '../set/namespace-set';

/** A handle that sockets can be asked of. */
type Owner = Namespace | NamespaceSet;

/** What {@link Sockets} does, by a module that knows how. */
export interface SocketFunctions {
  listen(owner: Owner, first: unknown, second?: ListenOptions | number): Promise<Server>;
  connect(owner: Owner, where: ConnectOptions | number): Promise<Socket>;
  createSocket(owner: Owner, what: DatagramOptions | 'udp4' | 'udp6'): Promise<DatagramSocket>;
  lookup(owner: Owner, hostname: string, options?: LookupOptions): Promise<LookupAddress[]>;
  httpAgent(owner: Owner, options?: HttpAgentOptions): HttpAgent;
  httpsAgent(owner: Owner, options?: HttpsAgentOptions): HttpsAgent;
  connector(owner: Owner, options?: ConnectorOptions): Connector;
}

let functions: SocketFunctions | undefined;

/**
 * A namespace has sockets, and sockets are opened with handles on namespaces: so that the two do not import each other,
 * lib/network/sockets hands in here, when it is loaded, how that is done.
 */
export function provideSockets(provided: SocketFunctions): void {
  functions = provided;
}

function provided(): SocketFunctions {
  if (functions === undefined) throw new Error('lib/network/sockets has not been loaded');
  return functions;
}

/**
 * Sockets of a network namespace, in this process: made inside, used here. A socket stays in the namespace that it was
 * created in (`network_namespaces(7)`), so one process, with one event loop, can have servers on port 80 of many.
 *
 * These methods work on a {@link Namespace} of kind `net` and on a {@link NamespaceSet} that has one; others reject
 * with `ERR_LINUX_NS_NO_SUCH_KIND`. They need the privilege to join the namespace: CAP_SYS_ADMIN in the user namespace
 * that owns it, which its creator has. Sockets outlive the handle, and keep the namespace alive.
 *
 * Addresses, ports, interfaces and names are those of the namespace: `127.0.0.1` is its own loopback.
 */
export abstract class Sockets {
  /**
   * Makes a server of `net`, `tls`, `http`, `https` or `http2` listen in the namespace. Resolves with the server once
   * it listens; close it like any other.
   *
   * Ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE in the user namespace that owns the
   * namespace, which its creator has. bind(2), listen(2)
   *
   * @param server - a server that does not listen yet. Default: a new one of `net`
   * @param options - where, or only the port. Default: any free port
   * @throws NamespaceError `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, … with `address`, `port` and `hint`
   *
   * @example
   * ```ts
   * const set = await unshare(['user', 'net']);
   * const server = await set.listen(http.createServer((request, response) => response.end('inside')), 80);
   * ```
   */
  async listen<S extends Server>(server: S, options?: ListenOptions | number): Promise<S>;
  async listen(options: ListenOptions | number): Promise<Server>;
  async listen(first: unknown, second?: ListenOptions | number): Promise<Server> {
    return provided().listen(this.#owner(), first, second);
  }

  /**
   * Connects to a server that can be reached from the namespace. Resolves with the socket once it is connected.
   *
   * A name may have several addresses: they are tried in turn, as `net.connect()` does. TLS is spoken on it by
   * `tls.connect({ socket })`, HTTP/2 by `http2.connect(url, { createConnection: () => socket })`. connect(2)
   *
   * @param options - where to, or only the port, on the loopback of the namespace
   * @throws NamespaceError `ECONNREFUSED`, `ENETUNREACH`, `ETIMEDOUT`, `ENOTFOUND`, … with `address`, `port` and `hint`
   *
   * @example
   * ```ts
   * const socket = await set.connect({ host: '192.168.5.10', port: 80 });
   * ```
   */
  async connect(options: ConnectOptions | number): Promise<Socket> {
    return provided().connect(this.#owner(), options);
  }

  /**
   * Creates a UDP socket of `node:dgram` in the namespace. With `port` or `address` it is bound when this resolves;
   * without, `bind()` or the first `send()` binds it. udp(7)
   *
   * @throws NamespaceError `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, …
   *
   * @example
   * ```ts
   * const socket = await set.createSocket({ type: 'udp4', port: 53 });
   * socket.on('message', (message, { address }) => console.log(address, message));
   * ```
   */
  async createSocket(options: DatagramOptions | 'udp4' | 'udp6'): Promise<DatagramSocket> {
    return provided().createSocket(this.#owner(), options);
  }

  /**
   * The addresses of a name as a program in the namespace would find them: hosts(5) first, then the name servers of
   * resolv.conf(5), asked through sockets of the namespace. The files are those inside of a set with a mount namespace;
   * else those of /etc/netns/NAME, where the namespace has a name (ip-netns(8)); else those of this process.
   *
   * nsswitch.conf(5) is not followed: there are no other sources.
   *
   * @throws NamespaceError `ENOTFOUND` when the name has no address, `EAI_AGAIN` when no server has answered
   */
  async lookup(hostname: string, options?: LookupOptions): Promise<LookupAddress[]> {
    return provided().lookup(this.#owner(), hostname, options);
  }

  /**
   * An agent for `http.request()` whose connections come from the namespace. Its options are those of `http.Agent`.
   *
   * @example
   * ```ts
   * http.get('http://192.168.5.10/', { agent: set.httpAgent({ keepAlive: true }) }, (response) => response.resume());
   * ```
   */
  httpAgent(options?: HttpAgentOptions): HttpAgent {
    return provided().httpAgent(this.#owner(), options);
  }

  /** The same for `https.request()`; its options are those of `https.Agent`. */
  httpsAgent(options?: HttpsAgentOptions): HttpsAgent {
    return provided().httpsAgent(this.#owner(), options);
  }

  /**
   * A connector for undici's `new Agent({ connect })`, and so for its `fetch()`: it connects from the namespace.
   *
   * @param options - for https those of `tls.connect()`
   *
   * @example
   * ```ts
   * import { Agent, fetch } from 'undici';
   * const response = await fetch('http://192.168.5.10/', { dispatcher: new Agent({ connect: set.connector() }) });
   * ```
   */
  connector(options?: ConnectorOptions): Connector {
    return provided().connector(this.#owner(), options);
  }

  #owner(): Owner {
    return this as unknown as Owner;
  }
}
