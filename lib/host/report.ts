/** The result of {@link inspectHost}. */

/**
 * - `'ok'`: it works here.
 * - `'limited'`: it works in part, or may not work; `found` says how.
 * - `'no'`: it does not work here; `remedy` says what to do.
 * - `'unknown'`: it could not be tested.
 */
export type Verdict = 'ok' | 'limited' | 'no' | 'unknown';

/** The result of one check. */
export interface HostCheck {
  /** A stable name: `'user'`, `'id-ranges'`, `'cgroup-delegation'`. */
  readonly id: string;
  /** The subject, for people to read. */
  readonly title: string;
  /** The result. */
  readonly verdict: Verdict;
  /** The attempt in words: `'created one in a short-lived task'`. */
  readonly tried: string;
  /** The result in a few words. */
  readonly found: string;
  /** The cause and what to do about it, as in the `hint` of an error with that cause. */
  readonly remedy?: string;
}

/** A report on what this host allows this process to do. */
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
  /** The checks, in a fixed order. */
  readonly checks: readonly HostCheck[];
}
