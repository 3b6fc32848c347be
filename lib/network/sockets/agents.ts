/**
 * The means by which HTTP clients connect from a network: agents for `node:http` and `node:https`, a connector for
 * undici.
 */
import type * as http from 'node:http';
import type * as https from 'node:https';
import { createRequire } from 'node:module';
import { type Socket, isIP } from 'node:net';
import type * as tls from 'node:tls';
import { plain } from '../../errors/plain';
import { validateObject, validateString } from '../../errors/validate';
import type { Place } from '../place';
import type { ResolveOptions } from '../resolve/resolve-options';
import type { ConnectOptions } from './connect-options';
import { connect } from './connect';

/** Loads modules of Node when they are needed, because to load them takes longer than to load this package. */
const load = createRequire(__filename);

/** Options of {@link Network.httpAgent}: those of `http.Agent`, and `dns`. */
export interface HttpAgentOptions extends http.AgentOptions {
  /** Settings for the lookup of names, in place of those of the files. */
  dns?: ResolveOptions | undefined;
}

/** Options of {@link Network.httpsAgent}: those of `https.Agent`, and `dns`. */
export interface HttpsAgentOptions extends https.AgentOptions {
  /** Settings for the lookup of names, in place of those of the files. */
  dns?: ResolveOptions | undefined;
}

/** Options of {@link Network.connector}: those of `tls.connect()`, for https, and `dns`. */
export interface ConnectorOptions extends tls.ConnectionOptions {
  /** Settings for the lookup of names, in place of those of the files. */
  dns?: ResolveOptions | undefined;
}

/** The request that undici passes to a connector. */
export interface ConnectorRequest {
  /** The host: a name, or an address. */
  hostname: string;
  /** `'http:'` or `'https:'`. */
  protocol: string;
  /** The port; an empty string means that of the protocol. */
  port: string | number;
  /** The name that TLS requests a certificate for. */
  servername?: string | null | undefined;
  /** The address that the connection comes from. */
  localAddress?: string | null | undefined;
  /** A connection to a proxy, over which TLS is to be spoken. */
  httpSocket?: Socket | undefined;
}

/** A function for `new Agent({ connect })` of undici. */
export type Connector = (
  request: ConnectorRequest,
  callback: (...outcome: [error: null, socket: Socket] | [error: Error, socket: null]) => void,
) => void;

/** The part of the options of `agent.createConnection()` that is used here. */
type AgentRequest = Pick<ConnectOptions, 'localAddress' | 'timeout' | 'lookup'> & {
  host?: string | undefined;
  port?: number | string | undefined;
  family?: number | undefined;
  socketPath?: string | undefined;
  noDelay?: boolean | undefined;
  keepAlive?: boolean | undefined;
  keepAliveInitialDelay?: number | undefined;
};

type OnConnected = (error: Error | null, socket?: Socket) => void;

/**
 * {@link Network.httpAgent}
 *
 * @param signal - breaks off attempts to connect, and connections: for an agent of one request
 */
export function httpAgent(place: Place, options: HttpAgentOptions = {}, signal?: AbortSignal): http.Agent {
  validateObject('options', options);
  const { Agent } = load('node:http') as typeof http;
  const { dns, ...own } = plain(options);
  const agent = new Agent(own);
  createConnectionsBy(agent, (request) => connect(place, { ...connectOptionsOf(request, dns), signal }));
  return agent;
}

/** {@link Network.httpsAgent}, with a signal as that of {@link httpAgent}. */
export function httpsAgent(place: Place, options: HttpsAgentOptions = {}, signal?: AbortSignal): https.Agent {
  validateObject('options', options);
  const { Agent } = load('node:https') as typeof https;
  const { dns, ...own } = plain(options);
  const agent = new Agent(own);
  // Node's own function speaks TLS on a socket that it is given, with the sessions that the agent remembers.
  const secure = (agent as unknown as CreatesConnections).createConnection.bind(agent);
  createConnectionsBy(agent, async (request) => {
    const socket = await connect(place, { ...connectOptionsOf(request, dns), signal });
    return orDestroy(socket, () => secure({ ...request, socket }));
  });
  return agent;
}

/**
 * Destroys the socket where its use throws, for example because of a bad certificate: nobody else knows of the
 * connection then.
 */
function orDestroy<T>(socket: Socket, use: () => T): T {
  try {
    return use();
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/**
 * An agent whose `createConnection` is to be replaced, as its documentation allows: it returns a socket, or calls back
 * with one.
 */
interface CreatesConnections {
  createConnection: (request: AgentRequest & { socket?: Socket }, done?: OnConnected) => Socket;
}

function createConnectionsBy(agent: http.Agent, create: (request: AgentRequest) => Promise<Socket>): void {
  const createConnection = (request: AgentRequest, done: OnConnected): void => {
    create(request).then((socket) => done(null, socket), done);
  };
  Object.assign(agent, { createConnection });
}

function connectOptionsOf(request: AgentRequest, dns: ResolveOptions | undefined): ConnectOptions {
  const { host, port, socketPath, localAddress, timeout, lookup, family } = request;
  const { noDelay = true, keepAlive, keepAliveInitialDelay } = request;
  // A lookup function of one request has precedence over the settings of the agent.
  const names = lookup === undefined ? { dns } : { lookup };
  const common = { timeout, keepAlive, keepAliveInitialDelay, ...names };
  if (socketPath !== undefined) return { path: socketPath, ...common };
  const chosen = family === 4 || family === 6 ? family : 0;
  return { host: unbracketed(host), port: Number(port), localAddress, family: chosen, noDelay, ...common };
}

/** {@link Network.connector} */
export function connector(place: Place, options: ConnectorOptions = {}): Connector {
  validateObject('options', options);
  const { dns, ...secure } = plain(options);
  return (request, callback) => {
    connectFor(place, request, dns, secure).then(
      (socket) => callback(null, socket),
      (error: unknown) => callback(error as Error, null),
    );
  };
}

async function connectFor(
  place: Place,
  { hostname, protocol, port, servername, localAddress, httpSocket }: ConnectorRequest,
  dns: ResolveOptions | undefined,
  secure: tls.ConnectionOptions,
): Promise<Socket> {
  validateString('request.hostname', hostname);
  if (typeof port !== 'number') validateString('request.port', port);
  const host = unbracketed(hostname);
  const isSecure = protocol === 'https:';
  const number = port === '' ? (isSecure ? 443 : 80) : Number(port);
  const local = localAddress ?? undefined;
  const socket = httpSocket ?? (await connect(place, { host, port: number, localAddress: local, dns, noDelay: true }));
  return isSecure ? startTls(socket, host, { ...secure, ...(servername != null && { servername }) }) : socket;
}

/**
 * Resolves when the handshake is over and the certificate has been verified for the name or the address of the host.
 */
function startTls(socket: Socket, host: string, options: tls.ConnectionOptions): Promise<Socket> {
  const { connect: secure } = load('node:tls') as typeof tls;
  return new Promise((resolve, reject) => {
    // A server name may not be an address: RFC 6066.
    const servername = isIP(host) === 0 ? host : '';
    const stream = orDestroy(socket, () =>
      secure({ ALPNProtocols: ['http/1.1'], servername, ...options, host, socket }),
    );
    stream.once('secureConnect', () => {
      stream.off('error', reject);
      resolve(stream);
    });
    stream.once('error', reject);
  });
}

/** Removes the brackets that URLs put around an IPv6 address: `[::1]`. */
function unbracketed(host = 'localhost'): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
