/** Routes that make every address one of this network: a packet to any of them stays in it, and a listener can take it. */
import type { NamespaceError } from '../../../errors/namespace-error';
import type { Links } from '../../link/links';
import type { Routes } from '../../route/routes';
import type { RouteSpec } from '../../route/route-spec';

/** The index of the loopback of every network, whatever its name is by now. */
const LOOPBACK = 1;

/** A network has no IPv6 where the kernel was started without it, or where its setting disable_ipv6 says so. */
const NO_IPV6 = ['EAFNOSUPPORT', 'EOPNOTSUPP', 'EACCES', 'ENODEV'];

/** The route of a family, in the table that the kernel looks at first: ip-route(8). */
const EVERYWHERE: readonly RouteSpec[] = ['0.0.0.0/0', '::/0'].map((to) => ({ to, type: 'local', link: LOOPBACK }));

/** The requests of a network that are needed here. */
export interface Routing {
  readonly link: Links;
  readonly route: Routes;
}

/** Switches the loopback on, and adds the routes. */
export async function addRoutes({ link, route }: Routing): Promise<void> {
  await link.set(LOOPBACK, { up: true });
  await Promise.all(
    EVERYWHERE.map((spec) => route.add(spec).catch((error: unknown) => toleratedWithoutIpv6(spec, error))),
  );
}

function toleratedWithoutIpv6({ to }: RouteSpec, error: unknown): void {
  if (to !== '::/0' || !NO_IPV6.includes((error as NamespaceError).code)) throw error;
}

/** Removes the routes, as far as the network and they are still there. */
export async function removeRoutes({ route }: Routing): Promise<void> {
  await Promise.allSettled(EVERYWHERE.map((spec) => route.delete(spec)));
}
