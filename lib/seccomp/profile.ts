import { type Check, copied, integer, list, oneOf, orNull, required, schema, string } from '../errors/schema';
import { invalidType, invalidValue, outOfRange, validateString } from '../errors/validate';
import { CAPABILITIES, type Capability } from '../kernel/capabilities';
import { type KernelVersion, kernelVersion } from '../kernel/version';
import { type Action, type SeccompAction, parseAction } from './action';
import { ARCHITECTURE_NAMES, type SeccompArchitecture } from './architecture';
import { type SeccompFlag, parseFlags } from './flags';

/**
 * A filter of system calls in OCI's JSON form, with the properties that Docker and Podman add to it. The result of
 * `JSON.parse()` on one of their profiles can be given unchanged. Unknown keys are errors.
 *
 * If several rules are about one call, the strictest of those whose conditions hold decides, whatever their order. The
 * `defaultAction` decides only if the conditions of none hold.
 */
export interface SeccompProfile {
  /** The action for a call that no rule is about. */
  defaultAction: SeccompAction;
  /**
   * The error number, if `defaultAction` is `SCMP_ACT_ERRNO`, or the message for the tracer, if it is `SCMP_ACT_TRACE`.
   * Default: EPERM.
   */
  defaultErrnoRet?: number | null | undefined;
  /** The same by its name, `'ENOSYS'` for example, as Podman's profiles have it. */
  defaultErrno?: string | null | undefined;
  /**
   * The architectures that programs may use besides the machine's own: on x86-64 `SCMP_ARCH_X86` and `SCMP_ARCH_X32`,
   * on arm64 `SCMP_ARCH_ARM`. A process that makes a call of another architecture is killed. Names of architectures
   * that the machine cannot run are ignored. Default: none.
   */
  architectures?: readonly SeccompArchitecture[] | null | undefined;
  /**
   * The same for several machines, as Docker's and Podman's profiles have it. It cannot be given with `architectures`.
   */
  archMap?: readonly SeccompArchMap[] | null | undefined;
  /** `SECCOMP_FILTER_FLAG_*` of seccomp(2). Default: none. */
  flags?: readonly SeccompFlag[] | null | undefined;
  /** The rules. Their order has no meaning. Default: none. */
  syscalls?: readonly SeccompRule[] | null | undefined;
}

/** The architectures that programs may use on one machine. */
export interface SeccompArchMap {
  /** The machine's own architecture. */
  architecture: SeccompArchitecture;
  /** The other architectures that programs may use there. Default: none. */
  subArchitectures?: readonly SeccompArchitecture[] | null | undefined;
}

/** A rule about some system calls. */
export interface SeccompRule {
  /**
   * Their names, as in `<asm/unistd.h>`. Names of calls that only other architectures have are ignored. A name that no
   * architecture has is an error if the rule is stricter than the default; otherwise it is ignored too, and listed in
   * {@link CompiledSeccomp.unknown}.
   */
  names?: readonly string[] | null | undefined;
  /** One name in place of `names`, as Docker's older profiles have it. */
  name?: string | null | undefined;
  /** The action for such a call. */
  action: SeccompAction;
  /** The error number of `SCMP_ACT_ERRNO`, or the message of `SCMP_ACT_TRACE` for the tracer. Default: EPERM. */
  errnoRet?: number | null | undefined;
  /** The same by its name, as Podman's profiles have it. */
  errno?: string | null | undefined;
  /**
   * Conditions on the arguments. All of them have to hold; but if two are about the same argument, it is enough that
   * any one holds, as with runc and crun. Default: none, the rule always holds.
   */
  args?: readonly SeccompArgument[] | null | undefined;
  /** The circumstances in which the rule is in force. Default: all. */
  includes?: SeccompCircumstances | null | undefined;
  /** The circumstances in which the rule is not in force. Default: none. */
  excludes?: SeccompCircumstances | null | undefined;
  /** A comment for people, which has no effect. */
  comment?: string | null | undefined;
}

/**
 * A condition on an argument. All 64 bits of the argument are compared, without a sign. If the kernel uses only the
 * lower 32 bits (an `int`), a caller can put anything in the upper ones: to forbid a value, use `SCMP_CMP_MASKED_EQ`
 * with the mask 0xffffffff.
 */
export interface SeccompArgument {
  /** The number of the argument, from 0 to 5. */
  index: number;
  /**
   * The value that it is compared with, or the mask of `SCMP_CMP_MASKED_EQ`. Give a bigint above
   * `Number.MAX_SAFE_INTEGER`.
   */
  value: number | bigint;
  /** The value that `SCMP_CMP_MASKED_EQ` compares the masked argument with. Default: 0. */
  valueTwo?: number | bigint | null | undefined;
  /** The comparison. */
  op: SeccompOperator;
}

/**
 * A comparison of an argument with {@link SeccompArgument.value}. `SCMP_CMP_MASKED_EQ` holds if
 * `(argument & value) == (valueTwo & value)`.
 *
 * @useDeclaredType
 */
export type SeccompOperator = (typeof OPERATORS)[number];

/** The circumstances that a rule depends on. For `includes` all of them have to be given, for `excludes` none. */
export interface SeccompCircumstances {
  /** Names of architectures as Go has them (`'amd64'`, `'arm64'`): the machine's has to be among them. */
  arches?: readonly string[] | null | undefined;
  /** Capabilities that the program is given: for `includes` all of them, for `excludes` any of them. */
  caps?: readonly Capability[] | null | undefined;
  /** The kernel version, `'4.8'` for example, from which on this holds. */
  minKernel?: string | null | undefined;
}

/** A profile that has been checked. */
export interface Profile {
  readonly defaultAction: Action;
  readonly architectures: readonly SeccompArchitecture[] | undefined;
  readonly archMap: readonly ArchMap[] | undefined;
  readonly flags: readonly SeccompFlag[];
  readonly rules: readonly Rule[];
}

export interface ArchMap {
  readonly architecture: SeccompArchitecture;
  readonly subArchitectures: readonly SeccompArchitecture[];
}

export interface Rule {
  /** Its name in errors: `profile.syscalls[3]`. */
  readonly option: string;
  readonly names: readonly string[];
  readonly action: Action;
  /** Lists of conditions. The rule holds if all conditions of any one list hold; an empty list always holds. */
  readonly alternatives: readonly (readonly Condition[])[];
  readonly includes: Circumstances;
  readonly excludes: Circumstances;
}

export interface Condition {
  readonly index: number;
  readonly op: SeccompOperator;
  readonly value: bigint;
  readonly valueTwo: bigint;
}

export interface Circumstances {
  readonly arches: readonly string[];
  readonly caps: readonly Capability[];
  readonly minKernel: KernelVersion | undefined;
}

const OPERATORS = Object.freeze([
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
] as const);

const MAX_ARGUMENT = 2n ** 64n - 1n;

/** Checks a value of 64 bits. A number beyond 2 ** 53 is refused: it has lost digits in JSON.parse(). */
const wide: Check<bigint> = (name, value) => {
  if (typeof value !== 'number' && typeof value !== 'bigint') {
    throw invalidType(name, 'of type number or bigint', value);
  }
  const whole = typeof value === 'bigint' || Number.isSafeInteger(value);
  if (!whole) throw outOfRange(name, 'an integer, and a bigint beyond Number.MAX_SAFE_INTEGER', value);
  const wanted = BigInt(value);
  if (wanted < 0n || wanted > MAX_ARGUMENT) throw outOfRange(name, `>= 0 && <= ${MAX_ARGUMENT}`, value);
  return wanted;
};

/** Checks a kernel version: the one at the start of a text, as in `os.release()`. */
export const kernel: Check<KernelVersion> = (name, value) => {
  validateString(name, value);
  const parsed = kernelVersion(value);
  if (parsed !== undefined) return parsed;
  throw invalidValue(name, value, "must be a version, such as '4.8'");
};

const architecture = oneOf(ARCHITECTURE_NAMES);

const ARCH_MAP = schema<SeccompArchMap>()({
  architecture: required(architecture),
  subArchitectures: orNull(list(architecture)),
});

const ARGUMENT = schema<SeccompArgument>()({
  index: required(integer(0, 5)),
  value: required(wide),
  valueTwo: orNull(wide),
  op: required(oneOf(OPERATORS)),
});

const CIRCUMSTANCES = schema<SeccompCircumstances>()({
  arches: orNull(list(string)),
  caps: orNull(list(oneOf(CAPABILITIES))),
  minKernel: orNull((name, value) => (value === '' ? undefined : kernel(name, value))),
});

const RULE = schema<SeccompRule>()({
  names: orNull(list(string)),
  name: orNull(string),
  action: required(copied),
  errnoRet: orNull(copied),
  errno: orNull(copied),
  args: orNull(list(condition)),
  includes: orNull(circumstances),
  excludes: orNull(circumstances),
  comment: orNull(string),
});

const PROFILE = schema<SeccompProfile>()({
  defaultAction: required(copied),
  defaultErrnoRet: orNull(copied),
  defaultErrno: orNull(copied),
  architectures: orNull(list(architecture)),
  archMap: orNull(list(archMap)),
  flags: orNull(parseFlags),
  syscalls: orNull(list(rule)),
});

/**
 * Checks a profile.
 *
 * @param name - the name of the option or argument
 * @throws TypeError, RangeError with Node's codes
 */
export function parseProfile(name: string, profile: unknown): Profile {
  const given = PROFILE(name, profile);
  const { defaultAction, defaultErrnoRet, defaultErrno } = given;
  const { architectures = [], archMap: maps = [], flags = [], syscalls: rules = [] } = given;
  if (architectures.length > 0 && maps.length > 0) {
    throw invalidValue(`${name}.archMap`, maps, `cannot be given with ${name}.architectures: one of them is meant`);
  }
  const errnoNames = { number: `${name}.defaultErrnoRet`, name: `${name}.defaultErrno` };
  return {
    defaultAction: parseAction(`${name}.defaultAction`, defaultAction, errnoNames, defaultErrnoRet, defaultErrno),
    architectures: architectures.length > 0 ? architectures : undefined,
    archMap: maps.length > 0 ? maps : undefined,
    flags,
    rules,
  };
}

function archMap(name: string, value: unknown): ArchMap {
  const { architecture: own, subArchitectures = [] } = ARCH_MAP(name, value);
  return { architecture: own, subArchitectures };
}

function rule(option: string, value: unknown): Rule {
  const { name, names, action, errnoRet, errno, args = [], includes, excludes } = RULE(option, value);
  const errnoNames = { number: `${option}.errnoRet`, name: `${option}.errno` };
  return {
    option,
    names: namesOf(option, name, names),
    action: parseAction(`${option}.action`, action, errnoNames, errnoRet, errno),
    alternatives: alternativesOf(args),
    includes: includes ?? ALWAYS,
    excludes: excludes ?? ALWAYS,
  };
}

function namesOf(option: string, name = '', names: readonly string[] = []): readonly string[] {
  if (name !== '' && names.length > 0) {
    throw invalidValue(`${option}.name`, name, `cannot be given with ${option}.names: one of them is meant`);
  }
  if (name !== '') return [name];
  if (names.length > 0) return names;
  throw invalidValue(`${option}.names`, names, 'must have the name of a system call');
}

function condition(name: string, value: unknown): Condition {
  const { index, op, value: wanted, valueTwo = 0n } = ARGUMENT(name, value);
  return { index, op, value: wanted, valueTwo };
}

/**
 * Splits conditions of which several are about one argument into a list for each, as runc does: libseccomp takes only
 * one condition for each argument in a rule.
 */
function alternativesOf(conditions: readonly Condition[]): readonly (readonly Condition[])[] {
  const indexes = new Set(conditions.map(({ index }) => index));
  return indexes.size === conditions.length ? [conditions] : conditions.map((each) => [each]);
}

/** The circumstances of a rule that does not depend on any. */
const ALWAYS: Circumstances = { arches: [], caps: [], minKernel: undefined };

function circumstances(name: string, value: unknown): Circumstances {
  const { arches = [], caps = [], minKernel } = CIRCUMSTANCES(name, value);
  return { arches, caps, minKernel };
}
