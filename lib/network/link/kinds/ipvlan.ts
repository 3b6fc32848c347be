import { Names } from '../../names';
import { attributes } from '../../netlink/attributes';
import { u16 } from '../../netlink/types';
import type { LinkReference } from '../link-name';
import { attribute, below, linkKind, named, needed } from './kind';

/** An ipvlan: more IP addresses on another link, with one address of the link layer. Takes CONFIG_IPVLAN. */
export interface IpvlanOptions {
  /** The link that it shares the address of. */
  link: LinkReference;
  /** Kernel's default `'l3'`. */
  mode?: IpvlanMode | undefined;
  /** How it reaches others on the same link. Kernel's default `'bridge'`. */
  isolation?: IpvlanIsolation | undefined;
}

/** The link below acts as a switch (`'l2'`), or as a router (`'l3'`); `'l3s'` is a router with connection tracking. */
export type IpvlanMode = 'l2' | 'l3' | 'l3s';

/** Links on top of the same link reach each other at once (`'bridge'`), not at all, or by a switch outside (`'vepa'`). */
export type IpvlanIsolation = 'bridge' | 'private' | 'vepa';

const MODES = new Names<IpvlanMode>({ l2: 0, l3: 1, l3s: 2 });
const FLAGS = new Names<IpvlanIsolation>({ bridge: 0, private: 1, vepa: 2 });

export const ipvlan = linkKind<IpvlanOptions>()({
  attributes: attributes('IFLA_IPVLAN_', { MODE: [1, u16], FLAGS: [2, u16] }),
  options: {
    link: needed(below),
    mode: attribute('MODE', named(MODES)),
    isolation: attribute('FLAGS', named(FLAGS)),
  },
  fixed: ['link'],
});
