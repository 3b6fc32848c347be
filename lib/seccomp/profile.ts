import {
  invalidType,
  invalidValue,
  outOfRange,
  validateArray,
  validateInteger,
  validateKnownKeys,
  validateObject,
  validateOneOf,
  validateString,
} from '../errors/validate';
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

const PROFILE_KEYS = keysOf<SeccompProfile>({
  defaultAction: true,
  defaultErrnoRet: true,
  defaultErrno: true,
  architectures: true,
  archMap: true,
  flags: true,
  syscalls: true,
});
const ARCH_MAP_KEYS = keysOf<SeccompArchMap>({ architecture: true, subArchitectures: true });
const RULE_KEYS = keysOf<SeccompRule>({
  names: true,
  name: true,
  action: true,
  errnoRet: true,
  errno: true,
  args: true,
  includes: true,
  excludes: true,
  comment: true,
});
const ARGUMENT_KEYS = keysOf<SeccompArgument>({ index: true, value: true, valueTwo: true, op: true });
const CIRCUMSTANCES_KEYS = keysOf<SeccompCircumstances>({ arches: true, caps: true, minKernel: true });

/**
 * Checks a profile.
 *
 * @param name - the name of the option or argument
 * @throws TypeError, RangeError with Node's codes
 */
export function parseProfile(name: string, profile: unknown): Profile {
  validateKnown(name, profile, PROFILE_KEYS);
  const { defaultAction, defaultErrnoRet, defaultErrno, architectures, archMap, flags, syscalls } = profile;
  if (isFilled(architectures) && isFilled(archMap)) {
    throw invalidValue(`${name}.archMap`, archMap, `cannot be given with ${name}.architectures: one of them is meant`);
  }
  const errnoNames = { number: `${name}.defaultErrnoRet`, name: `${name}.defaultErrno` };
  return {
    defaultAction: parseAction(`${name}.defaultAction`, defaultAction, errnoNames, defaultErrnoRet, defaultErrno),
    architectures: isFilled(architectures) ? parseArchitectures(`${name}.architectures`, architectures) : undefined,
    archMap: isFilled(archMap) ? listOf(`${name}.archMap`, archMap, parseArchMap) : undefined,
    flags: parseFlags(`${name}.flags`, flags ?? []),
    rules: listOf(`${name}.syscalls`, syscalls ?? [], parseRule),
  };
}

function parseArchMap(name: string, entry: unknown): ArchMap {
  validateKnown(name, entry, ARCH_MAP_KEYS);
  validateOneOf(`${name}.architecture`, entry.architecture, ARCHITECTURE_NAMES);
  const subArchitectures = parseArchitectures(`${name}.subArchitectures`, entry.subArchitectures ?? []);
  return { architecture: entry.architecture, subArchitectures };
}

function parseArchitectures(name: string, list: unknown): SeccompArchitecture[] {
  return listOf(name, list, (each, architecture) => {
    validateOneOf(each, architecture, ARCHITECTURE_NAMES);
    return architecture;
  });
}

function parseRule(option: string, rule: unknown): Rule {
  validateKnown(option, rule, RULE_KEYS);
  const { action, errnoRet, errno, args, includes, excludes, comment } = rule;
  if (comment != null) validateString(`${option}.comment`, comment);
  const errnoNames = { number: `${option}.errnoRet`, name: `${option}.errno` };
  return {
    option,
    names: parseNames(option, rule),
    action: parseAction(`${option}.action`, action, errnoNames, errnoRet, errno),
    alternatives: alternativesOf(listOf(`${option}.args`, args ?? [], parseArgument)),
    includes: parseCircumstances(`${option}.includes`, includes ?? {}),
    excludes: parseCircumstances(`${option}.excludes`, excludes ?? {}),
  };
}

function parseNames(option: string, { name, names }: Record<string, unknown>): string[] {
  if (name != null && name !== '' && isFilled(names)) {
    throw invalidValue(`${option}.name`, name, `cannot be given with ${option}.names: one of them is meant`);
  }
  const list =
    name == null || name === '' ? listOf(`${option}.names`, names, asName) : [asName(`${option}.name`, name)];
  if (list.length > 0) return list;
  throw invalidValue(`${option}.names`, names, 'must have the name of a system call');
}

function asName(option: string, name: unknown): string {
  validateString(option, name);
  return name;
}

function parseArgument(option: string, argument: unknown): Condition {
  validateKnown(option, argument, ARGUMENT_KEYS);
  const { index, value, valueTwo, op } = argument;
  validateInteger(`${option}.index`, index, 0, 5);
  validateOneOf(`${option}.op`, op, OPERATORS);
  return { index, op, value: wide(`${option}.value`, value), valueTwo: wide(`${option}.valueTwo`, valueTwo ?? 0) };
}

/** Checks a value of 64 bits. A number beyond 2 ** 53 is refused: it has lost digits in JSON.parse(). */
function wide(option: string, value: unknown): bigint {
  if (typeof value !== 'number' && typeof value !== 'bigint') {
    throw invalidType(option, 'of type number or bigint', value);
  }
  const whole = typeof value === 'bigint' || Number.isSafeInteger(value);
  if (!whole) throw outOfRange(option, 'an integer, and a bigint beyond Number.MAX_SAFE_INTEGER', value);
  const wanted = BigInt(value);
  if (wanted < 0n || wanted > MAX_ARGUMENT) throw outOfRange(option, `>= 0 && <= ${MAX_ARGUMENT}`, value);
  return wanted;
}

/**
 * Splits conditions of which several are about one argument into a list for each, as runc does: libseccomp takes only
 * one condition for each argument in a rule.
 */
function alternativesOf(conditions: readonly Condition[]): readonly (readonly Condition[])[] {
  const indexes = new Set(conditions.map(({ index }) => index));
  return indexes.size === conditions.length ? [conditions] : conditions.map((condition) => [condition]);
}

function parseCircumstances(option: string, circumstances: unknown): Circumstances {
  validateKnown(option, circumstances, CIRCUMSTANCES_KEYS);
  const { arches, caps, minKernel } = circumstances;
  return {
    arches: listOf(`${option}.arches`, arches ?? [], asName),
    caps: listOf(`${option}.caps`, caps ?? [], (each, capability) => {
      validateOneOf(each, capability, CAPABILITIES);
      return capability;
    }),
    minKernel: minKernel == null || minKernel === '' ? undefined : parseKernel(`${option}.minKernel`, minKernel),
  };
}

/** Checks a kernel version: the one at the start of a text, as in `os.release()`. */
export function parseKernel(option: string, version: unknown): KernelVersion {
  validateString(option, version);
  const parsed = kernelVersion(version);
  if (parsed === undefined) throw invalidValue(option, version, "must be a version, such as '4.8'");
  return parsed;
}

function validateKnown(
  name: string,
  object: unknown,
  keys: readonly string[],
): asserts object is Record<string, unknown> {
  validateObject(name, object);
  validateKnownKeys(name, object, keys);
}

function listOf<T>(name: string, list: unknown, parse: (name: string, item: unknown) => T): T[] {
  validateArray(name, list);
  return list.map((item, index) => parse(`${name}[${index}]`, item));
}

function isFilled(list: unknown): boolean {
  return list != null && (!Array.isArray(list) || list.length > 0);
}

/** The names of all properties. The compiler makes sure that none is missing. */
function keysOf<T>(keys: Record<keyof T, true>): readonly string[] {
  return Object.keys(keys);
}
