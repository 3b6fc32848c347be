import { Names } from '../../names';
import { attributes } from '../../netlink/attributes';
import { be16, struct, u16, u32 } from '../../netlink/types';
import type { LinkReference } from '../link-name';
import { attribute, below, integer, linkKind, named, needed } from './kind';

/** A vlan: frames with a tag, over another link. Needs CONFIG_VLAN_8021Q. */
export interface VlanOptions {
  /** The link that the tagged frames go over. */
  link: LinkReference;
  /** The tag, 0 to 4095. */
  id: number;
  /** The protocol of the tag. Default: `'802.1Q'`. */
  protocol?: VlanProtocol | undefined;
}

/** The protocol of a tag: `'802.1ad'` is used for the outer tag of a frame with two tags, `'802.1Q'` for the others. */
export type VlanProtocol = '802.1Q' | '802.1ad';

export const VLAN_PROTOCOLS = new Names<VlanProtocol>({ '802.1Q': 0x8100, '802.1ad': 0x88a8 });

export const vlan = linkKind<VlanOptions>()({
  attributes: attributes('IFLA_VLAN_', {
    ID: [1, u16],
    FLAGS: [2, struct({ flags: u32, mask: u32 })],
    PROTOCOL: [5, be16],
  }),
  options: {
    link: needed(below),
    id: needed(attribute('ID', integer(0, 4095))),
    protocol: attribute('PROTOCOL', named(VLAN_PROTOCOLS)),
  },
  fixed: 'all',
});
