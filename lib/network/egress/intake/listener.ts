/** Sockets that take connections to addresses which are not theirs. */
import type { Socket } from 'node:net';
import { native } from '../../../native';
import { bindTo, setBindFlags } from '../../descriptors/bind';
import { inetEndpoint } from '../../descriptors/endpoint';
import type { Place } from '../../place';
import { socketOver } from '../../sockets/socket-over';
import type { End } from '../requests/socket-inode';

/** The connections that may wait to be accepted: net.core.somaxconn of the network limits it, usually 4096. */
const BACKLOG = 4096;

/** Programs ask for names there, by datagrams and by connections, whatever address they take for a name server. */
export const NAME_SERVER_PORT = 53;

/**
 * A connection that a program inside has made. What is sent before there is a decision waits in the kernel, where the
 * window limits it.
 */
export class Incoming {
  /** The destination that has been dialled. */
  readonly to: End;
  /** The program's end. */
  readonly from: End;
  readonly #fd: number;
  #socket: Socket | undefined;

  constructor(fd: number, to: End, from: End) {
    this.to = to;
    this.from = from;
    this.#fd = fd;
  }

  /** Node begins to read when it is asked for first. */
  get socket(): Socket {
    return (this.#socket ??= socketOver(this.#fd, { allowHalfOpen: true }));
  }
}

/** A listening socket. */
export interface Listener {
  readonly port: number;
  /** Stops listening at once. Connections that are open stay open. */
  close(): void;
}

/** Listens on ports of all addresses of both families, or of IPv4 where there is no other. */
export async function listenOn(
  place: Place,
  ports: readonly number[],
  { transparent }: { transparent: boolean },
  take: (incoming: Incoming) => void,
): Promise<Listener[]> {
  const listeners: Listener[] = [];
  const { fds, domain, any } = await sockets(place, 'stream', ports.length);
  try {
    for (const port of ports) {
      const [fd = -1] = fds;
      // What is accepted has these flags as well.
      setBindFlags(fd, { reuseAddr: true, transparent, noDelay: true });
      if (domain === 'inet6') setBindFlags(fd, { ipv6Only: false });
      bindTo(fd, inetEndpoint(any, port));
      listeners.push(listen(fd, take));
      fds.shift();
    }
    return listeners;
  } catch (error) {
    for (const fd of fds) native().closeNow(fd);
    for (const listener of listeners) listener.close();
    throw error;
  }
}

/** Takes a descriptor over. */
function listen(fd: number, take: (incoming: Incoming) => void): Listener {
  const close = native().listenSocket(fd, BACKLOG, (accepted, address, port, remoteAddress, remotePort) =>
    take(new Incoming(accepted, endOf(address, port), endOf(remoteAddress, remotePort))),
  );
  return { port: native().socketPort(fd), close };
}

function endOf(address: string, port: number): End {
  return { address: address.replace(/^::ffff:(?=\d+\.)/i, ''), port };
}

/** Binds a socket for questions to name servers, of whatever address. */
export async function bindNameSocket(place: Place): Promise<{ fd: number; domain: 'inet' | 'inet6' }> {
  const { fds, domain, any } = await sockets(place, 'dgram', 1);
  const [fd = -1] = fds;
  try {
    if (domain === 'inet6') setBindFlags(fd, { ipv6Only: false });
    bindTo(fd, inetEndpoint(any, NAME_SERVER_PORT));
    return { fd, domain };
  } catch (error) {
    native().closeNow(fd);
    throw error;
  }
}

interface Sockets {
  readonly fds: number[];
  readonly domain: 'inet' | 'inet6';
  /** The address that stands for all of both families, or of IPv4 alone. */
  readonly any: '::' | '0.0.0.0';
}

/** Makes sockets for both families, or for IPv4 where there is no other. */
async function sockets(place: Place, type: 'stream' | 'dgram', count: number): Promise<Sockets> {
  const of = (domain: 'inet' | 'inet6'): Promise<number[]> =>
    place.sockets(Array.from({ length: count }, () => ({ domain, type })));
  try {
    return { fds: await of('inet6'), domain: 'inet6', any: '::' };
  } catch (error) {
    if ((error as { code?: string }).code !== 'EAFNOSUPPORT') throw error;
    return { fds: await of('inet'), domain: 'inet', any: '0.0.0.0' };
  }
}
