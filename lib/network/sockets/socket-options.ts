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
  /** Of the addresses of a name, only those of this family. Default: 0, for both. */
  family?: 0 | 4 | 6 | undefined;
  /**
   * A Unix socket: a path as this process sees it, or `'\0'` and an abstract name. Abstract names belong to the network
   * namespace, paths do not. unix(7)
   */
  path?: string | undefined;
  /** The address to connect from: one that an interface of the namespace has. */
  localAddress?: string | undefined;
  /** The port to connect from. */
  localPort?: number | undefined;
  /** Through this interface only: SO_BINDTODEVICE, socket(7). */
  device?: string | undefined;
  /** How names are resolved. Default: as {@link Network.lookup} does, never with this process's own sockets. */
  lookup?: LookupFunction | undefined;
  /** Where names are looked up, in place of what the files say. Not with {@link lookup}. */
  dns?: ResolveOptions | undefined;
  /**
   * Milliseconds to connect in, after which it fails with `ETIMEDOUT`; then those without traffic after which the socket
   * emits 'timeout'. Default: 0, for as long as the kernel takes.
   */
  timeout?: number | undefined;
  /** Whether several addresses of a name are tried in turn. Default: as of `net.setDefaultAutoSelectFamily()`. */
  autoSelectFamily?: boolean | undefined;
  /** Milliseconds for all addresses but the last. Default: as of `net.setDefaultAutoSelectFamilyAttemptTimeout()`. */
  autoSelectFamilyAttemptTimeout?: number | undefined;
  /** Default: false. */
  allowHalfOpen?: boolean | undefined;
  /** TCP_NODELAY. Default: false. */
  noDelay?: boolean | undefined;
  /** SO_KEEPALIVE. Default: false. */
  keepAlive?: boolean | undefined;
  /** Milliseconds before the first probe of {@link keepAlive}. Default: 0, as the namespace has it. */
  keepAliveInitialDelay?: number | undefined;
  /** Gives up while it connects, and destroys the socket later on. */
  signal?: AbortSignal | undefined;
}

/** `sizeof(sun_path)`, unix(7): a path also needs a NUL at its end. */
const MOST_PATH_BYTES = 108;

/** `IFNAMSIZ`, with the NUL. */
const MOST_DEVICE_BYTES = 16;

export function validatePort(name: string, port: unknown, least = 0): asserts port is number {
  validateInteger(name, port, least, 65535);
}

/** A path, or a NUL and a name. */
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
