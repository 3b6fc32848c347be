import { invalidType, validateObject } from '../errors/validate';
import { childrenOf, topsOf } from './covered';
import type { MountInfo } from './mountinfo';

/** A mount, and the mounts on it. */
export interface MountNode {
  /** The facts that the kernel tells about this mount. */
  mount: MountInfo;
  /** The mounts that lie on this one, covered ones included, in the order of the list. */
  children: MountNode[];
}

/** Mounts between which mounting and unmounting spreads: `mount_namespaces(7)`, "Shared subtrees". */
export interface PeerGroup {
  /** The number after `shared:` and `master:`. */
  id: number;
  /** The members of the group: a mount or unmount on one of them happens on all. */
  peers: MountInfo[];
  /** The slaves of the group: a mount or unmount on a member happens on them as well, but not the other way round. */
  slaves: MountInfo[];
}

/**
 * Arranges mounts as a tree: each has the mounts that lie on it. There is usually one root, which is that of the
 * process.
 *
 * @param mounts - as {@link mountinfo} gives them
 *
 * @example
 * ```ts
 * const print = ({ mount, children }: MountNode, indent = ''): void => {
 *   console.log(indent + mount.target, mount.type, mount.coveredBy === undefined ? '' : '(covered)');
 *   for (const child of children) print(child, `${indent}  `);
 * };
 * mountTree(await mountinfo()).forEach((root) => print(root));
 * ```
 */
export function mountTree(mounts: readonly MountInfo[]): MountNode[] {
  const list = listOf(mounts);
  const children = childrenOf(list);
  const nodes = new Map(list.map((mount) => [mount.id, { mount, children: [] as MountNode[] }]));
  for (const [id, node] of nodes)
    node.children = (children.get(id) ?? []).flatMap((child) => nodes.get(child.id) ?? []);
  return topsOf(list).flatMap(({ id }) => nodes.get(id) ?? []);
}

/**
 * The peer groups among some mounts, by their numbers. The numbers are the same in all mount namespaces, so you can
 * pass the lists of several namespaces together.
 *
 * @example
 * ```ts
 * const groups = peerGroups([...(await mountinfo()), ...(await set.mountinfo())]);
 * ```
 */
export function peerGroups(mounts: Iterable<MountInfo>): Map<number, PeerGroup> {
  const groups = new Map<number, PeerGroup>();
  const group = (id: number): PeerGroup => {
    const found = groups.get(id) ?? { id, peers: [], slaves: [] };
    groups.set(id, found);
    return found;
  };
  for (const mount of listOf(mounts)) {
    if (mount.shared !== undefined) group(mount.shared).peers.push(mount);
    if (mount.master !== undefined) group(mount.master).slaves.push(mount);
  }
  return groups;
}

function listOf(mounts: unknown): MountInfo[] {
  if (mounts === null || typeof mounts !== 'object' || !(Symbol.iterator in mounts)) {
    throw invalidType('mounts', 'an iterable of MountInfo', mounts);
  }
  const list = [...(mounts as Iterable<MountInfo>)];
  list.forEach((mount, index) => validateObject(`mounts[${index}]`, mount));
  return list;
}
