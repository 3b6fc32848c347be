import { constants } from 'node:os';
import { invalidValue, validateInteger, validateOneOf, validateString } from '../errors/validate';

/** What a filter answers: the upper half of `SECCOMP_RET_*`, and a number in the lower one. seccomp(2) */
export interface Action {
  /** All 32 bits, as the instruction that ends a filter has them. */
  readonly value: number;
  /** The lower, the stricter: the order in which the kernel chooses among the answers of several filters. */
  readonly rank: number;
}

/** SECCOMP_RET_*, the strictest first. */
const ACTIONS = {
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_KILL_THREAD: 0x00000000,
  /** What libseccomp has always meant by it. */
  SCMP_ACT_KILL: 0x00000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
} as const;

/**
 * What becomes of a system call, from the strictest to none: the process dies (`KILL_PROCESS`) or its thread
 * (`KILL_THREAD`, also called `KILL`) as of SIGSYS; it gets SIGSYS (`TRAP`); the call fails (`ERRNO`); a tracer decides,
 * and where there is none the call fails with ENOSYS (`TRACE`); it is written down (`LOG`); it is done (`ALLOW`).
 * `NOTIFY`, which asks another process, is not offered.
 *
 * @useDeclaredType
 */
export type SeccompAction = keyof typeof ACTIONS;

const NAMES = Object.keys(ACTIONS) as SeccompAction[];

/** SECCOMP_RET_DATA */
const MAX_DATA = 0xffff;

/** The kernel takes larger ones for this one: MAX_ERRNO. */
const MAX_ERRNO = 4095;

export const KILL_PROCESS: Action = actionOf('SCMP_ACT_KILL_PROCESS', 0);

/** The answer of a call that fails. */
export function failWith(errno: number): Action {
  return actionOf('SCMP_ACT_ERRNO', errno);
}

export function isErrno(action: Action): boolean {
  return action.rank === ACTIONS.SCMP_ACT_ERRNO;
}

/** Whether the call is not done by the kernel itself, or not without a tracer. */
export function refuses(action: Action): boolean {
  return action.rank < ACTIONS.SCMP_ACT_TRACE;
}

/** Names of the options in which an action's number is given. */
export interface ErrnoNames {
  /** As a number: OCI's. */
  readonly number: string;
  /** By name, `'EPERM'`: Podman's. */
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
  // As the kernel compares them: signed.
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
