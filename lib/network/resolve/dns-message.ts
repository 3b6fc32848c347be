/**
 * Messages of the domain name system, in both directions: the parts of RFC 1035 and RFC 3596 that are needed to find
 * addresses, and to answer who looks for them.
 */
import { domainToASCII } from 'node:url';
import { native } from '../../native';

/** Types of records. */
const TYPE = Object.freeze({ A: 1, CNAME: 5, PTR: 12, AAAA: 28 });

export type AddressType = 'A' | 'AAAA';

/** The types that a server here has records of. */
export type RecordType = AddressType | 'PTR';

/** Codes of a response. */
export const CODE = Object.freeze({ NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 });

const RECORD_TYPES: readonly RecordType[] = ['A', 'AAAA', 'PTR'];

const ADDRESS_BYTES: Readonly<Record<number, number>> = { [TYPE.A]: 4, [TYPE.AAAA]: 16 };

export interface Question {
  readonly id: number;
  readonly name: string;
  readonly type: AddressType;
}

export interface Answer {
  /** The code of the response: NOERROR is 0, SERVFAIL 2, NXDOMAIN 3, REFUSED 5. */
  readonly code: number;
  /** True where the answer did not fit in a datagram: the question must be asked again over TCP. */
  readonly truncated: boolean;
  readonly addresses: readonly string[];
}

/** A question as a server receives it. */
export interface Query {
  /** In lower case, without the dot at its end. */
  readonly name: string;
  /** Undefined for a type, or a class, that a server here has no records of. */
  readonly type: RecordType | undefined;
  /** FORMERR or NOTIMP where the message is not a question that can be answered; NOERROR otherwise. */
  readonly code: number;
  /** The number, the flags and the question, of which an answer has a copy, letter for letter. */
  readonly head: Buffer;
}

/** The answer of a server to a {@link Query}. */
export interface Reply {
  readonly code: number;
  /** Addresses for A and AAAA, names for PTR. */
  readonly values: readonly string[];
  /** Seconds for which the answer may be kept. */
  readonly ttl: number;
}

const CLASS_IN = 1;
const HEADER_BYTES = 12;

/** The most bytes of a datagram without the extension of RFC 6891, which a server here does not have. */
export const MOST_DATAGRAM_BYTES = 512;
const MOST_LABEL_BYTES = 63;
const MOST_NAME_BYTES = 255;

/** The most aliases that are followed in an answer. */
const MOST_ALIASES = 16;

const FLAG_RESPONSE = 0x8000;
const FLAG_AUTHORITATIVE = 0x0400;
const FLAG_TRUNCATED = 0x0200;
const FLAG_RECURSION_DESIRED = 0x0100;
const FLAG_RECURSION_AVAILABLE = 0x0080;
const OPCODE = 0x7800;

/** A name that stands at the beginning of the question: a pointer to there. */
const NAME_OF_QUESTION = Buffer.of(0xc0, HEADER_BYTES);

/** The bytes of a question; undefined for a name that cannot be asked for. */
export function encodeQuestion({ id, name, type }: Question): Buffer | undefined {
  const encoded = encodeName(name);
  if (encoded === undefined) return undefined;
  const message = Buffer.alloc(HEADER_BYTES + encoded.length + 4);
  message.writeUInt16BE(id, 0);
  message.writeUInt16BE(FLAG_RECURSION_DESIRED, 2);
  message.writeUInt16BE(1, 4);
  encoded.copy(message, HEADER_BYTES);
  message.writeUInt16BE(TYPE[type], HEADER_BYTES + encoded.length);
  message.writeUInt16BE(CLASS_IN, HEADER_BYTES + encoded.length + 2);
  return message;
}

/** Reads an answer; undefined where the message is malformed or does not answer that question. */
export function decodeAnswer(message: Buffer, question: Question): Answer | undefined {
  return unlessMalformed(() => new Decoder(message).answer(question));
}

/** Reads a question; undefined for what is to have no answer at all: a response, and what is too short for a header. */
export function decodeQuery(message: Buffer): Query | undefined {
  if (message.length < HEADER_BYTES || (message.readUInt16BE(2) & FLAG_RESPONSE) !== 0) return undefined;
  const refused = (code: number): Query => ({
    name: '',
    type: undefined,
    code,
    head: message.subarray(0, HEADER_BYTES),
  });
  if ((message.readUInt16BE(2) & OPCODE) !== 0) return refused(CODE.NOTIMP);
  return unlessMalformed(() => new Decoder(message).query()) ?? refused(CODE.FORMERR);
}

/**
 * The bytes of an answer. Where they do not fit, the answer has no records, and says that it is not whole.
 *
 * @param most - the most bytes that it may have
 */
export function encodeReply({ head, type }: Query, { code, values, ttl }: Reply, most: number): Buffer {
  const records =
    type === undefined || code !== CODE.NOERROR ? [] : values.flatMap((value) => record(type, value, ttl));
  const size = records.reduce((sum, { length }) => sum + length, head.length);
  const fits = size <= most && records.length <= 0xffff;
  const message = Buffer.concat([head, ...(fits ? records : [])]);
  const asked = message.readUInt16BE(2) & FLAG_RECURSION_DESIRED;
  const flags = FLAG_RESPONSE | FLAG_AUTHORITATIVE | FLAG_RECURSION_AVAILABLE | (fits ? 0 : FLAG_TRUNCATED);
  message.writeUInt16BE(flags | asked | code, 2);
  message.writeUInt16BE(head.length > HEADER_BYTES ? 1 : 0, 4);
  message.writeUInt16BE(fits ? records.length : 0, 6);
  message.fill(0, 8, HEADER_BYTES);
  return message;
}

/** True for a name that can be asked for. */
export function isEncodable(name: string): boolean {
  return encodeName(name) !== undefined;
}

/** The name under which the names of an address are found: `1.0.0.10.in-addr.arpa`. */
export function reverseName(address: string): string {
  const bytes = native().addressBytes(address) ?? Buffer.alloc(0);
  if (bytes.length === 4) return [...bytes.values()].reverse().join('.') + '.in-addr.arpa';
  const nibbles = Array.from(bytes.values()).flatMap((byte) => [byte >> 4, byte & 0xf]);
  return (
    nibbles
      .reverse()
      .map((nibble) => nibble.toString(16))
      .join('.') + '.ip6.arpa'
  );
}

/** A record of the name of the question; none where the value is not of that type. */
function record(type: RecordType, value: string, ttl: number): Buffer[] {
  const data = type === 'PTR' ? encodeName(value) : native().addressBytes(value);
  if (data === undefined || (type !== 'PTR' && data.length !== ADDRESS_BYTES[TYPE[type]])) return [];
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(TYPE[type], 0);
  fixed.writeUInt16BE(CLASS_IN, 2);
  fixed.writeUInt32BE(ttl, 4);
  fixed.writeUInt16BE(data.length, 8);
  return [Buffer.concat([NAME_OF_QUESTION, fixed, data])];
}

function unlessMalformed<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    // Buffer's own checks throw these where the message ends too early.
    const { code } = error as { code?: string };
    if (error instanceof Malformed || code === 'ERR_OUT_OF_RANGE' || code === 'ERR_BUFFER_OUT_OF_BOUNDS')
      return undefined;
    throw error;
  }
}

/** The ASCII form of a name. A name in ASCII stays as it is, because the URL standard refuses some names that exist. */
function asciiOf(name: string): string {
  return Buffer.byteLength(name) === name.length ? name : domainToASCII(name);
}

function encodeName(name: string): Buffer | undefined {
  const labels = asciiOf(name)
    .split('.')
    .map((label) => Buffer.from(label, 'latin1'));
  if (labels.some(({ length }) => length === 0 || length > MOST_LABEL_BYTES)) return undefined;
  const parts = labels.flatMap((label) => [Buffer.from([label.length]), label]);
  const encoded = Buffer.concat([...parts, Buffer.from([0])]);
  return encoded.length > MOST_NAME_BYTES ? undefined : encoded;
}

class Malformed extends Error {}

interface Resource {
  readonly name: string;
  readonly type: number;
  /** The address, or the name that this name is an alias of. */
  readonly value: string;
}

/** Reads one message. Buffer's own checks throw ERR_OUT_OF_RANGE where it ends too early. */
class Decoder {
  readonly #message: Buffer;
  #at = HEADER_BYTES;

  constructor(message: Buffer) {
    this.#message = message;
  }

  answer({ id, name, type }: Question): Answer | undefined {
    const message = this.#message;
    const flags = message.readUInt16BE(2);
    if (message.readUInt16BE(0) !== id || (flags & FLAG_RESPONSE) === 0 || message.readUInt16BE(4) !== 1)
      return undefined;
    const asked = { name: this.#name(), type: this.#uint16(), class: this.#uint16() };
    const wanted = asciiOf(name).toLowerCase();
    if (asked.name !== wanted || asked.type !== TYPE[type] || asked.class !== CLASS_IN) return undefined;
    const truncated = (flags & FLAG_TRUNCATED) !== 0;
    const resources = truncated ? [] : this.#resources(message.readUInt16BE(6));
    return { code: flags & 0xf, truncated, addresses: addressesOf(wanted, type, resources) };
  }

  query(): Query {
    if (this.#message.readUInt16BE(4) !== 1) throw new Malformed();
    const name = this.#name();
    const number = this.#uint16();
    const isInternet = this.#uint16() === CLASS_IN;
    const type = RECORD_TYPES.find((each) => isInternet && TYPE[each] === number);
    return { name, type, code: CODE.NOERROR, head: this.#message.subarray(0, this.#at) };
  }

  #resources(count: number): Resource[] {
    const found: Resource[] = [];
    for (let index = 0; index < count; index++) {
      const name = this.#name();
      const [type, klass] = [this.#uint16(), this.#uint16()];
      this.#at += 4; // how long it may be kept
      const size = this.#uint16();
      const end = this.#at + size;
      if (end > this.#message.length) throw new Malformed();
      if (klass === CLASS_IN && type === TYPE.CNAME) found.push({ name, type, value: this.#name() });
      if (klass === CLASS_IN && (type === TYPE.A || type === TYPE.AAAA)) {
        found.push({ name, type, value: this.#address(type, size) });
      }
      this.#at = end;
    }
    return found;
  }

  #address(type: number, size: number): string {
    if (size !== ADDRESS_BYTES[type]) throw new Malformed();
    return native().addressText(this.#message, this.#at, size);
  }

  #uint16(): number {
    this.#at += 2;
    return this.#message.readUInt16BE(this.#at - 2);
  }

  /** Reads a name: in lower case, without the dot at its end. */
  #name(): string {
    const labels: string[] = [];
    let at = this.#at;
    let jumped = false;
    let bytes = 0;
    for (;;) {
      const size = this.#message.readUInt8(at);
      if (size === 0) break;
      if ((size & 0xc0) === 0xc0) {
        const to = this.#message.readUInt16BE(at) & 0x3fff;
        // A pointer may only lead back, so that the loop ends, and not into the header, which has no names.
        if (to >= at || to < HEADER_BYTES) throw new Malformed();
        if (!jumped) this.#at = at + 2;
        jumped = true;
        at = to;
        continue;
      }
      bytes += size + 1;
      if (size > MOST_LABEL_BYTES || bytes > MOST_NAME_BYTES || at + 1 + size > this.#message.length)
        throw new Malformed();
      labels.push(this.#message.toString('latin1', at + 1, at + 1 + size));
      at += size + 1;
    }
    if (!jumped) this.#at = at + 1;
    return labels.join('.').toLowerCase();
  }
}

/** The addresses of a name. Its aliases are followed. */
function addressesOf(name: string, type: AddressType, resources: readonly Resource[]): string[] {
  let current = name;
  for (let aliases = 0; aliases <= MOST_ALIASES; aliases++) {
    const own = resources.filter((resource) => resource.name === current);
    const addresses = own.filter((resource) => resource.type === TYPE[type]);
    if (addresses.length > 0) return addresses.map(({ value }) => value);
    const alias = own.find((resource) => resource.type === TYPE.CNAME);
    if (alias === undefined) return [];
    current = alias.value;
  }
  return [];
}
