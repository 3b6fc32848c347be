/** The kinds of virtual links, and what is particular to each: `ip link add type KIND`, ip-link(8). */
import {
  invalidValue,
  outOfRange,
  validateBoolean,
  validateInteger,
  validateKnownKeys,
  validateOneOf,
} from '../../errors/validate';
import { familyOf, validateAddress } from '../ip';
import { Names } from '../names';
import { hexPairs } from '../netlink/types';
import type { KIND_ATTRIBUTES, KindData, LinkInfo } from './link-message';

/** A link, by its name or its index. */
export type LinkReference = string | number;

/** A bridge; times in seconds, of which the kernel keeps hundredths. bridge(8) */
export interface BridgeOptions {
  /** The spanning tree protocol. Default false. */
  stp?: boolean | undefined;
  /** How long a port listens and learns before it forwards, with `stp`. Kernel's default 15. */
  forwardDelay?: number | undefined;
  /** How often it tells its neighbors of itself, with `stp`. Kernel's default 2. */
  helloTime?: number | undefined;
  /** How long what a neighbor has told counts, with `stp`. Kernel's default 20. */
  maxAge?: number | undefined;
  /** How long an address that was learnt is kept. Kernel's default 300. */
  ageingTime?: number | undefined;
  /** Of the bridge in the spanning tree. Kernel's default 32768. */
  priority?: number | undefined;
  /** Whether ports are members of some VLANs only. Default false. */
  vlanFiltering?: boolean | undefined;
  /** Of the tags that count then. Kernel's default `'802.1Q'`. */
  vlanProtocol?: VlanProtocol | undefined;
  /** The VLAN of untagged frames; 0 for none. Kernel's default 1. */
  vlanDefaultPvid?: number | undefined;
  /** Whether multicast goes only to ports that have asked for it. Kernel's default true. */
  multicastSnooping?: boolean | undefined;
}

/** A vlan: frames with a tag, over another link. Takes CONFIG_VLAN_8021Q. */
export interface VlanOptions {
  /** The link that the tagged frames go over. */
  link: LinkReference;
  /** 0 to 4095. */
  id: number;
  /** Default `'802.1Q'`. */
  protocol?: VlanProtocol | undefined;
}
/** Of the tag: `'802.1ad'` is of the outer of two. */
export type VlanProtocol = '802.1Q' | '802.1ad';

/** A macvlan or macvtap: one more address of the link layer on another link. Takes CONFIG_MACVLAN, CONFIG_MACVTAP. */
export interface MacvlanOptions {
  /** The link that it is a second address of. */
  link: LinkReference;
  /** How it gets to others on the same link. Kernel's default `'vepa'`. */
  mode?: MacvlanMode | undefined;
}
/** Whether links on top of one reach each other: not at all, by a switch outside, or at once; or by who has one alone. */
export type MacvlanMode = 'private' | 'vepa' | 'bridge' | 'passthru' | 'source';

/** An ipvlan: more IP addresses on another link, with one address of the link layer. Takes CONFIG_IPVLAN. */
export interface IpvlanOptions {
  /** The link that it shares the address of. */
  link: LinkReference;
  /** Kernel's default `'l3'`. */
  mode?: IpvlanMode | undefined;
  /** How it gets to others on the same link. Kernel's default `'bridge'`. */
  isolation?: IpvlanIsolation | undefined;
}
/** What the link below is to them: a switch, or a router; `'l3s'` with connection tracking. */
export type IpvlanMode = 'l2' | 'l3' | 'l3s';
/** Whether links on top of one reach each other: at once, not at all, or by a switch outside. */
export type IpvlanIsolation = 'bridge' | 'private' | 'vepa';

/** A vxlan: Ethernet through a network of IP, RFC 7348. Takes CONFIG_VXLAN. */
export interface VxlanOptions {
  /** The network's identifier, VNI: 0 to 16777215. Needed, unless the link is `external`. */
  id?: number | undefined;
  /** The link that its packets leave by. */
  link?: LinkReference | undefined;
  /** The other end, or the multicast group of all ends. */
  remote?: string | undefined;
  /** The address that its packets come from. Default: as the route to the other end has it. */
  local?: string | undefined;
  /** UDP. Default 4789, the number it was given; the kernel's own default, 8472, is older than that. */
  port?: number | undefined;
  /** Source ports, first and last. */
  portRange?: readonly [low: number, high: number] | undefined;
  /** Of its packets. Default: as of any packet for a single address, 1 for a group. */
  ttl?: number | undefined;
  /** Of its packets. Default 0. */
  tos?: number | undefined;
  /** Learns addresses from what comes in. Kernel's default true. */
  learning?: boolean | undefined;
  /** Seconds that a learnt address is kept. Kernel's default 300. */
  ageing?: number | undefined;
  /** Where a packet goes is said by whoever sends it (a route, Open vSwitch); `id` is not given then. */
  external?: boolean | undefined;
}

/** A vrf: links that belong to it have a routing table of their own. Takes CONFIG_NET_VRF. */
export interface VrfOptions {
  /** The number of that routing table. */
  table: number;
}

/** What a port of a bridge does; the link is one by its `master`. What is not given stays as it is. bridge(8) */
export interface BridgePortOptions {
  /** What it does with frames; with `stp` the bridge decides. */
  state?: BridgePortState | undefined;
  /** In the spanning tree: 0 to 63, the lowest is preferred. Kernel's default 32. */
  priority?: number | undefined;
  /** Of the path by this port, in the spanning tree. */
  cost?: number | undefined;
  /** Sends back out of the port what came in by it. Default false. */
  hairpin?: boolean | undefined;
  /** Refuses to hear of spanning trees from there. */
  guard?: boolean | undefined;
  /** Never leads to the root of the spanning tree. Default false. */
  rootBlock?: boolean | undefined;
  /** Gets no more multicast as soon as somebody there has left the group. Default false. */
  fastLeave?: boolean | undefined;
  /** Learns addresses from what comes in. Default true. */
  learning?: boolean | undefined;
  /** Gets unicast frames whose destination is not known. Default true. */
  flood?: boolean | undefined;
  /** Reaches only ports that are not isolated. Default false. */
  isolated?: boolean | undefined;
}
/** Of the spanning tree: only `'forwarding'` passes frames on. */
export type BridgePortState = 'disabled' | 'listening' | 'learning' | 'forwarding' | 'blocking';

/** What is particular to a link, or to a port of a bridge, as values of JSON. */
export type LinkDetails = Record<string, string | number | boolean>;

const VLAN_PROTOCOLS = new Names<VlanProtocol>({ '802.1Q': 0x8100, '802.1ad': 0x88a8 });
const MACVLAN_MODES = new Names<MacvlanMode>({ private: 1, vepa: 2, bridge: 4, passthru: 8, source: 16 });
const IPVLAN_MODES = new Names<IpvlanMode>({ l2: 0, l3: 1, l3s: 2 });
const IPVLAN_FLAGS = new Names<IpvlanIsolation>({ bridge: 0, private: 1, vepa: 2 });
const PORT_STATES = new Names<BridgePortState>({ disabled: 0, listening: 1, learning: 2, forwarding: 3, blocking: 4 });

const TUN_TYPES = new Names<'tun' | 'tap'>({ tun: 1, tap: 2 });

/** The UDP port IANA has assigned to VXLAN. */
const VXLAN_PORT = 4789;

/** Kernel times of bridges are in hundredths of a second: USER_HZ. */
const TICKS = 100;

type DataKind = keyof typeof KIND_ATTRIBUTES;

/** How the options of a kind are checked and encoded, and how they are shown. */
interface Kind<K extends DataKind> {
  /** Names of the options. */
  readonly keys: readonly string[];
  /** Those that a new link must have. */
  readonly required: readonly string[];
  encode(name: string, options: Record<string, unknown>, circumstances: Circumstances): KindData<K>;
  describe(data: KindData<K>, nameOf: (index: number) => string): LinkDetails;
}

/** What the encoding of options depends on. */
export interface Circumstances {
  /** The link is to be made; else it is changed. */
  isNew: boolean;
  /** The index of the link that an option refers to, which has been looked up. */
  linkIndex: number | undefined;
}

/** One option of a kind. */
type Check<T> = (name: string, value: unknown) => T;

function option<T>(options: Record<string, unknown>, owner: string, key: string, check: Check<T>): T | undefined {
  const value = options[key];
  return value === undefined ? undefined : check(`${owner}.${key}`, value);
}

const bit: Check<number> = (name, value) => {
  validateBoolean(name, value);
  return value ? 1 : 0;
};

function integer(min: number, max: number): Check<number> {
  return (name, value) => {
    validateInteger(name, value, min, max);
    return value;
  };
}

const ticks: Check<number> = (name, value) => {
  if (typeof value !== 'number') validateInteger(name, value);
  const seconds = value;
  if (!(seconds >= 0 && seconds <= 0xffffffff / TICKS)) throw outOfRange(name, '>= 0 && <= 42949672', value);
  return Math.round(seconds * TICKS);
};

function oneOf<N extends string>(names: Names<N>): Check<number> {
  return (name, value) => {
    validateOneOf(name, value, names.names);
    return names.numberOf(value);
  };
}

const bridge: Kind<'bridge'> = {
  keys: [
    'stp',
    'forwardDelay',
    'helloTime',
    'maxAge',
    'ageingTime',
    'priority',
    'vlanFiltering',
    'vlanProtocol',
    'vlanDefaultPvid',
    'multicastSnooping',
  ],
  required: [],
  encode: (name, options) => ({
    FORWARD_DELAY: option(options, name, 'forwardDelay', ticks),
    HELLO_TIME: option(options, name, 'helloTime', ticks),
    MAX_AGE: option(options, name, 'maxAge', ticks),
    AGEING_TIME: option(options, name, 'ageingTime', ticks),
    STP_STATE: option(options, name, 'stp', bit),
    PRIORITY: option(options, name, 'priority', integer(0, 0xffff)),
    VLAN_FILTERING: option(options, name, 'vlanFiltering', bit),
    VLAN_PROTOCOL: option(options, name, 'vlanProtocol', oneOf(VLAN_PROTOCOLS)),
    MCAST_SNOOPING: option(options, name, 'multicastSnooping', bit),
    VLAN_DEFAULT_PVID: option(options, name, 'vlanDefaultPvid', integer(0, 4095)),
  }),
  describe: (data) =>
    present({
      stp: truth(data.STP_STATE),
      forwardDelay: seconds(data.FORWARD_DELAY),
      helloTime: seconds(data.HELLO_TIME),
      maxAge: seconds(data.MAX_AGE),
      ageingTime: seconds(data.AGEING_TIME),
      priority: data.PRIORITY,
      vlanFiltering: truth(data.VLAN_FILTERING),
      vlanProtocol: named(VLAN_PROTOCOLS, data.VLAN_PROTOCOL),
      vlanDefaultPvid: data.VLAN_DEFAULT_PVID,
      multicastSnooping: truth(data.MCAST_SNOOPING),
      bridgeId: bridgeId(data.BRIDGE_ID),
      rootId: bridgeId(data.ROOT_ID),
    }),
};

const vlan: Kind<'vlan'> = {
  keys: ['link', 'id', 'protocol'],
  required: ['link', 'id'],
  encode: (name, options) => ({
    ID: option(options, name, 'id', integer(0, 4095)),
    PROTOCOL: option(options, name, 'protocol', oneOf(VLAN_PROTOCOLS)),
  }),
  describe: (data) => present({ id: data.ID, protocol: named(VLAN_PROTOCOLS, data.PROTOCOL) }),
};

const macvlan: Kind<'macvlan'> = {
  keys: ['link', 'mode'],
  required: ['link'],
  encode: (name, options) => ({ MODE: option(options, name, 'mode', oneOf(MACVLAN_MODES)) }),
  describe: (data) => present({ mode: named(MACVLAN_MODES, data.MODE) }),
};

const ipvlan: Kind<'ipvlan'> = {
  keys: ['link', 'mode', 'isolation'],
  required: ['link'],
  encode: (name, options) => ({
    MODE: option(options, name, 'mode', oneOf(IPVLAN_MODES)),
    FLAGS: option(options, name, 'isolation', oneOf(IPVLAN_FLAGS)),
  }),
  describe: (data) => present({ mode: named(IPVLAN_MODES, data.MODE), isolation: named(IPVLAN_FLAGS, data.FLAGS) }),
};

const vxlan: Kind<'vxlan'> = {
  keys: ['id', 'link', 'remote', 'local', 'port', 'portRange', 'ttl', 'tos', 'learning', 'ageing', 'external'],
  required: [],
  encode(name, options, { isNew, linkIndex }) {
    const [remote, local] = ['remote', 'local'].map((key) => option(options, name, key, validateAddress));
    if (isNew && options.id === undefined && options.external !== true) {
      throw invalidValue(`${name}.id`, options.id, 'must be given, unless the link is external');
    }
    return {
      ID: option(options, name, 'id', integer(0, 0xffffff)),
      ...addressPair(remote, 'GROUP', 'GROUP6'),
      ...addressPair(local, 'LOCAL', 'LOCAL6'),
      LINK: linkIndex,
      TTL: option(options, name, 'ttl', integer(0, 255)),
      TOS: option(options, name, 'tos', integer(0, 255)),
      LEARNING: option(options, name, 'learning', bit),
      AGEING: option(options, name, 'ageing', integer(0, 0xffffffff)),
      PORT_RANGE: option(options, name, 'portRange', portRange),
      PORT: option(options, name, 'port', integer(0, 0xffff)) ?? (isNew ? VXLAN_PORT : undefined),
      COLLECT_METADATA: option(options, name, 'external', bit),
    };
  },
  describe: (data, nameOf) =>
    present({
      id: data.ID,
      link: data.LINK === undefined || data.LINK === 0 ? undefined : nameOf(data.LINK),
      remote: data.GROUP ?? data.GROUP6,
      local: data.LOCAL ?? data.LOCAL6,
      port: data.PORT,
      ttl: data.TTL,
      tos: data.TOS,
      learning: truth(data.LEARNING),
      ageing: data.AGEING,
      external: data.COLLECT_METADATA === undefined ? undefined : data.COLLECT_METADATA !== 0,
    }),
};

const vrf: Kind<'vrf'> = {
  keys: ['table'],
  required: ['table'],
  encode: (name, options) => ({ TABLE: option(options, name, 'table', integer(1, 0xffffffff)) }),
  describe: (data) => present({ table: data.TABLE }),
};

/** Made through /dev/net/tun: what can be told of one. */
const tun: Pick<Kind<'tun'>, 'describe'> = {
  describe: (data) =>
    present({
      type: named(TUN_TYPES, data.TYPE),
      owner: data.OWNER,
      ownerGroup: data.GROUP,
      packetInfo: truth(data.PI),
      vnetHeader: truth(data.VNET_HDR),
      multiQueue: truth(data.MULTI_QUEUE),
      persistent: truth(data.PERSIST),
    }),
};

const plain = { keys: [], required: [], encode: () => ({}), describe: () => ({}) } as const;

/** The kinds that a message makes; tun and tap are made through a device. */
export const KINDS = {
  veth: { ...plain, keys: ['peer'] },
  bridge,
  dummy: plain,
  ifb: plain,
  vlan,
  macvlan,
  macvtap: macvlan,
  ipvlan,
  vxlan,
  vrf,
} as const;

/**
 * A kind of link that can be made.
 *
 * @useDeclaredType
 */
export type LinkKind = keyof typeof KINDS | 'tun' | 'tap';

/** Checks what is particular to a kind, before anything is asked: whether it can be encoded. */
export function validateKindOptions(
  name: string,
  kind: keyof typeof KINDS,
  options: Record<string, unknown>,
  isNew: boolean,
): void {
  for (const key of isNew ? KINDS[kind].required : []) {
    if (options[key] === undefined) throw invalidValue(`${name}.${key}`, undefined, `must be given for a ${kind}`);
  }
  encodeKind(name, kind, options, { isNew, linkIndex: undefined });
}

/** IFLA_LINKINFO of a kind with its options; `peer` of a veth is encoded by who knows links. */
export function encodeKind(
  name: string,
  kind: keyof typeof KINDS,
  options: Record<string, unknown>,
  circumstances: Circumstances,
): LinkInfo {
  const data = (KINDS[kind] as Kind<DataKind>).encode(name, options, circumstances) as Record<string, unknown>;
  const isEmpty = Object.values(data).every((value) => value === undefined);
  return { KIND: kind, DATA: isEmpty ? undefined : data };
}

/** What IFLA_LINKINFO says beyond the kind. */
export function describeKind(info: LinkInfo, nameOf: (index: number) => string): LinkDetails | undefined {
  if (info.DATA === undefined || info.KIND === undefined) return undefined;
  const known = info.KIND === 'tun' ? tun : Object.hasOwn(KINDS, info.KIND) && KINDS[info.KIND as keyof typeof KINDS];
  if (known === false) return undefined;
  const details = (known as Kind<DataKind>).describe(info.DATA, nameOf);
  return Object.keys(details).length === 0 ? undefined : details;
}

/** Checks and encodes what a port of a bridge is to do. */
export function encodePort(name: string, options: BridgePortOptions): LinkInfo {
  const bag = options as Record<string, unknown>;
  const keys = 'state priority cost hairpin guard rootBlock fastLeave learning flood isolated'.split(' ');
  validateKnownKeys(name, options, keys);
  const data = {
    STATE: option(bag, name, 'state', oneOf(PORT_STATES)),
    PRIORITY: option(bag, name, 'priority', integer(0, 63)),
    COST: option(bag, name, 'cost', integer(1, 0xffff)),
    MODE: option(bag, name, 'hairpin', bit),
    GUARD: option(bag, name, 'guard', bit),
    PROTECT: option(bag, name, 'rootBlock', bit),
    FAST_LEAVE: option(bag, name, 'fastLeave', bit),
    LEARNING: option(bag, name, 'learning', bit),
    UNICAST_FLOOD: option(bag, name, 'flood', bit),
    ISOLATED: option(bag, name, 'isolated', bit),
  };
  return { SLAVE_KIND: 'bridge', SLAVE_DATA: data };
}

/** What IFLA_LINKINFO says of a port of a bridge. */
export function describePort({ SLAVE_KIND, SLAVE_DATA }: LinkInfo): LinkDetails | undefined {
  if (SLAVE_KIND !== 'bridge' || SLAVE_DATA === undefined) return undefined;
  const data = SLAVE_DATA as Record<string, number | undefined>;
  return present({
    state: named(PORT_STATES, data.STATE),
    priority: data.PRIORITY,
    cost: data.COST,
    hairpin: truth(data.MODE),
    guard: truth(data.GUARD),
    rootBlock: truth(data.PROTECT),
    fastLeave: truth(data.FAST_LEAVE),
    learning: truth(data.LEARNING),
    flood: truth(data.UNICAST_FLOOD),
    isolated: truth(data.ISOLATED),
  });
}

const portRange: Check<{ low: number; high: number }> = (name, value) => {
  if (!Array.isArray(value) || value.length !== 2) throw invalidValue(name, value, 'must be two ports');
  const [low, high] = value as unknown[];
  validateInteger(`${name}[0]`, low, 0, 0xffff);
  validateInteger(`${name}[1]`, high, low, 0xffff);
  return { low, high };
};

function addressPair<A extends string, B extends string>(
  address: string | undefined,
  inet: A,
  inet6: B,
): Partial<Record<A | B, string>> {
  if (address === undefined) return {};
  return { [familyOf(address) === 'inet' ? inet : inet6]: address } as Partial<Record<A | B, string>>;
}

function present(details: Record<string, string | number | boolean | undefined>): LinkDetails {
  return Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined)) as LinkDetails;
}

function truth(value: number | undefined): boolean | undefined {
  return value === undefined ? undefined : value !== 0;
}

function seconds(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value / TICKS;
}

function named<N extends string>(names: Names<N>, value: number | undefined): N | number | undefined {
  return value === undefined ? undefined : names.nameOf(value);
}

/** Priority, then the address: `8000.02:00:00:00:00:01`. */
function bridgeId(id: Uint8Array | undefined): string | undefined {
  return id === undefined ? undefined : `${Buffer.from(id).toString('hex', 0, 2)}.${hexPairs(id.subarray(2))}`;
}
