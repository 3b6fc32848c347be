import type { Step } from '../../types/native';
import { type Check, type Parsed, integer, list, orNull, schema } from '../errors/schema';
import { invalidType, invalidValue, outOfRange } from '../errors/validate';
import { type Personality, parsePersonality } from './personality';
import { type Rlimits, earlyRlimits, lateRlimits, parseRlimits } from './rlimits';

/** Limits of a program, and how the kernel schedules and treats it. */
export interface LimitOptions {
  /**
   * Limits of resources, `{ nofile: 1024, core: 0, cpu: { soft: 10, hard: 20 } }`. Default: this process's own.
   *
   * To raise a hard limit needs CAP_SYS_RESOURCE in the initial user namespace: in a new one it is `EPERM`, for root
   * too. The limits are those of the program, and not of its {@link ProgramOptions.init}. prlimit(2)
   */
  rlimits?: Rlimits | undefined;
  /**
   * Its nice value, from -20, the most favourable, to 19. Default: this process's own.
   *
   * A value below this process's needs CAP_SYS_NICE in the initial user namespace, or an rlimit `nice` that allows it;
   * otherwise `EACCES`. setpriority(2), sched(7)
   */
  niceness?: number | undefined;
  /** Its file mode creation mask: a number, or octal digits (`'022'`). Default: this process's. umask(2) */
  umask?: number | string | undefined;
  /**
   * A number that says how likely the OOM killer is to choose it: from -1000, never, to 1000. Its init has the same.
   * Default: this process's.
   *
   * A value below the last one that was set with CAP_SYS_RESOURCE needs that capability in the initial user namespace:
   * otherwise, and in a new user namespace, `EACCES`. proc_pid_oom_score_adj(5)
   */
  oomScoreAdj?: number | undefined;
  /**
   * The processors it may run on, by number; missing ones are ignored. Default: this process's. sched_setaffinity(2)
   */
  cpuAffinity?: readonly number[] | undefined;
  /**
   * Its execution domain: `'ADDR_NO_RANDOMIZE'`, `['PER_LINUX32', 'UNAME26']`, or the kernel's number. Default: this
   * process's. personality(2)
   */
  personality?: number | Personality | readonly Personality[] | undefined;
}

/** The most processors that a kernel can be built for: CONFIG_NR_CPUS. */
const MOST_PROCESSORS = 8192;

const umask: Check<number> = (name, value) => {
  if (typeof value === 'string') {
    if (!/^[0-7]+$/.test(value)) throw invalidValue(name, value, 'must be a number or a string of octal digits');
    return umask(name, parseInt(value, 8));
  }
  if (typeof value !== 'number') throw invalidType(name, 'one of type number or string', value);
  if (Number.isInteger(value) && value >= 0 && value <= 0o777) return value;
  throw outOfRange(name, '>= 0 && <= 0o777', value);
};

const processors: Check<number[]> = (name, value) => {
  const numbers = list(integer(0, MOST_PROCESSORS - 1))(name, value);
  if (numbers.length === 0) throw invalidValue(name, value, 'must name a processor');
  return numbers;
};

export const LIMITS = schema<LimitOptions>()({
  rlimits: orNull(parseRlimits),
  niceness: orNull(integer(-20, 19)),
  umask: orNull(umask),
  oomScoreAdj: orNull(integer(-1000, 1000)),
  cpuAffinity: orNull(processors),
  personality: orNull(parsePersonality),
});

/** The options that have been checked. */
export type Limits = Parsed<typeof LIMITS>;

/** The steps before any namespace is entered, since they write to the /proc of this process. */
export function firstSteps({ oomScoreAdj }: Limits): Step[] {
  return oomScoreAdj === undefined ? [] : [['oom_score_adj', String(oomScoreAdj)]];
}

/** The steps inside, before the ids change. The nice value goes before the limit that might forbid it. */
export function limitSteps({ rlimits = [], niceness, umask, cpuAffinity, personality }: Limits): Step[] {
  const steps: Step[] = [];
  if (niceness !== undefined) steps.push(['priority', niceness]);
  if (cpuAffinity !== undefined) steps.push(['affinity', [...cpuAffinity]]);
  if (personality !== undefined) steps.push(['personality', personality]);
  if (umask !== undefined) steps.push(['umask', umask]);
  return [...steps, ...earlyRlimits(rlimits)];
}

/** The steps right before the exec. */
export function lastSteps({ rlimits = [] }: Limits): Step[] {
  return lateRlimits(rlimits);
}
