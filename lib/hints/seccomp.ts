/** Hints about seccomp(2), which installs the filters of a program. */
import { Errno } from '../kernel/errno';
import { hasSeccompFilter } from './evidence';
import { type Explainer, byErrno } from './failure';
import { listed } from './wording';

export const explainSeccomp: Explainer = byErrno({
  [Errno.EACCES]: () =>
    'Without noNewPrivileges a filter takes CAP_SYS_ADMIN in the user namespace of the program, which it is not given ' +
    "(seccomp(2)). Leave out 'noNewPrivileges: false', or give the program 'CAP_SYS_ADMIN' in 'capabilities'.",
  [Errno.EINVAL]: () =>
    'The kernel does not take this BPF program or one of its flags: it loads memory that it never stored, divides by zero, or has a flag that came with a later kernel (seccomp(2)).',
  [Errno.ENOMEM]: () =>
    'The filters of a program may have 32768 BPF instructions together, 4 more counted for each, and those that this ' +
    'process itself runs under are among them (MAX_INSNS_PER_PATH, seccomp(2)): merge the profiles, or make them shorter.',
  [Errno.EPERM]: () =>
    'A filter that is already in force forbids seccomp(2), and prctl(PR_SET_SECCOMP) in its place: the one this process ' +
    'itself runs under, or one that was given before this. Of several programs each but the last has to allow one of the two.',
  [Errno.ENOSYS]: (_, host) =>
    hasSeccompFilter(host)
      ? 'The seccomp filter this process itself runs under forbids seccomp(2), by which one is installed.'
      : 'This kernel has no seccomp filters (CONFIG_SECCOMP_FILTER).',
});

/**
 * Explains why SIGSYS has ended a task: SECCOMP_RET_KILL_PROCESS, seccomp(2). Nobody is told for which call: those that were
 * tried alone, and had the same end, are `killing`; the others of the plan are `later`.
 */
export const explainKilledByFilter: Explainer = ({ killing = [], later = [] }) => {
  const likely = later.length === 0 ? '' : `, here most likely ${listed(later, 'or')}`;
  const which = killing.length === 0 ? likely : `, and when tried alone it does so for ${listed(killing)}`;
  return (
    `SIGSYS is how a seccomp filter ends a program for a system call that it does not allow${which}. systemd has such ` +
    'filters for SystemCallFilter= (@mount has the calls for mounts and roots), containers for a profile with ' +
    'SCMP_ACT_KILL_PROCESS. Allow them there (SystemCallFilter=@mount). With SystemCallErrorNumber=EPERM the error ' +
    'names the call.'
  );
};

/** Errors with which a filter may answer execve. Other errors of execve are the kernel's own. */
const FILTERED: readonly number[] = [Errno.EPERM, Errno.EACCES, Errno.ENOSYS];

/** The program existed a moment ago, and its exec failed when its filters were in force. */
export function refusedByOwnFilter(detail: string | undefined, errno: number): string | undefined {
  if (detail !== 'filtered' || !FILTERED.includes(errno)) return undefined;
  return (
    'The seccomp filter that the program was given is in force already for its execve(2), and most likely refuses it: ' +
    'let it allow execve.'
  );
}
