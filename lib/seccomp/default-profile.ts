import { constants } from 'node:os';
import { boolean, schema } from '../errors/schema';
import type { Capability } from '../kernel/capabilities';
import { SYSCALLS } from './syscall-table';
import type { SeccompArgument, SeccompProfile, SeccompRule } from './profile';

/** Options of {@link defaultSeccompProfile}, which say what the profile allows. */
export interface DefaultSeccompOptions {
  /**
   * True lets programs create user namespaces, in which they have every capability, and use them: mount, chroot, join
   * namespaces, set the hostname. This opens much of the kernel. It is for programs that build sandboxes of their own,
   * such as browsers and bwrap(1). If it is false, clone(2) and unshare(2) fail with EPERM for a new user namespace;
   * and clone3(2), whose flags no filter sees, fails with ENOSYS, so that programs use clone(2). Default: false.
   */
  userNamespaces?: boolean | undefined;
  /**
   * True lets programs trace one another: ptrace(2), process_vm_readv(2), process_vm_writev(2). It is meant for
   * programs in a pid namespace of their own. Programs with CAP_SYS_PTRACE may trace in any case. Default: true.
   */
  ptrace?: boolean | undefined;
}

/**
 * The last number up to which somebody has reviewed each call of the table: later calls are refused. It is the number
 * of `listns`; calls since Linux 5.0 have the same number on all architectures.
 */
const REVIEWED = 470;

/**
 * The calls that are refused whatever the capabilities of the program, with the reason, and the error with which
 * programs best do without the call.
 */
const CLOSED: readonly (readonly [errno: number, names: readonly string[]])[] = [
  // Most keys of the user and the session are not separated by namespaces: keyrings(7), user-keyring(7).
  [constants.errno.EPERM, ['add_key', 'keyctl', 'request_key']],
  // Its operations, which include opening files and connecting sockets, are not seen by any filter. libuv uses threads
  // instead.
  [constants.errno.ENOSYS, ['io_uring_enter', 'io_uring_register', 'io_uring_setup']],
  // It can stop the kernel in the middle of a copy, with which many exploits begin.
  [constants.errno.EPERM, ['userfaultfd']],
  // They change the whole machine: another kernel, swap, where memory lies, and access to devices by I/O ports.
  [constants.errno.EPERM, ['kexec_file_load', 'kexec_load', 'swapoff', 'swapon', 'migrate_pages', 'move_pages']],
  [constants.errno.EPERM, ['ioperm', 'iopl', 'pciconfig_iobase', 'pciconfig_read', 'pciconfig_write']],
  // They set segments and modes of old x86 processors, which no 64-bit program needs.
  [constants.errno.EPERM, ['modify_ldt', 'vm86', 'vm86old']],
  // It changes how a security module treats the program.
  [constants.errno.EPERM, ['lsm_set_self_attr']],
  // It gives pages of a program's memory to the kernel, and nearly all programs do without it.
  [constants.errno.ENOSYS, ['vmsplice']],
  // They are newer than most programs, which do without them on the older kernels that they support.
  [
    constants.errno.ENOSYS,
    [
      ...['cachestat', 'file_getattr', 'file_setattr', 'futex_requeue', 'futex_wait', 'futex_wake'],
      ...['getxattrat', 'listxattrat', 'removexattrat', 'setxattrat'],
      ...['listmount', 'listns', 'statmount', 'lsm_get_self_attr', 'lsm_list_modules'],
    ],
  ],
  // They are obsolete, or were never implemented: syscalls(2), unimplemented(2).
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

/**
 * The calls that a program in a user namespace of its own needs there. Other programs are refused, and would get EPERM
 * from the kernel as well.
 */
const NESTING = [
  ...['fsconfig', 'fsmount', 'fsopen', 'fspick', 'mount', 'mount_setattr', 'move_mount', 'open_tree'],
  ...['open_tree_attr', 'pivot_root', 'umount', 'umount2', 'setns', 'sethostname', 'setdomainname'],
];

/** The calls that only programs with one of these capabilities may make. The kernel still makes its own checks. */
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
  // A handle opens any file of a filesystem, also one outside the root: CVE-2014-3519 and "shocker" broke out so.
  [['CAP_DAC_READ_SEARCH'], ['open_by_handle_at']],
  [['CAP_SYS_ADMIN'], ['name_to_handle_at']],
  // The host decides where memory lies.
  [['CAP_SYS_NICE'], ['mbind', 'set_mempolicy', 'set_mempolicy_home_node', 'get_mempolicy']],
  // They take the descriptors of other programs, compare their resources, and give advice on their memory.
  [['CAP_SYS_PTRACE'], ['kcmp', 'pidfd_getfd', 'process_madvise']],
];

/** The calls that are allowed with {@link DefaultSeccompOptions.ptrace}, or with CAP_SYS_PTRACE. */
const TRACING = ['process_vm_readv', 'process_vm_writev', 'ptrace'];

const SOCKETS = ['socket', 'socketpair'];
const FCNTL = ['fcntl', 'fcntl64'];

/** The calls that are allowed for some arguments only: see {@link argumentRules} and {@link namespaceRules}. */
const CONDITIONAL = ['clone', 'clone3', ...FCNTL, 'ioctl', 'personality', ...SOCKETS, 'unshare'];

/** The mask for arguments that the kernel takes as an `int`: the caller can put anything in the upper half. */
const INT = 0xffffffff;

/**
 * The requests of ioctl(2) that type into the terminal and paste on the console. `<asm-generic/ioctls.h>`,
 * ioctl_tty(2), ioctl_console(2)
 */
const TERMINAL_REQUESTS = { TIOCSTI: 0x5412, TIOCLINUX: 0x541c };

/**
 * The commands of fcntl(2) for a lease on a file, a delegation of a directory (Linux 6.19), and notices about a
 * directory. A program that may only read a file can have them. A lease makes every process that opens the file for
 * writing wait, on the host too, for /proc/sys/fs/lease-break-time seconds. `<linux/fcntl.h>`
 */
const LEASE_COMMANDS = { F_SETLEASE: 1024, F_NOTIFY: 1026, F_SETDELEG: 1040 };

/** The families of sockets that all programs may create: `<linux/socket.h>`. */
const FAMILIES = { AF_UNSPEC: 0, AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16 };
const AF_PACKET = 17;

/** The netlink protocol whose messages go to the host's audit log: `<linux/netlink.h>`. */
const NETLINK_AUDIT = 9;

/**
 * The arguments of personality(2) that are allowed: PER_LINUX, UNAME26, PER_LINUX32, the last two together, and the
 * query of the current one. None of them weakens ASLR.
 */
const PERSONALITIES = [0, 0x20000, 0x8, 0x20008, 0xffffffff];

/**
 * The flags for a user namespace, and for all kinds that clone(2) knows. The bit of a time namespace is not among
 * these: to clone(2) it is a part of the exit signal. `<linux/sched.h>`
 */
const CLONE_NEWUSER = 0x10000000;
const CLONE_NEW_ANY = 0x7e020000;
const CLONE_NEWTIME = 0x80;

const parseOptions = schema<DefaultSeccompOptions>()({ userNamespaces: boolean, ptrace: boolean });

/**
 * The profile of `seccomp: 'default'`: it allows what ordinary programs need, gcc, Node and Python included, and
 * refuses the calls that attacks on the kernel usually need. Each call of this function returns a new object, which can
 * be changed and given as `seccomp`.
 *
 * It refuses new user namespaces, typing into a terminal (TIOCSTI, TIOCLINUX), leases on files, keyrings, io_uring,
 * userfaultfd, kexec, swapping, I/O ports, obsolete calls, sockets other than of Unix, IP and netlink, personalities
 * without address space randomization; and, to programs that are not given the capability for it, new namespaces,
 * mounting, bpf, perf events, kernel modules, reboot, setting the clock, the kernel's log, file handles, accounting.
 * Programs of other architectures, 32-bit ones too, are killed. A call newer than the profile fails with ENOSYS. It is
 * as strict as Docker's but for the calls that docs/seccomp.md lists.
 *
 * If several rules apply to a call, this package takes the strictest; libseccomp, and so Docker, may take another.
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
  const { userNamespaces = false, ptrace = true } = parseOptions('options', options);
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

/** The calls that are always allowed: all reviewed ones that are not named above. */
function openCalls(): string[] {
  const named = new Set([...CLOSED, ...GUARDED].flatMap(([, names]) => names).concat(TRACING, CONDITIONAL));
  return Object.entries(SYSCALLS)
    .filter(([name, numbers]) => !named.has(name) && numbers.every((number) => !isNew(number)))
    .map(([name]) => name);
}

/**
 * True for the number of a call that has not been reviewed. Numbers from 512 on belong to x32 and 32-bit ARM only, and
 * say nothing about age.
 */
function isNew(number: number | null): boolean {
  return number !== null && number > REVIEWED && number < 512;
}

function guarded(names: readonly string[], capability: Capability): SeccompRule {
  return { names, action: 'SCMP_ACT_ALLOW', includes: { caps: [capability] } };
}

function argumentRules(): SeccompRule[] {
  const requests = Object.values(TERMINAL_REQUESTS).map((request) => refused(['ioctl'], request, 'EPERM'));
  // The error is EINVAL, as if the kernel had no leases, or /proc/sys/fs/leases-enable were 0.
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

/**
 * A rule that refuses one value of the second argument, an `int`, whatever is in the upper half, which the kernel
 * ignores.
 */
function refused(names: readonly string[], value: number, errno: 'EPERM' | 'EINVAL'): SeccompRule {
  const args: SeccompArgument[] = [{ index: 1, op: 'SCMP_CMP_MASKED_EQ', value: INT, valueTwo: value }];
  return { names, action: 'SCMP_ACT_ERRNO', errnoRet: constants.errno[errno], args };
}

/** A rule that allows one value of the first argument. */
function allowed(names: readonly string[], value: number): SeccompRule {
  return { names, action: 'SCMP_ACT_ALLOW', args: [{ index: 0, op: 'SCMP_CMP_EQ', value }] };
}

/** The rule that refuses sockets of the audit log. The error is EINVAL, which programs that write to the log accept. */
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

/**
 * The rules for calls that create namespaces. unshare(2) stays allowed for its other uses: a thread's own directories
 * and descriptors.
 */
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

/** A rule that allows calls in which none of these flags is set. */
function without(names: readonly string[], flags: number): SeccompRule {
  return {
    names,
    action: 'SCMP_ACT_ALLOW',
    args: [{ index: 0, op: 'SCMP_CMP_MASKED_EQ', value: flags, valueTwo: 0 }],
  };
}
