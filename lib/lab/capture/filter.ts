/** Filters of captures, as programs of classic BPF that the kernel runs on each frame: socket(7), SO_ATTACH_FILTER. */
import { isIP } from 'node:net';
import { type Check, integer, list, oneOf, schema, string } from '../../errors/schema';
import { invalidValue } from '../../errors/validate';
import { native } from '../../native';
import { Assembler, type Label, Op } from '../../seccomp/bpf';

/** A protocol that a {@link CaptureFilter} knows. */
export type CaptureProtocol = 'arp' | 'ip' | 'ip6' | 'icmp' | 'icmp6' | 'tcp' | 'udp';

/**
 * Chooses packets. Those are captured that are right in all that is given; of a list, one must be right. Unknown options are
 * errors.
 *
 * The kernel looks at the first header after that of IP: of IPv6 packets with extension headers it sees no ports.
 *
 * @example
 * ```ts
 * await host.capture({ filter: { protocol: 'tcp', host: '10.0.0.2', port: [80, 443] } });
 * ```
 */
export interface CaptureFilter {
  /** The protocol. `'ip'` is IPv4, `'ip6'` IPv6. */
  protocol?: CaptureProtocol | readonly CaptureProtocol[] | undefined;
  /** An address that the packet comes from or goes to. Of ARP it is the one that asks, or is asked for. */
  host?: string | readonly string[] | undefined;
  /** A port that the packet comes from or goes to, of TCP and UDP. */
  port?: number | readonly number[] | undefined;
}

const PROTOCOLS = ['arp', 'ip', 'ip6', 'icmp', 'icmp6', 'tcp', 'udp'] as const;

/** The most addresses and ports: a program has 4096 instructions at most. */
const MOST = 64;

/** A value, or a list of them. */
function oneOrMore<T>(check: Check<T>): Check<T[]> {
  return (name, value) => {
    if (!Array.isArray(value)) return [check(name, value)];
    const items = list(check)(name, value);
    if (items.length === 0 || items.length > MOST) throw invalidValue(name, value, `must have 1 to ${MOST} elements`);
    return items;
  };
}

const address: Check<Buffer> = (name, value) => {
  const text = string(name, value);
  const bytes = isIP(text) === 0 ? undefined : native().addressBytes(text);
  if (bytes === undefined) throw invalidValue(name, value, 'must be an IP address');
  return bytes;
};

export const FILTER = schema<CaptureFilter>()({
  protocol: oneOrMore(oneOf(PROTOCOLS)),
  host: oneOrMore(address),
  port: oneOrMore(integer(0, 65535)),
});

export type ParsedFilter = ReturnType<typeof FILTER>;

/** Offsets of `<linux/filter.h>`: the protocol that the frame says it has, and the beginning of that protocol's header. */
const SKF_AD_PROTOCOL = 0xfffff000;
const SKF_NET_OFF = 0xfff00000;

/** Numbers of `<linux/if_ether.h>` and `<linux/in.h>`. */
const ETHERTYPE = { ip: 0x0800, arp: 0x0806, ip6: 0x86dd };
const TRANSPORT = { icmp: 1, tcp: 6, udp: 17, icmp6: 58 };

/** The bits of the header of IPv4 that say where in a datagram its fragment begins. */
const FRAGMENT_OFFSET = 0x1fff;

type Family = keyof typeof ETHERTYPE;

/** The places at which a header has what a filter looks at. */
const FIELDS: Readonly<Record<Family, { transport: number; addressBytes: number; from: number; to: number }>> = {
  ip: { transport: 9, addressBytes: 4, from: 12, to: 16 },
  ip6: { transport: 6, addressBytes: 16, from: 8, to: 24 },
  arp: { transport: NaN, addressBytes: 4, from: 14, to: 24 },
};

const IPV6_HEADER_BYTES = 40;

/** The number of the header that fragments of IPv6 have before that of the transport protocol. */
const FRAGMENT_HEADER = 44;

/**
 * The program of a filter. Its offsets count from the network header, so that it is right for every kind of interface.
 *
 * @param snaplen - the number of bytes that are kept of a frame
 */
export function compileFilter(filter: ParsedFilter | undefined, snaplen: number): Uint8Array {
  const program = new Assembler();
  const [accept, refuse] = [program.label(), program.label()];
  if (filter !== undefined && Object.keys(filter).length > 0) {
    for (const family of ['ip', 'ip6', 'arp'] as const) emitFamily(program, family, filter, accept, refuse);
    program.place(refuse);
    program.emit(Op.RETURN, 0);
  }
  program.place(accept);
  program.emit(Op.RETURN, snaplen);
  return program.assemble();
}

/** The conditions for packets of one family; others go on behind them. */
function emitFamily(program: Assembler, family: Family, filter: ParsedFilter, accept: Label, refuse: Label): void {
  const [own, other] = [program.label(), program.label()];
  program.emit(Op.LOAD, SKF_AD_PROTOCOL);
  program.branch(Op.IF_EQUAL, ETHERTYPE[family], own, other);
  program.place(own);
  const hosts = filter.host?.filter(({ length }) => length === FIELDS[family].addressBytes);
  const transports = transportsOf(family, filter);
  if (transports === 'none' || hosts?.length === 0) {
    program.goto(refuse);
  } else {
    if (transports !== 'any') {
      program.emit(Op.LOAD_BYTE, SKF_NET_OFF + FIELDS[family].transport);
      if (family === 'ip6' && filter.port === undefined) emitFragmentHeader(program);
      emitOneOf(program, transports, refuse);
    }
    if (hosts !== undefined) emitHosts(program, family, hosts, refuse);
    if (filter.port !== undefined) emitPorts(program, family, filter.port, refuse);
    program.goto(accept);
  }
  program.place(other);
}

/** The transport protocols that a filter lets through. */
function transportsOf(family: Family, { protocol, port }: ParsedFilter): readonly number[] | 'any' | 'none' {
  const isWhole = protocol === undefined || protocol.includes(family);
  if (isWhole && port === undefined) return 'any';
  if (family === 'arp') return 'none';
  const names = (['tcp', 'udp', family === 'ip' ? 'icmp' : 'icmp6'] as const)
    .filter((name) => isWhole || protocol.includes(name))
    .filter((name) => port === undefined || name === 'tcp' || name === 'udp');
  return names.length === 0 ? 'none' : names.map((name) => TRANSPORT[name]);
}

/** Each fragment of IPv6 says which protocol it is of. Only the ports are those of the first alone. */
function emitFragmentHeader(program: Assembler): void {
  const [fragment, whole] = [program.label(), program.label()];
  program.branch(Op.IF_EQUAL, FRAGMENT_HEADER, fragment, whole);
  program.place(fragment);
  program.emit(Op.LOAD_BYTE, SKF_NET_OFF + IPV6_HEADER_BYTES);
  program.place(whole);
}

function emitOneOf(program: Assembler, numbers: readonly number[], refuse: Label): void {
  const found = program.label();
  emitComparisons(program, numbers, found);
  program.goto(refuse);
  program.place(found);
}

/** Compares the accumulator with each number. It goes on behind if it is none of them. */
function emitComparisons(program: Assembler, numbers: readonly number[], found: Label): void {
  for (const number of numbers) {
    const next = program.label();
    program.branch(Op.IF_EQUAL, number, found, next);
    program.place(next);
  }
}

function emitHosts(program: Assembler, family: Family, hosts: readonly Buffer[], refuse: Label): void {
  const found = program.label();
  for (const host of hosts) {
    for (const at of [FIELDS[family].from, FIELDS[family].to]) emitAddress(program, at, host, found);
  }
  program.goto(refuse);
  program.place(found);
}

/** Compares an address, 32 bits at a time. It goes on behind if it is another. */
function emitAddress(program: Assembler, at: number, bytes: Buffer, found: Label): void {
  const next = program.label();
  for (let offset = 0; offset < bytes.length; offset += 4) {
    const isLast = offset + 4 === bytes.length;
    const same = isLast ? found : program.label();
    program.emit(Op.LOAD, SKF_NET_OFF + at + offset);
    program.branch(Op.IF_EQUAL, bytes.readUInt32BE(offset), same, next);
    if (!isLast) program.place(same);
  }
  program.place(next);
}

function emitPorts(program: Assembler, family: Family, ports: readonly number[], refuse: Label): void {
  const found = program.label();
  if (family === 'ip') emitHeaderLength(program, refuse);
  for (const at of [0, 2]) {
    if (family === 'ip') program.emit(Op.LOAD_HALF_AFTER_X, SKF_NET_OFF + at);
    else program.emit(Op.LOAD_HALF, SKF_NET_OFF + IPV6_HEADER_BYTES + at);
    emitComparisons(program, ports, found);
  }
  program.goto(refuse);
  program.place(found);
}

/** Puts the length of the header of IPv4 into X. Only the first fragment of a datagram has the ports. */
function emitHeaderLength(program: Assembler, refuse: Label): void {
  const first = program.label();
  program.emit(Op.LOAD_HALF, SKF_NET_OFF + 6);
  program.emit(Op.AND, FRAGMENT_OFFSET);
  program.branch(Op.IF_EQUAL, 0, first, refuse);
  program.place(first);
  program.emit(Op.LOAD_BYTE, SKF_NET_OFF);
  program.emit(Op.AND, 0xf);
  program.emit(Op.SHIFT_LEFT, 2);
  program.emit(Op.TO_X, 0);
}
