import { release } from 'node:os';
import { list, oneOf, schema } from '../errors/schema';
import { outOfRange } from '../errors/validate';
import { CAPABILITIES, type Capability } from '../kernel/capabilities';
import { kernelVersion } from '../kernel/version';
import { MACHINE_NAMES, type Machine, factsOf, syscallNumber, thisMachine } from './architecture';
import { assemble } from './assemble';
import { INSTRUCTION_BYTES, MAX_INSTRUCTIONS } from './bpf';
import { type Setting, abisOf, decisionsOf, isRefused, unknownNames } from './decisions';
import type { SeccompFlag } from './flags';
import { type Profile, type SeccompProfile, kernel, parseProfile } from './profile';

/** The machine, the program and the kernel that a profile is compiled for. */
export interface CompileSeccompOptions {
  /** The machine: `'x64'` or `'arm64'`. Default: this one. */
  arch?: Machine | undefined;
  /** The capabilities that the program is to have, for rules that depend on them. Default: none. */
  capabilities?: readonly Capability[] | undefined;
  /**
   * The version of the kernel, `'6.8'` for example, for rules that depend on it. Default: that of the running kernel.
   */
  kernel?: string | undefined;
}

/** A compiled profile, as the kernel takes it. */
export interface CompiledSeccomp {
  /**
   * The program in classic BPF: an array of `struct sock_filter`, for the option `seccomp`, or for `bwrap --seccomp`.
   * seccomp(2)
   */
  readonly program: Uint8Array;
  /** The flags of the profile. */
  readonly flags: readonly SeccompFlag[];
  /**
   * The names of calls that no architecture has, from rules that are not stricter than the default. Such a call is
   * newer than this package, or its name is misspelt.
   */
  readonly unknown: readonly string[];
}

/** A compiled profile, with a fact about it that is needed here. */
export interface Compiled extends CompiledSeccomp {
  /** True if it refuses every execve(2), so that no program could be started with it. */
  readonly refusesExec: boolean;
}

/** The version to assume if a kernel hides its own: one that has everything a rule asks for. */
const LATEST = [Infinity, 0] as const;

const parseOptions = schema<CompileSeccompOptions>()({
  arch: oneOf(MACHINE_NAMES),
  capabilities: list(oneOf(CAPABILITIES)),
  kernel,
});

/**
 * Compiles a seccomp profile in OCI's JSON form to the BPF program that seccomp(2) takes.
 *
 * The program finds a call by binary search, the machine's own architecture first. A process that makes a call of an
 * architecture that the profile does not list is killed. If the default action is an error, calls that are newer than
 * all calls that the profile names fail with ENOSYS, as with runc. No privilege is needed to compile.
 *
 * @throws TypeError, RangeError with Node's codes: `ERR_INVALID_ARG_VALUE` for unknown keys and for unknown calls in
 * rules that close something, `ERR_OUT_OF_RANGE` for a program of more than 4096 instructions; NamespaceError
 * `ERR_LINUX_NS_UNSUPPORTED` on machines other than x86-64 and arm64, when none is given
 *
 * @example
 * ```ts
 * const profile = JSON.parse(await fs.readFile('/usr/share/containers/seccomp.json', 'utf8'));
 * const { program, unknown } = compileSeccomp(profile, { capabilities: ['CAP_NET_RAW'] });
 * ```
 */
export function compileSeccomp(profile: SeccompProfile, options: CompileSeccompOptions = {}): CompiledSeccomp {
  const { arch, capabilities = [], kernel: version = thisKernel() } = parseOptions('options', options);
  const { program, flags, unknown } = compileProfile('profile', profile, {
    machine: arch ?? thisMachine(),
    capabilities,
    kernel: version,
  });
  return { program: program.slice(), flags: [...flags], unknown: [...unknown] };
}

/**
 * The number of profiles whose compiled form is kept: a program that is started often has the same profile each time.
 */
const KEPT = 16;

/**
 * The compiled profiles, by the text of the checked profile: the caller may have changed the object that it came from.
 * The one used last comes last.
 */
const compiled = new Map<string, Compiled>();

/**
 * Compiles a profile that was given as an option or argument of that name. The result is shared and must not be
 * changed.
 */
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

/** The setting for a program that is started here: this machine and its kernel. */
export function settingHere(capabilities: readonly Capability[]): Setting {
  return { machine: thisMachine(), capabilities, kernel: thisKernel() };
}

function thisKernel(): Setting['kernel'] {
  return kernelVersion(release()) ?? LATEST;
}
