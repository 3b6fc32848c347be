/**
 * The rules for programs in a sandbox. The options of one program can ask for less than the sandbox has, and never for
 * more.
 */
import { isAbsolute } from 'node:path';
import { withoutPrototype } from '../errors/plain';
import { invalidType, invalidValue } from '../errors/validate';
import { CAPABILITIES, type Capability } from '../kernel/capabilities';
import type { Confinement } from '../process/programs';
import { rlimitsWithin } from '../process/rlimits';
import { type CheckedProgram, schemasWithout } from '../process/schemas';
import type { Built } from './build';
import { withVariables } from './environment';
import type { ResolvedUser } from './ids';
import { noCapabilities } from './isolation';
import type { Rules } from './parse';

/** The options that a program in a sandbox cannot have: the sandbox decides them, or they would lead out of it. */
const WITHHELD = ['setns', 'unshare', 'root', 'mounts', 'init', 'dieWithParent', 'cgroup', 'securebits'] as const;

/** @inline @useDeclaredType */
export type Withheld = (typeof WITHHELD)[number];

/**
 * The options of a program in a sandbox: those of the function of the same name, without those that the sandbox
 * decides. `env` is added to the sandbox's; `cwd` is a path inside, relative to the sandbox's. `capabilities` and
 * `rlimits` cannot ask for more than the spec has, and `seccomp` and `landlock` restrict in addition to the sandbox's.
 */
export type InSandbox<Options> = Omit<Options, Withheld>;

export const IN_SANDBOX = schemasWithout(...WITHHELD);

export function confinementOf(
  rules: Rules,
  { ids, cgroup, nullDevice }: Pick<Built, 'ids' | 'cgroup' | 'nullDevice'>,
): Omit<Confinement, 'started'> {
  return {
    schemas: IN_SANDBOX,
    narrow: (options) => withoutPrototype(options, narrowed(options, rules, ids)),
    confine: (program) => ({
      ...program,
      seccomp: [...rules.seccomp, ...program.seccomp],
      landlock: [...rules.landlock, ...program.landlock],
      newKeyring: rules.newKeyring,
      bornIn: cgroup?.directory.fd,
      nullDevice: nullDevice?.fd,
    }),
  };
}

function narrowed(options: CheckedProgram, rules: Rules, ids: ResolvedUser): CheckedProgram {
  return {
    cwd: directoryOf(options.cwd, rules.cwd),
    env: withVariables('options.env', rules.env, options.env),
    ...idsOf(options, rules, ids),
    capabilities: capabilitiesOf(options.capabilities, rules),
    rlimits: rlimitsWithin('options.rlimits', options.rlimits ?? [], rules.rlimits),
    noNewPrivileges: holds('noNewPrivileges', options.noNewPrivileges, rules.noNewPrivileges),
    dieWithParent: rules.dieWithParent,
    newSession: holds('newSession', options.newSession, rules.newSession),
  };
}

/**
 * The ids of a program. In a user namespace of the sandbox it may have any that is mapped. Without one, another id
 * would be that of another user of the host.
 */
function idsOf(options: CheckedProgram, { ownsIds, isolation }: Rules, ids: ResolvedUser): CheckedProgram {
  for (const name of ['uid', 'gid', 'groups'] as const) {
    if (ownsIds || options[name] === undefined) continue;
    throw invalidValue(`options.${name}`, options[name], 'can be given only where the sandbox has a user namespace');
  }
  if (isolation === 'landlock') return {}; // those of this process, as to take on even the same may need a capability
  const { uid = ids.uid.id, gid = ids.gid.id, groups = ids.groups } = options;
  return { uid, gid, groups: groups && [...groups] };
}

function directoryOf(cwd: CheckedProgram['cwd'], base: string): string {
  if (typeof cwd === 'number') throw invalidType('options.cwd', 'of type string or an instance of URL', cwd);
  if (cwd === undefined) return base;
  return isAbsolute(cwd) ? cwd : `${base}/${cwd}`;
}

/** The capabilities of a program. A set that is not given becomes that of the sandbox, and not that of this process. */
function capabilitiesOf(
  given: CheckedProgram['capabilities'],
  { capabilities, isolation }: Rules,
): CheckedProgram['capabilities'] {
  if (isolation === 'landlock' && given === undefined) return noCapabilities();
  if (given === undefined) return [...capabilities];
  if (Array.isArray(given)) {
    refuseMore('options.capabilities', given, capabilities);
    return given;
  }
  for (const name of ['bounding', 'inheritable', 'ambient'] as const) {
    refuseMore(`options.capabilities.${name}`, given[name] ?? [], capabilities);
  }
  const { bounding = [...capabilities], ambient = [], inheritable = ambient } = given;
  return { bounding, inheritable, ambient };
}

function refuseMore(name: string, given: readonly Capability[], most: readonly Capability[]): void {
  const more = CAPABILITIES.find((each) => given.includes(each) && !most.includes(each));
  if (more !== undefined) throw invalidValue(name, given, `cannot have ${more}, which the sandbox does not have`);
}

/** The value of an option that, if it is true for the sandbox, cannot be false for one program. */
function holds(name: 'noNewPrivileges' | 'newSession', given: boolean | undefined, always: boolean): boolean {
  if (given !== false || !always) return given ?? always;
  throw invalidValue(`options.${name}`, given, 'cannot be false where it is true for the sandbox');
}
