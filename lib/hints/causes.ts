import type { Explainer } from './failure';
import {
  explainCreateCgroup,
  explainEnableController,
  explainEnterCgroup,
  explainSetCgroup,
  explainUseCgroup,
} from './cgroup';
import { explainClone, explainFork, explainSetTid, explainUnshareSync } from './clone';
import { explainExec, explainExecNsinit } from './exec';
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
import { explainGidMap, explainSetgroups, explainUidMap } from './maps';
import { explainLandlock } from './landlock';
import { explainMount, explainPropagation, explainUmount } from './mount';
import { explainNetnsAdd, explainNetnsDirectory, explainNetnsRemove } from './netns';
import {
  explainAddLink,
  explainAddress,
  explainLink,
  explainLinkKind,
  explainNeighbor,
  explainNextHop,
  explainNetlink,
  explainNftables,
  explainNsid,
  explainQdisc,
  explainQdiscKind,
  explainRoute,
  explainRule,
  explainSetLink,
  explainTun,
} from './network';
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
import { explainKilledByFilter, explainSeccomp } from './seccomp';
import { explainBind, explainConnect, explainDevice, explainLookUp } from './sockets';

/**
 * The explanations, by the name of an operation, or by the name in the row of a step of a plan (lib/plan). An operation
 * that is missing here cannot fail for a reason that the host's files tell.
 */
export const CAUSES = {
  clone: explainClone,
  unshareSync: explainUnshareSync,
  uid_map: explainUidMap,
  gid_map: explainGidMap,
  setgroups: explainSetgroups,
  newuidmap: explainNewuidmap,
  newgidmap: explainNewgidmap,
  setnsSync: explainSetnsSync,
  open: explainOpen,
  'open-of-socket': explainOpenOfSocket,
  persist: explainPersist,
  scan: explainScan,
  attributes: explainMount,
  reconfigure: explainMount,
  time: explainTime,
  socket: explainSocket,
  netlink: explainNetlink,
  nftables: explainNftables,
  'netlink-link-add': explainAddLink,
  'netlink-link-kind': explainLinkKind,
  'netlink-link-set': explainSetLink,
  'netlink-link-delete': explainLink,
  'netlink-link-get': explainLink,
  'netlink-address-add': explainAddress,
  'netlink-address-delete': explainAddress,
  'netlink-route-add': explainRoute,
  'netlink-route-delete': explainRoute,
  'netlink-route-get': explainRoute,
  'netlink-route-list': explainRoute,
  'netlink-rule-add': explainRule,
  'netlink-rule-delete': explainRule,
  'netlink-neighbor-add': explainNeighbor,
  'netlink-neighbor-replace': explainNeighbor,
  'netlink-neighbor-delete': explainNeighbor,
  'netlink-nexthop-add': explainNextHop,
  'netlink-nexthop-delete': explainNextHop,
  'netlink-nexthop-get': explainNextHop,
  'netlink-nexthop-replace': explainNextHop,
  'netlink-qdisc-add': explainQdisc,
  'netlink-qdisc-replace': explainQdisc,
  'netlink-qdisc-delete': explainQdisc,
  'netlink-qdisc-kind': explainQdiscKind,
  'netlink-nsid-set': explainNsid,
  'bind-socket': explainBind,
  listen: explainBind,
  connect: explainConnect,
  device: explainDevice,
  'look-up': explainLookUp,
  file: explainFile,
  stdio: explainStdio,
  pty: explainPty,
  cgroup: explainEnterCgroup,
  'cgroup-create': explainCreateCgroup,
  'cgroup-enable': explainEnableController,
  'cgroup-set': explainSetCgroup,
  'cgroup-write': explainUseCgroup,
  'cgroup-read': explainUseCgroup,
  'cgroup-kill': explainUseCgroup,
  prepare: explainExecNsinit,
  'exec-nsinit': explainExecNsinit,
  affinity: explainAffinity,
  capabilities: explainCapabilities,
  chdir: explainChdir,
  chroot: explainChroot,
  exec: explainExec,
  fork: explainFork,
  hostname: explainHostname,
  ids: explainIds,
  join: explainJoin,
  landlock: explainLandlock,
  loopback: explainLoopback,
  mount: explainMount,
  netns_add: explainNetnsAdd,
  netns_directory: explainNetnsDirectory,
  netns_remove: explainNetnsRemove,
  oom_score_adj: explainOomScoreAdj,
  personality: explainPersonality,
  priority: explainPriority,
  propagation: explainPropagation,
  rlimits: explainRlimits,
  seccomp: explainSeccomp,
  'killed-by-filter': explainKilledByFilter,
  set_tid: explainSetTid,
  setsid: explainSetsid,
  tun: explainTun,
  umount: explainUmount,
} as const satisfies Readonly<Record<string, Explainer>>;

/** The name of an explanation. */
export type Cause = keyof typeof CAUSES;
