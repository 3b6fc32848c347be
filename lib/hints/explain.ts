import { Errno } from '../kernel/errno';
import { HostFiles } from '../kernel/host-files';
import {
  explainCreateCgroup,
  explainEnableController,
  explainEnterCgroup,
  explainSetCgroup,
  explainUseCgroup,
} from './cgroup';
import { explainClone, explainUnshareSync } from './clone';
import { explainExecNsinit } from './exec';
import type { Explainer, Failure } from './failure';
import { explainFile, explainPty, explainSocket, explainStdio, explainTime } from './inside';
import { explainOpen, explainOpenOfSocket, explainPersist, explainSetnsSync } from './join';
import { noMoreDescriptors, noMoreFiles } from './limits';
import { explainGidMap, explainSetgroups, explainUidMap } from './maps';
import { explainMount } from './mount';
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
} from './network';
import { explainNewgidmap, explainNewuidmap } from './newidmap';
import { explainScan } from './scan';
import { explainBind, explainConnect, explainDevice, explainLookUp } from './sockets';

export type { Failure } from './failure';

/**
 * The explanations of operations that are no steps of a plan; a step has its own in its row of lib/plan. An operation
 * that is missing here cannot fail for a reason that the host's files tell.
 */
const EXPLAINERS: ReadonlyMap<string, Explainer> = new Map([
  ['clone', explainClone],
  ['unshareSync', explainUnshareSync],
  ['uid_map', explainUidMap],
  ['gid_map', explainGidMap],
  ['setgroups', explainSetgroups],
  ['newuidmap', explainNewuidmap],
  ['newgidmap', explainNewgidmap],
  ['setnsSync', explainSetnsSync],
  ['open', explainOpen],
  ['open-of-socket', explainOpenOfSocket],
  ['persist', explainPersist],
  ['scan', explainScan],
  ['attributes', explainMount],
  ['reconfigure', explainMount],
  ['time', explainTime],
  ['socket', explainSocket],
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
  ['bind-socket', explainBind],
  ['listen', explainBind],
  ['connect', explainConnect],
  ['device', explainDevice],
  ['look-up', explainLookUp],
  ['file', explainFile],
  ['stdio', explainStdio],
  ['pty', explainPty],
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
 * @param failure - the failed operation, in the kernel's terms
 * @param host - the host to look at; default: this one
 * @param explainer - that of a step of a plan; default: that of the operation
 */
export function explain(
  failure: Failure,
  host: HostFiles = new HostFiles(),
  explainer = EXPLAINERS.get(failure.operation),
): string | undefined {
  if (failure.errno === Errno.EMFILE) return noMoreDescriptors(host);
  if (failure.errno === Errno.ENFILE) return noMoreFiles(host);
  const cause = explainer?.(failure, host);
  const words = wordsOfKernel(failure);
  return words === undefined || cause === undefined ? (words ?? cause) : `${words} ${cause}`;
}

/** The message that a file system has written into the log of its context: fsopen(2). */
function wordsOfKernel({ operation, syscall, detail }: Failure): string | undefined {
  if (!syscall.startsWith('fs')) return undefined;
  if (operation !== 'fs' && operation !== 'overlay' && operation !== 'reconfigure') return undefined;
  return detail === undefined ? undefined : `The kernel says: "${detail}".`;
}
