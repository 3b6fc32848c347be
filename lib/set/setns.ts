import { as, list, oneOf, required, schema } from '../errors/schema';
import { invalidType, invalidValue, validatePid } from '../errors/validate';
import type { NamespaceInfo } from '../../types/native';
import { closeFd } from '../handle/close';
import { systemError } from '../errors/system-error';
import { run } from '../launch/launch';
import { knownKinds, withoutOwn, validateJoin } from '../launch/join';
import { native } from '../native';
import type { NamespaceHandle } from '../handle/namespace-handle';
import { NAMESPACE_KINDS, type NamespaceKind, kindsOfFlags } from '../kernel/namespace-kind';
import { type Joinable, isNamespace, openOf } from '../namespace/namespace';
import { askNsfs } from '../namespace/nsfs';
import { type NamespaceSet, setOf } from './namespace-set';
import { type CallOptions, signalOf } from './call-options';

/** The namespaces of a process. */
export interface ProcessTarget {
  /** A process, as this one sees it. */
  pid: number;
  /** The kinds of its namespaces to join. Default: all that differ from this process's. */
  kinds?: readonly NamespaceKind[] | undefined;
}

/**
 * Makes a set of existing namespaces to run programs in. It does the work of nsenter(1) and setns(2), but this process
 * stays in its own namespaces. A short-lived task joins them once, so that it is an error here, with the reason, if one
 * cannot be joined.
 *
 * Joining needs CAP_SYS_ADMIN in the user namespace that owns the namespace; for a mount namespace also CAP_SYS_CHROOT
 * and CAP_SYS_ADMIN in the caller's own. The creator of a user namespace can join it, and has all capabilities there. A
 * pid namespace must be the caller's own or a descendant of it.
 *
 * @param target - namespaces, at most one of each kind; or a process. A pidfd makes sure that all namespaces are those
 * of one process, and none of another that has got the same pid
 * @returns a set with its own handles: those of the caller stay open
 * @throws NamespaceError with `kind`, `step` and `hint`: `EPERM`, `EINVAL`, `ESRCH`, `ENOMEM` when the init of a pid
 * namespace has ended, …
 *
 * @example
 * ```ts
 * const set = await setns({ pid: 1234, kinds: ['net', 'uts'] });
 * const { stdout } = await set.execFile('ip', ['address']);
 * ```
 */
export async function setns(target: Joinable | ProcessTarget, options: CallOptions = {}): Promise<NamespaceSet> {
  const signal = signalOf(options);
  const set = setOf(openTarget(target));
  try {
    await run({ join: [...set] }, [], signal);
    return set;
  } catch (error) {
    await set.close();
    throw error;
  }
}

/** Opens descriptors of the target's namespaces. The caller closes them. */
function openTarget(target: unknown): number[] {
  if (target === null || typeof target !== 'object') {
    throw invalidType('target', 'a Namespace, an iterable of Namespaces or an object with a pid', target);
  }
  if (isNamespace(target) || Symbol.iterator in target) return duplicateAll(validateJoin('target', target));
  return openProcess(target);
}

function duplicateAll(namespaces: readonly NamespaceHandle[]): number[] {
  const fds: number[] = [];
  try {
    for (const { fd } of namespaces) fds.push(native().duplicate(fd));
    return fds;
  } catch (error) {
    for (const fd of fds) closeFd(fd);
    throw systemError(error, { step: 'duplicate', operation: 'open' });
  }
}

const parseTarget = schema<ProcessTarget>()({ pid: required(as(validatePid)), kinds: list(oneOf(NAMESPACE_KINDS)) });

function openProcess(target: object): number[] {
  const { pid, kinds } = parseTarget('target', target);
  if (kinds === undefined) return othersOf(pid);
  if (kinds.length === 0) throw invalidValue('target.kinds', kinds, 'must name at least one kind of namespace');
  return openOf(pid, [...new Set(kinds)]);
}

/** Opens the namespaces of a process that this process is not in. */
function othersOf(pid: number): number[] {
  const fds = openOf(pid, knownKinds());
  const attempt = { step: `open namespaces of process ${pid}`, operation: 'open' };
  try {
    const others = fds.filter((fd) => !isOwn(askNsfs(() => native().namespaceInfo(fd), attempt)));
    for (const fd of fds) if (!others.includes(fd)) closeFd(fd);
    return others;
  } catch (error) {
    for (const fd of fds) closeFd(fd);
    throw error;
  }
}

function isOwn({ flag, ino, dev }: NamespaceInfo): boolean {
  return withoutOwn(kindsOfFlags(flag).map((kind) => ({ kind, id: ino, dev }))).length === 0;
}
