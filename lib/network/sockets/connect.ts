/** Connections from inside a network namespace, as `net.connect()` makes them. */
import type { Socket } from 'node:net';
import { Errno } from '../../kernel/errno';
import { NamespaceError } from '../../errors/namespace-error';
import { abortError, throwIfAborted } from '../../errors/abort';
import type { Place } from '../place';
import { connectAny } from './attempts';
import { type ConnectOptions, type Connection, parseConnect } from './connect-options';
import { socketOver } from './socket-over';

/** {@link Network.connect} */
export async function connect(place: Place, where: ConnectOptions): Promise<Socket> {
  const options = parseConnect(where);
  const gone = place.gone?.();
  const deadline = deadlineOf(options, gone);
  try {
    const socket = socketOf(await connectAny(place, options, deadline.signal), options);
    if (gone !== undefined) destroyWhen(gone, socket);
    if (options.signal !== undefined) destroyWhen(options.signal, socket, abortError);
    return socket;
  } catch (error) {
    deadline.throwIfOver(); // what was under way fails as aborted, and not with the reason for that
    throw error;
  } finally {
    deadline.clear();
  }
}

interface Deadline {
  readonly signal: AbortSignal | undefined;
  /** Throws the error to fail with, if the signal is aborted. */
  throwIfOver(): void;
  clear(): void;
}

/** A signal that is aborted when the caller's is, when the time is over, or when the place is gone. */
function deadlineOf(
  { signal: outer, timeout = 0, host = 'localhost', port = 0, path }: Connection,
  gone: AbortSignal | undefined,
): Deadline {
  const clearNothing = (): void => undefined;
  if (outer === undefined && timeout === 0) {
    return { signal: gone, throwIfOver: () => gone?.throwIfAborted(), clear: clearNothing };
  }
  if (gone === undefined && timeout === 0) {
    return { signal: outer, throwIfOver: () => throwIfAborted(outer), clear: clearNothing };
  }
  const controller = new AbortController();
  const onGone = (): void => controller.abort(gone?.reason);
  const onAbort = (): void => {
    if (outer !== undefined) controller.abort(abortError(outer));
  };
  const onTimeout = (): void => controller.abort(timedOut(path ?? `${host}:${port}`));
  const timer = timeout === 0 ? undefined : setTimeout(onTimeout, timeout);
  if (outer?.aborted === true) onAbort();
  outer?.addEventListener('abort', onAbort, { once: true });
  if (gone?.aborted === true) onGone();
  gone?.addEventListener('abort', onGone, { once: true });
  const clear = (): void => {
    clearTimeout(timer);
    outer?.removeEventListener('abort', onAbort);
    gone?.removeEventListener('abort', onGone);
  };
  return { signal: controller.signal, throwIfOver: () => controller.signal.throwIfAborted(), clear };
}

function timedOut(where: string): NamespaceError {
  return new NamespaceError({ errno: Errno.ETIMEDOUT, syscall: 'connect', kind: 'net', step: `connect ${where}` });
}

/**
 * Destroys a socket when a signal is aborted.
 *
 * @param errorOf - the error of the socket. Without one nobody is told, neither the peer nor who has the socket: only that it
 * is closed
 */
function destroyWhen(signal: AbortSignal, socket: Socket, errorOf?: (signal: AbortSignal) => Error): void {
  const end = (): void => void socket.destroy(errorOf?.(signal));
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', end));
}

/** A connected descriptor as Node's socket, which owns it. */
function socketOf(fd: number, options: Connection): Socket {
  const { allowHalfOpen = false } = options;
  const socket = socketOver(fd, { allowHalfOpen });
  if (options.noDelay === true) socket.setNoDelay(true);
  if (options.keepAlive === true) socket.setKeepAlive(true, options.keepAliveInitialDelay);
  if (options.timeout !== undefined) socket.setTimeout(options.timeout);
  return socket;
}
