/** Checks of options that several kinds of sockets have. */
import type { LookupFunction } from 'node:net';
import { invalidType, invalidValue, outOfRange, validateInteger, validateString } from '../../errors/validate';
import { type ResolveOptions, validateResolve } from '../resolve/resolve-options';

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

/** The bytes of a path, `sizeof(sun_path)` of unix(7). One of them is for the NUL at its end. */
const MOST_PATH_BYTES = 108;

/** The bytes of the name of an interface, `IFNAMSIZ`, with the NUL. */
const MOST_DEVICE_BYTES = 16;

export function validatePort(name: string, port: unknown, least = 0): asserts port is number {
  validateInteger(name, port, least, 65535);
}

/** Checks a path, or a NUL and an abstract name. */
export function validateUnixPath(name: string, path: unknown): asserts path is string {
  if (typeof path !== 'string') throw invalidType(name, 'of type string', path);
  if (path === '' || path === '\0') throw invalidValue(name, path, 'cannot be empty');
  if (path.lastIndexOf('\0') > 0) throw invalidValue(name, path, 'can have a null byte only as its first');
  const most = path.startsWith('\0') ? MOST_PATH_BYTES : MOST_PATH_BYTES - 1;
  if (Buffer.byteLength(path) > most)
    throw outOfRange(`${name}.length`, `at most ${most} bytes`, Buffer.byteLength(path));
}

export function validateDevice(name: string, device: unknown): asserts device is string | undefined {
  if (device === undefined) return;
  validateString(name, device);
  const size = Buffer.byteLength(device);
  if (size === 0 || size >= MOST_DEVICE_BYTES) throw invalidValue(name, device, 'must be the name of an interface');
}

export function validateLookup(name: string, lookup: unknown, dns: unknown): asserts lookup is LookupFunction {
  if (lookup !== undefined && typeof lookup !== 'function') throw invalidType(name, 'of type function', lookup);
  if (lookup !== undefined && dns !== undefined) {
    throw invalidValue('options.dns', dns, `cannot be given together with '${name}'`);
  }
  if (dns !== undefined) validateResolve('options.dns', dns);
}
