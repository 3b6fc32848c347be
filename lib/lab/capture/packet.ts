import { inspectAs } from '../../handle/inspect';
import { native } from '../../native';
import type { PacketBlock } from './pcapng';

/** One end of what a packet says: an address, and a port where its protocol has ports. */
export interface PacketEnd {
  /** An IP address. */
  address: string;
  /** The port, of TCP and UDP. */
  port?: number;
}

/** The headers of a packet, as far as they are understood. */
interface Headers {
  readonly protocol: string;
  readonly from?: PacketEnd;
  readonly to?: PacketEnd;
  /** The words for what it is about: the flags of TCP, the type of ICMP. */
  readonly about?: string;
  readonly payload: Buffer;
}

const ETHERNET_BYTES = 14;
const VLAN_BYTES = 4;
const ETHERTYPES = { ip: 0x0800, arp: 0x0806, ip6: 0x86dd, vlan: 0x8100 };

const TRANSPORTS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp6' };

const UDP_BYTES = 8;

/** The flags of TCP, from the lowest bit on: RFC 9293. */
const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK'];

const ICMP_TYPES: Readonly<Record<string, string>> = {
  'icmp 0': 'echo reply',
  'icmp 3': 'unreachable',
  'icmp 8': 'echo request',
  'icmp 11': 'time exceeded',
  'icmp6 1': 'unreachable',
  'icmp6 3': 'time exceeded',
  'icmp6 128': 'echo request',
  'icmp6 129': 'echo reply',
  'icmp6 133': 'router solicitation',
  'icmp6 134': 'router advertisement',
  'icmp6 135': 'neighbor solicitation',
  'icmp6 136': 'neighbor advertisement',
};

/** A packet of a {@link Capture}. What its headers say is read when it is asked for. */
export class Packet {
  static {
    inspectAs(this, (packet) => ({ [packet.toString()]: true }));
  }

  /** Nanoseconds since 1970, from the kernel: when it came. */
  readonly time: bigint;
  /** The name of the interface: `'eth0'` of a host; the network's own name for the capture of a network. */
  readonly interface: string;
  /** Seen from that interface; undefined where the kernel does not say. */
  readonly direction: 'in' | 'out' | undefined;
  /** The frame, from its Ethernet header on. It is cut off after `snaplen` bytes. */
  readonly data: Buffer;
  /** The number of bytes that the frame had. */
  readonly length: number;
  #headers: Headers | undefined;

  /** @internal */
  constructor(block: PacketBlock, interfaceName: string) {
    this.time = block.time;
    this.data = block.data;
    this.length = block.length;
    this.interface = interfaceName;
    this.direction = block.direction === 1 ? 'in' : block.direction === 2 ? 'out' : undefined;
  }

  /** `'tcp'`, `'udp'`, `'icmp'`, `'icmp6'`, `'arp'`, `'ip'`, `'ip6'`; `'ether'` for all else. */
  get protocol(): string {
    return this.#read().protocol;
  }

  /** The sender; undefined where there is no IP address. */
  get from(): PacketEnd | undefined {
    return this.#read().from;
  }

  /** The receiver; undefined where there is no IP address. */
  get to(): PacketEnd | undefined {
    return this.#read().to;
  }

  /** The bytes that TCP or UDP carries; of other protocols what follows the header that was understood last. */
  get payload(): Buffer {
    return this.#read().payload;
  }

  /** One line for a person: `12:00:00.000123 eth0 out 10.0.0.1:40000 > 10.0.0.2:80 tcp SYN, 74 bytes`. */
  toString(): string {
    const { protocol, from, to, about } = this.#read();
    const ends = from === undefined || to === undefined ? '' : `${endText(from)} > ${endText(to)} `;
    const words = [clock(this.time), this.interface, this.direction].filter((word) => word !== undefined).join(' ');
    return `${words} ${ends}${protocol}${about === undefined ? '' : ` ${about}`}, ${this.length} bytes`;
  }

  #read(): Headers {
    this.#headers ??= readHeaders(this.data);
    return this.#headers;
  }
}

function endText({ address, port }: PacketEnd): string {
  if (port === undefined) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The time of the day in UTC, with microseconds. */
function clock(time: bigint): string {
  const microseconds = String((time / 1000n) % 1_000_000n).padStart(6, '0');
  return `${new Date(Number(time / 1_000_000n)).toISOString().slice(11, 19)}.${microseconds}`;
}

/** Reads the headers. The frame is whatever a program has sent: where it is too short, what has been read is all. */
function readHeaders(frame: Buffer): Headers {
  let [type, at] = [uint16(frame, 12), ETHERNET_BYTES];
  if (type === ETHERTYPES.vlan) [type, at] = [uint16(frame, 16), ETHERNET_BYTES + VLAN_BYTES];
  const packet = frame.subarray(at);
  if (type === ETHERTYPES.ip && packet.length >= 20) return readIp(packet);
  if (type === ETHERTYPES.ip6 && packet.length >= 40) return readIp6(packet);
  if (type === ETHERTYPES.arp && packet.length >= 28) {
    const about = uint16(packet, 6) === 1 ? 'who has' : 'is at';
    return { protocol: 'arp', from: ip(packet, 14, 4), to: ip(packet, 24, 4), about, payload: packet };
  }
  return { protocol: 'ether', payload: packet };
}

function readIp(packet: Buffer): Headers {
  const [from, to] = [ip(packet, 12, 4), ip(packet, 16, 4)];
  const header = (packet.readUInt8(0) & 0xf) * 4;
  const rest = packet.subarray(header, Math.max(header, lengthOf(packet, 2, 0)));
  // Only the first fragment has the header of the transport protocol.
  if ((uint16(packet, 6) & 0x1fff) !== 0) return { protocol: 'ip', from, to, about: 'fragment', payload: rest };
  return readTransport(packet.readUInt8(9), 'ip', from, to, rest);
}

function readIp6(packet: Buffer): Headers {
  const [from, to] = [ip(packet, 8, 16), ip(packet, 24, 16)];
  return readTransport(packet.readUInt8(6), 'ip6', from, to, packet.subarray(40, lengthOf(packet, 4, 40)));
}

/** The end of a packet, without what Ethernet pads it with. Segments that are longer than IP can say have 0 there. */
function lengthOf(packet: Buffer, at: number, header: number): number {
  const length = uint16(packet, at);
  return length === 0 ? packet.length : header + length;
}

function readTransport(number: number, family: string, from: PacketEnd, to: PacketEnd, rest: Buffer): Headers {
  const protocol = TRANSPORTS[number] ?? family;
  const ends = { from, to };
  if (protocol.startsWith('icmp') && rest.length > 0) {
    const type = rest.readUInt8(0);
    return { protocol, ...ends, about: ICMP_TYPES[`${protocol} ${type}`] ?? `type ${type}`, payload: rest.subarray(8) };
  }
  const header = protocol === 'tcp' && rest.length >= 20 ? (rest.readUInt8(12) >> 4) * 4 : UDP_BYTES;
  const hasPorts = (protocol === 'tcp' && rest.length >= 20) || (protocol === 'udp' && rest.length >= UDP_BYTES);
  if (!hasPorts) return { protocol, ...ends, payload: rest };
  const ports = { from: { ...from, port: uint16(rest, 0) }, to: { ...to, port: uint16(rest, 2) } };
  const flags = protocol === 'tcp' ? TCP_FLAGS.filter((_, bit) => (rest.readUInt8(13) & (1 << bit)) !== 0) : [];
  return { protocol, ...ports, ...(flags.length > 0 && { about: flags.join(' ') }), payload: rest.subarray(header) };
}

function ip(packet: Buffer, at: number, size: number): PacketEnd {
  return { address: native().addressText(packet, at, size) };
}

/** 0 where the frame ends before. */
function uint16(bytes: Buffer, at: number): number {
  return bytes.length < at + 2 ? 0 : bytes.readUInt16BE(at);
}
