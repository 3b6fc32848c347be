import { Socket, type SocketConstructorOpts } from 'node:net';
import { handOver } from '../descriptors/hand-over';

/** The descriptor, as a property: the garbage collector has work with each entry of a WeakMap. */
const DESCRIPTOR = Symbol('descriptor');

interface WithDescriptor {
  [DESCRIPTOR]?: number;
}

/** Makes Node's socket of a connected descriptor, which it owns from then on. */
export function socketOver(fd: number, options: Omit<SocketConstructorOpts, 'fd'>): Socket {
  const socket = handOver(fd, () => new Socket({ fd, readable: true, writable: true, ...options }));
  (socket as WithDescriptor)[DESCRIPTOR] = fd;
  return socket;
}

/** The descriptor of a socket that {@link socketOver} has made; undefined for others, and for one that is closed. */
export function descriptorOf(socket: Socket): number | undefined {
  return socket.destroyed ? undefined : (socket as WithDescriptor)[DESCRIPTOR];
}
