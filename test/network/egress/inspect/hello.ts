/** Messages of TLS, made byte by byte. */

/** Records of the handshake with these fragments. */
export function record(...fragments: readonly Buffer[]): Buffer {
  return Buffer.concat(fragments.flatMap((fragment) => [Buffer.from([22, 3, 1]), sized(2, fragment)]));
}

/** A message of the handshake. */
export function handshake(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type]), sized(3, body)]);
}

/** A ClientHello in one record. Without `extensions` it has not even their length. */
export function hello({
  session = 0,
  extensions,
}: {
  session?: number;
  extensions?: readonly Buffer[] | undefined;
}): Buffer {
  const parts = [
    Buffer.from([3, 3]),
    Buffer.alloc(32, 1),
    sized(1, Buffer.alloc(session, 2)),
    sized(2, Buffer.from([0x13, 1, 0x13, 2])),
    sized(1, Buffer.from([0])),
    ...(extensions === undefined ? [] : [sized(2, Buffer.concat(extensions))]),
  ];
  return record(handshake(1, Buffer.concat(parts)));
}

export function extension(type: number, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type >> 8, type & 0xff]), sized(2, data)]);
}

/** The extension server_name with these names. */
export function serverName(...names: readonly string[]): Buffer {
  const list = names.map((name) => Buffer.concat([Buffer.from([0]), sized(2, Buffer.from(name, 'latin1'))]));
  return extension(0, sized(2, Buffer.concat(list)));
}

/** Bytes with their length before them. */
function sized(bytes: 1 | 2 | 3, data: Buffer): Buffer {
  const length = Buffer.alloc(bytes);
  length.writeUIntBE(data.length, 0, bytes);
  return Buffer.concat([length, data]);
}
