import type { Chart } from '../measure/chart';
import { type Machine, machineLine, thisMachine } from '../measure/machine';
import { type Summary, ratio } from '../measure/statistics';
import { type Goal, goalLines, rows } from '../measure/table';
import type { Batch } from './batch';

/** The numbers of sandboxes that are held, one after the other. */
export const HELD = [1, 10, 100, 1000];
/** The starts that are asked for at once, while the most are held. */
export const AT_ONCE = 200;
/** The same where Podman takes part, of which 200 would take minutes. */
export const FEW_AT_ONCE = 20;

export interface Step {
  held: number;
  /** One start at a time, in milliseconds. */
  start: Summary;
}

type Batches<Name extends string> = { ours: Batch } & Partial<Record<Name, Batch>>;

export interface Parts {
  steps: Step[];
  /** For each held sandbox: how much less the system has, and how much this process has grown. */
  memory: { systemKB: number; nodeKB: number };
  /** {@link AT_ONCE} */
  many: Batches<'bwrap'>;
  /** {@link FEW_AT_ONCE} */
  few: Batches<'bwrap' | 'podman'>;
  /** Milliseconds to close one, of all that were held. */
  closeMs: number;
}

interface Figures {
  manyFailures: number;
  longestVsMedian: number;
  manyVsBwrap: number | null;
  fewVsPodman: number | null;
  growth: number | null;
  heldSystemKB: number;
}

interface Report extends Figures {
  details: Machine & Parts;
}

const GOALS: Record<keyof Figures, Goal> = {
  manyFailures: { what: `failures of ${AT_ONCE} starts at once`, most: 0, unit: '' },
  longestVsMedian: { what: 'the longest wait of them / the median', most: 3, unit: 'x' },
  manyVsBwrap: { what: 'the median / that of bwrap', most: 1, unit: 'x' },
  fewVsPodman: { what: `the median of ${FEW_AT_ONCE} at once / that of podman`, most: 1, unit: 'x' },
  growth: { what: `one start beside ${HELD.at(-1)} held / beside ${HELD[0]}`, unit: 'x' },
  heldSystemKB: { what: 'memory of the system for each held one', unit: ' kB' },
};

export function reportOf(parts: Parts): Report {
  const { steps, memory, many, few } = parts;
  return {
    manyFailures: many.ours.failures,
    longestVsMedian: many.ours.longestVsMedian,
    manyVsBwrap: ratio(many.ours.p50, many.bwrap?.p50),
    fewVsPodman: ratio(few.ours.p50, few.podman?.p50),
    growth: ratio(steps.at(-1)?.start.p50, steps[0]?.start.p50),
    heldSystemKB: memory.systemKB,
    details: { ...thisMachine(), ...parts },
  };
}

function grown({ steps }: Parts): Record<string, Summary> {
  return Object.fromEntries(steps.map(({ held, start }) => [`beside ${held} held`, start]));
}

export function chartsOf({ details }: Report): Chart[] {
  const unit = 'ms, less is better';
  const title = 'A sandbox created, used and closed, beside held ones';
  return [
    { name: 'held', title, unit, rows: grown(details), ours: /./ },
    { name: 'at-once', title: `${AT_ONCE} starts at once`, unit, rows: details.many, ours: /^ours/ },
  ];
}

export function format(report: Report): string {
  const { memory, many, few, closeMs } = report.details;
  return [
    machineLine(report.details),
    'One start at a time [ms]',
    ...rows(grown(report.details)),
    `${AT_ONCE} starts at once [ms]`,
    ...rows(many),
    `${FEW_AT_ONCE} starts at once [ms]`,
    ...rows(few),
    `Each held one: ${memory.systemKB} kB of the system, ${memory.nodeKB} kB of Node; ${closeMs.toFixed(2)} ms to close`,
    '',
    'Goals',
    ...goalLines(GOALS, report),
  ].join('\n');
}
