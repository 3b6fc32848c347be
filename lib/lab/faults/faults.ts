/** The faults of a lab: which there are, and what follows from them for each link. */
import type { EventLog } from '../events';
import type { Host } from '../host';
import type { Interface } from '../interface';
import type { LabNetwork } from '../network';
import { allSettled } from '../settled';
import { type Cuts, type CutPlan, type Side } from './cuts';
import { type CheckedImpairment, type Impairment, parseImpairment } from './impairment';
import { type CutRule, isCut, partOf, ruleWords } from './cut-rule';
import { isMissing } from '../wiring';
import { type WireRule, type WireRules, type Wires, segmentsFor } from './wires';

/** The packets from one host to another that an impairment acts on. */
export interface ImpairedPair {
  /** The name of the host that sends. */
  readonly from: string;
  /** The name of the host that receives. */
  readonly to: string;
}

/** The link that an impairment acts on: all of a network, or the interface of one host on it. */
export interface ImpairedLink {
  /** The name of the network. */
  readonly network: string;
  /** The name of the host. */
  readonly host?: string;
}

/** An impairment that is in force. */
export interface ImpairmentFault {
  /** By `impair()` of a network, a host or the lab. */
  readonly kind: 'impair';
  /** The frames that it acts on. */
  readonly on: ImpairedLink | ImpairedPair;
  /** The impairment. */
  readonly impairment: Impairment;
}

/** A fault that is in force, as {@link Lab.faults} lists it. */
export type Fault = CutRule | ImpairmentFault;

/** A cut that was put in force. */
export interface Cut {
  /** Takes it back. To call it again changes nothing. */
  heal(): Promise<void>;
  /** Counts the packets that were dropped while it is, or was, in force. */
  dropped(): Promise<number>;
}

/** The hosts and networks that faults act on. */
export interface Topology {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly networks: ReadonlyMap<string, LabNetwork>;
  readonly events: EventLog;
}

/** Decides what each wire does and who is cut off from whom, and keeps it so while the topology changes. */
export class Faults {
  readonly #topology: Topology;
  readonly #wires: Wires;
  readonly #cuts: Cuts;
  /** The rules that are in force, each with the number of packets that had been dropped before. */
  readonly #rules = new Map<CutRule, { before: number }>();
  readonly #onNetworks = new Map<string, CheckedImpairment>();
  /** By the name of the port. */
  readonly #onInterfaces = new Map<string, CheckedImpairment>();
  /** By the names of both hosts. */
  readonly #onPairs = new Map<string, { readonly pair: ImpairedPair; readonly impairment: CheckedImpairment }>();
  /** The packets that had been dropped when a rule was taken back. */
  readonly #ended = new WeakMap<CutRule, Promise<number>>();
  /** The interfaces of hosts that send each packet by itself, by their ports. */
  readonly #segmenting = new Set<string>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(topology: Topology, wires: Wires, cuts: Cuts) {
    this.#topology = topology;
    this.#wires = wires;
    this.#cuts = cuts;
  }

  /** All faults that are in force. */
  list(): Fault[] {
    const interfaces = this.#interfaces();
    return [
      ...this.#rules.keys(),
      ...[...this.#onNetworks].map(
        ([network, impairment]) => ({ kind: 'impair', on: { network }, impairment: { ...impairment } }) as const,
      ),
      ...interfaces.flatMap(({ end: { host, network, port } }) => {
        const impairment = this.#onInterfaces.get(port);
        return impairment === undefined
          ? []
          : [{ kind: 'impair', on: { host, network }, impairment: { ...impairment } } as const];
      }),
      ...[...this.#onPairs.values()].map(
        ({ pair, impairment }) => ({ kind: 'impair', on: pair, impairment: { ...impairment } }) as const,
      ),
    ];
  }

  async impairNetwork({ name }: LabNetwork, impairment: unknown): Promise<void> {
    await this.#change(`network ${name}`, this.#onNetworks, [name], parsed(impairment));
  }

  async impairInterfaces(interfaces: readonly Interface[], impairment: unknown): Promise<void> {
    const ports = interfaces.map(({ port }) => port);
    const words = interfaces.map(({ host, network }) => `${host} on ${network}`).join(', ');
    await this.#change(words, this.#onInterfaces, ports, parsed(impairment));
  }

  async impairPair(from: Host, to: Host, impairment: unknown): Promise<void> {
    const checked = parsed(impairment);
    const pair = { from: from.name, to: to.name };
    const value = checked === undefined ? undefined : { pair, impairment: checked };
    await this.#change(`${pair.from} → ${pair.to}`, this.#onPairs, [JSON.stringify(pair)], value);
  }

  /** Puts a rule in force. */
  async cut(rule: CutRule): Promise<Cut> {
    const start = { before: 0 };
    this.#rules.set(rule, start);
    try {
      await this.#inOrder(async () => {
        start.before = await this.#cuts.dropped();
        await this.#followCuts();
      });
    } catch (error) {
      this.#rules.delete(rule);
      throw error;
    }
    this.#tell(ruleWords(rule));
    return {
      heal: async () => {
        if (this.#rules.has(rule)) await this.#end([rule], `heal ${ruleWords(rule)}`);
      },
      dropped: async () => {
        const end = this.#ended.get(rule) ?? this.#inOrder(() => this.#cuts.dropped());
        return (await end) - start.before;
      },
    };
  }

  /** Takes all cuts back. */
  async heal(): Promise<void> {
    await this.#end([...this.#rules.keys()], 'heal');
  }

  /** Takes cuts back, and tells what has been dropped since the first of them. */
  async #end(rules: readonly CutRule[], words: string): Promise<void> {
    const starts = rules.flatMap((rule) => this.#rules.get(rule) ?? []);
    const dropped = this.#inOrder(async () => {
      await this.#followCuts();
      return this.#cuts.dropped();
    });
    for (const rule of rules) {
      this.#rules.delete(rule);
      this.#ended.set(rule, dropped);
    }
    const count = (await dropped) - Math.min(...starts.map(({ before }) => before));
    this.#tell(rules.length === 0 ? words : `${words}: ${count} ${count === 1 ? 'packet' : 'packets'} dropped`);
  }

  /** Hosts or networks have been added or removed. */
  async follow(): Promise<void> {
    if (this.list().length === 0 && this.#wires.ports.length === 0) return;
    await this.#inOrder(async () => {
      await this.#followCuts();
      await this.#followWires();
    });
  }

  /** Interfaces are made again: what was done to their wires is gone, and is done again with the next {@link follow}. */
  async forget(interfaces: readonly Interface[]): Promise<void> {
    await this.#inOrder(async () => {
      for (const { port } of interfaces) this.#segmenting.delete(port);
      await allSettled(interfaces.map(({ port }) => this.#wires.forget(port)));
    });
  }

  async #change<T extends object>(
    words: string,
    map: Map<string, T>,
    keys: readonly string[],
    value: T | undefined,
  ): Promise<void> {
    const before = keys.map((key) => map.get(key));
    for (const key of keys) put(map, key, value);
    try {
      await this.#inOrder(() => this.#followWires());
    } catch (error) {
      keys.forEach((key, index) => put(map, key, before[index]));
      throw error;
    }
    this.#tell(`impair ${words}: ${impairmentWords(value)}`);
  }

  #tell(words: string): void {
    this.#topology.events.add('fault', words);
  }

  /** Changes of the kernel's state are made one after another, each from what is wanted then. */
  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #followCuts(): Promise<void> {
    await this.#cuts.set(planOf([...this.#rules.keys()], [...this.#topology.hosts.values()]));
  }

  async #followWires(): Promise<void> {
    const interfaces = this.#interfaces();
    const ports = new Set(interfaces.map(({ end }) => end.port));
    const gone = this.#wires.ports.filter((port) => !ports.has(port));
    await allSettled([
      ...gone.map((port) => this.#wires.forget(port)),
      ...interfaces.map(({ end, network, host }) => this.#followWire(end, network, host)),
    ]);
  }

  async #followWire(end: Interface, { bridge }: LabNetwork, host: Host): Promise<void> {
    const rules = this.#rulesOf(end, host);
    const isImpaired = rules.in.length + rules.out.length > 0;
    try {
      if (isImpaired) await this.#wires.set(end, bridge, rules);
      else await this.#wires.remove(end, bridge);
      await this.#segment(end, host, rules.out);
    } catch (error) {
      // A program on the host can have deleted the interface. That is no concern of other hosts.
      if (!isMissing(error)) throw error;
    }
  }

  /** Has a host send each packet by itself, or not. A program there may change that: then a frame stands for many packets. */
  async #segment({ port, index }: Interface, host: Host, rules: readonly WireRule[]): Promise<void> {
    const most = segmentsFor(rules);
    const isOn = most === 1;
    if (isOn === this.#segmenting.has(port) || host.closed) return;
    await host.network.link.set(index, { gsoMaxSegments: most });
    if (isOn) this.#segmenting.add(port);
    else this.#segmenting.delete(port);
  }

  /** The rule that concerns a frame most closely comes first: a pair of hosts, then the interface, then the network. */
  #rulesOf({ port, network, host }: Interface, own: Host): WireRules {
    const pairs = [...this.#onPairs.values()].flatMap(({ pair, impairment }) => {
      const to = this.#topology.hosts.get(pair.to)?.addresses ?? [];
      const isOurs = pair.from === host && to.length > 0;
      return isOurs ? [{ impairment, between: { from: own.addresses, to } }] : [];
    });
    const onInterface = this.#onInterfaces.get(port);
    const out = onInterface ?? this.#onNetworks.get(network);
    const rule = (impairment: CheckedImpairment | undefined): WireRule[] =>
      impairment === undefined ? [] : [{ impairment }];
    return { out: [...pairs, ...rule(out)], in: rule(onInterface) };
  }

  #interfaces(): { end: Interface; network: LabNetwork; host: Host }[] {
    return [...this.#topology.hosts.values()].flatMap((host) =>
      host.wired.flatMap((end) => {
        const network = this.#topology.networks.get(end.network);
        return network === undefined ? [] : [{ end, network, host }];
      }),
    );
  }
}

/** Hosts that no rule tells apart are one side, so that the kernel has little to be told, however many hosts there are. */
function planOf(rules: readonly CutRule[], hosts: readonly Host[]): CutPlan {
  const byParts = new Map<string, Host[]>();
  for (const host of hosts) {
    const parts = JSON.stringify(rules.map((rule) => partOf(rule, host.name)));
    byParts.set(parts, [...(byParts.get(parts) ?? []), host]);
  }
  const groups = [...byParts.values()];
  const sides = groups.map((members): Side => ({ interfaces: members.flatMap((host) => host.interfaces) }));
  const cuts = groups.flatMap((from, i) =>
    groups.flatMap((to, j) => {
      const [sender, receiver] = [from[0], to.find((host) => host !== from[0])];
      const isOne = rules.some(
        (rule) => sender !== undefined && receiver !== undefined && isCut(rule, sender.name, receiver.name),
      );
      return isOne ? [[i, j] as const] : [];
    }),
  );
  return { sides, cuts };
}

/** `'delay 50, loss 0.01'` */
function impairmentWords(value: object | undefined): string {
  const impairment = value !== undefined && 'impairment' in value ? (value.impairment as object) : value;
  const words = Object.entries(impairment ?? {}).map(([name, each]) => `${name} ${String(each)}`);
  return words.join(', ') || 'nothing';
}

/** Undefined for none: null, or one without effect. */
function parsed(impairment: unknown): CheckedImpairment | undefined {
  return impairment === null ? undefined : parseImpairment('impairment', impairment);
}

function put<T>(map: Map<string, T>, key: string, value: T | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
