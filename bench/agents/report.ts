import { type Machine, machineLine, thisMachine } from '../measure/machine';
import { type Summary, ratio } from '../measure/statistics';
import { type Goal, goalLines, rows } from '../measure/table';

export const PLAIN = 'child_process.spawn, no limit';
export const RUN = 'sandbox.run()';
export const FRESH = 'sandbox.run(), a sandbox for each';

export interface JudgeRates {
  /** What held the runs to their limits. */
  limitedBy: string;
  /** Programs per second, 50 at once. */
  perSecond: Record<string, Summary>;
}

/** null: it could not be measured here. */
export interface Figures {
  judgePerS: number | null;
  judgeVsPlain: number | null;
  judgeFreshVsPlain: number | null;
}

export interface Report extends Figures {
  details: JudgeRates & Machine;
}

export function reportOf(rates: JudgeRates): Report {
  const of = (name: string): number | undefined => rates.perSecond[name]?.p50;
  return {
    judgePerS: of(RUN) ?? null,
    judgeVsPlain: ratio(of(RUN), of(PLAIN)),
    judgeFreshVsPlain: ratio(of(FRESH), of(PLAIN)),
    details: { ...rates, ...thisMachine() },
  };
}

const GOALS: Record<keyof Figures, Goal> = {
  judgePerS: { what: 'programs judged, 50 at once', unit: '/s' },
  judgeVsPlain: { what: 'the same / child_process without limits', least: 0.9, unit: 'x' },
  judgeFreshVsPlain: { what: 'with a sandbox for each / child_process', unit: 'x' },
};

/** For people. */
export function format(report: Report): string {
  const { limitedBy, perSecond } = report.details;
  return [
    machineLine(report.details),
    `Programs per second, Python and Node, 50 at once; limited by ${limitedBy}`,
    ...rows(perSecond),
    'Goals',
    ...goalLines(GOALS, report),
  ].join('\n');
}
