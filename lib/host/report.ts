/** What {@link inspectHost} tells. */

/**
 * - `'ok'`: it works here.
 * - `'limited'`: it works in part, or under a condition that `found` names.
 * - `'no'`: it does not work here; `remedy` says what to do.
 * - `'unknown'`: it could not be tried.
 */
export type Verdict = 'ok' | 'limited' | 'no' | 'unknown';

/** One thing that was looked at. */
export interface HostCheck {
  /** Stable: `'user'`, `'id-ranges'`, `'cgroup-delegation'`. */
  readonly id: string;
  /** What it is about, for a person. */
  readonly title: string;
  /** What came of it. */
  readonly verdict: Verdict;
  /** How it was found: `'created one in a throw-away task'`. */
  readonly tried: string;
  /** What was found, in a few words. */
  readonly found: string;
  /** The cause, and what to do about it: the `hint` that an error has for the same reason. */
  readonly remedy?: string;
}

/** What this host allows this process. */
export interface HostReport {
  /** `os.release()`: `'6.8.0-45-generic'`. */
  readonly kernel: string;
  /** `process.arch` */
  readonly arch: string;
  /** `process.version` */
  readonly node: string;
  /** The effective user id. */
  readonly uid: number;
  /** The worst among `checks`. */
  readonly verdict: Verdict;
  /** What was looked at, one by one. */
  readonly checks: readonly HostCheck[];
}
