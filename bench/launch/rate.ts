import { type Contestant, interleave, summarizeAll } from '../measure/interleave';
import type { Summary } from '../measure/statistics';
import { type Starter, allEight, bare, none } from './starters';

const AT_ONCE = [1, 4, 16] as const;

const STARTS_PER_BATCH = 64;
/** The median is that of several batches: ten at 200 starts. */
const STARTS_PER_ROUND = 20;

/** Starts per second with so many under way at any time; one sample is a batch of them. At least `starts` of each. */
export async function measureRate(starts: number): Promise<Record<string, Summary>> {
  const contestants = AT_ONCE.flatMap((count) => [allEight, none, bare].map((starter) => batch(starter, count)));
  return summarizeAll(await interleave(contestants, Math.ceil(starts / STARTS_PER_ROUND)));
}

export function rateName(starter: string, atOnce: number): string {
  return `${starter}, ${atOnce} at once`;
}

function batch({ name, start }: Starter, atOnce: number): Contestant {
  return {
    name: rateName(name, atOnce),
    async sample() {
      let left = STARTS_PER_BATCH;
      const lane = async (): Promise<void> => {
        while (left-- > 0) await start();
      };
      const began = performance.now();
      await Promise.all(Array.from({ length: atOnce }, lane));
      return (STARTS_PER_BATCH / (performance.now() - began)) * 1000;
    },
  };
}
