/** Signals for all programs of a host. */
import { constants } from 'node:os';
import { run } from '../launch/launch';
import { makeStep } from '../plan/step';
import type { NamespaceSet } from '../set/namespace-set';

/**
 * Sends a signal to all processes of a set's pid namespace but its init, in one system call: none can start another
 * that is missed, and no pid is used that may stand for another process by now.
 */
export async function signalAll({ user, pid }: NamespaceSet, signal: NodeJS.Signals): Promise<void> {
  const join = [user, pid].filter((namespace) => namespace !== undefined);
  await run({ join }, [makeStep('signal_all', { signal: constants.signals[signal] })]);
}
