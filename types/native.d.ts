/**
 * The addon's surface: what lib/ may ask of src/addon. Both sides are held to this file.
 *
 * Numbers here are the kernel's (CLONE_NEW* flags, MS_* flags, errno). Functions throw an Error with a positive `errno`
 * and a `syscall`; lib/ turns it into a NamespaceError.
 */

/** One step of a plan; src/plan/steps.h has the same list with the fields as the wire knows them. */
export type Step =
  /** First of all, with `execInPlace` alone: there is nobody to report to. LINUX_NS_FAILED tells the program what failed. */
  | ['in_place']
  | ['join', fds: number[], flags: number[]]
  /** Pids for the program, from its own pid namespace outwards: the last `fork` or `init` that follows makes it. */
  | ['set_tid', pids: number[]]
  | ['fork']
  /** Waits: says by a byte that it has come so far, and goes on when a byte comes. Ends when the other end is closed. */
  | ['gate', gate: number]
  | [
      'unshare',
      flags: number,
      setgroups: string | null,
      uidMap: string | null,
      gidMap: string | null,
      timensOffsets: string | null,
    ]
  | ['hostname', name: string]
  | ['domainname', name: string]
  | ['loopback']
  /** Begins a new network namespace, with lo up, beside the steps that follow; `enter_net` waits for it, and enters it. */
  | ['make_net']
  | ['enter_net']
  | ['propagation', path: string, flags: number]
  /** Takes files along as detached mounts, for `host_files` after another mount namespace has been joined. */
  | ['trees', paths: string[]]
  /**
   * Makes a new `/`, read-only, in which all is bound that is in the old one, and puts the trees into a directory of it
   * (`/name`), read-only, under these names. In a mount namespace of the task's own that propagates nothing to others.
   */
  | ['host_files', directory: string, names: string[]]
  | ['umount', target: string, flags: number]
  /**
   * Mounts: targets are resolved by descriptor in the root that is being put together, and lead nowhere else; sources are
   * paths in the task's own root. `flags`: PLAN_* of src/plan/plan.h, `PLACE` of lib/plan/place.ts. `attributes`:
   * MOUNT_ATTR_* of fsmount(2) and mount_setattr(2). A target of null: the mount is sent back as a descriptor instead.
   * Parameters are `key=value`, or a flag; what the kernel has to say of them is `detail` of a failure.
   */
  | [
      'fs',
      type: string,
      source: string | null,
      parameters: string[],
      attributes: number,
      target: string | null,
      flags: number,
    ]
  /** What a path or a descriptor is. `propagation`: one of MS_*, or 0. `userns`: for an id-mapped mount. */
  | [
      'tree',
      source: string | null,
      fds: [] | [fd: number],
      flags: number,
      set: number,
      clear: number,
      propagation: number,
      userns: [] | [fd: number],
      target: string | null,
    ]
  /** lower: the uppermost first. Sends back descriptors of the upper layer and of those below with TELL_LAYERS. */
  | [
      'overlay',
      lower: string[],
      upper: string | null,
      work: string | null,
      parameters: string[],
      attributes: number,
      target: string | null,
      flags: number,
    ]
  /**
   * Of a mount that is there: parameters of its filesystem, as for `fs`, and attributes of the mount: fspick(2),
   * mount_setattr(2), or remounts.
   */
  | ['remount', target: string, recursive: 0 | 1, set: number, clear: number, parameters: string[]]
  | ['move', source: string, target: string]
  /** Has these attributes from here on, whether it is a mount already or not. flags: RECURSIVE, OPTIONAL. */
  | ['seal', target: string, attributes: number, flags: number]
  /** Nothing in its place: an empty directory that is read-only, or /dev/null. */
  | ['mask', target: string, optional: 0 | 1]
  /**
   * Before hold: makes what is missing, and takes it away when the task has been let go, or Node has ended, and the process
   * of the pidfd has. names: below directories; a slash at the end is a directory.
   */
  | ['placeholders', sandbox: number, directories: string[], names: string[]]
  /** Can be changed by nobody inside. type: S_IFDIR or S_IFREG, of what is made where it is missing. Sent back is
   * the ID of its mount, a blank, its path without links, and a NUL; of a path that is missing on a read-only mount, the
   * ID of that; the NUL alone where a file is in the way, and stays there. */
  | ['protect', target: string, type: number]
  /** A file of its own, mounted on the target; its contents, or a descriptor to copy from. */
  | [
      'data',
      target: string,
      mode: number,
      contents: string | Uint8Array,
      from: [] | [fd: number],
      attributes: number,
      flags: number,
    ]
  /** Whose files and directories are that later steps make; -1: the task's. */
  | ['owner', uid: number, gid: number]
  /** Paths in the root of the mounts; directories on the way are made. A mode of -1: as it is. */
  /** flags: MAKE of lib/plan/place.ts. */
  | ['make_dir', path: string, mode: number, flags: number]
  | ['make_link', path: string, to: string]
  | ['make_file', path: string, mode: number, contents: string | Uint8Array, from: [] | [fd: number]]
  | ['chmod', path: string, mode: number]
  /** Mount points that had to be made in directories of the host: sends back two descriptors each, for `unmake` in the end. */
  | ['null_device']
  | ['unmake', points: number[]]
  /** null: the root that was made by a step with NEW_ROOT. Without a place for the old root it is detached. */
  | ['pivot_root', newRoot: string | null, putOld: string | null]
  /**
   * A user namespace below this one, and namespaces of other kinds that belong to it, which are entered at once; by
   * `enter_nest` the user namespace is, when all is mounted, and what `flags` says is unshared there.
   */
  | ['nest', flags: number, setgroups: string | null, uidMap: string | null, gidMap: string | null]
  | ['enter_nest', flags: number]
  /** Sends back descriptors of those the task is in: once it has joined, or after `pivot_root`, nobody else may look into it. */
  | ['namespaces', flags: number[]]
  /** Of paths in the root of the mounts. A regular file's descriptor, and the names in a directory: DT_*, name, NUL. */
  | ['open_file', path: string, openFlags: number, mode: number]
  | ['save_file', path: string, openFlags: number, mode: number, contents: string | Uint8Array, from: [] | [fd: number]]
  | ['list', path: string, maxBytes: number, maxEntries: number]
  /**
   * What the upper layer of an overlay says: a letter (A, M, D), a byte for the type, the path and a NUL. With PLAN_PROJECT
   * details come before the path, and G is what a deleted directory had.
   */
  | ['changes', upper: number, lower: number, maxBytes: number, maxEntries: number, flags: number]
  /** The answer: 64 bits with the size, or -errno; then the contents of a file, or the target of a link. */
  | ['read_below', from: number, path: Uint8Array, maxBytes: number]
  /** The answer: 64 bits, 0 or -errno. `expected`: nothing, 0 for no file, or the inode and the ctime of the file there. */
  | [
      'put_below',
      from: number,
      source: Uint8Array,
      to: number,
      target: Uint8Array,
      expected: readonly number[],
      flags: number,
    ]
  | ['remove_below', from: number, path: Uint8Array, expected: readonly number[]]
  | ['sync_below', from: number]
  | ['write_file', path: string, openFlags: number, data: string | Uint8Array]
  | ['try_write_file', path: string, openFlags: number, data: string | Uint8Array]
  | ['read_file', path: string, maxBytes: number]
  | ['mountinfo']
  | ['socket', domain: number, type: number, protocol: number]
  /**
   * Reads from a pipe, until it ends, the arguments of socket(2), three numbers of 32 bits for each socket, and at most 64
   * sockets in one write. Each is answered in turn: by 'fd', or by a positive errno of 32 bits as 'data'.
   */
  | ['sockets', requests: number]
  /**
   * Opens /dev/net/tun for an interface, made if there is none of that name, and sends it back as 'fd', its name as
   * 'data'. flags: IFF_*. owner, group: -1 for none. persistent: it outlives its descriptor.
   */
  | ['tun', name: string, flags: number, owner: number, group: number, persistent: 0 | 1]
  /** Makes a directory, where it is missing, and a shared mount of it: what `ip netns add` does with /run/netns. */
  | ['netns_directory', path: string]
  /** Mounts the network namespace of the task, or the namespace given, on a file that it makes. */
  | ['netns_add', path: string, net: [] | [fd: number]]
  /** Deletes such a file if it was left without a mount, by somebody who was killed. */
  | ['netns_clear', path: string]
  /** Unmounts and deletes such a file. */
  | ['netns_remove', path: string, inode: [] | [number]]
  /** Binds a file of the host over one in the root, read-only; where there is none, nothing. */
  | ['cover', source: string, target: string]
  /** First of all: what is inherited from nsinit. */
  | ['oom_score_adj', text: string]
  /** resource, hard, and so on: raises hard limits that are lower, while the task has the privilege. */
  | ['raise_limits', limits: number[]]
  /** resource, soft, hard, and so on; -1 is infinity, -2 leaves it as it is. */
  | ['rlimits', limits: number[]]
  | ['priority', nice: number]
  | ['signal_all', signal: number]
  | ['umask', mask: number]
  | ['affinity', processors: number[]]
  | ['personality', persona: number]
  /** Capabilities outlast the `ids` that follow, so that `capabilities` has them. */
  | ['keep_caps']
  /**
   * Sets of bits, 2 ** CAP_*, and bits of prctl's securebits: what they are to be, -1 as they are. `exceptRoot`: the
   * inheritable and ambient sets are to be empty where user 0 is privileged, which then has the bounding set.
   */
  | ['capabilities', bounding: number, inheritable: number, ambient: number, securebits: number, exceptRoot: 0 | 1]
  /**
   * Opens a pseudoterminal in the root that the task has by then, sends its master back as 'fd', and makes it descriptors
   * 0, 1 and 2 and the controlling terminal of a new session. Instead of `stdio`, before `exec`.
   */
  | ['pty', columns: number, rows: number]
  /** Makes the task a process group of its own, and that the foreground one of a terminal. */
  | ['foreground', terminal: number]
  | ['setsid']
  | ['fchdir', directory: number]
  /** Also the working directory is there afterwards. */
  | ['chroot', path: string]
  | ['chdir', path: string, fallback: 0 | 1]
  /** -1 leaves an id as it is. */
  | ['ids', uid: number, gid: number, setGroups: 0 | 1, groups: number[]]
  | ['default_ids']
  | ['no_new_privs']
  /** A session keyring of its own, in place of the one that is inherited. */
  | ['new_keyring']
  | ['lower_caps']
  /** parent: the pid of this process. Without this step a program outlives Node. */
  | ['die_with_parent', signal: number, parent: number]
  | ['stdio', fds: (number | null)[]]
  /** dieWithParent: 1 */
  | ['init', dieWithParent: 0 | 1]
  /**
   * Landlock, in force at once. fs, net, scoped: the rights that are handled. rules: for each path the access that is
   * allowed, and PLACE.OPTIONAL or 0. ports: a port and its access, and so on.
   */
  | ['landlock', fs: number, net: number, scoped: number, paths: string[], rules: number[], ports: number[]]
  /** A BPF program for seccomp(2), of which there may be several, and SECCOMP_FILTER_FLAG_*; `exec` installs them. */
  | ['seccomp', program: Uint8Array, flags: number]
  /** env null: this process's own as libc has it, which is the main thread's `process.env`. */
  | ['exec', file: string, argv: string[], env: string[] | null]
  /** Before `hold`, as init: not to end with Node, but with the last process there. */
  | ['outlive']
  | ['hold']
  | ['exit'];

export interface LaunchRequest {
  /** CLONE_NEW* flags for clone3 itself: never CLONE_NEWTIME, which the `unshare` step does. */
  flags: number;
  /**
   * What runs in the new task. Every descriptor named is duplicated before `launch` returns: the caller keeps its own,
   * and may close it.
   */
  steps: readonly Step[];
  /** set_tid of clone3 itself: pids for the new task, from its own pid namespace outwards. */
  setTid?: readonly number[] | undefined;
  /** Texts for /proc/PID/setgroups, uid_map and gid_map, written in this order before any step runs. */
  setgroups?: 'allow' | 'deny' | undefined;
  uidMap?: string | undefined;
  gidMap?: string | undefined;
  /** Hold the plan back until `task.proceed()`: another program (newuidmap) writes the maps after the 'cloned' event. */
  manual?: boolean;
  /** A cgroup v2 directory that the task is born in: CLONE_INTO_CGROUP, Linux 5.7. Duplicated, as those of steps. */
  cgroup?: number | undefined;
  /** The task is killed when this environment (a Worker, say) ends. Default true. */
  dieWithEnvironment?: boolean;
}

/** Why a launch failed; nothing of the task is left when this is told. */
export interface LaunchFailure {
  /**
   * 'prepare': in this process before anything was started. 'clone': clone3. 'cgroup': moving there after a
   * clone(2) that could not be born there. 'exec': of nsinit. 'setgroups', 'uid_map',
   * 'gid_map': written by us. 'step': in nsinit, see `step`. 'killed': the task was ended by a signal while it prepared. 'held': it was
   * found stopped, or traced, twice within seconds, and has been ended.
   */
  phase: 'prepare' | 'clone' | 'cgroup' | 'exec' | 'setgroups' | 'uid_map' | 'gid_map' | 'step' | 'killed' | 'held';
  /** Positive; 0 when `phase` is 'killed' or 'held'. */
  errno: number;
  syscall: string;
  /** Index in `steps`; -1 when no step had begun. */
  step: number;
  path?: string;
  detail?: string;
  /** The signal, when `phase` is 'killed'. */
  signal?: number;
}

export type TaskEvent =
  /** Only with `manual`: the task exists and waits for its plan. `task.pid` is set. */
  | { type: 'cloned' }
  /** The program runs (execve has succeeded). `task.pid` and `task.pidfd` are the program's. */
  | { type: 'started' }
  /** The namespaces are held: `task.namespace()` may be asked. */
  | { type: 'ready' }
  /** A descriptor a step made; it is adopted, see `adopt`. */
  | { type: 'fd'; fd: number }
  /** A descriptor of a mount point that was made on the host, adopted too. Two come for each: the directory, and itself. */
  | { type: 'point'; fd: number }
  | { type: 'data'; data: Buffer }
  /** Last event: it did not come to 'started', 'ready' or the end of the plan. */
  | { type: 'failed'; failure: LaunchFailure }
  /** Last event: the program, or the holder, has ended and is reaped. A plan that ends in `exit` comes here with code 0. */
  | { type: 'exit'; code: number | null; signal: number | null; usage: ResourceNumbers };

/** Of a process that was waited for, and of its children that it has waited for: getrusage(2). */
export type ResourceNumbers = [
  /** Microseconds. */
  cpuUser: number,
  cpuSystem: number,
  /** KiB. */
  maxRss: number,
  minorFaults: number,
  majorFaults: number,
  /** In units of 512 bytes. */
  blocksRead: number,
  blocksWritten: number,
  voluntarySwitches: number,
  involuntarySwitches: number,
];

export interface NativeTask {
  /** The program's pid as this process sees it, or the holder's; 0 before it is known. */
  readonly pid: number;
  /** A pidfd for `pid`, owned by this object, -1 when there is none (yet, or any more). pidfd_open(2) */
  readonly pidfd: number;
  /** The pid of nsinit where it stays as init (`init`, or `hold` in a pid namespace), else 0. */
  readonly initPid: number;
  /** Sends the plan of a `manual` launch. */
  proceed(): void;
  /** pidfd_send_signal(2) to the program (or the holder). 0, or a positive errno: ESRCH once it has ended. */
  kill(signal: number): number;
  /** SIGKILL for all of it, in whatever state: the init and so the pid namespace, or the program. 'failed' or 'exit' follows. */
  end(): void;
  /** Lets a holder that is no init go. */
  release(): void;
  /**
   * Closes the line: an init that dies with Node kills what is left in its pid namespace, waits for it, so that its usage
   * is counted, and ends. For a program with an init; nothing happens where the init is stopped.
   */
  endByInit(): void;
  /**
   * What the processes of a pid namespace whose init this is use at this moment, without the init: the number of threads,
   * their CPU time in microseconds, with that of children that have been waited for, and the sum of their resident
   * memory in bytes, in which a shared page counts in proportion or for each. All 0 where there is no init any more.
   */
  usage(callback: (threads: number, cpu: number, resident: number) => void, inProportion: boolean): void;
  /**
   * For the exit of Node, when the event loop does not go on: calls back for all that has been sent. True when no more
   * can come, because the start is over, or its task has ended.
   */
  drain(): boolean;
  /** Opens a namespace the task is in: an fd with O_CLOEXEC, the caller's. flag: one CLONE_NEW*. */
  namespace(flag: number): number;
  /** Whether the task keeps the event loop alive; it does from the start. */
  ref(): void;
  unref(): void;
}

/** A descriptor that is watched. Closed by `close`, or with this environment. */
export interface NativeWatched {
  /** When its callback is to be called: while there is something to read, or the end; while there is room to write. */
  watch(readable: boolean, writable?: boolean): void;
  /** Whether it keeps the event loop alive while it is watched; it does from the start. */
  ref(): void;
  unref(): void;
  close(): void;
}

/** The master of a pseudoterminal, never blocking. Closed by `close`, or with this environment. pty(7) */
export interface NativeTerminal extends NativeWatched {
  /** read(2): the number of bytes, 0 when there are none now, -1 when nobody has the other end open any more (EIO). */
  read(into: Uint8Array): number;
  /** write(2): how many of the bytes were taken, 0 when there is no room now, -1 as for `read`. */
  write(bytes: Uint8Array): number;
  /** TIOCSWINSZ: the foreground process group gets SIGWINCH when it is another size. */
  resize(columns: number, rows: number): void;
  /** The character that ends the input in canonical mode; 0 for none. VEOF, termios(3) */
  endOfFile(): number;
  /** The character that makes SIGTSTP; 0 where none does. VSUSP and ISIG, termios(3) */
  suspendKey(): number;
  /** The process group in its foreground, as this process sees it; 0 for none, or one that is not visible from here. */
  foreground(): number;
}

/** A netlink socket, netlink(7). */
export interface NativeNetlink extends NativeWatched {
  /**
   * Sends messages, and receives what is answered until there is no more, on a thread of ours: rtnetlink does its work
   * inside of these two calls, under a lock that others may hold for long. Each segment, so many of the bytes, goes in
   * one sendmsg(2) and is answered before the next is sent. One exchange at a time. Keeps the event loop alive.
   *
   * done: all datagrams received, one after another, each padded to 4 bytes; and a positive errno where it ended early,
   * 0 where it did not. ENOBUFS: it did not end early, but answers were lost. EMSGSIZE: the kernel had something to tell
   * that fits in no datagram; the socket is stuck then, and is to be closed. `sent` says how many segments were sent, the
   * one that failed among them: fewer than given also where there are many bytes of answers. Called also when it has been
   * closed meanwhile.
   */
  exchange(
    bytes: Uint8Array,
    segments: Uint32Array,
    done: (answers: Buffer, errno: number, syscall: string, sent: number) => void,
  ): void;
  /** Adds the membership of a group, or drops it: NETLINK_ADD_MEMBERSHIP. */
  join(group: number): void;
  leave(group: number): void;
  /**
   * One datagram; undefined when there is none now, empty when it is not the kernel's. Throws ENOBUFS when some were lost,
   * EMSGSIZE when one was too long, and goes on after that.
   */
  receive(): Buffer | undefined;
}

/** A packet socket with a ring of what it has received: packet(7), TPACKET_V3. */
export interface NativeCapture extends NativeWatched {
  /**
   * Frames that have come, as Enhanced Packet Blocks of a pcapng file in the machine's byte order, with the index of the
   * interface in place of the file's own number of it, and nanoseconds; undefined when there are none now. A part of what is
   * there, so that one call takes some microseconds. A frame of an interface that is no Ethernet gets a header of zeros.
   */
  receive(): Buffer | undefined;
  /** Frames that are still to be received, and those that have found no room since the beginning. PACKET_STATISTICS */
  statistics(): [waiting: number, dropped: number];
  /** Takes no further frame in. Those that are there come within some milliseconds: the kernel hands blocks over late. */
  stop(): void;
}

/**
 * A raw socket, raw(7), or one of UDP whose datagrams come for many addresses. It is watched from the start.
 */
export interface NativeRawSocket extends NativeWatched {
  /**
   * sendmsg(2), without waiting; the address as for `bindSocket`. `from`: the address to send from, IP_PKTINFO. The time just
   * before, CLOCK_REALTIME in nanoseconds.
   */
  send(bytes: Uint8Array, domain: number, address: string, port: number, scope: string | null, from?: string): bigint;
  /**
   * One packet, its sender, the time at which it came, SO_TIMESTAMPNS, and where it was sent to, if the socket has the
   * option IP_PKTINFO or IPV6_RECVPKTINFO. Undefined when there is none now.
   */
  receive(): [bytes: Buffer, from: string, at: bigint, port: number, to: string | undefined] | undefined;
}

/** A connection on its way. */
export interface NativeConnecting {
  /** Waits no longer, and calls nobody; the descriptor stays the caller's. */
  cancel(): void;
}

/** The counters of one direction of a wire, in frames. */
export type WireCounters = [
  /** Those that have come to the wire. */
  sent: number,
  delivered: number,
  lost: number,
  queueFull: number,
  tooLarge: number,
  /** The kernel had no room for them before the thread took them: packet(7), PACKET_STATISTICS. */
  overrun: number,
  /** The kernel would not take them, or could not tell all of them; as from an interface that is gone. */
  refused: number,
  /** Delivered twice; `delivered` counts both. */
  duplicated: number,
  reordered: number,
  corrupted: number,
];

/**
 * Wires, and the thread that carries their frames. A wire is two packet sockets, each bound to an interface; what one
 * interface receives leaves by the other. Direction 0 is from the first to the second. The sockets stay the caller's, who
 * closes them after `remove` or `close` is done.
 */
export interface NativeWires {
  /**
   * Prepares and binds both sockets, which were made with protocol 0, and carries frames from then on.
   *
   * @param seeds - two of 64 bits, one for each direction
   * @returns the number of the wire
   */
  add(first: number, firstInterface: number, second: number, secondInterface: number, seeds: Uint8Array): number;
  /**
   * Sets a rule of one direction, or replaces it. Of those that take a frame the one with the lowest number decides; a frame
   * that no rule takes passes unchanged.
   *
   * @param impairment - times in nanoseconds, chances between 0 and 1: delay, jitter, distribution (0 uniform, 1 normal, 2 Pareto), loss, burst, duplicate, reorder, corrupt,
   * rate in bytes per second (0: none), queue in frames, mtu in bytes (0: none)
   * @param sources - addresses of 16 bytes each (IPv4: mapped), one of which the frame comes from
   * @param destinations - as `sources`; empty for every frame
   */
  setRule(
    wire: number,
    direction: 0 | 1,
    number: number,
    impairment: Float64Array,
    sources: Uint8Array,
    destinations: Uint8Array,
  ): void;
  removeRule(wire: number, direction: 0 | 1, number: number): void;
  /** Removes all rules, and delivers what waits at once. */
  release(wire: number, done: () => void): void;
  remove(wire: number, done: () => void): void;
  /** `done`: all calls before this one have taken effect. */
  settle(done: () => void): void;
  /** Undefined for a wire that is not there (any more). */
  counters(wire: number, direction: 0 | 1): WireCounters | undefined;
  close(done: () => void): void;
}

export interface NamespaceInfo {
  /** The CLONE_NEW* flag of its kind. */
  flag: number;
  ino: bigint;
  dev: bigint;
}

/**
 * Bits of what `scan` looks for, besides the processes: threads that are elsewhere than their process, descriptors of
 * namespaces, sockets; namespaces that are mounted, in this process's mount namespace or in any; owners and parents, and
 * theirs; the ids of network namespaces; the command line of each process; where children of processes will be born; the
 * command line of the first process in each namespace.
 */
export type ScanBit =
  | 'tasks'
  | 'fds'
  | 'sockets'
  | 'ownMounts'
  | 'allMounts'
  | 'hierarchy'
  | 'networkIds'
  | 'commands'
  | 'forChildren'
  | 'firstCommands';

/** Inode numbers of /proc/PID/ns in this order; 0: there is none, it may not be read, or was not asked for. */
export type ScanInodes = [
  cgroup: number,
  ipc: number,
  mnt: number,
  net: number,
  pid: number,
  time: number,
  user: number,
  uts: number,
  pidForChildren: number,
  timeForChildren: number,
];

/** What a scan finds. Start times are in clock ticks after boot: proc_pid_stat(5). */
export type ScanRow =
  /** Ascending by pid; `name` is its comm, `command` as lsns(8) shows it. */
  | [
      row: 'process',
      pid: number,
      ppid: number,
      uid: number,
      state: string,
      start: number,
      name: string,
      command: string | null,
      ...inodes: ScanInodes,
    ]
  | [row: 'task', pid: number, tid: number, start: number, name: string, ...inodes: ScanInodes]
  /**
   * Before any row that names it. `id`: never another's, '0' before Linux 6.18. `owner`, `parent`: 0 when there is none,
   * or none that may be seen. `ownerUid`: -1 but for a user namespace. `networkId`: -1 when none is assigned, -2 when unknown.
   */
  | [
      row: 'namespace',
      flag: number,
      inode: number,
      id: string,
      owner: number,
      parent: number,
      ownerUid: number,
      networkId: number,
    ]
  | [row: 'fd', pid: number, fd: number, flag: number, inode: number]
  | [row: 'socket', pid: number, fd: number, inode: number]
  /**
   * `pid`: a process that sees it, 0 for this one. `mountNamespace`: 0 when that kind was not asked for. `opens`: whether
   * the path leads to it, in that process's root.
   */
  | [row: 'mount', pid: number, mountNamespace: number, path: string, flag: number, inode: number, opens: 0 | 1]
  /** At the end: how much of a source could not be read, and why. */
  | [
      row: 'unread',
      source: 'processes' | 'tasks' | 'fds' | 'sockets' | 'mounts' | 'hierarchy',
      errno: number,
      count: number,
    ]
  /** /proc does not show all processes: hidepid, proc(5). */
  | [row: 'hidden']
  /** There is nothing to be read at all. */
  | [row: 'failed', errno: number, syscall: string, path: string];

export interface Native {
  /** Starts a task on a thread of our own; never blocks, throws only on a malformed step. */
  launch(request: LaunchRequest, callback: (event: TaskEvent) => void): NativeTask;

  /**
   * Carries out a plan in the place of this process, and does not return: execve(2). All that stays is what the kernel
   * keeps, and the descriptors that the plan names. The plan begins with `in_place` and ends with `exec`. Throws E2BIG
   * where arguments and environment are longer than a socket has room for (net.core.wmem_max).
   */
  execInPlace(steps: readonly Step[]): void;

  /** NS_GET_NSTYPE and fstat(2). EINVAL when the fd is no namespace; ENOSYS, as below, where the kernel knows no such ioctl. */
  namespaceInfo(fd: number): NamespaceInfo;
  /** NS_GET_PARENT: a new fd. ioctl_ns(2) */
  namespaceParent(fd: number): number;
  /** NS_GET_USERNS: a new fd. */
  namespaceUser(fd: number): number;
  /** NS_GET_OWNER_UID. */
  namespaceOwner(fd: number): number;
  /**
   * A namespace of the process behind a pidfd, or the one that its children are born in (pid and time):
   * PIDFD_GET_*_NAMESPACE (Linux 6.11), or /proc/PID/ns checked against reuse.
   */
  pidfdNamespace(pidfd: number, pid: number, flag: number, forChildren: boolean): number;
  /** The network namespace of a socket of that process, by its descriptor there: pidfd_getfd(2), SIOCGSKNS. A new fd. */
  pidfdSocketNamespace(pidfd: number, fd: number): number;
  pidfdOpen(pid: number): number;
  /**
   * A descriptor that is to be closed by `close`, or with this environment: a Worker leaves none behind. Node's own
   * bookkeeping of a Worker's descriptors knows only those that `fs` has opened, and only those may `fs` close.
   */
  adopt(fd: number): void;
  /** Takes an adopted descriptor out of our hands: whoever has it now closes it. */
  disown(fd: number): void;
  /**
   * Closes them on a thread of ours: the last descriptor of a mount namespace unmounts all that is in it. What close(2)
   * fails with tells nothing that one could act on. Keeps the event loop alive until `done` is called.
   */
  close(fds: readonly number[], done: () => void): void;
  /** Closes at once: for what is quick to close, a socket. */
  closeNow(fd: number): void;
  /** F_DUPFD_CLOEXEC. */
  duplicate(fd: number): number;
  /** The network namespace of the calling thread, which a Worker may have moved. Adopted. */
  threadNetwork(): number;
  /** socket(2) in that namespace, with SOCK_CLOEXEC. Adopted. */
  socket(domain: number, type: number, protocol: number): number;
  /** AF_UNIX, SOCK_STREAM, SOCK_CLOEXEC; both are adopted. */
  socketPair(): [number, number];

  /**
   * A socket of another network namespace, with SOCK_CLOEXEC: made by a thread that is there for it, enters it, and goes
   * back. Takes CAP_SYS_ADMIN here and there, setns(2). `done` has an adopted descriptor, or -1 and a positive errno.
   * Throws EPERM of setns where there is no such thread, or none any more.
   */
  socketIn(
    net: number,
    domain: number,
    type: number,
    protocol: number,
    done: (fd: number, errno: number, syscall: string) => void,
  ): void;
  /**
   * bind(2). domain: AF_INET, AF_INET6 or AF_UNIX. address: its text; for AF_UNIX a path, or a NUL and an abstract name.
   * scope: of an IPv6 address, name or number of an interface of the socket's own namespace.
   */
  bindSocket(fd: number, domain: number, address: string, port: number, scope: string | null): void;
  /**
   * connect(2), without waiting; arguments as for `bindSocket`. Undefined: it is connected. Otherwise `done` will be
   * called, with a positive errno or 0; the descriptor is to stay open until then, or until it has been cancelled.
   */
  connectSocket(
    fd: number,
    domain: number,
    address: string,
    port: number,
    scope: string | null,
    done: (errno: number) => void,
  ): NativeConnecting | undefined;
  /** setsockopt(2), of an int or a string. */
  setSocketOption(fd: number, level: number, name: number, value: number | string): void;
  /** Starts a thread for wires. Closed by `close`, or with this environment. Throws EAGAIN where there can be none. */
  openWires(): NativeWires;
  /** pipe2(2) with O_CLOEXEC: the end to read from and the one to write to, both adopted. */
  pipe(): [number, number];

  /**
   * Takes a netlink socket over, and sets it up: extended acknowledgements, strict dumps, a receive buffer of so many
   * bytes (as far as net.core.rmem_max lets it, without CAP_NET_ADMIN), messages from the kernel alone. `onReadable`: see
   * `watch`.
   */
  openNetlink(fd: number, receiveBuffer: number, onReadable: () => void): NativeNetlink;
  /**
   * Takes a packet socket over, which has no protocol yet, and has it receive from an interface, or from all (0).
   *
   * ringBytes: a multiple of the 256 KiB of a block. filter: a program of classic BPF, whose answer is the number of bytes
   * that are kept of a frame. promiscuous: the interface takes in what is not meant for it, too.
   */
  openCapture(
    fd: number,
    index: number,
    ringBytes: number,
    filter: Uint8Array,
    promiscuous: boolean,
    onReadable: () => void,
  ): NativeCapture;
  /** Takes a raw socket over; `onReadable` is called while there is something to receive. */
  openRawSocket(fd: number, onReadable: () => void): NativeRawSocket;
  /**
   * listen(2), and takes the socket over, which is bound. It does not keep the event loop alive.
   *
   * @param take - called with each connection and the addresses of its ends; the descriptor is close-on-exec, non-blocking
   * and adopted. Connections for which there is no descriptor wait.
   * @returns a function that closes the socket, and is called once at most
   */
  listenSocket(
    fd: number,
    backlog: number,
    take: (fd: number, localAddress: string, localPort: number, remoteAddress: string, remotePort: number) => void,
  ): () => void;
  /** The port that a socket is bound to. */
  socketPort(fd: number): number;
  /**
   * Has a thread relay a connection: what one TCP socket receives is sent by the other, no faster than its peer takes it.
   * The thread has copies of the descriptors. Keeps the event loop alive.
   *
   * With `both`, the flows of both directions are relayed. Then nobody else may use the sockets, and the end of each flow is
   * passed on. The connection is over when both have ended, or when one side has broken off; then the other one is reset.
   * Without it, only what `other` receives is relayed. It is over when that has ended, which is not passed on, or when a
   * side has broken off, which nobody is told.
   *
   * @param fromOne - bytes that `one` has received before, and that are sent first
   * @param fromOther - the same of `other`
   * @param ended - called when it is over, with the bytes that each side has received; not after `cancelRelay`
   * @returns its number
   */
  startRelay(
    one: number,
    other: number,
    both: boolean,
    fromOne: Uint8Array,
    fromOther: Uint8Array,
    ended: (broken: boolean, receivedByOne: number, receivedByOther: number) => void,
  ): number;
  /** The bytes that a side, 0 or 1, has received since the start. 0 for a relay that is over. */
  bytesRelayed(relay: number, side: 0 | 1): number;
  /**
   * Ends a relay that is not over. Nothing is received or sent any more when it returns. `reset`: with `both`, breaks the
   * connections off on both sides; without it they are closed.
   */
  cancelRelay(relay: number, reset: boolean): void;
  /** inet_pton(3): 4 or 16 bytes; undefined for what is no address. */
  addressBytes(text: string): Buffer | undefined;
  /** inet_ntop(3) of the 4 or 16 bytes at an offset. */
  addressText(bytes: Uint8Array, offset: number, length: number): string;

  /** Takes a terminal's master over. */
  openTerminal(fd: number, callback: () => void): NativeTerminal;
  /**
   * Makes this process's group the foreground one of its controlling terminal, if the one that is has no process left:
   * who was given the foreground could not give it back. Does nothing otherwise. tcsetpgrp(3)
   */
  reclaimTerminal(): void;
  /** Whether it is this process's controlling terminal and its group the foreground one there. tcgetpgrp(3) */
  isInForeground(fd: number): boolean;
  /** Whether it is this process's controlling terminal and another group is the foreground one. tcgetpgrp(3) */
  isInBackground(fd: number): boolean;
  /** Passes on every byte unchanged, in both directions: cfmakeraw(3). Returns the modes of before. */
  makeRaw(fd: number): Buffer;
  /** Sets modes that {@link makeRaw} has returned: tcsetattr(3). */
  restoreModes(fd: number, modes: Uint8Array): void;

  /**
   * listmount(2) and statmount(2) for all mounts of a mount namespace, -1 for this process's own, on a thread of our
   * own. `numbers`: for each mount four, its id and its parent's as mountinfo has them, and both as they are never used
   * again. `maps`: of mounts that are id-mapped, by index, the lines of the maps, if they are asked for. Both are empty
   * where the kernel has no such calls, or refuses them.
   */
  statMounts(
    namespace: number,
    maps: boolean,
    callback: (numbers: BigUint64Array, maps: { index: number; uidMap: string; gidMap: string }[]) => void,
  ): void;

  /** Effective ids and capabilities (bit N: capability N) of this thread: capget(2). */
  credentials(): { uid: number; gid: number; capabilities: bigint };

  /** The version of Landlock's interface: landlock_create_ruleset(2). */
  landlockVersion(): number;

  /**
   * Reads /proc on a thread of its own. `onRows` gets JSON, an array of {@link ScanRow}, piece by piece, then null. Keeps
   * the event loop alive. The answer gives it up: then `onRows` is called no more.
   *
   * @param kinds - CLONE_NEW* flags of what is looked for; owners and parents come along whatever their kind
   * @param what - bit N stands for the Nth {@link ScanBit}
   */
  scan(kinds: number, what: number, onRows: (rows: string | null) => void): () => void;
  /** getpwuid_r(3) for each, on a thread of ours; '' for a uid that has no name. Keeps the event loop alive. */
  userNames(uids: Uint32Array, done: (names: string[]) => void): void;

  /** unshare(2) on the calling thread. */
  unshareThread(flags: number): void;
  /** setns(2) on the calling thread. */
  setnsThread(fd: number, flag: number): void;

  /** Size of the embedded nsinit. */
  readonly nsinitBytes: number;
}

declare const native: Native;
export default native;
