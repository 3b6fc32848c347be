import { NamespaceError } from '../../errors/namespace-error';
import { explain } from '../../hints/explain';
import { systemError } from '../../errors/system-error';
import { type Endpoint, addressText, describeEndpoint } from './endpoint';

/** The system call on a socket that can fail for reasons of the network. */
export type SocketCall = 'bind' | 'connect' | 'listen';

/**
 * The error of a system call on a socket, as Node words it: with the address and the port. An error that is not of a
 * system call is returned as it is.
 */
export function socketError(cause: unknown, call: SocketCall, endpoint: Endpoint): Error {
  const { errno, path } = (cause ?? {}) as { errno?: unknown; path?: string };
  if (typeof errno !== 'number' || (cause as Error).name === 'NamespaceError') return cause as Error;
  const where =
    endpoint.domain === 'unix'
      ? { path: endpoint.path.replace(/^\0/, '@') }
      : { address: addressText(endpoint), port: endpoint.port };
  const failure = {
    operation: call === 'bind' ? 'bind-socket' : call,
    errno: Math.abs(errno),
    syscall: call,
    kind: 'net' as const,
    detail: path,
  };
  const step = `${call} ${describeEndpoint(endpoint)}`;
  return new NamespaceError({
    ...where,
    errno,
    syscall: call,
    kind: 'net',
    step,
    hint: explain({ ...failure, ...where }),
  });
}

/** The error of socket(2) for a socket of another network namespace, or of entering that one. */
export function creationError(cause: unknown): Error {
  return systemError(cause, { step: 'create socket', operation: 'socket', kind: 'net' });
}
