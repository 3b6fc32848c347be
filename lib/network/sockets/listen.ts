/** Servers inside a network namespace, as `server.listen()` makes them. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { type LookupFunction, createServer, isIP } from 'node:net';
import { NO_OPTIONS } from '../../errors/plain';
import { type Parsed, boolean, integer, schema, string } from '../../errors/schema';
import { invalidType, invalidValue } from '../../errors/validate';
import { throwIfAborted } from '../../errors/abort';
import { native } from '../../native';
import { bindTo, bindToDevice, setBindFlags } from '../descriptors/bind';
import { type Endpoint, inetEndpoint } from '../descriptors/endpoint';
import { handOver } from '../descriptors/hand-over';
import { socketError } from '../descriptors/socket-error';
import type { Place } from '../place';
import { resolveHost } from '../resolve/host';
import type { ResolveOptions } from '../resolve/resolve-options';
import { COMMON, port, refuseSettings, unixPath } from './socket-options';

/** Options of {@link Network.listen}: those of `server.listen()`, seen from inside the namespace. Unknown ones are errors. */
export interface ListenOptions {
  /** The port; 0 for any that is free. Default: 0. */
  port?: number | undefined;
  /**
   * The address to listen on, or a name of one. Default: `'::'`, which takes IPv4 as well, or `'0.0.0.0'` where the
   * namespace has no IPv6.
   */
  host?: string | undefined;
  /**
   * The path of a Unix socket as this process sees it, which is removed when the server is closed; or `'\0'` and an
   * abstract name. Abstract names belong to the network namespace, paths do not. unix(7)
   */
  path?: string | undefined;
  /** The most connections that may wait to be accepted; net.core.somaxconn of the namespace limits it. Default: 511. */
  backlog?: number | undefined;
  /** IPV6_V6ONLY: `'::'` takes no IPv4 connections. Default: false. */
  ipv6Only?: boolean | undefined;
  /** SO_REUSEPORT: several sockets share the port, and the kernel spreads connections over them. Default: false. */
  reusePort?: boolean | undefined;
  /** SO_BINDTODEVICE, socket(7): the server listens on this interface only. */
  device?: string | undefined;
  /** A function that resolves {@link host}. Default: as {@link Network.lookup} does. */
  lookup?: LookupFunction | undefined;
  /** Settings for the lookup of names, in place of those of the files. Not allowed together with {@link lookup}. */
  dns?: ResolveOptions | undefined;
  /** Closes the server. */
  signal?: AbortSignal | undefined;
}

const LISTEN = schema<ListenOptions>()({
  port,
  host: string,
  path: unixPath,
  backlog: integer(0),
  ipv6Only: boolean,
  reusePort: boolean,
  ...COMMON,
});

/** {@link ListenOptions}, checked. */
type Listening = Parsed<typeof LISTEN>;

/** The default backlog of Node. */
const DEFAULT_BACKLOG = 511;

/** {@link Network.listen} */
export async function listen(place: Place, first: unknown, second?: ListenOptions | number): Promise<Server> {
  const [server, where] = isServer(first) ? [first, second ?? NO_OPTIONS] : [createServer(), first];
  const options = parseListen(typeof where === 'number' ? { port: where } : where);
  const { signal } = options;
  throwIfAborted(signal);
  const [fd, endpoint] = await bind(place, options);
  try {
    await begin(server, fd, endpoint, options);
  } catch (error) {
    remove(endpoint);
    throw error;
  }
  removeWithServer(server, endpoint);
  if (signal !== undefined) closeOnAbort(server, signal);
  return server;
}

/**
 * Recognizes a server by its shape: `tls`, `http` and `http2` have classes of their own, and another realm has others.
 */
function isServer(value: unknown): value is Server {
  const { listen: listens, close, address, once } = (value ?? {}) as Partial<Record<string, unknown>>;
  return [listens, close, address, once].every((method) => typeof method === 'function');
}

function parseListen(given: unknown): Listening {
  if (typeof given === 'function') throw invalidType('options', 'of type number or object', given);
  const options = LISTEN('options', given);
  const { port: number, host, path } = options;
  if (path !== undefined && (number !== undefined || host !== undefined)) {
    throw invalidValue('options.path', path, "cannot be given together with 'options.port' or 'options.host'");
  }
  refuseSettings(options);
  return options;
}

type Bound = [fd: number, endpoint: Endpoint];

async function bind(place: Place, options: Listening): Promise<Bound> {
  const { path, host, port: number = 0 } = options;
  if (path !== undefined) return bindNew(place, { domain: 'unix', path }, options);
  if (host !== undefined) {
    const [address = host] = isIP(host) === 0 ? await resolveHost(place, host, options) : [host];
    return bindNew(place, inetEndpoint(address, number), options);
  }
  try {
    return await bindNew(place, inetEndpoint('::', number), options);
  } catch (error) {
    // EAFNOSUPPORT means a kernel without IPv6, or one that was started with ipv6.disable=1.
    if ((error as { code?: string }).code !== 'EAFNOSUPPORT') throw error;
    return bindNew(place, inetEndpoint('0.0.0.0', number), options);
  }
}

async function bindNew(place: Place, endpoint: Endpoint, options: Listening): Promise<Bound> {
  const { domain } = endpoint;
  const fd = await place.socket(domain, 'stream');
  try {
    bindToDevice(fd, options.device);
    // libuv sets SO_REUSEADDR too: a server that was restarted need not wait for the connections of the one before.
    if (domain !== 'unix') setBindFlags(fd, { reuseAddr: true, reusePort: options.reusePort });
    if (domain === 'inet6') setBindFlags(fd, { ipv6Only: options.ipv6Only ?? false });
    bindTo(fd, endpoint);
    return [fd, endpoint];
  } catch (cause) {
    native().closeNow(fd);
    throw socketError(cause, 'bind', endpoint);
  }
}

/** Makes the server listen on a socket that is bound. The server owns it from then on. */
async function begin(server: Server, fd: number, endpoint: Endpoint, options: Listening): Promise<void> {
  const { backlog = DEFAULT_BACKLOG, signal } = options;
  // exclusive is needed: in a worker of a cluster the descriptor would else be taken for one of the primary.
  handOver(fd, () => {
    throwIfAborted(signal);
    server.listen({ fd, backlog, exclusive: true });
  });
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw socketError(cause, 'listen', endpoint);
  }
}

/**
 * Removes the path when the server is closed. Node removes a path that it has bound itself at once, so that another
 * server can listen there again; 'close' would be too late, because it is emitted only when the last connection has
 * ended.
 */
function removeWithServer(server: Server, endpoint: Endpoint): void {
  if (endpoint.domain !== 'unix') return;
  const close = server.close.bind(server);
  server.close = (callback) => {
    server.close = close;
    remove(endpoint);
    return close(callback);
  };
}

function remove(endpoint: Endpoint): void {
  if (endpoint.domain === 'unix' && !endpoint.path.startsWith('\0')) rmSync(endpoint.path, { force: true });
}

function closeOnAbort(server: Server, signal: AbortSignal): void {
  const onAbort = (): void => void server.close();
  signal.addEventListener('abort', onAbort, { once: true });
  server.once('close', () => signal.removeEventListener('abort', onAbort));
}
