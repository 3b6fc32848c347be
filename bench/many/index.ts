import { join } from 'node:path';
import type { Benchmark } from '../benchmark';
import { measureApart } from '../measure/apart';
import { type Parts, chartsOf, format, reportOf } from './report';

/** A start takes milliseconds, and there are four numbers of held sandboxes. */
const MOST_SAMPLES = 50;

/** Many sandboxes at once. */
export const many: Benchmark = {
  summary: 'a thousand sandboxes that are held, and two hundred starts at once',
  async run(samples) {
    const report = reportOf(await measureApart<Parts>(join(__dirname, 'part.ts'), Math.min(samples, MOST_SAMPLES)));
    return { json: report, text: format(report), charts: chartsOf(report) };
  },
};
