/** Makes the connections that a policy has allowed. */
import type { Socket } from 'node:net';
import { throwIfAborted } from '../../../errors/abort';
import type { EgressOutside } from '../policy/egress-policy';
import { type Policy, destinationText } from '../policy/policy';
import { HERE, ownAddresses } from './here';
import { proxyAddress, throughProxy } from './proxy';
import { connectFirst } from './race';
import { checkedAddress } from './special';
import { Undialled } from './undialled';
import { unlessAborted } from './unless-aborted';

/** Milliseconds to resolve a name and connect. */
const TIME = 30_000;

/** The reason of an abort when that time is over. */
const LATE = new Error('late');

/** The most addresses of a name that are tried. */
const MOST_ADDRESSES = 16;

/** A connection to make. */
export interface Dial {
  /** The name; undefined for an address that a rule names. */
  readonly name: string | undefined;
  /** The address to connect to where there is no name. */
  readonly address: string;
  readonly port: number;
  readonly policy: Pick<Policy, 'namesAddress' | 'deniesAddress'>;
  /** Default: the network of this process. */
  readonly outside?: EgressOutside | undefined;
  readonly via?: URL | undefined;
  /** Gives the attempt up. It must not be aborted after the connection has been made: that may destroy the socket. */
  readonly giveUp?: AbortController | undefined;
  /** Called with the address that is connected to, as far as it is known: a proxy resolves names by itself. */
  readonly reached?: ((reached: Reached) => void) | undefined;
}

/** An address that is connected to. */
export interface Reached {
  readonly address: string;
  /** True for one that only a rule for it allows, whatever allows the name. */
  readonly isSpecial: boolean;
}

/**
 * Connects to the outside. A name is resolved now, and the address that was checked is the one that is connected to. By an
 * upstream proxy a name is resolved there, and its addresses are not seen.
 *
 * @returns a socket that is half-open and not read yet; its `resetAndDestroy()` works for TLS with a proxy as well
 * @throws Undialled with a message that may be told inside; an `AbortError`
 */
export async function dial(to: Dial): Promise<Socket> {
  const { outside = HERE, via, giveUp = new AbortController() } = to;
  const { signal } = giveUp;
  const timer = setTimeout(() => giveUp.abort(LATE), TIME);
  try {
    throwIfAborted(signal);
    const made = via === undefined ? direct(to, outside, signal) : byProxy(to, via, outside, signal);
    return await unlessAborted(made, signal, (late) => void late.destroy());
  } catch (error) {
    const isLate = signal.reason === LATE;
    if (!isLate) throwIfAborted(signal);
    if (error instanceof Undialled) throw error;
    if (isLate) throw new Undialled('timed-out', `${destinationText(to)} has not answered in time.`);
    throw new Undialled('refused', `${destinationText(to)} cannot be connected to: ${wordsOf(error)}.`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

async function direct(to: Dial, outside: EgressOutside, signal: AbortSignal): Promise<Socket> {
  const found = to.name === undefined ? [to.address] : await resolve(outside, to.name, signal);
  const allowed = allowedOf(to, found);
  const addresses = allowed.map(({ address }) => address);
  const { socket, address } = await connectFirst(outside, addresses, to.port, signal);
  const reached = allowed.find((each) => each.address === address);
  if (reached !== undefined) to.reached?.(reached);
  return socket;
}

async function byProxy(to: Dial, via: URL, outside: EgressOutside, signal: AbortSignal): Promise<Socket> {
  const [reached] = to.name === undefined ? allowedOf(to, [to.address]) : [];
  const proxy = proxyAddress(via);
  const connected = await connectProxy(proxy, outside, signal);
  connected.on('error', () => undefined); // whoever reads it hears of its end
  const giveUp = (): void => void connected.destroy();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    const socket = await throughProxy(via, connected, { host: to.name ?? to.address, port: to.port });
    if (reached !== undefined) to.reached?.(reached);
    return socket;
  } catch (error) {
    connected.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** The owner has named the proxy, so its addresses may be any. */
async function connectProxy(
  { host, port }: ReturnType<typeof proxyAddress>,
  outside: EgressOutside,
  signal: AbortSignal,
): Promise<Socket> {
  try {
    const addresses = await outside.lookup(host, { signal });
    const tried = addresses.map(({ address }) => address).slice(0, MOST_ADDRESSES);
    return (await connectFirst(outside, tried, port, signal)).socket;
  } catch (cause) {
    throwIfAborted(signal);
    throw new Undialled('proxy', 'The upstream proxy cannot be reached.', { cause });
  }
}

/** The addresses of a name. They are those of this moment: nothing is remembered. */
async function resolve(outside: EgressOutside, name: string, signal: AbortSignal): Promise<string[]> {
  const found = await outside.lookup(name, { signal }).catch((cause: unknown) => {
    throw new Undialled('no-address', `The name ${name} has no address: ${wordsOf(cause)}.`, { cause });
  });
  if (found.length === 0) throw new Undialled('no-address', `The name ${name} has no address.`);
  return [...new Set(found.map(({ address }) => address))].slice(0, MOST_ADDRESSES);
}

/**
 * The addresses that may be connected to: those of the public internet, and special ones that a rule names.
 *
 * @throws Undialled where there is none
 */
function allowedOf(to: Dial, addresses: readonly string[]): Reached[] {
  const own = ownOf(to);
  const looked = addresses.map((address) => allowedOrNot(to, address, own));
  const allowed = looked.filter((each): each is Reached => !(each instanceof Undialled));
  const refused = looked.find((each) => each instanceof Undialled);
  if (allowed.length === 0 && refused !== undefined) throw refused;
  return allowed;
}

function allowedOrNot(to: Dial, address: string, own: ReadonlySet<string>): Reached | Undialled {
  const { policy, port } = to;
  const checked = checkedAddress(address);
  const what = to.name === undefined ? address : `${to.name} has the address ${address}, which`;
  if (checked === undefined) return new Undialled('special-address', `The egress policy does not allow ${address}.`);
  const rule = checked.texts.map((text) => policy.deniesAddress(text, port)).find((each) => each !== undefined);
  if (rule !== undefined) {
    return new Undialled(
      'denied-address',
      `The egress policy does not allow ${destinationText(to)}: ${what} is denied by the rule '${rule}'.`,
    );
  }
  const isOwn = checked.texts.some((text) => own.has(text));
  const special = checked.special ?? (isOwn ? 'one of this machine itself' : undefined);
  const isSpecial = special !== undefined;
  if (!isSpecial || policy.namesAddress(address, port)) return { address, isSpecial };
  return new Undialled(
    'special-address',
    `The egress policy does not allow ${destinationText(to)}: ${what} is ${special}, and no rule names this address.`,
  );
}

const NONE: ReadonlySet<string> = new Set();

/** The addresses of this machine, if it is what connects. */
function ownOf({ outside = HERE }: Dial): ReadonlySet<string> {
  return outside === HERE ? ownAddresses() : NONE;
}

/** The code of an error: its message may name what programs inside have no business to know. */
function wordsOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'it failed';
}
