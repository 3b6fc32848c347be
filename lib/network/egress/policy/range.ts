/** IP addresses as numbers, and ranges of them. An IPv4 address in an IPv6 one (`::ffff:10.0.0.1`) is the IPv4 address. */
import { native } from '../../../native';

export interface IpAddress {
  readonly family: 4 | 6;
  readonly bits: bigint;
}

/** All addresses that begin with these bits. */
export interface Range extends IpAddress {
  /** The number of bits. */
  readonly length: number;
}

const SIZE = { 4: 32, 6: 128 } as const;

/** ::ffff:0:0/96 */
const MAPPED = 0xffffn;
const MAPPED_LENGTH = 96;

/** What has been read last: the same few addresses are asked about again and again. All are forgotten when there are many. */
const known = new Map<string, IpAddress>();
const MOST_KNOWN = 1024;

/** Reads an address; undefined for what is none. */
export function ipAddress(text: string): IpAddress | undefined {
  const found = known.get(text);
  if (found !== undefined) return found;
  const address = readAddress(text);
  if (address === undefined) return undefined;
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(text, address);
  return address;
}

function readAddress(text: string): IpAddress | undefined {
  const bytes = native().addressBytes(text);
  if (bytes === undefined) return undefined;
  const bits = BigInt(`0x${bytes.toString('hex')}`);
  if (bytes.length === 4) return { family: 4, bits };
  return bits >> 32n === MAPPED ? { family: 4, bits: bits & 0xffffffffn } : { family: 6, bits };
}

/** Reads `ADDRESS` or `ADDRESS/LENGTH`; undefined for what is neither. Bits after the length are kept. */
export function range(text: string): Range | undefined {
  const [address = '', digits, ...more] = text.split('/');
  const found = ipAddress(address);
  if (found === undefined || more.length > 0) return undefined;
  const unwrapped = address.includes(':') && found.family === 4;
  const written = unwrapped ? SIZE[6] : SIZE[found.family];
  if (digits === undefined) return { ...found, length: SIZE[found.family] };
  if (!/^\d{1,3}$/.test(digits) || Number(digits) > written) return undefined;
  if (!unwrapped) return { ...found, length: Number(digits) };
  if (Number(digits) >= MAPPED_LENGTH) return { ...found, length: Number(digits) - MAPPED_LENGTH };
  return { family: 6, bits: (MAPPED << 32n) | found.bits, length: Number(digits) };
}

/** The first address of a range of that length around an address. */
export function firstOf({ family, bits }: IpAddress, length: number): bigint {
  const rest = BigInt(SIZE[family] - length);
  return (bits >> rest) << rest;
}

export function isIn(address: IpAddress, { family, bits, length }: Range): boolean {
  return address.family === family && (address.bits ^ bits) >> BigInt(SIZE[family] - length) === 0n;
}

/** True where all addresses of the inner range are in the outer one. */
export function isWithin(inner: Range, outer: Range): boolean {
  return inner.length >= outer.length && isIn(inner, outer);
}

export function addressText({ family, bits }: IpAddress): string {
  const bytes = Buffer.from(bits.toString(16).padStart(SIZE[family] / 4, '0'), 'hex');
  return native().addressText(bytes, 0, bytes.length);
}

/** `10.0.0.0/8`, or the address alone where the range has no other. */
export function rangeText(given: Range): string {
  const text = addressText(given);
  return given.length === SIZE[given.family] ? text : `${text}/${given.length}`;
}
