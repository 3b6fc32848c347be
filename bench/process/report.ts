import type { Chart } from '../measure/chart';
import { type Machine, machineLine, thisMachine } from '../measure/machine';
import { type Summary, ratio } from '../measure/statistics';
import { type Goal, goalLines, rows } from '../measure/table';
import { IN_FLIGHT, ipcName } from './ipc';
import type { Leaks } from './leaks';
import { NODE, OURS, OURS_SAME_SESSION } from './names';
import type { PartResult } from './part';

/** null: it could not be measured. */
export interface Figures {
  pipeVsNode: number | null;
  pipeSameSessionVsNode: number | null;
  ipcVsNode: number | null;
  ipcSameSessionVsNode: number | null;
  ipcAdvancedVsNode: number | null;
  ipcAdvancedSameSessionVsNode: number | null;
  nodeStartVsNode: number | null;
  leakFds: number;
  leakThreads: number;
  leakRssMB: number;
  leakZombies: number;
  leakProcesses: number;
  leakNamespaces: number;
}

export interface Report extends Figures {
  killToGoneMs: Summary;
  details: PartResult & Machine & { launches: number };
}

const GOALS: Record<keyof Figures, Goal> = {
  pipeVsNode: { what: 'pipe throughput, linux-ns / child_process', least: 0.95, unit: 'x' },
  pipeSameSessionVsNode: { what: '  in the same session', least: 0.95, unit: 'x' },
  ipcVsNode: { what: 'round trips of 1 kB of JSON, linux-ns / child_process', least: 0.9, unit: 'x' },
  ipcSameSessionVsNode: { what: '  in the same session', least: 0.9, unit: 'x' },
  ipcAdvancedVsNode: { what: 'the same, serialization advanced', least: 0.9, unit: 'x' },
  ipcAdvancedSameSessionVsNode: { what: '  in the same session', least: 0.9, unit: 'x' },
  nodeStartVsNode: { what: 'node -e 0 in all eight / child_process.spawn', most: 1.05, unit: 'x' },
  leakFds: { what: 'descriptors more, after the launches', most: 0, unit: '' },
  leakThreads: { what: 'threads more', most: 0, unit: '' },
  leakRssMB: { what: 'resident memory more', most: 5, unit: ' MB' },
  leakZombies: { what: 'zombies left', most: 0, unit: '' },
  leakProcesses: { what: 'processes left', most: 0, unit: '' },
  leakNamespaces: { what: 'namespaces left', most: 0, unit: '' },
};

export function reportOf(part: PartResult, killToGoneMs: Summary, leaks: Leaks): Report {
  const compare = (of: Record<string, Summary>, ours: string, theirs: string): number | null =>
    ratio(of[ours]?.p50, of[theirs]?.p50);
  const ipc = (ours: string, serialization: 'json' | 'advanced'): number | null => {
    const [one] = IN_FLIGHT;
    return compare(part.ipc, ipcName(ours, serialization, one), ipcName(NODE, serialization, one));
  };
  return {
    pipeVsNode: compare(part.pipe, OURS, NODE),
    pipeSameSessionVsNode: compare(part.pipe, OURS_SAME_SESSION, NODE),
    ipcVsNode: ipc(OURS, 'json'),
    ipcSameSessionVsNode: ipc(OURS_SAME_SESSION, 'json'),
    ipcAdvancedVsNode: ipc(OURS, 'advanced'),
    ipcAdvancedSameSessionVsNode: ipc(OURS_SAME_SESSION, 'advanced'),
    nodeStartVsNode: compare(part.nodeStart, OURS, NODE),
    leakFds: leaks.fds,
    leakThreads: leaks.threads,
    leakRssMB: leaks.rssMB,
    leakZombies: leaks.zombies,
    leakProcesses: leaks.processes,
    leakNamespaces: leaks.namespaces,
    killToGoneMs,
    details: {
      ...thisMachine(),
      launches: leaks.launches,
      ...part,
    },
  };
}

export function chartsOf({ details: { pipe, ipc, nodeStart } }: Report): Chart[] {
  const ours = /^linux-ns/;
  const atOnce = (count: number): [string, Summary][] =>
    Object.entries(ipc)
      .filter(([name]) => name.endsWith(`, ${count} at once`))
      .map(([name, summary]) => [name.replace(/, \d+ at once$/, ''), summary]);
  return [
    { name: 'pipe', title: '256 MB through the standard output of dd', unit: 'MB/s, more is better', rows: pipe, ours },
    {
      name: 'ipc',
      title: 'Messages of 1 kB there and back, 16 under way',
      unit: 'round trips per second, more is better',
      rows: Object.fromEntries(atOnce(16)),
      ours,
    },
    {
      name: 'node',
      title: 'node -e 0, in eight namespaces of its own',
      unit: 'ms, less is better',
      rows: nodeStart,
      ours,
    },
  ];
}

/** For people. */
export function format(report: Report): string {
  const { launches, pipe, ipc, nodeStart } = report.details;
  return [
    machineLine(report.details),
    "Through a program's standard output [MB/s]",
    ...rows(pipe),
    'IPC, round trips of 1 kB per second',
    ...rows(ipc),
    "node -e 0, from the call to 'exit' [ms]",
    ...rows(nodeStart, nodeStart[NODE]?.p50),
    'From SIGKILL of Node to the end of the last process [ms]',
    ...rows({ 'eight programs, their inits, orphans': report.killToGoneMs }),
    `Goals; leaks are those of ${launches} launches`,
    ...goalLines(GOALS, report),
  ].join('\n');
}
