import { Names } from '../../names';
import { attributes } from '../../netlink/attributes';
import { u16 } from '../../netlink/types';
import type { LinkReference } from '../link-name';
import { attribute, below, linkKind, named, needed } from './kind';

/** An ipvlan: further IP addresses on another link, with the same link-layer address. Needs CONFIG_IPVLAN. */
export interface IpvlanOptions {
  /** The link whose link-layer address it shares. */
  link: LinkReference;
  /** The mode. Kernel's default: `'l3'`. */
  mode?: IpvlanMode | undefined;
  /** The way it reaches other ipvlans on the same link. Kernel's default: `'bridge'`. */
  isolation?: IpvlanIsolation | undefined;
}

/** The mode of the link below: a switch (`'l2'`), a router (`'l3'`), or a router with connection tracking (`'l3s'`). */
export type IpvlanMode = 'l2' | 'l3' | 'l3s';

/**
 * The way ipvlans on the same link reach each other: directly (`'bridge'`), not at all (`'private'`), or by a switch
 * outside (`'vepa'`).
 */
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
