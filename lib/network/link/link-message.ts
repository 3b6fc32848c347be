/** RTM_NEWLINK and the messages like it, rtnetlink(7), and RTM_NEWSTATS. */
import { attributes } from '../netlink/attributes';
import type { MessageType } from '../netlink/netlink-message';
import { type Type, type ValueOf, pad, struct, u32, u64, u8 } from '../netlink/types';
import { IFINFOMSG, IFLA, type LinkHeader } from './ifinfo';
import { LINKINFO } from './kinds/index';

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_GETSTATS = 94;
export const RTM_NEWLINKPROP = 108;
export const RTM_DELLINKPROP = 109;

/** The part of IFLA_STATS64 that every kernel has. It is decoded only where counters are requested. */
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

export const LINK = {
  header: IFINFOMSG,
  attributes: attributes('IFLA_', { ...IFLA, LINKINFO: [18, LINKINFO] }),
} satisfies MessageType<unknown, Record<string, readonly [number, Type<unknown>]>>;

/**
 * Values of IFLA_EXT_MASK. The first leaves out counters. The second has an effect on another list only, and is used
 * where counters are wanted.
 */
export const RTEXT_FILTER_SKIP_STATS = 0x8;
export const RTEXT_FILTER_MRP = 0x10;

/** RTM_NEWSTATS: `struct if_stats_msg` of `<linux/if_link.h>`. */
export const LINK_STATS = {
  header: struct({ family: u8, pad: pad(3), index: u32, mask: u32 }),
  attributes: attributes('IFLA_STATS_', {}),
};

export const ANY_STATS: ValueOf<typeof LINK_STATS.header> = { family: 0, pad: undefined, index: 0, mask: 0 };

/** The bit of IFLA_STATS_FILTER_BIT for statistics that hardly any link has, so that the answers are almost empty. */
export const IFLA_STATS_AF_SPEC = 0x10;

export type LinkAttributes = ValueOf<typeof LINK.attributes>;
export type LinkMessage = { header: LinkHeader; attributes: LinkAttributes };
