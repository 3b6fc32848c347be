/**
 * Linux namespaces for Node: create, join and hold them, and run programs in them, without moving a thread of this
 * process.
 *
 * @packageDocumentation
 * @mergeModuleWith <project>
 */
import './compose';
export type { Bytes } from './errors/bytes';
export { type OpenHandle, openHandles, reportOpenHandles, traceHandles } from './handle/open';
export { NamespaceError, type NamespaceErrorInit } from './errors/namespace-error';
export type { IdMap, IdRange } from './idmap/id-map';
export { readGidMap, readUidMap, setSetgroups, subordinateIds, writeGidMap, writeUidMap } from './idmap/files';
export type { SubordinateRange } from './idmap/subordinate';
export type { Propagation } from './kernel/propagation';
export type { UnshareSpec } from './launch/unshare-spec';
export type { Exit } from './task/task';
export type { ResourceUsage } from './task/usage';
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
export { type Joinable, Namespace } from './namespace/namespace';
export { NamespaceSet, type WriteFileOptions } from './set/namespace-set';
export type { ReadFileOptions } from './set/read-options';
export { PersistentNamespace } from './namespace/persistent';
export { type ProcessTarget, setns } from './set/setns';
export type { CallOptions } from './set/call-options';
export { type UnshareOptions, unshare } from './set/unshare';
export { unsharePool } from './set/pool';
export type { Pool } from './pool/pool';
export type { Pooled, Poolable, PoolOptions, PoolStats, TakeOptions } from './pool/pool-options';
export * as thread from './thread';
export * as waitFor from './wait';
export { Cgroup, type FreezeOptions } from './cgroup/cgroup';
export type { CgroupMax, CgroupSpec, IoMax } from './cgroup/cgroup-spec';
export type { CgroupStats } from './cgroup/stats';
export type { Change } from './sandbox/changes';
export type { ApplyOptions } from './sandbox/project/apply';
export type { DiffOptions } from './sandbox/project/diff';
export type { ProjectSnapshot } from './sandbox/project/snapshot';
export type { FileType } from './sandbox/file-type';
export type { SandboxDirent, SandboxMkdirOptions, SandboxReadOptions, SandboxWriteOptions } from './sandbox/files';
export { type HostUserland, type HostUserlandOptions, hostUserland } from './sandbox/host-userland';
export { HIDDEN_BY_DEFAULT, PROTECTED_BY_DEFAULT } from './sandbox/host-view/defaults';
export { type HostPaths, type HostView, type HostViewOptions, hostView } from './sandbox/host-view/host-view';
export type { InSandbox } from './sandbox/rules';
export { Sandbox, type SandboxPool } from './sandbox/sandbox';
export type { RunLimits } from './sandbox/run/limits';
export type { RunOptions } from './sandbox/run/options';
export type { LimitedBy, RunResult, RunVerdict } from './sandbox/run/result';
export type {
  BindEntry,
  ChmodEntry,
  DevEntry,
  DirectoryEntry,
  DirectoryRoot,
  ExistingNamespaces,
  ExposeOptions,
  FileEntry,
  KernelEntry,
  MaskEntry,
  MountEntry,
  OverlayEntry,
  EmptyRoot,
  OverlayRoot,
  ProcEntry,
  ProjectOptions,
  ProtectEntry,
  ReadOnlyEntry,
  SandboxRoot,
  SandboxReport,
  SandboxSpec,
  SandboxUser,
  SymlinkEntry,
  TmpfsEntry,
} from './sandbox/sandbox-spec';
export { CAPABILITIES, type Capability } from './kernel/capabilities';
export { inspectHost } from './host/inspect';
export type { HostCheck, HostReport, Verdict } from './host/report';
export type { Resource } from './kernel/resources';
export type { CapabilityOptions, CapabilitySets, Securebit } from './process/capabilities';
export { ClonedProcess, clone } from './process/clone';
export { type ExecError, type ExecResult, exec, execFile } from './process/exec';
export { fork } from './process/fork';
export type { ProgramInput } from './process/input';
export type { InSet, Programs } from './process/programs';
export type { ChannelControl } from './process/ipc/channel';
export type { Serialization } from './process/ipc/codec';
export type { LandlockReport } from './landlock/landlock';
export type { LandlockOptions, LandlockRule } from './landlock/landlock-options';
export type { LandlockAccess, LandlockScope } from './landlock/rights';
export type { LimitOptions } from './process/limits';
export type { Logs, LogsOptions } from './process/logs';
export { NamespaceProcess, type NamespaceProcessEvents } from './process/namespace-process';
export type {
  CloneOptions,
  ExecFileOptions,
  ExecOptions,
  ForkOptions,
  ProgramOptions,
  SpawnOptions,
} from './process/program-options';
export { PreparedProgram } from './process/prepared';
export { Pty, type PtyOptions } from './process/pty';
export { relayTerminal } from './process/relay-terminal';
export type { Personality } from './process/personality';
export type { Rlimit, RlimitValue, Rlimits } from './process/rlimits';
export { spawn } from './process/spawn';
export type { StdioEntry, StdioOptions } from './process/stdio';
