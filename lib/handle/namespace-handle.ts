import type { NamespaceKind } from '../kernel/namespace-kind';

/** All that joining a namespace, or mounting with one, asks of a handle on it: a `Namespace` is one. */
export interface NamespaceHandle {
  /** Its kind. */
  readonly kind: NamespaceKind;
  /** Its inode number. */
  readonly id: bigint;
  /** The device of its inode. */
  readonly dev: bigint;
  /** The descriptor. @throws NamespaceError `ERR_LINUX_NS_CLOSED` */
  readonly fd: number;
  /** True once it has been closed. */
  readonly closed: boolean;
  /** The text of the namespace's link in `/proc/PID/ns`: `'net:[4026531840]'`. */
  toString(): string;
}

/**
 * Marks a handle. It is a registered symbol, because the class `Namespace` is another one in another realm (a Jest
 * test's) or where two copies of this package are loaded, and their handles are as good.
 */
export const NAMESPACE = Symbol.for('linux-ns.Namespace');

/** Tells a handle on a namespace, open or closed, whoever made it. */
export function isNamespaceHandle(value: unknown): value is NamespaceHandle {
  return value !== null && typeof value === 'object' && NAMESPACE in value;
}
