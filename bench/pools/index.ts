import { join } from 'node:path';
import type { Benchmark } from '../benchmark';
import { measureApart } from '../measure/apart';
import { type Parts, format, reportOf } from './report';

/** Measures what a pool saves. */
export const pools: Benchmark = {
  summary: 'sandboxes that are ready, against new ones, C and a plain Node',
  async run(samples) {
    console.error('taking sandboxes from pools');
    const report = reportOf(await measureApart<Parts>(join(__dirname, 'part.ts'), samples));
    return { json: report, text: format(report), charts: [] };
  },
};
