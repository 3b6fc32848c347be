/** Echo requests, and what comes back: RFC 792, RFC 4443. */

/** The numbers of ICMP that differ between the families. */
interface Numbers {
  readonly request: number;
  readonly reply: number;
  readonly unreachable: number;
  readonly exceeded: number;
}

export type Family = 4 | 6;

const NUMBERS: Readonly<Record<Family, Numbers>> = {
  4: { request: 8, reply: 0, unreachable: 3, exceeded: 11 },
  6: { request: 128, reply: 129, unreachable: 1, exceeded: 3 },
};

const HEADER_BYTES = 8;
const IPV6_HEADER_BYTES = 40;

/** The next header of ICMP: in IPv4, in IPv6. */
const PROTOCOL: Readonly<Record<Family, number>> = { 4: 1, 6: 58 };

/** An echo request that can be told from others. */
export interface Echo {
  readonly id: number;
  readonly sequence: number;
}

/** An answer to an echo request. */
export interface EchoAnswer extends Echo {
  readonly kind: 'reply' | 'unreachable' | 'exceeded';
  /** The part of the request that a reply has. */
  readonly payload: Buffer;
}

export function encodeRequest(family: Family, { id, sequence }: Echo, payload: Buffer): Buffer {
  const message = Buffer.concat([Buffer.alloc(HEADER_BYTES), payload]);
  message.writeUInt8(NUMBERS[family].request, 0);
  message.writeUInt16BE(id, 4);
  message.writeUInt16BE(sequence, 6);
  // For IPv6 the kernel does it, as the addresses are a part of it: raw(7), ipv6(7).
  if (family === 4) message.writeUInt16BE(checksum(message), 2);
  return message;
}

/** Reads what a raw socket has received; undefined for what is no answer to an echo request. */
export function decodeAnswer(family: Family, packet: Buffer): EchoAnswer | undefined {
  // A raw socket gives the header of IPv4, and not that of IPv6.
  const message = family === 4 ? afterHeader(4, packet) : packet;
  if (message === undefined || message.length < HEADER_BYTES) return undefined;
  const type = message.readUInt8(0);
  const { reply, request, unreachable, exceeded } = NUMBERS[family];
  if (type === reply) return { kind: 'reply', ...echoOf(message), payload: message.subarray(HEADER_BYTES) };
  if (type !== unreachable && type !== exceeded) return undefined;
  // Errors have the beginning of the packet that they are about.
  const about = afterHeader(family, message.subarray(HEADER_BYTES));
  if (about === undefined || about.length < HEADER_BYTES || about.readUInt8(0) !== request) return undefined;
  return { kind: type === exceeded ? 'exceeded' : 'unreachable', ...echoOf(about), payload: Buffer.alloc(0) };
}

function echoOf(message: Buffer): Echo {
  return { id: message.readUInt16BE(4), sequence: message.readUInt16BE(6) };
}

/** The message of ICMP in a packet of IP. */
function afterHeader(family: Family, packet: Buffer): Buffer | undefined {
  if (packet.length < (family === 4 ? 20 : IPV6_HEADER_BYTES)) return undefined;
  if (packet.readUInt8(family === 4 ? 9 : 6) !== PROTOCOL[family]) return undefined;
  return packet.subarray(family === 4 ? (packet.readUInt8(0) & 0xf) * 4 : IPV6_HEADER_BYTES);
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) {
    sum += at + 1 < bytes.length ? bytes.readUInt16BE(at) : bytes.readUInt8(at) << 8;
  }
  sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~(sum + (sum >>> 16)) & 0xffff;
}
