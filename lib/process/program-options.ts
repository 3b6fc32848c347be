import type { NamespaceKind } from '../kernel/namespace-kind';
import type { Joinable } from '../namespace/namespace';
import type { CgroupSpec } from '../cgroup/cgroup-spec';
import type { LandlockOptions } from '../landlock/landlock-options';
import type { SeccompOption } from '../seccomp/seccomp';
import type { UnshareSpec } from '../launch/unshare-spec';
import type { MountOptions } from '../mount/mount';
import type { CapabilityOptions } from './capabilities';
import type { ProgramInput } from './input';
import type { LimitOptions } from './limits';
import type { Serialization } from './ipc/codec';
import type { PtyOptions } from './pty';
import type { StdioOptions } from './stdio';

/**
 * The options that every program can have, whether {@link clone}, {@link spawn}, {@link execFile}, {@link exec} or
 * {@link fork} starts it.
 */
export interface ProgramOptions extends LimitOptions, CapabilityOptions {
  /**
   * The working directory, as seen from inside: in the root of a joined mount namespace, and with the ids that the
   * program has in its user namespace. A relative path starts at this process's own directory. The start fails if it
   * does not exist. A number is a descriptor of a directory. In a root other than this process's, the links of /proc to
   * the open files of a process (`/proc/PID/root`, `/proc/self/fd/N`) are not followed (`ELOOP`), as they could lead
   * out.
   *
   * Default: this process's own directory; where a joined mount namespace has no such path, its root.
   */
  cwd?: string | URL | number | undefined;
  /**
   * The root directory: a path as seen from inside, or a descriptor of a directory. It hides what lies outside, but a
   * program with CAP_SYS_CHROOT can get out. Needs CAP_SYS_CHROOT. Default: the root is not changed. chroot(2)
   *
   * It comes before {@link mounts} and {@link cwd}, which are then paths below it; the default `cwd` is `/`.
   */
  root?: string | number | undefined;
  /**
   * Mounts to make before the program runs, in this order, in its new or joined mount namespace: a /proc for its new
   * pid namespace, for example. It is an error to give mounts without a mount namespace. They need CAP_SYS_ADMIN in the
   * user namespace that owns it. Default: none. mount(2)
   */
  mounts?: readonly MountOptions[] | undefined;
  /** The whole environment of the program; entries that are `undefined` are left out. Default: `process.env`. */
  env?: NodeJS.ProcessEnv | undefined;
  /** The `argv[0]` of the program: the name by which it sees itself called. Default: the file. */
  argv0?: string | undefined;
  /**
   * True makes the program the leader of a session of its own, without a terminal: the same as {@link newSession},
   * under Node's name. Default: false. setsid(2)
   *
   * The program still dies with this process, unless {@link dieWithParent} is false.
   */
  detached?: boolean | undefined;
  /**
   * True makes the program the leader of a session of its own, which has no controlling terminal: it cannot open
   * /dev/tty, type into the terminal of this process (TIOCSTI) or be reached by its Ctrl-C. setsid(2), ioctl_tty(2)
   *
   * Default: true with new or joined namespaces, unless one of the descriptors in `stdio` is a terminal: a shell in
   * another session could not control jobs on it. Do not give this process's terminal to a program that you do not
   * trust: give it one of its own, {@link SpawnOptions.pty}. Without namespaces the default is false, as in Node. It
   * cannot be false with {@link detached}.
   */
  newSession?: boolean | undefined;
  /**
   * The user to run as, an id *inside* the user namespace. Default: in a new or joined user namespace 0 if that is
   * mapped there, else the caller's id as seen from inside; without one the caller's own.
   *
   * To run as another user needs CAP_SETUID in the user namespace. The kernel takes the capabilities away when user 0
   * becomes another. credentials(7)
   */
  uid?: number | undefined;
  /**
   * The group to run as, an id inside the user namespace. Default: as for {@link uid}. Another group needs CAP_SETGID.
   */
  gid?: number | undefined;
  /**
   * Supplementary groups, ids inside the user namespace. Needs CAP_SETGID, and a user namespace that does not deny
   * setgroups(2). Default: the caller's; when root gives a `uid` or `gid`, none, as in Node.
   */
  groups?: readonly number[] | undefined;
  /**
   * Namespaces to create for the program. Kinds other than `user` need CAP_SYS_ADMIN, or a new user namespace beside
   * them. Default: none. namespaces(7)
   */
  unshare?: NamespaceKind | readonly NamespaceKind[] | UnshareSpec | undefined;
  /**
   * Namespaces to join, before those of {@link unshare} are created. To join one needs CAP_SYS_ADMIN in the user
   * namespace that owns it. Default: none. setns(2)
   */
  setns?: Joinable | undefined;
  /**
   * True makes this package's init process 1 of a new pid namespace. It reaps orphans and forwards signals to the
   * program. When the program ends the init ends too, and the kernel kills all that is left inside. With `false` the
   * program itself is process 1. pid_namespaces(7)
   *
   * Default: true with a new pid namespace; without one it cannot be true.
   */
  init?: boolean | undefined;
  /**
   * The pid that the program is to have in its own pid namespace; or a list of them: that one first, then its pids in
   * the namespaces above, from the inside out, for as many as are given. So a program that was moved here from another
   * host can keep its pids. Default: the kernel chooses. clone3(2), `set_tid`
   *
   * It takes CAP_SYS_ADMIN, or CAP_CHECKPOINT_RESTORE (Linux 5.9), in the user namespace that owns each of these pid
   * namespaces; otherwise `EPERM`. With a new or joined user namespace the program's starter has capabilities in that
   * one only: of the namespaces above, no pid can be chosen then. `EEXIST` when a pid is taken; `EINVAL` for more pids
   * than there are levels, or one from kernel.pid_max on; `ENOSYS` where a seccomp filter refuses clone3. Linux 5.5.
   *
   * With a new pid namespace 1 is its {@link init}; with `init: false` the program is 1, and nothing else.
   *
   * @example
   * ```ts
   * await spawn('./server', [], { unshare: ['user', 'pid'], pid: 4242 });
   * ```
   */
  pid?: number | readonly number[] | undefined;
  /**
   * True makes the kernel kill the program when this process ends, in whatever way; with a new pid namespace also all
   * that the program has started. Default: true. PR_SET_PDEATHSIG(2const)
   *
   * Without a new pid namespace a program that is set-user-ID, or that changes its ids, is not killed: the kernel then
   * clears the parent-death signal.
   */
  dieWithParent?: boolean | undefined;
  /**
   * True makes set-user-ID bits and file capabilities have no effect, so that no execve(2) adds privileges. Default:
   * true with {@link seccomp} or {@link landlock}, else false. PR_SET_NO_NEW_PRIVS(2const)
   */
  noNewPrivileges?: boolean | undefined;
  /**
   * The files, TCP ports and processes that the program, and all that it starts, may still reach: everything else is
   * refused, with `EACCES` (`EXDEV` for links and renames, `EPERM` for signals and mounts). It takes no namespace and no
   * privilege, and works where containers and services refuse namespaces. With {@link noNewPrivileges} false it needs
   * CAP_SYS_ADMIN in the program's user namespace. Linux 5.13. Default: Landlock restricts nothing. See docs/landlock.md.
   *
   * @example
   * ```ts
   * const landlock = { execute: ['/usr', '/lib', '/lib64'], read: ['/etc'], write: ['/tmp/work', '/dev/null'] };
   * await execFile('/usr/bin/make', ['test'], { cwd: '/tmp/work', landlock });
   * ```
   */
  landlock?: LandlockOptions | undefined;
  /**
   * The filter for the system calls of the program and of all that it starts. Default: `'none'`, no filter is added.
   *
   * `'default'` is what `defaultSeccompProfile()` of `linux-ns/seccomp` returns. It refuses new user namespaces, and
   * ptrace(2) unless the program is in another pid namespace than this process. Or give a profile in OCI's JSON form,
   * as Docker and Podman use it, or compiled BPF programs. Rules of a profile that depend on capabilities look at
   * {@link capabilities}; without that option they take the program to have none. See docs/seccomp.md.
   *
   * The filters are installed last: the first call that they see is the program's execve(2), which they must allow. Of
   * several BPF programs each but the last must allow seccomp(2), or prctl(2) with PR_SET_SECCOMP. With
   * {@link noNewPrivileges} false this needs CAP_SYS_ADMIN in the program's user namespace. seccomp(2)
   *
   * @example
   * ```ts
   * await execFile('node', ['untrusted.js'], { unshare: ['user', 'pid', 'net'], seccomp: 'default' });
   * ```
   */
  seccomp?: SeccompOption | undefined;
  /**
   * A cgroup v2 to make for the program, below this process's own unless {@link CgroupSpec.parent} says otherwise. The
   * program starts in it, and `child.cgroup` shows and controls it. When the program ends, what is left in the cgroup
   * is killed and the cgroup is removed. `{}` makes one without limits. cgroups(7)
   *
   * Needs write permission in the parent, and on the nearest common ancestor of the parent and this process's own
   * cgroup: root has it, and so has the user to whom a cgroup was delegated. See docs/limits.md.
   */
  cgroup?: CgroupSpec | undefined;
  /**
   * An AbortSignal for the start and for the program. If it is aborted before the program runs, the start is undone and
   * the call rejects with an `AbortError`. If it is aborted later, the program gets {@link SpawnOptions.killSignal}.
   */
  signal?: AbortSignal | undefined;
}

/** The options of {@link spawn}: those of `child_process.spawn()`, and namespaces. Unknown ones are errors. */
export interface SpawnOptions extends ProgramOptions {
  /** The descriptors 0, 1, 2, ... of the program. Default: `'pipe'`. */
  stdio?: StdioOptions | undefined;
  /**
   * Gives the program a new terminal of this size as descriptors 0, 1 and 2 and as controlling terminal. `child.pty` is
   * the other side: what is written there is typed, and what is read is the output. It replaces {@link stdio}. pty(7)
   *
   * The terminal is opened inside, with the ids of the program, from /dev/ptmx of the program's root: it belongs to the
   * devpts that is mounted there. Without one the start fails with `ENOENT` or `ENODEV`. Set TERM in {@link env} to
   * tell the program the type of the terminal.
   */
  pty?: PtyOptions | undefined;
  /**
   * The form of the messages on an IPC channel, which `'ipc'` in {@link stdio} makes: `'json'`, one line of JSON each,
   * or `'advanced'`, as v8.serialize() does, for Map, BigInt, Buffer and similar values. Use `'json'` with a program
   * that you do not trust: V8's deserializer is not safe against hostile data. Default: `'json'`.
   */
  serialization?: Serialization | undefined;
  /**
   * The most bytes that a message from the program may have; `Infinity` for no limit. A longer message closes the IPC
   * channel, after an `'error'` with the code `ERR_LINUX_NS_IPC_MESSAGE_SIZE`. It is also how many bytes of messages
   * are kept while nobody listens to `'message'`; beyond that the program waits, as with a full pipe. Default: 64 MiB.
   */
  maxMessageSize?: number | undefined;
  /**
   * Milliseconds, counted from the call, after which {@link killSignal} is sent. A program that does not run by then is
   * not started: the call rejects with a `NamespaceError` whose code is `ETIMEDOUT`, and nothing is left behind.
   * `execFile()` and `exec()` send SIGKILL as well, two seconds later. Default: 0, for never.
   */
  timeout?: number | undefined;
  /** The signal that `timeout` and `signal` send. Default: `'SIGTERM'`. */
  killSignal?: NodeJS.Signals | number | undefined;
  /** Run `file args...` as a command line of `/bin/sh`, or of the shell given; nothing is quoted. Default: false. */
  shell?: boolean | string | undefined;
  /** Accepted for callers that run on Windows too; it has no effect here. */
  windowsHide?: boolean | undefined;
  /** Accepted for callers that run on Windows too; it has no effect here. */
  windowsVerbatimArguments?: boolean | undefined;
}

/** The options of {@link fork}: those of `child_process.fork()`, and namespaces. Unknown ones are errors. */
export interface ForkOptions extends Omit<SpawnOptions, 'shell' | 'pty'> {
  /** The Node to run the module with, seen from inside. Default: `process.execPath`. */
  execPath?: string | undefined;
  /** Arguments for Node itself, before the module. Default: `process.execArgv`, without a script given by `--eval`. */
  execArgv?: readonly string[] | undefined;
  /**
   * True makes its standard streams pipes; otherwise they are those of this process. Ignored with {@link stdio}.
   * Default: false.
   */
  silent?: boolean | undefined;
  /**
   * Give true for a joined mount namespace whose root has no Node: {@link execPath} is then an absolute path in this
   * process's root. That file and the libraries it needs are made visible inside, read-only, as /.host-node; nothing is
   * copied. Default: false.
   *
   * For this the process gets a mount namespace of its own, with everything of the joined root in a new `/` that is
   * read-only. Mounts that are made in the joined namespace later appear there only below shared mounts
   * (mount_namespaces(7)). `process.execPath` in the module is not a Node that can be run by itself, so the module
   * cannot fork() with it. Linux 5.2, glibc or musl.
   */
  hostNode?: boolean | undefined;
}

/** The options of {@link execFile}. */
export interface ExecFileOptions extends Omit<SpawnOptions, 'stdio' | 'pty' | 'serialization' | 'maxMessageSize'> {
  /** The encoding that decodes the results; `'buffer'` or null gives Buffers. Default: `'utf8'`. */
  encoding?: BufferEncoding | 'buffer' | null | undefined;
  /**
   * All that its standard input gives, which then ends; text is written in UTF-8. It need not read it. Default: the
   * input is empty, /dev/null.
   */
  input?: ProgramInput | undefined;
  /** The most bytes of stdout, and of stderr: a program that writes more is killed. Default: 1024 * 1024. */
  maxBuffer?: number | undefined;
}

/** The options of {@link exec}. */
export interface ExecOptions extends Omit<ExecFileOptions, 'shell'> {
  /** The shell, which has to understand `-c`. Default: `'/bin/sh'`. */
  shell?: string | undefined;
}

/** The options of {@link clone}. */
export interface CloneOptions extends ProgramOptions {
  /** The program: a path, or a name that is looked up in the PATH of its environment, in the root it will have. */
  file: string;
  /** Its arguments, without `argv[0]`. Default: none. */
  args?: readonly string[] | undefined;
  /** The descriptors that become its 0, 1, 2, ...; they stay open in this process. Default: `[0, 1, 2]`. */
  stdio?: readonly number[] | undefined;
}
