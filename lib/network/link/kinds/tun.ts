import { Names } from '../../names';
import { attributes } from '../../netlink/attributes';
import { u32, u8 } from '../../netlink/types';
import { attribute, bit, integer, linkKind, named } from './kind';

/** Options of a tun or tap: who else may open it, and the format of its packets. */
export interface TunOptions {
  /**
   * The user who may open it without CAP_NET_ADMIN: as the user namespace that owns the network knows it, if this process
   * is not privileged and joins that. In `info` of a link it is as this process knows it.
   */
  owner?: number | undefined;
  /** The group that may. */
  ownerGroup?: number | undefined;
  /** Several descriptors may be open on it. Default false. */
  multiQueue?: boolean | undefined;
  /** Each packet begins with 4 bytes of flags and protocol. Default false. */
  packetInfo?: boolean | undefined;
  /** Each packet begins with a `virtio_net_hdr`. Default false. */
  vnetHeader?: boolean | undefined;
}

const TYPES = new Names<'tun' | 'tap'>({ tun: 1, tap: 2 });

const id = integer(0, 2 ** 32 - 2);

/** A tun or tap. It is made through /dev/net/tun; the attributes only tell of it. */
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
