/** The plan of a lab: its hosts, networks, interfaces and addresses. Nothing here asks the kernel for anything. */
import type { Parsed } from '../errors/schema';
import { invalidValue, validateArray } from '../errors/validate';
import type { Host } from './host';
import { type Place, labName, networkReference } from './host-options';
import type { Interface } from './interface';
import { macOf } from './mac';
import { LabNetwork, type NetworkServices } from './network';
import { type NETWORK, subnetsOf } from './network-options';
import { Outside } from './outside';
import { outsideRange } from './outside-range';
import { type Nat, hostReference } from './router';
import type { Subnet } from './subnet';

/** A host that is to get interfaces. */
export interface Wanted {
  readonly host: Host;
  readonly places: readonly Place[];
}

/** A host with interfaces that are planned, and that the kernel may not have yet. */
export interface Planned {
  readonly host: Host;
  readonly interfaces: readonly Interface[];
}

const NO_NETWORK_WITH_EGRESS =
  "must not be given to a host with 'egress': each packet that it sends to whatever address stays in it, so that it could answer nobody on a network";

export class Plan {
  readonly hosts = new Map<string, Host>();
  readonly networks = new Map<string, LabNetwork>();
  #ports = 0;
  #switches = 0;

  /** A host of this lab that an option names. */
  hostOf(option: string, value: unknown): Host {
    const { hosts } = this;
    const host = typeof value === 'string' ? hosts.get(value) : [...hosts.values()].find((each) => each === value);
    if (host !== undefined) return host;
    const { name } = hostReference(option, value);
    throw invalidValue(option, name, `must be a host of this lab: ${[...hosts.keys()].join(', ') || 'it has none'}`);
  }

  /** A host of this lab, or the name or the address of something else. */
  hostOrName(option: string, value: unknown): Host | string {
    return typeof value === 'string' ? (this.hosts.get(value) ?? value) : this.hostOf(option, value);
  }

  /** A network of this lab that an option names. */
  networkOf(option: string, value: unknown): LabNetwork {
    const reference = networkReference(option, value);
    const name = typeof reference === 'string' ? reference : reference.name;
    const network = this.networks.get(name);
    if (network !== undefined && (typeof reference === 'string' || reference === network)) return network;
    const all = [...this.networks.keys()].join(', ') || 'it has none';
    throw invalidValue(option, name, `must be a network of this lab: ${all}`);
  }

  /** Checks the name of a new host. */
  hostName(option: string, value: unknown): string {
    return freeName(option, value, this.hosts);
  }

  /** Checks the names of several new hosts. */
  hostNames(option: string, values: readonly unknown[]): string[] {
    validateArray(option, values);
    const names = values.map((each, index) => this.hostName(`${option}[${index}]`, each));
    names.forEach((name, index) => {
      if (names.findIndex((other) => same(other, name)) !== index) throw taken(`${option}[${index}]`, name);
    });
    return names;
  }

  /** Checks the name of a new network. */
  networkName(option: string, value: unknown): string {
    return freeName(option, value, this.networks);
  }

  /** The router that leads outside, if there is one. */
  get wayOutside(): Outside | undefined {
    return [...this.hosts.values()].find((host) => host instanceof Outside);
  }

  /** Checks that this lab can have a way outside. */
  refuseOutside(): void {
    const other = this.wayOutside;
    if (other !== undefined)
      throw invalidValue('options.on', other.name, 'leads outside already, and a lab has one way');
    const range = outsideRange();
    const overlapping = [...this.networks.values()].find(({ subnets }) => subnets.inet?.overlaps(range));
    if (overlapping !== undefined) throw invalidValue('options.on', overlapping.subnet, overlapsOutside(range));
  }

  /** Checks that the network of a NAT is one that its router is on. */
  natOf(
    option: string,
    { network, type }: { network: LabNetwork | string; type: Nat['type'] },
    places: readonly Place[],
  ): Nat {
    const outside = this.networkOf(`${option}.nat`, network);
    if (places.some((place) => this.networkOf(place.option, place.network) === outside)) {
      return { network: outside.name, type };
    }
    throw invalidValue(`${option}.nat`, outside.name, `must be one of the networks in '${option}.on'`);
  }

  addNetwork(
    name: string,
    options: Pick<Parsed<typeof NETWORK>, 'subnet' | 'subnet6'>,
    kind: 'network' | 'link',
    services: NetworkServices,
  ): LabNetwork {
    const others = [...this.networks.values()].map(({ subnets }) => subnets);
    const subnets = subnetsOf(options, kind, others);
    const range = outsideRange();
    if (subnets.inet?.overlaps(range) === true && this.wayOutside !== undefined) {
      throw invalidValue('options.subnet', String(subnets.inet), overlapsOutside(range));
    }
    const network = new LabNetwork(name, `n${++this.#switches}`, subnets, kind === 'link', services);
    this.networks.set(name, network);
    return network;
  }

  /** Takes a network out, with the interfaces that hosts have on it. */
  removeNetwork(network: LabNetwork): void {
    for (const each of network.interfaces) {
      const host = this.hosts.get(each.host);
      if (host !== undefined) this.removeInterface(host, each);
    }
    this.networks.delete(network.name);
  }

  /** Gives hosts their interfaces and addresses, of all or of none. */
  addInterfaces(wanted: readonly Wanted[]): Planned[] {
    const planned: Planned[] = [];
    try {
      for (const { host, places } of wanted) {
        const interfaces: Interface[] = [];
        planned.push({ host, interfaces });
        for (const place of places) interfaces.push(this.#addInterface(host, place));
      }
      return planned;
    } catch (error) {
      // The last address that was given out is the first that is free again.
      const given = planned.flatMap(({ host, interfaces }) => interfaces.map((each) => [host, each] as const));
      for (const [host, each] of given.reverse()) this.removeInterface(host, each);
      throw error;
    }
  }

  removeInterface(host: Host, gone: Interface): void {
    const network = this.networks.get(gone.network);
    for (const list of [host.ports, host.wired, network?.ports]) {
      const at = list?.indexOf(gone) ?? -1;
      if (at >= 0) list?.splice(at, 1);
    }
    host.unplugged.delete(gone.network);
    host.forgetRoutes(gone);
    const { inet, inet6 } = network?.subnets ?? {};
    for (const address of gone.addresses) (address.includes(':') ? inet6 : inet)?.release(address);
  }

  /** The addresses of an interface, each with the length of its prefix. */
  prefixesOf({ network, addresses }: Interface): string[] {
    const { inet, inet6 } = this.networks.get(network)?.subnets ?? {};
    return addresses.map((address) => `${address}/${(address.includes(':') ? inet6 : inet)?.length}`);
  }

  #addInterface(host: Host, { option, network: reference, addresses: given }: Place): Interface {
    const network = this.networkOf(option, reference);
    if (host.settings.egress !== undefined) throw invalidValue(option, network.name, NO_NETWORK_WITH_EGRESS);
    if (host.ports.some((each) => each.network === network.name)) {
      throw invalidValue(option, network.name, `must not be named twice: host ${host.name} is on it already`);
    }
    const addresses = addressesFor(option, host.name, network, given);
    const number = ++this.#ports;
    const added: Interface = {
      host: host.name,
      network: network.name,
      name: nextName(host.ports.at(-1)),
      index: host.nextIndex,
      addresses,
      mac: macOf(addresses, number),
      port: `p${number}`,
    };
    host.ports.push(added);
    network.ports.push(added);
    return added;
  }
}

/** The addresses of an interface: those that were given, and the next that is free of each family without one. */
function addressesFor(option: string, host: string, network: LabNetwork, given: readonly string[]): string[] {
  const { inet, inet6 } = network.subnets;
  const addresses: string[] = [];
  try {
    for (const subnet of [inet, inet6]) {
      const own = given.filter((address) => address.includes(':') === (subnet?.family === 'inet6'));
      if (subnet === undefined) continue;
      for (const address of own) addresses.push(subnet.takeGiven(option, address, `host ${host}`));
      if (own.length > 0) continue;
      const address = subnet.take(`host ${host}`);
      if (address === undefined) throw invalidValue(option, network.name, `has no address left in ${String(subnet)}`);
      addresses.push(address);
    }
    const stranger = given.find((address) => !addresses.includes(address));
    if (stranger === undefined) return addresses;
    throw invalidValue(option, stranger, `must be of a family that network ${network.name} has`);
  } catch (error) {
    for (const address of addresses) (address.includes(':') ? inet6 : inet)?.release(address);
    throw error;
  }
}

/** The name of the interface after the last one of a host. */
function nextName(last: Interface | undefined): string {
  return `eth${last === undefined ? 0 : Number(last.name.slice('eth'.length)) + 1}`;
}

function freeName(option: string, value: unknown, among: ReadonlyMap<string, unknown>): string {
  const name = labName(option, value);
  if ([...among.keys()].some((other) => same(other, name))) throw taken(option, name);
  return name;
}

/** Names are the same whatever case they are in: RFC 4343. */
function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function taken(option: string, name: string): Error {
  return invalidValue(option, name, 'must be a name that is not taken');
}

function overlapsOutside(range: Subnet): string {
  return `must not overlap ${String(range)}, which the way outside has`;
}
