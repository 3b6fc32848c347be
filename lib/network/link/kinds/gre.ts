import { invalidValue } from '../../../errors/validate';
import { validateAddress } from '../../ip';
import { attributes } from '../../netlink/attributes';
import { be16, be32, flag, ip, u32, u8 } from '../../netlink/types';
import type { LinkReference } from '../link-name';
import { type KindOption, type Value, attribute, bit, integer, leavesBy, linkKind } from './kind';
import { present } from './geneve';

/** The options of both a GRE tunnel over IPv4 and one over IPv6. */
export interface GreCommonOptions {
  /** The link that its packets leave by. Default: that of the route to the other end. */
  link?: LinkReference | undefined;
  /** The key of packets in both directions, in place of `inputKey` and `outputKey`. Default: none. */
  key?: number | undefined;
  /** The key that packets must have which come in. Default: none. */
  inputKey?: number | undefined;
  /** The key of packets that go out. Default: none. */
  outputKey?: number | undefined;
  /** Sends packets with checksums, and takes no others. Default: false. */
  checksum?: boolean | undefined;
  /** Sends packets with numbers, and drops those that come out of order. Default: false. */
  sequence?: boolean | undefined;
  /** Takes the destination of each packet from its sender (a route, Open vSwitch). Default: false. */
  external?: boolean | undefined;
}

/**
 * A GRE tunnel over IPv4, RFC 2784: for IP packets (`'gre'`), or for Ethernet frames (`'gretap'`). Needs
 * CONFIG_NET_IPGRE.
 */
export interface GreOptions extends GreCommonOptions {
  /** The address that its packets come from. Default: that of the route to the other end. */
  local?: string | undefined;
  /** The address of the other end. A `'gretap'` that is not `external` needs it for its packets to go anywhere. */
  remote?: string | undefined;
  /** The time to live of its packets; 0 for that of the packet inside. Default: 0. */
  ttl?: number | undefined;
  /** The type of service of its packets; 1 for that of the packet inside. Default: 0. */
  tos?: number | undefined;
  /** Forbids fragments of its packets, so that senders find the largest size. Default: true. */
  pathMtuDiscovery?: boolean | undefined;
  /** Allows fragments of packets that forbid them. `pathMtuDiscovery` must be false then. Default: false. */
  ignoreDf?: boolean | undefined;
}

/**
 * A GRE tunnel over IPv6, RFC 7676: for IP packets (`'ip6gre'`), or for Ethernet frames (`'ip6gretap'`). Needs
 * CONFIG_IPV6_GRE.
 */
export interface Ip6greOptions extends GreCommonOptions {
  /** The address that its packets come from. Default: that of the route to the other end. */
  local?: string | undefined;
  /** The address of the other end. Needed, unless the link is `external`. */
  remote?: string | undefined;
  /** The hop limit of its packets; 0 for that of the packet inside. Default: 64, as `ip` has it. */
  ttl?: number | undefined;
  /** The number of further tunnels that its packets may pass, 0 to 255, or `'none'` for any. Default: 4, as `ip` has it. */
  encapLimit?: number | 'none' | undefined;
  /** The flow label of its packets: 0 to 1048575. Default: 0. */
  flowLabel?: number | undefined;
}

/** Bits of a GRE header: `<linux/if_tunnel.h>`. */
const GRE_CSUM = 0x8000;
const GRE_KEY = 0x2000;
const GRE_SEQ = 0x1000;

/** IP6_TNL_F_IGN_ENCAP_LIMIT of `<linux/ip6_tunnel.h>`. */
const IGNORE_ENCAP_LIMIT = 1;

const GRE = {
  LINK: [1, u32],
  IFLAGS: [2, be16],
  OFLAGS: [3, be16],
  IKEY: [4, be32],
  OKEY: [5, be32],
  LOCAL: [6, ip],
  REMOTE: [7, ip],
  TTL: [8, u8],
  TOS: [9, u8],
  PMTUDISC: [10, u8],
  ENCAP_LIMIT: [11, u8],
  FLOWINFO: [12, be32],
  FLAGS: [13, u32],
  COLLECT_METADATA: [18, flag],
  IGNORE_DF: [19, u8],
} as const;

interface Flags {
  IFLAGS?: number | undefined;
  OFLAGS?: number | undefined;
  IKEY?: number | undefined;
  OKEY?: number | undefined;
}

const ANY_KEY = integer(0, 0xffffffff);

/** The keys that a message has, by the flags that say if there is one. */
function keysOf({ IFLAGS = 0, OFLAGS = 0, IKEY, OKEY }: Flags): {
  input?: number | undefined;
  output?: number | undefined;
} {
  return { input: (IFLAGS & GRE_KEY) === 0 ? undefined : IKEY, output: (OFLAGS & GRE_KEY) === 0 ? undefined : OKEY };
}

const key: KindOption<number, Flags> = {
  check: ANY_KEY.check,
  encode: (value) => ({ IKEY: value, OKEY: value }),
  describe(data) {
    const { input, output } = keysOf(data);
    return input === output ? input : undefined;
  },
};

function oneKey(attributeName: 'IKEY' | 'OKEY', direction: 'input' | 'output'): KindOption<number, Flags> {
  return {
    check: ANY_KEY.check,
    encode: (value) => ({ [attributeName]: value }),
    describe(data) {
      const keys = keysOf(data);
      return keys.input === keys.output ? undefined : keys[direction];
    },
  };
}

/** A setting of both directions that is a bit of the flags, which {@link flagsOf} makes. */
function flagBit(mask: number): KindOption<boolean, Flags> {
  return {
    check: bit.check,
    encode: () => ({}),
    describe: ({ IFLAGS = 0 }) => ((IFLAGS & mask) === 0 ? undefined : true),
  };
}

/** The flags of the header in each direction. */
function flagsOf({ key: both, inputKey, outputKey, checksum, sequence }: Partial<GreCommonOptions>): Flags {
  const common = (checksum === true ? GRE_CSUM : 0) | (sequence === true ? GRE_SEQ : 0);
  const withKey = (given: number | undefined): number => common | ((both ?? given) === undefined ? 0 : GRE_KEY);
  const [input, output] = [withKey(inputKey), withKey(outputKey)];
  return input === 0 && output === 0 ? {} : { IFLAGS: input, OFLAGS: output };
}

const COMMON = {
  link: leavesBy,
  key,
  inputKey: oneKey('IKEY', 'input'),
  outputKey: oneKey('OKEY', 'output'),
  checksum: flagBit(GRE_CSUM),
  sequence: flagBit(GRE_SEQ),
  external: attribute('COLLECT_METADATA', present),
};

function validateKeys(name: string, { key: both, inputKey, outputKey }: Partial<GreCommonOptions>): void {
  if (both === undefined || (inputKey ?? outputKey) === undefined) return;
  throw invalidValue(`${name}.key`, both, 'must not be given together with inputKey or outputKey');
}

/** An end of the tunnel. The kernel shows zeros where there is none. */
function end<K extends 'LOCAL' | 'REMOTE'>(
  attributeName: K,
  family: 'inet' | 'inet6',
): KindOption<string, Partial<Record<K, string | undefined>>> {
  return {
    check: (name, value) => validateAddress(name, value, family),
    encode: (value) => ({ [attributeName]: value }) as Partial<Record<K, string>>,
    describe(data) {
      const address = data[attributeName];
      return address === '0.0.0.0' || address === '::' ? undefined : address;
    },
  };
}

/** A gre or gretap. A change of one would set all that it does not mention to zero, so that none is offered. */
export const gre = linkKind<GreOptions>()({
  attributes: attributes('IFLA_GRE_', GRE),
  options: {
    ...COMMON,
    local: end('LOCAL', 'inet'),
    remote: end('REMOTE', 'inet'),
    ttl: attribute('TTL', integer(0, 255)),
    tos: attribute('TOS', integer(0, 255)),
    pathMtuDiscovery: attribute('PMTUDISC', bit),
    ignoreDf: attribute('IGNORE_DF', bit),
  },
  together: flagsOf,
  fixed: 'all',
  validate(name, options) {
    validateKeys(name, options);
    if (options.ignoreDf !== true || options.pathMtuDiscovery === false) return;
    throw invalidValue(`${name}.ignoreDf`, true, 'needs pathMtuDiscovery: false');
  },
});

const encapLimit: KindOption<number | 'none', { ENCAP_LIMIT?: number | undefined; FLAGS?: number | undefined }> = {
  check: (name, value) => (value === 'none' ? value : integer(0, 255).check(name, value)),
  encode: (value) => (value === 'none' ? { FLAGS: IGNORE_ENCAP_LIMIT } : { ENCAP_LIMIT: value }),
  describe: ({ ENCAP_LIMIT, FLAGS = 0 }) => ((FLAGS & IGNORE_ENCAP_LIMIT) === 0 ? ENCAP_LIMIT : 'none'),
};

/** The lower 20 bits of a word that has the traffic class above them. */
const flowLabel: Value<number, number> = { ...integer(0, 0xfffff), show: (wire) => wire & 0xfffff };

/** An ip6gre or ip6gretap. */
export const ip6gre = linkKind<Ip6greOptions>()({
  attributes: attributes('IFLA_GRE_', GRE),
  options: {
    ...COMMON,
    local: end('LOCAL', 'inet6'),
    remote: end('REMOTE', 'inet6'),
    ttl: attribute('TTL', integer(0, 255)),
    encapLimit,
    flowLabel: attribute('FLOWINFO', flowLabel),
  },
  together: flagsOf,
  defaults: { ttl: 64, encapLimit: 4 },
  fixed: 'all',
  validate(name, options) {
    validateKeys(name, options);
    if (options.remote !== undefined || options.external === true) return;
    throw invalidValue(`${name}.remote`, options.remote, 'must be given, unless the link is external');
  },
});
