import { invalidValue, validateArray, validateOneOf } from '../errors/validate';

/** `SECCOMP_FILTER_FLAG_*` of `<linux/seccomp.h>`. */
const BITS = {
  /**
   * Installs a filter in all threads of the process. Nothing has to be set for it, as the task that installs a filter
   * has one thread.
   */
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_LOG: 1 << 1,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 1 << 2,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 1 << 5,
} as const;

/**
 * A flag for installing a filter. `LOG` makes the kernel log all its actions but `ALLOW`, as far as
 * /proc/sys/kernel/seccomp/actions_logged names them. `SPEC_ALLOW` does not turn on the mitigation of Speculative Store
 * Bypass for the program. `TSYNC` has no effect here. `WAIT_KILLABLE_RECV` is for `SCMP_ACT_NOTIFY`, and is refused
 * here like that. seccomp(2)
 *
 * @useDeclaredType
 */
export type SeccompFlag = keyof typeof BITS;

const FLAGS = Object.keys(BITS) as SeccompFlag[];

/** Checks a list of flags. */
export function parseFlags(name: string, flags: unknown): SeccompFlag[] {
  validateArray(name, flags);
  return flags.map((flag, index) => {
    validateOneOf(`${name}[${index}]`, flag, FLAGS);
    if (flag !== 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV') return flag;
    throw invalidValue(`${name}[${index}]`, flag, 'is for SCMP_ACT_NOTIFY, and there is none here that would answer');
  });
}

/** The flags as seccomp(2) takes them. */
export function flagBits(flags: readonly SeccompFlag[]): number {
  return flags.reduce((bits, flag) => bits | BITS[flag], 0);
}
