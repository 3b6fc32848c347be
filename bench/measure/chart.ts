import type { Summary } from './statistics';

/** The contents of a picture: a bar for each contestant. */
export interface Chart {
  /** The picture's part of the file name, after that of the benchmark. */
  name: string;
  title: string;
  /** The unit of the numbers, and whether lower or higher ones are better. */
  unit: string;
  rows: Readonly<Record<string, Summary>>;
  /** Matches the names of the contestants that are this package's. */
  ours: RegExp;
}

const WIDTH = 760;
const LABELS = 270;
const NUMBERS = 130;
const ROW = 26;
const HEAD = 62;
const FOOT = 14;
/** Bars end here, in multiples of the median: an outlier that is farther out would make all others too small to see. */
const MOST_OF_MEDIAN = 1.6;

/** Medians as bars, shortest first, and a line to the 99th percentile. Legible on a white page and on a dark one. */
export function toSVG({ title, unit, rows, ours }: Chart): string {
  const entries = Object.entries(rows).sort(([, a], [, b]) => a.p50 - b.p50);
  const end = Math.max(...entries.map(([, { p50 }]) => p50)) * MOST_OF_MEDIAN;
  const scale = (value: number): number => Math.round((Math.min(value, end) / end) * (WIDTH - LABELS - NUMBERS));
  const height = HEAD + entries.length * ROW + FOOT;
  const bars = entries.map(([name, { p50, p99 }], index) => {
    const y = HEAD + index * ROW;
    const [from, to] = [LABELS + scale(p50), LABELS + scale(p99)];
    const whose = ours.test(name) ? 'ours' : 'theirs';
    const cut = p99 > end ? '' : `<path class="line" d="M${to} ${y + 5}v10"/>`;
    return [
      `<text x="${LABELS - 10}" y="${y + 15}" text-anchor="end">${escape(name)}</text>`,
      `<rect class="${whose}" x="${LABELS}" y="${y + 2}" width="${Math.max(1, scale(p50))}" height="16" rx="2"/>`,
      `<path class="line" d="M${from} ${y + 10}H${to}"/>${cut}`,
      `<text class="number" x="${WIDTH - 12}" y="${y + 15}" text-anchor="end">${fixed(p50)} · ${fixed(p99)}</text>`,
    ].join('');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    '<style>',
    'text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #24292f }',
    '.title { font-size: 15px; font-weight: 600 } .number { font-variant-numeric: tabular-nums }',
    '.ours { fill: #0b6bcb } .theirs { fill: #a0a8b1 } .line { stroke: #57606a; stroke-width: 1.5; fill: none }',
    '</style>',
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff" rx="6"/>`,
    `<text class="title" x="16" y="24">${escape(title)}</text>`,
    `<text x="16" y="45">${escape(unit)}</text>`,
    `<text x="${WIDTH - 12}" y="45" text-anchor="end">median · 99th percentile</text>`,
    ...bars,
    '</svg>\n',
  ].join('\n');
}

function fixed(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2);
}

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
