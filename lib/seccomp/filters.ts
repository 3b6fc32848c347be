/** Compiles what the option `seccomp` asks for: loaded when a program has a filter. */
import { BYTES, copyBytes, isBytes } from '../errors/bytes';
import { invalidType, invalidValue, outOfRange } from '../errors/validate';
import type { Capability } from '../kernel/capabilities';
import { thisMachine } from './architecture';
import { compileProfile, settingHere } from './compile';
import { defaultSeccompProfile } from './default-profile';
import { flagBits } from './flags';
import { checkProgram } from './program';

/** A filter that is ready to be installed. */
export interface Filter {
  readonly program: Uint8Array;
  /** `SECCOMP_FILTER_FLAG_*` */
  readonly flags: number;
}

/** What is to be known of a program to filter its calls. */
export interface Filtered {
  /** What it is given. */
  readonly capabilities: readonly Capability[];
  /** Whether it sees other processes than those it belongs with. */
  readonly seesOthers: boolean;
  /** Whether it may create user namespaces. Default: false. */
  readonly userNamespaces?: boolean | undefined;
}

/** The most that one step after another may install: struct task in src/nsinit/nsinit.h. */
const MAX_FILTERS = 16;

/**
 * The filters that the option asks for, in the order in which they are to be installed.
 *
 * @throws TypeError, RangeError with Node's codes; NamespaceError `ERR_LINUX_NS_UNSUPPORTED`
 */
export function filtersOf(name: string, seccomp: unknown, filtered: Filtered): readonly Filter[] {
  if (seccomp === 'default') return [defaultFilter(filtered)];
  if (isBytes(seccomp)) return [givenFilter(name, seccomp)];
  if (Array.isArray(seccomp)) return givenFilters(name, seccomp);
  if (typeof seccomp === 'object' && seccomp !== null) return [profileFilter(name, seccomp, filtered)];
  if (typeof seccomp === 'string')
    throw invalidValue(name, seccomp, "must be 'default', 'none', a profile or a program");
  throw invalidType(name, `'default', 'none', a profile, an array of programs, or a program: ${BYTES}`, seccomp);
}

/** Compiled once for all programs that are alike. */
const defaults = new Map<string, Filter>();

function defaultFilter({ capabilities, seesOthers, userNamespaces = false }: Filtered): Filter {
  const key = [thisMachine(), seesOthers, userNamespaces, ...[...capabilities].sort()].join();
  const known = defaults.get(key);
  if (known !== undefined) return known;
  const profile = defaultSeccompProfile({ userNamespaces, ptrace: !seesOthers });
  const { program } = compileProfile('seccomp', profile, settingHere(capabilities));
  const filter = { program, flags: 0 };
  defaults.set(key, filter);
  return filter;
}

function profileFilter(name: string, profile: object, { capabilities }: Filtered): Filter {
  const { program, flags, refusesExec } = compileProfile(name, profile, settingHere(capabilities));
  if (!refusesExec) return { program, flags: flagBits(flags) };
  throw invalidValue(name, profile, 'refuses execve, by which the program itself is started');
}

function givenFilters(name: string, programs: readonly unknown[]): Filter[] {
  if (programs.length === 0) throw invalidValue(name, programs, "must have a program; 'none' is for none");
  if (programs.length > MAX_FILTERS) throw outOfRange(`${name}.length`, `<= ${MAX_FILTERS}`, programs.length);
  return programs.map((program, index) => {
    return givenFilter(`${name}[${index}]`, program);
  });
}

/** A copy: the caller's bytes may change before they are used. */
function givenFilter(name: string, bytes: unknown): Filter {
  const program = copyBytes(name, bytes);
  checkProgram(name, program);
  return { program, flags: 0 };
}
