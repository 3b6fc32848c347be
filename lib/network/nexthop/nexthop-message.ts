/** RTM_NEWNEXTHOP and the messages like it: `struct nhmsg` and NHA_* of `<linux/nexthop.h>`. */
import { attributes } from '../netlink/attributes';
import { type Type, type ValueOf, flag, ip, pad, struct, u16, u32, u8 } from '../netlink/types';

export const RTM_NEWNEXTHOP = 104;
export const RTM_DELNEXTHOP = 105;
export const RTM_GETNEXTHOP = 106;

const NHMSG = struct({ family: u8, scope: u8, protocol: u8, pad: pad(1), flags: u32 });

/** The kernel keeps a weight less one in one byte, and since Linux 6.12 its upper eight bits in the next one. */
const NEXTHOP_GRP = struct({ id: u32, weight: u8, weightHigh: u8, pad: pad(2) });

export type GroupMember = ValueOf<typeof NEXTHOP_GRP>;

const group: Type<GroupMember[]> = {
  decode(from, start, end, siblings) {
    const members: GroupMember[] = [];
    for (let at = start; at + NEXTHOP_GRP.size <= end; at += NEXTHOP_GRP.size) {
      members.push(NEXTHOP_GRP.decode(from, at, end, siblings));
    }
    return members;
  },
  encode(writer, members, siblings) {
    for (const member of members) NEXTHOP_GRP.encode(writer, member, siblings);
  },
};

/** NHA_GROUP_TYPE. */
export const GROUP_TYPES = ['mpath', 'resilient'] as const;

/** The timers are in hundredths of a second: clock_t. */
const RES_GROUP = attributes('NHA_RES_GROUP_', {
  BUCKETS: [1, u16],
  IDLE_TIMER: [2, u32],
  UNBALANCED_TIMER: [3, u32],
});

export const NEXTHOP = {
  header: NHMSG,
  attributes: attributes('NHA_', {
    ID: [1, u32],
    GROUP: [2, group],
    GROUP_TYPE: [3, u16],
    BLACKHOLE: [4, flag],
    OIF: [5, u32],
    GATEWAY: [6, ip],
    FDB: [11, flag],
    RES_GROUP: [12, RES_GROUP],
  }),
};

export interface NextHopObjectMessage {
  header: ValueOf<typeof NHMSG>;
  attributes: ValueOf<typeof NEXTHOP.attributes>;
}
