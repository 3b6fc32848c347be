/** The hosts and networks of a lab: how they are added, while it runs, and taken out again. */
import { closedError } from '../errors/namespace-error';
import type { Parsed } from '../errors/schema';
import { invalidValue } from '../errors/validate';
import { type Capture, type CaptureOptions, startCapture } from './capture/capture';
import type { Core } from './core';
import type { EventLog } from './events';
import type { Faults } from './faults/faults';
import { hostsText } from './files';
import { Host, type HostServices } from './host';
import { type HOST, type Place, placesOf } from './host-options';
import type { Interface } from './interface';
import { type Machine, boot } from './machine';
import type { LabNetwork, NetworkServices } from './network';
import type { NETWORK } from './network-options';
import { type OUTSIDE, Outside } from './outside';
import type { Plan, Planned, Wanted } from './plan';
import { type ROUTER, Router } from './router';
import { type LabRoute, routesOf, waysOf } from './routes';
import { allSettled } from './settled';
import type { ParsedTopology } from './topology';
import { Wiring } from './wiring';

/** The options of a cable. */
type LinkSettings = Parsed<typeof NETWORK> & { readonly name?: string | undefined };

/** The parts of a lab that are built with. */
export interface Site {
  readonly core: Core;
  readonly machines: Set<Machine>;
  readonly plan: Plan;
  readonly faults: Faults;
  readonly events: EventLog;
}

/** Builds a lab, and rebuilds it. A call that fails undoes all it did. */
export class Builder {
  readonly #site: Site;
  readonly #wiring: Wiring;
  readonly #services: HostServices;
  readonly #networkServices: NetworkServices;
  #closed = false;

  constructor(site: Site) {
    const { core, plan, faults, events } = site;
    this.#site = site;
    this.#wiring = new Wiring(core.network, plan);
    this.#services = {
      plug: (interfaces, up) => this.whileOpen(() => this.#wiring.plug(interfaces, up)),
      repair: (host) => this.whileOpen(() => this.#repair(host)),
      remove: (host) => this.#removeHosts([host]),
      impair: (interfaces, impairment) => this.whileOpen(() => faults.impairInterfaces(interfaces, impairment)),
      events,
    };
    this.#networkServices = {
      capture: (network, options) => this.whileOpen(() => this.#capture(network, options)),
      remove: (network) => this.#removeNetwork(network),
      impair: (network, impairment) => this.whileOpen(() => faults.impairNetwork(network, impairment)),
    };
  }

  /** Lets nothing be built any more. What is under way fails, and says that the lab is closed. */
  close(): void {
    this.#closed = true;
  }

  mustBeOpen(): void {
    if (this.#closed) throw closedError('This Lab');
  }

  /** Does something, or says that the lab is closed if that is why it cannot be done. */
  async whileOpen<T>(work: () => Promise<T>): Promise<T> {
    this.mustBeOpen();
    try {
      const made = await work();
      this.mustBeOpen();
      return made;
    } catch (error) {
      throw this.#closed ? closedError('This Lab', error) : error;
    }
  }

  /** Builds all of a topology. */
  async build({ networks, routers, hosts, links = [], outside }: ParsedTopology): Promise<void> {
    const { plan } = this.#site;
    for (const [name, options] of networks ?? []) {
      await this.addNetwork(plan.networkName('options.networks', name), options);
    }
    for (const [name, options] of routers ?? []) {
      await this.addRouter(plan.hostName('options.routers', name), options, `options.routers.${name}`);
    }
    const wanted = [...(hosts ?? [])].map(([name, options]) =>
      this.#newHost(plan.hostName('options.hosts', name), options, `options.hosts.${name}`),
    );
    await this.#add(wanted);
    for (const [index, options] of links.entries()) {
      const option = `options.links[${index}].between`;
      await this.addLink(options.between, options, [`${option}[0]`, `${option}[1]`]);
    }
    if (outside !== undefined) await this.addOutside('options.outside.name', outside);
    for (const [name, { portForwards = [] }] of routers ?? []) {
      const router = plan.hosts.get(name) as Router;
      for (const forward of portForwards) await router.forwardPort({ ...forward, to: forward.to.name });
    }
  }

  async addNetwork(name: string, options: Parsed<typeof NETWORK>): Promise<LabNetwork> {
    const { plan, events } = this.#site;
    return this.whileOpen(async () => {
      const network = plan.addNetwork(name, options, 'network', this.#networkServices);
      await this.#addSwitch(network);
      events.add('topology', `network ${name}${subnetText(network)}`);
      return network;
    });
  }

  async addHost(name: string, options: Parsed<typeof HOST>): Promise<Host> {
    const wanted = this.#newHost(name, options);
    await this.#add([wanted]);
    return wanted.host;
  }

  /** Adds hosts of the same kind, all or none. */
  async addHosts(names: readonly string[], options: Parsed<typeof HOST>): Promise<Host[]> {
    const wanted = names.map((name) => this.#newHost(name, options));
    await this.#add(wanted);
    return wanted.map(({ host }) => host);
  }

  async addRouter(name: string, options: Parsed<typeof ROUTER>, option = 'options'): Promise<Router> {
    const { plan } = this.#site;
    const { nat } = options;
    const places = placesOf(options, option);
    const translation = nat === undefined ? undefined : plan.natOf(option, nat, places);
    const find = (each: string): Host | undefined => plan.hosts.get(each);
    const router = new Router(name, options, this.#services, { nat: translation, find });
    await this.#addWorking(router, places, () => router.translate());
    return router;
  }

  async addOutside(option: string, options: Parsed<typeof OUTSIDE>): Promise<Outside> {
    const { plan } = this.#site;
    plan.refuseOutside();
    const router = new Outside(plan.hostName(option, options.name ?? 'outside'), options, this.#services);
    await this.#addWorking(router, options.on, () => router.open());
    return router;
  }

  async addLink(
    hosts: readonly [a: unknown, b: unknown],
    options: LinkSettings,
    [a, b]: readonly [a: string, b: string] = ['a', 'b'],
  ): Promise<LabNetwork> {
    const { plan, events } = this.#site;
    const ends = [plan.hostOf(a, hosts[0]), plan.hostOf(b, hosts[1])];
    const [first, second] = ends.map(({ name }) => name);
    if (first === second) throw invalidValue(b, second, 'must be another host than the first');
    const name = plan.networkName('options.name', options.name ?? `${first}-${second}`);
    return this.whileOpen(async () => {
      const network = plan.addNetwork(name, options, 'link', this.#networkServices);
      try {
        await this.#addSwitch(network);
        const cable: Place = { option: 'options.subnet', network, addresses: [] };
        const planned = plan.addInterfaces(ends.map((host) => ({ host, places: [cable] })));
        await allSettled(planned.map((each) => this.#wiring.connect(each)));
        await this.#follow(ends);
      } catch (error) {
        await this.#removeNetwork(network);
        throw error;
      }
      events.add('topology', `link ${network.name}${subnetText(network)} between ${first} and ${second}`);
      return network;
    });
  }

  async addInterface(host: Host, on: Place): Promise<Interface> {
    const { plan, events } = this.#site;
    return this.whileOpen(async () => {
      const [planned] = plan.addInterfaces([{ host, places: [on] }]);
      const [added] = planned?.interfaces ?? [];
      if (planned === undefined || added === undefined) throw closedError(`Host ${host.name}`);
      try {
        await this.#wiring.connect(planned);
        await this.#follow([host]);
      } catch (error) {
        await this.#disconnect(planned);
        throw error;
      }
      events.add('topology', `interface ${added.name} of ${host.name} on ${added.network}`);
      return added;
    });
  }

  async removeInterface(host: Host, { name }: LabNetwork): Promise<void> {
    const interfaces = host.interfaces.filter((each) => each.network === name);
    if (interfaces.length === 0) throw invalidValue('network', name, `must be one that host ${host.name} is on`);
    await this.whileOpen(async () => {
      await this.#disconnect({ host, interfaces });
      await this.#follow();
    });
  }

  /** The names by which programs and the name servers know the hosts. */
  writeNames(): void {
    const { core, plan } = this.#site;
    const { hosts, dns } = core;
    const all = [...plan.hosts.values()];
    hosts.write(
      hostsText(
        all.flatMap(({ interfaces }) => interfaces),
        dns.rules,
      ),
    );
    dns.hosts.clear();
    for (const { name, addresses } of all) dns.hosts.set(name.toLowerCase(), addresses);
  }

  #newHost(name: string, options: Parsed<typeof HOST>, option?: string): Wanted {
    return { host: new Host(name, options, this.#services), places: placesOf(options, option) };
  }

  /** Adds hosts, all or none. */
  async #add(wanted: readonly Wanted[]): Promise<void> {
    const { plan, events } = this.#site;
    await this.whileOpen(async () => {
      const planned = plan.addInterfaces(wanted);
      for (const { host } of planned) plan.hosts.set(host.name, host);
      try {
        await allSettled(planned.map((each) => this.#start(each)));
        await this.#follow(planned.map(({ host }) => host));
      } catch (error) {
        await this.#removeHosts(planned.map(({ host }) => host));
        throw error;
      }
      for (const { host } of planned) {
        events.add('topology', `${host.isRouter ? 'router' : 'host'} ${placeText(host)}`);
      }
    });
  }

  /** Adds a host that is of no use until something has been done on it. */
  async #addWorking(host: Host, places: readonly Place[], begin: () => Promise<void>): Promise<void> {
    await this.#add([{ host, places }]);
    await this.whileOpen(async () => {
      try {
        await begin();
      } catch (error) {
        await this.#removeHosts([host]);
        throw error;
      }
    });
  }

  async #start(planned: Planned): Promise<void> {
    const { host, interfaces } = planned;
    const { core, machines, plan } = this.#site;
    const { name: hostname, isRouter } = host;
    const hasIpv6 = interfaces.some(isIpv6);
    const machine = await boot(core, host.settings, { hostname, isRouter, hasIpv6 });
    machines.add(machine);
    host.begin(machine);
    if (this.#closed || plan.hosts.get(hostname) !== host) await host.end();
    this.mustBeOpen();
    if (host.settings.egress !== undefined) await machine.reach(host.settings.egress);
    await this.#wiring.connect(planned);
  }

  /** Makes the interfaces of a host again that a program on it has changed or deleted, and its routes. */
  async #repair(host: Host): Promise<void> {
    const damaged = await this.#wiring.damaged(host);
    if (damaged.length > 0) {
      await this.#site.faults.forget(damaged);
      await this.#wiring.replace(host, damaged);
      const names = damaged.map(({ name }) => name).join(', ');
      this.#site.events.add('host', `${host.name} gets its ${names} again, which a program had changed`);
    }
    for (const each of host.interfaces) host.forgetRoutes(each);
    await this.#follow([host]);
  }

  /**
   * Makes names and routes of all hosts what they are to be now.
   *
   * @param concerned - the hosts that this is done for. What programs have done to the network of another, so that it
   * cannot have its routes, is the trouble of that host alone.
   */
  async #follow(concerned: readonly Host[] = []): Promise<void> {
    const { plan, faults, events } = this.#site;
    this.writeNames();
    const ways = waysOf(plan.networks.values(), plan.hosts);
    const routes = ({ name, leadsOutside, wired }: Host): LabRoute[] =>
      routesOf({ name, leadsOutside, interfaces: wired }, plan.networks, ways);
    await allSettled(
      [...plan.hosts.values()].map(async (host) => {
        try {
          await host.follow(routes(host));
        } catch (error) {
          if (concerned.includes(host)) throw error;
          events.add('host', `${host.name} has not got all of its routes: ${(error as Error).message}`);
        }
      }),
    );
    await faults.follow();
  }

  async #capture(network: LabNetwork, options: CaptureOptions | undefined): Promise<Capture> {
    const { core, plan } = this.#site;
    const { name, bridge } = network;
    if (plan.networks.get(name) !== network) throw closedError(`Network ${name}`);
    const { index } = await core.network.link.get(bridge);
    const source = { index, name, description: `network ${name}`, promiscuous: true };
    return startCapture(core.network, source, core.captures, options);
  }

  async #addSwitch(network: LabNetwork): Promise<void> {
    try {
      await this.#wiring.addSwitch(network);
    } catch (error) {
      this.#site.plan.networks.delete(network.name);
      throw error;
    }
  }

  async #removeHosts(hosts: readonly Host[]): Promise<void> {
    const { plan, events } = this.#site;
    for (const host of hosts) {
      plan.hosts.delete(host.name);
      events.add('topology', `host ${host.name} is removed`);
    }
    await Promise.all(hosts.map((host) => this.#disconnect({ host, interfaces: host.interfaces })));
    await Promise.all(hosts.map((host) => host.end()));
    if (!this.#closed) await this.#follow();
  }

  async #removeNetwork(network: LabNetwork): Promise<void> {
    const { plan, events } = this.#site;
    if (plan.networks.get(network.name) !== network) return;
    const { interfaces } = network;
    plan.removeNetwork(network);
    events.add('topology', `network ${network.name} is removed`);
    await this.#wiring.disconnect(interfaces);
    await this.#wiring.removeSwitch(network);
    if (!this.#closed) await this.#follow();
  }

  async #disconnect({ host, interfaces }: Planned): Promise<void> {
    for (const each of interfaces) this.#site.plan.removeInterface(host, each);
    await this.#wiring.disconnect(interfaces);
  }
}

function isIpv6({ addresses }: Interface): boolean {
  return addresses.some((address) => address.includes(':'));
}

/** The words for the places of a host in the log. */
function placeText({ name, interfaces }: Host): string {
  const places = interfaces.map(({ network, addresses }) => `${network} (${addresses.join(', ')})`);
  return places.length === 0 ? name : `${name} on ${places.join(', ')}`;
}

function subnetText({ subnet, subnet6 }: LabNetwork): string {
  return [subnet, subnet6].map((each) => (each === undefined ? '' : ` ${each}`)).join('');
}
