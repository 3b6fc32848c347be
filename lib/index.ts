/**
 * Linux namespaces for Node: create, join and hold them, and run programs in them, without moving a thread of this
 * process.
 *
 * @packageDocumentation
 */
export { NamespaceError } from './errors/namespace-error';
export type { IdMap, IdRange } from './idmap/id-map';
export { readGidMap, readUidMap, setSetgroups, writeGidMap, writeUidMap } from './idmap/files';
export type { Propagation, UnshareSpec } from './launch/target';
export type { Exit } from './launch/task';
export { type MountOptions, mount } from './mount/mount';
export { type PropagationOptions, setPropagation } from './mount/propagation';
export { type UmountOptions, umount } from './mount/umount';
export { NAMESPACE_KINDS, type NamespaceKind } from './namespace/kind';
export { Namespace } from './namespace/namespace';
export { NamespaceSet, type ReadFileOptions, type WriteFileOptions } from './namespace/namespace-set';
export { PersistentNamespace } from './namespace/persistent';
export { type ProcessTarget, setns } from './namespace/setns';
export type { SocketDomain, SocketType } from './namespace/socket';
export { type CallOptions, unshare } from './namespace/unshare';
export * as thread from './thread';
export { Cgroup } from './cgroup/cgroup';
export type { CgroupMax, CgroupSpec, IoMax } from './cgroup/spec';
export type { CgroupStats } from './cgroup/stats';
export { discover } from './discovery/discover';
export { type LsnsOptions, type LsnsRow, lsns } from './discovery/lsns';
export { type DescriptorReference, DiscoveredNamespace, type MountReference } from './discovery/namespace';
export { NamespaceMap } from './discovery/namespace-map';
export type { DiscoverOptions } from './discovery/options';
export type { SvgOptions } from './discovery/picture/svg';
export type { TextOptions } from './discovery/picture/text';
export { DiscoveredProcess, DiscoveredTask, type NamespacesByKind } from './discovery/process';
export {
  type ForestOptions,
  type NamespaceTree,
  ProcessForest,
  type ProcessTreeNode,
  type ProcessTreeOptions,
  processTree,
} from './discovery/process-tree';
export type { DiscoverySource, Unread } from './discovery/unread';
export { type NamespaceChange, type WatchOptions, watch } from './discovery/watch';
export { CAPABILITIES, type Capability } from './host/capabilities';
export { inspectHost } from './host/inspect';
export type { HostCheck, HostReport, Verdict } from './host/report';
export type { Resource } from './host/resources';
export type { CapabilityOptions, CapabilitySets, Securebit } from './process/capabilities';
export { ClonedProcess, clone } from './process/clone';
export { type ExecError, type ExecResult, exec, execFile } from './process/exec';
export { fork } from './process/fork';
export type { InSet } from './process/in-set';
export type { ChannelControl } from './process/ipc/channel';
export type { Serialization } from './process/ipc/codec';
export type { LimitOptions } from './process/limits';
export { NamespaceProcess, type NamespaceProcessEvents } from './process/namespace-process';
export type {
  CloneOptions,
  ExecFileOptions,
  ExecOptions,
  ForkOptions,
  ProgramOptions,
  SpawnOptions,
} from './process/options';
export { Pty, type PtyOptions } from './process/pty';
export type { Personality } from './process/personality';
export type { Rlimit, RlimitValue, Rlimits } from './process/rlimits';
export { spawn } from './process/spawn';
export type { StdioEntry, StdioOptions } from './process/stdio';
