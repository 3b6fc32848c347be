import { type Family, familyOfNumber, prefixText } from '../ip';
import { compact } from '../compact';
import { Names, ROUTE_PROTOCOLS, type RouteProtocol, TABLES, type Table } from '../names';
import { INVERT, type RuleMessage } from './rule-message';

/** The action for a packet that a rule matches. */
export type RuleAction = 'lookup' | 'goto' | 'nop' | 'blackhole' | 'unreachable' | 'prohibit';

/** FR_ACT_*. */
export const RULE_ACTIONS = new Names<RuleAction>({
  lookup: 1,
  goto: 2,
  nop: 3,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
});

/** The protocols that rules are made for: IPPROTO_*. */
export type IpProtocol = 'icmp' | 'tcp' | 'udp' | 'ipv6-icmp' | 'sctp';
export const IP_PROTOCOLS = new Names<IpProtocol>({ icmp: 1, tcp: 6, udp: 17, 'ipv6-icmp': 58, sctp: 132 });

/**
 * A rule of the routing policy, as plain JSON: the routing table to look up for some packets. The values are spelled as
 * `ip -j rule` prints them. Where `ip` gives a property another name, its description has that name at the end.
 */
export interface Rule {
  /** The family: `'inet'` for IPv4, `'inet6'` for IPv6. */
  family: Family;
  /** The priority: the rule with the lowest is tried first. */
  priority: number;
  /** True where the rule applies to the packets that do not match. */
  not?: boolean;
  /** The network or address of the sender, or `'all'`: `src`, `srclen`. */
  from: string;
  /** The network or address of the receiver: `dst`, `dstlen`. */
  to?: string;
  /** The type of service of a packet. */
  tos?: number;
  /** The mark of a packet: `fwmark`. */
  mark?: number;
  /** The mask of the bits of the mark that are compared: `fwmask`. Absent where all bits are. */
  mask?: number;
  /** The name of the link that a packet comes in by: `iif`. */
  incoming?: string;
  /** The name of the link that the sending socket is bound to: `oif`. */
  outgoing?: string;
  /**
   * The uids of the users whose sockets send the packet, first and last: `uid_start`, `uid_end`. The kernel accepts
   * them only where Node is in the user namespace that owns the network.
   */
  uids?: [first: number, last: number];
  /** The protocol of a packet: `ipproto`. */
  ipProtocol?: IpProtocol | number;
  /** Ports of the sender, first and last: `sport_start`, `sport_end`. */
  sourcePorts?: [first: number, last: number];
  /** Ports of the receiver, first and last: `dport_start`, `dport_end`. */
  destinationPorts?: [first: number, last: number];
  /** The action for the packet. */
  action: RuleAction | number;
  /** The routing table to be looked up. */
  table?: Table | number;
  /** The priority of the rule to continue with. */
  goto?: number;
  /** Looks up the table of the VRF that the link belongs to. */
  l3mdev?: boolean;
  /** Ignores routes with a prefix of this length or shorter. */
  suppressPrefixLength?: number;
  /** The origin of the rule: the program or the protocol that has installed it. */
  protocol: RouteProtocol | number;
}

const NONE = 0xffffffff;

/** The rule in a message; undefined for a family that is not IP. */
export function ruleOf({ header, attributes }: RuleMessage): Rule | undefined {
  const family = familyOfNumber(header.family);
  if (family === undefined) return undefined;
  const { SRC, DST, FWMARK, FWMASK, UID_RANGE, SUPPRESS_PREFIXLEN } = attributes;
  const action = RULE_ACTIONS.nameOf(header.action);
  return compact({
    family,
    priority: attributes.PRIORITY ?? 0,
    not: (header.flags & INVERT) === 0 ? undefined : true,
    from: SRC === undefined ? 'all' : prefixText(family, SRC, header.sourceLength),
    to: DST === undefined ? undefined : prefixText(family, DST, header.destinationLength),
    tos: header.tos === 0 ? undefined : header.tos,
    mark: FWMASK === undefined || FWMASK === 0 ? undefined : (FWMARK ?? 0), // 0 is not told
    mask: FWMASK === NONE || FWMASK === 0 ? undefined : FWMASK,
    incoming: attributes.IIFNAME,
    outgoing: attributes.OIFNAME,
    uids: range(UID_RANGE),
    ipProtocol: attributes.IP_PROTO === undefined ? undefined : IP_PROTOCOLS.nameOf(attributes.IP_PROTO),
    sourcePorts: range(attributes.SPORT_RANGE),
    destinationPorts: range(attributes.DPORT_RANGE),
    action,
    table: action === 'lookup' && attributes.L3MDEV !== 1 ? tableOf({ header, attributes }) : undefined,
    goto: attributes.GOTO,
    l3mdev: attributes.L3MDEV === 1 ? true : undefined,
    suppressPrefixLength: SUPPRESS_PREFIXLEN === NONE ? undefined : SUPPRESS_PREFIXLEN,
    protocol: ROUTE_PROTOCOLS.nameOf(attributes.PROTOCOL ?? 0),
  });
}

function tableOf({ header, attributes }: RuleMessage): Table | number {
  return TABLES.nameOf(attributes.TABLE ?? header.table);
}

function range(value: { start: number; end: number } | undefined): [number, number] | undefined {
  return value === undefined ? undefined : [value.start, value.end];
}
