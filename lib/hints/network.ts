/** Hints about requests that the kernel has refused over netlink: rtnetlink(7). */
import { Errno } from '../kernel/errno';
import { Capability, asRoot, caller, hasCapability, refusedBySecurityModule } from './evidence';
import { type Explainer, type Failure, byErrno } from './failure';
import { named, sentence } from './wording';

/** The option that the kernel has to be built with for each kind of link, and the module that has it: `modinfo`. */
const KINDS: Readonly<Record<string, readonly [option: string, module: string]>> = {
  veth: ['CONFIG_VETH', 'veth'],
  bridge: ['CONFIG_BRIDGE', 'bridge'],
  dummy: ['CONFIG_DUMMY', 'dummy'],
  ifb: ['CONFIG_IFB', 'ifb'],
  vlan: ['CONFIG_VLAN_8021Q', '8021q'],
  macvlan: ['CONFIG_MACVLAN', 'macvlan'],
  macvtap: ['CONFIG_MACVTAP', 'macvtap'],
  ipvlan: ['CONFIG_IPVLAN', 'ipvlan'],
  vxlan: ['CONFIG_VXLAN', 'vxlan'],
  vrf: ['CONFIG_NET_VRF', 'vrf'],
  geneve: ['CONFIG_GENEVE', 'geneve'],
  gre: ['CONFIG_NET_IPGRE', 'ip_gre'],
  gretap: ['CONFIG_NET_IPGRE', 'ip_gre'],
  ip6gre: ['CONFIG_IPV6_GRE', 'ip6_gre'],
  ip6gretap: ['CONFIG_IPV6_GRE', 'ip6_gre'],
  wireguard: ['CONFIG_WIREGUARD', 'wireguard'],
  bond: ['CONFIG_BONDING', 'bonding'],
};

/** The same for each kind of queueing discipline. */
const QDISCS: typeof KINDS = {
  netem: ['CONFIG_NET_SCH_NETEM', 'sch_netem'],
  tbf: ['CONFIG_NET_SCH_TBF', 'sch_tbf'],
  htb: ['CONFIG_NET_SCH_HTB', 'sch_htb'],
  fq_codel: ['CONFIG_NET_SCH_FQ_CODEL', 'sch_fq_codel'],
  ingress: ['CONFIG_NET_SCH_INGRESS', 'sch_ingress'],
  clsact: ['CONFIG_NET_SCH_INGRESS', 'sch_ingress'],
};

const notPermitted: Explainer = (_, host) =>
  refusedBySecurityModule(host) ??
  'Changing a network takes CAP_NET_ADMIN in the user namespace that owns it, and to move a link to another network, or ' +
    'to make one there, in the owner of that as well. ' +
    (hasCapability(host, Capability.NET_ADMIN) === true
      ? `${sentence(caller(host))} has it in its own user namespace, and one of these belongs to another.`
      : `An ordinary user has it in networks made together with, or in, one user namespace of theirs ` +
        `(unshare(['user', 'net']), then unshare('net', { setns: set })); for others, ${asRoot(host, 'NET_ADMIN')}.`);

const noSuchLink: Explainer = (failure) =>
  failure.path?.includes('\ufffd') === true
    ? 'The name has bytes that are not UTF-8, for which another sign is shown: call the link by its index.'
    : `There is no link ${failure.path ?? 'of that name'} in that network, or one that the request refers to has gone.`;

const notSupported: Explainer = () =>
  'Not every link supports that: its kind has no such setting, its master cannot have links (only bridges, bonds and the ' +
  'like can), or the kernel was built without it (vlanFiltering of a bridge: CONFIG_BRIDGE_VLAN_FILTERING).';

const noMemory: Explainer = () => 'The kernel has no memory left for this.';

/** One item of a list is too long, and the list ends there. */
const fitsInNoMessage: Explainer = () =>
  'One of them fits in no message of the kernel, which then ends the list (netlink(7)): a route with thousands of next ' +
  'hops, say. It has to be deleted first; list({ table: … }) gives those of the tables that it is not in.';

const common = {
  [Errno.EPERM]: notPermitted,
  [Errno.EACCES]: notPermitted,
  [Errno.ENOMEM]: noMemory,
} as const;

/** Explains that the kernel does not have a kind. */
function missingKind(kinds: typeof KINDS, { detail = '' }: Failure): string | undefined {
  const [option, module] = kinds[detail] ?? [];
  return option === undefined
    ? undefined
    : `This kernel was built without ${option}, or its module is not loaded: 'modprobe ${module}' as root of the host, if there is one.`;
}

export const explainLinkKind: Explainer = (failure) => missingKind(KINDS, failure);
export const explainQdiscKind: Explainer = (failure) => missingKind(QDISCS, failure);

/** Explains failures of the socket itself, and of receiving from it. */
export const explainNetlink: Explainer = byErrno({
  ...common,
  [Errno.ENOBUFS]: () =>
    'The answer did not fit into the receive buffer, so some of it is lost (netlink(7)). Ask for less at a time, or raise ' +
    'net.core.rmem_max.',
  [Errno.EAGAIN]: () => 'No thread could be started for this: a limit of tasks is reached (RLIMIT_NPROC, pids.max).',
});

/** Some names of links are reserved: sysctl_dev_name_is_allowed() of the kernel. */
function reservedName({ path }: Failure): string | undefined {
  if (path !== 'all' && path !== 'default') return undefined;
  return `No link can have the name '${path}': /proc/sys/net/ipv4/conf has it for the settings of all links, or of new ones.`;
}

export const explainAddLink: Explainer = byErrno({
  ...common,
  [Errno.EEXIST]: (failure) =>
    `${linkNamed(failure.path)} exists in that network already${failure.detail === 'vxlan' ? ', or another vxlan has this id and port' : ''}, ` +
    'or its peer does: choose another name, or delete that one.',
  [Errno.ENODEV]: () => 'The link below it, or its master, is not in that network.',
  [Errno.EINVAL]: reservedName,
  [Errno.EOPNOTSUPP]: notSupported,
  [Errno.EBUSY]: () =>
    "The link below it is in use in a way that excludes this: by a bridge, or by a macvlan in mode 'passthru', say.",
});

export const explainSetLink: Explainer = byErrno({
  ...common,
  [Errno.ENODEV]: noSuchLink,
  [Errno.EEXIST]: (failure) =>
    `The new name of ${named(failure.path, 'the link')}, or its name in the namespace it is moved to, is taken there.`,
  [Errno.EBUSY]: () => 'A link that is up, or is used by another, does not take this: switch it off first (up: false).',
  [Errno.EADDRNOTAVAIL]: () => 'That is no address that a link can have: a group address, say.',
  [Errno.EOPNOTSUPP]: notSupported,
  [Errno.ELOOP]: () => 'A link can not be above itself: the two are connected already.',
  [Errno.EINVAL]: (failure) =>
    failure.path === 'lo' ? 'The loopback interface stays in its namespace, and has no master.' : undefined,
});

export const explainLink: Explainer = byErrno({
  ...common,
  [Errno.ENODEV]: noSuchLink,
  [Errno.EOPNOTSUPP]: (failure) =>
    `${linkNamed(failure.path)} is not a virtual link, or belongs to the kernel: it cannot be deleted.`,
});

export const explainAddress: Explainer = byErrno({
  ...common,
  [Errno.ENODEV]: noSuchLink,
  [Errno.EEXIST]: (failure) =>
    `The link ${failure.detail ?? ''} has the address ${failure.path ?? ''} already: replace() changes its settings.`,
  [Errno.EADDRNOTAVAIL]: (failure) =>
    `The link ${failure.detail ?? ''} does not have the address ${failure.path ?? ''}, with that prefix length.`,
});

export const explainRoute: Explainer = byErrno({
  ...common,
  [Errno.ENETUNREACH]: (failure) =>
    failure.operation === 'netlink-route-get'
      ? `There is no route to ${failure.path ?? 'it'} in that network, and no default one.`
      : `No link that is up has an address in the network of the router ${failure.detail ?? ''}: give one an address there ` +
        'first, or say which link leads to the router (link, onlink: true).',
  [Errno.EHOSTUNREACH]: (failure) =>
    failure.operation === 'netlink-route-get'
      ? `The route to ${failure.path ?? 'it'} says that it is unreachable.`
      : `The router ${failure.detail ?? ''} cannot be reached over a link of that network.`,
  [Errno.EMSGSIZE]: fitsInNoMessage,
  [Errno.ENETDOWN]: () => 'The link that packets would leave by is down: bring it up first.',
  [Errno.EEXIST]: (failure) =>
    `There is a route to ${failure.path ?? 'it'} of the same metric: replace() puts this one in its place, append() ` +
    'keeps both if they lead another way.',
  [Errno.ESRCH]: (failure) => `There is no such route to ${failure.path ?? 'it'} in that table.`,
  [Errno.ENODEV]: () =>
    'The link that packets are to leave by is not in that network, or no link has the network of the router.',
});

export const explainRule: Explainer = byErrno({
  ...common,
  [Errno.EPERM]: (failure, host) =>
    failure.detail === 'uids'
      ? 'A rule for users can be made only from the user namespace that owns the network, and Node is not in that one. ' +
        "Run 'ip rule add … uidrange …' inside, or mark the packets and make a rule for the mark."
      : notPermitted(failure, host),
  [Errno.EEXIST]: () => 'There is such a rule already.',
  [Errno.ENOENT]: () => 'There is no such rule.',
});

export const explainNeighbor: Explainer = byErrno({
  ...common,
  [Errno.ENODEV]: noSuchLink,
  [Errno.EEXIST]: (failure) => `${failure.path ?? 'It'} is a neighbor on that link already: replace() changes it.`,
  [Errno.ENOENT]: (failure) => `${failure.path ?? 'It'} is no neighbor on that link.`,
});

export const explainNextHop: Explainer = byErrno({
  ...common,
  [Errno.EEXIST]: (failure) =>
    `There is a next-hop object ${failure.path ?? 'of that number'} already: replace() changes it.`,
  [Errno.ENOENT]: (failure) => `There is no next-hop object ${failure.path ?? 'of that number'} in that network.`,
  [Errno.ENETUNREACH]: (failure) =>
    `The router ${failure.detail ?? ''} is on no network of that link: give the link an address there first, or say that ` +
    'the router is on it (onlink: true).',
  [Errno.ENETDOWN]: () => 'The link that packets would leave by is down, or nothing is up at its other end (carrier).',
  [Errno.ENODEV]: noSuchLink,
});

const noSuchQdisc: Explainer = (failure) =>
  failure.operation === 'netlink-qdisc-delete'
    ? `There is nothing to delete at that place of ${failure.path ?? 'the link'}: the kernel's own queueing discipline stays.`
    : `There is no class there on ${failure.path ?? 'the link'} that could have a queueing discipline.`;

export const explainQdisc: Explainer = byErrno({
  ...common,
  [Errno.ENODEV]: noSuchLink,
  [Errno.EEXIST]: (failure) =>
    `The link ${failure.path ?? ''} has a queueing discipline at that place already: replace() puts this one there.`,
  [Errno.ENOENT]: noSuchQdisc,
});

export const explainNsid: Explainer = byErrno({
  ...common,
  [Errno.EEXIST]: () => 'That namespace has an id here already, and keeps it, or another has this one.',
});

/** Explains failures of /dev/net/tun. */
export const explainTun: Explainer = byErrno({
  [Errno.ENOENT]: () =>
    "There is no /dev/net/tun: the module tun is not loaded ('modprobe tun' as root of the host), or a container was not given the device " +
    "('--device /dev/net/tun').",
  [Errno.ENODEV]: () => "The kernel has no tun device: its module is not loaded ('modprobe tun' as root of the host).",
  [Errno.EACCES]: (_, host) =>
    refusedBySecurityModule(host) ??
    "This process may not open /dev/net/tun, which udev opens to all: 'chmod 0666 /dev/net/tun' as root of the host.",
  [Errno.EPERM]: (failure, host) =>
    failure.syscall === 'open'
      ? "This process may not open /dev/net/tun: a container has to be given the device ('--device /dev/net/tun')."
      : notPermitted(failure, host),
  [Errno.EBUSY]: () => 'Another descriptor is open on that interface, and it was not created with multiQueue.',
  [Errno.EINVAL]: () =>
    'There is a link of that name which is of another kind, or which was made with other options (multiQueue).',
});

function linkNamed(name: string | undefined): string {
  return name === undefined ? 'The link' : `The link ${name}`;
}

const noNftables: Explainer = () =>
  'This kernel has no nf_tables, or not what these rules need of it (CONFIG_NF_TABLES; CONFIG_NF_TABLES_BRIDGE for ' +
  'partitions; CONFIG_NFT_NAT, CONFIG_NFT_MASQ and CONFIG_NFT_CT for address translation), or its modules are not loaded: ' +
  "'modprobe -a nf_tables nft_chain_nat nft_masq nft_ct' as root of the host, if there are any.";

/** Explains that nf_tables refuses a transaction, or that there is no such thing. */
export const explainNftables: Explainer = byErrno({
  ...common,
  [Errno.EPROTONOSUPPORT]: noNftables,
  [Errno.EOPNOTSUPP]: noNftables,
  [Errno.EAFNOSUPPORT]: noNftables,
  [Errno.ENOENT]: noNftables,
});
