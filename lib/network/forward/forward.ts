import { throwIfAborted } from '../../errors/abort';
import { abortSignal, integer, oneOf, required, schema } from '../../errors/schema';
import { invalidValue } from '../../errors/validate';
import { inspectAs } from '../../handle/inspect';
import { zonedAddress } from '../ip';
import { Place } from '../place';
import { forwardTcp } from './tcp';
import { forwardUdp } from './udp';
import type { End, Leg, Way } from './way';

/** Options of {@link Network.forward}. Unknown ones are errors. */
export interface ForwardOptions {
  /** The port of the host: of the network that this process is in. With direction `'in'`, 0 is any that is free. */
  host: number;
  /** The port inside the network. With direction `'out'`, 0 is any that is free. */
  inside: number;
  /**
   * The direction: `'in'` listens on the host and leads inside; `'out'` listens inside and leads to the host. Default:
   * `'in'`.
   */
  direction?: 'in' | 'out' | undefined;
  /** The protocol. Default: `'tcp'`. */
  protocol?: 'tcp' | 'udp' | undefined;
  /** The IP address of the host that is listened on, or connected to. Default: `'127.0.0.1'`. */
  hostAddress?: string | undefined;
  /** The IP address inside that is connected to, or listened on. Default: `'127.0.0.1'`. */
  insideAddress?: string | undefined;
  /**
   * The most connections at a time. More are refused, so that they cannot use up the descriptors of this process. For
   * UDP, the most senders: the one that has been silent the longest is forgotten for a new one. Default: 1024.
   */
  connections?: number | undefined;
  /** Closes the forward. */
  signal?: AbortSignal | undefined;
}

/** The largest port. */
export const MOST_PORT = 65535;

const LOOPBACK = '127.0.0.1';

/** The options of a forward. */
export const FORWARD = schema<ForwardOptions>()({
  host: required(integer(0, MOST_PORT)),
  inside: required(integer(0, MOST_PORT)),
  direction: oneOf(['in', 'out']),
  protocol: oneOf(['tcp', 'udp']),
  hostAddress: zonedAddress,
  insideAddress: zonedAddress,
  connections: integer(1, 2 ** 20),
  signal: abortSignal,
});

let construct: (leg: Leg, host: Place, options: Chosen) => Forward;

/** Has a function called when a forward is being closed. */
export let whenClosed: (made: Forward, call: () => void) => void;

interface Chosen {
  direction: 'in' | 'out';
  protocol: 'tcp' | 'udp';
}

/**
 * A port on one side that leads to a port on the other: {@link Network.forward}. It keeps Node running while it is open,
 * as a server does, and is closed together with its network.
 */
export class Forward implements AsyncDisposable {
  static {
    construct = (leg, host, options) => new Forward(leg, host, options);
    whenClosed = (made, call) => made.#onClose.push(call);
    inspectAs(this, ({ protocol, direction, port, connections, closed }) => ({
      protocol,
      direction,
      port,
      connections,
      closed,
    }));
  }

  /** The port that it listens on: of the host with direction `'in'`, inside with `'out'`. */
  readonly port: number;
  /** The protocol. */
  readonly protocol: 'tcp' | 'udp';
  /** The direction. */
  readonly direction: 'in' | 'out';
  readonly #leg: Leg;
  readonly #host: Place;
  readonly #onClose: (() => void)[] = [];
  #closing: Promise<void> | undefined;

  private constructor(leg: Leg, host: Place, { direction, protocol }: Chosen) {
    this.port = leg.port;
    this.protocol = protocol;
    this.direction = direction;
    this.#leg = leg;
    this.#host = host;
  }

  /** The number of connections that are open; for UDP, of senders that have not been silent for two minutes. */
  get connections(): number {
    return this.#leg.count();
  }

  /** True as soon as `close()` has been called. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Stops listening, and closes the connections that are open. Calling it again changes nothing. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  /** Calls {@link Forward.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    for (const call of this.#onClose.splice(0)) call();
    await this.#leg.close();
    await this.#host.close();
  }
}

/** {@link Network.forward} */
export async function forward(network: Place, given: ForwardOptions): Promise<Forward> {
  const options = FORWARD('options', given);
  const { direction = 'in', protocol = 'tcp', connections: most = 1024, signal } = options;
  const [listens, answers] = direction === 'in' ? (['host', 'inside'] as const) : (['inside', 'host'] as const);
  if (options[answers] === 0) throw invalidValue(`options.${answers}`, 0, 'must be the port to connect to');
  throwIfAborted(signal);
  const here = Place.of('host', undefined);
  const ends: Record<'host' | 'inside', End> = {
    host: { place: here, address: options.hostAddress ?? LOOPBACK, port: options.host },
    inside: { place: network, address: options.insideAddress ?? LOOPBACK, port: options.inside },
  };
  const leg = await start(protocol, { from: ends[listens], to: ends[answers], most }, here);
  const made = construct(leg, here, { direction, protocol });
  if (signal !== undefined) await closeOnAbort(made, signal);
  return made;
}

async function start(protocol: 'tcp' | 'udp', way: Way, here: Place): Promise<Leg> {
  try {
    return await (protocol === 'tcp' ? forwardTcp(way) : forwardUdp(way));
  } catch (error) {
    await here.close();
    throw error;
  }
}

async function closeOnAbort(made: Forward, signal: AbortSignal): Promise<void> {
  if (signal.aborted) await made.close();
  throwIfAborted(signal);
  const onAbort = (): void => void made.close();
  signal.addEventListener('abort', onAbort, { once: true });
  whenClosed(made, () => signal.removeEventListener('abort', onAbort));
}
