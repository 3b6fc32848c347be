import { BARE } from '../launch/starters';
import type { Chart } from '../measure/chart';
import { type Machine, machineLine, thisMachine } from '../measure/machine';
import { ratio, rounded } from '../measure/statistics';
import { type Goal, goalLines, rows } from '../measure/table';
import { CREATE, CREATE_40, CREATE_40_BWRAP, CREATE_BWRAP, EXEC, EXEC_NSENTER } from './contestants';
import type { Leaks } from './leaks';
import type { PartResult } from './part';

/** null: it could not be measured here. */
export interface Figures {
  createVsBwrap: number | null;
  execVsNsenter: number | null;
  execVsBare: number | null;
  mounts40VsBwrap: number | null;
  heldPrivateKB: number;
  leakMounts: number;
  leakFds: number;
  leakProcesses: number;
  leakNamespaces: number;
  leakRssMB: number;
}

export interface Report extends Figures {
  details: PartResult & Machine & { closed: number };
}

const GOALS: Record<keyof Figures, Goal> = {
  createVsBwrap: { what: 'create, /bin/true, close / bwrap', most: 0.45, unit: 'x' },
  execVsNsenter: { what: 'one more process / nsenter', most: 0.45, unit: 'x' },
  execVsBare: { what: 'one more process / child_process.spawn', most: 0.8, unit: 'x' },
  mounts40VsBwrap: { what: 'create, /bin/true, close / bwrap, 40 mounts more', most: 0.6, unit: 'x' },
  heldPrivateKB: { what: 'private memory of each that is held', most: 120, unit: ' kB' },
  leakMounts: { what: 'mounts left', most: 0, unit: '' },
  leakFds: { what: 'descriptors left', most: 0, unit: '' },
  leakProcesses: { what: 'processes left', most: 0, unit: '' },
  leakNamespaces: { what: 'namespaces left', most: 0, unit: '' },
  leakRssMB: { what: 'resident memory more', most: 5, unit: ' MB' },
};

export function reportOf(part: PartResult, leaks: Leaks): Report {
  const compare = (ours: string, theirs: string): number | null =>
    ratio(part.latency[ours]?.p50, part.latency[theirs]?.p50);
  return {
    createVsBwrap: compare(CREATE, CREATE_BWRAP),
    execVsNsenter: compare(EXEC, EXEC_NSENTER),
    execVsBare: compare(EXEC, BARE),
    mounts40VsBwrap: compare(CREATE_40, CREATE_40_BWRAP),
    heldPrivateKB: rounded(part.held.privateKB),
    leakMounts: leaks.mounts,
    leakFds: leaks.fds,
    leakProcesses: leaks.processes,
    leakNamespaces: leaks.namespaces,
    leakRssMB: leaks.rssMB,
    details: {
      ...thisMachine(),
      closed: leaks.sandboxes,
      ...part,
    },
  };
}

export function chartsOf({ details: { latency } }: Report): Chart[] {
  return [
    {
      name: 'latency',
      title: 'Sandboxes made for one program, and entered by one more',
      unit: 'ms, less is better',
      rows: latency,
      ours: /^ours/,
    },
  ];
}

/** For people. */
export function format(report: Report): string {
  const { closed, latency, held } = report.details;
  return [
    machineLine(report.details),
    'From the call to the end [ms]',
    ...rows(latency, latency[BARE]?.p50),
    `Goals; ${held.sandboxes} are held at once; what is left is of ${closed} made and closed`,
    ...goalLines(GOALS, report),
  ].join('\n');
}
