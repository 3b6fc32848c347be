import { setTimeout as sleep } from 'node:timers/promises';
import { interleave } from '../measure/interleave';
import { loopGapsDuring } from '../measure/loop-gaps';
import { type Summary, median, summarize } from '../measure/statistics';
import { type Starter, allEight, bare, none } from './starters';

const IDLE_MS = 2;

/**
 * Measures how long a start blocks the event loop, in milliseconds: the longest turn of the loop during the start, less
 * the median turn of an idle loop. 'idle' is the longest of idle turns, computed in the same way: it is the noise in
 * these figures.
 */
export async function measureBlocked(rounds: number): Promise<Record<string, Summary>> {
  const idleTurns: number[] = [];
  const idle = {
    name: 'idle',
    async sample() {
      const gaps = await loopGapsDuring(() => sleep(IDLE_MS));
      idleTurns.push(gaps.median);
      return gaps.longest;
    },
  };
  const during = ({ name, start }: Starter) => ({ name, sample: async () => (await loopGapsDuring(start)).longest });
  const samples = await interleave([idle, ...[allEight, none, bare].map(during)], rounds);
  const turn = median(idleTurns);
  return Object.fromEntries(
    Object.entries(samples).map(([name, longest]) => [name, summarize(longest.map((gap) => gap - turn))]),
  );
}
