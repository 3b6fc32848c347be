/** Checks of options that several kinds of sockets have. */
import type { LookupFunction } from 'node:net';
import { type Check, type Checked, abortSignal, callback, integer, string } from '../../errors/schema';
import { invalidType, invalidValue, outOfRange } from '../../errors/validate';
import { RESOLVE } from '../resolve/resolve-options';

/** The bytes of a path, `sizeof(sun_path)` of unix(7). One of them is for the NUL at its end. */
const MOST_PATH_BYTES = 108;

/** The bytes of the name of an interface, `IFNAMSIZ`, with the NUL. */
const MOST_DEVICE_BYTES = 16;

/** A port; 0 for any that is free. */
export const port = integer(0, 65535);

/** A path, or a NUL and an abstract name. */
export const unixPath: Check<string> = (name, value) => {
  if (typeof value !== 'string') throw invalidType(name, 'of type string', value);
  if (value === '' || value === '\0') throw invalidValue(name, value, 'cannot be empty');
  if (value.lastIndexOf('\0') > 0) throw invalidValue(name, value, 'can have a null byte only as its first');
  const most = value.startsWith('\0') ? MOST_PATH_BYTES : MOST_PATH_BYTES - 1;
  const size = Buffer.byteLength(value);
  if (size <= most) return value;
  throw outOfRange(`${name}.length`, `at most ${most} bytes`, size);
};

/** The name of an interface. */
const device: Check<string> = (name, value) => {
  const size = Buffer.byteLength(string(name, value));
  if (size > 0 && size < MOST_DEVICE_BYTES) return value as string;
  throw invalidValue(name, value, 'must be the name of an interface');
};

/** The options that servers, connections and UDP sockets have in common. */
export const COMMON = { device, lookup: callback<LookupFunction>(), dns: RESOLVE, signal: abortSignal };

/** Refuses settings for lookups that a function of the caller makes. */
export function refuseSettings({ lookup: own, dns }: Pick<Checked<typeof COMMON>, 'lookup' | 'dns'>): void {
  if (own === undefined || dns === undefined) return;
  throw invalidValue('options.dns', dns, "cannot be given together with 'options.lookup'");
}
