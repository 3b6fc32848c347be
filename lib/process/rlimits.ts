import type { Step } from '../../types/native';
import { invalidType, invalidValue, validateInteger, validateKnownKeys, validateObject } from '../errors/validate';
import { RESOURCES, type Resource } from '../kernel/resources';

/** A limit, in the unit that getrlimit(2) gives for the resource. `Infinity` and `'unlimited'` are the same. */
export type RlimitValue = number | 'unlimited';

/**
 * Soft and hard limit. One that is not given stays as it is; a soft limit above a new hard limit is lowered to that.
 */
export interface Rlimit {
  /** What the kernel enforces. The program may raise it up to the hard limit. */
  soft?: RlimitValue | undefined;
  /** The most that the soft limit may be. To raise it needs CAP_SYS_RESOURCE in the initial user namespace. */
  hard?: RlimitValue | undefined;
}

/**
 * Limits of resources, in the words and units of prlimit(1): bytes (`as`, `core`, `data`, `fsize`, `memlock`,
 * `msgqueue`, `rss`, `stack`), seconds (`cpu`), microseconds (`rttime`), a number of things (`locks`, `nofile`, `nproc`,
 * `sigpending`), a priority (`rtprio`, and `nice`, which allows a nice value down to 20 - n). One value sets both limits.
 *
 * `nproc` counts all processes and threads of the user in the user namespace, not the program's alone. It has no effect
 * on a program whose user is 0 in the initial user namespace, as it is where root maps itself (`uidMap: 'root'`,
 * `'current'`), or that has CAP_SYS_ADMIN or CAP_SYS_RESOURCE there: setrlimit(2). What limits that is a cgroup
 * ({@link CgroupSpec.pidsMax}), or another user.
 */
export type Rlimits = Partial<Record<Resource, RlimitValue | Rlimit | undefined>>;

/** Limits that were checked: resource, soft, hard in the kernel's numbers. */
export type RlimitTriple = readonly [resource: number, soft: number, hard: number];

/** As the step `rlimits` takes them. */
const INFINITE = -1;
const AS_IS = -2;

/** What nsinit itself needs, or is counted for, until shortly before the exec: they are limited last. */
const LATE: readonly Resource[] = ['as', 'data', 'nofile', 'nproc', 'stack'];

/**
 * Checks the option `rlimits`.
 *
 * @throws TypeError, RangeError with Node's codes
 */
export function parseRlimits(name: string, limits: unknown): readonly RlimitTriple[] {
  if (limits == null) return [];
  validateObject(name, limits);
  validateKnownKeys(name, limits, RESOURCES);
  return RESOURCES.flatMap((resource, number) => {
    const limit = (limits as Rlimits)[resource];
    return limit == null ? [] : [[number, ...parseLimit(`${name}.${resource}`, limit)] as const];
  });
}

/** What is set before the ids change, while the task may raise hard limits. */
export function earlyRlimits(limits: readonly RlimitTriple[]): Step[] {
  const steps: Step[] = [];
  const raised = limits.filter((limit) => isLate(limit) && limit[2] !== AS_IS);
  const early = limits.filter((limit) => !isLate(limit));
  if (raised.length > 0) steps.push(['raise_limits', raised.flatMap(([resource, , hard]) => [resource, hard])]);
  if (early.length > 0) steps.push(['rlimits', early.flat()]);
  return steps;
}

/**
 * What is set right before the exec. A limit of processes that is in force while the ids change, and already exceeded
 * by the new user, would make execve(2) fail with EAGAIN.
 */
export function lateRlimits(limits: readonly RlimitTriple[]): Step[] {
  const late = limits.filter(isLate);
  return late.length === 0 ? [] : [['rlimits', late.flat()]];
}

function isLate([number]: RlimitTriple): boolean {
  return LATE.some((resource) => resource === RESOURCES[number]);
}

function parseLimit(name: string, limit: unknown): [soft: number, hard: number] {
  if (typeof limit !== 'object') {
    const both = parseValue(name, limit);
    return [both, both];
  }
  validateObject(name, limit);
  validateKnownKeys(name, limit, ['soft', 'hard']);
  const { soft, hard } = limit as Rlimit;
  const parsed: [number, number] = [
    soft == null ? AS_IS : parseValue(`${name}.soft`, soft),
    hard == null ? AS_IS : parseValue(`${name}.hard`, hard),
  ];
  if (parsed[0] !== AS_IS && parsed[1] !== AS_IS && magnitude(parsed[0]) > magnitude(parsed[1])) {
    throw invalidValue(`${name}.soft`, soft, 'cannot be above the hard limit');
  }
  return parsed;
}

function parseValue(name: string, value: unknown): number {
  if (value === 'unlimited' || value === Infinity) return INFINITE;
  if (typeof value === 'string') throw invalidValue(name, value, "must be a number or 'unlimited'");
  if (typeof value !== 'number') throw invalidType(name, "of type number or 'unlimited'", value);
  validateInteger(name, value, 0);
  return value;
}

function magnitude(limit: number): number {
  return limit === INFINITE ? Infinity : limit;
}
