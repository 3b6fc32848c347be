import { attributes } from '../../netlink/attributes';
import { u32 } from '../../netlink/types';
import { attribute, integer, linkKind, needed } from './kind';

/** A vrf: the links that belong to it have a separate routing table. Needs CONFIG_NET_VRF. */
export interface VrfOptions {
  /** The number of that routing table. */
  table: number;
}

export const vrf = linkKind<VrfOptions>()({
  attributes: attributes('IFLA_VRF_', { TABLE: [1, u32] }),
  options: { table: needed(attribute('TABLE', integer(1, 0xffffffff))) },
  fixed: 'all',
});
