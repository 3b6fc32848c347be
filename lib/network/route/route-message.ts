/** RTM_NEWROUTE and the messages like it: `struct rtmsg`, RTA_* and RTAX_* of `<linux/rtnetlink.h>`. */
import { attributes } from '../netlink/attributes';
import { malformed } from '../netlink/malformed';
import { type Type, type ValueOf, ip, string, struct, u16, u32, u8, s32 } from '../netlink/types';
import { aligned } from '../netlink/writer';

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;

/** RTNH_F_* and, above them, RTM_F_*, as `ip` prints them and in its order. */
export const ROUTE_FLAGS = [
  [0x1, 'dead'],
  [0x4, 'onlink'],
  [0x2, 'pervasive'],
  [0x8, 'offload'],
  [0x40, 'trap'],
  [0x100, 'notify'],
  [0x10, 'linkdown'],
  [0x20, 'unresolved'],
  [0x4000, 'rt_offload'],
  [0x8000, 'rt_trap'],
] as const;

export const RTNH_F_ONLINK = 0x4;

/** Asks that the answer to a lookup names the table that the route came from. */
export const RTM_F_LOOKUP_TABLE = 0x1000;

const RTMSG = struct({
  family: u8,
  destinationLength: u8,
  sourceLength: u8,
  tos: u8,
  table: u8,
  protocol: u8,
  scope: u8,
  type: u8,
  flags: u32,
});

/** `struct rtvia`: a gateway that is of another family than the route. */
const via: Type<string> = {
  decode: (from, start, end, siblings) => ip.decode(from, start + 2, end, siblings),
  encode(writer, value, siblings) {
    const at = writer.reserve(2);
    ip.encode(writer, value, siblings);
    const length = writer.length - at - 2;
    writer.buffer.writeUInt16LE(length === 4 ? 2 : 10, at);
  },
};

const NEXT_HOP = attributes('RTA_', { GATEWAY: [5, ip], VIA: [18, via] });
const RTNEXTHOP = struct({ length: u16, flags: u8, hops: u8, index: s32 });

/** One of several next hops of a route: `struct rtnexthop` and its attributes. */
export interface NextHopMessage {
  flags: number;
  /** The weight of the next hop, less one. */
  hops: number;
  index: number;
  attributes: ValueOf<typeof NEXT_HOP>;
}

const nextHops: Type<NextHopMessage[]> = {
  decode(from, start, end, siblings) {
    const hops: NextHopMessage[] = [];
    for (let at = start; at + RTNEXTHOP.size <= end;) {
      const { length, flags, hops: weight, index } = RTNEXTHOP.decode(from, at, end, siblings);
      if (length < RTNEXTHOP.size || length > end - at) throw malformed(`a next hop of ${length} bytes`);
      const values = NEXT_HOP.decode(from, at + RTNEXTHOP.size, at + length, siblings);
      hops.push({ flags, hops: weight, index, attributes: values });
      at += aligned(length);
    }
    return hops;
  },
  encode(writer, values, siblings) {
    for (const { flags, hops, index, attributes: inside } of values) {
      const at = writer.length;
      RTNEXTHOP.encode(writer, { length: 0, flags, hops, index }, siblings);
      NEXT_HOP.encode(writer, inside, siblings);
      writer.buffer.writeUInt16LE(writer.length - at, at);
    }
  },
};

/** Metrics of a route, by the names of iproute2. */
export const METRIC_KEYS = {
  LOCK: 'lock',
  MTU: 'mtu',
  WINDOW: 'window',
  RTT: 'rtt',
  RTTVAR: 'rttvar',
  SSTHRESH: 'ssthresh',
  CWND: 'cwnd',
  ADVMSS: 'advmss',
  REORDERING: 'reordering',
  HOPLIMIT: 'hoplimit',
  INITCWND: 'initcwnd',
  FEATURES: 'features',
  RTO_MIN: 'rto_min',
  INITRWND: 'initrwnd',
  QUICKACK: 'quickack',
} as const;

const METRICS = attributes('RTAX_', {
  LOCK: [1, u32],
  MTU: [2, u32],
  WINDOW: [3, u32],
  RTT: [4, u32],
  RTTVAR: [5, u32],
  SSTHRESH: [6, u32],
  CWND: [7, u32],
  ADVMSS: [8, u32],
  REORDERING: [9, u32],
  HOPLIMIT: [10, u32],
  INITCWND: [11, u32],
  FEATURES: [12, u32],
  RTO_MIN: [13, u32],
  INITRWND: [14, u32],
  QUICKACK: [15, u32],
  CC_ALGO: [16, string],
});

export const ROUTE = {
  header: RTMSG,
  attributes: attributes('RTA_', {
    DST: [1, ip],
    SRC: [2, ip],
    IIF: [3, u32],
    OIF: [4, u32],
    GATEWAY: [5, ip],
    PRIORITY: [6, u32],
    PREFSRC: [7, ip],
    METRICS: [8, METRICS],
    MULTIPATH: [9, nextHops],
    CACHEINFO: [
      12,
      struct({ references: u32, lastUse: u32, expires: s32, error: u32, used: u32, id: u32, timestamp: u32, age: u32 }),
    ],
    TABLE: [15, u32],
    MARK: [16, u32],
    VIA: [18, via],
    PREF: [20, u8],
    EXPIRES: [23, u32],
    UID: [25, u32],
    NH_ID: [30, u32],
  }),
};

export type RouteHeader = ValueOf<typeof RTMSG>;
export type RouteAttributes = ValueOf<typeof ROUTE.attributes>;
export interface RouteMessage {
  header: RouteHeader;
  attributes: RouteAttributes;
}
