import { constants } from 'node:os';
import { plainOptions } from '../errors/plain';
import { validateBoolean } from '../errors/validate';
import type { Capability } from '../kernel/capabilities';
import { SYSCALLS } from './syscall-table';
import type { SeccompArgument, SeccompProfile, SeccompRule } from './profile';

/** Options of {@link defaultSeccompProfile}: what it allows. */
export interface DefaultSeccompOptions {
  /**
   * Whether programs may create user namespaces, in which they then have every capability, and use them: mount, chroot,
   * join namespaces, set the hostname. It opens much of the kernel, and is for programs that build sandboxes of their
   * own, such as browsers and bwrap(1). Without it clone(2) and unshare(2) fail with EPERM for a new user namespace; and
   * clone3(2), whose flags no filter sees, fails with ENOSYS, so that programs use clone(2). Default: false.
   */
  userNamespaces?: boolean | undefined;
  /**
   * Whether programs may trace one another: ptrace(2), process_vm_readv(2), process_vm_writev(2). Meant for programs in a
   * pid namespace of their own. With CAP_SYS_PTRACE they may in any case. Default: true.
   */
  ptrace?: boolean | undefined;
}

/**
 * Until here somebody has thought about each call of the table: what comes after it stays closed. The number is that of
 * `listns`; calls since Linux 5.0 have the same on all architectures.
 */
const REVIEWED = 470;

/** Closed whatever the capabilities, the error by which a program best does without, and why. */
const CLOSED: readonly (readonly [errno: number, names: readonly string[]])[] = [
  // Keys of the user and the session are not kept apart by namespaces as a rule: keyrings(7), user-keyring(7).
  [constants.errno.EPERM, ['add_key', 'keyctl', 'request_key']],
  // What it does, opening and connecting included, passes by every filter. libuv takes threads instead.
  [constants.errno.ENOSYS, ['io_uring_enter', 'io_uring_register', 'io_uring_setup']],
  // Holds the kernel still in the middle of a copy: what many exploits begin with.
  [constants.errno.EPERM, ['userfaultfd']],
  // The whole machine: another kernel, swap, switches of the processor, which memory is where.
  [constants.errno.EPERM, ['kexec_file_load', 'kexec_load', 'swapoff', 'swapon', 'migrate_pages', 'move_pages']],
  [constants.errno.EPERM, ['ioperm', 'iopl', 'pciconfig_iobase', 'pciconfig_read', 'pciconfig_write']],
  // Segments and modes of the 8086: for what no 64-bit program needs.
  [constants.errno.EPERM, ['modify_ldt', 'vm86', 'vm86old']],
  // Changes what a security module says of the program.
  [constants.errno.EPERM, ['lsm_set_self_attr']],
  // Gives pages of a program's memory to the kernel, and is nearly always done without.
  [constants.errno.ENOSYS, ['vmsplice']],
  // Younger than the programs, which all do without on the kernels that they still support.
  [
    constants.errno.ENOSYS,
    [
      ...['cachestat', 'file_getattr', 'file_setattr', 'futex_requeue', 'futex_wait', 'futex_wake'],
      ...['getxattrat', 'listxattrat', 'removexattrat', 'setxattrat'],
      ...['listmount', 'listns', 'statmount', 'lsm_get_self_attr', 'lsm_list_modules'],
    ],
  ],
  // Obsolete, or never there: syscalls(2), unimplemented(2).
  [
    constants.errno.ENOSYS,
    [
      ...['_sysctl', 'afs_syscall', 'bdflush', 'break', 'create_module', 'epoll_ctl_old', 'epoll_wait_old', 'ftime'],
      ...[
        'get_kernel_syms',
        'getpmsg',
        'gtty',
        'idle',
        'lock',
        'lookup_dcookie',
        'mpx',
        'nfsservctl',
        'prof',
        'profil',
      ],
      ...['putpmsg', 'query_module', 'security', 'stty', 'sysfs', 'tuxcall', 'ulimit', 'uselib', 'ustat', 'vserver'],
    ],
  ],
];

/** What a program in a user namespace of its own does there: closed to others, who get EPERM from the kernel as well. */
const NESTING = [
  ...['fsconfig', 'fsmount', 'fsopen', 'fspick', 'mount', 'mount_setattr', 'move_mount', 'open_tree'],
  ...['open_tree_attr', 'pivot_root', 'umount', 'umount2', 'setns', 'sethostname', 'setdomainname'],
];

/** Closed but for who was given one of these capabilities. What the kernel asks for, it asks for all the same. */
const GUARDED: readonly (readonly [capabilities: readonly Capability[], names: readonly string[]])[] = [
  [['CAP_SYS_ADMIN'], NESTING],
  [['CAP_SYS_CHROOT'], ['chroot']],
  [['CAP_SYS_ADMIN'], ['fanotify_init', 'quotactl', 'quotactl_fd']],
  [['CAP_SYS_TTY_CONFIG'], ['vhangup']],
  [['CAP_BPF', 'CAP_SYS_ADMIN'], ['bpf']],
  [['CAP_PERFMON', 'CAP_SYS_ADMIN'], ['perf_event_open']],
  [['CAP_SYS_MODULE'], ['delete_module', 'finit_module', 'init_module']],
  [['CAP_SYS_BOOT'], ['reboot']],
  [['CAP_SYS_PACCT'], ['acct']],
  [['CAP_SYS_TIME'], ['clock_settime', 'clock_settime64', 'settimeofday', 'stime']],
  [['CAP_SYSLOG', 'CAP_SYS_ADMIN'], ['syslog']],
  // By a handle any file of a file system is opened, below the root or not: the way out of CVE-2014-3519 and of "shocker".
  [['CAP_DAC_READ_SEARCH'], ['open_by_handle_at']],
  [['CAP_SYS_ADMIN'], ['name_to_handle_at']],
  // Where memory lies is the host's to say.
  [['CAP_SYS_NICE'], ['mbind', 'set_mempolicy', 'set_mempolicy_home_node', 'get_mempolicy']],
  // Takes descriptors of other programs, compares and advises on what is theirs.
  [['CAP_SYS_PTRACE'], ['kcmp', 'pidfd_getfd', 'process_madvise']],
];

/** With {@link DefaultSeccompOptions.ptrace}, or CAP_SYS_PTRACE. */
const TRACING = ['process_vm_readv', 'process_vm_writev', 'ptrace'];

const SOCKETS = ['socket', 'socketpair'];
const FCNTL = ['fcntl', 'fcntl64'];

/** Open for some arguments only: see {@link argumentRules} and {@link namespaceRules}. */
const CONDITIONAL = ['clone', 'clone3', ...FCNTL, 'ioctl', 'personality', ...SOCKETS, 'unshare'];

/** The other half of an argument is the caller's to fill: the kernel takes these as an `int`. */
const INT = 0xffffffff;

/** `<asm-generic/ioctls.h>`: to type into the terminal, and to paste on the console. ioctl_tty(2), ioctl_console(2) */
const TERMINAL_REQUESTS = { TIOCSTI: 0x5412, TIOCLINUX: 0x541c };

/**
 * `<linux/fcntl.h>`: a lease on a file, a delegation of a directory (Linux 6.19), and notices about one. Who may only read
 * a file can have them, and a lease holds up whoever opens it for writing, on the host too, for
 * /proc/sys/fs/lease-break-time seconds: fcntl(2)
 */
const LEASE_COMMANDS = { F_SETLEASE: 1024, F_NOTIFY: 1026, F_SETDELEG: 1040 };

/** `<linux/socket.h>` */
const FAMILIES = { AF_UNSPEC: 0, AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16 };
const AF_PACKET = 17;

/** `<linux/netlink.h>`: what is written there is in the host's audit log. */
const NETLINK_AUDIT = 9;

/** personality(2): PER_LINUX, UNAME26, PER_LINUX32, both, and the question. Those that weaken ASLR are not among them. */
const PERSONALITIES = [0, 0x20000, 0x8, 0x20008, 0xffffffff];

/** `<linux/sched.h>`: user, and all kinds that clone(2) knows: for it the bit of time is one of the signal's. */
const CLONE_NEWUSER = 0x10000000;
const CLONE_NEW_ANY = 0x7e020000;
const CLONE_NEWTIME = 0x80;

/**
 * The profile of `seccomp: 'default'`: it allows what ordinary programs need, gcc, Node and Python included, and
 * refuses the calls that attacks on the kernel usually need. Each call returns a new object, which can be changed and
 * given as `seccomp`.
 *
 * It refuses new user namespaces, typing into a terminal (TIOCSTI, TIOCLINUX), leases on files, keyrings, io_uring,
 * userfaultfd, kexec, swapping, I/O ports, obsolete calls, sockets other than of Unix, IP and netlink, personalities
 * without address space randomization; and, to programs that are not given the capability for it, new namespaces,
 * mounting, bpf, perf events, kernel modules, reboot, setting the clock, the kernel's log, file handles, accounting.
 * Programs of other architectures, 32-bit ones too, are killed. A call newer than the profile fails with ENOSYS. It is as
 * strict as Docker's but for the calls that docs/seccomp.md lists.
 *
 * Where several rules apply to a call, this package takes the strictest; libseccomp, and so Docker, may take another.
 *
 * @throws TypeError with Node's codes
 *
 * @example
 * ```ts
 * const profile = defaultSeccompProfile({ userNamespaces: true });
 * profile.syscalls = [...profile.syscalls!, { names: ['ptrace'], action: 'SCMP_ACT_KILL_PROCESS' }];
 * await spawn('sh', [], { seccomp: profile });
 * ```
 */
export function defaultSeccompProfile(options: DefaultSeccompOptions = {}): SeccompProfile {
  const { userNamespaces = false, ptrace = true } = plainOptions('options', options, ['userNamespaces', 'ptrace']);
  validateBoolean('options.userNamespaces', userNamespaces);
  validateBoolean('options.ptrace', ptrace);
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: constants.errno.EPERM,
    syscalls: [
      { names: openCalls(), action: 'SCMP_ACT_ALLOW' },
      ...CLOSED.map(([errnoRet, names]): SeccompRule => ({ names, action: 'SCMP_ACT_ERRNO', errnoRet })),
      ...GUARDED.flatMap(([capabilities, names]) => capabilities.map((capability) => guarded(names, capability))),
      ptrace ? { names: TRACING, action: 'SCMP_ACT_ALLOW' } : guarded(TRACING, 'CAP_SYS_PTRACE'),
      ...argumentRules(),
      ...namespaceRules(userNamespaces),
    ],
  };
}

/** All that there is but for what is named above. */
function openCalls(): string[] {
  const named = new Set([...CLOSED, ...GUARDED].flatMap(([, names]) => names).concat(TRACING, CONDITIONAL));
  return Object.entries(SYSCALLS)
    .filter(([name, numbers]) => !named.has(name) && numbers.every((number) => !isNew(number)))
    .map(([name]) => name);
}

/** Numbers of 32-bit ARM's own calls, and of x32's, are no measure of age. */
function isNew(number: number | null): boolean {
  return number !== null && number > REVIEWED && number < 512;
}

function guarded(names: readonly string[], capability: Capability): SeccompRule {
  return { names, action: 'SCMP_ACT_ALLOW', includes: { caps: [capability] } };
}

function argumentRules(): SeccompRule[] {
  const requests = Object.values(TERMINAL_REQUESTS).map((request) => refused(['ioctl'], request, 'EPERM'));
  // As where the kernel has no leases, or /proc/sys/fs/leases-enable is 0.
  const leases = Object.values(LEASE_COMMANDS).map((command) => refused(FCNTL, command, 'EINVAL'));
  return [
    ...requests,
    ...leases,
    { names: ['ioctl', ...FCNTL], action: 'SCMP_ACT_ALLOW' },
    ...Object.values(FAMILIES).map((family) => allowed(SOCKETS, family)),
    { ...allowed(SOCKETS, AF_PACKET), includes: { caps: ['CAP_NET_RAW'] } },
    auditRule(),
    ...PERSONALITIES.map((persona) => allowed(['personality'], persona)),
  ];
}

/** One value of the second argument, an `int`, is refused: with whatever stands in the half that the kernel drops. */
function refused(names: readonly string[], value: number, errno: 'EPERM' | 'EINVAL'): SeccompRule {
  const args: SeccompArgument[] = [{ index: 1, op: 'SCMP_CMP_MASKED_EQ', value: INT, valueTwo: value }];
  return { names, action: 'SCMP_ACT_ERRNO', errnoRet: constants.errno[errno], args };
}

/** One value of the first argument is allowed. */
function allowed(names: readonly string[], value: number): SeccompRule {
  return { names, action: 'SCMP_ACT_ALLOW', args: [{ index: 0, op: 'SCMP_CMP_EQ', value }] };
}

/** EINVAL: as on a kernel without it, which programs that write to the log take well. */
function auditRule(): SeccompRule {
  return {
    names: ['socket'],
    action: 'SCMP_ACT_ERRNO',
    errnoRet: constants.errno.EINVAL,
    args: [
      { index: 0, op: 'SCMP_CMP_MASKED_EQ', value: INT, valueTwo: FAMILIES.AF_NETLINK },
      { index: 2, op: 'SCMP_CMP_MASKED_EQ', value: INT, valueTwo: NETLINK_AUDIT },
    ],
    excludes: { caps: ['CAP_AUDIT_WRITE'] },
  };
}

/** unshare(2) is there for what are no namespaces: directories and descriptors of a thread's own. */
function namespaceRules(userNamespaces: boolean): SeccompRule[] {
  if (userNamespaces) {
    return [{ names: ['clone', 'clone3', 'unshare', 'chroot', ...NESTING], action: 'SCMP_ACT_ALLOW' }];
  }
  const admin: SeccompRule['includes'] = { caps: ['CAP_SYS_ADMIN'] };
  return [
    without(['clone'], CLONE_NEW_ANY),
    without(['unshare'], CLONE_NEW_ANY | CLONE_NEWTIME),
    { ...without(['clone', 'unshare'], CLONE_NEWUSER), includes: admin },
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: constants.errno.ENOSYS },
  ];
}

/** Allowed where none of these flags is set. */
function without(names: readonly string[], flags: number): SeccompRule {
  return {
    names,
    action: 'SCMP_ACT_ALLOW',
    args: [{ index: 0, op: 'SCMP_CMP_MASKED_EQ', value: flags, valueTwo: 0 }],
  };
}
