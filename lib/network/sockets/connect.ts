/** Connections from inside a network namespace, as `net.connect()` makes them. */
import type { Socket } from 'node:net';
import { addAbortSignal } from 'node:stream';
import { Errno } from '../../kernel/errno';
import { NamespaceError } from '../../errors/namespace-error';
import { abortError } from '../../errors/abort';
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
    return socket;
  } catch (error) {
    deadline.signal?.throwIfAborted(); // what was under way fails as aborted, and not with the reason for that
    throw error;
  } finally {
    deadline.clear();
  }
}

interface Deadline {
  readonly signal: AbortSignal | undefined;
  clear(): void;
}

/**
 * A signal that is aborted when the caller's is, when the time is over, or when the place is gone. Its reason is the error to
 * fail with.
 */
function deadlineOf(
  { signal: outer, timeout = 0, host = 'localhost', port = 0, path }: Connection,
  gone: AbortSignal | undefined,
): Deadline {
  if (outer === undefined && timeout === 0) return { signal: gone, clear: () => undefined };
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
  return { signal: controller.signal, clear };
}

function timedOut(where: string): NamespaceError {
  return new NamespaceError({ errno: Errno.ETIMEDOUT, syscall: 'connect', kind: 'net', step: `connect ${where}` });
}

/** Nobody is told of the end of the connection, neither the peer nor who has the socket: only that it is closed. */
function destroyWhen(gone: AbortSignal, socket: Socket): void {
  const end = (): void => void socket.destroy();
  if (gone.aborted) end();
  gone.addEventListener('abort', end, { once: true });
  socket.once('close', () => gone.removeEventListener('abort', end));
}

/** A connected descriptor as Node's socket, which owns it. */
function socketOf(fd: number, options: Connection): Socket {
  const { allowHalfOpen = false, signal } = options;
  const socket = socketOver(fd, { allowHalfOpen });
  if (options.noDelay === true) socket.setNoDelay(true);
  if (options.keepAlive === true) socket.setKeepAlive(true, options.keepAliveInitialDelay);
  if (options.timeout !== undefined) socket.setTimeout(options.timeout);
  if (signal !== undefined) addAbortSignal(signal, socket);
  return socket;
}
