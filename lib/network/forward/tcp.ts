/** TCP forwards: connections to a server on one side continue as connections on the other. */
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import type { Place } from '../place';
import { breakOff } from '../sockets/break-off';
import { connect } from '../sockets/connect';
import { join } from '../sockets/join';
import { listen } from '../sockets/listen';
import type { Leg, Way } from './way';

/** Starts to listen, and connects the other side for each connection that comes in. */
export async function forwardTcp({ from, to, most }: Way): Promise<Leg> {
  const open = new Set<Socket>();
  let connections = 0;
  const keep = (socket: Socket): Socket => {
    open.add(socket);
    return socket.once('close', () => open.delete(socket)).on('error', () => undefined); // 'close' says what is needed
  };
  // pauseOnConnect: what comes before the other side is there waits in the kernel, where the window limits it.
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
    connections++;
    keep(socket).once('close', () => connections--);
    otherSide(to.place, to)
      .then(keep)
      .then(
        (other) => join(socket, other),
        () => breakOff(socket),
      );
  });
  server.maxConnections = most;
  await listen(from.place, server, { port: from.port, host: from.address });
  return {
    port: (server.address() as AddressInfo).port,
    count: () => connections,
    close: () => closeServer(server, open),
  };
}

function otherSide(place: Place, { port, address }: Way['to']): Promise<Socket> {
  return connect(place, { port, host: address, allowHalfOpen: true, noDelay: true });
}

async function closeServer(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  for (const socket of open) socket.destroy();
  await closed;
}
