/** A network of a lab: a switch. */
import { inspectAs } from '../handle/inspect';
import type { Capture, CaptureOptions } from './capture/capture';
import type { Impairment } from './faults/impairment';
import type { Interface } from './interface';
import type { Subnet } from './subnet';

/** The ranges of a network's addresses. */
export interface Subnets {
  readonly inet: Subnet | undefined;
  readonly inet6: Subnet | undefined;
}

/** The services of a lab that a network needs. */
export interface NetworkServices {
  /** Starts a capture of the switch. */
  capture(network: LabNetwork, options?: CaptureOptions): Promise<Capture>;
  /** Takes a network out of the lab. */
  remove(network: LabNetwork): Promise<void>;
  impair(network: LabNetwork, impairment: Impairment | null): Promise<void>;
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
  readonly #services: NetworkServices;

  /** @internal */
  constructor(name: string, bridge: string, subnets: Subnets, isLink: boolean, services: NetworkServices) {
    this.#services = services;
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

  /**
   * Captures the packets that reach the switch, each of them once: a file for Wireshark, an iterator, or both. It ends with
   * the lab. What is lost on the way to the switch is not there; {@link Host.capture} has what a host has sent.
   *
   * @throws NamespaceError for a file that cannot be created
   *
   * @example
   * ```ts
   * await using capture = await lan.capture({ file: 'lan.pcapng' });
   * ```
   */
  async capture(options?: CaptureOptions): Promise<Capture> {
    return this.#services.capture(this, options);
  }

  /** Takes the network out of the lab, with the interfaces that hosts have on it. */
  async close(): Promise<void> {
    await this.#services.remove(this);
  }

  /** Calls {@link LabNetwork.close}: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Impairs the network: each frame once, on its way from a host into the switch, of the hosts that are on it and of those
   * that come later. So a delay of 10 makes a round trip 20 ms longer.
   *
   * @param impairment - null for none
   *
   * @example
   * ```ts
   * await wan.impair({ delay: 50, jitter: 5, loss: 0.01, rate: '10mbit' });
   * ```
   */
  async impair(impairment: Impairment | null): Promise<void> {
    await this.#services.impair(this, impairment);
  }
}
