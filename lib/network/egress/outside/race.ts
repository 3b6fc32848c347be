/** Connects to the first of several addresses that accepts: RFC 8305, "Happy Eyeballs". */
import type { Socket } from 'node:net';
import { isIPv6 } from 'node:net';
import { abortError } from '../../../errors/abort';
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
 * @throws the error of the first address, when none accepts
 */
export function connectFirst(
  outside: EgressOutside,
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<Won> {
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
      for (const attempt of attempts) attempt.abort();
    };
    const onAbort = (): void => {
      finish();
      reject(abortError(signal));
    };
    const won = (socket: Socket, address: string, attempt: AbortController): void => {
      attempts.delete(attempt); // its signal would destroy the socket
      if (isOver) {
        socket.destroy();
        return;
      }
      finish();
      resolve({ socket, address });
    };
    const lost = (error: unknown, attempt: AbortController): void => {
      attempts.delete(attempt);
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
      const attempt = new AbortController();
      attempts.add(attempt);
      outside.connect({ host, port, allowHalfOpen: true, noDelay: true, signal: attempt.signal }).then(
        (socket) => won(socket, host, attempt),
        (error: unknown) => lost(error, attempt),
      );
      if (waiting.length > 0) timer = setTimeout(next, DELAY);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else next();
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
