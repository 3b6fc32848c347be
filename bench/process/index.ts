import { join } from 'node:path';
import type { Benchmark } from '../benchmark';
import { measureApart } from '../measure/apart';
import { measureKillToGone } from './kill-to-gone';
import { measureLeaks } from './leaks';
import type { PartResult } from './part';
import { chartsOf, format, reportOf } from './report';

const LAUNCHES_PER_SAMPLE = 50;
const SAMPLES_PER_KILL = 10;

/** The cost of programs while they run, and the things that are left of them. */
export const processes: Benchmark = {
  summary: 'pipes, IPC and starts of Node against child_process; what is left after many launches, or of a killed Node',
  async run(samples) {
    console.error('measuring pipes, IPC and starts of Node');
    const part = await measureApart<PartResult>(join(__dirname, 'part.ts'), samples);
    console.error('killing Nodes');
    const killToGoneMs = await measureKillToGone(Math.ceil(samples / SAMPLES_PER_KILL));
    const launches = samples * LAUNCHES_PER_SAMPLE;
    console.error(`launching ${launches} programs`);
    const report = reportOf(part, killToGoneMs, await measureLeaks(launches));
    return { json: report, text: format(report), charts: chartsOf(report) };
  },
};
