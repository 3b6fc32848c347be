import { NamespaceError } from '../../errors/namespace-error';

/**
 * The classes whose objects Node can send to another process: net.Server, net.Socket, net.BoundSocket, dgram.Socket,
 * and Node's inner handles of these.
 */
const PASSABLE = ['Server', 'Socket', 'BoundSocket', 'TCP', 'Pipe', 'UDP'];

/**
 * The error for a handle that is given to `send()`. Node's own error is for objects that it cannot send either; the
 * others can be sent by Node, but not here.
 */
export function handleError(handle: unknown): Error {
  if (!isPassable(handle)) {
    return Object.assign(new TypeError('This handle type cannot be sent'), { code: 'ERR_INVALID_HANDLE_TYPE' });
  }
  return new NamespaceError({
    code: 'ERR_LINUX_NS_UNSUPPORTED',
    message: 'A server or a socket cannot be sent to a process in namespaces',
    hint: 'Give it to the process when it is started, as an entry of options.stdio, or have it listen or connect itself.',
  });
}

/**
 * True if Node could send a handle. It compares names along the chain of prototypes, as another realm has classes of
 * its own.
 */
function isPassable(handle: unknown): boolean {
  if (handle === null || typeof handle !== 'object') return false;
  for (let type: unknown = Object.getPrototypeOf(handle); type !== null; type = Object.getPrototypeOf(type)) {
    const { constructor } = type as { constructor?: unknown };
    if (typeof constructor === 'function' && PASSABLE.includes(constructor.name)) return true;
  }
  return false;
}
