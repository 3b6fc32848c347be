/** Servers that take connections to addresses which are not theirs. */
import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { native } from '../../../native';
import { bindTo, setBindFlags } from '../../descriptors/bind';
import { inetEndpoint } from '../../descriptors/endpoint';
import { handOver } from '../../descriptors/hand-over';
import type { Place } from '../../place';

/** The connections that may wait to be accepted: net.core.somaxconn of the network limits it, usually 4096. */
const BACKLOG = 4096;

/** Programs ask for names there, by datagrams and by connections, whatever address they take for a name server. */
export const NAME_SERVER_PORT = 53;

/** A connection that a program inside has made, and what it has dialled. Nothing has been read from it yet. */
export interface Incoming {
  readonly socket: Socket;
  readonly address: string;
  readonly port: number;
}

/** Makes servers listen on ports of all addresses of both families, or of IPv4 where there is no other. */
export async function listenOn(
  place: Place,
  ports: readonly number[],
  { transparent }: { transparent: boolean },
  take: (incoming: Incoming) => void,
): Promise<Server[]> {
  const servers: Server[] = [];
  const { fds, domain, any } = await sockets(place, 'stream', ports.length);
  try {
    for (const port of ports) {
      const fd = fds.shift() ?? -1;
      // pauseOnConnect: what is sent before there is a decision waits in the kernel, where the window limits it.
      const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) =>
        take(incoming(socket)),
      );
      // A connection that could not be accepted, as for want of descriptors, is lost; those that follow are not.
      server.on('error', () => undefined);
      server.unref(); // what runs inside keeps Node running, and not that it may connect
      // exclusive is needed: in a worker of a cluster the descriptor would else be taken for one of the primary.
      handOver(fd, () => {
        setBindFlags(fd, { reuseAddr: true, transparent });
        if (domain === 'inet6') setBindFlags(fd, { ipv6Only: false });
        bindTo(fd, inetEndpoint(any, port));
        server.listen({ fd, backlog: BACKLOG, exclusive: true });
      });
      servers.push(server);
    }
    await Promise.all(servers.map((server) => once(server, 'listening')));
    return servers;
  } catch (error) {
    for (const fd of fds) native().closeNow(fd);
    closeServers(servers);
    throw error;
  }
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

/** The port that a server listens on. */
export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Stops listening at once. Connections that are open stay open. */
export function closeServers(servers: readonly Server[]): void {
  for (const server of servers) server.close();
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

function incoming(socket: Socket): Incoming {
  const { localAddress = '', localPort = 0 } = socket;
  return { socket, address: localAddress.replace(/^::ffff:(?=\d+\.)/i, ''), port: localPort };
}
