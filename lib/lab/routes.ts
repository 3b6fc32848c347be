/** The routes of hosts, computed over the whole topology. */
import type { Family } from '../network/ip';
import type { Network } from '../network/network';
import type { Interface } from './interface';
import type { Role } from './role';
import type { LabNetwork } from './network';
import { allSettled } from './settled';

/** A host as routes see it. */
export interface Node extends Role {
  readonly name: string;
  readonly interfaces: readonly Interface[];
}

/** A way from one network to another: the first router, and how many there are. */
interface Way {
  readonly first: Interface;
  readonly hops: number;
}

/** The key of what is outside of the lab: no network is called so. */
const OUTSIDE = '';

/** From each network to each that can be reached from it, and to the outside, by their names. */
export type Ways = ReadonlyMap<string, ReadonlyMap<string, Way>>;

const ANYWHERE = { to: 'default', family: 'inet' } as const;

/** The route to a network, or to `'default'`: `{ to: '10.0.1.0/24', via: '10.0.0.1' }`. */
export interface LabRoute {
  readonly to: string;
  readonly via: string;
  /** The network that the router is on. */
  readonly network: string;
}

/** Finds the shortest ways from each network: of several that are equal the one by the router that was added first. */
export function waysOf(networks: Iterable<LabNetwork>, nodes: ReadonlyMap<string, Node>): Ways {
  const byName = new Map([...networks].map((network) => [network.name, network]));
  return new Map([...byName].map(([name, network]) => [name, waysFrom(network, byName, nodes)]));
}

function waysFrom(
  start: LabNetwork,
  networks: ReadonlyMap<string, LabNetwork>,
  nodes: ReadonlyMap<string, Node>,
): Map<string, Way> {
  const ways = new Map<string, Way>();
  const queue: { network: LabNetwork; way: Way | undefined }[] = [{ network: start, way: undefined }];
  for (const { network, way } of queue) {
    for (const port of network.ports) {
      const router = nodes.get(port.host);
      if (router?.isRouter !== true || router.natNetwork === network.name) continue;
      if (router.leadsOutside === true && !ways.has(OUTSIDE)) {
        ways.set(OUTSIDE, { first: way?.first ?? port, hops: (way?.hops ?? 0) + 1 });
      }
      for (const exit of router.interfaces) {
        const next = networks.get(exit.network);
        if (next === undefined || next === start || ways.has(next.name)) continue;
        const found = { first: way?.first ?? port, hops: (way?.hops ?? 0) + 1 };
        ways.set(next.name, found);
        queue.push({ network: next, way: found });
      }
    }
  }
  return ways;
}

/** The routes of one host: to each network that it is not on itself, by the nearest router. */
export function routesOf(
  node: Pick<Node, 'name' | 'leadsOutside' | 'interfaces'>,
  networks: ReadonlyMap<string, LabNetwork>,
  ways: Ways,
): LabRoute[] {
  const own = new Set(node.interfaces.map(({ network }) => network));
  const best = new Map<string, Way>();
  for (const network of own) {
    for (const [name, way] of ways.get(network) ?? []) {
      if (own.has(name) || way.first.host === node.name) continue;
      if (name === OUTSIDE && node.leadsOutside === true) continue;
      if (way.hops < (best.get(name)?.hops ?? Infinity)) best.set(name, way);
    }
  }
  const ownRanges = new Set(rangesOf(some([...own].map((name) => networks.get(name)))).map(({ to }) => to));
  const routes = new Map<string, LabRoute>();
  for (const [name, { first }] of best) {
    for (const { to, family } of name === OUTSIDE ? [ANYWHERE] : rangesOf(some([networks.get(name)]))) {
      const via = first.addresses.find((address) => address.includes(':') === (family === 'inet6'));
      if (via !== undefined && !ownRanges.has(to) && !routes.has(to))
        routes.set(to, { to, via, network: first.network });
    }
  }
  return [...routes.values()];
}

function some(networks: readonly (LabNetwork | undefined)[]): LabNetwork[] {
  return networks.filter((network) => network !== undefined);
}

function rangesOf(networks: readonly LabNetwork[]): { to: string; family: Family }[] {
  return networks.flatMap(({ subnets }) =>
    [subnets.inet, subnets.inet6].flatMap((subnet) =>
      subnet === undefined ? [] : [{ to: String(subnet), family: subnet.family }],
    ),
  );
}

/** The routes that a host has by now, which follow those that it is to have. */
export class RouteTable {
  readonly #installed = new Map<string, LabRoute>();

  /** Makes the difference. All its requests are made in this turn of the event loop. */
  async follow(network: Network, wanted: readonly LabRoute[]): Promise<void> {
    const keep = new Set(wanted.map(({ to }) => to));
    const requests: Promise<void>[] = [];
    for (const [to, { via }] of this.#installed) {
      if (keep.has(to)) continue;
      this.#installed.delete(to);
      requests.push(network.route.delete({ to, via }).catch(ignoreMissing));
    }
    for (const route of wanted) {
      const { to, via } = route;
      if (this.#installed.get(to)?.via === via) continue;
      this.#installed.set(to, route);
      requests.push(network.route.replace({ to, via }).catch((error: unknown) => this.#notInstalled(route, error)));
    }
    await allSettled(requests);
  }

  /** A route that the kernel has refused is tried again with the next change. */
  #notInstalled(route: LabRoute, error: unknown): never {
    if (this.#installed.get(route.to) === route) this.#installed.delete(route.to);
    throw error;
  }

  /** The kernel has removed the routes that led to routers on a network, with the interface on that. */
  forget(network: string): void {
    for (const [to, route] of this.#installed) if (route.network === network) this.#installed.delete(to);
  }
}

/** A program inside may have deleted it, or the kernel with its interface. */
function ignoreMissing(error: unknown): void {
  if ((error as { code?: string }).code !== 'ESRCH') throw error;
}
