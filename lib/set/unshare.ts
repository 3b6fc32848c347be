import { schema } from '../errors/schema';
import { invalidValue } from '../errors/validate';
import type { Step } from '../../types/native';
import { closeFd } from '../handle/close';
import { systemError } from '../errors/system-error';
import { type UnshareSpec, kindsOfSpec, validateUnshare } from '../launch/unshare-spec';
import { launch } from '../launch/launch';
import { validateJoin } from '../launch/join';
import type { Task } from '../task/task';
import { native } from '../native';
import { CLONE_FLAGS, type NamespaceKind } from '../kernel/namespace-kind';
import type { NamespaceHandle } from '../handle/namespace-handle';
import type { Joinable } from '../namespace/namespace';
import { CALL, type CallOptions } from './call-options';
import { type NamespaceSet, openAll, setOf } from './namespace-set';

/** Options of {@link unshare}. */
export interface UnshareOptions extends CallOptions {
  /**
   * Namespaces to join first. The new ones are created from inside them, so that one user namespace can own several
   * networks, for example. The set also has the joined ones, except for the kinds that are created. Default: none.
   */
  setns?: Joinable | undefined;
}

const parseUnshare = schema<UnshareOptions>()({ ...CALL.checks, setns: validateJoin });

/**
 * Creates namespaces and holds them. It does the work of unshare(1) and clone(2), but this process stays in its own
 * namespaces. A new task is started in the new ones; it ends as soon as they are held, or stays as the init of a new
 * pid namespace.
 *
 * Needs no privilege when a user namespace is among them; otherwise CAP_SYS_ADMIN.
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
 *
 * @example A second network of the same user namespace: links can be moved between the two without privilege.
 * ```ts
 * const first = await unshare(['user', 'net']);
 * const second = await unshare('net', { setns: first });
 * ```
 */
export async function unshare(
  spec: NamespaceKind | readonly NamespaceKind[] | UnshareSpec,
  options: UnshareOptions = {},
): Promise<NamespaceSet> {
  const { signal, ...wanted } = parseWanted(spec, options);
  return makeSet(wanted, signal);
}

/** The namespaces to create, after their check. */
export interface Wanted {
  readonly unshare: UnshareSpec;
  readonly kinds: readonly NamespaceKind[];
  readonly join: readonly NamespaceHandle[] | undefined;
}

/** @throws TypeError, RangeError */
export function parseWanted(spec: unknown, options: unknown): Wanted & { readonly signal: AbortSignal | undefined } {
  const checked = validateUnshare('spec', spec);
  const kinds = kindsOfSpec(checked);
  if (kinds.length === 0) throw invalidValue('spec', spec, 'must name at least one kind of namespace');
  const { setns: join, signal } = parseUnshare('options', options);
  return { unshare: checked, kinds, join, signal };
}

export async function makeSet(
  { unshare, kinds, join }: Wanted,
  signal: AbortSignal | undefined,
): Promise<NamespaceSet> {
  const steps: Step[] =
    join === undefined ? [['hold']] : [['namespaces', kinds.map((kind) => CLONE_FLAGS[kind])], ['hold']];
  const task = await launch({ unshare, join }, { steps, ids: 'given', signal });
  let set: NamespaceSet;
  try {
    set = setOf(join === undefined ? openAll(task, kinds) : withJoined(task, kinds, join), task);
  } catch (error) {
    task.end();
    await task.exited;
    throw error;
  }
  task.release(); // but an init: that stays
  task.unref();
  return set;
}

/** The descriptors of the new namespaces, which the task has sent, and of the other namespaces that were joined. */
function withJoined(task: Task, kinds: readonly NamespaceKind[], joined: readonly NamespaceHandle[]): number[] {
  const fds = task.fds.splice(0);
  try {
    for (const { kind, fd } of joined) if (!kinds.includes(kind)) fds.push(native().duplicate(fd));
    return fds;
  } catch (cause) {
    for (const fd of fds) closeFd(fd);
    throw systemError(cause, { step: 'duplicate', operation: 'open' });
  }
}
