/** Takes in the connections that programs in a network make, wherever they lead. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { NamespaceError } from '../../../errors/namespace-error';
import { Transactions } from '../../nftables/transactions';
import type { Place } from '../../place';
import { EVERY_PORT, united } from '../policy/ports';
import { type Incoming, type Listener, NAME_SERVER_PORT, listenOn } from './listener';
import { type Routing, addRoutes, removeRoutes } from './routes';
import { noRules, proxyRules } from './tproxy';
import { USUAL_PORTS } from './usual-ports';

/** The network to take connections in from. */
export interface Inside extends Routing {
  readonly place: Place;
  /** True for a network in which nobody has been yet. */
  readonly isNew: boolean;
}

export interface IntakeOptions {
  /** The ports to take connections to. The kernel refuses those to others. */
  ports: 'all' | readonly number[];
  /** Ports that have a listener, besides the usual ones, where the kernel cannot do all. */
  named: readonly number[];
  /** `'listeners'` gives each port a listener, as if the kernel could not do otherwise. */
  by?: 'rules' | 'listeners' | undefined;
  take: (incoming: Incoming) => void;
}

/** What is taken in, and its end. */
export interface Intake {
  readonly ports: 'all' | readonly number[];
  /** True where programs inside can use IPv6. */
  readonly hasIpv6: boolean;
  /** Stops, and gives the network back as it was, if that is still there. Connections that are open stay open. */
  close(): Promise<void>;
}

/** The kernel has no nf_tables, no tables for both families, or no expression `tproxy`. */
const UNSUPPORTED = ['EPROTONOSUPPORT', 'EOPNOTSUPP', 'EAFNOSUPPORT', 'ENOENT'];

/** The most ports that have a listener each. Each takes a descriptor of this process. */
const MOST_LISTENERS = 1024;

/** Things to undo, the last one first. */
type Undoing = (() => void | Promise<void>)[];

/**
 * Starts to take connections in. By rules of nf_tables one listener has the connections to all ports; where the kernel
 * has none of that, each port has a listener.
 */
export async function takeIn(inside: Inside, options: IntakeOptions): Promise<Intake> {
  const undoing: Undoing = [];
  const undo = async (): Promise<void> => {
    for (let each = undoing.pop(); each !== undefined; each = undoing.pop()) await each();
  };
  // The kernel takes longest for the rules: so these are sent first, and meanwhile the routes are.
  const routed = nextTurn().then(() => addRoutes(inside));
  routed.catch(() => undefined); // it may fail before it is waited for
  try {
    const isOne = options.by !== 'listeners' && (await listenByRules(inside.place, options, undoing));
    if (!isOne) await undo();
    const ports = isOne ? options.ports : await listenOnEach(inside.place, options, undoing);
    const hasIpv6 = await routed;
    undoing.push(() => removeRoutes(inside));
    return { ports, hasIpv6, close: undo };
  } catch (error) {
    const [routes] = await Promise.allSettled([routed]);
    if (routes.status === 'fulfilled') await removeRoutes(inside);
    await undo();
    throw error;
  }
}

/** False where the kernel cannot do it. */
async function listenByRules(place: Place, { ports, take }: IntakeOptions, undoing: Undoing): Promise<boolean> {
  try {
    const rules = await Transactions.open(place);
    undoing.push(() => rules.close());
    const listeners = await listenOn(place, [0], { transparent: true }, take);
    undoing.push(() => closeAll(listeners));
    const ranges = ports === 'all' ? EVERY_PORT : united(ports.map((port) => ({ from: port, to: port })));
    const [{ port } = { port: 0 }] = listeners;
    await rules.commit('take connections in', proxyRules(port, ranges));
    undoing.push(() => rules.commit('leave connections alone', noRules()).catch(() => undefined));
    return true;
  } catch (error) {
    if (UNSUPPORTED.includes((error as NamespaceError).code)) return false;
    throw error;
  }
}

async function listenOnEach(
  place: Place,
  { ports, named, take }: IntakeOptions,
  undoing: Undoing,
): Promise<readonly number[]> {
  const each = ports === 'all' ? [...new Set([...USUAL_PORTS, ...named])].sort((a, b) => a - b) : ports;
  const all = [...new Set([...each, NAME_SERVER_PORT])];
  if (all.length > MOST_LISTENERS) throw tooMany(all.length);
  const listeners = await listenOn(place, all, { transparent: false }, take);
  undoing.push(() => closeAll(listeners));
  return each;
}

function closeAll(listeners: readonly Listener[]): void {
  for (const listener of listeners) listener.close();
}

function tooMany(count: number): NamespaceError {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_UNSUPPORTED',
    message: `Connections to ${count} ports cannot be taken in`,
    kind: 'net',
    hint: `The kernel has no nf_tables with the expression tproxy (module nft_tproxy), and without it at most ${MOST_LISTENERS} ports can be taken in.`,
  });
}
