/** The name server of one host: two sockets in its network, and this process behind them. */
import { native } from '../../native';
import { bindTo } from '../../network/descriptors/bind';
import { inetEndpoint } from '../../network/descriptors/endpoint';
import type { SocketRequest } from '../../network/place';
import { NameServer } from '../../network/resolve/name-server';
import { NAME_SERVER } from '../files';
import type { DnsTable } from './dns';

/** The sockets of a name server, in the network of its host. */
export const DNS_SOCKETS: readonly SocketRequest[] = [
  { domain: 'inet', type: 'dgram' },
  { domain: 'inet', type: 'stream' },
];

const PORT = 53;

/**
 * A name server. Its sockets are made with the host, and it runs from the moment on in which somebody on the host may ask:
 * many hosts never do.
 */
export class HostDns {
  readonly #server: NameServer;
  readonly #fds: number[];

  /** @param fds - adopted descriptors of {@link DNS_SOCKETS}, which are the name server's from here on */
  constructor(table: DnsTable, fds: readonly number[]) {
    this.#server = new NameServer((query) => table.respond(query));
    this.#fds = [...fds];
  }

  /**
   * Begins to answer. When it returns, a program that is started can ask. It keeps no event loop alive. To call it again
   * changes nothing.
   */
  begin(): void {
    const [datagram, stream] = this.#fds;
    if (datagram === undefined || stream === undefined) return;
    for (const fd of this.#fds) bindTo(fd, inetEndpoint(NAME_SERVER, PORT));
    this.#fds.splice(0);
    try {
      this.#server.receive(datagram, 'inet');
    } finally {
      this.#server.listen(stream);
    }
  }

  /** Everything is over when this returns; the sockets are closed some turns later. */
  close(): void {
    for (const fd of this.#fds.splice(0)) native().closeNow(fd);
    this.#server.close();
  }
}
