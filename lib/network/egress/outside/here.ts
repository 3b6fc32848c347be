/** The network of this process, as an outside. */
import { lookup as lookUp } from 'node:dns/promises';
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { attempt } from '../../descriptors/attempt';
import { inetEndpoint } from '../../descriptors/endpoint';
import { type Place, socketHere } from '../../place';
import type { LookupAddress } from '../../resolve/lookup';
import type { ConnectOptions } from '../../sockets/connect-options';
import { socketOver } from '../../sockets/socket-over';
import type { EgressOutside } from '../policy/egress-policy';

/** Names are resolved by the resolver of the host, getaddrinfo(3). */
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

const NETWORK: Pick<Place, 'socket'> = {
  socket: async (domain, type) => Promise.resolve(socketHere({ domain, type })),
};

async function connect({ host = '', port = 0, allowHalfOpen, noDelay, signal }: ConnectOptions): Promise<Socket> {
  const fd = await attempt(NETWORK, inetEndpoint(host, port), {}, signal);
  const socket = socketOver(fd, { allowHalfOpen });
  return noDelay === true ? socket.setNoDelay(true) : socket;
}
