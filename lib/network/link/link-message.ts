/** RTM_NEWLINK and its kin: `struct ifinfomsg` of `<linux/rtnetlink.h>`, IFLA_* of `<linux/if_link.h>`. */
import { type Declarations, attributes, chosenBy, repeated } from '../netlink/attributes';
import { type Decoded, type MessageType } from '../netlink/netlink-message';
import {
  type Type,
  type ValueOf,
  be16,
  bytes,
  ip,
  mac,
  opaque,
  pad,
  s32,
  string,
  struct,
  u16,
  u32,
  u64,
  u8,
} from '../netlink/types';

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_GETSTATS = 94;
export const RTM_NEWLINKPROP = 108;
export const RTM_DELLINKPROP = 109;

/** IFF_* of netdevice(7), in the order in which `ip` prints them. */
export const LINK_FLAGS = [
  [0x8, 'LOOPBACK'],
  [0x2, 'BROADCAST'],
  [0x10, 'POINTOPOINT'],
  [0x1000, 'MULTICAST'],
  [0x80, 'NOARP'],
  [0x200, 'ALLMULTI'],
  [0x100, 'PROMISC'],
  [0x400, 'MASTER'],
  [0x800, 'SLAVE'],
  [0x4, 'DEBUG'],
  [0x8000, 'DYNAMIC'],
  [0x4000, 'AUTOMEDIA'],
  [0x2000, 'PORTSEL'],
  [0x20, 'NOTRAILERS'],
  [0x1, 'UP'],
  [0x10000, 'LOWER_UP'],
  [0x20000, 'DORMANT'],
  [0x40000, 'ECHO'],
] as const;

export const Iff = Object.freeze({
  UP: 0x1,
  POINTOPOINT: 0x10,
  RUNNING: 0x40,
  NOARP: 0x80,
  PROMISC: 0x100,
  ALLMULTI: 0x200,
  MULTICAST: 0x1000,
});

const IFINFOMSG = struct({ family: u8, pad: pad(1), type: u16, index: s32, flags: u32, change: u32 });

/** All zeros: of any type, every interface, no flag changed. */
export const ANY_LINK: ValueOf<typeof IFINFOMSG> = {
  family: 0,
  pad: undefined,
  type: 0,
  index: 0,
  flags: 0,
  change: 0,
};

/** IFLA_STATS64, of which only what every kernel has. It is looked at where counters are asked for. */
export const STATS64 = struct({
  rxPackets: u64,
  txPackets: u64,
  rxBytes: u64,
  txBytes: u64,
  rxErrors: u64,
  txErrors: u64,
  rxDropped: u64,
  txDropped: u64,
  multicast: u64,
  collisions: u64,
});

const BRIDGE = attributes('IFLA_BR_', {
  FORWARD_DELAY: [1, u32],
  HELLO_TIME: [2, u32],
  MAX_AGE: [3, u32],
  AGEING_TIME: [4, u32],
  STP_STATE: [5, u32],
  PRIORITY: [6, u16],
  VLAN_FILTERING: [7, u8],
  VLAN_PROTOCOL: [8, be16],
  GROUP_FWD_MASK: [9, u16],
  ROOT_ID: [10, opaque(8)],
  BRIDGE_ID: [11, opaque(8)],
  MCAST_SNOOPING: [23, u8],
  VLAN_DEFAULT_PVID: [39, u16],
});

const BRIDGE_PORT = attributes('IFLA_BRPORT_', {
  STATE: [1, u8],
  PRIORITY: [2, u16],
  COST: [3, u32],
  MODE: [4, u8],
  GUARD: [5, u8],
  PROTECT: [6, u8],
  FAST_LEAVE: [7, u8],
  LEARNING: [8, u8],
  UNICAST_FLOOD: [9, u8],
  ISOLATED: [33, u8],
});

const MACVLAN = attributes('IFLA_MACVLAN_', { MODE: [1, u32], FLAGS: [2, u16] });

const IPVLAN = attributes('IFLA_IPVLAN_', { MODE: [1, u16], FLAGS: [2, u16] });

const VLAN = attributes('IFLA_VLAN_', {
  ID: [1, u16],
  FLAGS: [2, struct({ flags: u32, mask: u32 })],
  PROTOCOL: [5, be16],
});

const VXLAN = attributes('IFLA_VXLAN_', {
  ID: [1, u32],
  GROUP: [2, ip],
  LINK: [3, u32],
  LOCAL: [4, ip],
  TTL: [5, u8],
  TOS: [6, u8],
  LEARNING: [7, u8],
  AGEING: [8, u32],
  LIMIT: [9, u32],
  PORT_RANGE: [10, struct({ low: be16, high: be16 })],
  PORT: [15, be16],
  GROUP6: [16, ip],
  LOCAL6: [17, ip],
  COLLECT_METADATA: [25, u8],
});

const TUN = attributes('IFLA_TUN_', {
  OWNER: [1, u32],
  GROUP: [2, u32],
  TYPE: [3, u8],
  PI: [4, u8],
  VNET_HDR: [5, u8],
  PERSIST: [6, u8],
  MULTI_QUEUE: [7, u8],
});

const VRF = attributes('IFLA_VRF_', { TABLE: [1, u32] });

/** VETH_INFO_PEER: a message like this one, about the other end. */
const peer: Type<Decoded<ValueOf<typeof IFINFOMSG>, Declarations>> = {
  decode(from, start, end, siblings) {
    const header = IFINFOMSG.decode(from, start, end, siblings);
    return { header, attributes: LINK.attributes.decode(from, start + IFINFOMSG.size, end, {}) };
  },
  encode(writer, { header, attributes: values }) {
    IFINFOMSG.encode(writer, header, {});
    LINK.attributes.encode(writer, values, {});
  },
};

const VETH = attributes('VETH_INFO_', { PEER: [1, peer] });

/** What IFLA_INFO_DATA has, by IFLA_INFO_KIND. */
export const KIND_ATTRIBUTES = {
  bridge: BRIDGE,
  ipvlan: IPVLAN,
  macvlan: MACVLAN,
  macvtap: MACVLAN,
  tun: TUN,
  veth: VETH,
  vlan: VLAN,
  vrf: VRF,
  vxlan: VXLAN,
} as const;

const PORT_ATTRIBUTES = { bridge: BRIDGE_PORT } as const;

const LINKINFO = attributes('IFLA_INFO_', {
  KIND: [1, string],
  DATA: [2, chosenBy('KIND', new Map(Object.entries(KIND_ATTRIBUTES)))],
  SLAVE_KIND: [4, string],
  SLAVE_DATA: [5, chosenBy('SLAVE_KIND', new Map(Object.entries(PORT_ATTRIBUTES)))],
});

/** IFLA_AF_SPEC has one attribute for each family, numbered as the family is. */
const AF_SPEC = attributes('AF_', { INET6: [10, attributes('IFLA_INET6_', { ADDR_GEN_MODE: [8, u8] })] });

export const LINK = {
  header: IFINFOMSG,
  attributes: attributes('IFLA_', {
    ADDRESS: [1, bytes],
    BROADCAST: [2, bytes],
    IFNAME: [3, string],
    MTU: [4, u32],
    LINK: [5, u32],
    QDISC: [6, string],
    MASTER: [10, u32],
    TXQLEN: [13, u32],
    OPERSTATE: [16, u8],
    LINKMODE: [17, u8],
    LINKINFO: [18, LINKINFO],
    IFALIAS: [20, string],
    STATS64: [23, bytes],
    AF_SPEC: [26, AF_SPEC],
    GROUP: [27, u32],
    NET_NS_FD: [28, u32],
    EXT_MASK: [29, u32],
    PROMISCUITY: [30, u32],
    NUM_TX_QUEUES: [31, u32],
    NUM_RX_QUEUES: [32, u32],
    LINK_NETNSID: [37, s32],
    MIN_MTU: [50, u32],
    MAX_MTU: [51, u32],
    PROP_LIST: [52, attributes('IFLA_', { ALT_IFNAME: [53, repeated(string)] })],
    ALT_IFNAME: [53, string],
    PERM_ADDRESS: [54, mac],
  }),
} satisfies MessageType<unknown, Record<string, readonly [number, Type<unknown>]>>;

/** Values of IFLA_EXT_MASK: no counters; and one that says something of another list only, for where they are wanted. */
export const RTEXT_FILTER_SKIP_STATS = 0x8;
export const RTEXT_FILTER_MRP = 0x10;

/** RTM_NEWSTATS: `struct if_stats_msg` of `<linux/if_link.h>`. */
export const LINK_STATS = {
  header: struct({ family: u8, pad: pad(3), index: u32, mask: u32 }),
  attributes: attributes('IFLA_STATS_', {}),
};

export const ANY_STATS: ValueOf<typeof LINK_STATS.header> = { family: 0, pad: undefined, index: 0, mask: 0 };

/** IFLA_STATS_FILTER_BIT of what hardly a link has: the answers are almost empty. */
export const IFLA_STATS_AF_SPEC = 0x10;

export type LinkHeader = ValueOf<typeof IFINFOMSG>;
export type LinkAttributes = ValueOf<typeof LINK.attributes>;
export type LinkMessage = { header: LinkHeader; attributes: LinkAttributes };
export type LinkInfo = ValueOf<typeof LINKINFO>;
export type KindData<K extends keyof typeof KIND_ATTRIBUTES> = ValueOf<(typeof KIND_ATTRIBUTES)[K]>;
