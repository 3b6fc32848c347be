import type { Task } from '../task/task';
import type { NamespaceSet } from '../set/namespace-set';

/** Opens all namespaces of a task. */
export type OpenNamespaces = (task: Task) => Promise<NamespaceSet>;

let open: OpenNamespaces | undefined;

/**
 * A NamespaceSet starts programs, and a program's namespaces are a NamespaceSet: so that the two do not import each
 * other, the module of the set hands in here, when it is loaded, how one is made.
 */
export function provideNamespaces(openNamespaces: OpenNamespaces): void {
  open = openNamespaces;
}

/** What has been provided. */
export function namespacesOf(task: Task): Promise<NamespaceSet> {
  if (open === undefined) throw new Error('lib/set/namespace-set has not been loaded');
  return open(task);
}
