/** Attempts to connect: to each address of a host, until one succeeds. */
import { getDefaultAutoSelectFamily, getDefaultAutoSelectFamilyAttemptTimeout, isIP } from 'node:net';
import type { Native } from '../../../types/native';
import { Errno } from '../../kernel/errno';
import { NamespaceError } from '../../errors/namespace-error';
import { native } from '../../native';
import type { NetworkTarget } from '../place';
import { resolveHost } from '../resolve/host';
import type { ConnectOptions } from './connect';
import { type Endpoint, type InetEndpoint, addressArguments, inetEndpoint } from './endpoint';
import { socketError } from './error';
import { openSocket } from './open';
import { bindToDevice } from './socket-options';

/** Connects to the first address that it can: a descriptor. */
export async function connectAny(
  target: NetworkTarget,
  options: ConnectOptions,
  signal?: AbortSignal,
): Promise<number> {
  const { path, host = 'localhost', port = 0 } = options;
  if (path !== undefined) return attempt(target, { domain: 'unix', path }, options, signal);
  if (isIP(host) !== 0) return attempt(target, inetEndpoint(host, port), options, signal);
  const addresses = await resolveHost(target, host, { ...options, signal });
  const several = options.autoSelectFamily ?? getDefaultAutoSelectFamily();
  const endpoints = (several ? alternating(addresses) : addresses.slice(0, 1)).map((text) => inetEndpoint(text, port));
  const patience = options.autoSelectFamilyAttemptTimeout ?? getDefaultAutoSelectFamilyAttemptTimeout();
  const errors: unknown[] = [];
  for (const [index, endpoint] of endpoints.entries()) {
    const isLast = index === endpoints.length - 1;
    try {
      return await attempt(target, endpoint, options, signal, isLast ? 0 : patience);
    } catch (error) {
      // What is not about an address would be the same with the next.
      if ((error as NamespaceError).address === undefined) throw error;
      errors.push(error);
    }
  }
  throw errors.length === 1 ? errors[0] : allFailed(host, port, errors);
}

/** RFC 8305: the families take turns, in the order that the names were resolved in. */
function alternating(addresses: readonly string[]): string[] {
  const first = addresses.filter((address) => isIP(address) === isIP(addresses[0] ?? ''));
  const second = addresses.filter((address) => !first.includes(address));
  const turns = Array.from({ length: Math.max(first.length, second.length) }, (_, index) => [
    first[index],
    second[index],
  ]);
  return turns.flat().filter((address) => address !== undefined);
}

/** The first error, as it would be for that address alone; the cause has all of them. */
function allFailed(host: string, port: number, errors: readonly unknown[]): NamespaceError {
  const { errno, syscall, hint } = errors[0] as NamespaceError;
  const cause = new AggregateError(errors, `none of the ${errors.length} addresses of ${host} could be connected to`);
  return new NamespaceError({ errno, syscall, kind: 'net', step: `connect ${host}:${port}`, hint, cause });
}

/** @param patience - milliseconds for this attempt alone; 0 for as long as it takes */
async function attempt(
  target: NetworkTarget,
  endpoint: Endpoint,
  options: ConnectOptions,
  signal?: AbortSignal,
  patience = 0,
): Promise<number> {
  signal?.throwIfAborted();
  const fd = await openSocket('target', target, endpoint.domain, 'stream');
  try {
    signal?.throwIfAborted();
    bindToDevice(fd, options.device);
    if (endpoint.domain !== 'unix') bindLocally(fd, endpoint, options);
    await establish(fd, endpoint, signal, patience);
    return fd;
  } catch (error) {
    native().closeNow(fd);
    throw error;
  }
}

/** To the address and the port that a connection is to come from. */
function bindLocally(fd: number, { domain }: InetEndpoint, { localAddress, localPort = 0 }: ConnectOptions): void {
  if (localAddress === undefined && localPort === 0) return;
  const local = inetEndpoint(localAddress ?? (domain === 'inet6' ? '::' : '0.0.0.0'), localPort);
  try {
    native().bindSocket(fd, ...addressArguments(local));
  } catch (cause) {
    throw socketError(cause, 'bind', local);
  }
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

/** Undefined when it is connected at once. */
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
