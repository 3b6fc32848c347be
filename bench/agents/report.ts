import { type Machine, machineLine, thisMachine } from '../measure/machine';
import { type Summary, ratio } from '../measure/statistics';
import { type Goal, goalLines, rows } from '../measure/table';

export const PLAIN = 'child_process.spawn, no limit';
export const RUN = 'sandbox.run()';
export const FRESH = 'sandbox.run(), a sandbox for each';

export const SHELL_BARE = 'child_process.execFile';
export const SHELL = 'sandbox.execFile, in a live sandbox';
export const SHELL_RUN = 'sandbox.run(), in a live sandbox';

export const CLI = 'linux-ns run -H -- true';
export const BWRAP = 'bwrap … true';
export const BARE_NODE = 'node -e 0';

/** Milliseconds of a sandbox from a shell. */
export type CliTimes = Record<string, Summary>;

export const VIEW = 'Sandbox.create(hostView())';
export const USERLAND = 'Sandbox.create(hostUserland())';

/** Milliseconds of the creation of a sandbox. */
export type ViewTimes = Record<string, Summary>;

export const COPY = 'sandbox.changes() and diff()';
export const GIT = 'git status and git diff';

/** Milliseconds of 100 changed files in a tree of 10,000. */
export type DiffTimes = Record<string, Summary>;

export interface JudgeRates {
  /** What held the runs to their limits. */
  limitedBy: string;
  /** Programs per second, 50 at once. */
  perSecond: Record<string, Summary>;
}

/** Milliseconds of `ls`. */
export type ShellTimes = Record<string, Summary>;

interface Measured {
  judge: JudgeRates;
  shell: ShellTimes;
  cli: CliTimes;
  view: ViewTimes;
  diff: DiffTimes;
}

/** null: it could not be measured here. */
export interface Figures {
  shellCommandVsBare: number | null;
  runCliVsBwrap: number | null;
  hostViewVsUserland: number | null;
  diff10k: number | null;
  diff10kVsGit: number | null;
  judgePerS: number | null;
  judgeVsPlain: number | null;
  judgeFreshVsPlain: number | null;
}

export interface Report extends Figures {
  details: Measured & Machine;
}

export function reportOf(measured: Measured): Report {
  const { judge, shell, cli, view, diff } = measured;
  const of = (name: string): number | undefined => judge.perSecond[name]?.p50;
  return {
    shellCommandVsBare: ratio(shell[SHELL]?.p50, shell[SHELL_BARE]?.p50),
    runCliVsBwrap: ratio(cli[CLI]?.p50, cli[BWRAP]?.p50),
    hostViewVsUserland: ratio(view[VIEW]?.p50, view[USERLAND]?.p50),
    diff10k: diff[COPY]?.p50 ?? null,
    diff10kVsGit: ratio(diff[COPY]?.p50, diff[GIT]?.p50),
    judgePerS: of(RUN) ?? null,
    judgeVsPlain: ratio(of(RUN), of(PLAIN)),
    judgeFreshVsPlain: ratio(of(FRESH), of(PLAIN)),
    details: { ...measured, ...thisMachine() },
  };
}

const GOALS: Record<keyof Figures, Goal> = {
  shellCommandVsBare: { what: 'ls in a live sandbox / child_process', most: 1, unit: 'x' },
  runCliVsBwrap: { what: 'linux-ns run / bwrap, from a shell', most: 4, unit: 'x' },
  hostViewVsUserland: { what: 'Sandbox.create: hostView / hostUserland', most: 1.2, unit: 'x' },
  diff10k: { what: 'changes and diff, 100 of 10,000 files', unit: ' ms' },
  diff10kVsGit: { what: 'the same / git status and git diff', most: 1, unit: 'x' },
  judgePerS: { what: 'programs judged, 50 at once', unit: '/s' },
  judgeVsPlain: { what: 'the same / child_process without limits', least: 0.9, unit: 'x' },
  judgeFreshVsPlain: { what: 'with a sandbox for each / child_process', unit: 'x' },
};

/** For people. */
export function format(report: Report): string {
  const { judge, shell, cli, view, diff } = report.details;
  const { limitedBy, perSecond } = judge;
  return [
    machineLine(report.details),
    "An agent's ls, in milliseconds",
    ...rows(shell, shell[SHELL_BARE]?.p50),
    'true in a sandbox, from a shell, in milliseconds',
    ...rows(cli, cli[BWRAP]?.p50),
    'A sandbox, until it is there, in milliseconds',
    ...rows(view, view[USERLAND]?.p50),
    '100 changed files of 10,000, in milliseconds',
    ...rows(diff, diff[GIT]?.p50),
    `Programs per second, Python and Node, 50 at once; limited by ${limitedBy}`,
    ...rows(perSecond),
    'Goals',
    ...goalLines(GOALS, report),
  ].join('\n');
}
