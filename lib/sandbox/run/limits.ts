import { type Check, type Parsed, MOST_MS, integer, orNull, schema } from '../../errors/schema';

/** The budget of one run: what all its processes together may use. `Infinity` is no limit. */
export interface RunLimits {
  /** CPU time of all processes, in milliseconds. Default: none but `wall`, on all processors. */
  cpu?: number | undefined;
  /** Time from the call to the end, in milliseconds. Default: 10 000. */
  wall?: number | undefined;
  /**
   * Memory in bytes. In a cgroup the kernel holds all processes to it. Elsewhere what they have resident is summed up
   * twenty times a second, and no single process can have more than twice as much private memory (RLIMIT_DATA):
   * {@link RunResult.limitedBy}. Default: 512 MiB.
   */
  memory?: number | undefined;
  /** Bytes of standard output and standard error, together. Default: 1 MiB. */
  output?: number | undefined;
  /**
   * Processes and threads. In a cgroup those of the run; elsewhere those of the same user in the sandbox, other runs
   * among them (RLIMIT_NPROC), and the kernel holds no program to it that is the host's root. Default: 1024.
   */
  processes?: number | undefined;
  /** The size of each file that a program writes, in bytes. A program that writes more gets SIGXFSZ. Default: 256 MiB. */
  fileSize?: number | undefined;
}

/** An integer, or Infinity for no limit. */
function limit(least: number, most?: number): Check<number> {
  const check = integer(least, most);
  return (name, value) => (value === Infinity ? value : check(name, value));
}

export const parseRunLimits = schema<RunLimits>()({
  cpu: orNull(limit(1, MOST_MS)),
  wall: orNull(limit(1, MOST_MS)),
  memory: orNull(limit(1)),
  output: orNull(limit(0)),
  processes: orNull(limit(1)),
  fileSize: orNull(limit(0)),
});

const MIB = 1024 * 1024;

const DEFAULTS = {
  cpu: Infinity,
  wall: 10_000,
  memory: 512 * MIB,
  output: MIB,
  processes: 1024,
  fileSize: 256 * MIB,
};

/** {@link RunLimits}, checked and complete. */
export type Limits = Readonly<typeof DEFAULTS>;

export function limitsOf(given: Parsed<typeof parseRunLimits> | undefined): Limits {
  // What was not given is not there: schema().
  return { ...DEFAULTS, ...(given as Partial<Limits>) };
}
