import { isCut } from '../faults/cut-rule';
import { faultWords, impairmentText } from '../faults/fault-words';
import type { Fault } from '../faults/faults';
import type { Host } from '../host';
import type { LabNetwork } from '../network';
import type { Scene } from './svg';

/** The parts of a lab that are drawn. */
export interface Drawn {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly networks: ReadonlyMap<string, LabNetwork>;
  readonly faults: readonly Fault[];
}

/** Finds what there is to draw of a lab. */
export function sceneOf({ hosts, networks, faults }: Drawn): Scene {
  return {
    hosts,
    networks,
    faults: faults.map(faultWords),
    impaired: new Map(faults.flatMap((fault) => impairedPorts(fault, networks))),
    cut: new Set([...hosts.keys()].filter((host) => isCutOff(host, [...hosts.keys()], faults))),
  };
}

/** The ports whose wires are impaired, and how. That of an interface comes later in the list, and counts. */
function impairedPorts(fault: Fault, networks: ReadonlyMap<string, LabNetwork>): [port: string, words: string][] {
  if (fault.kind !== 'impair' || 'from' in fault.on) return [];
  const { on, impairment } = fault;
  const ends = networks.get(on.network)?.interfaces ?? [];
  const own = 'host' in on ? ends.filter(({ host }) => host === on.host) : ends;
  return own.map(({ port }) => [port, impairmentText(impairment)]);
}

/** True for a host that is cut off from half of the others, or more. */
function isCutOff(host: string, all: readonly string[], faults: readonly Fault[]): boolean {
  const rules = faults.filter((fault) => fault.kind !== 'impair');
  const others = all.filter((other) => other !== host);
  const cut = others.filter((other) => rules.some((rule) => isCut(rule, host, other) || isCut(rule, other, host)));
  return cut.length > 0 && cut.length * 2 >= others.length;
}
