import { constants } from 'node:os';
import { validateBoolean, validateKnownKeys, validateObject } from '../errors/validate';
import type { Capability } from '../host/capabilities';
import { SYSCALLS } from './syscall-table';
import type { SeccompArgument, SeccompProfile, SeccompRule } from './profile';

/** Options of {@link defaultSeccompProfile}: what it allows. */
export interface DefaultSeccompOptions {
  /**
   * Whether programs may create user namespaces, in which they then have every capability. Without them clone3(2), whose
   * flags no filter sees, fails with ENOSYS, and programs use clone(2). Default: true.
   */
  userNamespaces?: boolean | undefined;
  /**
   * Whether programs may trace and read one another: ptrace(2), process_vm_readv(2), pidfd_getfd(2) and the like. Meant
   * for programs in a pid namespace of their own. With CAP_SYS_PTRACE they may in any case. Default: true.
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
  // The whole machine: another kernel, swap, switches of the processor.
  [constants.errno.EPERM, ['kexec_file_load', 'kexec_load', 'swapoff', 'swapon']],
  [constants.errno.EPERM, ['ioperm', 'iopl', 'pciconfig_iobase', 'pciconfig_read', 'pciconfig_write']],
  // Segments and modes of the 8086: for what no 64-bit program needs.
  [constants.errno.EPERM, ['modify_ldt', 'vm86', 'vm86old']],
  // Changes what a security module says of the program.
  [constants.errno.EPERM, ['lsm_set_self_attr']],
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

/** Closed but for who was given one of these capabilities. What the kernel asks for, it asks for all the same. */
const GUARDED: readonly (readonly [capabilities: readonly Capability[], names: readonly string[]])[] = [
  // Mounting takes a capability that everyone has in a user namespace of their own, and it is a lot of kernel to try.
  [
    ['CAP_SYS_ADMIN'],
    [
      ...['fsconfig', 'fsmount', 'fsopen', 'fspick', 'mount', 'mount_setattr', 'move_mount', 'open_tree'],
      ...['open_tree_attr', 'pivot_root', 'umount', 'umount2'],
    ],
  ],
  [['CAP_SYS_ADMIN'], ['fanotify_init', 'quotactl', 'quotactl_fd', 'vhangup']],
  [['CAP_BPF', 'CAP_SYS_ADMIN'], ['bpf']],
  [['CAP_PERFMON', 'CAP_SYS_ADMIN'], ['perf_event_open']],
  [['CAP_SYS_MODULE'], ['delete_module', 'finit_module', 'init_module']],
  [['CAP_SYS_BOOT'], ['reboot']],
  [['CAP_SYS_PACCT'], ['acct']],
  [['CAP_SYS_TIME'], ['clock_settime', 'clock_settime64', 'settimeofday', 'stime']],
  [['CAP_SYSLOG'], ['syslog']],
  // By a handle any file of a file system is opened, below the root or not: the way out of CVE-2014-3519 and of "shocker".
  [['CAP_DAC_READ_SEARCH'], ['open_by_handle_at']],
  // Where memory lies is the host's to say.
  [
    ['CAP_SYS_NICE'],
    ['mbind', 'migrate_pages', 'move_pages', 'set_mempolicy', 'set_mempolicy_home_node', 'get_mempolicy'],
  ],
];

/** With {@link DefaultSeccompOptions.ptrace}, or CAP_SYS_PTRACE. */
const TRACING = ['kcmp', 'pidfd_getfd', 'process_madvise', 'process_vm_readv', 'process_vm_writev', 'ptrace'];

/** Open for some arguments only: see {@link argumentRules}. */
const CONDITIONAL = ['clone', 'clone3', 'ioctl', 'personality', 'socket', 'socketpair', 'unshare'];

/** The other half of an argument is the caller's to fill: the kernel takes these as an `int`. */
const INT = 0xffffffff;

/** `<asm-generic/ioctls.h>`: to type into the terminal, and to paste on the console. ioctl_tty(2), ioctl_console(2) */
const TERMINAL_REQUESTS = { TIOCSTI: 0x5412, TIOCLINUX: 0x541c };

/** `<linux/socket.h>` */
const FAMILIES = { AF_UNSPEC: 0, AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16 };
const AF_PACKET = 17;

/** personality(2): PER_LINUX, UNAME26, PER_LINUX32, both, and the question. Those that weaken ASLR are not among them. */
const PERSONALITIES = [0, 0x20000, 0x8, 0x20008, 0xffffffff];

const CLONE_NEWUSER = 0x10000000;

/**
 * The profile of `seccomp: 'default'`: it allows what ordinary programs need, gcc, Node and Python included, and
 * refuses the calls that attacks on the kernel usually need. Each call returns a new object, which can be changed and
 * given as `seccomp`.
 *
 * It refuses typing into a terminal (TIOCSTI, TIOCLINUX), keyrings, io_uring, userfaultfd, kexec, swapping, I/O ports,
 * obsolete calls, sockets other than of Unix, IP and netlink, personalities without address space randomization; and,
 * to programs that are not given the capability for it, mounting, bpf, perf events, kernel modules, reboot, setting the
 * clock, the kernel's log, file handles, accounting. Programs of other architectures, 32-bit ones too, are killed. A
 * call newer than the profile fails with ENOSYS.
 *
 * Where several rules apply to a call, this package takes the strictest; libseccomp, and so Docker, may take another.
 *
 * @throws TypeError with Node's codes
 *
 * @example
 * ```ts
 * const profile = defaultSeccompProfile({ userNamespaces: false });
 * profile.syscalls = [...profile.syscalls!, { names: ['ptrace'], action: 'SCMP_ACT_KILL_PROCESS' }];
 * await spawn('sh', [], { seccomp: profile });
 * ```
 */
export function defaultSeccompProfile(options: DefaultSeccompOptions = {}): SeccompProfile {
  validateObject('options', options);
  validateKnownKeys('options', options, ['userNamespaces', 'ptrace']);
  const { userNamespaces = true, ptrace = true } = options;
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
  const socketCalls = ['socket', 'socketpair'];
  return [
    ...Object.values(TERMINAL_REQUESTS).map((request): SeccompRule => {
      const args: SeccompArgument[] = [{ index: 1, op: 'SCMP_CMP_MASKED_EQ', value: INT, valueTwo: request }];
      return { names: ['ioctl'], action: 'SCMP_ACT_ERRNO', args };
    }),
    { names: ['ioctl'], action: 'SCMP_ACT_ALLOW' },
    ...Object.values(FAMILIES).map((family) => allowed(socketCalls, family)),
    { ...allowed(socketCalls, AF_PACKET), includes: { caps: ['CAP_NET_RAW'] } },
    ...PERSONALITIES.map((persona) => allowed(['personality'], persona)),
  ];
}

/** One value of the first argument is allowed. */
function allowed(names: readonly string[], value: number): SeccompRule {
  return { names, action: 'SCMP_ACT_ALLOW', args: [{ index: 0, op: 'SCMP_CMP_EQ', value }] };
}

function namespaceRules(userNamespaces: boolean): SeccompRule[] {
  if (userNamespaces) return [{ names: ['clone', 'clone3', 'unshare'], action: 'SCMP_ACT_ALLOW' }];
  const args: SeccompArgument[] = [{ index: 0, op: 'SCMP_CMP_MASKED_EQ', value: CLONE_NEWUSER, valueTwo: 0 }];
  return [
    { names: ['clone', 'unshare'], action: 'SCMP_ACT_ALLOW', args },
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: constants.errno.ENOSYS },
  ];
}
