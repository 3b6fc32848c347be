/** Connections from inside a network namespace, as `net.connect()` makes them. */
import { Socket, isIP } from 'node:net';
import { addAbortSignal } from 'node:stream';
import { Errno } from '../../kernel/errno';
import { NamespaceError } from '../../errors/namespace-error';
import { plainOptions } from '../../errors/plain';
import {
  invalidValue,
  validateAbortSignal,
  validateBoolean,
  validateInteger,
  validateString,
} from '../../errors/validate';
import { abortError } from '../../errors/abort';
import { handOver } from '../descriptors/hand-over';
import type { Place } from '../place';
import { validateFamily } from '../resolve/resolve-options';
import { connectAny } from './attempts';
import { type ConnectOptions, validateDevice, validateLookup, validatePort, validateUnixPath } from './socket-options';

const KNOWN: Record<keyof ConnectOptions, true> = {
  port: true,
  host: true,
  family: true,
  path: true,
  localAddress: true,
  localPort: true,
  device: true,
  lookup: true,
  dns: true,
  timeout: true,
  autoSelectFamily: true,
  autoSelectFamilyAttemptTimeout: true,
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: true,
  signal: true,
};

/** The longest time that setTimeout() accepts, in milliseconds. */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** {@link Network.connect} */
export async function connect(place: Place, where: ConnectOptions | number): Promise<Socket> {
  const options = typeof where === 'number' ? { port: where } : plainOptions('options', where, Object.keys(KNOWN));
  validateConnect(options);
  const deadline = deadlineOf(options);
  try {
    return socketOf(await connectAny(place, options, deadline.signal), options);
  } catch (error) {
    deadline.signal?.throwIfAborted(); // what was under way fails as aborted, and not with the reason for that
    throw error;
  } finally {
    deadline.clear();
  }
}

/** Checks all options, before anything is started. */
function validateConnect(options: ConnectOptions): void {
  const { port, host, path, localAddress, localPort, lookup, dns, signal } = options;
  if (path === undefined) validatePort('options.port', port, 1);
  else validateUnixPath('options.path', path);
  if (path !== undefined && port !== undefined) {
    throw invalidValue('options.port', port, "cannot be given together with 'options.path'");
  }
  if (host !== undefined) validateString('options.host', host);
  validateFamily('options.family', options.family);
  if (localAddress !== undefined && (typeof localAddress !== 'string' || isIP(localAddress) === 0)) {
    throw invalidValue('options.localAddress', localAddress, 'must be an IP address');
  }
  if (localPort !== undefined) validatePort('options.localPort', localPort);
  validateDevice('options.device', options.device);
  validateLookup('options.lookup', lookup, dns);
  for (const name of ['timeout', 'autoSelectFamilyAttemptTimeout', 'keepAliveInitialDelay'] as const) {
    if (options[name] !== undefined) validateInteger(`options.${name}`, options[name], 0, MAX_TIMEOUT);
  }
  for (const name of ['autoSelectFamily', 'allowHalfOpen', 'noDelay', 'keepAlive'] as const) {
    if (options[name] !== undefined) validateBoolean(`options.${name}`, options[name]);
  }
  if (signal !== undefined) validateAbortSignal('options.signal', signal);
}

interface Deadline {
  readonly signal: AbortSignal | undefined;
  clear(): void;
}

/** A signal that is aborted when the caller's is, or when the time is over. Its reason is the error to fail with. */
function deadlineOf({ signal: outer, timeout = 0, host = 'localhost', port = 0, path }: ConnectOptions): Deadline {
  if (outer === undefined && timeout === 0) return { signal: undefined, clear: () => undefined };
  const controller = new AbortController();
  const onAbort = (): void => {
    if (outer !== undefined) controller.abort(abortError(outer));
  };
  const onTimeout = (): void => controller.abort(timedOut(path ?? `${host}:${port}`));
  const timer = timeout === 0 ? undefined : setTimeout(onTimeout, timeout);
  if (outer?.aborted === true) onAbort();
  outer?.addEventListener('abort', onAbort, { once: true });
  const clear = (): void => {
    clearTimeout(timer);
    outer?.removeEventListener('abort', onAbort);
  };
  return { signal: controller.signal, clear };
}

function timedOut(where: string): NamespaceError {
  return new NamespaceError({ errno: Errno.ETIMEDOUT, syscall: 'connect', kind: 'net', step: `connect ${where}` });
}

/** A connected descriptor as Node's socket, which owns it. */
function socketOf(fd: number, options: ConnectOptions): Socket {
  const { allowHalfOpen = false, signal } = options;
  const socket = handOver(fd, () => new Socket({ fd, readable: true, writable: true, allowHalfOpen }));
  if (options.noDelay === true) socket.setNoDelay(true);
  if (options.keepAlive === true) socket.setKeepAlive(true, options.keepAliveInitialDelay);
  if (options.timeout !== undefined) socket.setTimeout(options.timeout);
  if (signal !== undefined) addAbortSignal(signal, socket);
  return socket;
}
