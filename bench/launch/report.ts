import type { Chart } from '../measure/chart';
import { type Machine, machineLine, thisMachine } from '../measure/machine';
import { ratio } from '../measure/statistics';
import { type Goal, goalLines, rows } from '../measure/table';
import { C_ALL_EIGHT, C_JOIN, C_SAME_JOB } from './limit';
import type { PartResult } from './part';
import { rateName } from './rate';
import { ALL_EIGHT, BARE, JOIN } from './starters';

/** A figure is null where it could not be measured. */
export interface Figures {
  allVsBare: number | null;
  allVsBare400: number | null;
  allVsC: number | null;
  allVsSameJobInC: number | null;
  blockedMs: number | null;
  blockedMs400: number | null;
  joinVsBare: number | null;
  joinVsSameJobInC: number | null;
  saturatedVsIdle: number | null;
  rateVsBare16: number | null;
  heldPrivateKB: number | null;
  nsinitBytes: number | null;
}

export interface Report extends Figures {
  details: Machine & { smallHeap: PartResult; largeHeap: PartResult };
}

const GOALS: Record<keyof Figures, Goal> = {
  allVsBare: { what: 'all eight / child_process.spawn, small heap', most: 1, unit: 'x' },
  allVsBare400: { what: 'all eight / child_process.spawn, 400 MB', most: 0.12, unit: 'x' },
  allVsC: { what: 'all eight / all eight in C', most: 1.25, unit: 'x' },
  allVsSameJobInC: { what: 'all eight / the same job in C', most: 1.25, unit: 'x' },
  blockedMs: { what: 'event loop blocked by a start, small heap', most: 0.1, unit: ' ms' },
  blockedMs400: { what: 'event loop blocked by a start, 400 MB', most: 0.1, unit: ' ms' },
  joinVsBare: { what: 'join a held set / child_process.spawn', most: 0.75, unit: 'x' },
  joinVsSameJobInC: { what: 'join a held set / the same in C', most: 1.25, unit: 'x' },
  saturatedVsIdle: { what: 'all eight, libuv pool saturated / idle', most: 1.5, unit: 'x' },
  rateVsBare16: { what: 'all eight / child_process.spawn, starts/s, 16 at once', least: 1, unit: 'x' },
  heldPrivateKB: { what: 'private memory of a held set of all eight', most: 60, unit: ' kB' },
  nsinitBytes: { what: 'size of nsinit', most: 64 << 10, unit: ' bytes' },
};

export function reportOf(smallHeap: PartResult, largeHeap: PartResult, nsinitBytes: number): Report {
  const small = (name: string): number | undefined => smallHeap.latency[name]?.p50;
  const large = (name: string): number | undefined => largeHeap.latency[name]?.p50;
  const rate = (name: string): number | undefined => smallHeap.rate?.[rateName(name, 16)]?.p50;
  const { saturation } = smallHeap;
  return {
    allVsBare: ratio(small(ALL_EIGHT), small(BARE)),
    allVsBare400: ratio(large(ALL_EIGHT), large(BARE)),
    allVsC: ratio(small(ALL_EIGHT), small(C_ALL_EIGHT)),
    allVsSameJobInC: ratio(small(ALL_EIGHT), small(C_SAME_JOB)),
    blockedMs: smallHeap.blocked[ALL_EIGHT]?.p50 ?? null,
    blockedMs400: largeHeap.blocked[ALL_EIGHT]?.p50 ?? null,
    joinVsBare: ratio(small(JOIN), small(BARE)),
    joinVsSameJobInC: ratio(small(JOIN), small(C_JOIN)),
    saturatedVsIdle: ratio(saturation?.saturated[ALL_EIGHT]?.p50, saturation?.idle[ALL_EIGHT]?.p50),
    rateVsBare16: ratio(rate(ALL_EIGHT), rate(BARE)),
    heldPrivateKB: smallHeap.heldPrivateKB ?? null,
    nsinitBytes,
    details: { ...thisMachine(), smallHeap, largeHeap },
  };
}

export function chartsOf({ details: { smallHeap, largeHeap } }: Report): Chart[] {
  const ours = /^ours/;
  return [
    {
      name: 'small-heap',
      title: 'From the call to the end of /bin/true',
      unit: 'ms, less is better',
      rows: smallHeap.latency,
      ours,
    },
    {
      name: 'large-heap',
      title: `The same from a Node that holds ${Math.round(largeHeap.rssMB)} MB`,
      unit: 'ms, less is better',
      rows: largeHeap.latency,
      ours,
    },
    {
      name: 'blocked',
      title: 'How long a start blocks the event loop of that Node',
      unit: 'ms, less is better',
      rows: largeHeap.blocked,
      ours,
    },
  ];
}

/** The report as text for people. */
export function format(report: Report): string {
  const { smallHeap, largeHeap } = report.details;
  const { saturation } = smallHeap;
  return [
    machineLine(report.details),
    `From the call to 'exit', ${smallHeap.rssMB} MB resident [ms]`,
    ...rows(smallHeap.latency, smallHeap.latency[BARE]?.p50),
    `From the call to 'exit', ${largeHeap.rssMB} MB resident, 400 MB of them Buffers [ms]`,
    ...rows(largeHeap.latency, largeHeap.latency[BARE]?.p50),
    'Event loop blocked, small heap [ms]',
    ...rows(smallHeap.blocked),
    'Event loop blocked, 400 MB [ms]',
    ...rows(largeHeap.blocked),
    'libuv pool idle [ms]',
    ...rows(saturation?.idle ?? {}),
    'libuv pool saturated [ms]',
    ...rows(saturation?.saturated ?? {}),
    'Starts per second',
    ...rows(smallHeap.rate ?? {}),
    'Goals',
    ...goalLines(GOALS, report),
  ].join('\n');
}
