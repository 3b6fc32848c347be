import type { NamespaceKind } from '../../kernel/namespace-kind';

/** White letters on each of these have a contrast of more than 5 to 1; nobody has to tell them apart to read the kind. */
export const KIND_COLORS: Readonly<Record<NamespaceKind, string>> = {
  cgroup: '#5d5348',
  ipc: '#a3312a',
  mnt: '#1f6b41',
  net: '#0b5aa8',
  pid: '#8a4a00',
  time: '#68399b',
  user: '#37474f',
  uts: '#00666c',
};
