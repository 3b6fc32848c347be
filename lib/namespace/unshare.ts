import { invalidValue, validateAbortSignal, validateKnownKeys, validateObject } from '../errors/validate';
import { type UnshareSpec, kindsOfSpec, launch, validateUnshare } from '../launch/target';
import type { NamespaceKind } from './kind';
import { type NamespaceSet, openAll, setOf } from './namespace-set';

/** Options of {@link unshare} and {@link setns}. */
export interface CallOptions {
  /** Gives up: what has been started is ended, then the call rejects with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

/**
 * Creates namespaces, and holds them: unshare(1) and clone(2), as a call that leaves this process where it is. A new
 * task is born in them and is let go once they are held, or stays as the init of a new pid namespace.
 *
 * Needs no privilege when a user namespace is among them, nor for that alone; else CAP_SYS_ADMIN.
 *
 * @param spec - a kind, several, or an object that also says how each is set up
 * @throws TypeError, RangeError for bad arguments; NamespaceError `EPERM`, `ENOSPC`, … with `step` and `hint`
 *
 * @example
 * ```ts
 * const set = await unshare({ user: true, net: true, uts: { hostname: 'inside' } });
 * console.log([...set].map(String)); // [ 'net:[4026532289]', 'user:[4026532287]', 'uts:[4026532288]' ]
 * await set.close();
 * ```
 */
export async function unshare(
  spec: NamespaceKind | readonly NamespaceKind[] | UnshareSpec,
  options: CallOptions = {},
): Promise<NamespaceSet> {
  const checked = validateUnshare('spec', spec);
  const kinds = kindsOfSpec(checked);
  if (kinds.length === 0) throw invalidValue('spec', spec, 'must name at least one kind of namespace');
  const signal = signalOf(options);
  const task = await launch({ unshare: checked }, { steps: [['hold']], ids: 'given', signal });
  let set: NamespaceSet;
  try {
    set = setOf(openAll(task, kinds), task);
  } catch (error) {
    task.end();
    await task.exited;
    throw error;
  }
  task.release(); // but an init: that stays
  task.unref();
  return set;
}

/** Checks {@link CallOptions}. */
export function signalOf(options: CallOptions): AbortSignal | undefined {
  validateObject('options', options);
  validateKnownKeys('options', options, ['signal']);
  const { signal } = options;
  if (signal !== undefined) validateAbortSignal('options.signal', signal);
  return signal;
}
