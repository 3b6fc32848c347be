/** The system calls of steps that the filters of services and containers refuse: systemd has most of them in its set `@mount`. */

/** A mount is put together in a tree of its own, and then moved to its place. */
const PLACING = ['open_tree', 'mount_setattr', 'move_mount', 'chroot'];
const NEW_FILESYSTEM = ['fsopen', 'fsconfig', 'fsmount', ...PLACING];

const CALLS: Readonly<Record<string, readonly string[] | undefined>> = {
  unshare: ['unshare'],
  make_net: ['unshare'],
  nest: ['unshare', 'setns'],
  enter_nest: ['setns', 'unshare'],
  join: ['setns'],
  enter_net: ['setns'],
  hostname: ['sethostname'],
  domainname: ['setdomainname'],
  chroot: ['chroot'],
  propagation: ['mount'],
  umount: ['umount2'],
  trees: ['open_tree'],
  host_files: ['mount', ...NEW_FILESYSTEM],
  remount: ['fspick', 'fsconfig', 'mount_setattr'],
  move: ['open_tree', 'move_mount'],
  tree: PLACING,
  seal: PLACING,
  mask: PLACING,
  protect: PLACING,
  fs: NEW_FILESYSTEM,
  overlay: NEW_FILESYSTEM,
  data: NEW_FILESYSTEM,
  pivot_root: ['pivot_root', 'umount2'],
  landlock: ['landlock_create_ruleset', 'landlock_add_rule', 'landlock_restrict_self'],
  seccomp: ['seccomp'],
  // Who uses the namespaces that are held joins them.
  hold: ['setns'],
};

/** Those calls of the steps of these names, each once, in the order in which they come first. */
export function callsOfSteps(names: readonly string[]): string[] {
  return [...new Set(names.flatMap((name) => CALLS[name] ?? []))];
}
