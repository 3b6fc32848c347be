import type { Step } from '../../types/native';
import { RESOURCES } from '../host/resources';
import { CLONE_FLAGS, NAMESPACE_KINDS, type NamespaceKind } from '../namespace/kind';

/** MS_* of mount(2), as far as a description needs them. */
const MS = { REMOUNT: 0x20, BIND: 0x1000, MOVE: 0x2000, REC: 0x4000 } as const;

/** Names of the four kinds of propagation by their MS_* flag. */
const PROPAGATIONS: readonly (readonly [flag: number, name: string])[] = [
  [1 << 17, 'unbindable'],
  [1 << 18, 'private'],
  [1 << 19, 'slave'],
  [1 << 20, 'shared'],
];

type Describe = { [S in Step as S[0]]: (step: S) => string };

/** One phrase for each step of a plan, in the words of the man pages: what `NamespaceError.step` says. */
const DESCRIBE: Describe = {
  join: ([, , flags]) => `join ${kindsOfFlags(flags.reduce((all, flag) => all | flag, 0)).join(', ')}`,
  fork: () => 'fork',
  unshare: ([, flags]) => `unshare ${kindsOfFlags(flags).join(', ')}`,
  hostname: () => 'set hostname',
  domainname: () => 'set domainname',
  loopback: () => 'bring lo up',
  propagation: ([, path, flags]) =>
    `make ${path} ${propagationOf(flags)}${(flags & MS.REC) === 0 ? '' : ' (recursive)'}`,
  mount: describeMount,
  bind: ([, , target]) => `bind on ${target}`,
  trees: ([, paths]) => `take along ${paths.join(', ')}`,
  host_files: ([, directory]) => `make a root with ${directory}`,
  umount: ([, target]) => `umount ${target}`,
  write_file: ([, path]) => `write ${path}`,
  read_file: ([, path]) => `read ${path}`,
  socket: () => 'create socket',
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
  lower_caps: () => 'lower capabilities',
  die_with_parent: () => 'set parent-death signal',
  stdio: () => 'set up stdio',
  init: () => 'start init',
  exec: ([, file]) => `exec ${file}`,
  hold: () => 'hold',
  exit: () => 'exit',
};

/** `'mount proc on /proc'`, `'join net'`, `'set hostname'`: what a step does, for a person. */
export function describeStep(step: Step): string {
  return (DESCRIBE[step[0]] as (step: Step) => string)(step);
}

/** The kinds whose CLONE_NEW* flags are set. */
export function kindsOfFlags(flags: number): NamespaceKind[] {
  return NAMESPACE_KINDS.filter((kind) => (flags & CLONE_FLAGS[kind]) !== 0);
}

/** The CLONE_NEW* flags of some kinds. */
export function flagsOfKinds(kinds: Iterable<NamespaceKind>): number {
  return [...kinds].reduce((flags, kind) => flags | CLONE_FLAGS[kind], 0);
}

/** The first of every so many numbers. */
function resourcesOf(limits: readonly number[], every: number): string[] {
  return limits.filter((_, index) => index % every === 0).map((resource) => RESOURCES[resource] ?? String(resource));
}

function propagationOf(flags: number): string {
  return PROPAGATIONS.find(([flag]) => (flags & flag) !== 0)?.[1] ?? 'unchanged';
}

function describeMount([, source, target, type, flags]: Extract<Step, ['mount', ...unknown[]]>): string {
  if ((flags & MS.REMOUNT) !== 0) return `remount ${target}`;
  if ((flags & MS.MOVE) !== 0) return `move ${source ?? 'none'} to ${target}`;
  if ((flags & MS.BIND) !== 0) return `bind ${source ?? 'none'} on ${target}`;
  return `mount ${type ?? source ?? 'none'} on ${target}`;
}

function idText(id: number): string {
  return id === -1 ? 'unchanged' : String(id);
}
