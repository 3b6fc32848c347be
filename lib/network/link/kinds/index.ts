/** The kinds of virtual links, `ip link add type KIND`: ip-link(8). Each is declared in a file of its own. */
import { attributes, chosenBy } from '../../netlink/attributes';
import { type ValueOf, string } from '../../netlink/types';
import type { NameOf } from '../link-name';
import { type BondOptions, bond, bondPort } from './bond';
import { type BridgeOptions, type BridgePortOptions, bridge, bridgePort } from './bridge';
import { type NoOptions, dummy } from './dummy';
import { type GeneveOptions, geneve } from './geneve';
import { type GreOptions, type Ip6greOptions, gre, ip6gre } from './gre';
import { type IpvlanOptions, ipvlan } from './ipvlan';
import { type AnyKind, type LinkDetails, type Resolved, describeOptions, encodeOptions } from './kind';
import { type MacvlanOptions, macvlan } from './macvlan';
import { type TunOptions, tun } from './tun';
import { type VethOptions, veth } from './veth';
import { type VlanOptions, vlan } from './vlan';
import { type VrfOptions, vrf } from './vrf';
import { type VxlanOptions, vxlan } from './vxlan';

/** The options of each kind of link that can be made. */
export interface KindOptions {
  /** A pair of connected links. */
  veth: VethOptions;
  /** An Ethernet switch. */
  bridge: BridgeOptions;
  /** A link that drops all packets. */
  dummy: NoOptions;
  /** A link that sends packets through queueing disciplines. */
  ifb: NoOptions;
  /** Tagged frames over another link. */
  vlan: VlanOptions;
  /** A link with a second link-layer address on another link. */
  macvlan: MacvlanOptions;
  /** A macvlan for a program that reads the frames. */
  macvtap: MacvlanOptions;
  /** A link with further IP addresses on another link. */
  ipvlan: IpvlanOptions;
  /** Ethernet over an IP network. */
  vxlan: VxlanOptions;
  /** Ethernet over an IP network, with room for options. */
  geneve: GeneveOptions;
  /** IP packets in GRE over IPv4. */
  gre: GreOptions;
  /** Ethernet in GRE over IPv4. */
  gretap: GreOptions;
  /** IP packets in GRE over IPv6. */
  ip6gre: Ip6greOptions;
  /** Ethernet in GRE over IPv6. */
  ip6gretap: Ip6greOptions;
  /** An encrypted tunnel. */
  wireguard: NoOptions;
  /** Several links that act as one. */
  bond: BondOptions;
  /** A separate routing table for the links that belong to it. */
  vrf: VrfOptions;
  /** IP packets for a program that reads them. */
  tun: TunOptions;
  /** Ethernet frames for a program that reads them. */
  tap: TunOptions;
}

export const KINDS = {
  veth,
  bridge,
  dummy,
  ifb: dummy,
  vlan,
  macvlan,
  macvtap: macvlan,
  ipvlan,
  vxlan,
  geneve,
  gre,
  gretap: gre,
  ip6gre,
  ip6gretap: ip6gre,
  wireguard: dummy,
  bond,
  vrf,
  tun,
  tap: tun,
} satisfies { [K in LinkKind]: { options: { [O in keyof KindOptions[K]]-?: unknown } } };

/** A kind of link that can be made. */
export type LinkKind = keyof KindOptions;

/** The options of a kind that cannot be changed after the link was made: all, or the `link` of a macvlan. */
type FixedOf<K extends LinkKind> = (typeof KINDS)[K]['fixed'] extends readonly (infer F extends PropertyKey)[]
  ? F
  : keyof KindOptions[K];

/** The kinds that can be changed after the link was made. */
export type ChangeableKind = {
  [K in LinkKind]: (typeof KINDS)[K]['fixed'] extends 'all' ? never : K;
}[LinkKind];

/** The options of a kind that can be changed after the link was made. */
export type KindChanges<K extends ChangeableKind> = Omit<KindOptions[K], FixedOf<K>>;

export const LINK_KINDS = Object.keys(KINDS) as LinkKind[];

export const CHANGEABLE = LINK_KINDS.filter((kind): kind is ChangeableKind => KINDS[kind].fixed !== 'all');

/** The settings of a port, by the kind of its master. */
const PORTS: Record<string, AnyKind> = { bridge: bridgePort, bond: bondPort };

export const LINKINFO = attributes('IFLA_INFO_', {
  KIND: [1, string],
  DATA: [2, chosenBy('KIND', attributesOf(KINDS))],
  SLAVE_KIND: [4, string],
  SLAVE_DATA: [5, chosenBy('SLAVE_KIND', attributesOf(PORTS))],
});

export type LinkInfo = ValueOf<typeof LINKINFO>;

/** The declaration of a kind, also of one that only the kernel knows. */
export function kindNamed(name: unknown): AnyKind | undefined {
  return typeof name === 'string' && Object.hasOwn(KINDS, name) ? KINDS[name as LinkKind] : undefined;
}

/** IFLA_LINK and IFLA_LINKINFO of a kind with its options, which have been checked. */
export function encodeKind(name: LinkKind, options: object, resolved: Resolved): { LINK?: number; LINKINFO: LinkInfo } {
  const kind: AnyKind = KINDS[name];
  const { link } = kind.options;
  const isOnTop = link !== undefined && 'below' in link && resolved.link !== undefined;
  return {
    ...(isOnTop ? { LINK: resolved.link } : {}),
    LINKINFO: { KIND: name, DATA: encodeOptions(kind, options, resolved) },
  };
}

/** The details in IFLA_LINKINFO beside the kind. */
export function describeKind({ KIND, DATA }: LinkInfo, nameOf: NameOf): LinkDetails | undefined {
  const kind = KIND === undefined ? undefined : kindNamed(KIND);
  if (kind === undefined || DATA === undefined) return undefined;
  const details = describeOptions(kind, DATA, nameOf);
  return Object.keys(details).length === 0 ? undefined : details;
}

/** IFLA_LINKINFO of a port of a bridge, whose settings have been checked. */
export function encodePort(options: BridgePortOptions): LinkInfo {
  return { SLAVE_KIND: 'bridge', SLAVE_DATA: encodeOptions(bridgePort, options, {}) };
}

/** The settings of a port of a bridge or of a bond in IFLA_LINKINFO. */
export function describePort({ SLAVE_KIND = '', SLAVE_DATA }: LinkInfo): LinkDetails | undefined {
  const kind = Object.hasOwn(PORTS, SLAVE_KIND) ? PORTS[SLAVE_KIND] : undefined;
  return kind === undefined || SLAVE_DATA === undefined ? undefined : describeOptions(kind, SLAVE_DATA, String);
}

function attributesOf(
  kinds: Record<string, Pick<AnyKind, 'attributes'>>,
): Map<string, NonNullable<AnyKind['attributes']>> {
  const known = new Map<string, NonNullable<AnyKind['attributes']>>();
  for (const [name, kind] of Object.entries(kinds)) if (kind.attributes !== undefined) known.set(name, kind.attributes);
  return known;
}
