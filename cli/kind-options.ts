import type { NamespaceKind } from 'linux-ns';

/** The names of a kind of namespace in unshare(1) and nsenter(1): the option, its letter, and the name in the help. */
export type KindOption = readonly [option: string, kind: NamespaceKind, short: string, title: string];

/** The options by kind. Each command lists them in the order of its own help. */
export const KIND_OPTIONS: Readonly<Record<NamespaceKind, KindOption>> = {
  mnt: ['mount', 'mnt', 'm', 'mount'],
  uts: ['uts', 'uts', 'u', 'UTS'],
  ipc: ['ipc', 'ipc', 'i', 'IPC'],
  net: ['net', 'net', 'n', 'network'],
  pid: ['pid', 'pid', 'p', 'PID'],
  user: ['user', 'user', 'U', 'user'],
  cgroup: ['cgroup', 'cgroup', 'C', 'cgroup'],
  time: ['time', 'time', 'T', 'time'],
};
