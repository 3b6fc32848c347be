/** RTM_NEWNSID and the messages like it: `struct rtgenmsg`, NETNSA_* of `<linux/net_namespace.h>`. */
import { attributes } from '../netlink/attributes';
import { s32, struct, u32, u8 } from '../netlink/types';

export const RTM_NEWNSID = 88;
export const RTM_DELNSID = 89;
export const RTM_GETNSID = 90;

const RTGENMSG = struct({ family: u8 });

export const NSID = {
  header: RTGENMSG,
  attributes: attributes('NETNSA_', { NSID: [1, s32], FD: [3, u32] }),
};
