/** A lab as its page has it: what is shown, and what a click does. */
import { type Parsed, type Required, chosenBy, required, schema, string } from '../../errors/schema';
import { closedError } from '../../errors/namespace-error';
import type { Network } from '../../network/network';
import type { EventLog } from '../events';
import type { Impairment } from '../faults/impairment';
import type { Host } from '../host';
import type { Interface } from '../interface';
import type { LabNetwork } from '../network';
import { type Drawn, sceneOf } from '../picture/scene';
import { toSvg } from '../picture/svg';
import type { PageSubject, PortTraffic } from './page';

/** A click on a host. */
interface HostAction {
  do: 'crash' | 'restart' | 'pause' | 'resume' | 'isolate';
  host: string;
}

/** A click on the cable between a host and a network. */
interface CableAction {
  do: 'down' | 'up';
  host: string;
  network: string;
}

/** A click on a network, or on the interface of a host there. */
interface ImpairAction {
  do: 'impair';
  network: string;
  host?: string | undefined;
  /** Null for none. {@link LabNetwork.impair} checks it. */
  impairment: Impairment | null;
}

/** All impairments and cuts are taken back. */
interface HealAction {
  do: 'heal';
}

/** The word that has chosen the schema. */
function verb<T extends string>(): Required<T> {
  return required((name, value) => string(name, value) as T);
}

const word = required(string);
const ON_HOST = schema<HostAction>()({ do: verb<HostAction['do']>(), host: word });
const ON_CABLE = schema<CableAction>()({ do: verb<CableAction['do']>(), host: word, network: word });
const IMPAIR = schema<ImpairAction>()({
  do: verb<'impair'>(),
  network: word,
  host: string,
  impairment: required((_, value) => value as Impairment | null),
});
const HEAL = schema<HealAction>()({ do: verb<'heal'>() });

type Action = Parsed<typeof ON_HOST> | Parsed<typeof ON_CABLE> | Parsed<typeof IMPAIR> | Parsed<typeof HEAL>;

const ACTION = chosenBy<Action>('do', {
  crash: ON_HOST,
  restart: ON_HOST,
  pause: ON_HOST,
  resume: ON_HOST,
  isolate: ON_HOST,
  down: ON_CABLE,
  up: ON_CABLE,
  impair: IMPAIR,
  heal: HEAL,
});

/** The parts of a lab that a page needs. */
export interface PageLab extends Drawn {
  readonly seed: number;
  readonly events: EventLog;
  readonly core: Network;
  hostOf(option: string, value: unknown): Host;
  networkOf(option: string, value: unknown): LabNetwork;
  isolate(host: Host): Promise<unknown>;
  heal(): Promise<void>;
  impair(pair: { from: string; to: string }, impairment: null): Promise<void>;
}

/** The lab, as its page has it. The page does not keep it from being collected, so that a lab that is forgotten is closed. */
export function subjectOf(lab: PageLab): PageSubject {
  const { events } = lab;
  const reference = new WeakRef(lab);
  const present = (): PageLab => {
    const found = reference.deref();
    if (found === undefined) throw closedError('This Lab');
    return found;
  };
  return {
    svg: () => toSvg(sceneOf(present())),
    state: () => stateOf(present()),
    traffic: () => trafficOf(present()),
    act: (action) => act(present(), ACTION('action', action)),
    events,
    listen: (listener) => events.listen(listener),
  };
}

async function act(lab: PageLab, action: Action): Promise<void> {
  switch (action.do) {
    case 'heal':
      return healAll(lab);
    case 'impair': {
      const network = lab.networkOf('action.network', action.network);
      if (action.host === undefined) return network.impair(action.impairment);
      return lab.hostOf('action.host', action.host).impair(action.impairment, network);
    }
    case 'isolate':
      await lab.isolate(lab.hostOf('action.host', action.host));
      return;
    case 'down':
    case 'up':
      return lab.hostOf('action.host', action.host)[action.do](action.network);
    default:
      return lab.hostOf('action.host', action.host)[action.do]();
  }
}

/** Makes all links as they were, and lets hosts talk to each other. Hosts that have crashed stay so. */
async function healAll(lab: PageLab): Promise<void> {
  await lab.heal();
  for (const fault of lab.faults) {
    if (fault.kind !== 'impair') continue;
    const { on } = fault;
    if ('from' in on) await lab.impair(on, null);
    else if (on.host !== undefined) await lab.hostOf('host', on.host).impair(null, on.network);
    else await lab.networkOf('network', on.network).impair(null);
  }
}

function stateOf(lab: PageLab): object {
  const { seed, hosts, networks } = lab;
  return {
    seed,
    hosts: Object.fromEntries([...hosts.values()].map((host) => [host.name, hostState(host)])),
    networks: Object.fromEntries(
      [...networks.values()].map(({ name, subnet, subnet6 }) => [name, { subnet, subnet6 }]),
    ),
    faults: sceneOf(lab).faults,
  };
}

function hostState({ state, addresses, unplugged }: Host): object {
  return { state, addresses, unplugged: [...unplugged] };
}

/** The traffic of all interfaces. A port receives what its host sends. */
async function trafficOf(lab: PageLab): Promise<PortTraffic[]> {
  const links = await lab.core.link.list({ stats: true });
  const byName = new Map(links.map((link) => [link.name, link.stats]));
  const interfaces = [...lab.hosts.values()].flatMap((host): readonly Interface[] => host.interfaces);
  return interfaces.map(({ port, host, network }) => {
    const { rxBytes = 0, txBytes = 0 } = byName.get(port) ?? {};
    return { port, host, network, out: rxBytes, in: txBytes };
  });
}
