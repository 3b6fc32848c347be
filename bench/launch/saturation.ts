import { pbkdf2 } from 'node:crypto';
import { type Contestant, type Samples, interleave, summarizeAll } from '../measure/interleave';
import type { Summary } from '../measure/statistics';
import type { Limit } from './limit';
import { allEight, bare, none, timed } from './starters';

/** The number of threads in libuv's pool. */
const JOBS = 4;
const ITERATIONS = 50_000;
const STARTS_PER_PHASE = 20;

export interface Saturation {
  idle: Record<string, Summary>;
  saturated: Record<string, Summary>;
}

/**
 * Measures a start while libuv's pool is idle, and while four jobs keep it busy, in turns, in milliseconds. The jobs
 * use the CPUs as well as the pool: the loop in C, which has no pool, shows how much of the loss comes from that.
 */
export async function measureSaturation(limit: Limit | undefined, rounds: number): Promise<Saturation> {
  const contestants = [...(limit?.contestants ?? []), ...[allEight, none, bare].map(timed)];
  const idle: Samples = {};
  const saturated: Samples = {};
  for (let done = 0; done < rounds; done += STARTS_PER_PHASE) {
    await phase(contestants, idle);
    const end = saturatePool();
    await phase(contestants, saturated);
    await end();
  }
  return { idle: summarizeAll(idle), saturated: summarizeAll(saturated) };
}

async function phase(contestants: readonly Contestant[], into: Samples): Promise<void> {
  const samples = await interleave(contestants, STARTS_PER_PHASE);
  for (const [name, list] of Object.entries(samples)) (into[name] ??= []).push(...list);
}

/** Each job that ends is followed by another, until the function returned is called. */
function saturatePool(): () => Promise<void> {
  let wanted = true;
  const jobs = Array.from({ length: JOBS }, async () => {
    while (wanted) await oneJob();
  });
  return async () => {
    wanted = false;
    await Promise.all(jobs);
  };
}

function oneJob(): Promise<void> {
  return new Promise((resolve, reject) => {
    pbkdf2('password', 'salt', ITERATIONS, 64, 'sha512', (error) => (error === null ? resolve() : reject(error)));
  });
}
