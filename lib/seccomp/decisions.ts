import { constants } from 'node:os';
import { invalidValue, suggestion } from '../errors/validate';
import type { Capability } from '../kernel/capabilities';
import type { KernelVersion } from '../kernel/version';
import { type Action, failWith, isErrno, refuses } from './action';
import {
  type Abi,
  type Machine,
  SYSCALL_NAMES,
  X32_BIT,
  abiOf,
  factsOf,
  isNarrow,
  isSyscall,
  syscallNumber,
} from './architecture';
import { multiplexed } from './multiplexed';
import type { ArchMap, Circumstances, Condition, Profile, Rule } from './profile';

/** The machine, program and kernel for which a profile is compiled. */
export interface Setting {
  readonly machine: Machine;
  /** The capabilities of the program, which `includes` and `excludes` of the rules ask about. */
  readonly capabilities: readonly Capability[];
  readonly kernel: KernelVersion;
}

/** The decision on one system call. */
export interface Decision {
  /** The checks, tried in this order: the strictest first. */
  readonly checks: readonly Check[];
  /** The action if no check applies. */
  readonly otherwise: Action;
}

export interface Check {
  /** The conditions, which all have to hold. */
  readonly conditions: readonly Condition[];
  readonly action: Action;
}

/** The decisions on all calls of one numbering. */
export interface Decisions {
  readonly abi: Abi;
  readonly byNumber: ReadonlyMap<number, Decision>;
  /** The action for calls that no rule is about. */
  readonly otherwise: Action;
  /** The action for numbers that no call has. */
  readonly unknown: Action;
  /** The action for numbers from `from` on. */
  readonly beyond: { readonly from: number; readonly action: Action };
}

/** The numberings that a profile lets programs use on a machine, the machine's own first. */
export function abisOf({ architectures, archMap }: Profile, machine: Machine): Abi[] {
  const { native } = factsOf(machine);
  const listed = architectures ?? subArchitectures(archMap ?? [], machine);
  const others = listed.map((architecture) => abiOf(architecture, machine)).filter((abi) => abi !== undefined);
  return [...new Set([native, ...others])];
}

function subArchitectures(archMap: readonly ArchMap[], machine: Machine): ArchMap['subArchitectures'] {
  const { native } = factsOf(machine);
  return archMap.find(({ architecture }) => abiOf(architecture, machine) === native)?.subArchitectures ?? [];
}

/**
 * Finds the names in a profile that no architecture has a system call for.
 *
 * @throws TypeError `ERR_INVALID_ARG_VALUE` if such a name is in a rule that is stricter than the default: to ignore it
 * would allow the call that the rule is meant to forbid
 */
export function unknownNames({ rules, defaultAction }: Profile): string[] {
  const unknown = new Set<string>();
  for (const { names, action, option } of rules) {
    names.forEach((name, index) => {
      if (isSyscall(name)) return;
      unknown.add(name);
      if (action.rank >= defaultAction.rank) return;
      const meant = suggestion(name, SYSCALL_NAMES);
      throw invalidValue(
        `${option}.names[${index}]`,
        name,
        `is no system call, and the rule would close nothing${meant}`,
      );
    });
  }
  return [...unknown];
}

/** The decisions of a profile on each call of one numbering. */
export function decisionsOf(profile: Profile, abi: Abi, setting: Setting): Decisions {
  const checks = new Map<number, Check[]>();
  const add = (number: number | undefined, check: Check): void => {
    if (number === undefined) return;
    const others = checks.get(number);
    if (others === undefined) checks.set(number, [check]);
    else others.push(check);
  };
  for (const rule of profile.rules) {
    if (!isInForce(rule, setting)) continue;
    for (const name of rule.names) {
      for (const conditions of rule.alternatives) {
        add(syscallNumber(name, abi), { conditions, action: rule.action });
        const through = abi === 'x86' ? multiplexed(name, conditions, isStricter(rule, profile)) : undefined;
        if (through !== undefined) add(syscallNumber(through.name, abi), { ...through, action: rule.action });
      }
    }
  }
  const otherwise = profile.defaultAction;
  const byNumber = [...checks].map(([number, all]) => [number, decide(all, otherwise)] as const);
  // Like the calls that are newer than the profile, these fail with ENOSYS: see beyondKnown().
  const unknown = isErrno(otherwise) ? failWith(constants.errno.ENOSYS) : otherwise;
  return { abi, byNumber: new Map(byNumber), otherwise, unknown, beyond: beyondKnown(profile, abi) };
}

/** True if a call is never done, whatever its arguments are. */
export function isRefused({ byNumber, otherwise }: Decisions, number: number | undefined): boolean {
  const decision = byNumber.get(number ?? NaN) ?? { checks: [], otherwise };
  return refuses(decision.otherwise) && decision.checks.every(({ action }) => refuses(action));
}

/**
 * Combines the rules for one call. The strictest of those that apply decides, as with several filters (seccomp(2)); of
 * equally strict ones, the first.
 */
function decide(checks: readonly Check[], otherwise: Action): Decision {
  const ordered = [...checks].sort((a, b) => a.action.rank - b.action.rank);
  const always = ordered.findIndex(({ conditions }) => conditions.length === 0);
  if (always === -1) return { checks: ordered, otherwise };
  return { checks: ordered.slice(0, always), otherwise: ordered[always]?.action ?? otherwise };
}

/**
 * The decision on calls that the kernel got after the profile was written. If the default action is an error, they fail
 * with ENOSYS: programs then do without them, as on an older kernel. The newest call that the profile names shows how
 * old it is. runc does the same.
 */
function beyondKnown({ rules, defaultAction }: Profile, abi: Abi): Decisions['beyond'] {
  const numbers = rules.flatMap(({ names }) => names).map((name) => syscallNumber(name, abi) ?? -1);
  const newest = Math.max(-1, ...numbers);
  if (newest < 0 || !isErrno(defaultAction)) return { from: abi === 'x32' ? X32_BIT : 0, action: defaultAction };
  return { from: newest + 1, action: failWith(constants.errno.ENOSYS) };
}

function isStricter({ action }: Rule, { defaultAction }: Profile): boolean {
  return action.rank < defaultAction.rank;
}

/** True if a rule is in force in a setting. It reads `includes` and `excludes` as Docker and Podman do. */
function isInForce({ includes, excludes }: Rule, setting: Setting): boolean {
  const { goArch } = factsOf(setting.machine);
  const has = (capability: Capability): boolean => setting.capabilities.includes(capability);
  if (excludes.arches.includes(goArch) || excludes.caps.some(has) || isMet(excludes, setting)) return false;
  if (includes.arches.length > 0 && !includes.arches.includes(goArch)) return false;
  if (!includes.caps.every(has)) return false;
  return includes.minKernel === undefined || isMet(includes, setting);
}

function isMet({ minKernel }: Circumstances, { kernel }: Setting): boolean {
  if (minKernel === undefined) return false;
  return kernel[0] > minKernel[0] || (kernel[0] === minKernel[0] && kernel[1] >= minKernel[1]);
}

/** A text that is the same for two decisions that are the same. */
export function keyOf({ checks, otherwise }: Decision, abi: Abi): string {
  const texts = checks.map(({ conditions, action }) => {
    const each = conditions.map(({ index, op, value, valueTwo }) => `${index} ${op} ${value} ${valueTwo}`);
    return `${each.join(',')}:${action.value}`;
  });
  return checks.length === 0 ? String(otherwise.value) : [isNarrow(abi), ...texts, otherwise.value].join(';');
}
