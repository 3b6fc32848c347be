/**
 * Declarations of sets of attributes: `struct nlattr` of `<linux/netlink.h>`, with type and length before each value.
 */
import { Errno } from '../../kernel/errno';
import { NamespaceError } from '../../errors/namespace-error';
import { malformed } from './malformed';
import type { Siblings, Type, ValueOf } from './types';
import { type Writer, aligned } from './writer';

/** The numbers and types of attributes: `{ MTU: [4, u32] }` declares that IFLA_MTU is number 4. */
export type Declarations = Readonly<Record<string, readonly [number: number, type: Type<unknown>]>>;

/** The values of a set. An attribute that is not there is undefined. */
export type AttributesOf<D extends Declarations> = { -readonly [K in keyof D]?: ValueOf<D[K][1]> | undefined };

/** A set of attributes. It is also a type, for an attribute in which others are nested. */
export interface AttributeSet<D extends Declarations = Declarations> extends Type<AttributesOf<D>>, Nested {
  /** The names of the declared attributes, as the kernel spells them. */
  readonly names: readonly string[];
}

/** An attribute that has others inside, or one of several kinds of such attributes. */
export interface Nested {
  /** The set that is inside, which may depend on the attributes beside it. */
  nested(siblings: Siblings): AttributeSet | undefined;
  /** The name of the attribute with that number. */
  nameOf(number: number): string | undefined;
  /** The path of the attribute at an offset, which is between the two positions: `'IFLA_LINKINFO.IFLA_INFO_KIND'`. */
  pathTo(bytes: Buffer, from: number, to: number, offset: number): string | undefined;
}

/** An attribute that may occur several times. Its value is an array. */
export interface Repeated<T> extends Type<T[]> {
  readonly each: Type<T>;
}

const HEADER = 4;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;

interface Entry {
  key: string;
  /** The name as the kernel has it, with the prefix. */
  name: string;
  number: number;
  type: Type<unknown>;
  repeated: Type<unknown> | undefined;
  nested: boolean;
}

/**
 * Declares a set of attributes.
 *
 * @param prefix - the beginning of the kernel's names: `'IFLA_'`
 */
export function attributes<const D extends Declarations>(prefix: string, declarations: D): AttributeSet<D> {
  return new Attributes(prefix, declarations) as unknown as AttributeSet<D>;
}

/** Declares an attribute that occurs as often as there are values: IFLA_ALT_IFNAME. */
export function repeated<T>(type: Type<T>): Repeated<T> {
  return {
    each: type,
    decode: (bytes, from, to, siblings) => [type.decode(bytes, from, to, siblings)],
    encode: () => {
      throw new TypeError('repeated attributes are encoded one by one');
    },
  };
}

/**
 * Declares nested attributes whose set depends on another attribute: IFLA_INFO_DATA depends on IFLA_INFO_KIND. For an
 * unknown value there are no attributes.
 */
export function chosenBy(
  key: string,
  sets: ReadonlyMap<unknown, AttributeSet>,
): Type<Record<string, unknown> | undefined> & Pick<Nested, 'nested'> {
  const nested = (siblings: Siblings): AttributeSet | undefined => sets.get(siblings[key]);
  return {
    nested,
    decode: (bytes, from, to, siblings) => nested(siblings)?.decode(bytes, from, to, siblings),
    encode: (writer, value, siblings) => nested(siblings)?.encode(writer, value ?? {}, siblings),
  };
}

class Attributes implements AttributeSet {
  readonly names: readonly string[];
  readonly #prefix: string;
  readonly #byNumber: (Entry | undefined)[] = [];
  readonly #byKey = new Map<string, Entry>();

  constructor(prefix: string, declarations: Declarations) {
    this.#prefix = prefix;
    this.names = Object.keys(declarations).map((key) => prefix + key);
    for (const [key, [number, type]] of Object.entries(declarations)) {
      const each = 'each' in type ? (type as Repeated<unknown>).each : undefined;
      const entry = { key, name: prefix + key, number, type, repeated: each, nested: 'nested' in (each ?? type) };
      this.#byNumber[number] = entry;
      this.#byKey.set(key, entry);
    }
  }

  nested(): AttributeSet {
    return this;
  }

  nameOf(number: number): string | undefined {
    const entry = this.#byNumber[number];
    return entry?.name;
  }

  decode(bytes: Buffer, from: number, to: number): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    for (let at = from; at + HEADER <= to;) {
      const end = at + lengthAt(bytes, at, to);
      const entry = this.#byNumber[bytes.readUInt16LE(at + 2) & NLA_TYPE_MASK];
      if (entry?.repeated !== undefined) {
        const list = (values[entry.key] ??= []) as unknown[];
        list.push(entry.repeated.decode(bytes, at + HEADER, end, values));
      } else if (entry !== undefined) {
        values[entry.key] = entry.type.decode(bytes, at + HEADER, end, values);
      }
      at = aligned(end - from) + from;
    }
    return values;
  }

  encode(writer: Writer, values: Readonly<Record<string, unknown>>): void {
    for (const [key, value] of Object.entries(values)) {
      if (value === undefined) continue;
      const entry = this.#byKey.get(key);
      if (entry === undefined) throw new TypeError(`no attribute ${this.#prefix}${key} is declared`);
      if (entry.repeated === undefined) encodeOne(writer, entry, entry.type, value, values);
      else for (const each of value as unknown[]) encodeOne(writer, entry, entry.repeated, each, values);
    }
  }

  pathTo(bytes: Buffer, from: number, to: number, offset: number): string | undefined {
    const values = this.#decodeQuietly(bytes, from, to);
    for (let at = from; at + HEADER <= to;) {
      const end = at + lengthAt(bytes, at, to);
      if (offset < end) return this.#pathInside(bytes, at, end, offset, values);
      at = aligned(end - from) + from;
    }
    return undefined;
  }

  #pathInside(bytes: Buffer, at: number, end: number, offset: number, values: Siblings): string | undefined {
    const entry = this.#byNumber[bytes.readUInt16LE(at + 2) & NLA_TYPE_MASK];
    if (entry === undefined) return undefined;
    const { name } = entry;
    const type = entry.repeated ?? entry.type;
    if (offset < at + HEADER || !entry.nested) return name;
    const inner = (type as Type<unknown> & Nested).nested(values)?.pathTo(bytes, at + HEADER, end, offset);
    return inner === undefined ? name : `${name}.${inner}`;
  }

  /**
   * Decodes a message that this process has made, to find the kinds in it. A value that cannot be decoded gives an
   * empty set and no error, so that the name of the attribute is still found.
   */
  #decodeQuietly(bytes: Buffer, from: number, to: number): Siblings {
    try {
      return this.decode(bytes, from, to);
    } catch {
      return {};
    }
  }
}

function lengthAt(bytes: Buffer, at: number, to: number): number {
  const length = bytes.readUInt16LE(at);
  if (length < HEADER || at + length > to) throw malformed(`an attribute of ${length} bytes where ${to - at} are left`);
  return length;
}

function encodeOne(writer: Writer, entry: Entry, type: Type<unknown>, value: unknown, siblings: Siblings): void {
  const at = writer.reserve(HEADER);
  type.encode(writer, value, siblings);
  const length = writer.length - at;
  if (length > 0xffff) throw new NamespaceError({ errno: Errno.EMSGSIZE, attribute: entry.name });
  writer.buffer.writeUInt16LE(length, at);
  writer.buffer.writeUInt16LE(entry.number | (entry.nested ? NLA_F_NESTED : 0), at + 2);
  writer.align();
}
