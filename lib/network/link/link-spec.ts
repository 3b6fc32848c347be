/** What a caller says of a link, checked and encoded. */
import {
  invalidType,
  invalidValue,
  outOfRange,
  validateArray,
  validateBoolean,
  validateInteger,
  validateKnownKeys,
  validateObject,
  validateOneOf,
  validateString,
} from '../../errors/validate';
import { type NetworkTarget, membersOf } from '../place';
import type { Namespace } from '../../namespace/namespace';
import {
  type BridgeOptions,
  type BridgePortOptions,
  type IpvlanOptions,
  KINDS,
  type LinkKind,
  type LinkReference,
  type MacvlanOptions,
  type VlanOptions,
  type VrfOptions,
  type VxlanOptions,
  encodePort,
  validateKindOptions,
} from './kinds';
import { ADDRESS_GENERATION } from './link';
import { validateAlternativeName, validateLink, validateLinkName } from './lookup';
import { ANY_LINK, Iff, type LinkAttributes, type LinkHeader, type LinkInfo } from './link-message';
import { TUN_KEYS, type TunOptions, validateTunOptions } from './tun';

/** Settings of every link: ip-link(8). A setting that is not given gets the kernel's default, or stays as it is. */
export interface LinkSettings {
  /** Whether it is up. Default for a new link: false. */
  up?: boolean | undefined;
  /** The largest packet, in bytes. Kernel's default 1500 for most kinds. */
  mtu?: number | undefined;
  /** Its link-layer (MAC) address: `'02:00:00:00:00:01'`. Default for a new link: a random one. */
  address?: string | undefined;
  /** Its link-layer broadcast address. */
  broadcast?: string | undefined;
  /** The length of its transmit queue in packets, for queueing disciplines that use it. */
  txQueueLength?: number | undefined;
  /** The number of its group, by which several links can be changed at once; `'default'` is 0. */
  group?: number | 'default' | undefined;
  /** Whether it resolves neighbors' addresses. Kernel's default true, where the kind has neighbors. */
  arp?: boolean | undefined;
  /** Whether it takes part in multicast. */
  multicast?: boolean | undefined;
  /** Whether it takes the packets of all multicast groups. Default false. */
  allMulticast?: boolean | undefined;
  /** Whether it takes all packets that pass by. Default false. */
  promiscuous?: boolean | undefined;
}

/** Settings of a link that is not the peer of a veth. */
export interface OwnSettings extends LinkSettings {
  /** The bridge, bond or VRF that it becomes a part of, in the namespace that the link is in then; null for none. */
  master?: LinkReference | null | undefined;
  /** A description, at most 255 bytes. */
  alias?: string | undefined;
  /** How the kernel generates the interface's own IPv6 addresses. */
  addressGeneration?: (typeof ADDRESS_GENERATION)[number] | undefined;
}

/** A veth: a pair of connected links. What one sends, the other receives. veth(4) */
export interface VethOptions {
  /** The other end. Default: as the kernel has it, in the same network. */
  peer?: VethPeer | undefined;
}

/** The other end of a veth. */
export interface VethPeer extends LinkSettings {
  /** Default: the kernel's, `veth` and a number. */
  name?: string | undefined;
  /** Its index. Default: the next that is free there. */
  index?: number | undefined;
  /** The namespace to create that end in. Default: this network. */
  namespace?: NetworkTarget | undefined;
}

/** A link to create: settings that all links have, and those of its kind. ip-link(8) */
export type LinkSpec = OwnSettings & {
  /** At most 15 bytes. Of a tun or tap: with `%d` in it the kernel puts a number there. */
  name: string;
  /** Default: the next that is free. Not of a tun or tap. */
  index?: number | undefined;
  /** The namespace to create it in. Default: this network. The link below it (`link`) is looked up in this network. */
  namespace?: NetworkTarget | undefined;
} & (
    | ({ kind: 'veth' } & VethOptions)
    | ({ kind: 'bridge' } & BridgeOptions)
    | { kind: 'dummy' | 'ifb' }
    | ({ kind: 'vlan' } & VlanOptions)
    | ({ kind: 'macvlan' | 'macvtap' } & MacvlanOptions)
    | ({ kind: 'ipvlan' } & IpvlanOptions)
    | ({ kind: 'vxlan' } & VxlanOptions)
    | ({ kind: 'vrf' } & VrfOptions)
    | ({ kind: 'tun' | 'tap' } & TunOptions)
  );

/** The settings to change. With `kind`, also those of that kind. */
export type LinkChange = OwnSettings & {
  /** Its new name. */
  name?: string | undefined;
  /** The namespace to move it to. Its addresses and routes are lost, and it is down there unless `up` is given. */
  namespace?: NetworkTarget | undefined;
  /** More names it is to have, of at most 127 bytes each: `ip link property add altname`. */
  addNames?: readonly string[] | undefined;
  /** More names it is no longer to have. */
  removeNames?: readonly string[] | undefined;
  /** As a port of a bridge. */
  port?: BridgePortOptions | undefined;
} & (
    | { kind?: undefined }
    | ({ kind: 'bridge' } & BridgeOptions)
    | ({ kind: 'macvlan' | 'macvtap' } & Pick<MacvlanOptions, 'mode'>)
    | ({ kind: 'ipvlan' } & Pick<IpvlanOptions, 'mode' | 'isolation'>)
    | ({ kind: 'vxlan' } & Omit<VxlanOptions, 'id' | 'external'>)
  );

const SETTINGS = [
  'up',
  'mtu',
  'address',
  'broadcast',
  'txQueueLength',
  'group',
  'arp',
  'multicast',
  'allMulticast',
  'promiscuous',
] as const;
const OWN_SETTINGS = [...SETTINGS, 'master', 'alias', 'addressGeneration'];

/** IFALIASZ of `<linux/if.h>`, less the null byte. */
const ALIAS_BYTES = 255;

const KIND_NAMES: readonly LinkKind[] = [...(Object.keys(KINDS) as (keyof typeof KINDS)[]), 'tun', 'tap'];
const CHANGEABLE: readonly (keyof typeof KINDS)[] = ['bridge', 'macvlan', 'macvtap', 'ipvlan', 'vxlan'];

type Bag = Record<string, unknown>;

/** Checks all of a spec that can be checked without the kernel. */
export function validateSpec(name: string, spec: unknown): asserts spec is LinkSpec {
  validateObject(name, spec);
  const bag = spec as Bag;
  validateOneOf(`${name}.kind`, bag.kind, KIND_NAMES);
  const isTun = bag.kind === 'tun' || bag.kind === 'tap';
  const particular = isTun ? TUN_KEYS : ['index', ...KINDS[bag.kind as keyof typeof KINDS].keys];
  validateKnownKeys(name, spec, ['kind', 'name', 'namespace', ...OWN_SETTINGS, ...particular]);
  validateLinkName(`${name}.name`, bag.name);
  if (!isTun && bag.name.includes('%')) {
    throw invalidValue(`${name}.name`, bag.name, "must be a whole name, without '%'"); // it would not be known then
  }
  validateOwnSettings(name, bag);
  validateWhere(name, bag);
  if (bag.link !== undefined) validateLink(`${name}.link`, bag.link);
  if (bag.peer !== undefined) validatePeer(`${name}.peer`, bag.peer);
  if (isTun) validateTunOptions(name, bag);
  else validateKindOptions(name, bag.kind as keyof typeof KINDS, bag, true);
}

function validatePeer(name: string, peer: unknown): void {
  validateObject(name, peer);
  validateKnownKeys(name, peer, ['name', 'index', 'namespace', ...SETTINGS]);
  const bag = peer as Bag;
  if (bag.name !== undefined) validateLinkName(`${name}.name`, bag.name);
  validateSettings(name, bag);
  validateWhere(name, bag);
}

export function validateChange(name: string, change: unknown): asserts change is LinkChange {
  validateObject(name, change);
  const bag = change as Bag;
  if (bag.kind !== undefined) validateOneOf(`${name}.kind`, bag.kind, CHANGEABLE);
  const particular = bag.kind === undefined ? [] : KINDS[bag.kind].keys;
  const own = ['kind', 'name', 'namespace', 'addNames', 'removeNames', 'port', ...OWN_SETTINGS];
  validateKnownKeys(name, change, [...own, ...particular]);
  if (bag.name !== undefined) validateLinkName(`${name}.name`, bag.name);
  if (bag.link !== undefined) validateLink(`${name}.link`, bag.link);
  validateOwnSettings(name, bag);
  validateWhere(name, bag);
  for (const key of ['addNames', 'removeNames']) validateNames(`${name}.${key}`, bag[key]);
  if (bag.kind !== undefined) validateKindOptions(name, bag.kind, bag, false);
  if (bag.port !== undefined) {
    validateObject(`${name}.port`, bag.port);
    encodePort(`${name}.port`, bag.port);
  }
}

function validateNames(name: string, names: unknown): void {
  if (names === undefined) return;
  validateArray(name, names);
  names.forEach((each, index) => validateAlternativeName(`${name}[${index}]`, each));
}

function validateWhere(name: string, { namespace, index }: Bag): void {
  if (namespace !== undefined) membersOf(`${name}.namespace`, namespace);
  if (index !== undefined) validateInteger(`${name}.index`, index, 1, 2 ** 31 - 1);
}

function validateSettings(name: string, bag: Bag): void {
  for (const key of ['up', 'arp', 'multicast', 'allMulticast', 'promiscuous']) {
    if (bag[key] !== undefined) validateBoolean(`${name}.${key}`, bag[key]);
  }
  for (const key of ['mtu', 'txQueueLength']) {
    if (bag[key] !== undefined) validateInteger(`${name}.${key}`, bag[key], 0, 2 ** 31 - 1);
  }
  for (const key of ['address', 'broadcast']) {
    if (bag[key] !== undefined) validateMac(`${name}.${key}`, bag[key]);
  }
  if (bag.group === undefined || bag.group === 'default') return;
  if (typeof bag.group !== 'number') throw invalidType(`${name}.group`, "of type number or 'default'", bag.group);
  if (!Number.isInteger(bag.group) || bag.group < 0 || bag.group > 0xffffffff) {
    throw outOfRange(`${name}.group`, 'an integer >= 0 && <= 4294967295', bag.group);
  }
}

function validateOwnSettings(name: string, bag: Bag): void {
  validateSettings(name, bag);
  if (bag.master !== undefined && bag.master !== null) validateLink(`${name}.master`, bag.master);
  if (bag.alias !== undefined) validateAlias(`${name}.alias`, bag.alias);
  if (bag.addressGeneration !== undefined) {
    validateOneOf(`${name}.addressGeneration`, bag.addressGeneration, ADDRESS_GENERATION);
  }
}

function validateAlias(name: string, value: unknown): void {
  validateString(name, value);
  if (Buffer.byteLength(value) > ALIAS_BYTES) throw invalidValue(name, value, `must have at most ${ALIAS_BYTES} bytes`);
}

/** Of any length: how long the link's addresses are the kernel knows. */
export function validateMac(name: string, value: unknown): asserts value is string {
  validateString(name, value);
  if (/^[0-9a-f]{2}(:[0-9a-f]{2})*$/i.test(value)) return;
  throw invalidValue(name, value, "must be a link-layer address such as '02:00:00:00:00:01'");
}

/** Bits of the flags, and which of them are to be set or cleared. */
export function encodeFlags(settings: LinkSettings): Pick<LinkHeader, 'flags' | 'change'> {
  const { up, arp, multicast, allMulticast, promiscuous } = settings;
  const wanted: [bit: number, on: boolean | undefined][] = [
    [Iff.UP, up],
    [Iff.NOARP, arp === undefined ? undefined : !arp],
    [Iff.MULTICAST, multicast],
    [Iff.ALLMULTI, allMulticast],
    [Iff.PROMISC, promiscuous],
  ];
  const given = wanted.filter(([, on]) => on !== undefined);
  return {
    flags: given.reduce((bits, [bit, on]) => (on === true ? bits | bit : bits), 0),
    change: given.reduce((bits, [bit]) => bits | bit, 0),
  };
}

export function encodeSettings({ mtu, address, broadcast, txQueueLength, group }: LinkSettings): LinkAttributes {
  return {
    ADDRESS: macBytes(address),
    BROADCAST: macBytes(broadcast),
    MTU: mtu,
    TXQLEN: txQueueLength,
    GROUP: group === 'default' ? 0 : group,
  };
}

/** What a link can only be given once it is there: `do_setlink` of the kernel. */
export function encodeLaterSettings({ alias, addressGeneration }: OwnSettings): LinkAttributes {
  const mode = addressGeneration === undefined ? -1 : ADDRESS_GENERATION.indexOf(addressGeneration);
  return {
    IFALIAS: alias,
    AF_SPEC: mode === -1 ? undefined : { INET6: { ADDR_GEN_MODE: mode } },
  };
}

/** IFLA_LINKINFO of a veth: it has all of the other end in it. */
export function encodeVeth(peer: VethPeer | undefined, namespaceFd: number | undefined): LinkInfo {
  if (peer === undefined) return { KIND: 'veth' };
  const header = { ...ANY_LINK, index: peer.index ?? 0, ...encodeFlags({ ...peer, up: undefined }) };
  const attributes: LinkAttributes = { IFNAME: peer.name, ...encodeSettings(peer), NET_NS_FD: namespaceFd };
  return { KIND: 'veth', DATA: { PEER: { header, attributes } } };
}

/** The namespace that a target means. */
export function namespaceOf(target: NetworkTarget): Namespace {
  return membersOf('namespace', target).net;
}

function macBytes(address: string | undefined): Uint8Array | undefined {
  return address === undefined ? undefined : Buffer.from(address.replaceAll(':', ''), 'hex');
}
