import { Socket, type SocketConstructorOpts } from 'node:net';
import { handOver } from '../descriptors/hand-over';

const descriptors = new WeakMap<Socket, number>();

/** Makes Node's socket of a connected descriptor, which it owns from then on. */
export function socketOver(fd: number, options: Omit<SocketConstructorOpts, 'fd'>): Socket {
  const socket = handOver(fd, () => new Socket({ fd, readable: true, writable: true, ...options }));
  descriptors.set(socket, fd);
  return socket;
}

/** The descriptor of a socket that {@link socketOver} has made; undefined for others, and for one that is closed. */
export function descriptorOf(socket: Socket): number | undefined {
  return socket.destroyed ? undefined : descriptors.get(socket);
}
