/** Network address translation on a router, as rules of nf_tables. */
import {
  type Expression,
  type Register,
  compare,
  connection,
  hasBit,
  load,
  lookup,
  masquerade,
  meta,
  payload,
  translate,
  update,
  verdict,
} from '../network/nftables/expressions';
import { Table } from '../network/nftables/messages';
import { native } from '../native';

/**
 * The way in which a NAT maps the ports of UDP and TCP, and lets packets in: RFC 3489.
 *
 * - `'full-cone'`: a port inside has one mapping for all peers, and every peer can send to it.
 * - `'address-restricted'`: one mapping for all peers; those whose address was sent to can send to it.
 * - `'port-restricted'`: one mapping for all peers; those whose address and port were sent to can send to it.
 * - `'symmetric'`: a mapping for each peer, by a port that nobody can guess; that peer alone can send to it.
 */
export type NatType = 'full-cone' | 'address-restricted' | 'port-restricted' | 'symmetric';

export const NAT_TYPES: readonly NatType[] = ['full-cone', 'address-restricted', 'port-restricted', 'symmetric'];

export const PROTOCOLS = ['tcp', 'udp'] as const;

/** The side of a NAT that is seen from outside. */
export interface Outside {
  readonly link: string;
  readonly address: string;
}

/** A port outside that leads to a port of a host inside. */
export interface Forward {
  readonly protocol: (typeof PROTOCOLS)[number];
  readonly port: number;
  readonly address: string;
  readonly toPort: number;
}

/** A mapping is kept without traffic for so long (RFC 4787, REQ-5); there are no more than ports. */
const KEPT = { dynamic: { seconds: 300, size: 65535 } };

/** The ports that the kernel chooses from where it is not to keep the one inside. */
const RANDOM_PORTS = [bigEndian(1024), bigEndian(65535)] as const;

/** IPPROTO_* */
const PROTOCOL_NUMBERS = { tcp: 6, udp: 17 } as const;

/** Where a packet comes to the router, and where it leaves it: NF_IP_PRI_NAT_DST, NF_IP_PRI_NAT_SRC. */
const ARRIVE = { type: 'nat', hook: 'prerouting', priority: -100 } as const;
const LEAVE = { type: 'nat', hook: 'postrouting', priority: 100 } as const;

/** IP_CT_NEW as a bit of the state of a connection, IPS_DST_NAT of its status: nf_conntrack_common.h. */
const IS_NEW = 1 << 3;
const IS_FORWARDED = 1 << 5;

/**
 * Registers: a key begins in the first, a value in the fourth, and the sixth is for what is used at once. An address
 * and a port lie side by side, as in the sets.
 */
const [FIRST, SECOND, THIRD, VALUE, VALUE_PORT, SCRATCH] = [0, 1, 2, 3, 4, 5];

/** Names of interfaces fill the registers that the sixth is the first of. */
const NAME_BYTES = 16;

const port = { source: 0, destination: 2 } as const;
const address = { source: 12, destination: 16 } as const;

/**
 * The rules of a NAT for IPv4.
 *
 * The kernel chooses the port outside for the first peer. A chain that sees packets after that writes down which address
 * and port inside it stands for (`inside`), what port outside these have (`mapping`), and who was sent to (`peer`). A
 * cone looks there for further peers; the kernel's own choice would be another one where ports collide. A packet that is
 * not let in must leave no connection behind, which would stand in the way of one from inside to the same peer: so it is
 * dropped before the kernel remembers it.
 */
export function natRules(outside: Outside, type: NatType): Buffer[] {
  const table = tableOf('ip');
  const [arriving, leaving] = directions(outside.link);
  const toPort = [...loadProtocol(), loadPort('destination', SECOND)];
  const fromPort = [...loadProtocol(), loadPort('source', SECOND)];
  const toInside = translate('destination', VALUE, VALUE_PORT);
  const rule = (chain: string, ...expressions: readonly Expression[][]): Buffer =>
    table.addRule(chain, expressions.flat());
  const remembered = [...leaving, connection('direction', SCRATCH), compare(SCRATCH, 'equal', Uint8Array.of(0))];
  const [insideAddress, insidePort] = [connection('originalSource', VALUE), connection('originalPort', VALUE_PORT)];
  return [
    table.create(),
    table.addChain('arrive', ARRIVE),
    table.addChain('refuse', { type: 'filter', hook: 'input' }),
    table.addChain('pass', { type: 'filter', hook: 'forward' }),
    table.addChain('leave', LEAVE),
    table.addChain('remember', { type: 'filter', hook: 'postrouting', priority: LEAVE.priority + 1 }),
    table.addSet('ported', ['protocol']),
    table.addSet('forwards', ['protocol', 'port'], { value: ['ipv4', 'port'] }),
    table.addSet('inside', ['protocol', 'port'], { value: ['ipv4', 'port'], ...KEPT }),
    table.addSet('mapping', ['protocol', 'ipv4', 'port'], { value: ['port'], ...KEPT }),
    table.addSet('peer', ['protocol', 'port', 'ipv4'], KEPT),
    ...table.setElements(
      'ported',
      PROTOCOLS.map((each) => ({ key: Uint8Array.of(PROTOCOL_NUMBERS[each]) })),
    ),
    rule('arrive', arriving, toPort, [lookup('forwards', FIRST, VALUE), toInside]),
    ...admitted(type).map((by) => rule('arrive', arriving, toPort, by, [lookup('inside', FIRST, VALUE), toInside])),
    rule('refuse', arriving, isNew(), toPort, [lookup('inside', FIRST, VALUE), verdict('drop')]),
    rule('pass', arriving, [connection('status', SCRATCH), ...hasBit(SCRATCH, IS_FORWARDED), verdict('accept')]),
    rule('pass', arriving, isNew(), [verdict('drop')]),
    ...mapped(type, outside.address).map((by) => rule('leave', leaving, by)),
    rule('leave', leaving, [masquerade()]),
    rule('remember', remembered, fromPort, [insideAddress, insidePort, update('inside', FIRST, VALUE)]),
    rule('remember', remembered, [
      ...loadProtocol(),
      ...[connection('originalSource', SECOND), connection('originalPort', THIRD), loadPort('source', VALUE)],
      update('mapping', FIRST, VALUE),
    ]),
    rule('remember', remembered, fromPort, [loadAddress('destination', THIRD), update('peer', FIRST)]),
  ];
}

/** The conditions under which packets of new peers come in to a port that is mapped. */
function admitted(type: NatType): Expression[][] {
  if (type === 'full-cone') return [[]];
  if (type === 'address-restricted') return [[loadAddress('source', THIRD), lookup('peer', FIRST)]];
  return [];
}

/** The rules by which packets to new peers get their port. */
function mapped(type: NatType, own: string): Expression[][] {
  const random = [...RANDOM_PORTS.map((each, index) => load(each, VALUE + index)), masquerade([VALUE, VALUE_PORT])];
  if (type === 'symmetric') return [[...loadProtocol(), ...random]];
  return [
    [
      ...[...loadProtocol(), loadAddress('source', SECOND), loadPort('source', THIRD)],
      ...[lookup('mapping', FIRST, VALUE_PORT), load(bytesOf(own), VALUE), translate('source', VALUE, VALUE_PORT)],
    ],
    [...loadProtocol(), loadPort('source', SECOND), lookup('inside', FIRST, VALUE), ...random],
  ];
}

/** The rules for IPv6, whatever the type: nothing of what the kernel maps is known to other peers. */
export function natRules6({ link }: Pick<Outside, 'link'>): Buffer[] {
  const table = tableOf('ip6');
  const [arriving, leaving] = directions(link);
  return [
    table.create(),
    table.addChain('pass', { type: 'filter', hook: 'forward' }),
    table.addChain('leave', LEAVE),
    table.addRule('pass', [...arriving, ...isNew(), verdict('drop')]),
    table.addRule('leave', [...leaving, masquerade()]),
  ];
}

/** Makes these the ports that lead inside. */
export function forwardRules(forwards: readonly Forward[]): Buffer[] {
  const elements = forwards.map(({ protocol, port: outside, address: inside, toPort }) => ({
    key: Buffer.concat([Uint8Array.of(PROTOCOL_NUMBERS[protocol], 0, 0, 0), bigEndian(outside), new Uint8Array(2)]),
    value: Buffer.concat([bytesOf(inside), bigEndian(toPort), new Uint8Array(2)]),
  }));
  return tableOf('ip').setElements('forwards', elements);
}

function tableOf(family: 'ip' | 'ip6'): Table {
  return new Table(family, 'lab');
}

/** The conditions that a packet comes in by the outside, and that it leaves by it. */
function directions(link: string): [arriving: Expression[], leaving: Expression[]] {
  const name = Buffer.alloc(NAME_BYTES);
  name.write(link);
  const by = (which: 'inputName' | 'outputName'): Expression[] => [
    meta(which, SCRATCH),
    compare(SCRATCH, 'equal', name),
  ];
  return [by('inputName'), by('outputName')];
}

function isNew(): Expression[] {
  return [connection('state', SCRATCH), ...hasBit(SCRATCH, IS_NEW)];
}

/** Loads the protocol into the first register; the rule goes on only if it is one with ports. */
function loadProtocol(): Expression[] {
  return [meta('transport', FIRST), lookup('ported', FIRST)];
}

function loadPort(which: keyof typeof port, into: Register): Expression {
  return payload('transport', port[which], 2, into);
}

function loadAddress(which: keyof typeof address, into: Register): Expression {
  return payload('network', address[which], 4, into);
}

function bigEndian(number: number): Uint8Array {
  return Uint8Array.of(number >> 8, number & 0xff);
}

function bytesOf(own: string): Uint8Array {
  return native().addressBytes(own) ?? new Uint8Array();
}
