import { Names } from '../../names';
import { attributes } from '../../netlink/attributes';
import { u32, u8 } from '../../netlink/types';
import { attribute, bit, integer, linkKind, named } from './kind';

/** Options of a tun or tap: the users who may open it, and the format of its packets. */
export interface TunOptions {
  /**
   * The uid of the user who may open it without CAP_NET_ADMIN. If this process is not privileged and joins the user
   * namespace that owns the network, it is the uid in that namespace. In `info` of a link it is the uid in this
   * process's user namespace.
   */
  owner?: number | undefined;
  /** The gid of the group whose members may open it without CAP_NET_ADMIN. */
  ownerGroup?: number | undefined;
  /** Allows several open descriptors. Default: false. */
  multiQueue?: boolean | undefined;
  /** Puts 4 bytes of flags and protocol before each packet. Default: false. */
  packetInfo?: boolean | undefined;
  /** Puts a `virtio_net_hdr` before each packet. Default: false. */
  vnetHeader?: boolean | undefined;
}

const TYPES = new Names<'tun' | 'tap'>({ tun: 1, tap: 2 });

const id = integer(0, 2 ** 32 - 2);

/** A tun or tap. It is made through /dev/net/tun; the attributes only describe it. */
export const tun = linkKind<TunOptions>()({
  attributes: attributes('IFLA_TUN_', {
    OWNER: [1, u32],
    GROUP: [2, u32],
    TYPE: [3, u8],
    PI: [4, u8],
    VNET_HDR: [5, u8],
    PERSIST: [6, u8],
    MULTI_QUEUE: [7, u8],
  }),
  options: {
    owner: attribute('OWNER', id),
    ownerGroup: attribute('GROUP', id),
    multiQueue: attribute('MULTI_QUEUE', bit),
    packetInfo: attribute('PI', bit),
    vnetHeader: attribute('VNET_HDR', bit),
  },
  fixed: 'all',
  shown: { type: attribute('TYPE', named(TYPES)), persistent: attribute('PERSIST', bit) },
});
