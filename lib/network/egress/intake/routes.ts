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
const EVERYWHERE: readonly RouteSpec[] = ['0.0.0.0/0', '::/0'].map((to) => ({ to, type: 'local', link: LOOPBACK }));

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
  const added = await Promise.allSettled(EVERYWHERE.map((spec) => route.add(spec)));
  const failed = await up.then(
    () => added.find(isFailure),
    (reason: unknown) => ({ reason }),
  );
  if (failed === undefined) return added.every(({ status }) => status === 'fulfilled');
  const there = EVERYWHERE.filter((_, index) => added[index]?.status === 'fulfilled');
  await Promise.allSettled(there.map((spec) => route.delete(spec)));
  throw failed.reason;
}

/** A network may have no IPv6, but all else must succeed. */
function isFailure(result: PromiseSettledResult<void>, index: number): result is PromiseRejectedResult {
  if (result.status === 'fulfilled') return false;
  const isIpv6 = EVERYWHERE[index]?.to === '::/0';
  return !isIpv6 || !NO_IPV6.includes((result.reason as NamespaceError).code);
}

/** Removes the routes, as far as the network and they are still there. */
export async function removeRoutes({ route }: Routing): Promise<void> {
  await Promise.allSettled(EVERYWHERE.map((spec) => route.delete(spec)));
}
