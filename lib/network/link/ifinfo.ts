/**
 * `struct ifinfomsg` of `<linux/rtnetlink.h>`, IFF_* of `<linux/if.h>`, and those IFLA_* of `<linux/if_link.h>` that are
 * the same for all kinds of links.
 */
import { attributes, repeated } from '../netlink/attributes';
import { type ValueOf, bytes, mac, pad, s32, string, struct, u16, u32, u8 } from '../netlink/types';

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

export const IFINFOMSG = struct({ family: u8, pad: pad(1), type: u16, index: s32, flags: u32, change: u32 });

/** The header that matches any link: all zeros mean any type, every interface and no change of flags. */
export const ANY_LINK: ValueOf<typeof IFINFOMSG> = {
  family: 0,
  pad: undefined,
  type: 0,
  index: 0,
  flags: 0,
  change: 0,
};

/** IN6_ADDR_GEN_MODE_*. */
export const ADDRESS_GENERATION = ['eui64', 'none', 'stable_secret', 'random'] as const;

/** The attributes of IFLA_AF_SPEC: one for each family, numbered as the family is. */
const AF_SPEC = attributes('AF_', { INET6: [10, attributes('IFLA_INET6_', { ADDR_GEN_MODE: [8, u8] })] });

/** The attributes that do not depend on the kind. The message about the other end of a veth has them, too. */
export const IFLA = {
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
  GSO_MAX_SEGS: [40, u32],
  MIN_MTU: [50, u32],
  MAX_MTU: [51, u32],
  PROP_LIST: [52, attributes('IFLA_', { ALT_IFNAME: [53, repeated(string)] })],
  ALT_IFNAME: [53, string],
  PERM_ADDRESS: [54, mac],
} as const;

export type LinkHeader = ValueOf<typeof IFINFOMSG>;
