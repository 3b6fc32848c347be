import type { Readable } from 'node:stream';
import type { CgroupSpec } from '../cgroup/spec';
import type { Capability } from '../host/capabilities';
import type { IdMap } from '../idmap/id-map';
import type { NamespaceKind } from '../namespace/kind';
import type { Namespace } from '../namespace/namespace';
import type { Rlimits } from '../process/rlimits';
import type { SeccompOption } from '../seccomp/seccomp';

/**
 * The root of a sandbox: a directory, of which the sandbox can change nothing unless `readOnly` is false, or the layers
 * of an overlay.
 */
export type SandboxRoot = string | URL | DirectoryRoot | OverlayRoot;

/** A directory of the host's, with all that is mounted below it. */
export interface DirectoryRoot {
  /** On the host. */
  path: string | URL;
  /** Default: true. Mount points that are missing in it can then not be made: give an overlay instead. */
  readOnly?: boolean | undefined;
  /** There is one root: this, or an {@link OverlayRoot}. */
  lower?: never;
}

/**
 * Directories of the host's seen as one, of which the sandbox changes none: what it writes goes to `upper`.
 * Linux 5.11; the kernel's Documentation/filesystems/overlayfs.rst
 */
export interface OverlayRoot {
  /** The uppermost first. What is mounted below them is not seen. */
  lower: readonly (string | URL)[];
  /**
   * A directory that keeps what the sandbox has written, and that a later one can go on with. Default: it is discarded;
   * before Linux 6.6 a directory that `lower` has can then not be removed (`EIO`).
   */
  upper?: string | URL | undefined;
  /**
   * An empty directory on the same filesystem as `upper`, for the kernel to work in. Default: `upper` with `.work` at its
   * end, which is made, and removed when the sandbox is closed.
   */
  work?: string | URL | undefined;
  /** There is one root: this, or a {@link DirectoryRoot}. */
  path?: never;
}

/** A path of the host's that is visible in the sandbox as well, with all that is mounted below it. */
export interface BindEntry {
  /**
   * - `'bind'`: what the sandbox may write, it can write. No device can be opened there.
   * - `'bindReadOnly'`: nothing can be written, neither in what is mounted below it.
   * - `'bindDevices'`: as `'bind'`, and devices can be opened.
   */
  type: 'bind' | 'bindReadOnly' | 'bindDevices';
  /** A path, relative to this process's directory, or a descriptor of a file or directory; O_PATH will do. */
  source: string | URL | number;
  /** Where: an absolute path in the sandbox. */
  target: string;
  /** Whether a source that does not exist is passed over. Default: false. */
  optional?: boolean | undefined;
}

/** An empty filesystem in memory. tmpfs(5) */
export interface TmpfsEntry {
  /** Which entry it is. */
  type: 'tmpfs';
  /** Where: an absolute path in the sandbox. */
  target: string;
  /** Most bytes. Default: half of the machine's memory. */
  size?: number | undefined;
  /** Of its directory. Default: 0o755. */
  mode?: number | undefined;
}

/** A /proc of the sandbox's own processes. proc(5) */
export interface ProcEntry {
  /** Which entry it is. */
  type: 'proc';
  /** Where: an absolute path in the sandbox. */
  target: string;
  /**
   * Whether what concerns the whole machine cannot be written there (sys, irq, bus, sysrq-trigger, fs) and what tells of it
   * is hidden (kcore, keys, timer_list, …). Below one that is, none can be mounted that is not. Default: true.
   */
  masked?: boolean | undefined;
}

/** A small /dev: null, zero, full, random, urandom, tty, shm, the links to standard streams, and terminals. */
export interface DevEntry {
  /** Which entry it is. */
  type: 'dev';
  /** Where: an absolute path in the sandbox. */
  target: string;
}

/** What the namespaces of the sandbox have: mq_overview(7), sysfs(5), cgroups(7). */
export interface KernelEntry {
  /** Which entry it is. */
  type: 'mqueue' | 'sysfs' | 'cgroup2';
  /** Where: an absolute path in the sandbox. */
  target: string;
}

/** Directories of the host's seen as one: see {@link OverlayRoot}. */
export interface OverlayEntry extends OverlayRoot {
  /** Which entry it is. */
  type: 'overlay';
  /** Where: an absolute path in the sandbox. */
  target: string;
}

/** A directory, and those on the way to it. One that is there is left as it is, but for a mode that is given. */
export interface DirectoryEntry {
  /** Which entry it is. */
  type: 'dir';
  /** Where: an absolute path in the sandbox. */
  target: string;
  /** Default: 0o755. */
  mode?: number | undefined;
}

/** A symbolic link that says `to`. symlink(7) */
export interface SymlinkEntry {
  /** Which entry it is. */
  type: 'symlink';
  /** Where: an absolute path in the sandbox. */
  target: string;
  /** What it says; it need not exist. */
  to: string;
}

/**
 * A file with these contents, written at its place: on the host, where that is a directory of the host's which can be
 * written. With `mounted` or `readOnly` it is mounted there instead, and nothing is written anywhere but in memory.
 */
export interface FileEntry {
  /** Which entry it is. */
  type: 'file';
  /** Where: an absolute path in the sandbox. */
  target: string;
  /** A descriptor, or a stream, is read to its end; the sandbox is there when that has come. */
  data: string | Uint8Array | Readable | number;
  /** Default: 0o644. */
  mode?: number | undefined;
  /** Default: false. */
  readOnly?: boolean | undefined;
  /** What the sandbox writes to it goes with the sandbox then. Default: as `readOnly`, which takes it. */
  mounted?: boolean | undefined;
}

/** What was mounted so far at the target, or is there, can be changed no more. */
export interface ReadOnlyEntry {
  /** Which entry it is. */
  type: 'readOnly';
  /** Where: an absolute path in the sandbox. */
  target: string;
  /** Also what is mounted below it. Default: false. */
  recursive?: boolean | undefined;
}

/** Hides a directory behind an empty one, and anything else behind /dev/null. */
export interface MaskEntry {
  /** Which entry it is. */
  type: 'mask';
  /** Where: an absolute path in the sandbox. */
  target: string;
  /** Whether it does not matter that it does not exist. Default: false. */
  optional?: boolean | undefined;
}

/** Permissions of what is there. On a directory of the host's it is the host's that has them. */
export interface ChmodEntry {
  /** Which entry it is. */
  type: 'chmod';
  /** Where: an absolute path in the sandbox. */
  target: string;
  /** As of chmod(2): 0o755. */
  mode: number;
}

/**
 * One thing in the root of a sandbox. Targets are absolute paths in it; directories on the way, and mount points, are
 * made where they are missing. Links in it lead nowhere else than in it.
 */
export type MountEntry =
  | BindEntry
  | TmpfsEntry
  | ProcEntry
  | DevEntry
  | KernelEntry
  | OverlayEntry
  | DirectoryEntry
  | SymlinkEntry
  | FileEntry
  | ReadOnlyEntry
  | MaskEntry
  | ChmodEntry;

/** Who the programs of a sandbox are. */
export interface SandboxUser {
  /** Their user id, inside. Default: this process's own, or 0 where a `map` does not have that. */
  uid?: number | undefined;
  /** Their group id, inside. Default: as `uid`. */
  gid?: number | undefined;
  /**
   * Supplementary groups, inside. Takes a map that this process has privilege for, or `'auto'`: without, the kernel has
   * programs keep those of this process, which are nobody's inside. Default: none.
   */
  groups?: readonly number[] | undefined;
  /**
   * Which ids there are. Default: `uid` and `gid`, which are this process's own outside. A map for each where the two are
   * to differ.
   */
  map?:
    | IdMap
    | {
        /** Of users. */
        uid: IdMap;
        /** Of groups. */
        gid: IdMap;
      }
    | undefined;
}

/**
 * What a sandbox is. Closed by default: each property opens one door, and unknown ones are errors.
 *
 * @example
 * ```ts
 * await using sandbox = await Sandbox.create({
 *   ...hostUserland(),
 *   mounts: [...hostUserland().mounts, { type: 'bind', source: 'project', target: '/project' }],
 *   cwd: '/project',
 * });
 * ```
 */
export interface SandboxSpec {
  /** Default: an empty filesystem in memory. */
  root?: SandboxRoot | undefined;
  /** What is in the root, one on top of the other: the first of all. */
  mounts?: readonly MountEntry[] | undefined;
  /** Whether there is a /dev: see {@link DevEntry}. Default: true. */
  dev?: boolean | undefined;
  /** Whether there is a /proc: see {@link ProcEntry}. Default: true. */
  proc?: boolean | undefined;
  /**
   * Whether programs can have terminals of their own: a devpts in /dev, which {@link SpawnOptions.pty} takes. Default: with
   * a /dev.
   */
  terminal?: boolean | undefined;
  /**
   * Kinds of namespace that are the host's, and not new. A new one of each other kind is made, of `time` none. The
   * mount namespace is always new.
   */
  share?: readonly NamespaceKind[] | undefined;
  /** Who its programs are. Default: this process's own ids, and no other. */
  user?: SandboxUser | undefined;
  /** Default: the host's. */
  hostname?: string | undefined;
  /** The directory programs start in. Default: `'/'`. */
  cwd?: string | undefined;
  /** The environment of programs, beside PATH, HOME, TERM and LANG; `undefined` takes one of these away. */
  env?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * `'none'`: a network namespace with nothing but a loopback interface. `'host'`: the host's. Or one that somebody has set
   * up. Default: `'none'`.
   */
  network?: 'none' | 'host' | Namespace | undefined;
  /**
   * Those that programs have, and the most that they can get. Default: none.
   *
   * With CAP_SYS_ADMIN they can mount; what this spec has mounted is locked then, and read-only stays read-only.
   */
  capabilities?: readonly Capability[] | undefined;
  /** See {@link ProgramOptions.noNewPrivileges}. Default: true. */
  noNewPrivileges?: boolean | undefined;
  /** See {@link ProgramOptions.newSession}. Default: true. */
  newSession?: boolean | undefined;
  /**
   * Whether the kernel kills everything in it when this process ends, in whatever way. With `false` what runs in it runs
   * on, and the sandbox ends with the last of its programs; a cgroup and a work directory of an overlay are left, then.
   * Takes a pid namespace. Default: true.
   */
  dieWithParent?: boolean | undefined;
  /**
   * Whether an init of ours keeps the sandbox and reaps what is orphaned in it: always, where it has a pid namespace. A
   * program that is to be process 1 itself takes `spawn()` with `unshare` and `init: false`. Default: true.
   */
  init?: boolean | undefined;
  /**
   * See {@link ProgramOptions.seccomp}. With another than the default, which closes keyrings, programs have a session
   * keyring of their own, and not the one of this process: `session-keyring(7)`. Default: `'default'`.
   */
  seccomp?: SeccompOption | undefined;
  /** Whether no user namespace can be made inside, by nobody. Default: false. */
  disableUserNamespaces?: boolean | undefined;
  /** Limits that each program starts with. See {@link ProgramOptions.rlimits}. */
  rlimits?: Rlimits | undefined;
  /** A cgroup for the sandbox with all its programs, which `stats()`, `freeze()` and `thaw()` take. Default: none. */
  cgroup?: CgroupSpec | undefined;
}
