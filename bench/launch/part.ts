/**
 * The process that measures. There is one for each size of heap, so that none has the garbage of another. It gets a
 * {@link PartRequest} and sends one {@link PartResult}, over the channel that `fork()` made.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { answer } from '../measure/apart';
import { summarizeAll } from '../measure/interleave';
import type { Summary } from '../measure/statistics';
import { measureBlocked } from './blocked';
import { heldPrivateKB } from './held';
import { measureLatency } from './latency';
import { Limit } from './limit';
import { measureRate } from './rate';
import { type Saturation, measureSaturation } from './saturation';

export interface PartRequest {
  /** The size of the Buffers that are kept alive, in MB. */
  ballast: number;
  /** Samples of each contestant. */
  samples: number;
  /** True: figures that do not depend on the heap are measured as well. */
  whole: boolean;
}

export interface PartResult {
  rssMB: number;
  latency: Record<string, Summary>;
  blocked: Record<string, Summary>;
  saturation: Saturation | undefined;
  rate: Record<string, Summary> | undefined;
  heldPrivateKB: number | undefined;
}

const MB = 2 ** 20;

async function measure({ ballast, samples, whole }: PartRequest): Promise<PartResult> {
  // Filled: memory that was never written to has no pages, and costs a fork nothing.
  const buffers = Array.from({ length: ballast }, () => Buffer.alloc(MB, 1));
  const limit = Limit.compile();
  try {
    const latency = summarizeAll(await measureLatency(limit, samples));
    const blocked = await afterPause(() => measureBlocked(samples));
    const saturation = whole ? await afterPause(() => measureSaturation(limit, samples)) : undefined;
    const rate = whole ? await afterPause(() => measureRate(samples)) : undefined;
    const rssMB = Math.round(process.memoryUsage.rss() / MB);
    if (buffers.length !== ballast) throw new Error('the buffers are to live until here');
    return { rssMB, latency, blocked, saturation, rate, heldPrivateKB: whole ? await heldPrivateKB() : undefined };
  } finally {
    limit?.close();
  }
}

/** The kernel takes network namespaces down after their last process has gone. */
async function afterPause<T>(action: () => Promise<T>): Promise<T> {
  await sleep(500);
  return action();
}

void answer(measure);
