import type { Chart } from '../measure/chart';
import { type Machine, machineLine, thisMachine } from '../measure/machine';
import { type Summary, ratio } from '../measure/statistics';
import { type Goal, goalLines, rows } from '../measure/table';
import type { Many } from './many';
import { BATCH, OURS, SINGLE } from './operations';

type Summaries = Record<string, Summary>;

/** Milliseconds; HTTP requests per second. */
export interface Measured {
  named: Summaries;
  batch: Summaries;
  single: Summaries;
  dump: Summaries;
  connect: Summaries;
  http: Summaries;
  many: Many;
}

/** null: it could not be measured here. */
export interface Figures {
  netnsAddVsIp: number | null;
  batchVsIp: number | null;
  singleVsIp: number | null;
  dumpVsIp: number | null;
  connectVsPlain: number | null;
  httpVsLoopback: number | null;
}

export interface Report extends Figures {
  details: Machine & Measured;
}

const GOALS: Record<keyof Figures, Goal> = {
  netnsAddVsIp: { what: 'add and remove a named namespace / ip netns', most: 0.6, unit: 'x' },
  batchVsIp: { what: '150 operations / one ip -batch', most: 1, unit: 'x' },
  singleVsIp: { what: '150 operations / 150 runs of ip', most: 0.1, unit: 'x' },
  dumpVsIp: { what: '500 links and 1,000 routes / ip -j', most: 1, unit: 'x' },
  connectVsPlain: { what: 'connect in another namespace / net.connect', most: 1.5, unit: 'x' },
  httpVsLoopback: { what: 'HTTP requests/s through a veth / loopback', unit: 'x' },
};

export function reportOf(measured: Measured): Report {
  const p50 = (summaries: Summaries, name: string): number | undefined => summaries[name]?.p50;
  const { named, batch, single, dump, connect, http } = measured;
  return {
    netnsAddVsIp: ratio(p50(named, OURS), p50(named, 'ip netns')),
    batchVsIp: ratio(p50(batch, OURS), p50(batch, BATCH)),
    singleVsIp: ratio(p50(single, OURS), p50(single, SINGLE)),
    dumpVsIp: ratio(p50(dump, OURS), p50(dump, 'ip -j')),
    connectVsPlain: ratio(p50(connect, 'another namespace'), p50(connect, 'net.connect')),
    httpVsLoopback: ratio(p50(http, 'veth'), p50(http, 'loopback')),
    details: { ...thisMachine(), ...measured },
  };
}

export function chartsOf({ details: { named, batch, dump, connect } }: Report): Chart[] {
  const ours = /^linux-ns|^another/;
  const unit = 'ms, less is better';
  const charts: Chart[] = [
    { name: 'named', title: 'A named network namespace, added and removed', unit, rows: named, ours },
    { name: 'operations', title: '50 pairs of veth made, given addresses, brought up', unit, rows: batch, ours },
    { name: 'dump', title: '500 links and 1,000 routes as objects', unit, rows: dump, ours },
    { name: 'connect', title: 'A TCP connection', unit, rows: connect, ours },
  ];
  return charts.filter(({ rows }) => Object.keys(rows).length > 0); // names take root
}

/** For people. */
export function format(report: Report): string {
  const { many, ...measured } = report.details;
  return [
    machineLine(report.details),
    'Adding and removing a named namespace [ms]',
    ...rows(measured.named),
    '150 operations, and one ip -batch [ms]',
    ...rows(measured.batch),
    '150 operations, and 150 runs of ip [ms]',
    ...rows(measured.single),
    '500 links and 1,000 routes [ms]',
    ...rows(measured.dump),
    'A TCP connection [ms]',
    ...rows(measured.connect),
    'HTTP requests per second',
    ...rows(measured.http),
    `${many.hosts} namespaces with a veth each: ${many.msPerHost.toFixed(2)} ms, ${many.nodeKBPerHost.toFixed(1)} kB of Node and ` +
      `${many.systemKBPerHost.toFixed(0)} kB of the system for each; ${many.closeMsPerHost.toFixed(2)} ms to close one`,
    '',
    'Goals',
    ...goalLines(GOALS, report),
  ].join('\n');
}
