/** Handshakes of TLS made by hand: RFC 8446, RFC 6066, RFC 9849. */

/** What is said in a ClientHello. */
export interface Hello {
  /** The names of server_name, in one extension. Default: the extension is absent. */
  names?: readonly (string | Buffer)[];
  /** Names in further extensions of the same type. */
  repeated?: readonly string[];
  /** An extension encrypted_client_hello, with this many bytes. */
  ech?: number;
  /** Offers TLS 1.3, and no key: the server asks for another ClientHello (HelloRetryRequest). */
  keyless?: boolean;
}

const SERVER_NAME = 0;
const ENCRYPTED_CLIENT_HELLO = 0xfe0d;

/** The message, without records: one to which OpenSSL answers with a ServerHello of TLS 1.2. */
export function clientHello({ names, repeated = [], ech, keyless = false }: Hello): Buffer {
  const extensions = [
    extension(10, vector(2, [0, 29, 0, 23])), // supported_groups: x25519, secp256r1
    extension(11, vector(1, [0])), // ec_point_formats: uncompressed
    extension(13, vector(2, [4, 3, 8, 4, 4, 1])), // signature_algorithms
    ...(keyless ? [extension(43, vector(1, [3, 4])), extension(51, vector(2, []))] : []), // supported_versions, key_share
    ...(names === undefined ? [] : [serverName(names)]),
    ...repeated.map((name) => serverName([name])),
    ...(ech === undefined ? [] : [extension(ENCRYPTED_CLIENT_HELLO, outerEch(ech))]),
  ];
  const body = Buffer.concat([
    Buffer.of(3, 3),
    Buffer.alloc(32, 7), // random
    vector(1, []), // session
    vector(2, [0x13, 0x01, 0xc0, 0x2b]), // AES-128-GCM of TLS 1.3, and that with ECDHE and ECDSA of TLS 1.2
    vector(1, [0]), // compression: none
    vector(2, Buffer.concat(extensions)),
  ]);
  return Buffer.concat([Buffer.of(1), vector(3, body)]);
}

/** The message in records, each with so many bytes of it; the last one has the rest. */
export function inRecords(message: Buffer, ...sizes: number[]): Buffer[] {
  const records: Buffer[] = [];
  let rest = message;
  for (const size of sizes) {
    records.push(record(rest.subarray(0, size)));
    rest = rest.subarray(size);
  }
  return [...records, record(rest)];
}

/** True for the beginning of a handshake of the server. */
export function isServerHello(heard: Buffer): boolean {
  return heard.length > 5 && heard[0] === 22 && heard[5] === 2;
}

/** The description of a fatal alert; undefined for anything else. */
export function alertOf(heard: Buffer): number | undefined {
  return heard.length >= 7 && heard[0] === 21 && heard[5] === 2 ? heard[6] : undefined;
}

function record(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(22, 3, 1), vector(2, bytes)]);
}

function serverName(names: readonly (string | Buffer)[]): Buffer {
  const list = names.map((name) => Buffer.concat([Buffer.of(0), vector(2, Buffer.from(name))]));
  return extension(SERVER_NAME, vector(2, Buffer.concat(list)));
}

/** ECHClientHello of the outer kind: HKDF-SHA256, AES-128-GCM, a key of 32 bytes, and a payload. */
function outerEch(size: number): Buffer {
  return Buffer.concat([Buffer.of(0, 0, 1, 0, 1, 9), vector(2, Buffer.alloc(32, 5)), vector(2, Buffer.alloc(size, 6))]);
}

function extension(type: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(type >> 8, type & 255), vector(2, bytes)]);
}

/** Bytes with their length before them, of so many bytes itself. */
function vector(size: 1 | 2 | 3, bytes: Buffer | number[]): Buffer {
  const length = Buffer.alloc(size);
  length.writeUIntBE(bytes.length, 0, size);
  return Buffer.concat([length, Buffer.from(bytes)]);
}
