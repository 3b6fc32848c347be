/** One attempt to connect to an address. No name has to be looked up. */
import type { Native } from '../../../types/native';
import { Errno } from '../../kernel/errno';
import { native } from '../../native';
import type { Place } from '../place';
import { bindTo, bindToDevice } from './bind';
import { type Endpoint, type InetEndpoint, addressArguments, inetEndpoint } from './endpoint';
import { socketError } from './socket-error';

/** The address, the port and the interface that a connection comes from. */
export interface Origin {
  localAddress?: string | undefined;
  localPort?: number | undefined;
  device?: string | undefined;
}

/**
 * Connects to an address from inside a network. The result is a descriptor, which the caller closes.
 *
 * @param patience - milliseconds to wait; 0 to wait as long as the kernel does
 */
export async function attempt(
  place: Pick<Place, 'socket'>,
  endpoint: Endpoint,
  origin: Origin,
  signal?: AbortSignal,
  patience = 0,
): Promise<number> {
  signal?.throwIfAborted();
  const fd = await place.socket(endpoint.domain, 'stream');
  try {
    signal?.throwIfAborted();
    bindToDevice(fd, origin.device);
    if (endpoint.domain !== 'unix') bindLocally(fd, endpoint, origin);
    await establish(fd, endpoint, signal, patience);
    return fd;
  } catch (error) {
    native().closeNow(fd);
    throw error;
  }
}

/** Binds to the address and the port that a connection is to come from. */
function bindLocally(fd: number, { domain }: InetEndpoint, { localAddress, localPort = 0 }: Origin): void {
  if (localAddress === undefined && localPort === 0) return;
  bindTo(fd, inetEndpoint(localAddress ?? (domain === 'inet6' ? '::' : '0.0.0.0'), localPort));
}

function establish(fd: number, endpoint: Endpoint, signal: AbortSignal | undefined, patience: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const settle = (error?: unknown): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      connecting?.cancel();
      if (error === undefined) resolve();
      else reject(socketError(error, 'connect', endpoint));
    };
    const stop = (): void => settle(signal?.reason);
    const connecting = startConnect(fd, endpoint, (errno) => settle(errno === 0 ? undefined : { errno }));
    if (connecting === undefined) {
      resolve();
      return;
    }
    signal?.addEventListener('abort', stop, { once: true });
    if (patience > 0) timer = setTimeout(() => settle({ errno: Errno.ETIMEDOUT }), patience);
  });
}

/** Starts to connect. Undefined where the socket is connected at once. */
function startConnect(
  fd: number,
  endpoint: Endpoint,
  done: (errno: number) => void,
): ReturnType<Native['connectSocket']> {
  try {
    return native().connectSocket(fd, ...addressArguments(endpoint), done);
  } catch (cause) {
    throw socketError(cause, 'connect', endpoint);
  }
}
