/** The network of this process, as an outside. */
import { lookup as lookUp } from 'node:dns/promises';
import { type Socket, connect as connectSocket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { abortError } from '../../../errors/abort';
import type { LookupAddress } from '../../resolve/lookup';
import type { ConnectOptions } from '../../sockets/connect-options';
import type { EgressOutside } from '../policy/egress-policy';

/** Names are resolved by the resolver of the host, getaddrinfo(3), and connections made by `node:net`. */
export const HERE: EgressOutside = { lookup, connect };

/**
 * The addresses of this machine at this moment. What its servers offer on all of its addresses they offer there, as on
 * the loopback.
 */
export function ownAddresses(): ReadonlySet<string> {
  return new Set(Object.values(networkInterfaces()).flatMap((each = []) => each.map(({ address }) => address)));
}

async function lookup(hostname: string): Promise<LookupAddress[]> {
  return (await lookUp(hostname, { all: true, verbatim: true })) as LookupAddress[];
}

function connect({ host, port = 0, allowHalfOpen, noDelay, signal }: ConnectOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host: host ?? '', port, allowHalfOpen, noDelay });
    const onAbort = (): void => void socket.destroy(signal === undefined ? undefined : abortError(signal));
    const onError = (error: Error): void => {
      signal?.removeEventListener('abort', onAbort);
      reject(error);
    };
    socket.once('error', onError).once('connect', () => {
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      resolve(socket);
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
  });
}
