import type { NamespaceKind } from '../kernel/namespace-kind';

/** The parts of a `Namespace` that are needed to join it, or to mount with it. */
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
 * Marks a handle. It is a registered symbol, because another realm (that of a Jest test, for example) and another
 * loaded copy of this package have classes `Namespace` of their own, and their handles are as good.
 */
export const NAMESPACE = Symbol.for('linux-ns.Namespace');

/** True for a handle on a namespace, open or closed, whoever made it. */
export function isNamespaceHandle(value: unknown): value is NamespaceHandle {
  return value !== null && typeof value === 'object' && NAMESPACE in value;
}
