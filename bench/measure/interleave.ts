import { type Summary, summarize } from './statistics';

/** One of the ways that are compared. */
export interface Contestant {
  readonly name: string;
  /** Does it once; resolves with the figure. */
  sample(): Promise<number>;
}

export type Samples = Record<string, number[]>;

const WARM_UP_ROUNDS = 10;

/**
 * Takes one sample of each contestant in each round, in another order each time. So other work of the machine, and the
 * things that one contestant leaves behind for the next, fall on all of them alike.
 */
export async function interleave(contestants: readonly Contestant[], rounds: number): Promise<Samples> {
  for (let round = 0; round < Math.min(WARM_UP_ROUNDS, rounds); round++) await playRound(contestants, {});
  const samples: Samples = {};
  for (let round = 0; round < rounds; round++) await playRound(contestants, samples);
  return samples;
}

export function summarizeAll(samples: Samples): Record<string, Summary> {
  return Object.fromEntries(Object.entries(samples).map(([name, list]) => [name, summarize(list)]));
}

async function playRound(contestants: readonly Contestant[], samples: Samples): Promise<void> {
  for (const contestant of shuffled(contestants)) {
    const sample = await contestant.sample();
    (samples[contestant.name] ??= []).push(sample);
  }
}

/** Fisher-Yates. */
function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
