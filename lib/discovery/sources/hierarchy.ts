import type { ScanRow } from '../../../types/native';
import { type Graph, mutable } from '../graph';

/** Adds the facts of a namespace, and its owner and parent: `ioctl_ns(2)`. */
export function addNamespace(graph: Graph, row: Extract<ScanRow, ['namespace', ...unknown[]]>): void {
  const [, flag, inode, id, owner, parent, ownerUid, networkId] = row;
  const namespace = graph.namespaceOf(flag, inode);
  if (namespace === undefined) return;
  const facts = mutable(namespace);
  facts.uniqueId = id === '0' ? undefined : BigInt(id);
  facts.ownerUid = ownerUid < 0 ? undefined : ownerUid;
  facts.networkId = networkId >= 0 ? networkId : networkId === -1 ? null : undefined;
  if (owner !== 0) {
    facts.owner = graph.namespace('user', owner);
    if (namespace.kind !== 'user') mutable(facts.owner).owned.push(namespace);
  }
  if (parent !== 0) {
    facts.parent = graph.namespace(namespace.kind, parent);
    mutable(facts.parent).children.push(namespace);
  }
}
