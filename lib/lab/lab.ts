/** A lab: hosts and the networks between them. */
import { OURS, mustBeOurs } from '../errors/illegal-constructor';
import { randomInt } from 'node:crypto';
import { closedError } from '../errors/namespace-error';
import { type Parsed, integer, required, schema, schemaOf, without } from '../errors/schema';
import { invalidValue, validateArray } from '../errors/validate';
import { closeWhenForgotten, notForgotten } from '../handle/forgotten';
import { inspectAs } from '../handle/inspect';
import { type IdMap, idMap } from '../idmap/id-map';
import { type Capture, type CaptureOptions, startCapture } from './capture/capture';
import { type Core, closeCore, createCore } from './core';
import { LabDns } from './dns/dns';
import { EventLog } from './events';
import { mapsOfLab } from './id-map';
import { type LinkCounters, countersOf } from './faults/counters';
import { Cuts } from './faults/cuts';
import { type Fault, Faults } from './faults/faults';
import type { Impairment } from './faults/impairment';
import { type CutRule, hostList, parseGroups } from './faults/cut-rule';
import { Partition } from './faults/partition';
import { Schedule, type ScheduledStep } from './faults/schedule';
import { Wires } from './faults/wires';
import { hostsText } from './files';
import { Host, type HostServices } from './host';
import {
  HOST,
  type HostOptions,
  type Place,
  type Placement,
  labName,
  networkReference,
  place,
  placesOf,
} from './host-options';
import { type LabJSON, type ParsedTopology, TOPOLOGY, type Topology, toJSON, toText } from './topology';
import type { Interface } from './interface';
import { type Machine, boot } from './machine';
import type { Network } from '../network/network';
import { macOf } from './mac';
import { LabNetwork, type NetworkServices } from './network';
import { indexOfPort, indexOfSwitch, untilForwarding } from './port';
import { NETWORK, type LabNetworkOptions, subnetsOf } from './network-options';
import { OUTSIDE, Outside, type OutsideOptions } from './outside';
import { outsideRange } from './outside-range';
import { type LabPage, type PageOptions, startPage } from './page/page';
import { subjectOf } from './page/subject';
import { sceneOf } from './picture/scene';
import { toSvg } from './picture/svg';
import {
  PING,
  type PingMatrix,
  type PingOptions,
  type PingResult,
  TRACE,
  type Trace,
  type TraceOptions,
  ping,
  pingAll,
  trace,
} from './ping/ping';
import { type Nat, ROUTER, Router, type RouterOptions, hostReference } from './router';
import { type LabRoute, routesOf, waysOf } from './routes';
import type { Subnet } from './subnet';

/** Options of {@link Lab.create}. */
export interface LabOptions extends Topology {
  /** The number from which all that is random in the lab follows: which packets are lost. Default: one by chance. */
  seed?: number | undefined;
  /**
   * The ids that exist on its hosts, as the maps of {@link unshare} have them. Default: all ids of
   * this process, each as itself, where it has CAP_SETUID and CAP_SETGID, as root; else `'auto'` where /etc/subuid and /etc/subgid grant ids to the caller and
   * newuidmap is there; else `'root'`. With `'root'` no program can change to another user, which some services need.
   */
  idMap?: IdMap | undefined;
}

/** Options of {@link Lab.addLink}. */
export interface LinkOptions extends LabNetworkOptions {
  /** Its name. Default: the names of the two, `'a-b'`. */
  name?: string | undefined;
}

const LAB = schemaOf({ ...TOPOLOGY.checks, seed: integer(0, 2 ** 32 - 1), idMap });
const ONE_OF_MANY = schemaOf(without(HOST.checks, 'address'));
/** The hosts of {@link Lab.impair} and {@link Lab.cut}; the lab finds out if they are its own. */
const PAIR = schema<{ from: unknown; to: unknown }>()({
  from: required((_, value) => value),
  to: required((_, value) => value),
});
const LINK = schema<LinkOptions>()({ ...NETWORK.checks, name: labName });

/** The parts of a lab, which are closed with it. They do not refer to it. */
interface Possessions {
  readonly core: Core;
  readonly machines: Set<Machine>;
  readonly wires: Wires;
  readonly cuts: Cuts;
  /** Functions that close other things together with the lab: see {@link Lab.closeAlong}. */
  readonly dependents: Set<() => Promise<void>>;
}

/** A host that has been planned, with the check of its options behind it. */
interface Planned {
  readonly host: Host;
  readonly interfaces: readonly Interface[];
}

let construct: (owned: Possessions, seed: number) => Lab;

/**
 * Hosts and the networks between them, for tests: in this process, and without privileges. All of it is in user
 * namespaces of the caller's: one for the switches, and one below it for each host.
 *
 * Close it, or declare it with `await using`. A lab that is forgotten is closed when it is collected as garbage, with a
 * process warning (`LINUX_NS_UNCLOSED`). It ends with this process, in whatever way that ends. A lab does not keep Node
 * running.
 *
 * @example
 * ```ts
 * await using lab = await Lab.create({ seed: 42 });
 * const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
 * const [a, b] = await lab.addHosts(['a', 'b'], { on: lan });
 * await b.listen(http.createServer((request, response) => response.end('hello')), 80);
 * console.log((await a.execFile('curl', ['-s', 'http://b/'])).stdout); // hello
 * ```
 */
export class Lab implements AsyncDisposable {
  static {
    construct = (owned, seed) => new Lab(OURS, owned, seed);
    inspectAs(this, (lab) => ({
      seed: lab.seed,
      hosts: lab.#hosts.size,
      networks: lab.#networks.size,
      closed: lab.closed,
    }));
  }

  /** The number from which all that is random in it follows. */
  readonly seed: number;
  /** The log of what it has done, and of what has happened in it. */
  readonly events = new EventLog();
  /** The name server of all hosts. */
  readonly dns: LabDns;
  readonly #owned: Possessions;
  readonly #hosts = new Map<string, Host>();
  readonly #networks = new Map<string, LabNetwork>();
  readonly #services: HostServices = {
    plug: (interfaces, up) => this.#plug(interfaces, up),
    remove: (host) => this.#removeHosts([host]),
    impair: (interfaces, impairment) => this.#faults.impairInterfaces(interfaces, impairment),
    events: this.events,
  };
  readonly #networkServices: NetworkServices = {
    capture: (network, options) => this.#capture(network, options),
    remove: (network) => this.#removeNetwork(network),
    impair: (network, impairment) => this.#faults.impairNetwork(network, impairment),
  };
  readonly #faults: Faults;
  #ports = 0;
  #switches = 0;
  #closing: Promise<void> | undefined;

  private constructor(key: symbol, owned: Possessions, seed: number) {
    mustBeOurs(key, 'await Lab.create()');
    this.#owned = owned;
    this.seed = seed;
    this.dns = new LabDns(owned.core.dns, (words) => this.#onNames(words));
    this.#faults = new Faults(
      { hosts: this.#hosts, networks: this.#networks, events: this.events },
      owned.wires,
      owned.cuts,
    );
    closeWhenForgotten(this, `A Lab (seed ${seed})`, owned, release);
  }

  /**
   * Creates a lab: with the hosts and networks that are given, or without any.
   *
   * @throws NamespaceError as {@link unshare}, for a system that lets the caller create no user namespace
   *
   * @example
   * ```ts
   * const lab = await Lab.create({
   *   networks: { lan: { subnet: '10.0.0.0/24' }, wan: { subnet: '203.0.113.0/24' } },
   *   routers: { gateway: { on: ['lan', 'wan'], nat: 'wan' } },
   *   hosts: { a: { on: 'lan' }, web: { on: 'wan', address: '203.0.113.80' } },
   * });
   * ```
   */
  static async create(options: LabOptions = {}): Promise<Lab> {
    const parsed = LAB('options', options);
    const { seed = randomInt(2 ** 32), idMap: map } = parsed;
    const core = await createCore(await mapsOfLab(map));
    const lab = construct(
      {
        ...{ core, machines: new Set(), dependents: new Set() },
        ...{ wires: new Wires(core.network, seed), cuts: new Cuts(core.network) },
      },
      seed,
    );
    try {
      await lab.#build(parsed);
      return lab;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** Its hosts and routers, by their names. */
  get hosts(): ReadonlyMap<string, Host> {
    return this.#hosts;
  }

  /** Its networks, by their names; cables are networks of two. */
  get networks(): ReadonlyMap<string, LabNetwork> {
    return this.#networks;
  }

  /** True as soon as `close()` has been called. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** The network of the switches, to which {@link Interface.port} and {@link LabNetwork.bridge} belong. @internal */
  get core(): Network {
    this.#mustBeOpen();
    return this.#owned.core.network;
  }

  /**
   * Registers a function that closes something before the hosts and switches of this lab are closed, also when the lab
   * is forgotten. The function must not refer to the lab.
   *
   * @returns a function to call when the thing has been closed by itself
   * @internal
   */
  closeAlong(close: () => Promise<void>): () => void {
    this.#mustBeOpen();
    this.#owned.dependents.add(close);
    return () => this.#owned.dependents.delete(close);
  }

  /** A host of this lab that an option names. @internal */
  hostOf(option: string, value: unknown): Host {
    const { hosts } = this;
    const host = typeof value === 'string' ? hosts.get(value) : [...hosts.values()].find((each) => each === value);
    if (host !== undefined) return host;
    const { name } = hostReference(option, value);
    throw invalidValue(option, name, `must be a host of this lab: ${[...hosts.keys()].join(', ') || 'it has none'}`);
  }

  /** A network of this lab that an option names. @internal */
  networkOf(option: string, value: unknown): LabNetwork {
    const reference = networkReference(option, value);
    const name = typeof reference === 'string' ? reference : reference.name;
    const network = this.#networks.get(name);
    if (network !== undefined && (typeof reference === 'string' || reference === network)) return network;
    const all = [...this.#networks.keys()].join(', ') || 'it has none';
    throw invalidValue(option, name, `must be a network of this lab: ${all}`);
  }

  /**
   * Adds a network: a switch to which hosts are connected.
   *
   * @throws TypeError for a name that is taken, or that DNS does not allow
   */
  async addNetwork(name: string, options: LabNetworkOptions = {}): Promise<LabNetwork> {
    this.#mustBeOpen();
    return this.#addNetwork(this.#freeName('name', name, this.#networks), NETWORK('options', options));
  }

  /**
   * Adds a host.
   *
   * @throws TypeError for a name that is taken, or that DNS does not allow; for a network that is full, and for an
   * address that is taken
   */
  async addHost(name: string, options: HostOptions = {}): Promise<Host> {
    this.#mustBeOpen();
    const checked = HOST('options', options);
    const free = this.#freeName('name', name, this.#hosts);
    const host = new Host(free, checked, this.#services);
    await this.#add([{ host, places: placesOf(checked) }]);
    return host;
  }

  /** Adds several hosts of the same kind together, which is faster than one by one. */
  async addHosts<const Names extends readonly string[]>(
    names: Names,
    options: Omit<HostOptions, 'address'> = {},
  ): Promise<{ -readonly [Index in keyof Names]: Host }> {
    this.#mustBeOpen();
    const checked = ONE_OF_MANY('options', options);
    validateArray('names', names);
    const free = names.map((each, index) => this.#freeName(`names[${index}]`, each, this.#hosts));
    free.forEach((name, index) => {
      if (free.findIndex((other) => same(other, name)) !== index) throw taken(`names[${index}]`, name);
    });
    const hosts = free.map((name) => new Host(name, checked, this.#services));
    await this.#add(hosts.map((host) => ({ host, places: placesOf(checked) })));
    return hosts as { -readonly [Index in keyof Names]: Host };
  }

  /**
   * Adds a router: a host that passes on packets between its networks. The routes of all hosts follow.
   *
   * @throws NamespaceError `EPROTONOSUPPORT`, `ENOENT` for NAT where the kernel has no nf_tables
   *
   * @example
   * ```ts
   * await lab.addRouter('gateway', { on: [lan, wan], nat: wan });
   * ```
   */
  async addRouter(name: string, options: RouterOptions = {}): Promise<Router> {
    this.#mustBeOpen();
    return this.#addRouter(this.#freeName('name', name, this.#hosts), ROUTER('options', options));
  }

  /**
   * Adds a router that leads outside: to the network of this machine, and to the internet where this machine has it. The
   * packets are passed on by pasta(1), of the package passt, or by slirp4netns(1), for IPv4; without privileges. All hosts
   * that can reach the router get a default route there, and are this machine to the outside. No way leads in. A lab has
   * one.
   *
   * Names of the outside are not known on hosts, but for those that {@link dns} is told.
   *
   * @throws TypeError for a lab with a network that overlaps 10.0.2.0/24, which the program has for itself
   * @throws NamespaceError `ENOENT` for a system without the program; `ERR_LINUX_NS_ATTACH` for a program
   * that fails, as it does without /dev/net/tun
   *
   * @example
   * ```ts
   * await lab.outside({ on: wan });
   * await a.execFile('curl', ['http://192.0.2.7/']);
   * ```
   */
  async outside(options: OutsideOptions): Promise<Outside> {
    this.#mustBeOpen();
    return this.#addOutside('options.name', OUTSIDE('options', options));
  }

  /** Connects two hosts by a cable, which is a network of the two. */
  async addLink(a: Host | string, b: Host | string, options: LinkOptions = {}): Promise<LabNetwork> {
    this.#mustBeOpen();
    return this.#addLink([a, b], LINK('options', options));
  }

  /** Gives a host an interface on one more network. */
  async addInterface(host: Host | string, on: LabNetwork | string | Placement): Promise<Interface> {
    this.#mustBeOpen();
    const owner = this.hostOf('host', host);
    const added = this.#planInterface(owner, place('on', on));
    const planned = { host: owner, interfaces: [added] };
    try {
      await this.#wire(planned);
      await this.#follow();
      this.events.add('topology', `interface ${added.name} of ${owner.name} on ${added.network}`);
      return added;
    } catch (error) {
      await this.#unwire(planned);
      throw error;
    }
  }

  /** Takes the interface away that a host has on a network. */
  async removeInterface(host: Host | string, network: LabNetwork | string): Promise<void> {
    this.#mustBeOpen();
    const [from, of] = [this.networkOf('network', network), this.hostOf('host', host)];
    const interfaces = of.interfaces.filter((each) => each.network === from.name);
    if (interfaces.length === 0) throw invalidValue('network', from.name, `must be one that host ${of.name} is on`);
    await this.#unwire({ host: of, interfaces });
    await this.#follow();
  }

  /** Its topology, the state of its hosts, and the faults in force: `JSON.stringify(lab)`. */
  toJSON(): LabJSON {
    return toJSON(this);
  }

  /** Its networks, each with its hosts, and the faults in force, as lines of text. */
  toString(): string {
    return toText(this);
  }

  /** The faults that are in force. */
  get faults(): readonly Fault[] {
    return this.#faults.list();
  }

  /**
   * Impairs what one host sends to another, on all interfaces of the first: packets from any of its addresses to any of
   * the other's. It takes the place of impairments of the interface and of the network.
   *
   * @param impairment - null for none
   *
   * @example
   * ```ts
   * await lab.impair({ from: a, to: b }, { delay: 100, loss: 0.05 });
   * ```
   */
  async impair(pair: { from: Host | string; to: Host | string }, impairment: Impairment | null): Promise<void> {
    this.#mustBeOpen();
    const { from, to } = PAIR('pair', pair);
    const [sender, receiver] = [this.hostOf('pair.from', from), this.hostOf('pair.to', to)];
    if (sender === receiver) throw invalidValue('pair.to', receiver.name, 'must be another host');
    await this.#faults.impairPair(sender, receiver, impairment);
  }

  /**
   * Divides hosts into groups: nothing passes between hosts that have no group in common. Hosts that are in no group can
   * talk to all. Addresses stay, and so do connections: they are silent until the partition is healed. Several partitions
   * act together.
   *
   * Packets are dropped at the switches, from when this resolves on, by nf_tables of the kernel. The resolution of addresses
   * (ARP, neighbor discovery) passes.
   *
   * @param groups - lists of hosts, or a host alone; {@link partition} makes some
   * @throws NamespaceError for a kernel without nf_tables for bridges
   *
   * @example
   * ```ts
   * const split = await lab.partition([[a, b], [c]]);
   * await split.heal();
   * ```
   */
  async partition(groups: readonly (Host | string | readonly (Host | string)[])[]): Promise<Partition> {
    this.#mustBeOpen();
    const hosts = parseGroups(groups, (name, value) => this.hostOf(name, value));
    return this.#cut({ kind: 'partition', groups: hosts.map((group) => group.map(({ name }) => name)) });
  }

  /** Cuts a host off from all others, also from those that are added later. */
  async isolate(host: Host | string): Promise<Partition> {
    this.#mustBeOpen();
    return this.#cut({ kind: 'isolate', host: this.hostOf('host', host).name });
  }

  /** Cuts one direction: nothing passes from these hosts to those, and all passes back. */
  async cut(direction: {
    from: Host | string | readonly (Host | string)[];
    to: Host | string | readonly (Host | string)[];
  }): Promise<Partition> {
    this.#mustBeOpen();
    const { from, to } = PAIR('direction', direction);
    const names = (name: string, value: unknown): string[] =>
      hostList(`direction.${name}`, value, (option, each) => this.hostOf(option, each)).map((host) => host.name);
    return this.#cut({ kind: 'cut', from: names('from', from), to: names('to', to) });
  }

  /** Ends all partitions: those of {@link partition}, {@link isolate} and {@link cut}. Impairments stay. */
  async heal(): Promise<void> {
    this.#mustBeOpen();
    await this.#faults.heal();
  }

  /**
   * Does things at given times: the schedule of a test.
   *
   * @example
   * ```ts
   * using schedule = lab.schedule([
   *   { at: 2000, run: () => lab.isolate(leader) },
   *   { at: 5000, run: () => lab.heal() },
   * ]);
   * await schedule.done;
   * ```
   */
  schedule(steps: readonly ScheduledStep[]): Schedule {
    this.#mustBeOpen();
    return new Schedule(steps);
  }

  /** Counts what has passed on each link in each direction, and what was dropped and why. */
  async counters(): Promise<LinkCounters[]> {
    this.#mustBeOpen();
    const interfaces = [...this.#hosts.values()].flatMap((host) => host.wired);
    return countersOf(this.#owned.core.network, this.#owned.wires, interfaces);
  }

  /**
   * Asks a host for an answer, from another, by ICMP: ping(8). The lab sends it, and no program has to be there. What is not
   * answered is no error.
   *
   * @param from - the host that asks
   * @param to - a host, or the name or the address of something else
   *
   * @example
   * ```ts
   * console.log(String(await lab.ping(a, b, { count: 10 }))); // a → b (10.0.0.2): 10 of 10, 0.05 ms
   * ```
   */
  async ping(from: Host | string, to: Host | string, options: PingOptions = {}): Promise<PingResult> {
    const checked = PING('options', options);
    return ping(this.hostOf('from', from), this.#hostOrName('to', to), checked);
  }

  /**
   * Asks all hosts from all hosts, at once.
   *
   * @example
   * ```ts
   * console.log(String(await lab.pingAll()));
   * //      a     b  c
   * // a    ·  0.05  ✗
   * // b 0.05     ·  ✗
   * // c    ✗     ✗  ·
   * // 2 of 6 reached, in ms
   * ```
   */
  async pingAll(options: PingOptions = {}): Promise<PingMatrix> {
    const checked = PING('options', options);
    this.#mustBeOpen();
    return pingAll([...this.#hosts.values()], checked);
  }

  /**
   * Finds the routers on the way from one host to another: traceroute(8). The lab sends what it takes, and no program has to
   * be there.
   *
   * @param from - the host that asks
   * @param to - a host, or the name or the address of something else
   */
  async trace(from: Host | string, to: Host | string, options: TraceOptions = {}): Promise<Trace> {
    const checked = TRACE('options', options);
    const nameOf = (address: string): string | undefined =>
      [...this.#hosts.values()].find(({ addresses }) => addresses.includes(address))?.name;
    return trace(this.hostOf('from', from), this.#hostOrName('to', to), checked, nameOf);
  }

  /** Draws it, with what is wrong in red: an SVG for documents and browsers. */
  toSVG(): string {
    return toSvg(sceneOf(this));
  }

  /**
   * Serves a page on 127.0.0.1, which shows the lab while it changes: hosts, links, faults and traffic. Faults are set by
   * clicks. It ends with the lab.
   *
   * @throws Error `EADDRINUSE` for a port that is taken
   */
  async page(options?: PageOptions): Promise<LabPage> {
    this.#mustBeOpen();
    return startPage(subjectOf(this), (close) => this.closeAlong(close), options);
  }

  /**
   * Closes all of it: what runs is killed, and servers and connections of this process on its hosts are destroyed.
   * Resolves when nothing of it is left. Calling it again changes nothing.
   */
  async close(): Promise<void> {
    notForgotten(this);
    this.#closing ??= this.#end();
    await this.#closing;
  }

  /** Calls {@link Lab.close}: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #end(): Promise<void> {
    this.events.add('topology', 'the lab is closed');
    const released = release(this.#owned);
    await Promise.all([...this.#hosts.values()].map((host) => host.end()));
    await released;
  }

  async #build({ networks, routers, hosts, links = [], outside }: ParsedTopology): Promise<void> {
    for (const [name, options] of networks ?? []) {
      await this.#addNetwork(this.#freeName('options.networks', name, this.#networks), options);
    }
    for (const [name, options] of routers ?? []) {
      await this.#addRouter(this.#freeName('options.routers', name, this.#hosts), options, `options.routers.${name}`);
    }
    const wanted = [...(hosts ?? [])].map(([name, options]) => {
      const free = this.#freeName('options.hosts', name, this.#hosts);
      return { host: new Host(free, options, this.#services), places: placesOf(options, `options.hosts.${name}`) };
    });
    await this.#add(wanted);
    for (const [index, options] of links.entries()) {
      const option = `options.links[${index}].between`;
      await this.#addLink(options.between, options, [`${option}[0]`, `${option}[1]`]);
    }
    if (outside !== undefined) await this.#addOutside('options.outside.name', outside);
    for (const [name, { portForwards = [] }] of routers ?? []) {
      const router = this.#hosts.get(name) as Router;
      for (const forward of portForwards) await router.forwardPort({ ...forward, to: forward.to.name });
    }
  }

  async #addNetwork(name: string, options: Parsed<typeof NETWORK>): Promise<LabNetwork> {
    const network = this.#planNetwork(name, options, 'network');
    await this.#makeSwitch(network);
    this.events.add('topology', `network ${name}${subnetText(network)}`);
    return network;
  }

  async #addRouter(name: string, options: Parsed<typeof ROUTER>, option = 'options'): Promise<Router> {
    const { nat } = options;
    const places = placesOf(options, option);
    const translation = nat === undefined ? undefined : this.#natOf(option, nat, places);
    const find = (each: string): Host | undefined => this.#hosts.get(each);
    const router = new Router(name, options, this.#services, { nat: translation, find });
    await this.#add([{ host: router, places }]);
    try {
      await router.translate();
    } catch (error) {
      await this.#removeHosts([router]);
      throw error;
    }
    return router;
  }

  async #addOutside(option: string, options: Parsed<typeof OUTSIDE>): Promise<Outside> {
    const other = this.#wayOutside();
    if (other !== undefined)
      throw invalidValue('options.on', other.name, 'leads outside already, and a lab has one way');
    const range = outsideRange();
    const overlapping = [...this.#networks.values()].find(({ subnets }) => subnets.inet?.overlaps(range));
    if (overlapping !== undefined) throw invalidValue('options.on', overlapping.subnet, overlapsOutside(range));
    const name = this.#freeName(option, options.name ?? 'outside', this.#hosts);
    const router = new Outside(name, options, this.#services);
    await this.#add([{ host: router, places: options.on }]);
    try {
      await router.open();
      return router;
    } catch (error) {
      await this.#removeHosts([router]);
      throw error;
    }
  }

  #wayOutside(): Outside | undefined {
    return [...this.#hosts.values()].find((host) => host instanceof Outside);
  }

  async #addLink(
    hosts: readonly [a: unknown, b: unknown],
    options: Parsed<typeof LINK>,
    [a, b]: readonly [a: string, b: string] = ['a', 'b'],
  ): Promise<LabNetwork> {
    const ends = [this.hostOf(a, hosts[0]), this.hostOf(b, hosts[1])];
    const [first, second] = ends.map(({ name }) => name);
    if (first === second) throw invalidValue(b, second, 'must be another host than the first');
    const { name = `${first}-${second}` } = options;
    const network = this.#planNetwork(this.#freeName('options.name', name, this.#networks), options, 'link');
    try {
      await this.#makeSwitch(network);
      const cable: Place = { option: 'options.subnet', network, addresses: [] };
      await allSettled(this.#planned(ends.map((host) => ({ host, places: [cable] }))).map((each) => this.#wire(each)));
      await this.#follow();
    } catch (error) {
      await this.#removeNetwork(network);
      throw error;
    }
    this.events.add('topology', `link ${network.name}${subnetText(network)} between ${first} and ${second}`);
    return network;
  }

  async #cut(rule: CutRule): Promise<Partition> {
    return new Partition(rule, await this.#faults.cut(rule));
  }

  /** Adds hosts, all or none. */
  async #add(wanted: readonly { host: Host; places: readonly Place[] }[]): Promise<void> {
    const planned = this.#planned(wanted);
    for (const { host } of planned) this.#hosts.set(host.name, host);
    try {
      await allSettled(planned.map((each) => this.#start(each)));
      await this.#follow();
      for (const { host } of planned)
        this.events.add('topology', `${host.isRouter ? 'router' : 'host'} ${placeText(host)}`);
    } catch (error) {
      await this.#removeHosts(planned.map(({ host }) => host));
      throw error;
    }
  }

  /** Gives hosts their interfaces and addresses, of all or of none. Nothing is started. */
  #planned(wanted: readonly { host: Host; places: readonly Place[] }[]): Planned[] {
    const planned: Planned[] = [];
    try {
      for (const { host, places } of wanted) {
        const interfaces: Interface[] = [];
        planned.push({ host, interfaces });
        for (const place of places) interfaces.push(this.#planInterface(host, place));
      }
      return planned;
    } catch (error) {
      // The last address that was given out is the first that is free again.
      const taken = planned.flatMap(({ host, interfaces }) => interfaces.map((each) => [host, each] as const));
      for (const [host, each] of taken.reverse()) this.#forgetInterface(host, each);
      throw error;
    }
  }

  #planInterface(host: Host, { option, network: reference, addresses: given }: Place): Interface {
    const network = this.networkOf(option, reference);
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

  async #start(planned: Planned): Promise<void> {
    const { host } = planned;
    const { core, machines } = this.#owned;
    const { name: hostname, isRouter } = host;
    const hasIpv6 = planned.interfaces.some(isIpv6);
    const machine = await boot(core, host.settings, { hostname, isRouter, hasIpv6 });
    machines.add(machine);
    host.begin(machine);
    if (this.closed) await host.end();
    this.#mustBeOpen();
    await this.#wire(planned);
  }

  /** Makes the wires of new interfaces, from the host to the switches. Packets pass when this resolves. */
  async #wire({ host, interfaces }: Planned): Promise<void> {
    const { link } = this.#owned.core.network;
    const { namespaces } = host;
    await Promise.all(
      interfaces.map(({ port, network, name, index, mac }) =>
        link.make({
          name: port,
          index: indexOfPort(port),
          kind: 'veth',
          up: true,
          master: indexOfSwitch(this.#networks.get(network)?.bridge ?? ''),
          peer: { name, index, address: mac, namespace: namespaces },
        }),
      ),
    );
    await host.configure(interfaces, (added) => this.#prefixesOf(added));
    await Promise.all(interfaces.map(({ port }) => untilForwarding(this.#owned.core.network, indexOfPort(port))));
  }

  #prefixesOf({ network, addresses }: Interface): string[] {
    const { inet, inet6 } = this.#networks.get(network)?.subnets ?? {};
    return addresses.map((address) => `${address}/${(address.includes(':') ? inet6 : inet)?.length}`);
  }

  /** Makes names and routes of all hosts what they are to be now. */
  async #follow(): Promise<void> {
    this.#writeNames();
    const ways = waysOf(this.#networks.values(), this.#hosts);
    const routes = ({ name, leadsOutside, wired }: Host): LabRoute[] =>
      routesOf({ name, leadsOutside, interfaces: wired }, this.#networks, ways);
    await Promise.all([...this.#hosts.values()].map((host) => host.follow(routes(host))));
    await this.#faults.follow();
  }

  /** The names by which programs and the name servers know the hosts. */
  #writeNames(): void {
    const { hosts, dns } = this.#owned.core;
    const all = [...this.#hosts.values()];
    hosts.write(
      hostsText(
        all.flatMap(({ interfaces }) => interfaces),
        dns.rules,
      ),
    );
    dns.hosts.clear();
    for (const { name, addresses } of all) dns.hosts.set(name.toLowerCase(), addresses);
  }

  #onNames(words: string): void {
    if (this.closed) return;
    this.events.add('dns', words);
    this.#writeNames();
  }

  async #capture(network: LabNetwork, options: CaptureOptions | undefined): Promise<Capture> {
    this.#mustBeOpen();
    const { core } = this.#owned;
    const { name, bridge } = network;
    if (this.#networks.get(name) !== network) throw closedError(`Network ${name}`);
    const { index } = await core.network.link.get(bridge);
    const source = { index, name, description: `network ${name}`, promiscuous: true };
    return startCapture(core.network, source, core.captures, options);
  }

  #planNetwork(name: string, options: Parameters<typeof subnetsOf>[0], kind: 'network' | 'link'): LabNetwork {
    const others = [...this.#networks.values()].map(({ subnets }) => subnets);
    const subnets = subnetsOf(options, kind, others);
    const range = outsideRange();
    if (subnets.inet?.overlaps(range) === true && this.#wayOutside() !== undefined) {
      throw invalidValue('options.subnet', String(subnets.inet), overlapsOutside(range));
    }
    const network = new LabNetwork(name, `n${++this.#switches}`, subnets, kind === 'link', this.#networkServices);
    this.#networks.set(name, network);
    return network;
  }

  async #makeSwitch(network: LabNetwork): Promise<void> {
    try {
      const { link } = this.#owned.core.network;
      // Multicast goes to all hosts, without a switch that has to find out first who wants it.
      const { bridge: name } = network;
      const index = indexOfSwitch(name);
      await link.make({ name, index, kind: 'bridge', up: true, multicastSnooping: false, forwardDelay: 0 });
    } catch (error) {
      this.#networks.delete(network.name);
      throw error;
    }
  }

  async #plug(interfaces: readonly Interface[], up: boolean): Promise<void> {
    const { link } = this.#owned.core.network;
    const set = interfaces.map(({ port }) => link.set(port, { up }));
    // A program on the host can have deleted its end, and this one with it: such a cable is out already.
    await Promise.all(up ? set : set.map((each) => each.catch(ignoreGone)));
    if (up)
      await Promise.all(interfaces.map(({ port }) => untilForwarding(this.#owned.core.network, indexOfPort(port))));
  }

  async #removeHosts(hosts: readonly Host[]): Promise<void> {
    for (const host of hosts) {
      this.#hosts.delete(host.name);
      this.events.add('topology', `host ${host.name} is removed`);
    }
    await Promise.all(hosts.map((host) => this.#unwire({ host, interfaces: host.interfaces })));
    await Promise.all(hosts.map((host) => host.end()));
    if (!this.closed) await this.#follow();
  }

  async #removeNetwork(network: LabNetwork): Promise<void> {
    if (this.#networks.get(network.name) !== network) return;
    await Promise.all(
      network.interfaces.map(async (each) => {
        const host = this.#hosts.get(each.host);
        if (host !== undefined) await this.#unwire({ host, interfaces: [each] });
      }),
    );
    this.#networks.delete(network.name);
    this.events.add('topology', `network ${network.name} is removed`);
    await this.#deleteLinks([network.bridge]);
    await this.#follow();
  }

  /**
   * Takes interfaces away, with their wires. The kernel would remove those of a host some time after the last user of
   * its network.
   */
  async #unwire({ host, interfaces }: Planned): Promise<void> {
    for (const each of interfaces) this.#forgetInterface(host, each);
    await this.#deleteLinks(interfaces.map(({ port }) => port));
  }

  /** Deletes links of the switches. One may not have come to be, or be gone with the other end. */
  async #deleteLinks(names: readonly string[]): Promise<void> {
    const { link } = this.#owned.core.network;
    await Promise.all(names.map((name) => link.delete(name).catch(ignoreGone)));
  }

  #forgetInterface(host: Host, gone: Interface): Interface {
    const network = this.#networks.get(gone.network);
    for (const list of [host.ports, host.wired, network?.ports]) {
      const at = list?.indexOf(gone) ?? -1;
      if (at >= 0) list?.splice(at, 1);
    }
    host.unplugged.delete(gone.network);
    host.forgetRoutes(gone);
    const { inet, inet6 } = network?.subnets ?? {};
    for (const address of gone.addresses) (address.includes(':') ? inet6 : inet)?.release(address);
    return gone;
  }

  #freeName(option: string, value: unknown, among: ReadonlyMap<string, unknown>): string {
    const name = labName(option, value);
    if ([...among.keys()].some((other) => same(other, name))) throw taken(option, name);
    return name;
  }

  #natOf(
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

  /** A host of this lab, or the name or the address of something else. */
  #hostOrName(option: string, value: unknown): Host | string {
    return typeof value === 'string' ? (this.#hosts.get(value) ?? value) : this.hostOf(option, value);
  }

  #mustBeOpen(): void {
    if (this.closed) throw closedError('This Lab');
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

function overlapsOutside(range: Subnet): string {
  return `must not overlap ${String(range)}, which the way outside has`;
}

/** Passes over the error of a link that is not there, or of a lab that is closed. @throws any other error */
function ignoreGone(error: unknown): void {
  if (!['ENODEV', 'ERR_LINUX_NS_CLOSED'].includes((error as { code?: string }).code ?? '')) throw error;
}

/** Names are the same whatever case they are in: RFC 4343. */
function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function taken(option: string, name: string): Error {
  return invalidValue(option, name, 'must be a name that is not taken');
}

/** Waits for all to settle, and then throws the first failure. */
async function allSettled(promises: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) if (result.status === 'rejected') throw result.reason;
}

async function release({ core, machines, dependents, wires, cuts }: Possessions): Promise<void> {
  await Promise.all([...dependents].map((close) => close()));
  await Promise.all([...machines].map((machine) => machine.close()));
  await Promise.all([wires.close(), cuts.close()]);
  await closeCore(core);
}
