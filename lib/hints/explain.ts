import { Errno } from '../kernel/errno';
import { HostFiles } from '../kernel/host-files';
import {
  explainCreateCgroup,
  explainEnableController,
  explainEnterCgroup,
  explainSetCgroup,
  explainUseCgroup,
} from './cgroup';
import { explainClone, explainFork, explainSetTid, explainUnshareSync } from './clone';
import { explainExec, explainExecNsinit } from './exec';
import type { Explainer, Failure } from './failure';
import {
  explainChdir,
  explainChroot,
  explainFile,
  explainHostname,
  explainIds,
  explainLoopback,
  explainPty,
  explainSetsid,
  explainSocket,
  explainStdio,
  explainTime,
} from './inside';
import { explainJoin, explainOpen, explainOpenOfSocket, explainPersist, explainSetnsSync } from './join';
import { noMoreDescriptors, noMoreFiles } from './limits';
import { explainGidMap, explainSetgroups, explainUidMap } from './maps';
import { explainMount, explainPropagation, explainUmount } from './mount';
import {
  explainAddLink,
  explainAddress,
  explainLink,
  explainLinkKind,
  explainNeighbor,
  explainNetlink,
  explainNsid,
  explainRoute,
  explainRule,
  explainSetLink,
  explainTun,
} from './network';
import { explainNetnsAdd, explainNetnsDirectory, explainNetnsRemove } from './netns';
import { explainNewgidmap, explainNewuidmap } from './newidmap';
import {
  explainAffinity,
  explainCapabilities,
  explainOomScoreAdj,
  explainPersonality,
  explainPriority,
  explainRlimits,
} from './privileges';
import { explainScan } from './scan';
import { explainSeccomp } from './seccomp';
import { explainBind, explainConnect, explainDevice, explainLookUp } from './sockets';

export type { Failure } from './failure';

/** Who knows about which operation. What is missing here cannot fail for a reason that the host's files tell. */
const EXPLAINERS: ReadonlyMap<string, Explainer> = new Map([
  ['clone', explainClone],
  ['unshare', explainClone],
  ['unshareSync', explainUnshareSync],
  ['fork', explainFork],
  ['init', explainFork],
  ['set_tid', explainSetTid],
  ['uid_map', explainUidMap],
  ['gid_map', explainGidMap],
  ['setgroups', explainSetgroups],
  ['newuidmap', explainNewuidmap],
  ['newgidmap', explainNewgidmap],
  ['join', explainJoin],
  ['setnsSync', explainSetnsSync],
  ['open', explainOpen],
  ['open-of-socket', explainOpenOfSocket],
  ['namespaces', explainOpen],
  ['persist', explainPersist],
  ['scan', explainScan],
  ['propagation', explainPropagation],
  ['trees', explainMount],
  ['host_files', explainMount],
  ['fs', explainMount],
  ['tree', explainMount],
  ['cover', explainMount],
  ['overlay', explainMount],
  ['attributes', explainMount],
  ['reconfigure', explainMount],
  ['move', explainMount],
  ['seal', explainMount],
  ['mask', explainMount],
  ['data', explainMount],
  ['pivot_root', explainMount],
  ['umount', explainUmount],
  ['time', explainTime],
  ['hostname', explainHostname],
  ['domainname', explainHostname],
  ['loopback', explainLoopback],
  ['socket', explainSocket],
  ['tun', explainTun],
  ['netlink', explainNetlink],
  ['netlink-link-add', explainAddLink],
  ['netlink-link-kind', explainLinkKind],
  ['netlink-link-set', explainSetLink],
  ['netlink-link-delete', explainLink],
  ['netlink-link-get', explainLink],
  ['netlink-address-add', explainAddress],
  ['netlink-address-delete', explainAddress],
  ['netlink-route-add', explainRoute],
  ['netlink-route-delete', explainRoute],
  ['netlink-route-get', explainRoute],
  ['netlink-route-list', explainRoute],
  ['netlink-rule-add', explainRule],
  ['netlink-rule-delete', explainRule],
  ['netlink-neighbor-add', explainNeighbor],
  ['netlink-neighbor-replace', explainNeighbor],
  ['netlink-neighbor-delete', explainNeighbor],
  ['netlink-nsid-set', explainNsid],
  ['netns_directory', explainNetnsDirectory],
  ['netns_add', explainNetnsAdd],
  ['netns_remove', explainNetnsRemove],
  ['bind-socket', explainBind],
  ['listen', explainBind],
  ['connect', explainConnect],
  ['device', explainDevice],
  ['look-up', explainLookUp],
  ['write_file', explainFile],
  ['try_write_file', explainFile],
  ['read_file', explainFile],
  ['make_dir', explainFile],
  ['make_link', explainFile],
  ['make_file', explainFile],
  ['chmod', explainFile],
  ['open_file', explainFile],
  ['save_file', explainFile],
  ['list', explainFile],
  ['changes', explainFile],
  ['nest', explainClone],
  ['chdir', explainChdir],
  ['chroot', explainChroot],
  ['ids', explainIds],
  ['default_ids', explainIds],
  ['stdio', explainStdio],
  ['pty', explainPty],
  ['setsid', explainSetsid],
  ['exec', explainExec],
  ['oom_score_adj', explainOomScoreAdj],
  ['raise_limits', explainRlimits],
  ['rlimits', explainRlimits],
  ['priority', explainPriority],
  ['affinity', explainAffinity],
  ['personality', explainPersonality],
  ['capabilities', explainCapabilities],
  ['seccomp', explainSeccomp],
  ['cgroup', explainEnterCgroup],
  ['cgroup-create', explainCreateCgroup],
  ['cgroup-enable', explainEnableController],
  ['cgroup-set', explainSetCgroup],
  ['cgroup-write', explainUseCgroup],
  ['cgroup-read', explainUseCgroup],
  ['cgroup-kill', explainUseCgroup],
  ['prepare', explainExecNsinit],
  ['exec-nsinit', explainExecNsinit],
]);

/**
 * The cause of a failure on this host and its remedy, in one or two sentences; undefined when nothing can be said that
 * is likely to be true. Reads a few files of /proc, and only those that the failure calls for. Never throws.
 *
 * @param failure - what failed, in the kernel's terms
 * @param host - where to look; default: this host
 */
export function explain(failure: Failure, host: HostFiles = new HostFiles()): string | undefined {
  if (failure.errno === Errno.EMFILE) return noMoreDescriptors(host);
  if (failure.errno === Errno.ENFILE) return noMoreFiles(host);
  const cause = EXPLAINERS.get(failure.operation)?.(failure, host);
  const words = wordsOfKernel(failure);
  return words === undefined || cause === undefined ? (words ?? cause) : `${words} ${cause}`;
}

/** What a file system has written into the log of its context: fsopen(2). */
function wordsOfKernel({ operation, syscall, detail }: Failure): string | undefined {
  if (!syscall.startsWith('fs')) return undefined;
  if (operation !== 'fs' && operation !== 'overlay' && operation !== 'reconfigure') return undefined;
  return detail === undefined ? undefined : `The kernel says: "${detail}".`;
}
