import { openSync, readSync } from 'node:fs';
import { median } from './statistics';

/** Milliseconds between one turn of the event loop and the next. */
export interface LoopGaps {
  longest: number;
  median: number;
}

/**
 * Turns the event loop as fast as possible while `action` is under way, and measures each turn: the longest turn shows
 * what blocks the loop, in the call itself or in a callback. Time in which this thread could have run, while the kernel
 * ran another one on its CPU, is not counted: then the machine is busy, and no call blocks.
 */
export async function loopGapsDuring(action: () => Promise<unknown>): Promise<LoopGaps> {
  const gaps: number[] = [];
  let turning = true;
  let last = 0;
  const turn = (): void => {
    if (!turning) return;
    const now = runnableTime();
    gaps.push(now - last);
    last = now;
    setImmediate(turn);
  };
  await nextTurn();
  last = runnableTime();
  setImmediate(turn);
  await action();
  await nextTurn();
  turning = false;
  return { longest: gaps.reduce((longest, gap) => Math.max(longest, gap), 0), median: median(gaps) };
}

let schedstat: number | undefined;
const buffer = Buffer.alloc(128);

/** Milliseconds; stands while the main thread waits for a CPU, which is the second number of its schedstat. */
function runnableTime(): number {
  schedstat ??= openSync('/proc/self/schedstat', 'r');
  const size = readSync(schedstat, buffer, 0, buffer.length, 0);
  return performance.now() - Number(buffer.toString('latin1', 0, size).split(' ')[1]) / 1e6;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
