import { availableParallelism } from 'node:os';
import { MOST_MS } from '../../errors/schema';
import type { RlimitTriple } from '../../process/rlimits';
import { LIMIT_TITLES, RESOURCES, type Resource } from '../../kernel/resources';
import { HostFiles } from '../../kernel/host-files';
import type { Task } from '../../task/task';
import type { Limits } from './limits';
import type { CgroupBudget } from '../../cgroup/budget';
import type { RunVerdict } from './result';

/**
 * The verdicts of the looks. `'signal'`: more processes than the kernel should have let it have, as it holds a program
 * of the host's root to no limit of them.
 */
type Exceeded = Extract<RunVerdict, 'cpu' | 'memory' | 'signal'>;

/** What a run without a cgroup may have of private memory, as a multiple of what it may have resident. */
const DATA_FACTOR = 2;
/** Processes of the sandbox that count for RLIMIT_NPROC: its init, and that of the run. */
const INITS = 2;

/** The longest time between two looks at a run, and the shortest, in milliseconds. */
const LOOK = { longest: 50, shortest: 5 };

/** RLIM_INFINITY and "as it is" of {@link RlimitTriple}. */
const INFINITE = -1;
const AS_IS = -2;

/**
 * The resource limits of each process of a run. Those of CPU time are behind the looks, for a Node that is too busy to
 * look: SIGXCPU, and SIGKILL a second later.
 */
export function rlimitsOf(limits: Limits, hasCgroup: boolean): RlimitTriple[] {
  const most: Partial<Record<Resource, number>> = { fsize: limits.fileSize };
  if (limits.cpu !== Infinity) most.cpu = Math.ceil(limits.cpu / 1000) + 1;
  if (!hasCgroup) {
    most.data = DATA_FACTOR * limits.memory;
    most.nproc = limits.processes + INITS;
  }
  const host = new HostFiles();
  return RESOURCES.flatMap((resource, number) => {
    const soft = most[resource];
    if (soft === undefined || soft === Infinity) return [];
    const hard = resource === 'cpu' ? soft + 1 : soft;
    // A hard limit cannot be raised without CAP_SYS_RESOURCE: setrlimit(2).
    const own = host.hardLimit(LIMIT_TITLES[resource]) ?? Infinity;
    return [[number, Math.min(soft, own), Math.min(hard, own)] as const];
  });
}

/** The lower of two limits for each resource. */
export function lowerOf(some: readonly RlimitTriple[], others: readonly RlimitTriple[]): RlimitTriple[] {
  const all = new Map(some.map((triple) => [triple[0], triple]));
  for (const triple of others) {
    const [resource, soft, hard] = triple;
    const [, otherSoft = AS_IS, otherHard = AS_IS] = all.get(resource) ?? [];
    const lowest = lower(hard, otherHard);
    all.set(resource, [resource, lower(lower(soft, otherSoft), lowest), lowest]);
  }
  return [...all.values()];
}

function lower(one: number, other: number): number {
  const [first, second] = [one, other].map((each) => (each === INFINITE || each === AS_IS ? Infinity : each));
  const least = Math.min(first ?? Infinity, second ?? Infinity);
  return least === Infinity ? one : least;
}

/**
 * Looks at what a run uses, so often that it cannot use much more than it may. A run of N processors takes at least
 * (what is left) / N until its CPU time is over, so most programs are never looked at for that.
 */
export class Watch {
  readonly #task: Task;
  readonly #limits: Limits;
  readonly #cgroup: CgroupBudget | undefined;
  readonly #exceeded: (what: Exceeded) => void;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #cpu = 0;
  /** The CPU time of the processes that were there at the last look. */
  #sum = 0;

  constructor(task: Task, limits: Limits, cgroup: CgroupBudget | undefined, exceeded: (what: Exceeded) => void) {
    this.#task = task;
    this.#limits = limits;
    this.#cgroup = cgroup;
    this.#exceeded = exceeded;
    this.#plan();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** After the end: the limit that was exceeded between two looks, as far as a cgroup tells. */
  async finish(): Promise<Exceeded | undefined> {
    this.stop();
    return this.#cgroup === undefined ? undefined : this.#atCgroup(this.#cgroup);
  }

  /** The CPU time that it has been seen to use, in milliseconds. */
  get cpu(): number {
    return this.#cpu;
  }

  #plan(): void {
    const left = (this.#limits.cpu - this.#cpu) / availableParallelism();
    // In version 2 the kernel kills all of a cgroup for want of memory, in version 1 one of its processes.
    const wait = Math.min(left, this.#cgroup?.version === 2 ? Infinity : LOOK.longest);
    if (this.#stopped || wait === Infinity) return;
    this.#timer = setTimeout(() => void this.#look(), Math.min(MOST_MS, Math.max(LOOK.shortest, wait)));
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const exceeded = this.#cgroup === undefined ? await this.#atProcesses() : await this.#atCgroup(this.#cgroup);
    if (this.#stopped) return;
    if (exceeded === undefined) this.#plan();
    else this.#exceeded(exceeded);
  }

  async #atProcesses(): Promise<Exceeded | undefined> {
    const { cpu, memory, processes } = this.#limits;
    const now = await this.#task.usage();
    // The time of a process whose parent ignores its end is gone from the sum with it: SIGCHLD, sigaction(2).
    this.#cpu += Math.max(0, now.cpu - this.#sum);
    this.#sum = now.cpu;
    if (this.#cpu > cpu) return 'cpu';
    if (now.resident > memory && (await this.#task.usage(true)).resident > memory) return 'memory';
    return now.threads > processes ? 'signal' : undefined;
  }

  async #atCgroup(cgroup: CgroupBudget): Promise<Exceeded | undefined> {
    this.#cpu = await cgroup.cpu().catch(() => this.#cpu);
    if (this.#cpu > this.#limits.cpu) return 'cpu';
    return (await cgroup.outOfMemory().catch(() => false)) ? 'memory' : undefined;
  }
}
