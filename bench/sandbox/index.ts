import { join } from 'node:path';
import type { Benchmark } from '../benchmark';
import { measureApart } from '../measure/apart';
import { measureLeaks } from './leaks';
import type { PartResult } from './part';
import { chartsOf, format, reportOf } from './report';

const LIVES_PER_SAMPLE = 5;

/** Measures making and entering a sandbox, against bubblewrap and nsenter, its cost, and the things that it leaves. */
export const sandbox: Benchmark = {
  summary: 'sandboxes made and entered, against bwrap, nsenter and child_process; what they cost, and leave',
  async run(samples) {
    console.error(`measuring how long it takes; holding ${samples}`);
    const part = await measureApart<PartResult>(join(__dirname, 'part.ts'), samples);
    const lives = samples * LIVES_PER_SAMPLE;
    console.error(`making and closing ${lives}`);
    const report = reportOf(part, await measureLeaks(lives));
    return { json: report, text: format(report), charts: chartsOf(report) };
  },
};
