import type { Check } from '../../../errors/schema';
import { invalidValue, validateInteger } from '../../../errors/validate';
import { attributes } from '../../netlink/attributes';
import { be16, ip, struct, u32, u8 } from '../../netlink/types';
import type { LinkReference } from '../link-name';
import { type KindOption, attribute, bit, eitherAddress, integer, leavesBy, linkKind } from './kind';

/** A vxlan: Ethernet over an IP network, RFC 7348. Needs CONFIG_VXLAN. */
export interface VxlanOptions {
  /** The network's identifier, VNI: 0 to 16777215. Needed, unless the link is `external`. */
  id?: number | undefined;
  /** The link that its packets leave by. */
  link?: LinkReference | undefined;
  /** The address of the other end, or the multicast group of all ends. */
  remote?: string | undefined;
  /** The address that its packets come from. Default: that of the route to the other end. */
  local?: string | undefined;
  /** The UDP port. Default: 4789, the assigned number; the kernel's own default, 8472, is older. */
  port?: number | undefined;
  /** The UDP ports that packets are sent from, first and last. */
  portRange?: readonly [low: number, high: number] | undefined;
  /** The time to live of its packets. Default: that of other packets for a single address, 1 for a group. */
  ttl?: number | undefined;
  /** The type of service of its packets. Default: 0. */
  tos?: number | undefined;
  /** Learns addresses from frames that come in. Kernel's default: true. */
  learning?: boolean | undefined;
  /** Seconds for which an address that was learnt is kept. Kernel's default: 300. */
  ageing?: number | undefined;
  /**
   * Takes the destination of each packet from its sender (a route, Open vSwitch); `id` is not given then. Default:
   * false.
   */
  external?: boolean | undefined;
}

/** The UDP port that IANA has assigned to VXLAN. */
const VXLAN_PORT = 4789;

type Range = readonly [low: number, high: number];

const range: Check<Range> = (name, value) => {
  if (!Array.isArray(value) || value.length !== 2) throw invalidValue(name, value, 'must be two ports');
  const [low, high] = value as unknown[];
  validateInteger(`${name}[0]`, low, 0, 0xffff);
  validateInteger(`${name}[1]`, high, low, 0xffff);
  return [low, high];
};

const portRange: KindOption<Range, { PORT_RANGE?: { low: number; high: number } | undefined }> = {
  check: range,
  encode: ([low, high]) => ({ PORT_RANGE: { low, high } }),
  describe: () => undefined,
};

export const vxlan = linkKind<VxlanOptions>()({
  attributes: attributes('IFLA_VXLAN_', {
    ID: [1, u32],
    GROUP: [2, ip],
    LINK: [3, u32],
    LOCAL: [4, ip],
    TTL: [5, u8],
    TOS: [6, u8],
    LEARNING: [7, u8],
    AGEING: [8, u32],
    LIMIT: [9, u32],
    PORT_RANGE: [10, struct({ low: be16, high: be16 })],
    PORT: [15, be16],
    GROUP6: [16, ip],
    LOCAL6: [17, ip],
    COLLECT_METADATA: [25, u8],
  }),
  options: {
    id: attribute('ID', integer(0, 0xffffff)),
    link: leavesBy,
    remote: eitherAddress('GROUP', 'GROUP6'),
    local: eitherAddress('LOCAL', 'LOCAL6'),
    port: attribute('PORT', integer(0, 0xffff)),
    portRange,
    ttl: attribute('TTL', integer(0, 255)),
    tos: attribute('TOS', integer(0, 255)),
    learning: attribute('LEARNING', bit),
    ageing: attribute('AGEING', integer(0, 0xffffffff)),
    external: attribute('COLLECT_METADATA', bit),
  },
  defaults: { port: VXLAN_PORT },
  fixed: ['id', 'external'],
  validate(name, { id, external }) {
    if (id !== undefined || external === true) return;
    throw invalidValue(`${name}.id`, id, 'must be given, unless the link is external');
  },
  /** Leaves out the id of an external vxlan. It has none, and the kernel shows 0. */
  again: ({ id, ...details }) => (details.external === true || id === undefined ? details : { ...details, id }),
});
