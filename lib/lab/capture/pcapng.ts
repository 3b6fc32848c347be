/**
 * The pcapng file format, as Wireshark and tcpdump read it: draft-ietf-opsawg-pcapng. Everything is in the byte order of the
 * machine, which is little-endian on all that this package supports.
 */

const SECTION_HEADER_BLOCK = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION_BLOCK = 1;
const INTERFACE_STATISTICS_BLOCK = 5;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** LINKTYPE_ETHERNET. One file has one type for all of its interfaces: libpcap reads no other. */
const LINKTYPE_ETHERNET = 1;

/** Options of blocks, by their codes. */
const SHB_USERAPPL = 4;
const IF_NAME = 2;
const IF_DESCRIPTION = 3;
const IF_TSRESOL = 9;
const ISB_IFRECV = 4;
const ISB_IFDROP = 5;

/** Times are in units of 10 ** -9 seconds. */
const NANOSECONDS = 9;

/** Offsets in an Enhanced Packet Block. */
const PACKET = { interface: 8, high: 12, low: 16, captured: 20, length: 24, data: 28 };

/** A frame as its block has it. */
export interface PacketBlock {
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly data: Buffer;
  /** The bytes that the frame had. */
  readonly length: number;
  /** The direction, of epb_flags: 1 is in, 2 is out. */
  readonly direction: number;
}

/** The beginning of a file. */
export function sectionHeader(): Buffer {
  const fixed = Buffer.alloc(16);
  fixed.writeUInt32LE(BYTE_ORDER_MAGIC, 0);
  fixed.writeUInt16LE(1, 4); // version 1.0
  fixed.writeBigInt64LE(-1n, 8); // the length of the section is not known
  return block(SECTION_HEADER_BLOCK, fixed, [text(SHB_USERAPPL, 'linux-ns')]);
}

/** Describes an interface. Packets name it by its place among those of the file, which begins with 0. */
export function interfaceDescription(name: string, description: string, snaplen: number): Buffer {
  const fixed = Buffer.alloc(8);
  fixed.writeUInt16LE(LINKTYPE_ETHERNET, 0);
  fixed.writeUInt32LE(snaplen, 4);
  const options = [text(IF_NAME, name), text(IF_DESCRIPTION, description), option(IF_TSRESOL, Buffer.of(NANOSECONDS))];
  return block(INTERFACE_DESCRIPTION_BLOCK, fixed, options);
}

/** The number of packets that were received on an interface, and of those that were lost. */
export function interfaceStatistics(id: number, time: bigint, received: number, dropped: number): Buffer {
  const fixed = Buffer.alloc(12);
  fixed.writeUInt32LE(id, 0);
  fixed.writeUInt32LE(Number(time >> 32n), 4);
  fixed.writeUInt32LE(Number(time & 0xffffffffn), 8);
  return block(INTERFACE_STATISTICS_BLOCK, fixed, [number(ISB_IFRECV, received), number(ISB_IFDROP, dropped)]);
}

/** The places at which packet blocks begin. */
export function* placesOf(blocks: Buffer): Iterable<number> {
  for (let at = 0; at < blocks.length; at += blocks.readUInt32LE(at + 4)) yield at;
}

export function interfaceAt(blocks: Buffer, at: number): number {
  return blocks.readUInt32LE(at + PACKET.interface);
}

export function setInterface(blocks: Buffer, at: number, id: number): void {
  blocks.writeUInt32LE(id, at + PACKET.interface);
}

export function packetAt(blocks: Buffer, at: number): PacketBlock {
  const captured = blocks.readUInt32LE(at + PACKET.captured);
  const start = at + PACKET.data;
  return {
    time: (BigInt(blocks.readUInt32LE(at + PACKET.high)) << 32n) | BigInt(blocks.readUInt32LE(at + PACKET.low)),
    data: blocks.subarray(start, start + captured),
    length: blocks.readUInt32LE(at + PACKET.length),
    direction: blocks.readUInt32LE(start + padded(captured) + 4) & 3,
  };
}

function block(type: number, fixed: Buffer, options: readonly Buffer[]): Buffer {
  const body = Buffer.concat([fixed, ...options, Buffer.alloc(4)]);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(body.length + 12, 4);
  return Buffer.concat([head, body, head.subarray(4)]);
}

function text(code: number, words: string): Buffer {
  return option(code, Buffer.from(words));
}

function number(code: number, value: number): Buffer {
  const data = Buffer.alloc(8);
  data.writeBigUInt64LE(BigInt(value));
  return option(code, data);
}

function option(code: number, data: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + padded(data.length));
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt16LE(data.length, 2);
  data.copy(bytes, 4);
  return bytes;
}

/** Everything is padded to 32 bits. */
function padded(size: number): number {
  return (size + 3) & ~3;
}
