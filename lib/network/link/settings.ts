/** The settings that links of all kinds have, with their checks and their encoding. */
import { type Check, boolean, integer, oneOf, schema } from '../../errors/schema';
import { invalidType, invalidValue, outOfRange, validateString } from '../../errors/validate';
import { ADDRESS_GENERATION, Iff, type LinkHeader } from './ifinfo';
import { type LinkReference, link } from './link-name';

/**
 * Settings of every link: ip-link(8). A setting that is not given gets the kernel's default in a new link, and stays as
 * it is in an existing one.
 */
export interface LinkSettings {
  /** Switches the link on, so that packets pass. Default for a new link: false. */
  up?: boolean | undefined;
  /** The largest packet, in bytes. Kernel's default: 1500 for most kinds. */
  mtu?: number | undefined;
  /** Its link-layer (MAC) address: `'02:00:00:00:00:01'`. Default for a new link: a random one. */
  address?: string | undefined;
  /** Its link-layer broadcast address. */
  broadcast?: string | undefined;
  /** The length of its transmit queue in packets, for queueing disciplines that use it. */
  txQueueLength?: number | undefined;
  /**
   * The most packets that are handed to it as one, which it, or whoever receives them, divides: `gso_max_segs` of
   * ip-link(8). With 1 each packet is its own. Kernel's default: 65535.
   */
  gsoMaxSegments?: number | undefined;
  /** The number of its group, by which several links can be changed at once; `'default'` is 0. */
  group?: number | 'default' | undefined;
  /** Resolves the addresses of neighbors. Kernel's default: true, if the kind has neighbors. */
  arp?: boolean | undefined;
  /** Takes part in multicast. */
  multicast?: boolean | undefined;
  /** Receives the packets of all multicast groups. Default: false. */
  allMulticast?: boolean | undefined;
  /** Receives all packets that pass by. Default: false. */
  promiscuous?: boolean | undefined;
}

/** Settings of a link that is not the peer of a veth. */
export interface OwnSettings extends LinkSettings {
  /**
   * The bridge, bond or VRF that it becomes a part of; null for none. It must be in the same namespace as the link is
   * then.
   */
  master?: LinkReference | null | undefined;
  /** A description, at most 255 bytes. */
  alias?: string | undefined;
  /** The way the kernel generates the interface's own IPv6 addresses. */
  addressGeneration?: (typeof ADDRESS_GENERATION)[number] | undefined;
}

/** IFALIASZ of `<linux/if.h>`, less the null byte. */
const ALIAS_BYTES = 255;
const INT_MAX = 2 ** 31 - 1;

export const index = integer(1, INT_MAX);

/** Checks a link-layer address of any length: the kernel knows how long the addresses of a link are. */
export const mac: Check<string> = (name, value) => {
  validateString(name, value);
  if (/^[0-9a-f]{2}(:[0-9a-f]{2})*$/i.test(value)) return value;
  throw invalidValue(name, value, "must be a link-layer address such as '02:00:00:00:00:01'");
};

const group: Check<number | 'default'> = (name, value) => {
  if (value === 'default') return value;
  if (typeof value !== 'number') throw invalidType(name, "of type number or 'default'", value);
  if (Number.isInteger(value) && value >= 0 && value <= 0xffffffff) return value;
  throw outOfRange(name, 'an integer >= 0 && <= 4294967295', value);
};

const alias: Check<string> = (name, value) => {
  validateString(name, value);
  if (Buffer.byteLength(value) <= ALIAS_BYTES) return value;
  throw invalidValue(name, value, `must have at most ${ALIAS_BYTES} bytes`);
};

export const SETTINGS = schema<LinkSettings>()({
  up: boolean,
  mtu: integer(0, INT_MAX),
  address: mac,
  broadcast: mac,
  txQueueLength: integer(0, INT_MAX),
  gsoMaxSegments: integer(1, 65535),
  group,
  arp: boolean,
  multicast: boolean,
  allMulticast: boolean,
  promiscuous: boolean,
});

const master: Check<LinkReference | null> = (name, value) => (value === null ? null : link(name, value));

export const OWN_SETTINGS = schema<OwnSettings>()({
  ...SETTINGS.checks,
  master,
  alias,
  addressGeneration: oneOf(ADDRESS_GENERATION),
});

/** The bits of the flags, and the mask of those that are to be set or cleared. */
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

export function encodeSettings({
  mtu,
  address,
  broadcast,
  txQueueLength,
  gsoMaxSegments,
  group: number,
}: LinkSettings) {
  return {
    ADDRESS: macBytes(address),
    BROADCAST: macBytes(broadcast),
    MTU: mtu,
    TXQLEN: txQueueLength,
    GSO_MAX_SEGS: gsoMaxSegments,
    GROUP: number === 'default' ? 0 : number,
  };
}

/** The settings that a link can be given only after it has been made: `do_setlink` of the kernel. */
export function encodeLaterSettings({ alias: text, addressGeneration }: OwnSettings) {
  const mode = addressGeneration === undefined ? -1 : ADDRESS_GENERATION.indexOf(addressGeneration);
  return {
    IFALIAS: text,
    AF_SPEC: mode === -1 ? undefined : { INET6: { ADDR_GEN_MODE: mode } },
  };
}

function macBytes(address: string | undefined): Uint8Array | undefined {
  return address === undefined ? undefined : Buffer.from(address.replaceAll(':', ''), 'hex');
}
