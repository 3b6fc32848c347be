import { NamespaceError } from '../../errors/namespace-error';

/** How often a list is tried that others' changes interrupt. */
export const MOST_ATTEMPTS = 50;

/** The error of a list that was never whole. */
export function interrupted(step: string): NamespaceError {
  const message = `what was to be listed changed each of the ${MOST_ATTEMPTS} times that it was tried`;
  return new NamespaceError({ code: 'ERR_LINUX_NS_INTERRUPTED', message, step, kind: 'net' });
}
