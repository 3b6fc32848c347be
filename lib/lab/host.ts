/** A host of a lab. */
import type { Socket as DatagramSocket } from 'node:dgram';
import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { Server, Socket } from 'node:net';
import { NamespaceError, closedError } from '../errors/namespace-error';
import { invalidValue } from '../errors/validate';
import { inspectAs } from '../handle/inspect';
import { commitOnce } from '../network/nftables/transactions';
import type { DatagramOptions } from '../network/sockets/datagram';
import type { Egress } from '../network/egress/egress';
import type { FetchOptions } from '../network/sockets/fetch';
import type { ListenOptions } from '../network/sockets/listen';
import type { Network } from '../network/network';
import type { LookupAddress, LookupOptions } from '../network/resolve/lookup';
import type { Connector, ConnectorOptions, HttpAgentOptions, HttpsAgentOptions } from '../network/sockets/agents';
import type { ConnectOptions } from '../network/sockets/connect-options';
import type { NamespaceProcess } from '../process/namespace-process';
import { type ProgramPlace, Programs, UNCONFINED } from '../process/programs';
import type { NamespaceSet } from '../set/namespace-set';
import type { Impairment } from './faults/impairment';
import { type HostSettings, networkReference } from './host-options';
import { type Capture, type CaptureOptions, startCapture } from './capture/capture';
import type { EventLog } from './events';
import type { Interface } from './interface';
import type { Machine } from './machine';
import type { LabNetwork } from './network';
import type { Role } from './role';
import { type LabRoute, RouteTable } from './routes';
import { signalAll } from './stopping';

/** A host: it is `'running'`, or `'paused'`, has `'crashed'`, or was `'closed'`. */
export type HostState = 'running' | 'paused' | 'crashed' | 'closed';

/** The first interface comes after lo, which is 1. */
const FIRST_INDEX = 2;

/** The services of a lab that a host needs. */
export interface HostServices {
  /** Plugs cables in, or pulls them out, at the switches. */
  plug(interfaces: readonly Interface[], up: boolean): Promise<void>;
  /** Makes the interfaces and routes again that programs of a host have taken from it. */
  repair(host: Host): Promise<void>;
  /** Impairs interfaces. */
  impair(interfaces: readonly Interface[], impairment: Impairment | null): Promise<void>;
  /** Takes a host out of the lab. */
  remove(host: Host): Promise<void>;
  readonly events: EventLog;
}

/**
 * A host: programs and sockets live in it. It has a network, mounts, a hostname and process ids of its own, and the
 * name under which all hosts of its lab know it. {@link Lab.addHost} makes one.
 *
 * Programs are as contained as those of a {@link NamespaceSet}, and no more: as root of their host they can change what
 * this process's user can change. For programs that are not trusted there is {@link Sandbox}.
 *
 * Sockets are made inside and used in this process: any number of hosts have servers on port 80 at once.
 *
 * @example
 * ```ts
 * const web = await lab.addHost('web', { on: lan });
 * await web.listen(http.createServer((request, response) => response.end('hello')), 80);
 * const { stdout } = await client.execFile('curl', ['http://web/']);
 * ```
 */
export class Host extends Programs {
  static {
    inspectAs(this, (host) => ({
      [host.name]: true,
      [host.state]: true,
      on: host.interfaces.map(({ network, addresses }) => `${network} ${addresses.join(' ')}`.trimEnd()),
    }));
  }

  /** Its name, and its hostname. */
  readonly name: string;
  /** True for a router: it passes on packets of others. */
  readonly isRouter: boolean;
  /** @internal */
  readonly natNetwork: string | undefined;
  /** @internal */
  readonly leadsOutside: boolean;
  /** @internal */
  readonly settings: HostSettings;
  /** @internal */
  readonly ports: Interface[] = [];
  /** The interfaces that are there already, of those that are planned. @internal */
  readonly wired: Interface[] = [];
  /** @internal The networks that its cables are pulled out of. */
  readonly unplugged = new Set<string>();
  readonly #services: HostServices;
  readonly #routes = new RouteTable();
  #machine: Machine | undefined;
  #reservedIndex = 0;
  #paused = false;
  #closed = false;

  /** @internal */
  constructor(name: string, settings: HostSettings, services: HostServices, role: Role = { isRouter: false }) {
    super();
    this.name = name;
    this.isRouter = role.isRouter;
    this.natNetwork = role.natNetwork;
    this.leadsOutside = role.leadsOutside === true;
    this.settings = settings;
    this.#services = services;
  }

  /** Its interfaces: `eth0`, `eth1`, … */
  get interfaces(): readonly Interface[] {
    return [...this.ports];
  }

  /** Its addresses, of all interfaces. */
  get addresses(): readonly string[] {
    return this.ports.flatMap(({ addresses }) => addresses);
  }

  /** Its state. */
  get state(): HostState {
    if (this.#closed) return 'closed';
    if (this.#machine?.runs === false) return 'crashed';
    return this.#paused ? 'paused' : 'running';
  }

  /** True as soon as it is taken out of the lab, or the lab is closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Its network, to see and to change: links, addresses, routes. It is closed with the host. */
  get network(): Network {
    const { network, dns } = this.#made();
    dns.begin(); // a network looks names up
    return network;
  }

  /**
   * The connections of its programs, and the policy that decides about them: undefined for a host without the option
   * `egress`. It outlasts a crash, and is closed with the host.
   */
  get egress(): Egress | undefined {
    return this.#machine?.egress;
  }

  /** Its namespaces, which are closed with it. After a restart they are in another set. */
  get namespaces(): NamespaceSet {
    return this.#made().set;
  }

  /** The pid of its init, as this process sees it; undefined after a crash. */
  get init(): number | undefined {
    return this.#machine?.set.init;
  }

  /**
   * Makes a server listen on the host: {@link Network.listen}. It is closed with the host, and when the host crashes.
   *
   * @example
   * ```ts
   * await web.listen(http.createServer(answer), 80);
   * ```
   */
  async listen<S extends Server>(server: S, options?: ListenOptions | number): Promise<S>;
  async listen(options: ListenOptions | number): Promise<Server>;
  async listen(first: Server | ListenOptions | number, second?: ListenOptions | number): Promise<Server> {
    return this.#on(this.#running(), ({ network, sockets }) => sockets.server(network.listen(first as Server, second)));
  }

  /** Connects from the host: {@link Network.connect}. The names of hosts are known. */
  async connect(port: number, host?: string): Promise<Socket>;
  async connect(options: ConnectOptions): Promise<Socket>;
  async connect(options: ConnectOptions | number, host?: string): Promise<Socket> {
    return this.#on(this.#named(), ({ network }) => network.connect(options as number, host));
  }

  /** Creates a UDP socket on the host: {@link Network.createSocket}. */
  async createSocket(options: DatagramOptions | 'udp4' | 'udp6'): Promise<DatagramSocket> {
    return this.#on(this.#named(), ({ network, sockets }) => sockets.datagrams(network.createSocket(options)));
  }

  /** Finds the addresses of a name as programs on the host do: {@link Network.lookup}. */
  async lookup(hostname: string, options?: LookupOptions): Promise<LookupAddress[]> {
    return this.#on(this.#named(), ({ network }) => network.lookup(hostname, options));
  }

  /**
   * Requests a URL from the host: {@link Network.fetch}. The names of hosts are known.
   *
   * @example
   * ```ts
   * const response = await a.fetch('http://web/');
   * ```
   */
  async fetch(url: string | URL | Request, options?: FetchOptions): Promise<Response> {
    return this.#on(this.#named(), ({ network }) => network.fetch(url, options));
  }

  /** Creates an agent for `http.request()`: {@link Network.httpAgent}. */
  httpAgent(options?: HttpAgentOptions): HttpAgent {
    return this.#named().network.httpAgent(options);
  }

  /** Creates an agent for `https.request()`: {@link Network.httpsAgent}. */
  httpsAgent(options?: HttpsAgentOptions): HttpsAgent {
    return this.#named().network.httpsAgent(options);
  }

  /** Creates a connector for undici: {@link Network.connector}. */
  connector(options?: ConnectorOptions): Connector {
    return this.#named().network.connector(options);
  }

  /**
   * Captures the packets of the host, of all of its interfaces with lo: a file for Wireshark, an iterator, or both. It goes
   * on through crashes, and ends with the host.
   *
   * @throws NamespaceError for a file that cannot be created
   *
   * @example
   * ```ts
   * await using capture = await web.capture({ file: 'web.pcapng', filter: { protocol: 'tcp', port: 80 } });
   * ```
   */
  async capture(options?: CaptureOptions): Promise<Capture> {
    return this.#on(this.#made(), ({ network, captures }) =>
      startCapture(network, { index: 0, description: this.name, promiscuous: false }, captures, options),
    );
  }

  /**
   * Ends the host as a loss of power does: its cables are dead first, so that no peer hears of the end, and then
   * everything in it is killed, and its sockets in this process are destroyed. What it has on disk stays. Resolves when
   * nothing runs any more.
   */
  async crash(): Promise<void> {
    const machine = this.#made();
    if (!machine.runs) return;
    await this.#services.plug(this.ports, false);
    this.#paused = false;
    await machine.crash();
    this.#services.events.add('host', `${this.name} crashes`);
  }

  /**
   * Starts the host after a crash. Its programs have to be started again. It has the interfaces, addresses and routes of
   * the lab again, if a program had taken them away.
   */
  async restart(): Promise<void> {
    const machine = this.#made();
    if (machine.runs) await this.crash();
    await machine.restart().catch((error: unknown) => {
      throw this.#closed ? this.#closedError(error) : error;
    });
    this.#services.events.add('host', `${this.name} starts again`);
    await this.#services.repair(this);
    await this.#services.plug(this.#plugged(this.ports), true);
  }

  /**
   * Stops all programs of the host, by SIGSTOP, and those that are started until {@link resume}. Its kernel goes on: it
   * acknowledges what is sent to it. So do the servers of the host that are in this process.
   */
  async pause(): Promise<void> {
    const { set } = this.#running();
    this.#services.events.add('host', `${this.name} is paused`);
    this.#paused = true;
    await signalAll(set, 'SIGSTOP');
  }

  /** Lets its programs continue after {@link pause}. */
  async resume(): Promise<void> {
    const { set } = this.#running();
    this.#services.events.add('host', `${this.name} goes on`);
    this.#paused = false;
    await signalAll(set, 'SIGCONT');
  }

  /** Pulls the cable to a network out. Addresses and routes stay. Default: the cables to all networks. */
  async down(network?: LabNetwork | string): Promise<void> {
    const pulled = this.#portsOn(network);
    for (const each of pulled) {
      this.unplugged.add(each.network);
      this.#services.events.add('fault', `${this.name} is unplugged from ${each.network}`);
    }
    await this.#services.plug(pulled, false);
  }

  /** Plugs the cable in again. Default: the cables to all networks. */
  async up(network?: LabNetwork | string): Promise<void> {
    const plugged = this.#portsOn(network);
    for (const each of plugged) {
      if (this.unplugged.delete(each.network)) {
        this.#services.events.add('fault', `${this.name} is plugged into ${each.network} again`);
      }
    }
    if (this.state !== 'crashed') await this.#services.plug(plugged, true);
  }

  /**
   * Impairs its interfaces, both what it sends and what it is sent. It takes the place of an impairment of the network
   * for what it sends.
   *
   * @param impairment - null for none
   * @param network - the network to which the interface belongs. Default: all
   */
  async impair(impairment: Impairment | null, network?: LabNetwork | string): Promise<void> {
    await this.#services.impair(this.#portsOn(network), impairment);
  }

  /** Takes the host out of the lab, with all that runs on it. */
  async close(): Promise<void> {
    if (!this.#closed) await this.#services.remove(this);
  }

  /** Calls {@link Host.close}: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal */
  begin(machine: Machine): void {
    this.#machine = machine;
  }

  /** The index of the next interface. @internal */
  get nextIndex(): number {
    return Math.max(FIRST_INDEX - 1, this.ports.at(-1)?.index ?? 0, this.#reservedIndex) + 1;
  }

  /** Keeps an index from being given out that a link of another kind has got. @internal */
  protected reserveIndex(index: number): void {
    this.#reservedIndex = index;
  }

  /** Configures interfaces whose wires have been made. @internal */
  async configure(interfaces: readonly Interface[], prefixes: (added: Interface) => string[]): Promise<void> {
    const { link, address } = this.#made().network;
    const addresses = interfaces.flatMap((added) => prefixes(added).map((each) => [added.index, each] as const));
    await Promise.all([
      ...addresses.map(([index, each]) => address.add(index, each)),
      ...interfaces.map(({ index }) => link.set(index, { up: true })),
    ]);
    this.wired.push(...interfaces.filter((each) => this.ports.includes(each) && !this.wired.includes(each)));
  }

  /** Makes the kernel's routes those that follow from the topology. @internal */
  async follow(routes: readonly LabRoute[]): Promise<void> {
    if (this.#machine !== undefined && !this.#closed) await this.#routes.follow(this.#machine.network, routes);
  }

  /** The kernel removes routes with the interface that they lead to. @internal */
  forgetRoutes({ network }: Interface): void {
    this.#routes.forget(network);
  }

  /** Changes the rules of nf_tables, all of these messages at once. @internal */
  protected async commitRules(messages: readonly Buffer[]): Promise<void> {
    await commitOnce(this.#made().network, `set rules of host ${this.name}`, messages);
  }

  /** Ends all that it has. Only the lab calls it. @internal */
  async end(): Promise<void> {
    this.#closed = true;
    await this.#machine?.close();
  }

  /** @internal */
  protected override programPlace(): ProgramPlace {
    const { set } = this.#named();
    return {
      setns: set,
      closeAlong: (close) => set.closeAlong(close),
      confinement: {
        ...UNCONFINED,
        started: (child) => this.#onStarted(child),
        explained: (error) => this.#explained(error, set),
      },
    };
  }

  #made(): Machine {
    if (this.#closed || this.#machine === undefined) throw this.#closedError();
    return this.#machine;
  }

  #running(): Machine {
    const machine = this.#made();
    if (machine.runs) return machine;
    throw this.#crashedError();
  }

  /** Says that the host has been closed, or has crashed, if that is why a program could not be started, or a socket not be had. */
  #explained(error: unknown, set: NamespaceSet): unknown {
    if (!(error instanceof NamespaceError)) return error; // such as that of a program which was killed
    if (this.#closed) return this.#closedError(error);
    return this.#machine?.set === set ? error : this.#crashedError(error);
  }

  #closedError(cause?: unknown): NamespaceError {
    return closedError(`Host ${this.name}`, cause);
  }

  #crashedError(cause?: unknown): NamespaceError {
    return new NamespaceError({
      code: 'ERR_LINUX_NS_HOST_CRASHED',
      message: `host ${this.name} has crashed`,
      hint: 'Start it again with restart().',
      cause,
    });
  }

  /** The machine, for who may ask for a name: its name server runs. */
  #named(): Machine {
    const machine = this.#running();
    machine.dns.begin();
    return machine;
  }

  /** Does something in the network of the host. */
  async #on<T>(machine: Machine, work: (machine: Machine) => Promise<T>): Promise<T> {
    const { set } = machine;
    try {
      return await work(machine);
    } catch (error) {
      throw this.#explained(error, set);
    }
  }

  #onStarted(child: NamespaceProcess): void {
    noteProgram(this.#services.events, this.name, child);
    if (this.#paused) child.kill('SIGSTOP');
  }

  #portsOn(network: LabNetwork | string | undefined): readonly Interface[] {
    this.#made();
    if (network === undefined) return this.interfaces;
    const reference = networkReference('network', network);
    const name = typeof reference === 'string' ? reference : reference.name;
    const found = this.ports.filter((each) => each.network === name);
    if (found.length === 0) throw invalidValue('network', name, `must be a network that host ${this.name} is on`);
    return found;
  }

  #plugged(interfaces: readonly Interface[]): Interface[] {
    return interfaces.filter(({ network }) => !this.unplugged.has(network));
  }
}

/** It is no method: what listens to a program may not refer to the lab, or a lab that is forgotten is never collected. */
function noteProgram(events: EventLog, host: string, child: NamespaceProcess): void {
  const what = `${child.spawnfile} on ${host}`;
  events.add('program', `${what} starts, pid ${child.pid}`);
  child.once('exit', (code, signal) => events.add('program', `${what} ends, ${signal ?? code}`));
}
