/** Routes that make every address one of this network: a packet to any of them stays in it, and a listener can take it. */
import type { NamespaceError } from '../../../errors/namespace-error';
import type { Addresses } from '../../address/addresses';
import type { Links } from '../../link/links';
import type { Routes } from '../../route/routes';
import type { RouteSpec } from '../../route/route-spec';
import { OWN_V4, OWN_V6 } from '../names/inside';

/** The index of the loopback of every network, whatever its name is by now. */
const LOOPBACK = 1;

/** A network has no IPv6 where the kernel was started without it, or where its setting disable_ipv6 says so. */
const NO_IPV6 = ['EAFNOSUPPORT', 'EOPNOTSUPP', 'EACCES', 'ENODEV'];

/** The requests of a network that are needed here. */
export interface Routing {
  readonly link: Links;
  readonly route: Routes;
  readonly address: Addresses;
}

/** Something that a network has while its egress is open. */
interface Added {
  readonly isIpv6: boolean;
  add(network: Routing): Promise<void>;
  remove(network: Routing): Promise<void>;
}

const ADDED: readonly Added[] = [...ofFamily('0.0.0.0/0', OWN_V4), ...ofFamily('::/0', OWN_V6)];

/**
 * The route is in the table that the kernel looks at first: ip-route(8). The address is for getaddrinfo(3): with
 * `AI_ADDRCONFIG` it finds addresses of a family only where the network has one of it that is no loopback address.
 */
function ofFamily(to: string, own: string): Added[] {
  const route: RouteSpec = { to, type: 'local', link: LOOPBACK };
  const isIpv6 = own.includes(':');
  return [
    { isIpv6, add: (network) => network.route.add(route), remove: (network) => network.route.delete(route) },
    {
      isIpv6,
      add: (network) => network.address.add(LOOPBACK, own),
      remove: (network) => network.address.delete(LOOPBACK, own),
    },
  ];
}

/**
 * Switches the loopback on, and adds the routes and addresses: all, or none.
 *
 * @returns true where the network has IPv6
 */
export async function addRoutes(network: Routing): Promise<boolean> {
  // They are sent together, and carried out in this order.
  const [up, ...added] = await Promise.allSettled([
    network.link.set(LOOPBACK, { up: true }),
    ...ADDED.map((each) => each.add(network)),
  ]);
  const failed = up.status === 'rejected' ? up : added.find(isFailure);
  if (failed === undefined) return added.every(({ status }) => status === 'fulfilled');
  const there = ADDED.filter((_, index) => added[index]?.status === 'fulfilled');
  await Promise.allSettled(there.map((each) => each.remove(network)));
  throw failed.reason;
}

/** A network may have no IPv6, but all else must succeed. */
function isFailure(result: PromiseSettledResult<void>, index: number): result is PromiseRejectedResult {
  if (result.status === 'fulfilled') return false;
  return ADDED[index]?.isIpv6 !== true || !NO_IPV6.includes((result.reason as NamespaceError).code);
}

/** Removes them, as far as the network and they are still there. */
export async function removeRoutes(network: Routing): Promise<void> {
  await Promise.allSettled(ADDED.map((each) => each.remove(network)));
}
