import { statSync } from 'node:fs';
import { closedError } from '../errors/namespace-error';
import { invalidType, invalidValue } from '../errors/validate';
import { type NamespaceHandle, isNamespaceHandle } from '../handle/namespace-handle';
import { NAMESPACE_KINDS, type NamespaceKind } from '../kernel/namespace-kind';

/**
 * Checks the namespaces that a caller wants to join, a NamespaceSet or any iterable of Namespaces, and returns them as
 * an array.
 *
 * @param name - the caller's name for the value, as in `'options.setns'`
 * @throws NamespaceError `ERR_LINUX_NS_CLOSED` when one of them, or the set, is closed
 */
export function validateJoin(name: string, value: unknown): readonly NamespaceHandle[] {
  const list = isNamespaceHandle(value) ? [value] : value;
  if (!isIterable(list)) throw invalidType(name, 'a Namespace, a NamespaceSet or an iterable of Namespaces', value);
  const namespaces = [...list].map((item, index) => {
    if (!isNamespaceHandle(item)) throw invalidType(`${name}[${index}]`, 'an instance of Namespace', item);
    if (item.closed) throw closedError(String(item));
    return item;
  });
  namespaces.forEach((namespace, index) => {
    const same = namespaces.findIndex((other) => other.kind === namespace.kind);
    if (same !== index) throw invalidValue(name, value, `must have at most one namespace of kind ${namespace.kind}`);
  });
  return namespaces;
}

/** The namespaces that have to be joined before a user namespace: see {@link joinFromAbove}. */
const above = new WeakMap<NamespaceHandle, readonly NamespaceHandle[]>();

/**
 * From now on, a task that joins this user namespace first joins those above it, the outermost first. Some namespaces
 * belong to those, and can be joined only from there.
 */
export function joinFromAbove(user: NamespaceHandle, namespaces: readonly NamespaceHandle[]): void {
  above.set(user, namespaces);
}

/** The namespaces that have to be joined first, on the way to the user namespace among these. */
export function namespacesAbove(joined: readonly NamespaceHandle[]): readonly NamespaceHandle[] {
  const user = joined.find(({ kind }) => kind === 'user');
  const found = user === undefined ? undefined : above.get(user);
  return found?.filter(({ closed }) => !closed) ?? [];
}

type Identity = Pick<NamespaceHandle, 'kind' | 'id' | 'dev'>;

/**
 * The namespaces among these that this process is not in already. The kernel refuses to join the user namespace that
 * the caller is in: EINVAL.
 */
export function withoutOwn<N extends Identity>(namespaces: readonly N[]): N[] {
  return namespaces.filter((namespace) => !isOwn(namespace));
}

/**
 * Results of earlier comparisons, which never change. They are kept because bigints are slow, and the same set is
 * joined again and again.
 */
const compared = new WeakMap<Identity, boolean>();

function isOwn(namespace: Identity): boolean {
  const known = compared.get(namespace);
  if (known !== undefined) return known;
  const own = ownId(namespace.kind);
  const same = own?.ino === namespace.id && own.dev === namespace.dev;
  compared.set(namespace, same);
  return same;
}

/** The kinds that this kernel has. */
export function knownKinds(): NamespaceKind[] {
  return NAMESPACE_KINDS.filter((kind) => ownId(kind) !== undefined);
}

interface Id {
  ino: bigint;
  dev: bigint;
}

/**
 * The ids of the main thread's namespaces. They do not change, because only a Worker that asks for it ever leaves them.
 */
const ownIds = new Map<NamespaceKind, Id | undefined>();

function ownId(kind: NamespaceKind): Id | undefined {
  if (!ownIds.has(kind)) ownIds.set(kind, statSync(`/proc/self/ns/${kind}`, { bigint: true, throwIfNoEntry: false }));
  return ownIds.get(kind);
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return value !== null && typeof value === 'object' && Symbol.iterator in value;
}
