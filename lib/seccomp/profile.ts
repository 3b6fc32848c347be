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
 * A filter of system calls in OCI's JSON form, with what Docker and Podman add to it: what `JSON.parse()` makes of their
 * profiles can be given as it is. Unknown keys are errors.
 *
 * For a call that several rules are about, the strictest of those whose conditions hold counts, wherever they stand, and
 * only where none holds the `defaultAction`.
 */
export interface SeccompProfile {
  /** What becomes of a call that no rule is about. */
  defaultAction: SeccompAction;
  /** The error of `SCMP_ACT_ERRNO` as default, or the message of `SCMP_ACT_TRACE`. Default: EPERM. */
  defaultErrnoRet?: number | null | undefined;
  /** The same by name, `'ENOSYS'`: Podman's. */
  defaultErrno?: string | null | undefined;
  /**
   * Architectures that programs may use beside the machine's own: on x86-64 `SCMP_ARCH_X86` and `SCMP_ARCH_X32`, on arm64
   * `SCMP_ARCH_ARM`. The process that makes a call of any other is killed. Others than the machine's are passed over.
   */
  architectures?: readonly SeccompArchitecture[] | null | undefined;
  /** The same for each machine: Docker's and Podman's. */
  archMap?: readonly SeccompArchMap[] | null | undefined;
  /** `SECCOMP_FILTER_FLAG_*` of seccomp(2). Default: none. */
  flags?: readonly SeccompFlag[] | null | undefined;
  /** The rules. */
  syscalls?: readonly SeccompRule[] | null | undefined;
}

/** What programs may use on a machine. */
export interface SeccompArchMap {
  /** The machine's. */
  architecture: SeccompArchitecture;
  /** Which others programs may use there. */
  subArchitectures?: readonly SeccompArchitecture[] | null | undefined;
}

/** A rule about some system calls. */
export interface SeccompRule {
  /**
   * Their names, as in `<asm/unistd.h>`. Those that other architectures have are passed over. One that none has is an
   * error in a rule stricter than the default; else it is passed over too, and {@link CompiledSeccomp.unknown} has it.
   */
  names?: readonly string[] | null | undefined;
  /** In place of `names`, as Docker's older profiles have it. */
  name?: string | null | undefined;
  /** What becomes of such a call. */
  action: SeccompAction;
  /** The error of `SCMP_ACT_ERRNO`, or the message of `SCMP_ACT_TRACE`. Default: EPERM. */
  errnoRet?: number | null | undefined;
  /** The same by name: Podman's. */
  errno?: string | null | undefined;
  /**
   * Conditions on the arguments, all of which have to hold; but where two are about one argument, it is enough that any
   * holds, as with runc and crun.
   */
  args?: readonly SeccompArgument[] | null | undefined;
  /** Where the rule is in force. Default: everywhere. */
  includes?: SeccompCircumstances | null | undefined;
  /** Where it is not. */
  excludes?: SeccompCircumstances | null | undefined;
  /** Has no meaning. */
  comment?: string | null | undefined;
}

/**
 * A condition on an argument. It is compared as the 64 bits that it is, without sign; where the kernel takes only the
 * lower 32 (an `int`), forbid by `SCMP_CMP_MASKED_EQ` with the mask 0xffffffff: a caller can put anything in the others.
 */
export interface SeccompArgument {
  /** 0 to 5. */
  index: number;
  /** What it is compared with, or the mask of `SCMP_CMP_MASKED_EQ`. */
  value: number | bigint;
  /** What the masked argument is compared with. Default: 0. */
  valueTwo?: number | bigint | null | undefined;
  /** How it is compared. */
  op: SeccompOperator;
}

/**
 * `SCMP_CMP_MASKED_EQ`: argument & value == valueTwo & value.
 *
 * @useDeclaredType
 */
export type SeccompOperator = (typeof OPERATORS)[number];

/** Circumstances of a rule; `includes` are all to be given, of `excludes` none may be. */
export interface SeccompCircumstances {
  /** The machine's architecture as Go calls it (`'amd64'`, `'arm64'`): one of these. */
  arches?: readonly string[] | null | undefined;
  /** Capabilities the program is given: for `includes` all, for `excludes` any of them. */
  caps?: readonly Capability[] | null | undefined;
  /** At least this kernel: `'4.8'`. */
  minKernel?: string | null | undefined;
}

/** A profile that is sound. */
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
  /** Where it stands: `profile.syscalls[3]`. */
  readonly option: string;
  readonly names: readonly string[];
  readonly action: Action;
  /** Conditions that have to hold together, and alternatives to them; one that is empty holds always. */
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
 * @param name - of the option or argument
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

/** A number beyond 2 ** 53 has lost digits on its way through JSON.parse(). */
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

/** runc: "if two or more arguments have the same condition", each is a rule of its own. libseccomp takes one of each. */
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

/** The version at the start of a text: as `os.release()` has it. */
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

/** The names of all properties: the compiler sees to it that none is missing. */
function keysOf<T>(keys: Record<keyof T, true>): readonly string[] {
  return Object.keys(keys);
}
