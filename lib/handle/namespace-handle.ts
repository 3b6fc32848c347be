import type { Namespace } from '../namespace/namespace';

/**
 * Marks a {@link Namespace}. A registered symbol, because the class is another one in another realm (a Jest test's) or
 * where two copies of this package are loaded, and their handles are as good.
 */
export const NAMESPACE = Symbol.for('linux-ns.Namespace');

/** Whether a value is a handle on a namespace, open or closed, whoever made it. */
export function isNamespace(value: unknown): value is Namespace {
  return value !== null && typeof value === 'object' && NAMESPACE in value;
}
