/** A lab: hosts and the networks between them. */
import { OURS, mustBeOurs } from '../errors/illegal-constructor';
import { randomInt } from 'node:crypto';
import { integer, required, schema, schemaOf, without } from '../errors/schema';
import { invalidValue } from '../errors/validate';
import { closeWhenForgotten, notForgotten } from '../handle/forgotten';
import { inspectAs } from '../handle/inspect';
import { type IdMap, idMap } from '../idmap/id-map';
import type { Network } from '../network/network';
import { Builder } from './builder';
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
import type { Host } from './host';
import { HOST, type HostOptions, type Placement, labName, place } from './host-options';
import { type LabJSON, TOPOLOGY, type Topology, toJSON, toText } from './topology';
import type { Interface } from './interface';
import type { Machine } from './machine';
import type { LabNetwork } from './network';
import { NETWORK, type LabNetworkOptions } from './network-options';
import { OUTSIDE, type Outside, type OutsideOptions } from './outside';
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
import { Plan } from './plan';
import { ROUTER, type Router, type RouterOptions } from './router';

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
const ONE_OF_MANY = schemaOf(without(HOST.checks, 'address', 'egress'));
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
      hosts: lab.hosts.size,
      networks: lab.networks.size,
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
  readonly #plan = new Plan();
  readonly #faults: Faults;
  readonly #builder: Builder;
  #closing: Promise<void> | undefined;

  private constructor(key: symbol, owned: Possessions, seed: number) {
    mustBeOurs(key, 'await Lab.create()');
    this.#owned = owned;
    this.seed = seed;
    this.dns = new LabDns(owned.core.dns, (words) => this.#onNames(words));
    const { core, machines, wires, cuts } = owned;
    const { events } = this;
    const plan = this.#plan;
    this.#faults = new Faults({ hosts: plan.hosts, networks: plan.networks, events }, wires, cuts);
    this.#builder = new Builder({ core, machines, plan, faults: this.#faults, events });
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
      await lab.#builder.build(parsed);
      return lab;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** Its hosts and routers, by their names. */
  get hosts(): ReadonlyMap<string, Host> {
    return this.#plan.hosts;
  }

  /** Its networks, by their names; cables are networks of two. */
  get networks(): ReadonlyMap<string, LabNetwork> {
    return this.#plan.networks;
  }

  /** True as soon as `close()` has been called. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** The network of the switches, to which {@link Interface.port} and {@link LabNetwork.bridge} belong. @internal */
  get core(): Network {
    this.#builder.mustBeOpen();
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
    this.#builder.mustBeOpen();
    this.#owned.dependents.add(close);
    return () => this.#owned.dependents.delete(close);
  }

  /** A host of this lab that an option names. @internal */
  hostOf(option: string, value: unknown): Host {
    return this.#plan.hostOf(option, value);
  }

  /** A network of this lab that an option names. @internal */
  networkOf(option: string, value: unknown): LabNetwork {
    return this.#plan.networkOf(option, value);
  }

  /**
   * Adds a network: a switch to which hosts are connected.
   *
   * @throws TypeError for a name that is taken, or that DNS does not allow
   */
  async addNetwork(name: string, options: LabNetworkOptions = {}): Promise<LabNetwork> {
    this.#builder.mustBeOpen();
    return this.#builder.addNetwork(this.#plan.networkName('name', name), NETWORK('options', options));
  }

  /**
   * Adds a host.
   *
   * @throws TypeError for a name that is taken, or that DNS does not allow; for a network that is full, for an address
   * that is taken, and for a network together with `egress`
   *
   * @example
   * ```ts
   * const agent = await lab.addHost('agent', { egress: { allow: ['www.example.com'], outside: gate } });
   * ```
   */
  async addHost(name: string, options: HostOptions = {}): Promise<Host> {
    this.#builder.mustBeOpen();
    const checked = HOST('options', options);
    return this.#builder.addHost(this.#plan.hostName('name', name), checked);
  }

  /** Adds several hosts of the same kind together, which is faster than one by one. */
  async addHosts<const Names extends readonly string[]>(
    names: Names,
    options: Omit<HostOptions, 'address' | 'egress'> = {},
  ): Promise<{ -readonly [Index in keyof Names]: Host }> {
    this.#builder.mustBeOpen();
    const checked = ONE_OF_MANY('options', options);
    const hosts = await this.#builder.addHosts(this.#plan.hostNames('names', names), checked);
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
    this.#builder.mustBeOpen();
    return this.#builder.addRouter(this.#plan.hostName('name', name), ROUTER('options', options));
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
    this.#builder.mustBeOpen();
    return this.#builder.addOutside('options.name', OUTSIDE('options', options));
  }

  /** Connects two hosts by a cable, which is a network of the two. */
  async addLink(a: Host | string, b: Host | string, options: LinkOptions = {}): Promise<LabNetwork> {
    this.#builder.mustBeOpen();
    return this.#builder.addLink([a, b], LINK('options', options));
  }

  /** Gives a host an interface on one more network. */
  async addInterface(host: Host | string, on: LabNetwork | string | Placement): Promise<Interface> {
    this.#builder.mustBeOpen();
    return this.#builder.addInterface(this.hostOf('host', host), place('on', on));
  }

  /** Takes the interface away that a host has on a network. */
  async removeInterface(host: Host | string, network: LabNetwork | string): Promise<void> {
    this.#builder.mustBeOpen();
    const from = this.networkOf('network', network);
    await this.#builder.removeInterface(this.hostOf('host', host), from);
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
    this.#builder.mustBeOpen();
    const { from, to } = PAIR('pair', pair);
    const [sender, receiver] = [this.hostOf('pair.from', from), this.hostOf('pair.to', to)];
    if (sender === receiver) throw invalidValue('pair.to', receiver.name, 'must be another host');
    await this.#builder.whileOpen(() => this.#faults.impairPair(sender, receiver, impairment));
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
    this.#builder.mustBeOpen();
    const hosts = parseGroups(groups, (name, value) => this.hostOf(name, value));
    return this.#cut({ kind: 'partition', groups: hosts.map((group) => group.map(({ name }) => name)) });
  }

  /** Cuts a host off from all others, also from those that are added later. */
  async isolate(host: Host | string): Promise<Partition> {
    this.#builder.mustBeOpen();
    return this.#cut({ kind: 'isolate', host: this.hostOf('host', host).name });
  }

  /** Cuts one direction: nothing passes from these hosts to those, and all passes back. */
  async cut(direction: {
    from: Host | string | readonly (Host | string)[];
    to: Host | string | readonly (Host | string)[];
  }): Promise<Partition> {
    this.#builder.mustBeOpen();
    const { from, to } = PAIR('direction', direction);
    const names = (name: string, value: unknown): string[] =>
      hostList(`direction.${name}`, value, (option, each) => this.hostOf(option, each)).map((host) => host.name);
    return this.#cut({ kind: 'cut', from: names('from', from), to: names('to', to) });
  }

  /** Ends all partitions: those of {@link partition}, {@link isolate} and {@link cut}. Impairments stay. */
  async heal(): Promise<void> {
    this.#builder.mustBeOpen();
    await this.#builder.whileOpen(() => this.#faults.heal());
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
    this.#builder.mustBeOpen();
    return new Schedule(steps);
  }

  /** Counts what has passed on each link in each direction, and what was dropped and why. */
  async counters(): Promise<LinkCounters[]> {
    this.#builder.mustBeOpen();
    const interfaces = [...this.hosts.values()].flatMap((host) => host.wired);
    return this.#builder.whileOpen(() => countersOf(this.#owned.core.network, this.#owned.wires, interfaces));
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
    return ping(this.hostOf('from', from), this.#plan.hostOrName('to', to), checked);
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
    this.#builder.mustBeOpen();
    return pingAll([...this.hosts.values()], checked);
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
      [...this.hosts.values()].find(({ addresses }) => addresses.includes(address))?.name;
    return trace(this.hostOf('from', from), this.#plan.hostOrName('to', to), checked, nameOf);
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
    this.#builder.mustBeOpen();
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
    this.#builder.close();
    this.events.add('topology', 'the lab is closed');
    const released = release(this.#owned);
    await Promise.all([...this.hosts.values()].map((host) => host.end()));
    await released;
  }

  async #cut(rule: CutRule): Promise<Partition> {
    return new Partition(rule, await this.#builder.whileOpen(() => this.#faults.cut(rule)));
  }

  #onNames(words: string): void {
    if (this.closed) return;
    this.events.add('dns', words);
    this.#builder.writeNames();
  }
}

async function release({ core, machines, dependents, wires, cuts }: Possessions): Promise<void> {
  await Promise.all([...dependents].map((close) => close()));
  await Promise.all([...machines].map((machine) => machine.close()));
  await Promise.all([wires.close(), cuts.close()]);
  await closeCore(core);
}
