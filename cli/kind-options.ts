import type { NamespaceKind } from 'linux-ns';

/** How unshare(1) and nsenter(1) call a kind of namespace: by an option, by a letter, and in their help. */
export type KindOption = readonly [option: string, kind: NamespaceKind, short: string, title: string];

/** Each command lists them in an order of its own, which is that of its help. */
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
