/** A router of a lab. */
import { type Check, integer, oneOf, required, schema, string, without } from '../errors/schema';
import { invalidType, invalidValue } from '../errors/validate';
import { Host, type HostServices } from './host';
import { HOST, type HostOptions, type HostSettings, networkReference } from './host-options';
import { type Forward, NAT_TYPES, type NatType, PROTOCOLS, forwardRules, natRules, natRules6 } from './nat';
import type { LabNetwork } from './network';

/** A router's address translation: towards which network, and how. */
export interface NatOptions {
  /** The network in which the router's address stands for all that is behind it. */
  network: LabNetwork | string;
  /** The way in which it maps ports and lets packets in. Default: `'port-restricted'`. */
  type?: NatType | undefined;
}

/** Options of {@link Lab.addRouter}. */
export interface RouterOptions extends Omit<HostOptions, 'egress'> {
  /**
   * Translates addresses towards this network: its hosts see the router's address, and cannot reach what is behind it
   * but by ports that are mapped or forwarded. Default: none.
   */
  nat?: LabNetwork | string | NatOptions | undefined;
}

/** A port of a NAT's outside that leads to a host inside: see {@link Router.forwardPort}. */
export interface PortForwardOptions {
  /** The port outside. */
  port: number;
  /** The host that it leads to. */
  to: Host | string;
  /** The port of that host. Default: the same. */
  toPort?: number | undefined;
  /** Default: `'tcp'`. */
  protocol?: 'tcp' | 'udp' | undefined;
}

/** A NAT as it is. */
export interface Nat {
  /** The name of the network outside. */
  readonly network: string;
  /** The way in which it maps ports and lets packets in. */
  readonly type: NatType;
}

const NAT = schema<NatOptions>()({ network: required(networkReference), type: oneOf(NAT_TYPES) });

const nat: Check<{ network: LabNetwork | string; type: NatType }> = (name, value) => {
  const isOptions = value !== null && typeof value === 'object' && 'network' in value;
  const { network, type = 'port-restricted' } = isOptions
    ? NAT(name, value)
    : { network: networkReference(name, value) };
  return { network, type };
};

export const ROUTER = schema<RouterOptions>()({ ...without(HOST.checks, 'egress'), nat });

const port = integer(1, 0xffff);

/** A host by itself or by its name; the lab finds out if it is one of its own. */
export const hostReference: Check<{ name: string }> = (name, value) => {
  if (typeof value === 'string') return { name: string(name, value) };
  if (value instanceof Host) return value;
  throw invalidType(name, "a host of this lab, or a host's name", value);
};

export const PORT_FORWARD = schema<PortForwardOptions>()({
  port: required(port),
  to: required(hostReference),
  toPort: port,
  protocol: oneOf(PROTOCOLS),
});

/** A host that passes on the packets of others between its networks. {@link Lab.addRouter} makes one. */
export class Router extends Host {
  /** Its address translation, if it has one. */
  readonly nat: Nat | undefined;
  readonly #find: (name: string) => Host | undefined;
  readonly #forwards: (Forward & { to: string })[] = [];

  /** @internal */
  constructor(
    name: string,
    settings: HostSettings,
    services: HostServices,
    { nat: translation, find }: { nat: Nat | undefined; find: (name: string) => Host | undefined },
  ) {
    super(name, settings, services, { isRouter: true, natNetwork: translation?.network });
    this.nat = translation;
    this.#find = find;
  }

  /** The ports that lead to hosts behind the NAT. */
  get portForwards(): readonly Required<PortForwardOptions>[] {
    return this.#forwards.map(({ protocol, port: outside, to, toPort }) => ({ protocol, port: outside, to, toPort }));
  }

  /**
   * Lets a port of the outside lead to a host behind the NAT.
   *
   * @throws TypeError for a port that leads to another host already, and for a router without NAT
   *
   * @example
   * ```ts
   * await gateway.forwardPort({ port: 8080, to: web, toPort: 80 });
   * ```
   */
  async forwardPort(options: PortForwardOptions): Promise<void> {
    const { port: outside, to, toPort = outside, protocol = 'tcp' } = PORT_FORWARD('options', options);
    const target = this.#find(to.name);
    const address = target?.addresses.find((each) => !each.includes(':'));
    if (this.nat === undefined)
      throw invalidValue('options.port', outside, 'can lead inside on a router with NAT only');
    if (target === undefined || (to instanceof Host && to !== target) || address === undefined) {
      throw invalidValue('options.to', to.name, 'must be a host of this lab with an IPv4 address');
    }
    if (this.#forwards.some((each) => each.port === outside && each.protocol === protocol)) {
      throw invalidValue('options.port', outside, 'leads to a host already');
    }
    const forward = { protocol, port: outside, address, to: target.name, toPort };
    this.#forwards.push(forward);
    await this.#apply(() => this.#forwards.splice(this.#forwards.indexOf(forward), 1));
  }

  /** Closes a port that {@link forwardPort} has opened. Connections that exist go on. */
  async closePort(outside: number, protocol: 'tcp' | 'udp' = 'tcp'): Promise<void> {
    const at = this.#forwards.findIndex((each) => each.port === outside && each.protocol === protocol);
    if (at < 0) throw invalidValue('port', outside, 'leads to no host');
    const gone = this.#forwards.splice(at, 1);
    await this.#apply(() => this.#forwards.push(...gone));
  }

  /** Begins to translate. @internal */
  async translate(): Promise<void> {
    if (this.nat === undefined) return;
    const { network, type } = this.nat;
    const outside = this.ports.find((each) => each.network === network);
    const address = outside?.addresses.find((each) => !each.includes(':'));
    if (outside === undefined) return;
    const four = address === undefined ? [] : natRules({ link: outside.name, address }, type);
    await this.commitRules([...four, ...natRules6({ link: outside.name })]);
  }

  async #apply(undo: () => unknown): Promise<void> {
    try {
      await this.commitRules(forwardRules(this.#forwards));
    } catch (error) {
      undo();
      throw error;
    }
  }
}
