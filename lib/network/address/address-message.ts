/** RTM_NEWADDR and the messages like it: `struct ifaddrmsg` and IFA_* of `<linux/if_addr.h>`. */
import { attributes } from '../netlink/attributes';
import { type ValueOf, ip, string, struct, u32, u8 } from '../netlink/types';

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;

/** IFA_F_*, spelled as `ip -j` spells them, in its order. */
export const ADDRESS_FLAGS = [
  [0x01, 'secondary'],
  [0x02, 'nodad'],
  [0x04, 'optimistic'],
  [0x08, 'dadfailed'],
  [0x10, 'home'],
  [0x20, 'deprecated'],
  [0x40, 'tentative'],
  [0x100, 'mngtmpaddr'],
  [0x200, 'noprefixroute'],
  [0x400, 'autojoin'],
  [0x800, 'stable-privacy'],
] as const;

export const IFA_F_PERMANENT = 0x80;
export const IFA_F_SECONDARY = 0x01;

const IFADDRMSG = struct({ family: u8, prefixLength: u8, flags: u8, scope: u8, index: u32 });

export const ADDRESS = {
  header: IFADDRMSG,
  attributes: attributes('IFA_', {
    ADDRESS: [1, ip],
    LOCAL: [2, ip],
    LABEL: [3, string],
    BROADCAST: [4, ip],
    ANYCAST: [5, ip],
    CACHEINFO: [6, struct({ preferred: u32, valid: u32, created: u32, updated: u32 })],
    FLAGS: [8, u32],
    RT_PRIORITY: [9, u32],
  }),
};

export interface AddressMessage {
  header: ValueOf<typeof IFADDRMSG>;
  attributes: ValueOf<typeof ADDRESS.attributes>;
}
