/** The options and results of pools. */
import { type Check, abortSignal, callback, integer, milliseconds, orNull, required, schema } from '../errors/schema';
import { invalidValue } from '../errors/validate';

/** Options of a pool. */
export interface PoolOptions<Member, Warmed = undefined> {
  /** The number of members that are kept ready. */
  size: number;
  /** The number that are ready when the pool is there. Default: `size`. */
  min?: number | undefined;
  /**
   * Prepares a member before it is ready: starts a program that waits for work, for example. What it returns or resolves
   * with is the property `warmed` of the member. If that is a `NamespaceProcess` that has ended meanwhile, the member is
   * not given to anybody, and replaced. Default: nothing is prepared.
   */
  warm?: ((member: Member) => Warmed | Promise<Warmed>) | undefined;
  /** The time in milliseconds, counted from when a member was ready, after which it is replaced. Default: no limit. */
  maxAge?: number | undefined;
  /**
   * Called for each failure to make, to prepare or to close a member. Default: nothing is told but by `stats()`, and by
   * `take()`, which rejects after three failures in a row.
   */
  onError?: ((error: unknown) => void) | undefined;
}

/** Options of {@link Pool.take}. */
export interface TakeOptions {
  /** Ends the wait for a member: the call rejects with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

/** The counts of a pool. */
export interface PoolStats {
  /** Members that can be taken at once. */
  readonly ready: number;
  /** Members that are being made or prepared. */
  readonly starting: number;
  /** Calls of `take()` that wait for a member. */
  readonly waiting: number;
  /** Members that have been taken, in all. */
  readonly taken: number;
  /** Members that were replaced before anybody took them, in all: they were too old, or had ended. */
  readonly discarded: number;
  /** Failures to make, to prepare or to close a member, in all. */
  readonly failed: number;
}

/** A member of a pool that somebody has taken, with what `warm` has prepared. */
export type Pooled<Member, Warmed> = Member & {
  /** The value that `warm` has returned, or resolved with. */
  readonly warmed: Warmed;
};

/** Things that can be in a pool. */
export interface Poolable {
  /** Closes it; resolves when nothing of it is left. */
  close(): Promise<void>;
}

/** More would need more descriptors than a process may have. */
const MOST = 100_000;

const parse = schema<PoolOptions<never, unknown>>()({
  size: required(integer(1, MOST)),
  min: orNull(integer(0, MOST)),
  warm: orNull(callback<(member: never) => unknown>()),
  maxAge: orNull(milliseconds),
  onError: orNull(callback<(error: unknown) => void>()),
});

/** Options after their check. */
export interface CheckedPool<Member, Warmed> extends PoolOptions<Member, Warmed> {
  min: number;
}

/** Checks the options of a pool. */
export function poolOptions<Member, Warmed>(given: unknown): CheckedPool<Member, Warmed> {
  const options = parse('options', given);
  const { size, min = size } = options;
  if (min > size) throw invalidValue('options.min', min, "cannot be more than 'size'");
  return { ...(options as PoolOptions<Member, Warmed>), min };
}

const take = schema<TakeOptions>()({ signal: abortSignal });

/** Checks the options of `take()`. */
export const takeOptions: Check<TakeOptions> = take;
