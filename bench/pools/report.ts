import { type Machine, machineLine, thisMachine } from '../measure/machine';
import { type Summary, ratio } from '../measure/statistics';
import { type Goal, goalLines, rows } from '../measure/table';
import { C_NONE } from '../launch/limit';

export const TAKE = 'pool.take()';
export const POOLED_RUN = 'pool.take(), true in it, to its end';
export const PREPARED = 'prepared.start(), true, to its end';
export const FRESH = 'Sandbox.create(), true in it, to its end';
export const POOLED_NODE = 'pool.take(), a message to its Node, the answer';
export const NODE = 'child_process.spawn: node -e 0, to its end';

export interface Parts {
  /** Milliseconds. */
  times: Record<string, Summary>;
  readyPrivateKB: number;
  refillsPerS: number;
}

/** null: it could not be measured here. */
export interface Figures {
  takeMs: number | null;
  pooledRunVsC: number | null;
  pooledRunVsFresh: number | null;
  preparedStartVsC: number | null;
  pooledNodeVsNode: number | null;
  poolRefillsPerS: number | null;
  readyPrivateKB: number | null;
}

export interface Report extends Figures {
  details: Parts & Machine;
}

export function reportOf(parts: Parts): Report {
  const of = (name: string): number | undefined => parts.times[name]?.p50;
  return {
    takeMs: of(TAKE) ?? null,
    pooledRunVsC: ratio(of(POOLED_RUN), of(C_NONE)),
    pooledRunVsFresh: ratio(of(POOLED_RUN), of(FRESH)),
    preparedStartVsC: ratio(of(PREPARED), of(C_NONE)),
    pooledNodeVsNode: ratio(of(POOLED_NODE), of(NODE)),
    poolRefillsPerS: parts.refillsPerS,
    readyPrivateKB: parts.readyPrivateKB,
    details: { ...parts, ...thisMachine() },
  };
}

const GOALS: Record<keyof Figures, Goal> = {
  takeMs: { what: 'a ready sandbox is taken in', most: 0.1, unit: ' ms' },
  pooledRunVsC: { what: 'taken, and true run in it / vfork, exec, wait in C', most: 1.5, unit: 'x' },
  pooledRunVsFresh: { what: 'the same / with a new sandbox', unit: 'x' },
  preparedStartVsC: { what: 'true, prepared in a sandbox / vfork, exec, wait in C', most: 1.2, unit: 'x' },
  pooledNodeVsNode: { what: 'a Node that waits, message to answer / node -e 0', most: 0.1, unit: 'x' },
  poolRefillsPerS: { what: 'sandboxes that are made while somebody waits', unit: '/s' },
  readyPrivateKB: { what: 'private memory of a ready sandbox', most: 150, unit: ' kB' },
};

/** For people. */
export function format(report: Report): string {
  return [
    machineLine(report.details),
    'Milliseconds, with a pool that is full',
    ...rows(report.details.times),
    'Goals',
    ...goalLines(GOALS, report),
  ].join('\n');
}
