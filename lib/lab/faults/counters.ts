/** Counters of the links of a lab: the frames that have passed, and those that have not. */
import type { Network } from '../../network/network';
import type { Interface } from '../interface';
import { indexOfPort } from '../port';
import type { Direction, Wires } from './wires';

/** The frames of one direction of a host's interface, since it was made, or since it has been impaired. */
export interface LinkCounters {
  /** The name of the host. */
  host: string;
  /** The name of the network. */
  network: string;
  /** `'out'`: from the host to the network. */
  direction: Direction;
  /** True while an impairment acts on the interface, in one direction or both. */
  impaired: boolean;
  /** The frames that were sent. */
  sent: number;
  /** The frames that have arrived; one that was duplicated counts twice, and one that is on its way not yet. */
  delivered: number;
  /** The frames that were dropped, by what dropped them. */
  dropped: {
    /** By `loss`. */
    loss: number;
    /** They found the queue of a `rate` full, or 64 MiB that wait. */
    queue: number;
    /** By `mtu`. */
    mtu: number;
    /** They came faster than they could be carried. */
    overrun: number;
    /** The kernel refused them, as when an interface is down. */
    refused: number;
  };
  /** The frames that were sent a second time, by `duplicate`. */
  duplicated: number;
  /** The frames that did not wait for the delay, by `reorder`. */
  reordered: number;
  /** The frames with a wrong bit, by `corrupt`. */
  corrupted: number;
}

/** The counters of interfaces, in both directions. */
export async function countersOf(
  core: Network,
  wires: Wires,
  interfaces: readonly Interface[],
): Promise<LinkCounters[]> {
  const links = await core.link.list({ stats: true });
  const byIndex = new Map(links.map((link) => [link.index, link.stats]));
  return interfaces.flatMap((end) => {
    const { rxPackets = 0, txPackets = 0 } = byIndex.get(indexOfPort(end.port)) ?? {};
    return [countersIn('out', end, wires, rxPackets), countersIn('in', end, wires, txPackets)];
  });
}

/** @param passed - the frames of the link itself, which are those of the direction where there is no wire */
function countersIn(direction: Direction, end: Interface, wires: Wires, passed: number): LinkCounters {
  const { host, network, port } = end;
  const counts = wires.counts(port, direction) ?? [passed, passed, 0, 0, 0, 0, 0, 0, 0, 0];
  const [sent, delivered, loss, queue, mtu, overrun, refused, duplicated, reordered, corrupted] = counts;
  return {
    ...{ host, network, direction, impaired: wires.has(port), sent, delivered },
    dropped: { loss, queue, mtu, overrun, refused },
    ...{ duplicated, reordered, corrupted },
  };
}
