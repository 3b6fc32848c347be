import type { NamespaceKind } from '../../kernel/namespace-kind';

/**
 * The colour of each kind. White letters on each have a contrast of more than 5 to 1. The kind is always written too,
 * so nobody has to distinguish the colours.
 */
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
