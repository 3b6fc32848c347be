import type { NamespaceKind } from '../namespace/kind';
import type { Namespace } from '../namespace/namespace';
import type { CgroupSpec } from '../cgroup/spec';
import type { SeccompOption } from '../seccomp/seccomp';
import type { UnshareSpec } from '../launch/target';
import type { MountOptions } from '../mount/mount';
import type { CapabilityOptions } from './capabilities';
import type { LimitOptions } from './limits';
import type { Serialization } from './ipc/codec';
import type { PtyOptions } from './pty';
import type { StdioOptions } from './stdio';

/** What every program started here can be given: by {@link clone}, {@link spawn}, {@link execFile} and {@link exec}. */
export interface ProgramOptions extends LimitOptions, CapabilityOptions {
  /**
   * The directory to start in, seen from inside: as a path below the root of a joined mount namespace, with the ids and
   * the maps of a user namespace. A relative path is one from this process's own. Where it does not exist the start
   * fails. A number is a descriptor of a directory.
   *
   * Default: this process's own directory; where a joined mount namespace has no such path, its root.
   */
  cwd?: string | URL | number | undefined;
  /**
   * The root directory, a path seen from inside or a descriptor of a directory. What lies outside of it is out of sight but,
   * for a program that has CAP_SYS_CHROOT, not out of reach. Takes CAP_SYS_CHROOT. chroot(2) Default: as it is.
   *
   * It comes before {@link mounts} and {@link cwd}, which are then paths below it; the default `cwd` is `/`.
   */
  root?: string | number | undefined;
  /**
   * What is mounted before the program runs, one after the other, in its new or joined mount namespace: a proc of its new
   * pid namespace, for one. mount(2) Default: nothing.
   */
  mounts?: readonly MountOptions[] | undefined;
  /** The whole environment of the program; entries that are `undefined` are left out. Default: `process.env`. */
  env?: NodeJS.ProcessEnv | undefined;
  /** What the program is told it was called: `argv[0]`. Default: the file. */
  argv0?: string | undefined;
  /**
   * Whether the program leads a session of its own, without a terminal: {@link newSession}, as Node calls it. setsid(2).
   * Default: false.
   *
   * It dies with this process all the same, unless {@link dieWithParent} is false.
   */
  detached?: boolean | undefined;
  /**
   * Whether the program leads a session of its own, which has no controlling terminal: it cannot open /dev/tty, type
   * into the terminal of this process (TIOCSTI) or be reached by its Ctrl-C. setsid(2), ioctl_tty(2)
   *
   * Default: true with namespaces, new or joined, unless one of the descriptors in `stdio` is a terminal: in another
   * session a shell could not control jobs on it. What may not be trusted with this process's terminal is not to be
   * given it: see {@link SpawnOptions.pty}. Without namespaces false, as Node; with {@link detached} it cannot be false.
   */
  newSession?: boolean | undefined;
  /**
   * The user to run as, an id *inside* the user namespace. Default: with a new or joined user namespace 0 where it maps
   * 0, else the user as seen from inside; without one the caller's own.
   *
   * Another than one's own takes CAP_SETUID in the user namespace. Capabilities go with the ids. credentials(7)
   */
  uid?: number | undefined;
  /** The group to run as, an id inside the user namespace. Default: as with {@link uid}. */
  gid?: number | undefined;
  /**
   * Supplementary groups, ids inside the user namespace. Takes CAP_SETGID, and a user namespace that does not deny
   * setgroups(2). Default: the caller's; root's are dropped along with its `uid` or `gid`, as Node does.
   */
  groups?: readonly number[] | undefined;
  /** Namespaces to create for the program. namespaces(7). Default: none. */
  unshare?: NamespaceKind | readonly NamespaceKind[] | UnshareSpec | undefined;
  /** Namespaces to join; with {@link unshare} too they are joined first. setns(2). Default: none. */
  setns?: Namespace | Iterable<Namespace> | undefined;
  /**
   * Whether an init of ours is process 1 of a new pid namespace: it reaps orphans, forwards signals, and ends, and with
   * it all that is left inside, when the program ends. With `false` the program itself is process 1. pid_namespaces(7)
   *
   * Default: true with a new pid namespace; without one it cannot be true.
   */
  init?: boolean | undefined;
  /**
   * Whether the kernel kills the program when this process ends, in whatever way; in a new pid namespace all that it has
   * started too. PR_SET_PDEATHSIG(2const). Default: true.
   *
   * Without a new pid namespace of its own a program that is set-user-ID, or that changes its ids, is not killed: the
   * kernel clears the request.
   */
  dieWithParent?: boolean | undefined;
  /**
   * Whether nothing that is exec'd can gain privileges: no set-user-ID, no file capabilities. Default: false, and true
   * with {@link seccomp}.
   */
  noNewPrivileges?: boolean | undefined;
  /**
   * Which system calls the program, and all that it starts, can make. Default: `'none'`, no filter of ours.
   *
   * `'default'` is the profile of {@link defaultSeccompProfile}, in which tracing is closed unless the program has a pid
   * namespace apart from this process's; or a profile in OCI's JSON form, as Docker and Podman have them; or compiled BPF
   * programs. Rules of a profile that depend on capabilities go by {@link capabilities}, and without those by none. See
   * docs/seccomp.md.
   *
   * Filters are installed when nothing is left to be done but to execute the program: the first call that they see is
   * its execve(2), which they have to allow. Of several programs each but the last has to allow seccomp(2). With
   * {@link noNewPrivileges} false it takes CAP_SYS_ADMIN in the program's user namespace. seccomp(2)
   *
   * @example
   * ```ts
   * await execFile('node', ['untrusted.js'], { unshare: ['user', 'pid', 'net'], seccomp: 'default' });
   * ```
   */
  seccomp?: SeccompOption | undefined;
  /**
   * A cgroup v2 made for the program, below this process's own unless {@link CgroupSpec.parent} says otherwise. The
   * program is born in it, `child.cgroup` shows and controls it, and it is removed, and what is left in it killed, when
   * the program ends. `{}` makes one without limits. cgroups(7)
   *
   * Takes write permission in the parent, and on what the parent and this process's own cgroup have above them in
   * common: as root, or in a cgroup that was delegated. See docs/limits.md.
   */
  cgroup?: CgroupSpec | undefined;
  /**
   * Aborted before the program runs: the start is undone and rejects with an `AbortError`. Afterwards the program gets a
   * signal: {@link SpawnOptions.killSignal}.
   */
  signal?: AbortSignal | undefined;
}

/** The options of {@link spawn}: those of `child_process.spawn()`, and namespaces. Unknown ones are errors. */
export interface SpawnOptions extends ProgramOptions {
  /** What the program's descriptors 0, 1, 2, ... are. Default: `'pipe'`. */
  stdio?: StdioOptions | undefined;
  /**
   * A new terminal of this size becomes the program's descriptors 0, 1 and 2 and its controlling terminal, and
   * `child.pty` is the side of who sits in front of it. In place of {@link stdio}. pty(7)
   *
   * It is opened inside, with the ids of the program: /dev/ptmx in the root it has, so a devpts that was mounted there
   * is the one it comes from. Where there is none the start fails with `ENOENT` or `ENODEV`. Which kind of terminal it
   * is, programs are told by TERM in {@link env}.
   */
  pty?: PtyOptions | undefined;
  /**
   * How messages are written on an IPC channel, which `'ipc'` in {@link stdio} makes: `'json'`, one line of JSON each, or
   * `'advanced'`, as v8.serialize() does, for Map, BigInt, Buffer and their like. Only `'json'` is for a program that is
   * not trusted: V8's deserializer is not made for what others have written with intent. Default: `'json'`.
   */
  serialization?: Serialization | undefined;
  /**
   * Most bytes of a message that the program sends on an IPC channel; `Infinity` for any number. At one that is, or becomes,
   * longer the channel is closed, after an `'error'` with the code `ERR_LINUX_NS_IPC_MESSAGE_SIZE`. Of messages that nobody
   * has listened to yet so much is kept; then the program waits, as with a pipe. Default: 64 MiB.
   */
  maxMessageSize?: number | undefined;
  /** Milliseconds after which {@link killSignal} is sent. Default: 0, for never. */
  timeout?: number | undefined;
  /** The signal that `timeout` and `signal` send. Default: `'SIGTERM'`. */
  killSignal?: NodeJS.Signals | number | undefined;
  /** Run `file args...` as a command line of `/bin/sh`, or of the shell given; nothing is quoted. Default: false. */
  shell?: boolean | string | undefined;
  /** Accepted for callers that run on Windows too; nothing here. */
  windowsHide?: boolean | undefined;
  /** Accepted for callers that run on Windows too; nothing here. */
  windowsVerbatimArguments?: boolean | undefined;
}

/** The options of {@link fork}: those of `child_process.fork()`, and namespaces. Unknown ones are errors. */
export interface ForkOptions extends Omit<SpawnOptions, 'shell' | 'pty'> {
  /** The Node to run the module with, seen from inside. Default: `process.execPath`. */
  execPath?: string | undefined;
  /** Arguments for Node itself, before the module. Default: `process.execArgv`, without a script given by `--eval`. */
  execArgv?: readonly string[] | undefined;
  /** Whether its standard streams are pipes, and not those of this process; with {@link stdio} nothing. Default: false. */
  silent?: boolean | undefined;
  /**
   * For a joined mount namespace whose root has no Node: {@link execPath} is one of this process's root, and it and the
   * libraries it takes are made available inside, read-only, as /.host-node. Default: false.
   *
   * The process then has a mount namespace of its own below the user namespace it is in: what is mounted in the joined
   * one later is seen where it was mounted shared there (mount_namespaces(7)), and its `/`, where all is that is in the
   * joined one's, is read-only. `process.execPath` of the module is what runs it and not Node: it cannot fork() further
   * Nodes with it. Linux 5.2, glibc or musl; the Node is copied nowhere.
   */
  hostNode?: boolean | undefined;
}

/** The options of {@link execFile}. Standard input is /dev/null. */
export interface ExecFileOptions extends Omit<SpawnOptions, 'stdio' | 'pty' | 'serialization' | 'maxMessageSize'> {
  /** Of the results; `'buffer'` or null for Buffers. Default: `'utf8'`. */
  encoding?: BufferEncoding | 'buffer' | null | undefined;
  /** Most bytes of stdout, and of stderr: a program that writes more is killed. Default: 1024 * 1024. */
  maxBuffer?: number | undefined;
}

/** The options of {@link exec}. */
export interface ExecOptions extends Omit<ExecFileOptions, 'shell'> {
  /** The shell, which has to understand `-c`. Default: `'/bin/sh'`. */
  shell?: string | undefined;
}

/** The options of {@link clone}. */
export interface CloneOptions extends ProgramOptions {
  /** The program: a path, or a name to be looked for in the PATH of its environment, in the root it will have. */
  file: string;
  /** Its arguments, without `argv[0]`. Default: none. */
  args?: readonly string[] | undefined;
  /** What becomes its descriptors 0, 1, 2, ...: ours stay open. Default: `[0, 1, 2]`. */
  stdio?: readonly number[] | undefined;
}
