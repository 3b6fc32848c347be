import { join } from 'node:path';
import type { Benchmark } from '../benchmark';
import { measureApart } from '../measure/apart';
import { type JudgeRates, format, reportOf } from './report';

/** Measures what agents and judges do all the time, against plain `child_process`. */
export const agents: Benchmark = {
  summary: 'programs judged per second, with a budget and a verdict, against plain child_process',
  async run(samples) {
    console.error('judging 50 programs at a time');
    const report = reportOf(await measureApart<JudgeRates>(join(__dirname, 'judge.ts'), samples));
    return { json: report, text: format(report), charts: [] };
  },
};
