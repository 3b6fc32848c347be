import { invalidValue } from '../../../errors/validate';
import { Names } from '../../names';
import { attributes } from '../../netlink/attributes';
import { be16, be32, flag, ip, u32, u8 } from '../../netlink/types';
import { type KindOption, type Value, attribute, bit, eitherAddress, integer, linkKind, named } from './kind';

/** A geneve: Ethernet over an IP network, RFC 8926. Needs CONFIG_GENEVE. */
export interface GeneveOptions {
  /** The network's identifier, VNI: 0 to 16777215. Needed, unless the link is `external`. */
  id?: number | undefined;
  /** The address of the other end. Needed, unless the link is `external`. */
  remote?: string | undefined;
  /** The UDP port. Kernel's default: 6081, the assigned number. */
  port?: number | undefined;
  /** The time to live of its packets; 0 for that of other packets, `'inherit'` for that of the packet inside. Default: 0. */
  ttl?: number | 'inherit' | undefined;
  /** The type of service of its packets. Default: 0. */
  tos?: number | undefined;
  /** The flow label of its IPv6 packets: 0 to 1048575. Default: 0. */
  flowLabel?: number | undefined;
  /** The bit of its IPv4 packets that forbids fragments: not set, set, or as in the packet inside. Default: `'unset'`. */
  df?: 'unset' | 'set' | 'inherit' | undefined;
  /** Computes UDP checksums of its IPv4 packets. Default: false. */
  udpChecksum?: boolean | undefined;
  /**
   * Takes the destination of each packet from its sender (a route, Open vSwitch); `id` and `remote` are not given then.
   * Default: false.
   */
  external?: boolean | undefined;
}

const INHERIT = 'inherit';

const ttl: KindOption<number | typeof INHERIT, { TTL?: number | undefined; TTL_INHERIT?: number | undefined }> = {
  check: (name, value) => (value === INHERIT ? value : integer(0, 255).check(name, value)),
  encode: (value) => (value === INHERIT ? { TTL_INHERIT: 1 } : { TTL: value }),
  describe: ({ TTL, TTL_INHERIT }) => (TTL_INHERIT === 1 ? INHERIT : TTL),
};

/** A fact that is told by an attribute without bytes, which is absent where it is not so. */
export const present: Value<boolean, true | undefined> = {
  check: bit.check,
  encode: (value) => (value ? true : undefined),
  show: (wire) => wire === true,
};

export const geneve = linkKind<GeneveOptions>()({
  attributes: attributes('IFLA_GENEVE_', {
    ID: [1, u32],
    REMOTE: [2, ip],
    TTL: [3, u8],
    TOS: [4, u8],
    PORT: [5, be16],
    COLLECT_METADATA: [6, flag],
    REMOTE6: [7, ip],
    UDP_CSUM: [8, u8],
    LABEL: [11, be32],
    TTL_INHERIT: [12, u8],
    DF: [13, u8],
  }),
  options: {
    id: attribute('ID', integer(0, 0xffffff)),
    remote: eitherAddress('REMOTE', 'REMOTE6'),
    port: attribute('PORT', integer(0, 0xffff)),
    ttl,
    tos: attribute('TOS', integer(0, 255)),
    flowLabel: attribute('LABEL', integer(0, 0xfffff)),
    df: attribute('DF', named(new Names({ unset: 0, set: 1, inherit: 2 }))),
    udpChecksum: attribute('UDP_CSUM', bit),
    external: attribute('COLLECT_METADATA', present),
  },
  fixed: ['id', 'port', 'udpChecksum', 'external'],
  validate(name, { id, remote, external }) {
    if (external === true) return;
    if (id === undefined) throw invalidValue(`${name}.id`, id, 'must be given, unless the link is external');
    if (remote === undefined)
      throw invalidValue(`${name}.remote`, remote, 'must be given, unless the link is external');
  },
  /** Leaves out the id of an external geneve, which has none. */
  again: ({ id, ...details }) => (details.external === true || id === undefined ? details : { ...details, id }),
});
