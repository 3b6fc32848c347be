/** The process that is compared with others, in one and the same heap. See `measureApart`. */
import { answer } from '../measure/apart';
import { summarizeAll } from '../measure/interleave';
import type { Summary } from '../measure/statistics';
import { type Held, measureHeld } from './held';
import { measureLatency } from './latency';

export interface PartResult {
  /** Milliseconds. */
  latency: Record<string, Summary>;
  held: Held;
}

async function measure(samples: number): Promise<PartResult> {
  return { latency: summarizeAll(await measureLatency(samples)), held: await measureHeld(samples) };
}

void answer(measure);
