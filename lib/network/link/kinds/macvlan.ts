import { Names } from '../../names';
import { attributes } from '../../netlink/attributes';
import { u16, u32 } from '../../netlink/types';
import type { LinkReference } from '../link-name';
import { attribute, below, linkKind, named, needed } from './kind';

/** A macvlan or macvtap: one more address of the link layer on another link. Takes CONFIG_MACVLAN, CONFIG_MACVTAP. */
export interface MacvlanOptions {
  /** The link that it is a second address of. */
  link: LinkReference;
  /** How it reaches others on the same link. Kernel's default `'vepa'`. */
  mode?: MacvlanMode | undefined;
}

/**
 * How links on top of the same link reach each other: not at all (`'private'`), by a switch outside (`'vepa'`), or at
 * once (`'bridge'`). With `'passthru'` there is one only; with `'source'` a link takes frames of some senders only.
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
