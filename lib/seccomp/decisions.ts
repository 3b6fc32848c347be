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

/** Where a profile is to be in force. */
export interface Setting {
  readonly machine: Machine;
  /** What the program has: `includes` and `excludes` of the rules ask for them. */
  readonly capabilities: readonly Capability[];
  readonly kernel: KernelVersion;
}

/** What becomes of one system call. */
export interface Decision {
  /** Tried in this order: the strictest first. */
  readonly checks: readonly Check[];
  /** Where none applies. */
  readonly otherwise: Action;
}

export interface Check {
  /** All have to hold. */
  readonly conditions: readonly Condition[];
  readonly action: Action;
}

/** What becomes of the calls of one set of numbers. */
export interface Decisions {
  readonly abi: Abi;
  readonly byNumber: ReadonlyMap<number, Decision>;
  /** Of calls that no rule is about. */
  readonly otherwise: Action;
  /** Of numbers that no call has. */
  readonly unknown: Action;
  /** Of numbers from here on. */
  readonly beyond: { readonly from: number; readonly action: Action };
}

/** The sets of numbers that a profile lets programs use on a machine, the machine's own first. */
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
 * The names in a profile that are no system call of any architecture.
 *
 * @throws TypeError `ERR_INVALID_ARG_VALUE` for one in a rule that is stricter than the default: to pass it over would
 * open what the rule is to close
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

/** What becomes of each call. */
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
  // Nobody can have thought about them either: see beyondKnown().
  const unknown = isErrno(otherwise) ? failWith(constants.errno.ENOSYS) : otherwise;
  return { abi, byNumber: new Map(byNumber), otherwise, unknown, beyond: beyondKnown(profile, abi) };
}

/** Whether a call is never done, whatever its arguments. */
export function isRefused({ byNumber, otherwise }: Decisions, number: number | undefined): boolean {
  const decision = byNumber.get(number ?? NaN) ?? { checks: [], otherwise };
  return refuses(decision.otherwise) && decision.checks.every(({ action }) => refuses(action));
}

/** The strictest of the rules that apply counts, as with several filters (seccomp(2)); of equals the first. */
function decide(checks: readonly Check[], otherwise: Action): Decision {
  const ordered = [...checks].sort((a, b) => a.action.rank - b.action.rank);
  const always = ordered.findIndex(({ conditions }) => conditions.length === 0);
  if (always === -1) return { checks: ordered, otherwise };
  return { checks: ordered.slice(0, always), otherwise: ordered[always]?.action ?? otherwise };
}

/**
 * Calls that came after the profile was written fail with ENOSYS where others fail: programs then do without them, as
 * they do on an older kernel. What it was written for shows in the newest call it names. So does runc.
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

/** As Docker and Podman read it. */
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

/** A text that two decisions share when they are the same. */
export function keyOf({ checks, otherwise }: Decision, abi: Abi): string {
  const texts = checks.map(({ conditions, action }) => {
    const each = conditions.map(({ index, op, value, valueTwo }) => `${index} ${op} ${value} ${valueTwo}`);
    return `${each.join(',')}:${action.value}`;
  });
  return checks.length === 0 ? String(otherwise.value) : [isNarrow(abi), ...texts, otherwise.value].join(';');
}
