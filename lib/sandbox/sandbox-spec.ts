import type { Readable } from 'node:stream';
import type { CgroupSpec } from '../cgroup/cgroup-spec';
import type { Bytes } from '../errors/bytes';
import type { Capability } from '../kernel/capabilities';
import type { IdMap } from '../idmap/id-map';
import type { NamespaceKind } from '../kernel/namespace-kind';
import type { Namespace } from '../namespace/namespace';
import type { Rlimits } from '../process/rlimits';
import type { SeccompOption } from '../seccomp/seccomp';

/**
 * The root of a sandbox: a directory, which is read-only unless `readOnly` is false, the layers of an overlay, or an empty
 * filesystem in memory.
 */
export type SandboxRoot = string | URL | DirectoryRoot | OverlayRoot | EmptyRoot;

/** A directory of the host, with all that is mounted below it. */
export interface DirectoryRoot {
  /** On the host; or a descriptor of a directory. O_PATH will do. */
  path: string | URL | number;
  /** Default: true. Missing mount points cannot be made in it then: use an overlay for that. */
  readOnly?: boolean | undefined;
  /**
   * Whether devices below it can be opened, as far as the permissions of the files allow: with `path: '/'` the host's /dev
   * (`dev: false` leaves it in place). Default: false.
   */
  devices?: boolean | undefined;
  /** There is one root: this, or an {@link OverlayRoot}. */
  lower?: never;
}

/** An empty filesystem in memory, in which only mount points and what the spec makes are. tmpfs(5) */
export interface EmptyRoot {
  /** Its size limit in bytes. Default: half of the machine's memory. */
  size?: number | undefined;
  /** The mode of the root directory. Default: 0o755. */
  mode?: number | undefined;
  /** There is one root: this, or a {@link DirectoryRoot}. */
  path?: never;
  /** There is one root: this, or an {@link OverlayRoot}. */
  lower?: never;
}

/**
 * Directories of the host, merged into one. The sandbox changes none of them: what it writes goes to `upper`.
 * Linux 5.11; the kernel's Documentation/filesystems/overlayfs.rst
 */
export interface OverlayRoot {
  /** The uppermost first. What is mounted below them is not visible. */
  lower: readonly (string | URL)[];
  /**
   * A directory that keeps what the sandbox writes; a later sandbox can continue with it. Default: it is discarded; before
   * Linux 6.6, removing a directory of `lower` then fails (`EIO`).
   */
  upper?: string | URL | undefined;
  /**
   * An empty directory on the same filesystem as `upper`, for the kernel's own use. Default: the path of `upper` with
   * `.work` appended; it is created, and removed when the sandbox is closed. What is there already, and is more than another
   * sandbox has left, is an error (`EEXIST`); so is a link (`ENOTDIR`).
   */
  work?: string | URL | undefined;
  /** There is one root: this, or a {@link DirectoryRoot}. */
  path?: never;
}

/** A path of the host that is visible in the sandbox as well, with all that is mounted below it. */
export interface BindEntry {
  /**
   * - `'bind'`: writable, as far as the permissions of the files allow. No device can be opened there (nodev).
   * - `'bindReadOnly'`: read-only, and so is what is mounted below it.
   * - `'bindDevices'`: as `'bind'`, but devices can be opened.
   */
  type: 'bind' | 'bindReadOnly' | 'bindDevices';
  /** A path, relative to this process's directory, or a descriptor of a file or directory; O_PATH will do. */
  source: string | URL | number;
  /** Where: an absolute path in the sandbox. */
  target: string;
  /** Whether the entry is skipped when the source does not exist. Default: false. */
  optional?: boolean | undefined;
}

/** An empty filesystem in memory. tmpfs(5) */
export interface TmpfsEntry {
  /** Which entry it is. */
  type: 'tmpfs';
  /** Where: an absolute path in the sandbox. */
  target: string;
  /** Its size limit in bytes. Default: half of the machine's memory. */
  size?: number | undefined;
  /** The mode of its root directory. Default: 0o755. */
  mode?: number | undefined;
}

/** A /proc of the sandbox's own processes. proc(5) */
export interface ProcEntry {
  /** Which entry it is. */
  type: 'proc';
  /** Where: an absolute path in the sandbox. */
  target: string;
  /**
   * Whether the parts that control the whole machine are read-only (sys, irq, bus, sysrq-trigger, fs) and those that
   * reveal its state are hidden (kcore, keys, timer_list, …). Inside a sandbox with a masked /proc nobody can mount one
   * that is not masked. Default: true.
   */
  masked?: boolean | undefined;
}

/** A small /dev: null, zero, full, random, urandom, tty, shm, the links to standard streams, and terminals. */
export interface DevEntry {
  /** Which entry it is. */
  type: 'dev';
  /** Where: an absolute path in the sandbox. */
  target: string;
  /**
   * Whether what is in it, and in its `shm`, can be run as a program and mapped for execution (mmap(2), PROT_EXEC), as
   * some just-in-time compilers do. Default: false (noexec).
   */
  exec?: boolean | undefined;
}

/** A filesystem that shows the sandbox's own namespaces: mq_overview(7), sysfs(5), cgroups(7). */
export interface KernelEntry {
  /** Which entry it is. */
  type: 'mqueue' | 'sysfs' | 'cgroup2';
  /** Where: an absolute path in the sandbox. */
  target: string;
}

/** Directories of the host, merged into one: see {@link OverlayRoot}. */
export interface OverlayEntry extends OverlayRoot {
  /** Which entry it is. */
  type: 'overlay';
  /** Where: an absolute path in the sandbox. */
  target: string;
}

/**
 * A directory, and missing ones on the way to it: with mode 0755, or 0700 on the way to one that others may not use. If
 * it exists, only its mode is changed, and only if one is given.
 */
export interface DirectoryEntry {
  /** Which entry it is. */
  type: 'dir';
  /** Where: an absolute path in the sandbox. */
  target: string;
  /** Default: 0o755. */
  mode?: number | undefined;
  /** Whether a directory that exists keeps its mode: `mode` is only for one that is created. Default: false. */
  keepMode?: boolean | undefined;
}

/** A symbolic link. symlink(7) */
export interface SymlinkEntry {
  /** Which entry it is. */
  type: 'symlink';
  /** Where: an absolute path in the sandbox. */
  target: string;
  /** What it points to; that need not exist. */
  to: string;
}

/**
 * A file with the given contents. It is written in place, and so on the host when `target` lies in a writable directory
 * of the host. With `mounted` or `readOnly` it is kept in memory and mounted on `target` instead: where that does not exist, an
 * empty file with mode 0444 is created to mount on, and removed when the sandbox is closed.
 */
export interface FileEntry {
  /** Which entry it is. */
  type: 'file';
  /** Where: an absolute path in the sandbox. */
  target: string;
  /** The contents. A descriptor or a stream is read to its end before the sandbox is ready. */
  data: string | Bytes | Readable | number;
  /**
   * Default: 0o644; a file that exists, and is written in place, keeps the mode that it has. Missing directories on the way
   * to a file that others may not read are created with mode 0700.
   */
  mode?: number | undefined;
  /** Default: false. */
  readOnly?: boolean | undefined;
  /**
   * Whether it is kept in memory and mounted: what the sandbox writes to it is then discarded. Default: as `readOnly`.
   */
  mounted?: boolean | undefined;
}

/**
 * Makes a mount, or a file or directory of the root, read-only from here on.
 *
 * In a directory that programs can write, it does not protect a _name_. They can rename a directory above the target
 * (`mv a b`), and create another in its place, with what they like in it: on the host too, if it is a directory of the host. What
 * was made read-only stays so, under its new name. So give it for the mount itself; or keep programs from writing
 * in the directory that the target is in, and in those above, by the same means.
 */
export interface ReadOnlyEntry {
  /** Which entry it is. */
  type: 'readOnly';
  /** Where: an absolute path in the sandbox. */
  target: string;
  /** Whether what is mounted below it becomes read-only too. Default: false. */
  recursive?: boolean | undefined;
  /**
   * Whether the entry is skipped when the target does not exist. A program that can write in the directory can create it
   * later, and it is not read-only then. Default: false.
   */
  optional?: boolean | undefined;
}

/**
 * Hides a directory behind an empty one, and anything else behind /dev/null.
 *
 * In a directory that programs can write, what they rename stays hidden, but the name can come to mean something else: see
 * {@link ReadOnlyEntry}.
 */
export interface MaskEntry {
  /** Which entry it is. */
  type: 'mask';
  /** Where: an absolute path in the sandbox. */
  target: string;
  /** Whether the entry is skipped when the target does not exist. Default: false. */
  optional?: boolean | undefined;
}

/** Changes the permissions of an existing file or directory: on the host, where the target is a file of the host. */
export interface ChmodEntry {
  /** Which entry it is. */
  type: 'chmod';
  /** Where: an absolute path in the sandbox. */
  target: string;
  /** As in chmod(2): 0o755. */
  mode: number;
}

/**
 * One thing in the root of a sandbox. Targets are absolute paths in that root; missing mount points, and directories on
 * the way to them, are created. In a directory of the host they are removed again when the sandbox is closed, unless
 * somebody has put something into them, or another sandbox uses them. Symbolic links are resolved inside the root.
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
  /** Their user id, inside. Default: this process's own, or 0 if `map` does not map that. */
  uid?: number | undefined;
  /** Their group id, inside. Default: as `uid`. */
  gid?: number | undefined;
  /**
   * Supplementary groups, inside. Needs a map that this process has the privilege to write, or `'auto'`. Without one
   * the kernel forbids setgroups(2), and programs keep the groups of this process, shown as 65534 inside. Default:
   * none.
   */
  groups?: readonly number[] | undefined;
  /**
   * The ids that exist inside. Default: only `uid` and `gid`, which are this process's own outside. Give two maps where
   * those of users and of groups differ.
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

/** Existing namespaces that a sandbox is built in. They stay the caller's, who closes them when he likes. */
export interface ExistingNamespaces {
  /**
   * The user namespace that its mounts and its other namespaces are to belong to: `user` of a {@link NamespaceSet}.
   * Programs are 0 there, if that is mapped, or who {@link SandboxSpec.user} says. It takes a terminal only where 0 is
   * mapped. Who has CAP_SYS_ADMIN in it may change the sandbox: programs of the sandbox cannot be given that, nor
   * CAP_SYS_PTRACE.
   */
  user?: Namespace | undefined;
  /**
   * The pid namespace that programs are in, with whatever else is in it; a /proc in the sandbox then takes the `user`
   * that owns it. Programs of one `user` and one uid reach each other's files there, in `/proc/PID/root`, and may trace each
   * other: put none beside the sandbox that has more than it, or give each another uid. Its init is the caller's: `close()` kills the programs that the sandbox has started, as where the host's
   * is shared.
   */
  pid?: Namespace | undefined;
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
  /** What is in the root. The entries are applied in this order. */
  mounts?: readonly MountEntry[] | undefined;
  /**
   * `'slave'`: what is mounted or unmounted on the host later, below a directory that the sandbox has, is so inside as well
   * (mount_namespaces(7)), if the host's mounts are shared, which systemd makes them. Such a mount has the attributes that it
   * has on the host: in a `bindReadOnly` it is writable unless it is read-only there. Masks stay on top of it. Mounts of the
   * sandbox never appear on the host. Default: `'private'`: mounts stay as they are when it is created.
   */
  propagation?: 'private' | 'slave' | undefined;
  /** Whether there is a /dev: see {@link DevEntry}. Default: true. */
  dev?: boolean | undefined;
  /** Whether there is a /proc: see {@link ProcEntry}. Default: true. */
  proc?: boolean | undefined;
  /**
   * Whether /dev has a devpts, which {@link SpawnOptions.pty} needs. Default: true if there is a /dev.
   */
  terminal?: boolean | undefined;
  /**
   * Kinds of namespace that the sandbox shares with the host. One of each other kind is created, of `time` only where
   * {@link time} is given; `mnt` cannot be shared. Without a pid namespace of its own, `close()` kills the programs that the sandbox has
   * started, and what these have started only if there is a {@link cgroup}.
   */
  share?: readonly NamespaceKind[] | undefined;
  /**
   * Namespaces that exist already, for it to be built in instead of new ones. Joining them takes CAP_SYS_ADMIN in the user
   * namespace that owns them; who has made a user namespace has that in it. setns(2)
   *
   * @example
   * ```ts
   * await using set = await unshare(['user', 'pid']);
   * const { user, pid } = set;
   * await using sandbox = await Sandbox.create({ ...hostUserland(), namespaces: { user, pid } });
   * ```
   */
  namespaces?: ExistingNamespaces | undefined;
  /** The ids of its programs. Default: this process's own, and no others. */
  user?: SandboxUser | undefined;
  /** Default: the host's. */
  hostname?: string | undefined;
  /**
   * Names in its /etc/hosts, and the addresses of each: `{ db: '10.0.0.5', web: ['10.0.0.6', 'fd00::6'] }`. The file also
   * has `localhost` and `hostname`, and is mounted over one that there is after {@link mounts}. Default: nothing is done.
   * hosts(5)
   */
  hosts?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /**
   * A time namespace, and what is added to its clocks, in seconds or, as a bigint, nanoseconds: for programs the machine
   * has been up for longer, or not as long. Linux 5.6. Default: none, programs see the host's clocks. time_namespaces(7)
   */
  time?:
    | {
        /** Added to CLOCK_MONOTONIC. Default: nothing. */
        monotonic?: number | bigint | undefined;
        /** Added to CLOCK_BOOTTIME, and so to /proc/uptime. Default: nothing. */
        boottime?: number | bigint | undefined;
      }
    | undefined;
  /** The directory programs start in. Default: `'/'`. */
  cwd?: string | undefined;
  /** The environment of programs, in addition to PATH, HOME, TERM and LANG; `undefined` removes one of these. */
  env?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * `'none'`: a network namespace with only a loopback interface. `'host'`: the host's. Or an existing network
   * namespace. Default: `'none'`.
   *
   * Of a network namespace that has a name, files of /etc/netns/NAME lie over those of the sandbox's /etc, read-only, as
   * `networkNamespaces.enter()` has them: resolv.conf, hosts, nsswitch.conf and whatever else is there. A file that
   * the sandbox does not have is left out, and an entry of type `'file'` in `mounts` comes first.
   */
  network?: 'none' | 'host' | Namespace | undefined;
  /**
   * The capabilities of programs: they have these, and can get no others. Default: none.
   *
   * With CAP_SYS_ADMIN programs can mount. The mounts of this spec are locked then: what is read-only stays read-only. But a
   * program that has your user id can change its cgroup, unless cgroup2 is mounted with `nsdelegate` on the host.
   */
  capabilities?: readonly Capability[] | undefined;
  /** See {@link ProgramOptions.noNewPrivileges}. Default: true. */
  noNewPrivileges?: boolean | undefined;
  /** See {@link ProgramOptions.newSession}. Default: true. */
  newSession?: boolean | undefined;
  /**
   * Whether the kernel kills everything in it when this process ends, in whatever way. With `false` its programs
   * continue, and the sandbox ends with the last of them; its cgroup and the work directory of an overlay are then left
   * behind. Default: true.
   */
  dieWithParent?: boolean | undefined;
  /**
   * Whether this package's init keeps the sandbox and reaps orphans. Must be true with a pid namespace, and false
   * without one. To run a program as process 1, use `spawn()` with `unshare` and `init: false`. Default: as it must be.
   */
  init?: boolean | undefined;
  /**
   * See {@link ProgramOptions.seccomp}. `'default'` blocks the keyring calls; with anything else programs get a new
   * session keyring in place of this process's: `session-keyring(7)`. Default: `'default'`.
   */
  seccomp?: SeccompOption | undefined;
  /**
   * Whether the default filter lets programs create user namespaces, and in them mount, chroot and join namespaces: for
   * programs that build sandboxes of their own, such as browsers and bwrap(1). They have every capability there, which
   * opens much of the kernel. It is about the default filter: with another `seccomp`, that decides. Default: false.
   */
  userNamespaces?: boolean | undefined;
  /**
   * Whether the kernel lets nobody create a user namespace inside, whatever the filter: a limit of 0,
   * `user.max_user_namespaces` of namespaces(7). Default: false.
   */
  disableUserNamespaces?: boolean | undefined;
  /**
   * Limits that each program starts with. See {@link ProgramOptions.rlimits}. `nproc` has no effect where the user is
   * user 0 outside, as when this process is root's and `user.map` says nothing else: `cgroup: { pidsMax }` has.
   */
  rlimits?: Rlimits | undefined;
  /**
   * The most inotify instances that its programs have at a time: inotify(7). The kernel gives each user of the host a
   * number of them, 128 as a rule (`fs.inotify.max_user_instances`), and counts those in a sandbox as this process's
   * user's, whatever ids programs have. It is a limit of the user namespace: where that is shared there is none. Default:
   * 64; none where /proc/sys is read-only, as in most containers, while a value that is given is then an error.
   */
  inotifyInstances?: number | undefined;
  /** A cgroup for the sandbox and all its programs; `stats()`, `freeze()` and `thaw()` need one. Default: none. */
  cgroup?: CgroupSpec | undefined;
}
