/**
 * Linux namespaces for Node: create, join and hold them, and run programs in them, without moving a thread of this
 * process.
 *
 * @packageDocumentation
 * @mergeModuleWith <project>
 */
import './network/sockets'; // what namespaces do with sockets: provideSockets
export type { Bytes } from './errors/bytes';
export { NamespaceError, type NamespaceErrorInit } from './errors/namespace-error';
export type { IdMap, IdRange } from './idmap/id-map';
export { readGidMap, readUidMap, setSetgroups, subordinateIds, writeGidMap, writeUidMap } from './idmap/files';
export type { SubordinateRange } from './idmap/subordinate';
export type { Propagation } from './kernel/propagation';
export type { UnshareSpec } from './launch/unshare-spec';
export type { Exit } from './task/task';
export type { MountAttributes, NewMountAttributes } from './mount/attributes';
export { type AttachOptions, DetachedMount, type OpenTreeOptions, fsmount, openTree } from './mount/detached';
export { type FilesystemSpec, type MountOptions, mount } from './mount/mount';
export type { OverlayOptions } from './mount/overlay';
export type { FilesystemOptions, ParameterValue } from './mount/parameters';
export { type MountInfo, mountinfo } from './mount/mountinfo';
export type { MountLine } from './kernel/mount-line';
export { type PropagationOptions, setPropagation } from './mount/propagation';
export { type MountNode, type PeerGroup, mountTree, peerGroups } from './mount/tree';
export { type UmountOptions, umount } from './mount/umount';
export { NAMESPACE_KINDS, type NamespaceKind, type NamespaceLink } from './kernel/namespace-kind';
export { Namespace } from './namespace/namespace';
export { NamespaceSet, type WriteFileOptions } from './set/namespace-set';
export type { ReadFileOptions } from './set/read-options';
export { PersistentNamespace } from './namespace/persistent';
export { type ProcessTarget, setns } from './set/setns';
export type { SocketDomain, SocketType } from './kernel/sockets';
export type { Sockets } from './namespace/sockets';
export { type CallOptions, type UnshareOptions, unshare } from './set/unshare';
export type { Address } from './network/address/address';
export type { AddressFilter, AddressFlag, AddressOptions, Addresses } from './network/address/addresses';
export type { Attachment } from './network/attach/attach';
export type { NetworkAttachOptions, AttachProgram, PortForward } from './network/attach/attach-options';
export type { Family } from './network/ip';
export type {
  BridgeOptions,
  BridgePortOptions,
  BridgePortState,
  IpvlanIsolation,
  IpvlanMode,
  IpvlanOptions,
  LinkDetails,
  LinkKind,
  LinkReference,
  MacvlanMode,
  MacvlanOptions,
  VlanOptions,
  VlanProtocol,
  VrfOptions,
  VxlanOptions,
} from './network/link/kinds';
export type { Link, LinkStats } from './network/link/link';
export type { LinkFilter, Links } from './network/link/links';
export type { LinkChange, LinkSettings, LinkSpec, OwnSettings, VethOptions, VethPeer } from './network/link/link-spec';
export type { Tun, TunOptions, TunSpec } from './network/link/tun';
export type { RouteProtocol, RouteType, Scope, Table } from './network/names';
export type { Neighbor, NeighborState } from './network/neighbor/neighbor';
export type { NeighborFilter, NeighborSpec, Neighbors } from './network/neighbor/neighbors';
export { Network, type NetworkOptions } from './network/network';
export type { Nsids } from './network/nsid/nsids';
export type { NetworkTarget } from './network/place';
export type { NextHop, Route, RouteMetrics, RoutePreference } from './network/route/route';
export type { RouteFilter, RouteLookup, Routes } from './network/route/routes';
export type { NextHopSpec, RouteSpec } from './network/route/route-spec';
export type { IpProtocol, Rule, RuleAction } from './network/rule/rule';
export type { RuleFilter, RuleSpec, Rules } from './network/rule/rules';
export type { Sysctls } from './network/sysctl';
export type {
  ChangeEvent,
  EventAction,
  NetworkDump,
  NetworkEvent,
  OverrunEvent,
  WatchKind,
} from './network/watch/events';
export type { NetworkWatch, NetworkWatchOptions } from './network/watch/watch';
export {
  type AddNetworkNamespaceOptions,
  type NetworkName,
  type NetworkNamespaces,
  networkNamespaces,
} from './network/named/named';
export type { LookupAddress, LookupOptions } from './network/resolve/lookup';
export type { ResolveOptions } from './network/resolve/resolve-options';
export type {
  ConnectOptions,
  Connector,
  ConnectorOptions,
  ConnectorRequest,
  DatagramOptions,
  HttpAgentOptions,
  HttpsAgentOptions,
  ListenOptions,
} from './network/sockets';
export { type CompiledSeccomp, type CompileSeccompOptions, compileSeccomp } from './seccomp/compile';
export { type DefaultSeccompOptions, defaultSeccompProfile } from './seccomp/default-profile';
export type { SeccompAction } from './seccomp/action';
export type { SeccompArchitecture } from './seccomp/architecture';
export type { SeccompFlag } from './seccomp/flags';
export type {
  SeccompArchMap,
  SeccompArgument,
  SeccompCircumstances,
  SeccompOperator,
  SeccompProfile,
  SeccompRule,
} from './seccomp/profile';
export type { SeccompOption } from './seccomp/seccomp';
export * as thread from './thread';
export { Cgroup, type FreezeOptions } from './cgroup/cgroup';
export type { CgroupMax, CgroupSpec, IoMax } from './cgroup/cgroup-spec';
export type { CgroupStats } from './cgroup/stats';
export type { Change } from './sandbox/changes';
export type { FileType } from './sandbox/file-type';
export type { SandboxDirent, SandboxMkdirOptions, SandboxReadOptions, SandboxWriteOptions } from './sandbox/files';
export { type HostUserland, type HostUserlandOptions, hostUserland } from './sandbox/host-userland';
export type { InSandbox } from './sandbox/rules';
export { Sandbox } from './sandbox/sandbox';
export type {
  BindEntry,
  ChmodEntry,
  DevEntry,
  DirectoryEntry,
  DirectoryRoot,
  ExistingNamespaces,
  FileEntry,
  KernelEntry,
  MaskEntry,
  MountEntry,
  OverlayEntry,
  EmptyRoot,
  OverlayRoot,
  ProcEntry,
  ReadOnlyEntry,
  SandboxRoot,
  SandboxSpec,
  SandboxUser,
  SymlinkEntry,
  TmpfsEntry,
} from './sandbox/sandbox-spec';
export { discover } from './discovery/discover';
export { type LsnsOptions, type LsnsRow, lsns } from './discovery/lsns';
export { type DescriptorReference, DiscoveredNamespace, type MountReference } from './discovery/namespace';
export { NamespaceMap } from './discovery/namespace-map';
export type { DiscoverOptions } from './discovery/discover-options';
export type { SvgOptions } from './discovery/picture/svg';
export type { TextOptions } from './discovery/picture/text';
export { DiscoveredProcess, DiscoveredTask, type NamespacesByKind } from './discovery/process';
export {
  type ForestOptions,
  type NamespaceTree,
  type NamespaceTreeJSON,
  ProcessForest,
  type ProcessTreeNode,
  type ProcessTreeOptions,
  processTree,
} from './discovery/process-tree';
export type { DiscoverySource, Unread } from './discovery/unread';
export { type NamespaceChange, type WatchOptions, watch } from './discovery/watch';
export { CAPABILITIES, type Capability } from './kernel/capabilities';
export { inspectHost } from './host/inspect';
export type { HostCheck, HostReport, Verdict } from './host/report';
export type { Resource } from './kernel/resources';
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
} from './process/program-options';
export { Pty, type PtyOptions } from './process/pty';
export { relayTerminal } from './process/relay-terminal';
export type { Personality } from './process/personality';
export type { Rlimit, RlimitValue, Rlimits } from './process/rlimits';
export { spawn } from './process/spawn';
export type { StdioEntry, StdioOptions } from './process/stdio';
