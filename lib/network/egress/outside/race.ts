/** Connects to the first of several addresses that accepts: RFC 8305, "Happy Eyeballs". */
import type { Socket } from 'node:net';
import { isIPv6 } from 'node:net';
import { abortError, throwIfAborted } from '../../../errors/abort';
import type { ConnectOptions } from '../../sockets/connect-options';
import type { EgressOutside } from '../policy/egress-policy';

/** Milliseconds before the next address is tried as well: "Connection Attempt Delay" of RFC 8305, 5. */
const DELAY = 250;

/** A connection, and the one of the addresses that has accepted it. */
interface Won {
  readonly socket: Socket;
  readonly address: string;
}

/**
 * The addresses are tried in their order, but with the families in turns. A new attempt starts when the one before it has
 * failed, or takes long; those that go on may still win. What loses is closed.
 *
 * @param signal - it must not be aborted after the connection has been made: that may destroy the socket
 * @throws the error of the first address, when none accepts
 */
export async function connectFirst(
  outside: EgressOutside,
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<Won> {
  throwIfAborted(signal);
  const [host, ...others] = addresses;
  if (host === undefined) throw new Error('there is no address to connect to');
  if (others.length > 0) return race(outside, addresses, port, signal);
  return { socket: await outside.connect(optionsFor(host, port, signal)), address: host };
}

function optionsFor(host: string, port: number, signal: AbortSignal): ConnectOptions {
  return { host, port, allowHalfOpen: true, noDelay: true, signal };
}

/** An outside of the caller's may throw as well as reject. */
async function attempt(outside: EgressOutside, host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return outside.connect(optionsFor(host, port, signal));
}

function race(outside: EgressOutside, addresses: readonly string[], port: number, signal: AbortSignal): Promise<Won> {
  const waiting = inTurns(addresses);
  const attempts = new Set<AbortController>();
  const errors: unknown[] = [];
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const finish = (): void => {
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      for (const each of attempts) each.abort();
    };
    const onAbort = (): void => {
      finish();
      reject(abortError(signal));
    };
    const won = (socket: Socket, address: string, controller: AbortController): void => {
      attempts.delete(controller); // its signal would destroy the socket
      if (isOver) {
        socket.destroy();
        return;
      }
      finish();
      resolve({ socket, address });
    };
    const lost = (error: unknown, controller: AbortController): void => {
      attempts.delete(controller);
      errors.push(error);
      if (isOver) return;
      if (waiting.length > 0) {
        next();
      } else if (attempts.size === 0) {
        finish();
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        reject(errors[0]);
      }
    };
    const next = (): void => {
      clearTimeout(timer);
      const host = waiting.shift();
      if (host === undefined) return;
      const controller = new AbortController();
      attempts.add(controller);
      attempt(outside, host, port, controller.signal).then(
        (socket) => won(socket, host, controller),
        (error: unknown) => lost(error, controller),
      );
      if (waiting.length > 0) timer = setTimeout(next, DELAY);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    next();
  });
}

/** The families alternate, that of the first address first. */
function inTurns(addresses: readonly string[]): string[] {
  const [first = ''] = addresses;
  const same = addresses.filter((address) => isIPv6(address) === isIPv6(first));
  const others = addresses.filter((address) => isIPv6(address) !== isIPv6(first));
  return same
    .flatMap((address, index) =>
      others
        .slice(index, index + 1)
        .concat(address)
        .reverse(),
    )
    .concat(others.slice(same.length));
}
