import { NamespaceError } from '../../errors/namespace-error';

/** The number of times that a list is tried when changes of others interrupt it. */
export const MOST_ATTEMPTS = 50;

/** The error of a list that was interrupted each time. */
export function interrupted(step: string): NamespaceError {
  const message = `what was to be listed changed each of the ${MOST_ATTEMPTS} times that it was tried`;
  return new NamespaceError({ code: 'ERR_LINUX_NS_INTERRUPTED', message, step, kind: 'net' });
}
