/** Hints about sockets of a network namespace: bind(2), connect(2), and the names of addresses. */
import { BlockList, isIP } from 'node:net';
import { Errno } from '../kernel/errno';
import { type Explainer, type Failure, byErrno } from './failure';
import { listed } from './wording';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');

/** Name servers with such an address are local: systemd-resolved's and others'. resolved(8) */
const STUB_NET = '127.';

export const explainConnect: Explainer = byErrno({
  [Errno.ENETUNREACH]: (failure) =>
    isIn(LOOPBACK, failure)
      ? 'lo is down in that network namespace: bring it up (net.link.set("lo", { up: true })).'
      : `That network namespace has no route to ${failure.address ?? 'it'}: a new one has nothing but lo. Add a link, an ` +
        'address and a route, or connect it to the outside with Network.attach().',
  [Errno.EHOSTUNREACH]: (failure) =>
    `No host on the link answers for ${failure.address ?? 'that address'}, or a router on the way reports that it has no ` +
    'route: see the routes and neighbours of the network namespace.',
  [Errno.ECONNREFUSED]: (failure) =>
    isIn(LOOPBACK, failure)
      ? `Nothing listens on port ${failure.port ?? 0} there: ${failure.address ?? ''} is the loopback of that network ` +
        "namespace, not the host's."
      : undefined,
  [Errno.EADDRNOTAVAIL]: noSuchAddress,
  [Errno.EINVAL]: withoutScope,
  [Errno.ENODEV]: noSuchInterface,
});

export const explainBind: Explainer = byErrno({
  [Errno.EADDRNOTAVAIL]: noSuchAddress,
  [Errno.EADDRINUSE]: (failure) =>
    failure.port === undefined
      ? 'Something is there already: a socket that is bound there, or a file that one has left behind.'
      : `Another socket of that network namespace has port ${failure.port}: 'ss -lntup' in it shows which.`,
  [Errno.EACCES]: (failure) =>
    failure.port === undefined
      ? undefined
      : `Port ${failure.port} is a privileged one there: it takes CAP_NET_BIND_SERVICE in the user namespace that owns ` +
        'the network namespace, or a lower net.ipv4.ip_unprivileged_port_start in it.',
  [Errno.EINVAL]: withoutScope,
  [Errno.ENODEV]: noSuchInterface,
});

export const explainDevice: Explainer = byErrno({
  [Errno.ENODEV]: (failure) => `That network namespace has no interface '${failure.path ?? ''}'.`,
});

/** Explains that no name server has answered; `detail` has their addresses. */
export const explainLookUp: Explainer = ({ detail = '' }) => {
  const stubs = detail.split(' ').filter((address) => address.startsWith(STUB_NET));
  if (stubs.length > 0) {
    return (
      `${listed(stubs)} is asked through the loopback of the network namespace, where the host's resolver does not ` +
      'listen. Give { servers }, or write /etc/netns/NAME/resolv.conf for a namespace that has a name.'
    );
  }
  return (
    `${listed(detail.split(' '))} is asked from inside the network namespace, and may have to be reached from there: ` +
    'see its routes, or give other { servers }.'
  );
};

function isIn(list: BlockList, { address = '' }: Failure): boolean {
  const [plain = ''] = address.split('%');
  const family = isIP(plain);
  return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4');
}

function noSuchAddress({ address = 'that address' }: Failure): string {
  return `No interface of that network namespace has ${address}, or not yet: a new IPv6 address is tentative for a moment.`;
}

function withoutScope(failure: Failure): string | undefined {
  if (!isIn(LINK_LOCAL, failure) || failure.address?.includes('%') === true) return undefined;
  return `A link-local address means something on one link only: name its interface, as in ${failure.address ?? ''}%eth0.`;
}

function noSuchInterface({ detail = '' }: Failure): string {
  return `That network namespace has no interface '${detail}'.`;
}
