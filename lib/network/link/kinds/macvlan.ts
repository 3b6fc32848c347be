import { Names } from '../../names';
import { attributes } from '../../netlink/attributes';
import { u16, u32 } from '../../netlink/types';
import type { LinkReference } from '../link-name';
import { attribute, below, linkKind, named, needed } from './kind';

/** A macvlan or macvtap: one more link-layer address on another link. Needs CONFIG_MACVLAN or CONFIG_MACVTAP. */
export interface MacvlanOptions {
  /** The link that gets the second address. */
  link: LinkReference;
  /** The way it reaches other macvlans on the same link. Kernel's default: `'vepa'`. */
  mode?: MacvlanMode | undefined;
}

/**
 * The way macvlans on the same link reach each other: not at all (`'private'`), by a switch outside (`'vepa'`), or
 * directly (`'bridge'`). With `'passthru'` there is only one; with `'source'` a macvlan takes only frames of some
 * senders.
 */
export type MacvlanMode = 'private' | 'vepa' | 'bridge' | 'passthru' | 'source';

const MODES = new Names<MacvlanMode>({ private: 1, vepa: 2, bridge: 4, passthru: 8, source: 16 });

export const macvlan = linkKind<MacvlanOptions>()({
  attributes: attributes('IFLA_MACVLAN_', { MODE: [1, u32], FLAGS: [2, u16] }),
  options: {
    link: needed(below),
    mode: attribute('MODE', named(MODES)),
  },
  fixed: ['link'],
});
