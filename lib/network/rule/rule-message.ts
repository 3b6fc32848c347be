/** RTM_NEWRULE and the messages like it: `struct fib_rule_hdr` and FRA_* of `<linux/fib_rules.h>`. */
import { attributes } from '../netlink/attributes';
import { type ValueOf, ip, pad, string, struct, u16, u32, u8 } from '../netlink/types';

export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_GETRULE = 34;

/** FIB_RULE_INVERT: the rule applies to packets that it does not match. */
export const INVERT = 0x2;

const FIB_RULE_HDR = struct({
  family: u8,
  destinationLength: u8,
  sourceLength: u8,
  tos: u8,
  table: u8,
  pad: pad(2),
  action: u8,
  flags: u32,
});

const PORTS = struct({ start: u16, end: u16 });

export const RULE = {
  header: FIB_RULE_HDR,
  attributes: attributes('FRA_', {
    DST: [1, ip],
    SRC: [2, ip],
    IIFNAME: [3, string],
    GOTO: [4, u32],
    PRIORITY: [6, u32],
    FWMARK: [10, u32],
    SUPPRESS_IFGROUP: [13, u32],
    SUPPRESS_PREFIXLEN: [14, u32],
    TABLE: [15, u32],
    FWMASK: [16, u32],
    OIFNAME: [17, string],
    L3MDEV: [19, u8],
    UID_RANGE: [20, struct({ start: u32, end: u32 })],
    PROTOCOL: [21, u8],
    IP_PROTO: [22, u8],
    SPORT_RANGE: [23, PORTS],
    DPORT_RANGE: [24, PORTS],
  }),
};

export interface RuleMessage {
  header: ValueOf<typeof FIB_RULE_HDR>;
  attributes: ValueOf<typeof RULE.attributes>;
}
