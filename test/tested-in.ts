/**
 * Where what a file of lib/ promises is tested, if not at its own place below test/. A folder stands for all files in it
 * that have no entry of their own. As a rule these are the insides of a subject, seen through what it gives its users.
 *
 * test/suite.test.ts holds that each file is here or has its place, that these tests exist, and that they load it.
 */
export const TESTED_IN: Readonly<Record<string, string | readonly string[]>> = {
  'lib/compose.ts': 'test/process/namespaces.test.ts',
  'lib/index.ts': ['test/system/doors.test.ts', 'test/system/environments.test.ts'],

  'lib/cgroup': 'test/cgroup/cgroup.root.test.ts',
  'lib/cgroup/budget.ts': 'test/sandbox/run/cgroup.root.test.ts',
  'lib/cgroup/stats.ts': 'test/cgroup/place.test.ts',

  'lib/discovery': 'test/discovery/discover.test.ts',
  'lib/discovery/picture': 'test/discovery/picture.test.ts',
  'lib/errors/printable.ts': ['test/discovery/picture.test.ts', 'test/cli/output.test.ts'],
  'lib/discovery/unread.ts': ['test/discovery/hidden.root.test.ts', 'test/discovery/discover.test.ts'],
  'lib/discovery/users.ts': 'test/discovery/lsns.test.ts',

  'lib/errors/abort.ts': ['test/task/task.test.ts', 'test/process/deadline.test.ts'],
  'lib/errors/nearest.ts': ['test/errors/validate.test.ts', 'test/cli/main.test.ts'],
  'lib/errors/system-error.ts': ['test/system/causes.test.ts', 'test/namespace/namespace.test.ts'],

  'lib/handle': 'test/namespace/namespace.test.ts',
  'lib/handle/namespace-handle.ts': ['test/process/errors.test.ts', 'test/system/environments.test.ts'],

  // Each with a host that has the cause, and for real: causes-*.test.ts. Their words: docs/troubleshooting.md.
  'lib/hints': ['test/hints/explain.test.ts', 'test/system/causes.test.ts'],

  'lib/host/check.ts': 'test/host/inspect.test.ts',
  'lib/host/features.ts': 'test/host/inspect.test.ts',
  'lib/host/report.ts': 'test/host/inspect.test.ts',

  'lib/idmap/files.ts': 'test/idmap/maps.test.ts',
  'lib/idmap/nested.ts': ['test/sandbox/sandbox-spec.test.ts', 'test/lab/hostile.test.ts'],
  'lib/idmap/newidmap.ts': 'test/idmap/maps.test.ts',
  'lib/idmap/resolve.ts': 'test/idmap/maps.test.ts',

  'lib/isolate': 'test/isolate/isolate.test.ts',

  'lib/kernel': ['test/plan/step.test.ts', 'test/mount/mount.test.ts'],
  'lib/kernel/capabilities.ts': 'test/host/inspect.test.ts',
  'lib/kernel/resources.ts': 'test/host/inspect.test.ts',
  'lib/kernel/sockets.ts': 'test/set/namespace-set.test.ts',

  'lib/lab': 'test/lab/lab.test.ts',
  'lib/lab/capture': 'test/lab/capture/capture.test.ts',
  'lib/lab/dns': 'test/lab/dns/dns.test.ts',
  'lib/lab/faults': ['test/lab/faults/impair.test.ts', 'test/lab/faults/partition.test.ts'],
  'lib/lab/page': 'test/lab/page/page.test.ts',
  'lib/lab/picture': 'test/lab/picture/picture.test.ts',
  'lib/lab/ping': 'test/lab/ping/ping.test.ts',

  'lib/launch': ['test/launch/launch.test.ts', 'test/system/steps.root.test.ts', 'test/system/faults.test.ts'],
  'lib/launch/taken-files.ts': 'test/process/host-node.test.ts',
  'lib/launch/join.ts': 'test/set/setns.test.ts',

  'lib/mount': ['test/mount/mount.test.ts', 'test/mount/filesystems.test.ts'],
  'lib/mount/attributes.ts': ['test/mount/bind.test.ts', 'test/mount/remount.test.ts'],
  'lib/mount/locate.ts': ['test/mount/bind.test.ts', 'test/mount/umount.test.ts'],
  'lib/mount/overlay.ts': ['test/mount/filesystems.test.ts', 'test/sandbox/root.test.ts'],
  'lib/mount/tree.ts': 'test/mount/mountinfo.test.ts',

  'lib/namespace': 'test/namespace/namespace.test.ts',

  'lib/discovery/index.ts': 'test/system/doors.test.ts',

  'lib/network': ['test/network/link/links.test.ts', 'test/network/refused.test.ts'],
  'lib/network/address': 'test/network/address/addresses.test.ts',
  'lib/network/attach': 'test/network/attach/attach.test.ts',
  'lib/network/egress': 'test/network/egress/policy/policy.test.ts',
  'lib/network/egress/inspect': 'test/network/egress/inspect/http.test.ts',
  'lib/network/egress/inspect/client-ports.ts': 'test/network/egress/inspect/first-bytes.test.ts',
  'lib/network/egress/outside': 'test/network/egress/outside/dial.test.ts',
  'lib/network/forward': 'test/network/forward/forward.test.ts',
  'lib/network/link': ['test/network/link/links.test.ts', 'test/network/link/listed.test.ts'],
  'lib/network/named': 'test/network/named/named.root.test.ts',
  'lib/network/neighbor': 'test/network/neighbor/neighbors.test.ts',
  'lib/network/netlink': ['test/network/netlink/codec.test.ts', 'test/network/netlink/connection.test.ts'],
  'lib/network/egress/intake': 'test/network/egress/intake/intake.test.ts',
  'lib/network/egress/relay': 'test/network/egress/relay/relay.test.ts',
  'lib/network/sockets/join.ts': 'test/network/forward/forward.test.ts',
  'lib/network/nftables': 'test/network/nftables/nftables.test.ts',
  'lib/network/nexthop': 'test/network/nexthop/nexthops.test.ts',
  'lib/network/qdisc': 'test/network/qdisc/qdiscs.test.ts',
  'lib/network/nsid': 'test/network/nsid/nsids.test.ts',
  'lib/network/resolve': 'test/network/resolve/lookup.test.ts',
  'lib/network/route': 'test/network/route/routes.test.ts',
  'lib/network/rule': 'test/network/rule/rules.test.ts',
  'lib/network/sockets': ['test/network/sockets/listen.test.ts', 'test/network/sockets/connect.test.ts'],
  'lib/network/sockets/agents.ts': 'test/network/sockets/http.test.ts',
  'lib/network/watch': 'test/network/watch/watch.test.ts',

  // Each thing that a program can do, done through child_process as well.
  'lib/pool': 'test/pool/pool.test.ts',

  'lib/process': ['test/process/parity.test.ts', 'test/process/errors.test.ts'],
  'lib/process/clone.ts': 'test/process/init.test.ts',
  'lib/process/ending.ts': ['test/process/lifetimes.test.ts', 'test/process/init.test.ts'],
  'lib/process/exec.ts': ['test/process/parity.test.ts', 'test/process/deadline.test.ts'],
  'lib/process/gate.ts': 'test/process/prepared.test.ts',
  'lib/process/find-host-node.ts': 'test/process/host-node.test.ts',
  'lib/process/in-cgroup.ts': 'test/cgroup/cgroup.root.test.ts',
  'lib/process/programs.ts': ['test/set/namespace-set.test.ts', 'test/sandbox/programs.test.ts'],
  'lib/process/ipc': 'test/process/fork.test.ts',
  'lib/process/kill.ts': 'test/process/lifetimes.test.ts',
  'lib/process/personality.ts': 'test/process/limits.test.ts',
  'lib/process/pty.ts': 'test/process/terminal.test.ts',
  'lib/process/rlimits.ts': 'test/process/limits.test.ts',

  'lib/sandbox': ['test/sandbox/sandbox-spec.test.ts', 'test/sandbox/root.test.ts', 'test/sandbox/programs.test.ts'],
  'lib/sandbox/isolation.ts': 'test/sandbox/without-namespaces.test.ts',
  'lib/sandbox/build.ts': ['test/sandbox/root.test.ts', 'test/sandbox/existing-namespaces.test.ts'],
  'lib/sandbox/feeds.ts': 'test/sandbox/sandbox-spec.test.ts',
  'lib/sandbox/file-type.ts': ['test/sandbox/files.test.ts', 'test/sandbox/changes.test.ts'],
  'lib/sandbox/globs/pieces.ts': 'test/sandbox/host-view/host-view.test.ts',
  'lib/sandbox/host-view': ['test/sandbox/host-view/host-view.test.ts', 'test/agents/host-view-attacks.test.ts'],
  'lib/sandbox/own-network.ts': ['test/sandbox/expose.test.ts', 'test/sandbox/egress.test.ts'],
  'lib/sandbox/mount-points.ts': ['test/handle/at-exit.test.ts', 'test/sandbox/root.test.ts'],
  'lib/sandbox/run': 'test/sandbox/run/run.test.ts',
  'lib/sandbox/toolchains': 'test/sandbox/toolchains/toolchains.test.ts',
  'lib/sandbox/protect': ['test/sandbox/protect.test.ts', 'test/agents/protect-attacks.test.ts'],
  'lib/sandbox/project': 'test/sandbox/project/diff.test.ts',
  'lib/sandbox/rules.ts': 'test/sandbox/programs.test.ts',
  'lib/sandbox/work.ts': ['test/handle/at-exit.test.ts', 'test/sandbox/root.test.ts'],

  // Compared, decision by decision, with a compiler that is as simple as can be.
  'lib/landlock': 'test/landlock/landlock.test.ts',
  'lib/seccomp': 'test/seccomp/compile.test.ts',
  'lib/seccomp/mount-namespaces.ts': 'test/agents/protect-attacks.test.ts',
  'lib/seccomp/decisions.ts': ['test/seccomp/compile.test.ts', 'test/seccomp/strictness.test.ts'],

  'lib/plan': ['test/plan/step.test.ts', 'test/plan/steps.test.ts'],

  'lib/set/call-options.ts': ['test/set/unshare.test.ts', 'test/sandbox/files.test.ts'],
  'lib/set/read-options.ts': 'test/set/namespace-set.test.ts',

  'lib/thread/everything.ts': 'test/system/loading.test.ts',

  'lib/wait': 'test/wait/wait.test.ts',

  'lib/task/trial.ts': 'test/system/causes-filters.test.ts',
  'lib/task': ['test/task/task.test.ts', 'test/system/steps.root.test.ts', 'test/system/faults.test.ts'],
};
