import { join } from 'node:path';
import { native } from '../../dist/native';
import type { Benchmark } from '../benchmark';
import { measureApart } from '../measure/apart';
import type { PartRequest, PartResult } from './part';
import { chartsOf, format, reportOf } from './report';

const BALLAST_MB = 400;

/** Measures the start of a program in namespaces, against other ways to do the same. */
export const launch: Benchmark = {
  summary: 'starting programs in namespaces, against child_process, unshare, nsenter, bwrap and a loop in C',
  async run(samples) {
    const smallHeap = await measureWith({ ballast: 0, samples, whole: true });
    const largeHeap = await measureWith({ ballast: BALLAST_MB, samples, whole: false });
    const report = reportOf(smallHeap, largeHeap, native().nsinitBytes);
    return { json: report, text: format(report), charts: chartsOf(report) };
  },
};

function measureWith(request: PartRequest): Promise<PartResult> {
  console.error(`measuring with ${request.ballast} MB of Buffers`);
  return measureApart(join(__dirname, 'part.ts'), request);
}
