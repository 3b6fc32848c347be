import { compact } from '../compact';
import { type LinkDetails, describeOptions } from '../link/kinds/kind';
import type { NameOf } from '../link/link-name';
import { handleText, qdiscNamed } from './kinds';
import { INGRESS, type QdiscMessage, ROOT } from './qdisc-message';

/** A queueing discipline of a link, as plain JSON. Where `tc -j` gives a property another name, its description has that name at the end. */
export interface Qdisc {
  /** The name of the link: `dev`. */
  link: string;
  /** The index of that link. */
  index: number;
  /** The kind: `'fq_codel'`, `'noqueue'`, … also of those that cannot be added here. */
  kind: string;
  /** Its handle, in hexadecimal digits: `'1:'`. One that the kernel has made by itself has `'0:'`. */
  handle: string;
  /** Its place: `'root'` for all packets that leave, `'ingress'` for those that come in, or the class that has it. */
  parent: string;
  /** The settings of a kind that can be added, in its own words. `options` */
  info?: LinkDetails;
  /** What it has done since it was made. */
  stats: QdiscStats;
}

/** Counters of a queueing discipline: `tc -s qdisc`. */
export interface QdiscStats {
  /** Bytes sent. */
  bytes: number;
  /** Packets sent. */
  packets: number;
  /** Packets dropped. */
  drops: number;
  /** The number of times that something had to wait because of a rate. */
  overlimits: number;
  /** Packets that the link has given back. */
  requeues: number;
  /** Bytes that wait. */
  backlog: number;
  /** Packets that wait: `qlen`. */
  queueLength: number;
}

export function qdiscOf({ header, attributes }: QdiscMessage, nameOf: NameOf): Qdisc {
  const { KIND = '', OPTIONS, STATS2 } = attributes;
  const kind = qdiscNamed(KIND);
  const details = kind === undefined || OPTIONS === undefined ? {} : describeOptions(kind, OPTIONS, nameOf);
  const { bytes = 0, packets = 0 } = STATS2?.BASIC ?? {};
  const { drops = 0, overlimits = 0, requeues = 0, backlog = 0, queueLength = 0 } = STATS2?.QUEUE ?? {};
  return compact({
    link: nameOf(header.index),
    index: header.index,
    kind: KIND,
    handle: handleText(header.handle),
    parent: placeOf(header.parent),
    info: Object.keys(details).length === 0 ? undefined : details,
    stats: { bytes, packets: STATS2?.PKT64 ?? packets, drops, overlimits, requeues, backlog, queueLength },
  });
}

function placeOf(parent: number): string {
  if (parent === ROOT) return 'root';
  return parent === INGRESS ? 'ingress' : handleText(parent);
}
