/** The options of hosts and routers, checked. */
import { type Check, type Parsed, boolean, list, required, schema } from '../errors/schema';
import { invalidType, invalidValue, validateString } from '../errors/validate';
import { clocks } from '../launch/unshare-spec';
import type { EgressPolicy } from '../network/egress/policy/egress-policy';
import type * as policies from '../network/egress/policy/policy';
import type { Policy } from '../network/egress/policy/policy';
import type { LabNetwork } from './network';
import { hostAddress } from './subnet';

/** A place on a network: the network, by itself or by its name, and the addresses to have there. */
export interface Placement {
  /** The network. */
  network: LabNetwork | string;
  /** The address, or one of each family. Default: the next that is free. */
  address?: string | readonly string[] | undefined;
}

/** Options of {@link Lab.addHost}. */
export interface HostOptions {
  /** The networks that it has an interface on, in the order of `eth0`, `eth1`, … Default: none. */
  on?: LabNetwork | string | Placement | readonly (LabNetwork | string | Placement)[] | undefined;
  /** The address on the only network, or one of each family. Default: the next that is free. */
  address?: string | readonly string[] | undefined;
  /** True for a `/tmp` of its own, in memory, which is empty after each start. Default: that of this process. */
  tmp?: boolean | undefined;
  /** True for a `/run` of its own, in memory, which is empty after each start. Default: that of this process. */
  run?: boolean | undefined;
  /** Offsets of its clocks, in seconds: `time_namespaces(7)`. Default: the clocks of this process. */
  clock?:
    | {
        /** The offset of CLOCK_MONOTONIC, in seconds or (bigint) nanoseconds. Default: 0. */
        monotonic?: number | bigint | undefined;
        /** The offset of CLOCK_BOOTTIME, and so of `/proc/uptime`, in seconds or (bigint) nanoseconds. Default: 0. */
        boottime?: number | bigint | undefined;
      }
    | undefined;
  /**
   * The hosts that its programs reach, and no others, whatever they do: `Network.egress()`. It is for a host that is on
   * no network of the lab. Its connections are made from {@link EgressPolicy.outside}, which may be another host of the
   * lab. Default: a host without networks reaches nothing.
   */
  egress?: EgressPolicy | undefined;
}

/** The settings of a host that are not of its networks. */
export type HostSettings = Pick<HostOptions, 'tmp' | 'run' | 'clock'> & { readonly egress?: Policy | undefined };

/** A place on a network as options have it. */
export interface Place {
  /** The option that names the network, for errors. */
  readonly option: string;
  readonly network: LabNetwork | string;
  readonly addresses: readonly string[];
}

const addresses: Check<string[]> = (name, value) =>
  Array.isArray(value) ? list(hostAddress)(name, value) : [hostAddress(name, value)];

/** A network by itself or by its name; the lab finds out if it is one of its own. */
export const networkReference: Check<LabNetwork | string> = (name, value) => {
  if (typeof value === 'string') return value;
  if (value !== null && typeof value === 'object' && 'bridge' in value) return value as LabNetwork;
  throw invalidType(name, "a network of this lab, or a network's name", value);
};

const PLACEMENT = schema<Placement>()({ network: required(networkReference), address: addresses });

export const place: Check<Place> = (name, value) => {
  const isPlacement = value !== null && typeof value === 'object' && 'network' in value;
  if (!isPlacement) return { option: name, network: networkReference(name, value), addresses: [] };
  const { network, address = [] } = PLACEMENT(name, value);
  return { option: name, network, addresses: address };
};

const places: Check<Place[]> = (name, value) =>
  Array.isArray(value) ? list(place)(name, value) : [place(name, value)];

/** The code for policies is loaded with the first one. */
const policy: Check<Policy> = (name, value) => {
  const { Policy: Class } = require('../network/egress/policy/policy') as typeof policies;
  return Class.of(name, value);
};

export const HOST = schema<HostOptions>()({
  on: places,
  address: addresses,
  tmp: boolean,
  run: boolean,
  clock: clocks,
  egress: policy,
});

/** The places of a host, from its checked options, which errors call `option`. */
export function placesOf(
  { on = [], address }: Pick<Parsed<typeof HOST>, 'on' | 'address'>,
  option = 'options',
): readonly Place[] {
  const [first] = on;
  if (address === undefined || first === undefined) return refuseLonely(option, on, address);
  if (on.length > 1 || first.addresses.length > 0) {
    throw invalidValue(
      `${option}.address`,
      address,
      'is for hosts on one network; name it with each network of several',
    );
  }
  return [{ ...first, option: `${option}.address`, addresses: address }];
}

function refuseLonely(option: string, on: readonly Place[], address: readonly string[] | undefined): readonly Place[] {
  if (address !== undefined)
    throw invalidValue(`${option}.address`, address, `must be given together with '${option}.on'`);
  return on;
}

/** A label of the domain name system, RFC 1123. */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

/** The names that mean the host itself, everywhere. */
const RESERVED = ['localhost', 'ip6-localhost', 'ip6-loopback'];

/** Checks the name of a host or of a network. */
export const labName: Check<string> = (name, value) => {
  validateString(name, value);
  if (!LABEL.test(value)) {
    throw invalidValue(name, value, "must be a name that DNS allows: 1 to 63 letters, digits and '-', without a dot");
  }
  if (RESERVED.includes(value.toLowerCase())) throw invalidValue(name, value, 'must not be a name of the loopback');
  return value;
};
