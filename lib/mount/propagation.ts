import { resolve } from 'node:path';
import type { Step } from '../../types/native';
import { boolean, schema } from '../errors/schema';
import { validateOneOf, validatePath } from '../errors/validate';
import { PROPAGATIONS, type Propagation, PROPAGATION_FLAGS } from '../kernel/propagation';
import { run } from '../launch/launch';
import { MS_REC } from '../kernel/mount-flags';

/** Options of {@link setPropagation}. */
export interface PropagationOptions {
  /** True: all mounts below are changed as well. Default false. */
  recursive?: boolean | undefined;
}

const PROPAGATION = schema<PropagationOptions>()({ recursive: boolean });

/**
 * Changes the way in which mounts and unmounts spread from a mount to its copies in other mount namespaces and back
 * (`mount_namespaces(7)`, "Shared subtrees"), as `mount --make-private` and its like do.
 *
 * It acts on this process's own mount namespace, in a task of its own, and takes CAP_SYS_ADMIN in the user namespace
 * that owns it. The same on a {@link NamespaceSet} acts inside that.
 *
 * @param path - a mount point
 * @param propagation - `'shared'`, `'private'`, `'slave'` or `'unbindable'`
 * @throws NamespaceError `EINVAL` when nothing is mounted on `path`, `EPERM`, `ENOENT`, …
 */
export async function setPropagation(
  path: string | URL,
  propagation: Propagation,
  options: PropagationOptions = {},
): Promise<void> {
  await run({}, [propagationStep(path, propagation, options, resolve)]);
}

/** The step of a plan that changes it. `locate` makes the path that the task has to use. */
export function propagationStep(
  path: unknown,
  propagation: unknown,
  options: unknown,
  locate: (path: string) => string,
): Step {
  const target = locate(validatePath('path', path));
  validateOneOf('propagation', propagation, PROPAGATIONS);
  const { recursive = false } = PROPAGATION('options', options);
  return ['propagation', target, PROPAGATION_FLAGS[propagation] | (recursive ? MS_REC : 0)];
}
