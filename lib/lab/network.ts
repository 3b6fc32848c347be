/** A network of a lab: a switch. */
import { inspectAs } from '../handle/inspect';
import type { Interface } from './interface';
import type { Subnet } from './subnet';

/** The ranges of a network's addresses. */
export interface Subnets {
  readonly inet: Subnet | undefined;
  readonly inet6: Subnet | undefined;
}

/**
 * A network: a switch, and the hosts with an interface on it. {@link Lab.addNetwork} makes one, and {@link Lab.addLink}
 * makes one of two hosts, a cable.
 */
export class LabNetwork {
  static {
    inspectAs(this, (network) => ({
      [network.name]: true,
      subnet: network.subnet,
      subnet6: network.subnet6,
      hosts: network.interfaces.length,
    }));
  }

  /** Its name. */
  readonly name: string;
  /** The name of its switch, a link that no host sees: bridge(8). */
  readonly bridge: string;
  /** True for a cable between two hosts. */
  readonly isLink: boolean;
  /** @internal */
  readonly subnets: Subnets;
  /** @internal */
  readonly ports: Interface[] = [];

  /** @internal */
  constructor(name: string, bridge: string, subnets: Subnets, isLink: boolean) {
    this.name = name;
    this.bridge = bridge;
    this.subnets = subnets;
    this.isLink = isLink;
  }

  /** The range of its IPv4 addresses: `'10.0.0.0/24'`. */
  get subnet(): string | undefined {
    return this.subnets.inet?.toString();
  }

  /** The range of its IPv6 addresses. */
  get subnet6(): string | undefined {
    return this.subnets.inet6?.toString();
  }

  /** The interfaces of hosts on it, in the order in which they were made. */
  get interfaces(): readonly Interface[] {
    return [...this.ports];
  }
}
