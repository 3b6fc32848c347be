import type { Readable } from 'node:stream';
import type { CgroupSpec } from '../cgroup/cgroup-spec';
import type { Bytes } from '../errors/bytes';
import type { Capability } from '../kernel/capabilities';
import type { IdMap } from '../idmap/id-map';
import type { LandlockReport } from '../landlock/landlock';
import type { LandlockOptions } from '../landlock/landlock-options';
import type { NamespaceKind } from '../kernel/namespace-kind';
import type { EgressPolicy } from '../network/egress/policy/egress-policy';
import type { ForwardOptions } from '../network/forward/forward';
import type { Namespace } from '../namespace/namespace';
import type { Rlimits } from '../process/rlimits';
import type { SeccompOption } from '../seccomp/seccomp';

/**
 * The root of a sandbox: a directory, which is read-only unless `readOnly` is false, the layers of an overlay, or an
 * empty filesystem in memory.
 */
export type SandboxRoot = string | URL | DirectoryRoot | OverlayRoot | EmptyRoot;

/** A directory of the host, with all that is mounted below it. */
export interface DirectoryRoot {
  /**
   * A path of the host, relative to this process's directory, or a descriptor of a directory, which may be opened with
   * O_PATH. open(2)
   */
  path: string | URL | number;
  /**
   * True makes the directory read-only for the sandbox. Missing mount points cannot be created in it then: use an
   * overlay for that. Default: true.
   */
  readOnly?: boolean | undefined;
  /**
   * True lets programs open the devices below it, as far as the permissions of the files allow. With `path: '/'` these
   * are the devices of the host's /dev, which `dev: false` leaves in place. Default: false.
   */
  devices?: boolean | undefined;
  /** Never given here: a root has `lower` only if it is an {@link OverlayRoot}. */
  lower?: never;
}

/** An empty filesystem in memory. It contains only the mount points and what the spec creates. tmpfs(5) */
export interface EmptyRoot {
  /** Its size limit in bytes. Default: half of the machine's memory. */
  size?: number | undefined;
  /** The mode of the root directory. Default: 0o755. */
  mode?: number | undefined;
  /** Never given here: a root has `path` only if it is a {@link DirectoryRoot}. */
  path?: never;
  /** Never given here: a root has `lower` only if it is an {@link OverlayRoot}. */
  lower?: never;
}

/**
 * Directories of the host, merged into one. The sandbox changes none of them: what it writes goes to `upper`.
 * Linux 5.11; the kernel's Documentation/filesystems/overlayfs.rst
 */
export interface OverlayRoot {
  /** The directories that are merged, the uppermost first. Filesystems that are mounted below them are not visible. */
  lower: readonly (string | URL)[];
  /**
   * A directory that keeps what the sandbox writes; a later sandbox can continue with it. Default: what it writes is
   * discarded; before Linux 6.6, removing a directory of `lower` then fails (`EIO`).
   */
  upper?: string | URL | undefined;
  /**
   * An empty directory on the same filesystem as `upper`, for the kernel's own use. Default: the path of `upper` with
   * `.work` appended; it is created, and removed when the sandbox is closed. It is an error if something else is there
   * already: `EEXIST` for a directory that is not the rest of another sandbox, `ENOTDIR` for a link.
   */
  work?: string | URL | undefined;
  /** Never given here: a root has `path` only if it is a {@link DirectoryRoot}. */
  path?: never;
}

/**
 * An entry for the paths below its target that match patterns. They are looked for on the host when the sandbox is
 * created, while the event loop goes on: what appears later is not concerned.
 */
export interface MatchingEntry {
  /**
   * Patterns of paths below the target: the entry is for each file and directory that matches one, instead of for the
   * target itself. `*` is any text in one name, with a dot at its start too; `?` one character; `[a-z]` one of these,
   * `[!a-z]` another; `{a,b}` either; a name that is `**` is any number of directories, or none. A backslash takes the
   * meaning from the character after it. Upper and lower case differ. What lies below a match is not looked at, links
   * are not followed, and names that are not UTF-8 do not match. Default: the entry is for the target.
   */
  match?: string | readonly string[] | undefined;
}

/** A {@link MatchingEntry} that has no source. */
export interface MatchingTarget extends MatchingEntry {
  /**
   * The directory of the host that the target shows, in which `match` is looked for. A relative path starts at this
   * process's directory. Default: the path of the target.
   */
  source?: string | URL | undefined;
}

/** A path of the host that is visible in the sandbox as well, with all that is mounted below it. */
export interface BindEntry extends MatchingEntry {
  /**
   * - `'bind'`: writable, as far as the permissions of the files allow. No device can be opened there (nodev).
   * - `'bindReadOnly'`: read-only, and so is what is mounted below it.
   * - `'bindDevices'`: as `'bind'`, but devices can be opened.
   */
  type: 'bind' | 'bindReadOnly' | 'bindDevices';
  /**
   * A path of the host, relative to this process's directory, or a descriptor of a file or directory, which may be
   * opened with O_PATH. open(2)
   */
  source: string | URL | number;
  /** The absolute path of the target in the sandbox. */
  target: string;
  /** True skips the entry when the source does not exist. Default: false. */
  optional?: boolean | undefined;
}

/** An empty filesystem in memory. tmpfs(5) */
export interface TmpfsEntry {
  /** The kind of entry. */
  type: 'tmpfs';
  /** The absolute path of the target in the sandbox. */
  target: string;
  /** Its size limit in bytes. Default: half of the machine's memory. */
  size?: number | undefined;
  /** The mode of its root directory. Default: 0o755. */
  mode?: number | undefined;
}

/** A /proc of the sandbox's own processes. proc(5) */
export interface ProcEntry {
  /** The kind of entry. */
  type: 'proc';
  /** The absolute path of the target in the sandbox. */
  target: string;
  /**
   * True makes the parts that control the whole machine read-only (sys, irq, bus, sysrq-trigger, fs, pressure), and
   * hides those that reveal its state (kcore, keys, timer_list, …). Inside a sandbox with a masked /proc nobody can
   * mount one that is not masked. Default: true.
   */
  masked?: boolean | undefined;
}

/** A small /dev: null, zero, full, random, urandom, tty, shm, the links to standard streams, and terminals. */
export interface DevEntry {
  /** The kind of entry. */
  type: 'dev';
  /** The absolute path of the target in the sandbox. */
  target: string;
  /**
   * True lets files in it, and in its `shm`, be run as programs and be mapped for execution (mmap(2), PROT_EXEC), as
   * some just-in-time compilers do. Default: false (noexec).
   */
  exec?: boolean | undefined;
}

/**
 * A filesystem that shows the sandbox's own namespaces. `'sysfs'` and `'cgroup2'` are mounted read-only.
 * mq_overview(7), sysfs(5), cgroups(7)
 */
export interface KernelEntry {
  /** The kind of entry. */
  type: 'mqueue' | 'sysfs' | 'cgroup2';
  /** The absolute path of the target in the sandbox. */
  target: string;
}

/** Directories of the host, merged into one: see {@link OverlayRoot}. */
export interface OverlayEntry extends OverlayRoot {
  /** The kind of entry. */
  type: 'overlay';
  /** The absolute path of the target in the sandbox. */
  target: string;
}

/**
 * A directory. Missing directories on the way to it are created with mode 0755, or 0700 on the way to one that others
 * may not use. If the directory exists, only its mode is changed, and only if a mode is given.
 */
export interface DirectoryEntry {
  /** The kind of entry. */
  type: 'dir';
  /** The absolute path of the target in the sandbox. */
  target: string;
  /** Its permissions. Default: 0o755 for a directory that is created. */
  mode?: number | undefined;
  /** True keeps the mode of a directory that exists: `mode` is then only for one that is created. Default: false. */
  keepMode?: boolean | undefined;
}

/** A symbolic link. symlink(7) */
export interface SymlinkEntry {
  /** The kind of entry. */
  type: 'symlink';
  /** The absolute path of the target in the sandbox. */
  target: string;
  /** The path that the link points to; it need not exist. */
  to: string;
}

/**
 * A file with the given contents. It is written in place, and so on the host when `target` lies in a writable directory
 * of the host. With `mounted` or `readOnly` it is kept in memory and mounted on `target` instead: where that does not
 * exist, an empty file with mode 0444 is created to mount on, and removed when the sandbox is closed.
 */
export interface FileEntry {
  /** The kind of entry. */
  type: 'file';
  /** The absolute path of the target in the sandbox. */
  target: string;
  /** The contents. A descriptor or a stream is read to its end before the sandbox is ready. */
  data: string | Bytes | Readable | number;
  /**
   * Its permissions. Default: 0o644; a file that exists and is written in place keeps the mode that it has. Missing
   * directories on the way to a file that others may not read are created with mode 0700.
   */
  mode?: number | undefined;
  /** True makes the file read-only in the sandbox; it is then kept in memory and mounted. Default: false. */
  readOnly?: boolean | undefined;
  /**
   * True keeps the file in memory and mounts it: what the sandbox writes to it is then discarded. It cannot be false if
   * `readOnly` is true. Default: the value of `readOnly`.
   */
  mounted?: boolean | undefined;
}

/**
 * Makes a mount, or a file or directory of the root, read-only from here on.
 *
 * In a directory that programs can write, it does not protect a _name_. They can rename a directory above the target
 * (`mv a b`), and create another in its place, with any contents: on the host too, if it is a directory of the host.
 * The file that was made read-only stays so, under its new name. So make the whole mount read-only; or make the
 * directory that the target is in, and those above it, read-only as well.
 */
export interface ReadOnlyEntry extends MatchingTarget {
  /** The kind of entry. */
  type: 'readOnly';
  /** The absolute path of the target in the sandbox. */
  target: string;
  /** True makes what is mounted below it read-only too. Default: false. */
  recursive?: boolean | undefined;
  /**
   * True skips the entry when the target does not exist. A program that can write in the directory can create it later,
   * and it is not read-only then. Default: false.
   */
  optional?: boolean | undefined;
}

/**
 * Hides a directory behind an empty one, and anything else behind /dev/null.
 *
 * Programs that can write in the directory of the target can rename it: it stays hidden, but they can then create
 * another file with the old name. See {@link ReadOnlyEntry}.
 */
export interface MaskEntry extends MatchingTarget {
  /** The kind of entry. */
  type: 'mask';
  /** The absolute path of the target in the sandbox. */
  target: string;
  /** True skips the entry when the target does not exist. Default: false. */
  optional?: boolean | undefined;
}

/**
 * Keeps a path as it is: programs of the sandbox can neither change what it leads to, nor put something else in its
 * place, nor make it where it does not exist yet. What it leads to is read-only, with all that is in it, and each
 * directory and link on the way to it becomes a mount point, which the kernel does not let a program rename or remove
 * (`EBUSY`). All of these entries are carried out after the others, in whatever order they are given.
 *
 * A target that does not exist is made on the host: an empty file, or an empty directory where the target ends in a
 * slash, and missing directories on the way. It is removed with the sandbox, unless somebody has put something into it.
 *
 * It holds for every path of the sandbox that leads to the same thing: another one, in a writable mount, is an error
 * (`ERR_LINUX_NS_UNPROTECTED`), and so is a file that has another name, a hard link (`EMLINK`). Programs cannot be given
 * CAP_SYS_ADMIN besides, and create no mount namespaces, also with {@link SandboxSpec.userNamespaces}: by these they
 * could get past the mounts. It says nothing about what is done outside of the sandbox: see docs/security.md.
 *
 * @example
 * ```ts
 * const mounts: MountEntry[] = [
 *   { type: 'bind', source: 'project', target: '/project' },
 *   { type: 'protect', target: '/project/.git/hooks/' },
 *   { type: 'protect', target: '/project/.npmrc' },
 * ];
 * ```
 */
export interface ProtectEntry extends MatchingTarget {
  /** The kind of entry. */
  type: 'protect';
  /**
   * The absolute path of the target in the sandbox. With a slash at its end it is made as a directory where it does not
   * exist; it may be a file all the same.
   */
  target: string;
}

/**
 * Changes the permissions of an existing file or directory. If the target is a file of the host, they change on the
 * host.
 */
export interface ChmodEntry {
  /** The kind of entry. */
  type: 'chmod';
  /** The absolute path of the target in the sandbox. */
  target: string;
  /** The new permissions, as in chmod(2): 0o755, for example. */
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
  | ProtectEntry
  | ChmodEntry;

/** A directory of the host that a sandbox works on, at its own path. */
export interface ProjectOptions {
  /**
   * The directory: a path of the host, relative to this process's directory. In the sandbox it has the same absolute
   * path, at which links are not followed on the host, but inside.
   */
  path: string | URL;
  /**
   * - `'direct'`: programs write in the directory itself, as with {@link BindEntry}.
   * - `'overlay'`: programs see the directory, and work on a copy: nothing changes on the host until
   *   {@link Sandbox.apply} is called. Linux 5.11. Filesystems that are mounted below the directory are not in the copy.
   */
  mode: 'direct' | 'overlay';
  /**
   * With `'overlay'` only: a directory, which exists, that keeps what programs write, so that a later sandbox can go on.
   * A file beside it, its name with `.base`, keeps the time from which on a change on the host is a conflict.
   * It must be outside of the project, and on a filesystem that overlays can write to, as ext4, xfs, btrfs and tmpfs
   * are, and not on another overlay. Default: changes are kept in memory, up to half of the machine's, and are gone with
   * the sandbox, however it ends.
   */
  upper?: string | URL | undefined;
}

/** The user and the groups that the programs of a sandbox run as. */
export interface SandboxUser {
  /**
   * Their user id inside. Default: this process's own, as it is called inside; if `map` does not map it, 0, or else the
   * first id of the map.
   */
  uid?: number | undefined;
  /** Their group id inside. Default: as for `uid`. */
  gid?: number | undefined;
  /**
   * Supplementary groups, ids inside. They need a map that this process has the privilege to write, or `'auto'`.
   * Without one the kernel forbids setgroups(2), and programs keep the groups of this process, shown as 65534 inside.
   * Default: none.
   */
  groups?: readonly number[] | undefined;
  /**
   * The ids that exist inside. Default: only `uid` and `gid`, which are this process's own outside. Give two maps if
   * users and groups need different ones.
   */
  map?:
    | IdMap
    | {
        /** The map of user ids. */
        uid: IdMap;
        /** The map of group ids. */
        gid: IdMap;
      }
    | undefined;
}

/**
 * Existing namespaces that a sandbox is built in. The caller still owns them, and may close them while the sandbox is
 * open.
 */
export interface ExistingNamespaces {
  /**
   * The user namespace that its mounts and its other namespaces are to belong to: `user` of a {@link NamespaceSet}.
   * Programs run as user 0 there, if that is mapped, or as {@link SandboxSpec.user} says. The sandbox can have a
   * terminal only if user and group 0 are mapped. A program with CAP_SYS_ADMIN in that user namespace can change the
   * sandbox, so the sandbox's own programs cannot be given this capability, nor CAP_SYS_PTRACE.
   */
  user?: Namespace | undefined;
  /**
   * The pid namespace that programs run in, together with the processes that are in it already. A /proc in the sandbox
   * then needs the `user` that owns it. Programs with the same `user` and uid can reach each other's files by
   * `/proc/PID/root`, and may trace each other: run no program beside the sandbox that may do more than the sandbox, or
   * give each a different uid. The init of this namespace is not the sandbox's: `close()` kills the programs that the
   * sandbox has started, as it does where the host's pid namespace is shared.
   */
  pid?: Namespace | undefined;
}

/** Options of {@link Sandbox.expose}. Unknown ones are errors. */
export interface ExposeOptions extends Omit<ForwardOptions, 'host' | 'inside' | 'direction'> {
  /** The port of the host; 0 is any that is free. Default: 0. */
  host?: number | undefined;
}

/** The choices that were made for a sandbox, where its spec leaves them to this host: {@link Sandbox.report}. */
export interface SandboxReport {
  /**
   * The /proc at `/proc`: `'own'` has only the sandbox's processes; `'host'` is that of this process, read-only; `'none'`,
   * there is none. It is `'host'` only with `proc: 'auto'`.
   */
  readonly proc: 'own' | 'host' | 'none';
  /** The reason why `proc: 'auto'` did not lead to `'own'`: the cause on this host, and the remedy. */
  readonly reason: string | undefined;
  /** The restrictions of {@link SandboxSpec.landlock} on this kernel; undefined without that option. */
  readonly landlock: LandlockReport | undefined;
}

/**
 * The description of a sandbox. A sandbox is closed by default: properties open it, each for one thing. Unknown
 * properties are errors.
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
  /**
   * With `'landlock'` a sandbox is made without any namespace, where containers and services refuse them: its programs are
   * confined by {@link landlock}, which must be given then, by {@link seccomp}, {@link rlimits} and {@link cgroup}, without
   * capabilities. It is much less than namespaces give: they have this host's root, network, processes and ids, and
   * `docs/landlock.md` says what they can still do. {@link unixSockets} is false by default. Options that take namespaces are
   * errors, and so are {@link Sandbox.run} and the methods for files; `close()` kills the programs that the sandbox has started, and what
   * these have started only if there is a cgroup. Default: `'namespaces'`.
   *
   * @example
   * ```ts
   * const landlock = { execute: ['/usr', '/bin', '/lib'], read: ['/etc'], write: ['/tmp/work', '/dev/null'] };
   * await using sandbox = await Sandbox.create({ isolation: 'landlock', landlock, cwd: '/tmp/work' });
   * ```
   */
  isolation?: 'namespaces' | 'landlock' | undefined;
  /** The root directory. Default: an empty filesystem in memory. */
  root?: SandboxRoot | undefined;
  /** The entries that fill the root. They are applied in this order. Default: none. */
  mounts?: readonly MountEntry[] | undefined;
  /**
   * A directory of the host that programs work on: itself, or a copy of it. It is mounted before the first of
   * {@link mounts} that has a target below it, so these can hide parts of it or make them read-only. Default: none.
   *
   * @example
   * ```ts
   * const project = { path: '.', mode: 'overlay' } as const;
   * await using sandbox = await Sandbox.create({ ...hostUserland(), cwd: undefined, project });
   * await sandbox.exec('npm run format');
   * console.log(await sandbox.changes());
   * ```
   */
  project?: ProjectOptions | undefined;
  /**
   * With `'slave'`, later mounts and unmounts on the host, below a directory that the sandbox has, happen inside as
   * well (mount_namespaces(7)), if the host's mounts are shared, as systemd makes them. Such a mount has the attributes
   * that it has on the host: below a `bindReadOnly` it is writable unless it is read-only on the host. Masks stay on
   * top of it. Mounts of the sandbox never appear on the host. Default: `'private'`, the mounts stay as they are when
   * the sandbox is created.
   */
  propagation?: 'private' | 'slave' | undefined;
  /** True mounts a /dev, as {@link DevEntry} describes it. Default: true. */
  dev?: boolean | undefined;
  /**
   * True mounts a /proc, as {@link ProcEntry} describes it: one that has only the sandbox's processes. The kernel refuses
   * that, with `EPERM`, where a part of the /proc of this process is covered, as in most containers.
   *
   * With `'auto'` the sandbox has, where its own is refused, the /proc of this process: read-only, and with the same
   * files hidden. Its programs then see which processes there are outside, with their command lines, mounts and network
   * tables, under pids that mean nothing in the sandbox; they cannot reach their files, memory or environment, nor send
   * them signals. That takes a new user namespace for the sandbox; without one, or without a /proc outside, there is none.
   * {@link Sandbox.report} says which it is, and a process warning (`LINUX_NS_PROC`) says what is given up.
   *
   * Default: true.
   */
  proc?: boolean | 'auto' | undefined;
  /** True mounts a devpts in /dev, which {@link SpawnOptions.pty} needs. Default: true if there is a /dev. */
  terminal?: boolean | undefined;
  /**
   * Kinds of namespace that the sandbox shares with the host. A new one of each other kind is created, but of `time`
   * only if {@link time} is given. `mnt` cannot be shared. Default: none. Without a pid namespace of its own, `close()`
   * kills the programs that the sandbox has started, and what these have started only if there is a {@link cgroup}.
   */
  share?: readonly NamespaceKind[] | undefined;
  /**
   * Existing namespaces in which the sandbox is built, instead of new ones. Joining them needs CAP_SYS_ADMIN in the
   * user namespace that owns them; the creator of a user namespace has it there. Default: none. setns(2)
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
  /**
   * The hostname inside, at most 64 bytes. It cannot be given if {@link share} has `'uts'`. Default: the host's.
   * sethostname(2)
   */
  hostname?: string | undefined;
  /**
   * Names in its /etc/hosts, and the addresses of each: `{ db: '10.0.0.5', web: ['10.0.0.6', 'fd00::6'] }`. The file
   * also has `localhost` and the {@link hostname}. It is mounted after {@link mounts}, over an /etc/hosts that is there
   * already. Default: /etc/hosts is left alone. hosts(5)
   */
  hosts?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /**
   * Creates a time namespace, and says how much is added to its clocks: a number is in seconds, a bigint in
   * nanoseconds. For programs the machine then seems to have been up for a longer or a shorter time. Linux 5.6.
   * Default: none, programs see the host's clocks. time_namespaces(7)
   */
  time?:
    | {
        /** The time added to CLOCK_MONOTONIC. Default: 0. */
        monotonic?: number | bigint | undefined;
        /** The time added to CLOCK_BOOTTIME, and so to /proc/uptime. Default: 0. */
        boottime?: number | bigint | undefined;
      }
    | undefined;
  /** The directory that programs start in, an absolute path in the sandbox. Default: the {@link project}, else `'/'`. */
  cwd?: string | undefined;
  /** The environment of programs, in addition to PATH, HOME, TERM and LANG; `undefined` removes one of these. */
  env?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * The network: `'none'` for a new network namespace that has only a loopback interface, `'host'` for the host's, or
   * an existing network namespace. Default: `'none'`.
   *
   * An {@link EgressPolicy} is for a new network namespace, too, from which programs reach the hosts that the policy
   * allows, and no others: `{ allow: ['packages.example.com'] }`. It is in force before the first program runs, for every
   * program, and needs no variable, no privilege and no tool: {@link Sandbox.egress}. /etc/resolv.conf names the name
   * server of this egress, whatever the root has there. Programs may have capabilities in the sandbox's own user
   * namespace. In another one they may have none with a policy, and the host's user namespace cannot be shared together
   * with a pid namespace that is not the sandbox's own. Where {@link seccomp} is not `'default'`, a filter more refuses
   * sockets that no network namespace holds, as those of AF_VSOCK, and io_uring.
   *
   * If the network namespace has a name, the files of /etc/netns/NAME are mounted read-only over those of the sandbox's
   * /etc, as `networkNamespaces.enter()` does it: resolv.conf, hosts, nsswitch.conf and all others that are there. A
   * file that the sandbox does not have is left out, and so is one for which `mounts` has an entry of type `'file'`.
   */
  network?: 'none' | 'host' | Namespace | EgressPolicy | undefined;
  /**
   * The capabilities of programs: they have these, and can get no others. Default: none.
   *
   * With CAP_SYS_ADMIN programs can mount. The mounts of this spec are locked then: what is read-only stays read-only.
   * But a program that has your user id can change its cgroup, unless cgroup2 is mounted with `nsdelegate` on the host.
   */
  capabilities?: readonly Capability[] | undefined;
  /** The option {@link ProgramOptions.noNewPrivileges} of all programs. Default: true. */
  noNewPrivileges?: boolean | undefined;
  /** The option {@link ProgramOptions.newSession} of all programs. Default: true. */
  newSession?: boolean | undefined;
  /**
   * True lets the kernel kill everything in the sandbox when this process ends, in whatever way. With `false` its
   * programs continue, and the sandbox ends with the last of them; its cgroup and the work directory of an overlay are
   * then left behind. Default: true.
   */
  dieWithParent?: boolean | undefined;
  /**
   * True if this package's init keeps the sandbox and reaps orphans. It must be true if the sandbox has a pid namespace
   * of its own, and false if it has none. To run a program as process 1, use `spawn()` with `unshare` and
   * `init: false`. Default: the value that it must have.
   */
  init?: boolean | undefined;
  /**
   * The filter of system calls for all programs: see {@link ProgramOptions.seccomp}. `'default'` blocks the keyring
   * calls; with any other value programs get a new session keyring in place of this process's: session-keyring(7).
   * Default: `'default'`.
   */
  seccomp?: SeccompOption | undefined;
  /**
   * A Landlock ruleset for each program, as a second wall within the sandbox, also around programs with capabilities: see
   * {@link ProgramOptions.landlock}. Its paths are those inside. Each program has a domain of its own: with the scope
   * `'signal'` one that was started by `spawn()` cannot signal another. Methods such as {@link Sandbox.readFile} are not
   * restricted. Default: none.
   */
  landlock?: LandlockOptions | undefined;
  /**
   * False keeps programs from creating sockets of AF_UNIX (unix(7)), with a filter besides {@link seccomp}: they fail with
   * EAFNOSUPPORT. So no program can connect to a socket file, whatever directories of the host the sandbox has, nor make
   * one. Pairs of connected sockets, socketpair(2), stay possible, for these lead nowhere: Node's children have their
   * standard streams on them. Datagram pairs and io_uring are refused. Default: true, programs reach the socket files
   * that are in the sandbox, unless {@link isolation} is `'landlock'`; abstract sockets are always those of the sandbox's
   * own network.
   */
  unixSockets?: boolean | undefined;
  /**
   * True makes the default filter let programs create user namespaces, and in them mount, chroot and join namespaces:
   * for programs that build sandboxes of their own, such as browsers and bwrap(1). They have every capability there,
   * which opens much of the kernel. With a {@link ProtectEntry} they create no mount namespaces, and so they cannot mount:
   * browsers work, bwrap(1) does not. It is about the default filter only: with another `seccomp`, that filter decides.
   * Default: false.
   */
  userNamespaces?: boolean | undefined;
  /**
   * True makes the kernel refuse every new user namespace inside, whatever the filter is: by the limit
   * `user.max_user_namespaces` of namespaces(7). It needs a new user namespace for the sandbox. Default: false.
   */
  disableUserNamespaces?: boolean | undefined;
  /**
   * Limits that each program starts with. See {@link ProgramOptions.rlimits}. `nproc` has no effect where the user is
   * user 0 outside, as when this process is root's and `user.map` says nothing else: `cgroup: { pidsMax }` has.
   */
  rlimits?: Rlimits | undefined;
  /**
   * The most inotify instances that its programs can have at a time: inotify(7). The kernel allows each user of the
   * host a number of them, usually 128 (`fs.inotify.max_user_instances`), and counts those of a sandbox for the user of
   * this process, whatever ids its programs have. It is a limit of the sandbox's new user namespace: without one there
   * is no limit, and a value that is given is an error. Default: 64. Where /proc/sys is read-only, as in most
   * containers, the default is no limit, and a value that is given is an error.
   */
  inotifyInstances?: number | undefined;
  /** A cgroup for the sandbox and all its programs; `stats()`, `freeze()` and `thaw()` need one. Default: none. */
  cgroup?: CgroupSpec | undefined;
}
