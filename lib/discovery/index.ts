/**
 * The namespaces that exist on this host, and the processes, descriptors, sockets and mounts that keep them: `lsns` and
 * more as an API.
 *
 * @module linux-ns/discovery
 */
export { discover } from './discover';
export { type LsnsOptions, type LsnsRow, lsns } from './lsns';
export {
  type DescriptorReference,
  DiscoveredNamespace,
  type MountReference,
  DiscoveredProcess,
  DiscoveredTask,
  type NamespacesByKind,
} from './namespace';
export { NamespaceMap } from './namespace-map';
export type { DiscoverOptions } from './discover-options';
export type { SvgOptions } from './picture/svg';
export type { TextOptions } from './picture/text';
export {
  type ForestOptions,
  type NamespaceTree,
  type NamespaceTreeJSON,
  ProcessForest,
  type ProcessTreeNode,
  type ProcessTreeOptions,
  processTree,
} from './process-tree';
export type { DiscoverySource, Unread } from './unread';
export { type NamespaceChange, type WatchOptions, watch } from './watch';
