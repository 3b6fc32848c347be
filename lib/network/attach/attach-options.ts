import { isIPv4 } from 'node:net';
import { plainOptions } from '../../errors/plain';
import {
  invalidValue,
  validateAbortSignal,
  validateArray,
  validateBoolean,
  validateInteger,
  validateOneOf,
  validateString,
} from '../../errors/validate';

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

/** The options of {@link Network.attach}, checked and complete. */
export interface AttachPlan {
  readonly program: AttachProgram;
  readonly ports: readonly Required<{ [K in keyof PortForward]: NonNullable<PortForward[K]> }>[];
  readonly hostLoopback: boolean;
  readonly ipv6: boolean;
  readonly interface: string;
  readonly mtu: number;
  readonly signal: AbortSignal | undefined;
}

const KNOWN: Record<keyof NetworkAttachOptions, true> = {
  with: true,
  ports: true,
  hostLoopback: true,
  ipv6: true,
  interface: true,
  mtu: true,
  signal: true,
};

const KNOWN_OF_PORT: Record<keyof PortForward, true> = {
  direction: true,
  protocol: true,
  host: true,
  inside: true,
  address: true,
};

const LARGEST_MTU = 65520;

export function parseAttach(options: unknown): AttachPlan {
  const given = plainOptions('options', options, Object.keys(KNOWN)) as NetworkAttachOptions;
  const { with: program = 'pasta', ports = [], hostLoopback = false, ipv6 = false, signal } = given;
  const { interface: device = 'tap0', mtu = LARGEST_MTU } = given;
  validateOneOf('options.with', program, ['pasta', 'slirp4netns']);
  validateArray('options.ports', ports);
  validateBoolean('options.hostLoopback', hostLoopback);
  validateBoolean('options.ipv6', ipv6);
  validateString('options.interface', device);
  if (!/^[^\s/:]{1,15}$/.test(device) || device === '.' || device === '..') {
    throw invalidValue('options.interface', device, 'must be the name of an interface');
  }
  validateInteger('options.mtu', mtu, 1280, LARGEST_MTU);
  if (signal !== undefined) validateAbortSignal('options.signal', signal);
  const parsed = ports.map((port, index) => parsePort(`options.ports[${index}]`, port));
  return { program, ports: parsed, hostLoopback, ipv6, interface: device, mtu, signal };
}

function parsePort(name: string, port: unknown): AttachPlan['ports'][number] {
  const bag = typeof port === 'number' ? { host: port } : port;
  const given = plainOptions(name, bag, Object.keys(KNOWN_OF_PORT)) as unknown as PortForward;
  const { direction = 'in', protocol = 'tcp', host, inside = host, address = '127.0.0.1' } = given;
  validateOneOf(`${name}.direction`, direction, ['in', 'out']);
  validateOneOf(`${name}.protocol`, protocol, ['tcp', 'udp']);
  validateInteger(`${name}.host`, host, 1, 65535);
  validateInteger(`${name}.inside`, inside, 1, 65535);
  if (typeof address !== 'string' || !isIPv4(address))
    throw invalidValue(`${name}.address`, address, 'must be an IPv4 address');
  if (direction === 'out' && given.address !== undefined) {
    throw invalidValue(`${name}.address`, address, "can be given only with direction 'in'");
  }
  return { direction, protocol, host, inside, address };
}
