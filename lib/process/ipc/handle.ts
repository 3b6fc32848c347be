import { NamespaceError } from '../../errors/namespace-error';

/** The classes whose objects Node can pass on: net.Server, net.Socket, net.BoundSocket, dgram.Socket, and what they are made of. */
const PASSABLE = ['Server', 'Socket', 'BoundSocket', 'TCP', 'Pipe', 'UDP'];

/** Why that is not sent: Node has this error for what it cannot pass on, and what it could we cannot. */
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

/** By name, along the chain of prototypes: of another realm they are other classes. */
function isPassable(handle: unknown): boolean {
  if (handle === null || typeof handle !== 'object') return false;
  for (let type: unknown = Object.getPrototypeOf(handle); type !== null; type = Object.getPrototypeOf(type)) {
    const { constructor } = type as { constructor?: unknown };
    if (typeof constructor === 'function' && PASSABLE.includes(constructor.name)) return true;
  }
  return false;
}
