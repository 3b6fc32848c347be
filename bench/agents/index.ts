import { join } from 'node:path';
import type { Benchmark } from '../benchmark';
import { measureApart } from '../measure/apart';
import {
  type CliTimes,
  type DiffTimes,
  type JudgeRates,
  type ShellTimes,
  type ViewTimes,
  format,
  reportOf,
} from './report';

/** Measures what agents and judges do all the time, against plain `child_process`. */
export const agents: Benchmark = {
  summary: 'what agents and judges do all the time, against plain child_process',
  async run(samples) {
    console.error('one command after another in a live sandbox');
    const shell = await measureApart<ShellTimes>(join(__dirname, 'shell.ts'), samples);
    console.error('linux-ns run and bwrap, from a shell');
    const cli = await measureApart<CliTimes>(join(__dirname, 'cli.ts'), samples);
    console.error("sandboxes with the host's view");
    const view = await measureApart<ViewTimes>(join(__dirname, 'view.ts'), samples);
    console.error('what has changed in a project of 10,000 files');
    const diff = await measureApart<DiffTimes>(join(__dirname, 'diff.ts'), samples);
    console.error('judging 50 programs at a time');
    const judge = await measureApart<JudgeRates>(join(__dirname, 'judge.ts'), samples);
    const report = reportOf({ shell, cli, view, diff, judge });
    return { json: report, text: format(report), charts: [] };
  },
};
