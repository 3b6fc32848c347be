/** The links by which programs would leave a network beside its egress. */
import { NamespaceError } from '../../../errors/namespace-error';
import type { Link } from '../../link/link';
import type { Links } from '../../link/links';

/**
 * Kinds of tunnels. The kernel makes some of them in each new network (net.core.fb_tunnels_only_for_init_net), and what
 * they send is sent in packets of the same network. A tunnel that was moved here from another one has the nsid of that.
 */
const TUNNELS: ReadonlySet<string> = new Set([
  'erspan',
  'gre',
  'gretap',
  'ip6gre',
  'ip6tnl',
  'ipip',
  'sit',
  'vti',
  'vti6',
]);

/**
 * Refuses a network with a link that leads out, also where it is switched off: a program with CAP_NET_ADMIN can switch it
 * on, and any program can bind a socket to it (SO_BINDTODEVICE, socket(7)), whatever the routes are.
 *
 * @throws NamespaceError `ERR_LINUX_NS_OTHER_LINKS`
 */
export async function refuseOtherLinks(link: Links): Promise<void> {
  const names = (await link.list()).filter(leadsOut).map(({ name }) => name);
  if (names.length === 0) return;
  throw new NamespaceError({
    code: 'ERR_LINUX_NS_OTHER_LINKS',
    message: `Programs could leave this network by its own links, beside an egress: ${names.join(', ')}`,
    kind: 'net',
    hint: 'An egress is the only way out of a network: give it one that has no link but the loopback, such as a new one.',
  });
}

function leadsOut({ type, kind = '', linkNsid }: Link): boolean {
  return type !== 'loopback' && !(TUNNELS.has(kind) && linkNsid === undefined);
}
