/** The eight kinds of namespace, spelled as the files of `/proc/PID/ns` are (`namespaces(7)`). */
export type NamespaceKind = 'cgroup' | 'ipc' | 'mnt' | 'net' | 'pid' | 'time' | 'user' | 'uts';

/** Every kind, in alphabetical order. */
export const NAMESPACE_KINDS: readonly NamespaceKind[] = Object.freeze([
  'cgroup',
  'ipc',
  'mnt',
  'net',
  'pid',
  'time',
  'user',
  'uts',
]);

/**
 * A file of `/proc/PID/ns`: a kind, or the namespace of that kind which the children of the process are born in
 * (`namespaces(7)`).
 */
export type NamespaceLink = NamespaceKind | 'pid_for_children' | 'time_for_children';

/** Every file of `/proc/PID/ns`. */
export const NAMESPACE_LINKS: readonly NamespaceLink[] = Object.freeze([
  ...NAMESPACE_KINDS,
  'pid_for_children',
  'time_for_children',
]);

/** The kind of the namespace that a file of `/proc/PID/ns` leads to. */
export function kindOfLink(link: NamespaceLink): NamespaceKind {
  if (link === 'pid_for_children') return 'pid';
  return link === 'time_for_children' ? 'time' : link;
}

/**
 * The kernel's flag for each kind: `CLONE_NEW*` of `<linux/sched.h>`, taken by clone3(2), unshare(2) and setns(2).
 *
 * `time` is special: its bit lies within the exit-signal byte of the old `clone()`, so only clone3(2), whose flags have
 * 64 bits, and unshare(2) take it.
 */
export const CLONE_FLAGS: Readonly<Record<NamespaceKind, number>> = Object.freeze({
  cgroup: 0x02000000,
  ipc: 0x08000000,
  mnt: 0x00020000,
  net: 0x40000000,
  pid: 0x20000000,
  time: 0x00000080,
  user: 0x10000000,
  uts: 0x04000000,
});

/** The kinds whose CLONE_NEW* flags are set. */
export function kindsOfFlags(flags: number): NamespaceKind[] {
  return NAMESPACE_KINDS.filter((kind) => (flags & CLONE_FLAGS[kind]) !== 0);
}

/** The CLONE_NEW* flags of some kinds. */
export function flagsOfKinds(kinds: Iterable<NamespaceKind>): number {
  return [...kinds].reduce((flags, kind) => flags | CLONE_FLAGS[kind], 0);
}
