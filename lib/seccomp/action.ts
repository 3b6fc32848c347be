import { constants } from 'node:os';
import { invalidValue, validateInteger, validateOneOf, validateString } from '../errors/validate';

/** The answer of a filter: `SECCOMP_RET_*` in the upper half, and a number in the lower half. seccomp(2) */
export interface Action {
  /** All 32 bits, as the filter returns them. */
  readonly value: number;
  /** The strictness: the lower, the stricter. Of the answers of several filters, the kernel takes the strictest. */
  readonly rank: number;
}

/** The actions by libseccomp's names, with their SECCOMP_RET_*, the strictest first. */
const ACTIONS = {
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_KILL_THREAD: 0x00000000,
  /** The old name of SCMP_ACT_KILL_THREAD in libseccomp. */
  SCMP_ACT_KILL: 0x00000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
} as const;

/**
 * The action for a system call, from the strictest on. `KILL_PROCESS` kills the process, and `KILL_THREAD`, also called
 * `KILL`, kills only its thread, both as if by SIGSYS. `TRAP` sends SIGSYS to the thread. `ERRNO` makes the call fail.
 * `TRACE` lets a tracer decide; without a tracer the call fails with ENOSYS. `LOG` logs the call and does it. `ALLOW`
 * does it. `NOTIFY` would ask another process, and is refused here. seccomp(2)
 *
 * @useDeclaredType
 */
export type SeccompAction = keyof typeof ACTIONS;

const NAMES = Object.keys(ACTIONS) as SeccompAction[];

/** SECCOMP_RET_DATA */
const MAX_DATA = 0xffff;

/** The largest error number; the kernel replaces larger ones by it. MAX_ERRNO */
const MAX_ERRNO = 4095;

export const KILL_PROCESS: Action = actionOf('SCMP_ACT_KILL_PROCESS', 0);

/** The answer that makes a call fail. */
export function failWith(errno: number): Action {
  return actionOf('SCMP_ACT_ERRNO', errno);
}

export function isErrno(action: Action): boolean {
  return action.rank === ACTIONS.SCMP_ACT_ERRNO;
}

/**
 * True if the action always keeps the kernel from doing the call. `SCMP_ACT_TRACE` does not, as a tracer may allow it.
 */
export function refuses(action: Action): boolean {
  return action.rank < ACTIONS.SCMP_ACT_TRACE;
}

/** Names of the options in which an action's number is given. */
export interface ErrnoNames {
  /** The option for the number, which OCI defines. */
  readonly number: string;
  /** The option for the name, `'EPERM'`, which Podman adds. */
  readonly name: string;
}

/**
 * Checks an action with its number.
 *
 * @throws TypeError, RangeError with Node's codes
 */
export function parseAction(
  name: string,
  action: unknown,
  errnoNames: ErrnoNames,
  ...given: [unknown, unknown]
): Action {
  validateOneOf(name, action, NAMES);
  if (action === 'SCMP_ACT_NOTIFY') {
    throw invalidValue(name, action, 'asks another process about each call, and there is none here that would answer');
  }
  const data = parseErrno(errnoNames, ...given);
  const takesData = action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';
  if (data !== undefined && !takesData) {
    throw invalidValue(
      errnoNames.number,
      data,
      `has no meaning with ${action}, only with SCMP_ACT_ERRNO and SCMP_ACT_TRACE`,
    );
  }
  if (action === 'SCMP_ACT_ERRNO' && data !== undefined) validateInteger(errnoNames.number, data, 0, MAX_ERRNO);
  return actionOf(action, takesData ? (data ?? constants.errno.EPERM) : 0);
}

function actionOf(action: SeccompAction, data: number): Action {
  const kind = ACTIONS[action];
  // The rank is signed, as the kernel compares actions as signed numbers.
  return { value: kind + data, rank: kind | 0 };
}

function parseErrno(names: ErrnoNames, number: unknown, name: unknown): number | undefined {
  const named = name == null || name === '' ? undefined : errnoNamed(names.name, name);
  if (number == null) return named;
  validateInteger(names.number, number, 0, MAX_DATA);
  if (named === undefined || named === number) return number;
  throw invalidValue(names.name, name, `is ${named}, and ${names.number} is ${number}`);
}

function errnoNamed(option: string, name: unknown): number {
  validateString(option, name);
  validateOneOf(option, name, Object.keys(constants.errno));
  return constants.errno[name as keyof typeof constants.errno];
}
