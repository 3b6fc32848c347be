/** Checks of options that several kinds of sockets have, and what they do. */
import type { LookupFunction } from 'node:net';
import {
  invalidType,
  invalidValue,
  outOfRange,
  validateInteger,
  validateOneOf,
  validateString,
} from '../../errors/validate';
import { systemError } from '../../errors/system-error';
import { native } from '../../native';
import { validateResolve } from '../resolve/resolve-options';

/** Of `<asm-generic/socket.h>` and `<linux/in6.h>`. */
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const SO_BINDTODEVICE = 25;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

/** `sizeof(sun_path)`, unix(7): a path also needs a NUL at its end. */
const MOST_PATH_BYTES = 108;

/** `IFNAMSIZ`, with the NUL. */
const MOST_DEVICE_BYTES = 16;

export function validatePort(name: string, port: unknown, least = 0): asserts port is number {
  validateInteger(name, port, least, 65535);
}

export function validateFamily(name: string, family: unknown): asserts family is 0 | 4 | 6 | undefined {
  if (family !== undefined) validateOneOf(name, family, [0, 4, 6]);
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

/** SO_BINDTODEVICE. The name is looked up in the namespace of the socket. */
export function bindToDevice(fd: number, device: string | undefined): void {
  if (device === undefined) return;
  try {
    native().setSocketOption(fd, SOL_SOCKET, SO_BINDTODEVICE, device);
  } catch (cause) {
    throw systemError(cause, { step: `bind to device ${device}`, operation: 'device', path: device, kind: 'net' });
  }
}

/** What a socket is told before it is bound. */
export interface BindFlags {
  reuseAddr?: boolean | undefined;
  reusePort?: boolean | undefined;
  /** Undefined: as the namespace has it, /proc/sys/net/ipv6/bindv6only. */
  ipv6Only?: boolean | undefined;
}

export function setBindFlags(fd: number, flags: BindFlags): void {
  const options: [level: number, name: number, value: boolean | undefined][] = [
    [SOL_SOCKET, SO_REUSEADDR, flags.reuseAddr],
    [SOL_SOCKET, SO_REUSEPORT, flags.reusePort],
    [IPPROTO_IPV6, IPV6_V6ONLY, flags.ipv6Only],
  ];
  for (const [level, name, value] of options) {
    if (value !== undefined) native().setSocketOption(fd, level, name, value ? 1 : 0);
  }
}
