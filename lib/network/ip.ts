/** IP addresses and networks as callers write them. node:net decides if a text is an address. */
import { isIP } from 'node:net';
import { type Check, oneOf } from '../errors/schema';
import { invalidValue, validateString } from '../errors/validate';
import { native } from '../native';

/** Families of addresses, as `ip -j` names them. */
export type Family = 'inet' | 'inet6';

/** Both families, in the order in which lists have them. */
export const FAMILIES: readonly Family[] = ['inet', 'inet6'];

export const family = oneOf(FAMILIES);

/** AF_INET and AF_INET6 of socket(2). */
export const FAMILY_NUMBERS: Readonly<Record<Family, number>> = Object.freeze({ inet: 2, inet6: 10 });

/** The number of bits of an address. */
export const ADDRESS_BITS: Readonly<Record<Family, number>> = Object.freeze({ inet: 32, inet6: 128 });

/** A network, or an address in it: `192.168.5.5/24`. */
export interface Prefix {
  family: Family;
  address: string;
  length: number;
}

export function familyOfNumber(number: number): Family | undefined {
  if (number === FAMILY_NUMBERS.inet) return 'inet';
  return number === FAMILY_NUMBERS.inet6 ? 'inet6' : undefined;
}

/** The family of a text that is an address. */
export function familyOf(address: string): Family {
  return isIP(address) === 4 ? 'inet' : 'inet6';
}

/** Checks an address. It may have no zone (`%eth0`): the interface is another option. */
export function validateAddress(name: string, value: unknown, of?: Family): string {
  validateString(name, value);
  const found = isIP(value);
  const wanted = of === undefined ? 'an IPv4 or IPv6 address' : `an ${of === 'inet' ? 'IPv4' : 'IPv6'} address`;
  if (found === 0 || (of !== undefined && familyOf(value) !== of)) {
    throw invalidValue(name, value, `must be ${wanted}`);
  }
  if (value.includes('%')) throw invalidValue(name, value, `must be ${wanted} without a zone: name the link instead`);
  return value;
}

/** An address of either family. */
export const address: Check<string> = (name, value) => validateAddress(name, value);

/** An address of either family, which may have a zone: `fe80::1%eth0`. */
export const zonedAddress: Check<string> = (name, value) => {
  validateString(name, value);
  if (isIP(value) === 0) throw invalidValue(name, value, 'must be an IP address');
  return value;
};

/** Checks `ADDRESS/LENGTH`. Without a length it is a single address. */
export function validatePrefix(name: string, value: unknown, family?: Family): Prefix {
  validateString(name, value);
  const [text = '', digits, ...rest] = value.split('/');
  const address = validateAddress(name, text, family);
  const found = familyOf(address);
  const most = ADDRESS_BITS[found];
  if (digits === undefined) return { family: found, address, length: most };
  const length = Number(digits);
  if (rest.length > 0 || !/^\d{1,3}$/.test(digits) || length > most) {
    throw invalidValue(name, value, `must have a prefix length of 0 to ${most} after the address`);
  }
  return { family: found, address, length };
}

/**
 * The text of a network, `192.168.5.0/24`, or the address alone where the length is that of a whole address: `ip`
 * prints routes so.
 */
export function prefixText(family: Family, address: string, length: number): string {
  return length === ADDRESS_BITS[family] ? address : `${address}/${length}`;
}

/** An address as inet_ntop(3) writes it. The kernel's answers are compared with this form. */
export function canonical(address: string): string {
  const bytes = native().addressBytes(address);
  return bytes === undefined ? address : native().addressText(bytes, 0, bytes.length);
}
