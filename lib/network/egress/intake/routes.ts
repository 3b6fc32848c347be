/** Routes that make every address one of this network: a packet to any of them stays in it, and a listener can take it. */
import type { NamespaceError } from '../../../errors/namespace-error';
import type { Links } from '../../link/links';
import type { Routes } from '../../route/routes';
import type { RouteSpec } from '../../route/route-spec';

/** The index of the loopback of every network, whatever its name is by now. */
const LOOPBACK = 1;

/** A network has no IPv6 where the kernel was started without it, or where its setting disable_ipv6 says so. */
const NO_IPV6 = ['EAFNOSUPPORT', 'EOPNOTSUPP', 'EACCES', 'ENODEV'];

/** The routes of both families, in the table that the kernel looks at first: ip-route(8). */
const EVERYWHERE = [everywhere('0.0.0.0/0'), everywhere('::/0')] as const;

/** The requests of a network that are needed here. */
export interface Routing {
  readonly link: Links;
  readonly route: Routes;
}

/**
 * Switches the loopback on, and adds the routes: both, or none.
 *
 * @returns true where the network has IPv6
 */
export async function addRoutes({ link, route }: Routing): Promise<boolean> {
  // They are sent together, and carried out in this order.
  const up = link.set(LOOPBACK, { up: true });
  const [first, second] = EVERYWHERE.map((spec) => route.add(spec));
  const [isUp, ipv4, ipv6] = await Promise.allSettled([up, first, second?.then(() => true, falseWithoutIpv6)]);
  if (isUp.status === 'fulfilled' && ipv4.status === 'fulfilled' && ipv6.status === 'fulfilled') {
    return ipv6.value === true;
  }
  const added = EVERYWHERE.filter((_, index) => [ipv4, ipv6][index]?.status === 'fulfilled');
  await Promise.allSettled(added.map((spec) => route.delete(spec)));
  throw [isUp, ipv4, ipv6].find((each) => each.status === 'rejected')?.reason as Error;
}

function falseWithoutIpv6(error: unknown): boolean {
  if (NO_IPV6.includes((error as NamespaceError).code)) return false;
  throw error;
}

/** Removes the routes, as far as the network and they are still there. */
export async function removeRoutes({ route }: Routing): Promise<void> {
  await Promise.allSettled(EVERYWHERE.map((spec) => route.delete(spec)));
}

function everywhere(to: string): RouteSpec {
  return { to, type: 'local', link: LOOPBACK };
}
