/** UDP sockets of a network namespace, as `dgram.createSocket()` makes them. */
import { type BindOptions, type Socket, type SocketOptions, createSocket as createDgram } from 'node:dgram';
import { type LookupFunction, isIP } from 'node:net';
import { withoutPrototype } from '../../errors/plain';
import { type Parsed, boolean, integer, oneOf, required, schema, string } from '../../errors/schema';
import { invalidValue } from '../../errors/validate';
import { throwIfAborted } from '../../errors/abort';
import { native } from '../../native';
import { bindTo, bindToDevice, setBindFlags } from '../descriptors/bind';
import { inetEndpoint } from '../descriptors/endpoint';
import { handOver } from '../descriptors/hand-over';
import type { Place } from '../place';
import { lookupFunction, resolveHost } from '../resolve/host';
import type { ResolveOptions } from '../resolve/resolve-options';
import { COMMON, port, refuseSettings } from './socket-options';

/** Options of {@link Network.createSocket}: those of `dgram.createSocket()`. Unknown ones are errors. */
export interface DatagramOptions {
  /** The family: `'udp4'` is UDP over IPv4, `'udp6'` UDP over IPv6. */
  type: 'udp4' | 'udp6';
  /**
   * The port that the socket is bound to before it is handed out; 0 for any that is free. Default: it is not bound yet.
   */
  port?: number | undefined;
  /** The address of the namespace that the socket is bound to. Default, with {@link port}: all addresses. */
  address?: string | undefined;
  /** SO_REUSEADDR: other sockets may be bound to the same address, which is useful for multicast. Default: false. */
  reuseAddr?: boolean | undefined;
  /** SO_REUSEPORT: several sockets share the port, and the kernel spreads datagrams over them. Default: false. */
  reusePort?: boolean | undefined;
  /** IPV6_V6ONLY: `'::'` takes no IPv4 datagrams. Default: false. */
  ipv6Only?: boolean | undefined;
  /** SO_RCVBUF, in bytes. */
  recvBufferSize?: number | undefined;
  /** SO_SNDBUF, in bytes. */
  sendBufferSize?: number | undefined;
  /** SO_BINDTODEVICE, socket(7): the socket uses this interface only. */
  device?: string | undefined;
  /**
   * A function that resolves names. Default: as {@link Network.lookup} does. The lookup of Node itself is never used,
   * because it has sockets of this process's own network.
   */
  lookup?: LookupFunction | undefined;
  /** Settings for the lookup of names, in place of those of the files. Not allowed together with {@link lookup}. */
  dns?: ResolveOptions | undefined;
  /** Closes the socket. */
  signal?: AbortSignal | undefined;
}

const DATAGRAM = schema<DatagramOptions>()({
  type: required(oneOf(['udp4', 'udp6'])),
  port,
  address: string,
  reuseAddr: boolean,
  reusePort: boolean,
  ipv6Only: boolean,
  recvBufferSize: integer(1, 2 ** 31 - 1),
  sendBufferSize: integer(1, 2 ** 31 - 1),
  ...COMMON,
});

/** {@link DatagramOptions}, checked. */
type Checked = Parsed<typeof DATAGRAM>;

/** {@link Network.createSocket} */
export async function createSocket(place: Place, what: DatagramOptions | 'udp4' | 'udp6'): Promise<Socket> {
  const options = DATAGRAM('options', typeof what === 'string' ? { type: what } : what);
  refuseSettings(options);
  const { type, address, port: number, signal } = options;
  throwIfAborted(signal);
  const host = address === undefined || isIP(address) !== 0 ? address : await firstAddress(place, address, options);
  const fd = await place.socket(type === 'udp6' ? 'inet6' : 'inet', 'dgram');
  try {
    throwIfAborted(signal);
    bindToDevice(fd, options.device);
    setBindFlags(fd, { reuseAddr: options.reuseAddr, reusePort: options.reusePort, ipv6Only: options.ipv6Only });
    if (number !== undefined || host !== undefined) bindFd(fd, type, number ?? 0, host);
  } catch (error) {
    native().closeNow(fd);
    throw error;
  }
  const datagram = new Datagram(place, fd, options);
  if (number !== undefined || host !== undefined) datagram.give();
  return datagram.socket;
}

async function firstAddress(place: Place, host: string, options: Checked): Promise<string | undefined> {
  const family = options.type === 'udp6' ? 6 : 4;
  const [address] = await resolveHost(place, host, withoutPrototype(options, { family }));
  return address;
}

function bindFd(fd: number, type: DatagramOptions['type'], port: number, address?: string): void {
  bindTo(fd, inetEndpoint(address ?? (type === 'udp6' ? '::' : '0.0.0.0'), port));
}

type Bind = (options: BindOptions, callback?: () => void) => Socket;

/**
 * A socket of Node, and a descriptor of the namespace that becomes its own when it is bound. Node would make a
 * descriptor then. The socket is bound by the caller's `bind()`, or by its own when it sends or connects first. A
 * socket that nobody closes is never collected as garbage, because Node's handle refers to it.
 */
class Datagram {
  readonly socket: Socket;
  readonly #place: Place;
  readonly #fd: number;
  readonly #options: Checked;
  readonly #bind: Bind;
  #state: 'unbound' | 'binding' | 'gone' = 'unbound';

  constructor(place: Place, fd: number, options: Checked) {
    const { type, recvBufferSize, sendBufferSize, signal } = options;
    const lookup = (options.lookup ?? lookupFunction(place, options.dns)) as NonNullable<SocketOptions['lookup']>;
    const buffers = { ...(recvBufferSize && { recvBufferSize }), ...(sendBufferSize && { sendBufferSize }) };
    this.socket = createDgram({ type, lookup, ...buffers, ...(signal && { signal }) });
    this.#place = place;
    this.#fd = fd;
    this.#options = options;
    this.#bind = this.socket.bind.bind(this.socket);
    this.socket.bind = (...given: unknown[]) => this.#bindTo(given);
    this.socket.once('close', () => this.#discard());
  }

  /** Gives the descriptor, which is bound by now, to the socket. */
  give(): void {
    this.#state = 'gone';
    // exclusive is needed: in a worker of a cluster the descriptor would else be taken for one of the primary.
    handOver(this.#fd, (fd) => this.#bind({ fd, exclusive: true }));
  }

  #discard(): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    native().closeNow(this.#fd);
  }

  /**
   * Takes the arguments of Node's method: `bind(port?, address?, callback?)` or `bind(options, callback?)`. An error is
   * emitted.
   */
  #bindTo(given: readonly unknown[]): Socket {
    // Where the socket is bound, Node's own method throws. While it is being bound only Node calls this again, to send.
    if (this.#state !== 'unbound') return this.#state === 'gone' ? this.#bind({ fd: this.#fd }) : this.socket;
    const { port, address, callback } = bindArguments(given);
    this.#state = 'binding';
    if (callback !== undefined) this.socket.once('listening', callback);
    void this.#bindSoon(port, address);
    return this.socket;
  }

  async #bindSoon(port: number, address: string | undefined): Promise<void> {
    const { type } = this.#options;
    try {
      const named = address !== undefined && isIP(address) === 0;
      const host = named ? await firstAddress(this.#place, address, this.#options) : await Promise.resolve(address);
      if (this.#isGone()) return; // closed meanwhile
      bindFd(this.#fd, type, port, host);
      this.give();
    } catch (error) {
      if (this.#isGone()) return;
      this.#state = 'unbound';
      this.socket.emit('error', error);
    }
  }

  #isGone(): boolean {
    return this.#state === 'gone';
  }
}

interface BindArguments {
  port: number;
  address: string | undefined;
  callback: (() => void) | undefined;
}

function bindArguments(args: readonly unknown[]): BindArguments {
  const last = args.at(-1);
  const [first, second] = args;
  const options = (
    first !== null && typeof first === 'object' ? first : { port: first, address: second }
  ) as BindOptions;
  if (options.fd != null) throw invalidValue('options.fd', options.fd, 'cannot be given: it has one of the namespace');
  const given: unknown = options.port ?? 0;
  // as Node takes it
  const number = port('port', typeof given === 'string' ? Number(given) : typeof given === 'function' ? 0 : given);
  const address = typeof options.address === 'string' && options.address !== '' ? options.address : undefined;
  return { port: number, address, callback: typeof last === 'function' ? (last as () => void) : undefined };
}
