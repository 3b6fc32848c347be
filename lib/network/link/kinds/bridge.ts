import { Names } from '../../names';
import { attributes } from '../../netlink/attributes';
import { be16, hexPairs, opaque, u16, u32, u8 } from '../../netlink/types';
import { type KindOption, attribute, bit, integer, linkKind, named, seconds } from './kind';
import { VLAN_PROTOCOLS, type VlanProtocol } from './vlan';

/** A bridge. Times are in seconds; the kernel keeps hundredths of them. bridge(8) */
export interface BridgeOptions {
  /** Uses the spanning tree protocol. Default: false. */
  stp?: boolean | undefined;
  /**
   * The time for which a port listens, and then the time for which it learns, before it forwards, with `stp`. Kernel's
   * default: 15.
   */
  forwardDelay?: number | undefined;
  /** The time between two messages to its neighbors, with `stp`. Kernel's default: 2. */
  helloTime?: number | undefined;
  /** The time after which it ignores the last message of a silent neighbor, with `stp`. Kernel's default: 20. */
  maxAge?: number | undefined;
  /** The time for which an address that was learnt is kept. Kernel's default: 300. */
  ageingTime?: number | undefined;
  /** Its priority in the spanning tree. Kernel's default: 32768. */
  priority?: number | undefined;
  /** Makes each port a member of some VLANs only. Default: false. */
  vlanFiltering?: boolean | undefined;
  /** The protocol of the tags that are used for that. Kernel's default: `'802.1Q'`. */
  vlanProtocol?: VlanProtocol | undefined;
  /** The VLAN of untagged frames; 0 for none. Kernel's default: 1. */
  vlanDefaultPvid?: number | undefined;
  /** Sends multicast only to ports that have asked for it. Kernel's default: true. */
  multicastSnooping?: boolean | undefined;
}

/**
 * The settings of a port of a bridge. A link becomes a port when the bridge is its `master`. A setting that is not
 * given stays as it is. bridge(8)
 */
export interface BridgePortOptions {
  /** The way it treats frames; with `stp` the bridge decides that. */
  state?: BridgePortState | undefined;
  /** Its priority in the spanning tree, 0 to 63; the lowest is preferred. Kernel's default 32. */
  priority?: number | undefined;
  /** The cost of the path by this port, in the spanning tree. */
  cost?: number | undefined;
  /** Sends frames back out of the port that they came in by. Default false. */
  hairpin?: boolean | undefined;
  /** Ignores spanning tree messages from this port. */
  guard?: boolean | undefined;
  /** Does not let this port lead to the root of the spanning tree. Default: false. */
  rootBlock?: boolean | undefined;
  /** Sends no more multicast to this port as soon as somebody there has left the group. Default: false. */
  fastLeave?: boolean | undefined;
  /** Learns addresses from frames that come in by this port. Default: true. */
  learning?: boolean | undefined;
  /** Sends unicast frames with an unknown destination to this port. Default: true. */
  flood?: boolean | undefined;
  /** Lets this port reach only ports that are not isolated. Default: false. */
  isolated?: boolean | undefined;
}

/** The state of a port in the spanning tree: only `'forwarding'` passes frames on. */
export type BridgePortState = 'disabled' | 'listening' | 'learning' | 'forwarding' | 'blocking';

const PORT_STATES = new Names<BridgePortState>({ disabled: 0, listening: 1, learning: 2, forwarding: 3, blocking: 4 });

/** Shows the id of a bridge: priority, then address, `8000.02:00:00:00:00:01`. */
function bridgeId<K extends string>(
  key: K,
): Pick<KindOption<never, Partial<Record<K, Uint8Array | undefined>>>, 'describe'> {
  const show = (id: Uint8Array): string => `${Buffer.from(id).toString('hex', 0, 2)}.${hexPairs(id.subarray(2))}`;
  return { describe: (data) => (data[key] === undefined ? undefined : show(data[key])) };
}

export const bridge = linkKind<BridgeOptions>()({
  attributes: attributes('IFLA_BR_', {
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
  }),
  options: {
    stp: attribute('STP_STATE', bit),
    forwardDelay: attribute('FORWARD_DELAY', seconds),
    helloTime: attribute('HELLO_TIME', seconds),
    maxAge: attribute('MAX_AGE', seconds),
    ageingTime: attribute('AGEING_TIME', seconds),
    priority: attribute('PRIORITY', integer(0, 0xffff)),
    vlanFiltering: attribute('VLAN_FILTERING', bit),
    vlanProtocol: attribute('VLAN_PROTOCOL', named(VLAN_PROTOCOLS)),
    vlanDefaultPvid: attribute('VLAN_DEFAULT_PVID', integer(0, 4095)),
    multicastSnooping: attribute('MCAST_SNOOPING', bit),
  },
  fixed: [],
  shown: { bridgeId: bridgeId('BRIDGE_ID'), rootId: bridgeId('ROOT_ID') },
  /** Leaves out `vlanFiltering` where it is off. A kernel without VLANs of bridges shows it, and refuses to set it. */
  again: ({ vlanFiltering, ...details }) => (vlanFiltering === true ? { ...details, vlanFiltering } : details),
});

/** The settings of a link as a port of a bridge: IFLA_INFO_SLAVE_DATA. */
export const bridgePort = linkKind<BridgePortOptions>()({
  attributes: attributes('IFLA_BRPORT_', {
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
  }),
  options: {
    state: attribute('STATE', named(PORT_STATES)),
    priority: attribute('PRIORITY', integer(0, 63)),
    cost: attribute('COST', integer(1, 0xffff)),
    hairpin: attribute('MODE', bit),
    guard: attribute('GUARD', bit),
    rootBlock: attribute('PROTECT', bit),
    fastLeave: attribute('FAST_LEAVE', bit),
    learning: attribute('LEARNING', bit),
    flood: attribute('UNICAST_FLOOD', bit),
    isolated: attribute('ISOLATED', bit),
  },
  fixed: [],
});
