/** A whole lab as one object: to make one, and to show one. */
import { faultWords } from './faults/fault-words';
import type { Fault } from './faults/faults';
import { type Check, type Parsed, list, required, schema, schemaOf, string } from '../errors/schema';
import { invalidValue, validateArray, validateObject } from '../errors/validate';
import type { Host, HostState } from './host';
import { HOST, type HostOptions, type Placement, labName } from './host-options';
import type { Interface } from './interface';
import type { LabNetwork } from './network';
import { OUTSIDE, Outside, type OutsideOptions } from './outside';
import { NETWORK, type LabNetworkOptions } from './network-options';
import { PORT_FORWARD, type PortForwardOptions, ROUTER, Router, type RouterOptions } from './router';

/** A cable of a {@link Topology}. */
export interface TopologyLink extends LabNetworkOptions {
  /** The two hosts that it connects. */
  between: readonly [string, string];
  /** Its name. Default: the names of the two, `'a-b'`. */
  name?: string | undefined;
}

/** A router of a {@link Topology}. */
export interface TopologyRouter extends RouterOptions {
  /** The ports that lead to hosts behind its NAT. */
  portForwards?: readonly PortForwardOptions[] | undefined;
}

/** The networks and hosts of a lab, by their names. They are added in the order of the properties here. */
export interface Topology {
  /** Its networks. */
  networks?: Readonly<Record<string, LabNetworkOptions>> | undefined;
  /** Its routers. */
  routers?: Readonly<Record<string, TopologyRouter>> | undefined;
  /** Its hosts. */
  hosts?: Readonly<Record<string, HostOptions>> | undefined;
  /** Its cables. */
  links?: readonly TopologyLink[] | undefined;
  /** Its way outside: {@link Lab.outside}. Default: none. */
  outside?: OutsideOptions | undefined;
}

/** A lab as an object for JSON: its topology, of which {@link Lab.create} makes another, and the state that it is in. */
export interface LabJSON {
  /** The networks and hosts, with the addresses that they have, and the seed. Policies of egress are not in it. */
  topology: SeededTopology;
  /** The hosts as they are now, routers included. */
  hosts: Record<string, HostJSON>;
  /** The faults that are in force. */
  faults: readonly Fault[];
}

/** A topology, and the seed of its lab. */
export interface SeededTopology extends Topology {
  /** The number from which all that is random follows. */
  seed: number;
}

/** The state of a host. */
export interface HostJSON {
  /** It is running, or it is not. */
  state: HostState;
  /** The names of the networks from which its cables are pulled out. */
  unplugged: string[];
  /** Its interfaces. */
  interfaces: Interface[];
}

/** An object whose properties have names of hosts or networks. */
function named<T>(check: Check<T>): Check<ReadonlyMap<string, T>> {
  return (name, value) => {
    validateObject(name, value);
    return new Map(Object.entries(value).map(([key, each]) => [labName(name, key), check(`${name}.${key}`, each)]));
  };
}

const between: Check<[string, string]> = (name, value) => {
  validateArray(name, value);
  const [first, second, ...rest] = value;
  if (rest.length === 0) return [string(`${name}[0]`, first), string(`${name}[1]`, second)];
  throw invalidValue(name, value, 'must name two hosts');
};

const LINK = schema<TopologyLink>()({ ...NETWORK.checks, name: labName, between: required(between) });
const ROUTERS = schema<TopologyRouter>()({ ...ROUTER.checks, portForwards: list(PORT_FORWARD) });

export const TOPOLOGY = schemaOf({
  networks: named(NETWORK),
  routers: named(ROUTERS),
  hosts: named(HOST),
  links: list(LINK),
  outside: OUTSIDE,
});

export type ParsedTopology = Parsed<typeof TOPOLOGY>;

/** The parts of a lab that are shown. */
export interface Shown {
  readonly seed: number;
  readonly hosts: ReadonlyMap<string, Host>;
  readonly networks: ReadonlyMap<string, LabNetwork>;
  readonly faults: readonly Fault[];
}

/** {@link Lab.toJSON} */
export function toJSON({ seed, hosts, networks, faults }: Shown): LabJSON {
  const all = [...hosts.values()];
  const placesOf = ({ interfaces }: Host): Placement[] =>
    interfaces
      .filter(({ network }) => networks.get(network)?.isLink === false)
      .map(({ network, addresses }) => ({ network, address: addresses }));
  const optionsOf = (host: Host): HostOptions => {
    const { tmp, run, clock } = host.settings;
    return { tmp, run, clock: clock && inSeconds(clock), on: placesOf(host) };
  };
  const routers = all.filter((host): host is Router => host instanceof Router);
  const outside = all.find((host) => host instanceof Outside);
  const cables = [...networks.values()].filter(({ isLink, interfaces }) => isLink && interfaces.length === 2);
  const switches = [...networks.values()].filter(({ isLink }) => !isLink);
  return {
    topology: {
      seed,
      networks: Object.fromEntries(switches.map((network) => [network.name, rangesOf(network)])),
      routers: Object.fromEntries(
        routers.map((router) => {
          const { nat, portForwards } = router;
          return [router.name, { ...optionsOf(router), ...(nat && { nat }), ...(nat && { portForwards }) }];
        }),
      ),
      hosts: Object.fromEntries(all.filter(({ isRouter }) => !isRouter).map((host) => [host.name, optionsOf(host)])),
      links: cables.map((network) => ({ name: network.name, between: endsOf(network), ...rangesOf(network) })),
      ...(outside && { outside: outsideOptions(outside, placesOf(outside)) }),
    },
    hosts: Object.fromEntries(
      all.map(({ name, state, unplugged, interfaces }) => [
        name,
        { state, unplugged: [...unplugged], interfaces: [...interfaces] },
      ]),
    ),
    faults,
  };
}

function outsideOptions({ name, program, hostLoopback }: Outside, on: Placement[]): OutsideOptions {
  return { name, on, with: program, hostLoopback };
}

/** JSON has no bigint. */
function inSeconds(clock: NonNullable<HostOptions['clock']>): Record<string, number> {
  const offsets = Object.entries(clock).filter((entry): entry is [string, number | bigint] => entry[1] !== undefined);
  return Object.fromEntries(
    offsets.map(([name, value]) => [name, Number(value) / (typeof value === 'bigint' ? 1e9 : 1)]),
  );
}

function rangesOf({ subnet, subnet6 }: LabNetwork): LabNetworkOptions {
  return { subnet: subnet ?? null, ...(subnet6 === undefined ? {} : { subnet6 }) };
}

function endsOf({ interfaces }: LabNetwork): [string, string] {
  return [interfaces[0]?.host ?? '', interfaces[1]?.host ?? ''];
}

/** {@link Lab.toString}: each network with its hosts, as a tree; then the faults. */
export function toText({ seed, hosts, networks, faults }: Shown): string {
  const lines = [`lab, seed ${seed}`];
  for (const { name, subnet, subnet6, isLink, interfaces } of networks.values()) {
    lines.push([name, isLink ? '(cable)' : '', subnet ?? '', subnet6 ?? ''].filter(Boolean).join(' '));
    interfaces.forEach((each, index) => {
      const host = hosts.get(each.host);
      const branch = index === interfaces.length - 1 ? '└─' : '├─';
      lines.push(`${branch} ${each.host} ${[...addressesOf(each), ...marksOf(host, name)].join(' ')}`);
    });
  }
  const lonely = [...hosts.values()].filter(({ interfaces }) => interfaces.length === 0);
  lines.push(...lonely.map((host) => [host.name, ...marksOf(host, '')].join(' ')));
  return [...lines, ...faults.map((fault) => `fault: ${faultWords(fault)}`)].join('\n');
}

function addressesOf({ name, addresses }: Interface): string[] {
  return [name, ...addresses];
}

/** The things about a host that are not as usual, in brackets. */
function marksOf(host: Host | undefined, network: string): string[] {
  if (host === undefined) return [];
  const nat = host instanceof Router && host.nat?.network === network ? `, ${host.nat.type} NAT` : '';
  const marks = [
    host.isRouter ? `router${nat}${host.leadsOutside ? ' to the outside' : ''}` : '',
    host.state === 'running' ? '' : host.state,
    host.unplugged.has(network) ? 'unplugged' : '',
    host.settings.egress === undefined ? '' : 'egress',
  ];
  return marks.filter(Boolean).map((mark) => `[${mark}]`);
}
