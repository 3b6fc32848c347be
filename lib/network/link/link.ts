import { compact } from '../compact';
import { flagNames } from '../names';
import { ip, hexPairs } from '../netlink/types';
import { ADDRESS_GENERATION, Iff, LINK_FLAGS } from './ifinfo';
import { describeKind, describePort } from './kinds/index';
import type { LinkDetails } from './kinds/kind';
import { type LinkMessage, STATS64 } from './link-message';
import type { NameOf } from './link-name';

/**
 * A network interface, as plain JSON. The values are spelled as `ip -j link` prints them. Where `ip` gives a property
 * another name, its description has that name at the end.
 */
export interface Link {
  /** The index: `ifindex`. */
  index: number;
  /** The name: `ifname`. */
  name: string;
  /** Further names: `altnames`. */
  alternativeNames?: string[];
  /** The kind of a virtual link: `'veth'`, `'bridge'`, … `linkinfo.info_kind` */
  kind?: string;
  /** The flags: `['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP']`. */
  flags: string[];
  /** True where it is switched on: `UP` is among the flags. */
  up: boolean;
  /** The largest packet, in bytes. */
  mtu: number;
  /** The smallest value that `mtu` can be set to: `min_mtu`. */
  minMtu?: number;
  /** The largest value that `mtu` can be set to; 0 if there is no limit. `max_mtu` */
  maxMtu?: number;
  /** The queueing discipline for packets that it sends: `'noqueue'`, `'fq_codel'`, … tc(8) */
  qdisc?: string;
  /** Its operational state, RFC 2863: `'UP'`, `'DOWN'`, `'UNKNOWN'`, `'LOWERLAYERDOWN'`, … `operstate` */
  state: string;
  /** Its mode, RFC 2863: `'DEFAULT'` or `'DORMANT'`. `linkmode` */
  mode: string;
  /** Its group: `'default'`, or a number. */
  group: string | number;
  /** The length of its transmit queue in packets: `txqlen`; absent for 0. */
  txQueueLength?: number;
  /** The type of the link layer: `'ether'`, `'loopback'`, `'none'`, … `link_type` */
  type: string;
  /** Its link-layer (MAC) address; absent for links of type `'none'`. */
  address?: string;
  /** Its link-layer broadcast address. */
  broadcast?: string;
  /** Its permanent address, if that differs from the present one: `permaddr`. */
  permanentAddress?: string;
  /**
   * The name of the link that it is on top of, or of the other end of a veth. Absent where that is in another
   * namespace.
   */
  link?: string;
  /** The index of that link, in the namespace that it is in: `link_index`. */
  linkIndex?: number;
  /** The id of the other namespace that this link is in: `link_netnsid`. See `network.nsid`. */
  linkNsid?: number;
  /** The name of the bridge, bond or VRF that it belongs to. */
  master?: string;
  /** The description of the link: `ifalias`. */
  alias?: string;
  /** The number of users who have set promiscuous mode; 0 means that it is off. */
  promiscuity: number;
  /** Details of its kind: for a vlan `{ id: 5, protocol: '802.1Q' }`. */
  info?: LinkDetails;
  /** Its settings as a port of a bridge, where it is one. */
  port?: LinkDetails;
  /** The way the kernel generates the interface's own IPv6 addresses: `inet6_addr_gen_mode`. */
  addressGeneration?: string;
  /** Its counters, where they were requested. */
  stats?: LinkStats;
}

/** Counters since the link was made, of packets, bytes and faults: `ip -s link`. */
export interface LinkStats {
  /** Packets received. */
  rxPackets: number;
  /** Packets sent. */
  txPackets: number;
  /** Bytes received. */
  rxBytes: number;
  /** Bytes sent. */
  txBytes: number;
  /** Bad packets received. */
  rxErrors: number;
  /** Packets that could not be sent. */
  txErrors: number;
  /** Packets received and dropped, because there was no room or nobody wants them. */
  rxDropped: number;
  /** Packets dropped instead of sent. */
  txDropped: number;
  /** Packets received for multicast groups. */
  multicast: number;
  /** Collisions on an Ethernet segment. */
  collisions: number;
}

/** IF_OPER_*. */
const STATES = ['UNKNOWN', 'NOTPRESENT', 'DOWN', 'LOWERLAYERDOWN', 'TESTING', 'DORMANT', 'UP'];
const MODES = ['DEFAULT', 'DORMANT'];

/** ARPHRD_* of `<linux/if_arp.h>`, spelled as iproute2 spells them. */
const TYPES: ReadonlyMap<number, string> = new Map([
  [1, 'ether'],
  [32, 'infiniband'],
  [280, 'can'],
  [512, 'ppp'],
  [519, 'rawip'],
  [768, 'ipip'],
  [769, 'tunnel6'],
  [772, 'loopback'],
  [776, 'sit'],
  [778, 'gre'],
  [801, 'ieee802.11'],
  [823, 'gre6'],
  [824, 'netlink'],
  [826, 'vsockmon'],
  [65534, 'none'],
  [65535, 'void'],
]);

/** Types whose link-layer addresses are IP addresses. */
const ADDRESSED_BY_IP: ReadonlySet<number> = new Set([768, 769, 776, 778, 823]);

/** Facts about other links that are needed to describe one. */
export interface Others {
  nameOf: NameOf;
  /** The IFF_* flags of a link, where they are known. */
  flagsOf?: (index: number) => number | undefined;
  /** True where counters are wanted. */
  stats?: boolean;
}

/** The link that a message is about. */
export function linkOf({ header, attributes }: LinkMessage, others: Others): Link {
  const { LINKINFO: info, PERM_ADDRESS: permanent } = attributes;
  const address = linkAddress(header.type, attributes.ADDRESS);
  const details = info === undefined ? undefined : describeKind(info, others.nameOf);
  const alternatives = attributes.PROP_LIST?.ALT_IFNAME;
  const generation = attributes.AF_SPEC?.INET6?.ADDR_GEN_MODE;
  return compact({
    index: header.index,
    name: attributes.IFNAME ?? '',
    alternativeNames: alternatives,
    kind: info?.KIND,
    flags: [...printedFlags(header.flags), ...(isBelowDown(attributes, others) ? ['M-DOWN'] : [])],
    up: (header.flags & Iff.UP) !== 0,
    mtu: attributes.MTU ?? 0,
    minMtu: attributes.MIN_MTU,
    maxMtu: attributes.MAX_MTU,
    qdisc: attributes.QDISC,
    ...whereBelow(attributes, others.nameOf),
    master: attributes.MASTER === undefined ? undefined : others.nameOf(attributes.MASTER),
    state: STATES[attributes.OPERSTATE ?? 0] ?? String(attributes.OPERSTATE),
    mode: MODES[attributes.LINKMODE ?? 0] ?? String(attributes.LINKMODE),
    group: attributes.GROUP === 0 || attributes.GROUP === undefined ? 'default' : attributes.GROUP,
    txQueueLength: attributes.TXQLEN === 0 ? undefined : attributes.TXQLEN,
    type: TYPES.get(header.type) ?? `[${header.type}]`,
    address,
    broadcast: linkAddress(header.type, attributes.BROADCAST),
    permanentAddress: permanent === address ? undefined : permanent,
    alias: attributes.IFALIAS,
    promiscuity: attributes.PROMISCUITY ?? 0,
    info: details,
    port: info === undefined ? undefined : describePort(info),
    addressGeneration: generation === undefined ? undefined : (ADDRESS_GENERATION[generation] ?? String(generation)),
    stats: others.stats === true ? statsOf(attributes.STATS64) : undefined,
  });
}

/** The other links that a message refers to. */
export function linksMentioned({ attributes }: LinkMessage): number[] {
  const below = attributes.LINK_NETNSID === undefined ? attributes.LINK : undefined;
  const { LINK, PRIMARY, ACTIVE_SLAVE } = attributes.LINKINFO?.DATA ?? {};
  return [below, attributes.MASTER, LINK, PRIMARY, ACTIVE_SLAVE].filter((index) => typeof index === 'number');
}

/** The flags as `ip` prints them: a link that is up and does not run has no carrier. */
function printedFlags(flags: number): string[] {
  const noCarrier = (flags & Iff.UP) !== 0 && (flags & Iff.RUNNING) === 0;
  return [...(noCarrier ? ['NO-CARRIER'] : []), ...flagNames(flags, LINK_FLAGS)];
}

function isBelowDown({ LINK, LINK_NETNSID }: LinkMessage['attributes'], { flagsOf }: Others): boolean {
  if (LINK === undefined || LINK === 0 || LINK_NETNSID !== undefined) return false;
  const flags = flagsOf?.(LINK);
  return flags !== undefined && (flags & Iff.UP) === 0;
}

/**
 * The link below. IFLA_LINK is an index in the namespace of the id IFLA_LINK_NETNSID, or in this one where that is
 * absent.
 */
function whereBelow(
  { LINK, LINK_NETNSID }: LinkMessage['attributes'],
  nameOf: NameOf,
): Pick<Partial<Link>, 'link' | 'linkIndex' | 'linkNsid'> {
  if (LINK === undefined || LINK === 0) return {};
  if (LINK_NETNSID === undefined) return { link: nameOf(LINK), linkIndex: LINK };
  return { linkIndex: LINK, linkNsid: LINK_NETNSID };
}

function statsOf(bytes: Uint8Array | undefined): LinkStats | undefined {
  return bytes === undefined ? undefined : STATS64.decode(Buffer.from(bytes), 0, bytes.length, {});
}

function linkAddress(type: number, bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined || bytes.length === 0) return undefined;
  const isIp = ADDRESSED_BY_IP.has(type) && (bytes.length === 4 || bytes.length === 16);
  return isIp ? ip.decode(Buffer.from(bytes), 0, bytes.length, {}) : hexPairs(bytes);
}
