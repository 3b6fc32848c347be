/** What programs in a sandbox are given, and what may be said of each by itself: less than of all, and never more. */
import { isAbsolute } from 'node:path';
import { invalidValue, validateBoolean, validatePath } from '../errors/validate';
import { CAPABILITIES, type Capability } from '../kernel/capabilities';
import type { Confinement } from '../process/in-set';
import type { ProgramOptions } from '../process/program-options';
import { type Rlimit, type RlimitValue, type Rlimits, parseRlimits } from '../process/rlimits';
import { RESOURCES, type Resource } from '../kernel/resources';
import type { Built } from './build';
import { withVariables } from './environment';
import type { ResolvedUser } from './ids';
import type { Rules } from './parse';

/** What is the sandbox's to say, or would lead out of it. */
const WITHHELD = ['setns', 'unshare', 'root', 'mounts', 'init', 'dieWithParent', 'cgroup', 'securebits'] as const;

/** @inline @useDeclaredType */
type Withheld = (typeof WITHHELD)[number];

/**
 * The options of a program in a sandbox: those of the function of the same name, without those that the sandbox
 * decides. `env` is added to the sandbox's; `cwd` is a path inside, relative to the sandbox's. `capabilities` and
 * `rlimits` cannot ask for more than the spec has, and `seccomp` is a filter in addition to the sandbox's.
 */
export type InSandbox<Options> = Omit<Options, Withheld>;

/** A limit as the step `rlimits` has it: -1 is infinity, -2 as it is. */
const INFINITE = -1;
const AS_IS = -2;

export function confinementOf(
  rules: Rules,
  { ids, cgroup, nullDevice }: Pick<Built, 'ids' | 'cgroup' | 'nullDevice'>,
): Omit<Confinement, 'started'> {
  return {
    withheld: WITHHELD,
    complete: (options) => ({ ...options, ...completed(options, rules, ids) }),
    confine: (program) => ({
      ...program,
      seccomp: [...rules.seccomp, ...program.seccomp],
      newKeyring: rules.newKeyring,
      bornIn: cgroup?.directory.fd,
      nullDevice: nullDevice?.fd,
    }),
  };
}

function completed(options: ProgramOptions, rules: Rules, ids: ResolvedUser): ProgramOptions {
  return {
    cwd: directoryOf(options.cwd, rules.cwd),
    env: withVariables('options.env', rules.env, options.env),
    ...idsOf(options, rules, ids),
    capabilities: capabilitiesOf(options.capabilities, rules),
    rlimits: rlimitsOf(options.rlimits, rules),
    noNewPrivileges: holds('noNewPrivileges', options.noNewPrivileges, rules.noNewPrivileges),
    dieWithParent: rules.dieWithParent,
    newSession: holds('newSession', options.newSession, rules.newSession),
  };
}

/** Any that a user namespace has are the sandbox's; without one, others would be somebody else of the host's. */
function idsOf(options: ProgramOptions, { ownsIds }: Rules, ids: ResolvedUser): ProgramOptions {
  for (const name of ['uid', 'gid', 'groups'] as const) {
    if (ownsIds || options[name] == null) continue;
    throw invalidValue(`options.${name}`, options[name], 'can be given only where the sandbox has a user namespace');
  }
  return {
    uid: options.uid ?? ids.uid.id,
    gid: options.gid ?? ids.gid.id,
    groups: options.groups ?? ids.groups,
  };
}

function directoryOf(cwd: unknown, base: string): string {
  if (cwd == null) return base;
  const path = validatePath('options.cwd', cwd);
  return isAbsolute(path) ? path : `${base}/${path}`;
}

/** What is not said of a set is to be as the sandbox has it, and not as this process. */
function capabilitiesOf(
  given: ProgramOptions['capabilities'],
  { capabilities }: Rules,
): ProgramOptions['capabilities'] {
  if (given == null) return capabilities;
  if (isList(given)) {
    refuseMore('options.capabilities', given, capabilities);
    return given;
  }
  for (const name of ['bounding', 'inheritable', 'ambient'] as const) {
    refuseMore(`options.capabilities.${name}`, given[name], capabilities);
  }
  const { bounding = capabilities, ambient = [], inheritable = ambient } = given;
  return { ...given, bounding, inheritable, ambient };
}

function isList(given: NonNullable<ProgramOptions['capabilities']>): given is readonly Capability[] {
  return Array.isArray(given);
}

/** What is no list, or has no capabilities, is refused where the option itself is checked. */
function refuseMore(name: string, given: unknown, most: readonly Capability[]): void {
  if (!Array.isArray(given)) return;
  const more = CAPABILITIES.find((each) => given.includes(each) && !most.includes(each));
  if (more !== undefined) throw invalidValue(name, given, `cannot have ${more}, which the sandbox does not have`);
}

/** Of a resource that the sandbox limits a program can have less; what is not said of it is as the sandbox has it. */
function rlimitsOf(given: ProgramOptions['rlimits'], rules: Rules): Rlimits {
  const all: Rlimits = { ...rules.rlimits };
  for (const [resource, soft, hard] of parseRlimits('options.rlimits', given)) {
    const name = nameOf(resource);
    const [, mostSoft = INFINITE, mostHard = INFINITE] = rules.limits.find(([other]) => other === resource) ?? [];
    if (!atMost(soft, mostSoft) || !atMost(hard, mostHard)) {
      throw invalidValue(`options.rlimits.${name}`, given?.[name], 'is more than the sandbox has');
    }
    const [least, most] = [pairOf(given?.[name]), pairOf(rules.rlimits?.[name])];
    all[name] = { soft: least.soft ?? most.soft, hard: least.hard ?? most.hard };
  }
  return all;
}

function nameOf(resource: number): Resource {
  return RESOURCES[resource] ?? 'core';
}

function pairOf(limit: RlimitValue | Rlimit | undefined): Rlimit {
  return typeof limit === 'object' ? limit : { soft: limit, hard: limit };
}

function atMost(limit: number, most: number): boolean {
  if (most === INFINITE || most === AS_IS || limit === AS_IS) return true;
  return limit !== INFINITE && limit <= most;
}

/** What is so for all cannot be otherwise for one. */
function holds(name: 'noNewPrivileges' | 'newSession', given: unknown, always: boolean): boolean {
  if (given == null) return always;
  validateBoolean(`options.${name}`, given);
  if (given || !always) return given;
  throw invalidValue(`options.${name}`, given, 'cannot be false where it is true for the sandbox');
}
