/** The namespaces that all hosts of a lab have in common, and the one that its switches are in. */
import { constants, existsSync } from 'node:fs';
import type { Step } from '../../types/native';
import { Descriptor } from '../handle/descriptor';
import { notForgotten } from '../handle/forgotten';
import { MNT_DETACH, MOUNT_ATTR } from '../kernel/mount-flags';
import { CLONE_FLAGS } from '../kernel/namespace-kind';
import { run } from '../launch/launch';
import { Network } from '../network/network';
import { NETWORK_SOCKETS, socketStep } from '../network/place';
import { makeStep } from '../plan/step';
import { type NamespaceSet, setOf } from '../set/namespace-set';
import { Captures } from './capture/capture';
import { DnsTable } from './dns/dns';
import type { IdRange } from '../idmap/id-map';
import type { LabMaps } from './id-map';
import { HostsFile, RESOLV_CONF, hostsText } from './files';

/**
 * The parts of a lab that are there before its first host. They are in a user namespace in which no program ever is. Each
 * host has one of its own below it. With one for all, root of a host could reach the switches and other hosts: the other
 * end of a cable by its number (IFLA_TARGET_NETNSID of rtnetlink(7)), and namespaces by those of their mounts
 * (NS_MNT_GET_NEXT of ioctl_nsfs(2)).
 */
export interface Core {
  /** The user namespace, the mount namespace that those of hosts are copies of, and the network of the switches. */
  readonly set: NamespaceSet;
  /** The ids of hosts, as maps of user namespaces below that of {@link Core.set}. */
  readonly ids: { readonly uidMap: IdRange[]; readonly gidMap: IdRange[] };
  /** The network of the switches. No program of a host can reach it: it is open here only. */
  readonly network: Network;
  readonly hosts: HostsFile;
  /** Captures of networks. */
  readonly captures: Captures;
  /** All that the name servers of hosts know. */
  readonly dns: DnsTable;
  readonly resolvConf: string;
  readonly hostsDescriptor: Descriptor;
}

const KINDS = ['user', 'net', 'mnt'] as const;

/** A place that is there everywhere, and free again before the first program runs. */
const WORKSHOP = '/proc';

/** Each reader finds the name of the uts namespace that it is in: one file is the right one on all hosts. */
const HOSTNAME = '/proc/sys/kernel/hostname';

/** The mode of files that everybody reads. */
const READABLE = 0o644;

/** The switches have no addresses, and say nothing by themselves. */
const NO_IPV6 = ['all', 'default'].map((which) => sysctl(`net/ipv6/conf/${which}/disable_ipv6`, '1'));

export async function createCore({ uid, gid }: LabMaps): Promise<Core> {
  const hostsFile = `${WORKSHOP}/hosts`;
  const steps: Step[] = [
    ...NO_IPV6,
    ...NETWORK_SOCKETS.map(socketStep),
    // Hosts cannot take it away, since a copy for a lower user namespace is locked: mount_namespaces(7). So they never
    // see the processes of this machine, nor those of each other, below a /proc of their own.
    makeStep('fs', { type: 'proc', target: '/proc' }),
    ...coverStep('hostname', HOSTNAME),
    makeStep('fs', { type: 'tmpfs', target: WORKSHOP, parameters: ['mode=0755'] }),
    makeStep('make_file', { path: hostsFile, mode: READABLE, contents: Buffer.from(hostsText([])) }),
    makeStep('open_file', { path: hostsFile, openFlags: constants.O_WRONLY, mode: 0 }),
    makeStep('make_file', { path: `${WORKSHOP}/resolv.conf`, mode: READABLE, contents: Buffer.from(RESOLV_CONF) }),
    ...['hosts', 'resolv.conf'].flatMap((name) => coverStep(name, `${WORKSHOP}/${name}`)),
    // The file that Node has open keeps the file system, and nobody sees it.
    ['umount', WORKSHOP, MNT_DETACH],
    ['namespaces', KINDS.map((kind) => CLONE_FLAGS[kind])],
  ];
  // The pid namespace is for that /proc alone, and ends with this task.
  const user = { uidMap: uid.above, gidMap: gid.above };
  const { fds } = await run({ unshare: { user, net: true, mnt: true, pid: true } }, steps);
  const [first = -1, second = -1, hosts = -1, ...namespaces] = fds;
  const hostsDescriptor = new Descriptor(hosts);
  const set = setOf(namespaces);
  notForgotten(set);
  const network = Network.over(set, [first, second]);
  notForgotten(network);
  return {
    set,
    ids: { uidMap: uid.below, gidMap: gid.below },
    network,
    hosts: new HostsFile(hostsDescriptor.fd),
    captures: new Captures(),
    dns: new DnsTable(),
    resolvConf: RESOLV_CONF,
    hostsDescriptor,
  };
}

export async function closeCore({ set, network, captures, hostsDescriptor }: Core): Promise<void> {
  await Promise.all([captures.close(), network.close(), set.close(), hostsDescriptor.close()]);
}

/** A file of /etc that is not there cannot be covered without a change of the host's. */
function coverStep(name: string, source: string): Step[] {
  const target = `/etc/${name}`;
  if (!existsSync(target)) return [];
  return [makeStep('tree', { source, target, set: MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV })];
}

/** Writes a setting of the network that the task is in. One that this kernel does not have is left out. */
export function sysctl(path: string, value: string): Step {
  return ['try_write_file', `/proc/sys/${path}`, constants.O_WRONLY, value];
}
