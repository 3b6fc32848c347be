/** RTM_NEWNEIGH and the messages like it: `struct ndmsg` and NDA_* of `<linux/neighbour.h>`. */
import { attributes } from '../netlink/attributes';
import { type ValueOf, ip, mac, pad, s32, struct, u16, u32, u8 } from '../netlink/types';

export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;

/** NTF_PROXY: this host answers for that address. */
export const NTF_PROXY = 0x8;
export const NTF_ROUTER = 0x80;
export const NTF_EXT_LEARNED = 0x10;

const NDMSG = struct({ family: u8, pad: pad(3), index: s32, state: u16, flags: u8, type: u8 });

export const NEIGHBOR = {
  header: NDMSG,
  attributes: attributes('NDA_', {
    DST: [1, ip],
    LLADDR: [2, mac],
    CACHEINFO: [3, struct({ confirmed: u32, used: u32, updated: u32, references: u32 })],
    PROBES: [4, u32],
    PROTOCOL: [12, u8],
  }),
};

export interface NeighborMessage {
  header: ValueOf<typeof NDMSG>;
  attributes: ValueOf<typeof NEIGHBOR.attributes>;
}
