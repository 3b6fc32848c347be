/** Checks of options that several kinds of sockets have. */
import type { LookupFunction } from 'node:net';
import { invalidType, invalidValue, outOfRange, validateInteger, validateString } from '../../errors/validate';
import { validateResolve } from '../resolve/resolve-options';

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
