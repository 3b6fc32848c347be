import { type Check, list } from '../../../errors/schema';
import { validateAddress } from '../../ip';
import { Names } from '../../names';
import { attributes } from '../../netlink/attributes';
import { type Type, ip, mac, u16, u32, u8 } from '../../netlink/types';
import { type LinkReference, link } from '../link-name';
import type { NoOptions } from './dummy';
import { type KindOption, type Referred, attribute, bit, integer, linkKind, named } from './kind';

/**
 * A bond: several links that act as one, its ports. A link becomes a port when the bond is its `master`, and must be
 * down for that. Times are in milliseconds. Needs CONFIG_BONDING.
 */
export interface BondOptions {
  /** The way frames are given to the ports. Kernel's default: `'balance-rr'`. */
  mode?: BondMode | undefined;
  /** The interval at which the carrier of each port is looked at; 0 for never. Kernel's default: 0, or 100 with `'802.3ad'`. */
  miimon?: number | undefined;
  /** The time after which a port with a carrier is used, with `miimon`. Kernel's default: 0. */
  upDelay?: number | undefined;
  /** The time after which a port without a carrier is not used any more, with `miimon`. Kernel's default: 0. */
  downDelay?: number | undefined;
  /** The interval at which ARP requests are sent to `arpTargets`, in place of `miimon`; 0 for never. Kernel's default: 0. */
  arpInterval?: number | undefined;
  /** The IPv4 addresses that ARP requests go to, 16 at most. */
  arpTargets?: readonly string[] | undefined;
  /** The ports whose ARP answers are checked. Kernel's default: `'none'`. */
  arpValidate?: BondArpValidation | undefined;
  /** The answers that a port needs to be up: those of any target or of all. Kernel's default: `'any'`. */
  arpAllTargets?: 'any' | 'all' | undefined;
  /** The number of ARP requests in a row that may have no answer, 1 to 255. Kernel's default: 2. Since Linux 5.17. */
  arpMissedMax?: number | undefined;
  /**
   * The port that is preferred. For the modes `'active-backup'`, `'balance-tlb'` and `'balance-alb'`. The link need not be
   * a port yet; a list tells it as soon as it is one.
   */
  primary?: LinkReference | undefined;
  /** The occasion at which the `primary` port is used again. Kernel's default: `'always'`. */
  primaryReselect?: 'always' | 'better' | 'failure' | undefined;
  /** The port that is in use, for the same modes. It can be set while that link is a port of the bond and up. */
  activePort?: LinkReference | undefined;
  /** The link-layer addresses of the ports with `'active-backup'`. Kernel's default: `'none'`, all have that of the bond. */
  failOverMac?: 'none' | 'active' | 'follow' | undefined;
  /** The parts of a packet that decide about its port, with `'balance-xor'`, `'802.3ad'` and `'balance-tlb'`. Kernel's default: `'layer2'`. */
  xmitHashPolicy?: BondHashPolicy | undefined;
  /** The number of ports that must be up for the bond to have a carrier. Kernel's default: 0. */
  minLinks?: number | undefined;
  /** The interval of LACP messages that the other side is asked for: 30 seconds, or 1. Kernel's default: `'slow'`. */
  lacpRate?: 'slow' | 'fast' | undefined;
  /** Sends LACP messages without being asked, with `'802.3ad'`. Kernel's default: true. Since Linux 5.15. */
  lacpActive?: boolean | undefined;
  /** The way ports are put together with `'802.3ad'`. Kernel's default: `'stable'`. */
  adSelect?: 'stable' | 'bandwidth' | 'count' | undefined;
  /** Takes frames that come in by ports that are not in use. Kernel's default: false. */
  allPortsActive?: boolean | undefined;
  /** The number of IGMP reports after a change of ports, 0 to 255. Kernel's default: 1. */
  resendIgmp?: number | undefined;
  /** The number of gratuitous ARP and ND messages after a change of ports, 0 to 255. Kernel's default: 1. */
  peerNotifications?: number | undefined;
  /** The number of packets that a port gets in turn with `'balance-rr'`; 0 chooses at random. Kernel's default: 1. */
  packetsPerPort?: number | undefined;
  /** Spreads outgoing traffic by the load of the ports, with `'balance-tlb'`. Kernel's default: true. */
  tlbDynamic?: boolean | undefined;
}

/**
 * The way a bond gives frames to its ports: one after another (`'balance-rr'`), all to one until that fails
 * (`'active-backup'`), by a hash (`'balance-xor'`), each to all (`'broadcast'`), as negotiated by LACP (`'802.3ad'`), or
 * by their load, for outgoing frames (`'balance-tlb'`) or both directions (`'balance-alb'`).
 */
export type BondMode =
  'balance-rr' | 'active-backup' | 'balance-xor' | 'broadcast' | '802.3ad' | 'balance-tlb' | 'balance-alb';

/** The parts of a packet that decide about its port: addresses of layer 2, addresses of layer 3, ports of layer 4. */
export type BondHashPolicy = 'layer2' | 'layer3+4' | 'layer2+3' | 'encap2+3' | 'encap3+4' | 'vlan+srcmac';

/** The ports whose ARP answers are checked; with `'filter'` other frames do not count as a sign of life. */
export type BondArpValidation = 'none' | 'active' | 'backup' | 'all' | 'filter' | 'filter_active' | 'filter_backup';

const MODES = new Names<BondMode>({
  'balance-rr': 0,
  'active-backup': 1,
  'balance-xor': 2,
  broadcast: 3,
  '802.3ad': 4,
  'balance-tlb': 5,
  'balance-alb': 6,
});

const HASH_POLICIES = new Names<BondHashPolicy>({
  ...{ layer2: 0, 'layer3+4': 1, 'layer2+3': 2, 'encap2+3': 3, 'encap3+4': 4, 'vlan+srcmac': 5 },
});

const ARP_VALIDATIONS = new Names<BondArpValidation>({
  ...{ none: 0, active: 1, backup: 2, all: 3, filter: 4, filter_active: 5, filter_backup: 6 },
});

/** The settings of a new bond. The kernel refuses some of them in a mode that does not have them, even if they change nothing. */
const OF_A_NEW_ONE = new Map<string, unknown>(
  Object.entries({
    ...{ miimon: 0, upDelay: 0, downDelay: 0, arpInterval: 0, arpValidate: 'none', arpAllTargets: 'any' },
    ...{ arpMissedMax: 2, primaryReselect: 'always', failOverMac: 'none', xmitHashPolicy: 'layer2', minLinks: 0 },
    ...{ lacpRate: 'slow', lacpActive: true, adSelect: 'stable', allPortsActive: false, resendIgmp: 1 },
    ...{ peerNotifications: 1, packetsPerPort: 1, tlbDynamic: true },
  }),
);

const milliseconds = integer(0, 2 ** 31 - 1);

/** BOND_MAX_ARP_TARGETS. */
const MOST_TARGETS = 16;

/** IFLA_BOND_ARP_IP_TARGET: attributes that are numbered as the targets are. */
const TARGETS = attributes(
  '',
  Object.fromEntries(Array.from({ length: MOST_TARGETS }, (_, i) => [i, [i, ip]] as const)),
);

const checkTargets: Check<readonly string[]> = list((name, value) => validateAddress(name, value, 'inet'));

const targets: Type<readonly string[]> = {
  decode: (from, start, end) => Object.values(TARGETS.decode(from, start, end, {})) as string[],
  encode: (writer, value) => TARGETS.encode(writer, Object.fromEntries(value.entries()), {}),
};

/** An option that names a port. In the message it is the index of that link. */
function port<K extends string>(
  key: K,
  option: keyof Referred,
): KindOption<LinkReference, Partial<Record<K, number | undefined>>> {
  return {
    check: link,
    encode: (_, resolved) => ({ [key]: resolved[option] }) as Partial<Record<K, number>>,
    describe: (data, nameOf) => (data[key] === undefined ? undefined : nameOf(data[key])),
  };
}

/** The addresses of LACP's other side and so on, which only describe the bond: IFLA_BOND_AD_INFO. */
const AD_INFO = attributes('IFLA_BOND_AD_INFO_', {
  AGGREGATOR: [1, u16],
  NUM_PORTS: [2, u16],
  ACTOR_KEY: [3, u16],
  PARTNER_KEY: [4, u16],
  PARTNER_MAC: [5, mac],
});

export const bond = linkKind<BondOptions>()({
  attributes: attributes('IFLA_BOND_', {
    MODE: [1, u8],
    ACTIVE_SLAVE: [2, u32],
    MIIMON: [3, u32],
    UPDELAY: [4, u32],
    DOWNDELAY: [5, u32],
    ARP_INTERVAL: [7, u32],
    ARP_IP_TARGET: [8, targets],
    ARP_VALIDATE: [9, u32],
    ARP_ALL_TARGETS: [10, u32],
    PRIMARY: [11, u32],
    PRIMARY_RESELECT: [12, u8],
    FAIL_OVER_MAC: [13, u8],
    XMIT_HASH_POLICY: [14, u8],
    RESEND_IGMP: [15, u32],
    NUM_PEER_NOTIF: [16, u8],
    ALL_SLAVES_ACTIVE: [17, u8],
    MIN_LINKS: [18, u32],
    PACKETS_PER_SLAVE: [20, u32],
    AD_LACP_RATE: [21, u8],
    AD_SELECT: [22, u8],
    AD_INFO: [23, AD_INFO],
    TLB_DYNAMIC_LB: [27, u8],
    AD_LACP_ACTIVE: [29, u8],
    MISSED_MAX: [30, u8],
  }),
  options: {
    // The kernel refuses settings that the present mode does not have, so the mode is the first.
    mode: attribute('MODE', named(MODES)),
    miimon: attribute('MIIMON', milliseconds),
    upDelay: attribute('UPDELAY', milliseconds),
    downDelay: attribute('DOWNDELAY', milliseconds),
    arpInterval: attribute('ARP_INTERVAL', milliseconds),
    arpTargets: attribute('ARP_IP_TARGET', { check: checkTargets, encode: (list) => list, show: (list) => [...list] }),
    arpValidate: attribute('ARP_VALIDATE', named(ARP_VALIDATIONS)),
    arpAllTargets: attribute('ARP_ALL_TARGETS', named(new Names({ any: 0, all: 1 }))),
    arpMissedMax: attribute('MISSED_MAX', integer(1, 255)),
    primary: port('PRIMARY', 'primary'),
    primaryReselect: attribute('PRIMARY_RESELECT', named(new Names({ always: 0, better: 1, failure: 2 }))),
    activePort: port('ACTIVE_SLAVE', 'activePort'),
    failOverMac: attribute('FAIL_OVER_MAC', named(new Names({ none: 0, active: 1, follow: 2 }))),
    xmitHashPolicy: attribute('XMIT_HASH_POLICY', named(HASH_POLICIES)),
    minLinks: attribute('MIN_LINKS', integer(0, 2 ** 31 - 1)),
    lacpRate: attribute('AD_LACP_RATE', named(new Names({ slow: 0, fast: 1 }))),
    lacpActive: attribute('AD_LACP_ACTIVE', bit),
    adSelect: attribute('AD_SELECT', named(new Names({ stable: 0, bandwidth: 1, count: 2 }))),
    allPortsActive: attribute('ALL_SLAVES_ACTIVE', bit),
    resendIgmp: attribute('RESEND_IGMP', integer(0, 255)),
    peerNotifications: attribute('NUM_PEER_NOTIF', integer(0, 255)),
    packetsPerPort: attribute('PACKETS_PER_SLAVE', integer(0, 65535)),
    tlbDynamic: attribute('TLB_DYNAMIC_LB', bit),
  },
  fixed: [],
  shown: {
    /** The link-layer address of the other side of LACP. */
    partnerAddress: { describe: ({ AD_INFO: info }) => info?.PARTNER_MAC },
  },
  /** Leaves out what a new bond has, and the port in use, which the new one does not have yet. */
  again: ({ activePort: _, mode, tlbDynamic, ...details }) => ({
    ...Object.fromEntries(Object.entries(details).filter(([key, value]) => OF_A_NEW_ONE.get(key) !== value)),
    ...(mode === undefined ? {} : { mode }),
    ...(mode === 'balance-tlb' && tlbDynamic === false ? { tlbDynamic } : {}),
  }),
});

/** The state of a port of a bond, which is only shown: IFLA_INFO_SLAVE_DATA. */
export const bondPort = linkKind<NoOptions>()({
  attributes: attributes('IFLA_BOND_SLAVE_', {
    STATE: [1, u8],
    MII_STATUS: [2, u8],
    LINK_FAILURE_COUNT: [3, u32],
    PERM_HWADDR: [4, mac],
    QUEUE_ID: [5, u16],
    AD_AGGREGATOR_ID: [6, u16],
  }),
  options: {},
  fixed: 'all',
  shown: {
    state: attribute('STATE', named(new Names({ active: 0, backup: 1 }))),
    miiStatus: attribute('MII_STATUS', named(new Names({ up: 0, 'going down': 1, down: 2, 'going back': 3 }))),
    linkFailures: attribute('LINK_FAILURE_COUNT', integer(0, 0xffffffff)),
    permanentAddress: attribute('PERM_HWADDR', { check: String, encode: String, show: String }),
    queueId: attribute('QUEUE_ID', integer(0, 0xffff)),
    aggregatorId: attribute('AD_AGGREGATOR_ID', integer(0, 0xffff)),
  },
});
