/**
 * The forms of single values in a message: netlink(7), and `<linux/netlink.h>`. They have the byte order of the
 * machine, which is little-endian on both that this package supports (x86-64, arm64), unless a type says otherwise.
 */
import { native } from '../../native';
import { malformed } from './malformed';
import type { Writer } from './writer';

/** The values of the other attributes of the same set, for a type that depends on them. */
export type Siblings = Readonly<Record<string, unknown>>;

export interface Type<T> {
  decode(bytes: Buffer, from: number, to: number, siblings: Siblings): T;
  encode(writer: Writer, value: T, siblings: Siblings): void;
}

/** A type whose values all have the same size. Structs are made of these. */
export interface FixedType<T> extends Type<T> {
  readonly size: number;
}

/** The values of a type. */
export type ValueOf<D> = D extends Type<infer T> ? T : never;

export const u8 = fixed<number>(
  1,
  (bytes, at) => bytes.readUInt8(at),
  (bytes, value, at) => bytes.writeUInt8(value, at),
);
export const u16 = fixed<number>(
  2,
  (bytes, at) => bytes.readUInt16LE(at),
  (bytes, value, at) => bytes.writeUInt16LE(value, at),
);
export const u32 = fixed<number>(
  4,
  (bytes, at) => bytes.readUInt32LE(at),
  (bytes, value, at) => bytes.writeUInt32LE(value, at),
);
export const s32 = fixed<number>(
  4,
  (bytes, at) => bytes.readInt32LE(at),
  (bytes, value, at) => bytes.writeInt32LE(value, at),
);

/** An unsigned number of 64 bits, as a JavaScript number: the values here do not come near 2 ** 53. */
export const u64 = fixed<number>(
  8,
  (bytes, at) => Number(bytes.readBigUInt64LE(at)),
  (bytes, value, at) => bytes.writeBigUInt64LE(BigInt(value), at),
);

/** The units in one second of clock_t, in which the kernel tells times: USER_HZ, time(7). */
export const USER_HZ = 100;

/** A number of 16 bits in network byte order: ports, protocols. */
export const be16 = fixed<number>(
  2,
  (bytes, at) => bytes.readUInt16BE(at),
  (bytes, value, at) => bytes.writeUInt16BE(value, at),
);

/** A number of 32 bits in network byte order, as nf_tables has them. */
export const be32 = fixed<number>(
  4,
  (bytes, at) => bytes.readUInt32BE(at),
  (bytes, value, at) => bytes.writeUInt32BE(value, at),
);

/** A number of 64 bits in network byte order, as a JavaScript number: those here do not come near 2 ** 53. */
export const be64 = fixed<number>(
  8,
  (bytes, at) => Number(bytes.readBigUInt64BE(at)),
  (bytes, value, at) => bytes.writeBigUInt64BE(BigInt(value), at),
);

/** A text that ends at the first NUL, if there is one: NLA_STRING, NLA_NUL_STRING. */
export const string: Type<string> = {
  decode(bytes, from, to) {
    let end = from;
    while (end < to && bytes[end] !== 0) end++;
    return bytes.toString('utf8', from, end);
  },
  encode(writer, value) {
    writer.append(Buffer.from(`${value}\0`, 'utf8'));
  },
};

/** A fact that is true where the attribute is there: NLA_FLAG. It has no bytes. */
export const flag: Type<true> = {
  decode: () => true,
  encode: () => undefined,
};

/** Bytes as they are. The value is a view of the message, and is valid only as long as the message is. */
export const bytes: Type<Uint8Array> = {
  decode: (from, start, end) => from.subarray(start, end),
  encode: (writer, value) => writer.append(value),
};

/** An IP address: 4 bytes for IPv4, 16 for IPv6. */
export const ip: Type<string> = {
  decode(from, start, end) {
    const length = end - start;
    if (length !== 4 && length !== 16) throw malformed(`an IP address of ${length} bytes`);
    return length === 4
      ? `${byteAt(from, start)}.${byteAt(from, start + 1)}.${byteAt(from, start + 2)}.${byteAt(from, start + 3)}`
      : native().addressText(from, start, length);
  },
  encode(writer, value) {
    const encoded = native().addressBytes(value);
    if (encoded === undefined) throw new TypeError(`no IP address: ${value}`);
    writer.append(encoded);
  },
};

/** A link-layer address: `'02:00:00:00:00:01'`, of any length. */
export const mac: Type<string> = {
  decode: (from, start, end) => hexPairs(from.subarray(start, end)),
  encode: (writer, value) => writer.append(Buffer.from(value.replaceAll(':', ''), 'hex')),
};

/** Bytes as hexadecimal numbers of two digits, with colons between them. */
export function hexPairs(from: Uint8Array): string {
  let text = '';
  for (const byte of from) text += (text === '' ? '' : ':') + (HEX[byte] ?? '');
  return text;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Padding: bytes without a meaning. */
export function pad(size: number): FixedType<void> {
  return { size, decode: () => undefined, encode: (writer) => void writer.reserve(size) };
}

/** A fixed number of bytes. */
export function opaque(size: number): FixedType<Uint8Array> {
  return {
    size,
    decode(from, start, end) {
      if (end - start < size) throw malformed(`${end - start} bytes where ${size} are expected`);
      return Buffer.from(from.subarray(start, start + size));
    },
    encode(writer, value) {
      writer.buffer.set(value.subarray(0, size), writer.reserve(size));
    },
  };
}

type Fields = Readonly<Record<string, FixedType<unknown>>>;
type StructOf<F extends Fields> = { -readonly [K in keyof F]: ValueOf<F[K]> };

/**
 * A struct of C: fields one after another, padding included. In a message it may be longer, because a newer kernel has
 * more fields.
 */
export function struct<const F extends Fields>(fields: F): FixedType<StructOf<F>> {
  const entries = Object.entries(fields);
  const size = entries.reduce((sum, [, type]) => sum + type.size, 0);
  return {
    size,
    decode(from, start, end, siblings) {
      if (end - start < size) throw malformed(`a struct of ${end - start} bytes where ${size} are expected`);
      const values: Record<string, unknown> = {};
      let at = start;
      for (const [key, type] of entries) {
        values[key] = type.decode(from, at, at + type.size, siblings);
        at += type.size;
      }
      return values as StructOf<F>;
    },
    encode(writer, value, siblings) {
      for (const [key, type] of entries) type.encode(writer, (value as Record<string, unknown>)[key], siblings);
    },
  };
}

function fixed<T>(
  size: number,
  read: (from: Buffer, at: number) => T,
  write: (into: Buffer, value: T, at: number) => unknown,
): FixedType<T> {
  return {
    size,
    decode(from, start, end) {
      if (end - start < size) throw malformed(`a number of ${end - start} bytes where ${size} are expected`);
      return read(from, start);
    },
    encode(writer, value) {
      const at = writer.reserve(size);
      write(writer.buffer, value, at);
    },
  };
}

function byteAt(from: Buffer, at: number): number {
  return from[at] ?? 0;
}
