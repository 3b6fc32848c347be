import { constants } from 'node:os';

/** Some are not in os.constants. */
const ERRNO = { ...constants.errno, EUSERS: 87, ETOOMANYREFS: 109 };

/** The errors that each call may give, from its page in section 2 of the manual, those first that a caller may treat alone. */
const ERRORS: Readonly<Record<string, readonly (keyof typeof ERRNO)[]>> = {
  capget: ['EPERM', 'EINVAL'],
  capset: ['EPERM', 'EINVAL'],
  chdir: ['EACCES', 'ENOENT', 'ENOTDIR', 'ENOMEM', 'EIO'],
  chroot: ['EPERM', 'ENOENT', 'EACCES'],
  clone: ['EAGAIN', 'ENOMEM', 'ENOSPC', 'EPERM', 'EUSERS', 'EINVAL'],
  clone3: ['EAGAIN', 'ENOMEM', 'ENOSPC', 'EPERM', 'ENOSYS', 'EUSERS', 'EINVAL', 'EBADF', 'EBUSY'],
  close_range: ['EINVAL', 'EMFILE', 'ENOSYS', 'EPERM'],
  connect: ['EACCES', 'ECONNREFUSED', 'EAGAIN'],
  dup3: ['EBADF', 'EBUSY', 'EMFILE', 'EINVAL'],
  // Not ENOEXEC: then the file is a script for the shell, as with execvp(3).
  execve: ['ENOENT', 'EACCES', 'ENOMEM', 'E2BIG', 'ETXTBSY', 'EPERM', 'EAGAIN'],
  execveat: ['ENOENT', 'EACCES', 'ENOMEM', 'ENOSYS', 'EPERM'],
  faccessat: ['ENOENT', 'EACCES', 'ENOMEM', 'EIO'],
  faccessat2: ['ENOENT', 'EACCES', 'ENOSYS', 'EPERM', 'ENOMEM', 'EIO'],
  fchdir: ['EACCES', 'EBADF', 'ENOTDIR'],
  fchmod: ['EPERM', 'EROFS', 'EIO'],
  fchmodat: ['EPERM', 'EROFS', 'EIO', 'ENOENT'],
  fchownat: ['EPERM', 'EINVAL', 'EROFS', 'EIO'],
  fcntl: ['EINVAL', 'EMFILE', 'EBADF', 'EPERM'],
  fgetxattr: ['ENODATA', 'EOPNOTSUPP', 'EIO', 'EPERM'],
  flock: ['EINTR', 'ENOLCK', 'EWOULDBLOCK'],
  fsconfig: ['EINVAL', 'EPERM', 'ENOMEM', 'EBUSY'],
  fsmount: ['EPERM', 'ENOMEM', 'EMFILE', 'EBUSY', 'ENOSYS'],
  fsopen: ['EPERM', 'ENODEV', 'ENOMEM', 'EMFILE', 'ENOSYS'],
  fspick: ['EPERM', 'ENOMEM', 'EMFILE', 'EINVAL'],
  fstat: ['EIO', 'ENOMEM'],
  fstatfs: ['EIO', 'ENOMEM'],
  ftruncate: ['EIO', 'EPERM', 'EINVAL'],
  getdents64: ['ENOENT', 'EIO', 'ENOTDIR', 'EINVAL'],
  getpid: ['EPERM', 'ENOSYS'],
  getppid: ['EPERM', 'ENOSYS'],
  getgid: ['EPERM', 'ENOSYS'],
  getuid: ['EPERM', 'ENOSYS'],
  geteuid: ['EPERM', 'ENOSYS'],
  ioctl: ['EPERM', 'EINVAL', 'ENOTTY', 'ENOMEM', 'EMFILE', 'EIO', 'ENODEV'],
  keyctl: ['ENOMEM', 'EDQUOT', 'EACCES', 'ENOSYS', 'EPERM'],
  kill: ['EPERM', 'ESRCH', 'EINVAL'],
  lseek: ['EINVAL', 'ESPIPE', 'EIO'],
  memfd_create: ['EMFILE', 'ENFILE', 'ENOMEM', 'EPERM', 'EINVAL'],
  mkdirat: ['EEXIST', 'EACCES', 'ENOSPC', 'EROFS', 'ENOENT', 'EDQUOT'],
  mknodat: ['EEXIST', 'EPERM', 'ENOSPC', 'EROFS', 'ENOENT'],
  mmap: ['ENOMEM', 'EAGAIN', 'EPERM'],
  mount: ['EPERM', 'EINVAL', 'EACCES', 'EBUSY', 'ENOMEM', 'ENOENT', 'ENOSPC'],
  mount_setattr: ['EPERM', 'EINVAL', 'ENOSYS', 'ENOMEM', 'EBUSY'],
  move_mount: ['EPERM', 'EINVAL', 'ELOOP', 'ENOENT', 'ENOMEM', 'ENOSPC'],
  munmap: ['EINVAL', 'ENOMEM'],
  open_tree: ['EPERM', 'ENOENT', 'EINVAL', 'EMFILE', 'ENOMEM', 'EACCES', 'ELOOP'],
  openat: ['ENOENT', 'EACCES', 'EMFILE', 'ENFILE', 'ENOMEM', 'EPERM', 'ELOOP', 'EINTR', 'EIO'],
  // Not ENOENT: what is optional is left out where the kernel says that it is not there.
  openat2: ['EACCES', 'EMFILE', 'ENFILE', 'ENOMEM', 'EPERM', 'ENOSYS', 'EXDEV', 'EAGAIN', 'ELOOP'],
  personality: ['EINVAL', 'EPERM'],
  pidfd_open: ['EMFILE', 'ENFILE', 'ENOMEM', 'ENOSYS', 'EPERM', 'ESRCH'],
  // Not ESRCH: then it has ended.
  pidfd_send_signal: ['EPERM', 'ENOSYS'],
  pipe2: ['EMFILE', 'ENFILE'],
  pivot_root: ['EPERM', 'EINVAL', 'EBUSY', 'ENOTDIR'],
  poll: ['EINTR', 'ENOMEM'],
  ppoll: ['EINTR', 'ENOMEM'],
  prctl: ['EINVAL', 'EPERM', 'ENOSYS'],
  pread64: ['EIO', 'EINVAL', 'EISDIR'],
  prlimit64: ['EPERM', 'EINVAL', 'EFAULT'],
  read: ['EINTR', 'EIO', 'EAGAIN', 'EINVAL'],
  readlinkat: ['ENOENT', 'EACCES', 'EINVAL', 'ENOMEM'],
  recvfrom: ['EINTR', 'ENOMEM', 'ECONNRESET', 'EAGAIN'],
  recvmsg: ['EINTR', 'ENOMEM', 'ECONNRESET'],
  rt_sigaction: ['EINVAL', 'EPERM'],
  rt_sigprocmask: ['EINVAL', 'EPERM'],
  rt_sigtimedwait: ['EINTR', 'EAGAIN', 'EINVAL'],
  sched_setaffinity: ['EINVAL', 'EPERM'],
  seccomp: ['EACCES', 'EINVAL', 'ENOMEM', 'ENOSYS', 'EPERM'],
  sendmsg: ['EINTR', 'ENOMEM', 'EPERM', 'ENOBUFS', 'ETOOMANYREFS', 'EPIPE', 'EAGAIN'],
  sendto: ['EINTR', 'ENOMEM', 'EPERM', 'ENOBUFS', 'EPIPE', 'EAGAIN', 'EMSGSIZE'],
  setdomainname: ['EPERM', 'EINVAL'],
  setgroups: ['EPERM', 'EINVAL', 'ENOMEM'],
  sethostname: ['EPERM', 'EINVAL'],
  setns: ['EPERM', 'EINVAL', 'ENOMEM', 'EUSERS', 'EBADF'],
  setpgid: ['EPERM', 'EACCES', 'ESRCH'],
  setpriority: ['EACCES', 'EPERM'],
  setresgid: ['EPERM', 'EINVAL', 'EAGAIN'],
  setresuid: ['EPERM', 'EINVAL', 'EAGAIN'],
  setsid: ['EPERM'],
  setsockopt: ['ENOMEM', 'ENOPROTOOPT', 'EPERM'],
  socket: ['EACCES', 'EMFILE', 'ENFILE', 'ENOMEM', 'EAFNOSUPPORT'],
  socketpair: ['EMFILE', 'ENFILE', 'ENOMEM', 'EPERM'],
  statfs: ['ENOENT', 'EACCES', 'EIO', 'ENOMEM'],
  statx: ['ENOENT', 'EACCES', 'ENOMEM', 'ENOSYS', 'EPERM'],
  symlinkat: ['EEXIST', 'EACCES', 'ENOSPC', 'EROFS'],
  umask: ['EPERM', 'ENOSYS'],
  umount2: ['EPERM', 'EBUSY', 'EINVAL', 'ENOENT'],
  unlinkat: ['ENOENT', 'EACCES', 'EBUSY', 'EROFS', 'EPERM'],
  unshare: ['EPERM', 'ENOSPC', 'ENOMEM', 'EUSERS', 'EINVAL'],
  utimensat: ['EPERM', 'EACCES', 'EROFS'],
  wait4: ['EINTR', 'ECHILD', 'EPERM'],
  // Not ECHILD: then there is no child, whatever else it looks like.
  waitid: ['EINTR', 'EINVAL'],
  write: ['EINTR', 'EIO', 'EPERM', 'EINVAL', 'ENOSPC', 'EAGAIN'],
};

/**
 * Not tried. close(2): the descriptor is gone in any case. exit, exit_group: do not return. The rest, on launcher
 * threads, is libc's and libuv's own: memory, locks and sleep. A process that has no memory left for them is ended by
 * them.
 */
const NOT_TRIED: readonly string[] = [
  'close',
  'exit',
  'exit_group',
  'rt_sigreturn',
  'restart_syscall',
  'futex',
  'madvise',
  'mprotect',
  'brk',
  'sched_yield',
  'nanosleep',
  'clock_nanosleep',
];

/** Of libc on threads of Node, but this package's own in nsinit. */
const NOT_OF_THREADS: readonly string[] = ['mmap', 'munmap'];

/** On Node's own thread: what the addon calls there and Node does not. */
const ON_MAIN: readonly string[] = [
  'socketpair',
  'recvmsg',
  'waitid',
  'sendto',
  'setsockopt',
  'pidfd_send_signal',
  'fcntl:1030',
];

/** What a filter of system calls that somebody else has installed answers: as containers' do. */
export const REFUSALS: readonly number[] = [ERRNO.EPERM, ERRNO.ENOSYS];

/** `'EPERM'` for 1. */
export function errorName(error: number): string {
  return Object.entries(ERRNO).find(([, value]) => value === error)?.[0] ?? String(error);
}

/** errno values to try; none for a call that is left alone. Throws for one that nobody has thought of. */
export function errorsOf(role: string, call: string, operation: number): readonly number[] {
  if (role === 'M' && !ON_MAIN.includes(operation === 0 ? call : `${call}:${operation}`)) return [];
  if (NOT_TRIED.includes(call) || (/^[A-Z]$/.test(role) && NOT_OF_THREADS.includes(call))) return [];
  const names = ERRORS[call];
  if (names === undefined) throw new Error(`${call}, which ${role} makes, is not in the table of errors`);
  return names.map((name) => ERRNO[name]);
}
