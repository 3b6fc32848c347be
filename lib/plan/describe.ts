import type { Step } from '../../types/native';
import { RESOURCES } from '../kernel/resources';
import { PROPAGATIONS, PROPAGATION_FLAGS } from '../kernel/propagation';
import { PLACE } from './place';
import { MS_REC } from '../kernel/mount-flags';
import { kindsOfFlags } from '../kernel/namespace-kind';

type Describe = { [S in Step as S[0]]: (step: S) => string };

/** One phrase for each step of a plan, in the words of the man pages: what `NamespaceError.step` says. */
const DESCRIBE: Describe = {
  join: ([, , flags]) => `join ${kindsOfFlags(flags.reduce((all, flag) => all | flag, 0)).join(', ')}`,
  set_tid: ([, pids]) => describePids(pids),
  fork: () => 'fork',
  unshare: ([, flags]) => `unshare ${kindsOfFlags(flags).join(', ')}`,
  namespaces: ([, flags]) => `open ${kindsOfFlags(flags.reduce((all, flag) => all | flag, 0)).join(', ')}`,
  hostname: () => 'set hostname',
  domainname: () => 'set domainname',
  loopback: () => 'bring lo up',
  make_net: () => 'unshare net',
  enter_net: () => 'unshare net',
  propagation: ([, path, flags]) =>
    `make ${path} ${propagationOf(flags)}${(flags & MS_REC) === 0 ? '' : ' (recursive)'}`,
  trees: ([, paths]) => `take along ${paths.join(', ')}`,
  host_files: ([, directory]) => `make a root with ${directory}`,
  umount: ([, target]) => `umount ${target}`,
  fs: ([, type, , , , target]) => (target === null ? `mount ${type}` : `mount ${type} on ${target}`),
  tree: describeTree,
  overlay: ([, , , , , , target]) => (target === null ? 'mount overlay' : `mount overlay on ${target}`),
  remount: ([, target]) => `remount ${target}`,
  move: ([, source, target]) => `move ${source} to ${target}`,
  seal: ([, target]) => `make ${target} read-only`,
  mask: ([, target]) => `mask ${target}`,
  data: ([, target]) => `mount data on ${target}`,
  owner: ([, uid, gid]) => `make files of ${idText(uid)}:${idText(gid)}`,
  make_dir: ([, path]) => `make directory ${path}`,
  make_link: ([, path]) => `make link ${path}`,
  make_file: ([, path]) => `make file ${path}`,
  chmod: ([, path]) => `chmod ${path}`,
  nest: () => 'make a user namespace below',
  enter_nest: () => 'enter the user namespace below',
  open_file: ([, path]) => `open ${path}`,
  save_file: ([, path]) => `write ${path}`,
  list: ([, path]) => `list ${path}`,
  changes: () => 'list changes',
  mount_points: () => 'tell of mount points',
  null_device: () => 'open /dev/null',
  unmake: () => 'remove mount points',
  pivot_root: ([, newRoot]) => (newRoot === null ? 'change root' : `change root to ${newRoot}`),
  write_file: ([, path]) => `write ${path}`,
  try_write_file: ([, path]) => `write ${path}`,
  read_file: ([, path]) => `read ${path}`,
  mountinfo: () => 'read mountinfo',
  socket: () => 'create socket',
  tun: ([, name]) => `open tun ${name}`,
  netns_directory: ([, path]) => `make ${path} a shared mount`,
  netns_add: ([, path]) => `mount net on ${path}`,
  cover: ([, source, target]) => `bind ${source} on ${target}`,
  netns_clear: ([, path]) => `take ${path} away`,
  netns_remove: ([, path]) => `remove ${path}`,
  foreground: () => 'take the foreground of the terminal',
  pty: () => 'open a terminal',
  oom_score_adj: ([, text]) => `set oom_score_adj to ${text}`,
  raise_limits: ([, limits]) => `raise rlimits of ${resourcesOf(limits, 2).join(', ')}`,
  rlimits: ([, limits]) => `set rlimits of ${resourcesOf(limits, 3).join(', ')}`,
  priority: ([, nice]) => `set nice value to ${nice}`,
  umask: ([, mask]) => `set umask to 0${mask.toString(8)}`,
  affinity: ([, processors]) => `set affinity to processors ${processors.join(', ')}`,
  personality: ([, persona]) => `set personality to 0x${persona.toString(16)}`,
  keep_caps: () => 'keep capabilities',
  capabilities: () => 'set capabilities',
  setsid: () => 'start a session',
  fchdir: () => 'change directory to a descriptor',
  chroot: ([, path]) => `change root to ${path}`,
  chdir: ([, path]) => `change directory to ${path}`,
  ids: ([, uid, gid]) => (uid === -1 && gid === -1 ? 'set groups' : `change ids to ${idText(uid)}:${idText(gid)}`),
  default_ids: () => 'change ids to 0:0',
  no_new_privs: () => 'set no_new_privs',
  new_keyring: () => 'join a new session keyring',
  lower_caps: () => 'lower capabilities',
  die_with_parent: () => 'set parent-death signal',
  stdio: () => 'set up stdio',
  init: () => 'start init',
  seccomp: () => 'install seccomp filter',
  exec: ([, file]) => `exec ${file}`,
  outlive: () => 'outlive Node',
  hold: () => 'hold',
  exit: () => 'exit',
};

/** `'mount proc on /proc'`, `'join net'`, `'set hostname'`: what a step does, for a person. */
export function describeStep(step: Step): string {
  return (DESCRIBE[step[0]] as (step: Step) => string)(step);
}

/** `'choose pid 4242'`; of several levels from the inside out. */
export function describePids(pids: readonly number[]): string {
  return `choose ${pids.length === 1 ? 'pid' : 'pids'} ${pids.join(', ')}`;
}

/** The first of every so many numbers. */
function resourcesOf(limits: readonly number[], every: number): string[] {
  return limits.filter((_, index) => index % every === 0).map((resource) => RESOURCES[resource] ?? String(resource));
}

function propagationOf(flags: number): string {
  return PROPAGATIONS.find((name) => (flags & PROPAGATION_FLAGS[name]) !== 0) ?? 'unchanged';
}

function describeTree([, source, fds, flags, , , , , target]: Extract<Step, ['tree', ...unknown[]]>): string {
  const what = source ?? (fds.length === 0 ? 'none' : `descriptor ${fds[0]}`);
  if (target === null) return `open ${what}`;
  return (flags & PLACE.NO_COPY) === 0 ? `bind ${what} on ${target}` : `attach ${what} to ${target}`;
}

function idText(id: number): string {
  return id === -1 ? 'unchanged' : String(id);
}
