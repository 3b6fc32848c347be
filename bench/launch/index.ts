import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { native } from '../../dist/native';
import type { Benchmark } from '../benchmark';
import type { PartRequest, PartResult } from './part';
import { format, reportOf } from './report';

const BALLAST_MB = 400;

/** How fast a program starts in namespaces, against what one would use instead. */
export const launch: Benchmark = {
  summary: 'starting programs in namespaces, against child_process, unshare, nsenter, bwrap and a loop in C',
  async run(samples) {
    const smallHeap = await measureApart({ ballast: 0, samples, whole: true });
    const largeHeap = await measureApart({ ballast: BALLAST_MB, samples, whole: false });
    const report = reportOf(smallHeap, largeHeap, native().nsinitBytes);
    return { json: report, text: format(report) };
  },
};

async function measureApart(request: PartRequest): Promise<PartResult> {
  console.error(`measuring with ${request.ballast} MB of Buffers`);
  // tsx in its smallest form: a thread less, and what standard output is for stays ours.
  const part = fork(join(__dirname, 'part.ts'), { execArgv: ['--require', 'tsx/cjs'], stdio: ['ignore', 2, 2, 'ipc'] });
  const result = new Promise<PartResult>((resolve, reject) => {
    part.once('message', (message) => resolve(message as PartResult));
    part.once('exit', (code, signal) => reject(new Error(`measuring ended with ${String(code ?? signal)}`)));
  });
  part.send(request);
  const [received] = await Promise.all([result, once(part, 'close')]);
  return received;
}
