/** Makes the filters that the option `seccomp` asks for. This file is loaded when the first program has a filter. */
import { BYTES, copyBytes, isBytes } from '../errors/bytes';
import { invalidType, invalidValue, outOfRange } from '../errors/validate';
import type { Capability } from '../kernel/capabilities';
import { thisMachine } from './architecture';
import { compileProfile, settingHere } from './compile';
import { defaultSeccompProfile } from './default-profile';
import { flagBits } from './flags';
import { mountNamespacesProfile } from './mount-namespaces';
import type { SeccompProfile } from './profile';
import { checkProgram } from './program';
import { type RefusedSockets, socketsProfile } from './sockets';

/** A filter that is ready to be installed. */
export interface Filter {
  readonly program: Uint8Array;
  /** `SECCOMP_FILTER_FLAG_*` */
  readonly flags: number;
}

/** The facts about a program that its filter depends on. */
export interface Filtered {
  /** The capabilities that it is given. */
  readonly capabilities: readonly Capability[];
  /** True if it is not in a new pid namespace, and so sees processes that it does not belong with. */
  readonly seesOthers: boolean;
  /** True if it may create user namespaces. Default: false. */
  readonly userNamespaces?: boolean | undefined;
}

/** The most filters that one task can install: struct task in src/nsinit/nsinit.h. */
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

/** The compiled default filters, one for all programs with the same facts. */
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

/** Filters that are installed besides others, by what they refuse. */
const besides = new Map<string, Filter>();

/** The filter that refuses these kinds of sockets, and nothing else. */
export function socketsFilter({ unix, rare }: RefusedSockets): Filter {
  return besideOthers(`sockets,${unix},${rare}`, () => socketsProfile({ unix, rare }));
}

/** The filter that refuses mount namespaces, and nothing else. */
export function mountNamespacesFilter(): Filter {
  return besideOthers('mount namespaces', mountNamespacesProfile);
}

function besideOthers(refused: string, profileOf: () => SeccompProfile): Filter {
  const key = `${thisMachine()},${refused}`;
  const known = besides.get(key);
  if (known !== undefined) return known;
  const { program } = compileProfile('seccomp', profileOf(), settingHere([]));
  const filter = { program, flags: 0 };
  besides.set(key, filter);
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

/** Checks a compiled program. It is copied, as the caller may change the bytes before they are used. */
function givenFilter(name: string, bytes: unknown): Filter {
  const program = copyBytes(name, bytes);
  checkProgram(name, program);
  return { program, flags: 0 };
}
