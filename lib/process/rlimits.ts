import type { Step } from '../../types/native';
import { orNull, schema, schemaOf } from '../errors/schema';
import { invalidType, invalidValue, validateInteger } from '../errors/validate';
import { RESOURCES, type Resource } from '../kernel/resources';

/** A limit, in the unit of its resource: see {@link Rlimits}. `Infinity` and `'unlimited'` are the same. */
export type RlimitValue = number | 'unlimited';

/**
 * The soft and the hard limit. One that is not given stays as it is; a soft limit above a new hard limit is lowered to
 * that.
 */
export interface Rlimit {
  /** The limit that the kernel enforces. The program may raise it up to the hard limit. */
  soft?: RlimitValue | undefined;
  /** The most that the soft limit may be. To raise it needs CAP_SYS_RESOURCE in the initial user namespace. */
  hard?: RlimitValue | undefined;
}

/**
 * Limits of resources, in the words and units of prlimit(1): bytes (`as`, `core`, `data`, `fsize`, `memlock`,
 * `msgqueue`, `rss`, `stack`), seconds (`cpu`), microseconds (`rttime`), a number of things (`locks`, `nofile`,
 * `nproc`, `sigpending`), a priority (`rtprio`, and `nice`, which allows a nice value down to 20 - n). One value sets
 * both limits.
 *
 * `nproc` counts all processes and threads of the user in the user namespace, not the program's alone. It has no effect
 * on a program whose user is 0 in the initial user namespace, as if root maps itself (`uidMap: 'root'`, `'current'`),
 * or that has CAP_SYS_ADMIN or CAP_SYS_RESOURCE there: setrlimit(2). To limit such a program, use a cgroup
 * ({@link CgroupSpec.pidsMax}), or run it as another user.
 */
export type Rlimits = Partial<Record<Resource, RlimitValue | Rlimit | undefined>>;

/** A limit that has been checked: the resource, the soft and the hard limit, in the kernel's numbers. */
export type RlimitTriple = readonly [resource: number, soft: number, hard: number];

/** The values of the step `rlimits` for no limit, and for a limit that stays as it is. */
const INFINITE = -1;
const AS_IS = -2;

/** The resources that nsinit itself uses until shortly before the exec. They are limited last. */
const LATE: readonly Resource[] = ['as', 'data', 'nofile', 'nproc', 'stack'];

function limitValue(name: string, value: unknown): number {
  if (value === 'unlimited' || value === Infinity) return INFINITE;
  if (typeof value === 'string') throw invalidValue(name, value, "must be a number or 'unlimited'");
  if (typeof value !== 'number') throw invalidType(name, "of type number or 'unlimited'", value);
  validateInteger(name, value, 0);
  return value;
}

const parseSoftAndHard = schema<Rlimit>()({ soft: orNull(limitValue), hard: orNull(limitValue) });

function limit(name: string, value: unknown): [soft: number, hard: number] {
  if (typeof value !== 'object') {
    const both = limitValue(name, value);
    return [both, both];
  }
  const { soft = AS_IS, hard = AS_IS } = parseSoftAndHard(name, value);
  if (soft === AS_IS || hard === AS_IS || magnitude(soft) <= magnitude(hard)) return [soft, hard];
  throw invalidValue(`${name}.soft`, soft === INFINITE ? Infinity : soft, 'cannot be above the hard limit');
}

const limits = schemaOf(Object.fromEntries(RESOURCES.map((resource) => [resource, orNull(limit)])));

/**
 * Checks the option `rlimits`.
 *
 * @throws TypeError, RangeError with Node's codes
 */
export function parseRlimits(name: string, value: unknown): RlimitTriple[] {
  const given = limits(name, value) as Partial<Record<Resource, [soft: number, hard: number]>>;
  return RESOURCES.flatMap((resource, number) => {
    const pair = given[resource];
    return pair === undefined ? [] : [[number, ...pair] as const];
  });
}

/**
 * The limits of one program in a sandbox, which has limits for all its programs. A limit that is not given is that of
 * the sandbox.
 *
 * @throws TypeError for a limit above the sandbox's
 */
export function rlimitsWithin(
  name: string,
  given: readonly RlimitTriple[],
  most: readonly RlimitTriple[],
): RlimitTriple[] {
  const all = new Map(most.map((triple) => [triple[0], triple]));
  for (const [resource, soft, hard] of given) {
    const [, mostSoft = AS_IS, mostHard = AS_IS] = all.get(resource) ?? [];
    if (!isWithin(soft, mostSoft) || !isWithin(soft, mostHard) || !isWithin(hard, mostHard)) {
      throw invalidValue(
        `${name}.${RESOURCES[resource] ?? resource}`,
        shown(soft, hard),
        'is more than the sandbox has',
      );
    }
    const lowered = isWithin(mostSoft, hard) ? mostSoft : hard;
    all.set(resource, [resource, soft === AS_IS ? lowered : soft, hard === AS_IS ? mostHard : hard]);
  }
  return [...all.values()];
}

function shown(soft: number, hard: number): unknown {
  const [first, second] = [soft, hard].map((each) => (each === AS_IS ? undefined : magnitude(each)));
  return first === second ? first : { soft: first, hard: second };
}

function isWithin(value: number, most: number): boolean {
  return most === AS_IS || value === AS_IS || magnitude(value) <= magnitude(most);
}

/** The steps before the ids change, while the task may raise hard limits. */
export function earlyRlimits(triples: readonly RlimitTriple[]): Step[] {
  const steps: Step[] = [];
  const raised = triples.filter((triple) => isLate(triple) && triple[2] !== AS_IS);
  const early = triples.filter((triple) => !isLate(triple));
  if (raised.length > 0) steps.push(['raise_limits', raised.flatMap(([resource, , hard]) => [resource, hard])]);
  if (early.length > 0) steps.push(['rlimits', early.flat()]);
  return steps;
}

/**
 * The steps right before the exec. A limit of processes that is in force while the ids change, and already exceeded
 * by the new user, would make execve(2) fail with EAGAIN.
 */
export function lateRlimits(triples: readonly RlimitTriple[]): Step[] {
  const late = triples.filter(isLate);
  return late.length === 0 ? [] : [['rlimits', late.flat()]];
}

function isLate([number]: RlimitTriple): boolean {
  return LATE.some((resource) => resource === RESOURCES[number]);
}

function magnitude(value: number): number {
  return value === INFINITE ? Infinity : value;
}
