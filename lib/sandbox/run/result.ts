import type { ResourceUsage } from '../../task/usage';

/**
 * How a run ended:
 *
 * - `'ok'`: with exit code 0, within its budget
 * - `'exit'`: with another exit code
 * - `'signal'`: by a signal: it crashed, or somebody else killed it
 * - `'wall'`, `'cpu'`, `'memory'`, `'output'`: it used more than that limit, and all of it was killed
 * - `'start'`: it could not be started: {@link RunResult.error}
 */
export type RunVerdict = 'ok' | 'exit' | 'signal' | 'wall' | 'cpu' | 'memory' | 'output' | 'start';

/**
 * What holds a run to its limits of memory and processes: a cgroup of version 2 or 1, or resource limits and a look at
 * /proc twenty times a second.
 */
export type LimitedBy = 'cgroup2' | 'cgroup1' | 'rlimit';

/** The result of {@link Sandbox.run}. */
export interface RunResult<Output extends string | Buffer = string> {
  /** The way it has ended: by itself, or by a limit. */
  verdict: RunVerdict;
  /** The exit code; null when a signal ended it, and where it did not run. */
  code: number | null;
  /** The signal that ended it, SIGKILL where that was this package; null where it exited or did not run. */
  signal: NodeJS.Signals | null;
  /** What it wrote to its standard output, up to the limit. */
  stdout: Output;
  /** What it wrote to its standard error, up to the limit. */
  stderr: Output;
  /** True if it wrote more than `stdout` and `stderr` have. */
  truncated: boolean;
  /**
   * What all its processes have used, those that nobody has waited for among them. All 0 where it did not run, or where
   * its end could not be waited for.
   */
  usage: ResourceUsage;
  /** The mechanism that held it to its limits of memory and processes. */
  limitedBy: LimitedBy;
  /**
   * The reason, where it did not run: a `NamespaceError` with `code`, `step` and `hint`. The verdict is `'start'`, or
   * `'memory'` where the limit of memory is too low to load the program.
   */
  error?: Error;
}
