/** The ClientHello of TLS: RFC 8446, 4.1.2. All of it comes from a program inside, so each length is checked. */

/** What a ClientHello says about names. */
export interface ClientHello {
  /** The names of the server_name extension (RFC 6066), as they are written; undefined without the extension. */
  readonly serverNames: readonly string[] | undefined;
  /** True with an encrypted ClientHello (ECH), or its forerunner ESNI: another name may be in there. */
  readonly ech: boolean;
}

const SERVER_NAME = 0;
/** NameType of RFC 6066: the only one there is. */
const HOST_NAME = 0;
/** encrypted_client_hello of RFC 9849, those of its drafts, and encrypted_server_name. */
const ENCRYPTED_NAMES = new Set([0xfe0d, 0xfe08, 0xfe09, 0xfe0a, 0xfe0b, 0xfe0c, 0xffce]);

/** Reads the body of a ClientHello; undefined where it is malformed. */
export function parseClientHello(body: Buffer): ClientHello | undefined {
  try {
    return parse(new Reader(body));
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

class Malformed extends Error {}

function parse(reader: Reader): ClientHello {
  reader.number(2); // legacy_version
  reader.bytes(32); // random
  reader.list(1, 0, 32); // legacy_session_id
  reader.list(2, 2, 0xfffe); // cipher_suites
  reader.list(1, 1, 255); // legacy_compression_methods
  if (reader.isAtEnd()) return { serverNames: undefined, ech: false };
  const extensions = reader.list(2, 0, 0xffff);
  if (!reader.isAtEnd()) throw new Malformed();
  return parseExtensions(extensions);
}

function parseExtensions(reader: Reader): ClientHello {
  const seen = new Set<number>();
  let serverNames: string[] | undefined;
  while (!reader.isAtEnd()) {
    const type = reader.number(2);
    const data = reader.list(2, 0, 0xffff);
    if (seen.has(type)) throw new Malformed(); // RFC 8446, 4.2: at most one of each type
    seen.add(type);
    if (type === SERVER_NAME) serverNames = parseServerNames(data);
  }
  return { serverNames, ech: [...ENCRYPTED_NAMES].some((type) => seen.has(type)) };
}

function parseServerNames(data: Reader): string[] {
  const list = data.list(2, 1, 0xffff);
  if (!data.isAtEnd()) throw new Malformed();
  const names: string[] = [];
  while (!list.isAtEnd()) {
    if (list.number(1) !== HOST_NAME) throw new Malformed();
    names.push(list.list(2, 1, 0xffff).rest().toString('latin1'));
  }
  return names;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  bytes(count: number): Buffer {
    if (count > this.#bytes.length - this.#at) throw new Malformed();
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  rest(): Buffer {
    return this.bytes(this.#bytes.length - this.#at);
  }

  number(size: 1 | 2): number {
    return this.bytes(size).readUIntBE(0, size);
  }

  /** A part with its length before it. */
  list(size: 1 | 2, least: number, most: number): Reader {
    const length = this.number(size);
    if (length < least || length > most) throw new Malformed();
    return new Reader(this.bytes(length));
  }
}
