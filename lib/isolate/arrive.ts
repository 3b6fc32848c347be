import type { Step } from '../../types/native';
import type * as failures from '../task/failure';
import { isModule } from './module';
import { withoutModule } from './node-options';

/**
 * The second start, inside. Programs that this process starts are in its namespaces, and get none of their own.
 *
 * LINUX_NS_STEPS has the steps that have brought it there, to make an error of them; LINUX_NS_FAILED is there if one has
 * failed (PLAN_FAILED_VARIABLE of src/plan/plan.h).
 */
export function arrive(): void {
  const { LINUX_NS_STEPS: steps = '[]', LINUX_NS_FAILED: failed, NODE_OPTIONS = '' } = process.env;
  const options = withoutModule(NODE_OPTIONS, isModule);
  if (options === '') delete process.env.NODE_OPTIONS;
  else process.env.NODE_OPTIONS = options;
  delete process.env.LINUX_NS_STEPS;
  delete process.env.LINUX_NS_FAILED;
  if (failed !== undefined) throw failure(failed, JSON.parse(steps) as Step[]);
}

/** The error of a step: `'3 1 unshare '` is its index, the errno, the system call, and the path if there is one. */
function failure(text: string, steps: readonly Step[]): Error {
  const [step = '', errno = '', syscall = '', ...rest] = text.split(' ');
  const path = rest.join(' ');
  // It is loaded only here: a process that is isolated needs no explanation.
  const { launchError } = require('../task/failure') as typeof failures;
  const told = { phase: 'step', step: Number(step), errno: Number(errno), syscall } as const;
  return launchError(path === '' ? told : { ...told, path }, { flags: 0, steps });
}
