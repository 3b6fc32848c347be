/** UDP sockets of a network namespace: what `dgram.createSocket()` makes, in the namespace. */
import { type BindOptions, type Socket, type SocketOptions, createSocket as createDgram } from 'node:dgram';
import { type LookupFunction, isIP } from 'node:net';
import { plainOptions } from '../../errors/plain';
import {
  invalidValue,
  validateAbortSignal,
  validateBoolean,
  validateInteger,
  validateOneOf,
  validateString,
} from '../../errors/validate';
import { throwIfAborted } from '../../errors/abort';
import { native } from '../../native';
import { bindTo, bindToDevice, setBindFlags } from '../descriptors/bind';
import { inetEndpoint } from '../descriptors/endpoint';
import { handOver } from '../descriptors/hand-over';
import type { Place } from '../place';
import { lookupFunction, resolveHost } from '../resolve/host';
import type { ResolveOptions } from '../resolve/resolve-options';
import { validateDevice, validateLookup, validatePort } from './socket-options';

/** Options of {@link Network.createSocket}: those of `dgram.createSocket()`. Unknown ones are errors. */
export interface DatagramOptions {
  /** Of IPv4, or of IPv6. */
  type: 'udp4' | 'udp6';
  /** Binds it to this port, 0 for any that is free, before it is handed out. Default: it is not bound yet. */
  port?: number | undefined;
  /** Binds it to this address of the namespace. Default, with {@link port}: all of them. */
  address?: string | undefined;
  /** SO_REUSEADDR: other sockets may be bound to the same address, which for multicast is meant. Default: false. */
  reuseAddr?: boolean | undefined;
  /** SO_REUSEPORT: several sockets share the port, and the kernel spreads datagrams over them. Default: false. */
  reusePort?: boolean | undefined;
  /** Whether `'::'` does not take IPv4 too. Default: false. */
  ipv6Only?: boolean | undefined;
  /** SO_RCVBUF, in bytes. */
  recvBufferSize?: number | undefined;
  /** SO_SNDBUF, in bytes. */
  sendBufferSize?: number | undefined;
  /** Through this interface only: SO_BINDTODEVICE, socket(7). */
  device?: string | undefined;
  /** How names are resolved. Default: as {@link Network.lookup} does, never with this process's own sockets. */
  lookup?: LookupFunction | undefined;
  /** Where names are looked up, in place of what the files say. Not with {@link lookup}. */
  dns?: ResolveOptions | undefined;
  /** Closes the socket. */
  signal?: AbortSignal | undefined;
}

const KNOWN: Record<keyof DatagramOptions, true> = {
  type: true,
  port: true,
  address: true,
  reuseAddr: true,
  reusePort: true,
  ipv6Only: true,
  recvBufferSize: true,
  sendBufferSize: true,
  device: true,
  lookup: true,
  dns: true,
  signal: true,
};

/** {@link Network.createSocket} */
export async function createSocket(place: Place, what: DatagramOptions | 'udp4' | 'udp6'): Promise<Socket> {
  const options = parseDatagram(typeof what === 'string' ? { type: what } : what);
  const { type, address, port, signal } = options;
  throwIfAborted(signal);
  const host = address === undefined || isIP(address) !== 0 ? address : await firstAddress(place, address, options);
  const fd = await place.socket(type === 'udp6' ? 'inet6' : 'inet', 'dgram');
  try {
    throwIfAborted(signal);
    bindToDevice(fd, options.device);
    setBindFlags(fd, { reuseAddr: options.reuseAddr, reusePort: options.reusePort, ipv6Only: options.ipv6Only });
    if (port !== undefined || host !== undefined) bindFd(fd, type, port ?? 0, host);
  } catch (error) {
    native().closeNow(fd);
    throw error;
  }
  const datagram = new Datagram(place, fd, options);
  if (port !== undefined || host !== undefined) datagram.give();
  return datagram.socket;
}

function parseDatagram(options: unknown): DatagramOptions {
  const given = plainOptions('options', options, Object.keys(KNOWN)) as unknown as DatagramOptions;
  validateOneOf('options.type', given.type, ['udp4', 'udp6']);
  if (given.port !== undefined) validatePort('options.port', given.port);
  if (given.address !== undefined) validateString('options.address', given.address);
  for (const name of ['reuseAddr', 'reusePort', 'ipv6Only'] as const) {
    if (given[name] !== undefined) validateBoolean(`options.${name}`, given[name]);
  }
  for (const name of ['recvBufferSize', 'sendBufferSize'] as const) {
    if (given[name] !== undefined) validateInteger(`options.${name}`, given[name], 1, 2 ** 31 - 1);
  }
  validateDevice('options.device', given.device);
  validateLookup('options.lookup', given.lookup, given.dns);
  if (given.signal !== undefined) validateAbortSignal('options.signal', given.signal);
  return given;
}

async function firstAddress(place: Place, host: string, options: DatagramOptions): Promise<string | undefined> {
  const family = options.type === 'udp6' ? 6 : 4;
  const [address] = await resolveHost(place, host, { ...options, family });
  return address;
}

function bindFd(fd: number, type: DatagramOptions['type'], port: number, address?: string): void {
  bindTo(fd, inetEndpoint(address ?? (type === 'udp6' ? '::' : '0.0.0.0'), port));
}

type Bind = (options: BindOptions, callback?: () => void) => Socket;

/**
 * A socket of Node's, which makes its descriptor when it is bound, and a descriptor of the namespace that it is to have
 * then: by the caller's `bind()`, or by its own when it sends or connects first. One that nobody closes is never collected
 * as garbage: Node's handle of it refers to it.
 */
class Datagram {
  readonly socket: Socket;
  readonly #place: Place;
  readonly #fd: number;
  readonly #options: DatagramOptions;
  readonly #bind: Bind;
  #state: 'unbound' | 'binding' | 'gone' = 'unbound';

  constructor(place: Place, fd: number, options: DatagramOptions) {
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

  /** Makes the descriptor, bound by now, the socket's own. */
  give(): void {
    this.#state = 'gone';
    // exclusive: in a cluster's worker the descriptor would be taken for one of the primary's.
    handOver(this.#fd, (fd) => this.#bind({ fd, exclusive: true }));
  }

  #discard(): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    native().closeNow(this.#fd);
  }

  /** As Node's: `bind(port?, address?, callback?)` or `bind(options, callback?)`. What fails is emitted. */
  #bindTo(given: readonly unknown[]): Socket {
    // Bound already: Node's own throws then. While it is being bound, only Node itself asks once more, to send.
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
  const port = typeof given === 'string' ? Number(given) : typeof given === 'function' ? 0 : given; // as Node takes it
  validatePort('port', port);
  const address = typeof options.address === 'string' && options.address !== '' ? options.address : undefined;
  return { port, address, callback: typeof last === 'function' ? (last as () => void) : undefined };
}
