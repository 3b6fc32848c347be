import type { LookupFunction } from 'node:net';
import { type Parsed, boolean, integer, milliseconds, schema, string } from '../../errors/schema';
import { invalidType, invalidValue } from '../../errors/validate';
import { zonedAddress } from '../ip';
import { type ResolveOptions, familyOfName } from '../resolve/resolve-options';
import { COMMON, port, refuseSettings, unixPath } from './socket-options';

/** Options of {@link Network.connect}: those of `net.connect()`, seen from inside the namespace. Unknown ones are errors. */
export interface ConnectOptions {
  /** The port to connect to. Either this or {@link path} is needed. */
  port?: number | undefined;
  /** An IP address, with its interface where it is link-local (`fe80::1%eth0`), or a name. Default: `'localhost'`. */
  host?: string | undefined;
  /** The family of the addresses of a name that are tried. Default: 0, for both. */
  family?: 0 | 4 | 6 | undefined;
  /**
   * The path of a Unix socket as this process sees it, or `'\0'` and an abstract name. Abstract names belong to the
   * network namespace, paths do not. unix(7)
   */
  path?: string | undefined;
  /** The address to connect from, which an interface of the namespace must have. */
  localAddress?: string | undefined;
  /** The port to connect from. */
  localPort?: number | undefined;
  /** SO_BINDTODEVICE, socket(7): the connection uses this interface only. */
  device?: string | undefined;
  /**
   * A function that resolves names. Default: as {@link Network.lookup} does. The lookup of Node itself is never used,
   * because it has sockets of this process's own network.
   */
  lookup?: LookupFunction | undefined;
  /** Settings for the lookup of names, in place of those of the files. Not allowed together with {@link lookup}. */
  dns?: ResolveOptions | undefined;
  /**
   * Milliseconds after which the attempt to connect fails with `ETIMEDOUT`. Once connected, the socket emits 'timeout'
   * after that many milliseconds without traffic. Default: 0, for as long as the kernel waits.
   */
  timeout?: number | undefined;
  /** Tries the addresses of a name in turn until one succeeds. Default: that of `net.setDefaultAutoSelectFamily()`. */
  autoSelectFamily?: boolean | undefined;
  /**
   * Milliseconds for the attempt with each address but the last. Default: that of
   * `net.setDefaultAutoSelectFamilyAttemptTimeout()`.
   */
  autoSelectFamilyAttemptTimeout?: number | undefined;
  /** Keeps the socket writable when the other side has ended. Default: false. */
  allowHalfOpen?: boolean | undefined;
  /** TCP_NODELAY. Default: false. */
  noDelay?: boolean | undefined;
  /** SO_KEEPALIVE. Default: false. */
  keepAlive?: boolean | undefined;
  /**
   * Milliseconds before the first probe of {@link keepAlive}. Default: 0, which leaves the setting of the namespace.
   */
  keepAliveInitialDelay?: number | undefined;
  /** Aborts the attempt to connect, and later destroys the socket. */
  signal?: AbortSignal | undefined;
}

const CONNECT = schema<ConnectOptions>()({
  port: integer(1, 65535),
  host: string,
  family: familyOfName,
  path: unixPath,
  localAddress: zonedAddress,
  localPort: port,
  ...COMMON,
  timeout: milliseconds,
  autoSelectFamily: boolean,
  autoSelectFamilyAttemptTimeout: milliseconds,
  allowHalfOpen: boolean,
  noDelay: boolean,
  keepAlive: boolean,
  keepAliveInitialDelay: milliseconds,
});

/**
 * The options that the arguments of `connect(options)` and `connect(port, host)` stand for.
 *
 * @throws TypeError for a host besides options, which would have no effect
 */
export function destinationOf(where: ConnectOptions | number, host: unknown): ConnectOptions {
  if (typeof where === 'number') return { port: where, host: host === undefined ? undefined : string('host', host) };
  if (host === undefined) return where;
  throw invalidType('options', 'of type number, as a host follows', where);
}

/** {@link ConnectOptions}, checked. */
export type Connection = Parsed<typeof CONNECT>;

/** Checks all options, before anything is started. */
export function parseConnect(given: unknown): Connection {
  const options = CONNECT('options', given);
  const { port: number, path } = options;
  if (path === undefined && number === undefined) throw invalidType('options.port', 'of type number', number);
  if (path !== undefined && number !== undefined) {
    throw invalidValue('options.port', number, "cannot be given together with 'options.path'");
  }
  refuseSettings(options);
  return options;
}
