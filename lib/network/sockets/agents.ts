/** What clients of HTTP connect by: agents for `node:http` and `node:https`, a connector for undici. */
import type * as http from 'node:http';
import type * as https from 'node:https';
import { createRequire } from 'node:module';
import { type Socket, isIP } from 'node:net';
import type * as tls from 'node:tls';
import { plain } from '../../errors/plain';
import { validateObject, validateString } from '../../errors/validate';
import type { Place } from '../place';
import type { ResolveOptions } from '../resolve/resolve-options';
import type { ConnectOptions } from './socket-options';
import { connect } from './connect';

/** Loaded when they are needed: that takes longer than to load this package. */
const load = createRequire(__filename);

/** Options of {@link Network.httpAgent}: those of `http.Agent`. */
export interface HttpAgentOptions extends http.AgentOptions {
  /** Where names are looked up, in place of what the files say. */
  dns?: ResolveOptions | undefined;
}

/** Options of {@link Network.httpsAgent}: those of `https.Agent`. */
export interface HttpsAgentOptions extends https.AgentOptions {
  /** Where names are looked up, in place of what the files say. */
  dns?: ResolveOptions | undefined;
}

/** Options of {@link Network.connector}: those of `tls.connect()`, for https. */
export interface ConnectorOptions extends tls.ConnectionOptions {
  /** Where names are looked up, in place of what the files say. */
  dns?: ResolveOptions | undefined;
}

/** What undici gives to a connector. */
export interface ConnectorRequest {
  /** The name, or an address. */
  hostname: string;
  /** `'http:'` or `'https:'`. */
  protocol: string;
  /** The port; empty for that of the protocol. */
  port: string | number;
  /** The name that TLS asks for. */
  servername?: string | null | undefined;
  /** The address it is to come from. */
  localAddress?: string | null | undefined;
  /** Of a proxy: a connection that TLS is to be spoken on. */
  httpSocket?: Socket | undefined;
}

/** A function for `new Agent({ connect })` of undici. */
export type Connector = (
  request: ConnectorRequest,
  callback: (...outcome: [error: null, socket: Socket] | [error: Error, socket: null]) => void,
) => void;

/** What Node gives to `agent.createConnection()`, as far as it is of use here. */
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

/** {@link Network.httpAgent} */
export function httpAgent(place: Place, options: HttpAgentOptions = {}): http.Agent {
  validateObject('options', options);
  const { Agent } = load('node:http') as typeof http;
  const { dns, ...own } = plain(options);
  const agent = new Agent(own);
  createConnectionsBy(agent, (request) => connect(place, connectOptionsOf(request, dns)));
  return agent;
}

/** {@link Network.httpsAgent} */
export function httpsAgent(place: Place, options: HttpsAgentOptions = {}): https.Agent {
  validateObject('options', options);
  const { Agent } = load('node:https') as typeof https;
  const { dns, ...own } = plain(options);
  const agent = new Agent(own);
  // Node's own speaks TLS on a socket that it is given, with the sessions that the agent remembers.
  const secure = (agent as unknown as CreatesConnections).createConnection.bind(agent);
  createConnectionsBy(agent, async (request) => {
    const socket = await connect(place, connectOptionsOf(request, dns));
    return orDestroy(socket, () => secure({ ...request, socket }));
  });
  return agent;
}

/** A bad certificate, say, throws: nobody else knows of the connection then. */
function orDestroy<T>(socket: Socket, use: () => T): T {
  try {
    return use();
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** `createConnection` is to be overridden, says its documentation: it gives back a socket, or calls back with one. */
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
  // A lookup function of one request comes before what the agent was told.
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

/** Resolves when the handshake is over: with the name, or the address, of the host verified. */
function startTls(socket: Socket, host: string, options: tls.ConnectionOptions): Promise<Socket> {
  const { connect: secure } = load('node:tls') as typeof tls;
  return new Promise((resolve, reject) => {
    // RFC 6066: a server name is no address.
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

/** `[::1]`, as URLs have it. */
function unbracketed(host = 'localhost'): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
