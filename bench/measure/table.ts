import { type Summary, rounded } from './statistics';

/** The bounds that a figure is to keep; one without a bound is only shown. */
export interface Goal {
  what: string;
  most?: number;
  least?: number;
  unit: string;
}

/** A table of contestants, the smallest median first; with a base, each in proportion to it. */
export function rows(summaries: Readonly<Record<string, Summary>>, base?: number): string[] {
  if (Object.keys(summaries).length === 0) return ['  not measured', ''];
  const head = row('', 'p50', 'p99', base === undefined ? '' : 'vs spawn');
  return [
    head,
    ...Object.entries(summaries)
      .sort(([, a], [, b]) => a.p50 - b.p50)
      .map(([name, { p50, p99 }]) =>
        row(name, fixed(p50), fixed(p99), base === undefined ? '' : `${(p50 / base).toFixed(2)}x`),
      ),
    '',
  ];
}

/** One line for each goal, and whether it is reached. */
export function goalLines<Key extends string>(
  goals: Readonly<Record<Key, Goal>>,
  figures: Readonly<Record<NoInfer<Key>, number | null>>,
): string[] {
  return (Object.keys(goals) as Key[]).map((key) => goalLine(goals[key], figures[key]));
}

function row(name: string, ...cells: string[]): string {
  return `  ${name.padEnd(46)}${cells.map((cell) => cell.padStart(10)).join('')}`.trimEnd();
}

/** Rates are numbers in the hundreds, and times are small: these get decimals. */
function fixed(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(3);
}

function goalLine({ what, most, least, unit }: Goal, value: number | null): string {
  const shown = value === null ? 'none' : `${rounded(value)}${unit}`;
  return `  ${what.padEnd(56)}${shown.padStart(14)}   ${wanted(unit, most, least).padEnd(20)} ${verdict(value, most, least)}`.trimEnd();
}

function wanted(unit: string, most: number | undefined, least: number | undefined): string {
  if (most !== undefined) return `at most ${most}${unit}`;
  return least === undefined ? '' : `at least ${least}${unit}`;
}

function verdict(value: number | null, most?: number, least?: number): string {
  if (value === null) return 'not measured';
  if (most === undefined && least === undefined) return '';
  return value <= (most ?? Infinity) && value >= (least ?? -Infinity) ? 'reached' : 'not reached';
}
