import { release } from 'node:os';
import { plain, plainOptions } from '../errors/plain';
import { outOfRange, validateArray, validateOneOf } from '../errors/validate';
import { CAPABILITIES, type Capability } from '../kernel/capabilities';
import { kernelVersion } from '../kernel/version';
import { MACHINE_NAMES, type Machine, factsOf, syscallNumber, thisMachine } from './architecture';
import { assemble } from './assemble';
import { INSTRUCTION_BYTES, MAX_INSTRUCTIONS } from './bpf';
import { type Setting, abisOf, decisionsOf, isRefused, unknownNames } from './decisions';
import type { SeccompFlag } from './flags';
import { type Profile, type SeccompProfile, parseKernel, parseProfile } from './profile';

/** What a profile is compiled for. */
export interface CompileSeccompOptions {
  /** The machine. Default: this one. */
  arch?: Machine | undefined;
  /** The capabilities that the program is to have, for rules that depend on them. Default: none. */
  capabilities?: readonly Capability[] | undefined;
  /** The version of the kernel, for rules that depend on it, as `'6.8'`. Default: this one's. */
  kernel?: string | undefined;
}

/** A profile as the kernel takes it. */
export interface CompiledSeccomp {
  /** Classic BPF, an array of `struct sock_filter`: for the option `seccomp`, or for `bwrap --seccomp`. seccomp(2) */
  readonly program: Uint8Array;
  /** The flags of the profile. */
  readonly flags: readonly SeccompFlag[];
  /** Names of calls that no architecture has, from rules that allow them: newer than this package, or misspelt. */
  readonly unknown: readonly string[];
}

/** The same, and what is asked of it here. */
export interface Compiled extends CompiledSeccomp {
  /** Whether it lets no program be executed. */
  readonly refusesExec: boolean;
}

/** A kernel that hides its version has all that a rule asks for. */
const LATEST = [Infinity, 0] as const;

/**
 * Compiles a seccomp profile in OCI's JSON form to the BPF program that seccomp(2) takes.
 *
 * Calls are found by binary search, the machine's own architecture first; the process that makes a call of an architecture
 * which the profile does not list is killed. Where the default is an error, calls newer than all that the profile names
 * fail with ENOSYS, as with runc.
 *
 * @throws TypeError, RangeError with Node's codes: `ERR_INVALID_ARG_VALUE` for unknown keys and for unknown calls in rules
 * that close something, `ERR_OUT_OF_RANGE` for a program of more than 4096 instructions; NamespaceError
 * `ERR_LINUX_NS_UNSUPPORTED` on machines other than x86-64 and arm64, when none is given
 *
 * @example
 * ```ts
 * const profile = JSON.parse(await fs.readFile('/usr/share/containers/seccomp.json', 'utf8'));
 * const { program, unknown } = compileSeccomp(profile, { capabilities: ['CAP_NET_RAW'] });
 * ```
 */
export function compileSeccomp(profile: SeccompProfile, options: CompileSeccompOptions = {}): CompiledSeccomp {
  const { arch, capabilities = [], kernel } = plainOptions('options', options, ['arch', 'capabilities', 'kernel']);
  if (arch !== undefined) validateOneOf('options.arch', arch, MACHINE_NAMES);
  validateArray('options.capabilities', capabilities);
  capabilities.forEach((each, index) => validateOneOf(`options.capabilities[${index}]`, each, CAPABILITIES));
  const { program, flags, unknown } = compileProfile('profile', plain(profile), {
    machine: arch ?? thisMachine(),
    capabilities,
    kernel: kernel === undefined ? thisKernel() : parseKernel('options.kernel', kernel),
  });
  return { program: program.slice(), flags: [...flags], unknown: [...unknown] };
}

/** Of these many profiles what they were compiled to is kept: a program that is started often has the same each time. */
const KEPT = 16;

/** By what was understood of the profile, since the object that it was in may have been changed. The latest comes last. */
const compiled = new Map<string, Compiled>();

/** Compiles a profile that was given as an option or argument of that name. The result is shared: not to be changed. */
export function compileProfile(name: string, profile: unknown, setting: Setting): Compiled {
  const parsed = parseProfile(name, profile);
  const key = JSON.stringify([parsed, setting], (_, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
  const made = compiled.get(key) ?? compileParsed(name, parsed, setting);
  compiled.delete(key);
  compiled.set(key, made);
  for (const oldest of [...compiled.keys()].slice(0, -KEPT)) compiled.delete(oldest);
  return made;
}

function compileParsed(name: string, parsed: Profile, setting: Setting): Compiled {
  const unknown = unknownNames(parsed);
  const { native } = factsOf(setting.machine);
  const decisions = abisOf(parsed, setting.machine).map((abi) => decisionsOf(parsed, abi, setting));
  const program = assemble(decisions);
  const count = program.length / INSTRUCTION_BYTES;
  if (count > MAX_INSTRUCTIONS) {
    throw outOfRange(name, `a profile of at most ${MAX_INSTRUCTIONS} BPF instructions (BPF_MAXINSNS)`, count);
  }
  const [own] = decisions;
  const refusesExec = own !== undefined && isRefused(own, syscallNumber('execve', native));
  return { program, flags: parsed.flags, unknown, refusesExec };
}

/** What a profile is compiled for when it is to be in force here. */
export function settingHere(capabilities: readonly Capability[]): Setting {
  return { machine: thisMachine(), capabilities, kernel: thisKernel() };
}

function thisKernel(): Setting['kernel'] {
  return kernelVersion(release()) ?? LATEST;
}
