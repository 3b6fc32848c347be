import { isIPv4 } from 'node:net';
import { type Check, abortSignal, boolean, integer, list, oneOf, required, schema, string } from '../../errors/schema';
import { invalidValue } from '../../errors/validate';

/** The programs that connect a network namespace to the outside without privileges. */
export type AttachProgram = 'pasta' | 'slirp4netns';

/** A port of one side that leads to a port of the other. */
export interface PortForward {
  /**
   * The direction: `'in'` listens on the host and leads inside; `'out'` listens inside and leads to the host, only with
   * pasta. Default: `'in'`.
   */
  direction?: 'in' | 'out' | undefined;
  /**
   * The protocol. slirp4netns forwards UDP ports only with `hostLoopback`. Some versions of pasta, that of Debian 12
   * among them, lose the answers to UDP ports that are not the same on both sides. Default: `'tcp'`.
   */
  protocol?: 'tcp' | 'udp' | undefined;
  /** The number of the port on the host. */
  host: number;
  /** The number of the port inside. Default: that of {@link host}. */
  inside?: number | undefined;
  /** The IPv4 address of the host to listen on, `'0.0.0.0'` for all; only for `'in'`. Default: `'127.0.0.1'`. */
  address?: string | undefined;
}

/** Options of {@link Network.attach}. Unknown ones are errors. */
export interface NetworkAttachOptions {
  /**
   * The program. Default: `'pasta'`. Debian has it in the package passt, and slirp4netns in the package of that name.
   */
  with?: AttachProgram | undefined;
  /**
   * The ports that are forwarded. A number is a TCP port that is the same on both sides, and leads in. Default: none.
   */
  ports?: readonly (number | PortForward)[] | undefined;
  /**
   * Lets the gateway's address lead to the loopback of the host, and so to all services that listen only there.
   * Default: false.
   */
  hostLoopback?: boolean | undefined;
  /** Connects IPv6 as well, if the host has it. Default: false. */
  ipv6?: boolean | undefined;
  /** The name of the interface inside. Default: `'tap0'`. */
  interface?: string | undefined;
  /** The largest packet of the interface, in bytes. Default: 65520, because its packets never go over a wire. */
  mtu?: number | undefined;
  /** Aborts the call, which then rejects with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

/** {@link PortForward}, checked and complete. */
type Forward = Required<{ [K in keyof PortForward]: NonNullable<PortForward[K]> }>;

/** The options of {@link Network.attach}, checked and complete. */
export interface AttachPlan {
  readonly program: AttachProgram;
  readonly ports: readonly Forward[];
  readonly hostLoopback: boolean;
  readonly ipv6: boolean;
  readonly interface: string;
  readonly mtu: number;
  readonly signal: AbortSignal | undefined;
}

const LARGEST_MTU = 65520;

const portNumber = integer(1, 65535);

const ipv4: Check<string> = (name, value) => {
  if (typeof value === 'string' && isIPv4(value)) return value;
  throw invalidValue(name, value, 'must be an IPv4 address');
};

const interfaceName: Check<string> = (name, value) => {
  const text = string(name, value);
  if (/^[^\s/:]{1,15}$/.test(text) && text !== '.' && text !== '..') return text;
  throw invalidValue(name, value, 'must be the name of an interface');
};

const FORWARD = schema<PortForward>()({
  direction: oneOf(['in', 'out']),
  protocol: oneOf(['tcp', 'udp']),
  host: required(portNumber),
  inside: portNumber,
  address: ipv4,
});

const forward: Check<Forward> = (name, value) => {
  const given = FORWARD(name, typeof value === 'number' ? { host: value } : value);
  const { direction = 'in', protocol = 'tcp', host, inside = host, address = '127.0.0.1' } = given;
  if (direction === 'out' && given.address !== undefined) {
    throw invalidValue(`${name}.address`, address, "can be given only with direction 'in'");
  }
  return { direction, protocol, host, inside, address };
};

const ATTACH = schema<NetworkAttachOptions>()({
  with: oneOf(['pasta', 'slirp4netns']),
  ports: list(forward),
  hostLoopback: boolean,
  ipv6: boolean,
  interface: interfaceName,
  mtu: integer(1280, LARGEST_MTU),
  signal: abortSignal,
});

export function parseAttach(options: unknown): AttachPlan {
  const given = ATTACH('options', options);
  const { with: program = 'pasta', ports = [], hostLoopback = false, ipv6 = false } = given;
  const { interface: device = 'tap0', mtu = LARGEST_MTU, signal } = given;
  return { program, ports, hostLoopback, ipv6, interface: device, mtu, signal };
}
