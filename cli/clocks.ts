import { type Given, UsageError } from './command';

/** The offsets of clocks in seconds, from the options that unshare(1) has. */
export function clocksOf(given: Given): { monotonic?: number; boottime?: number } {
  const clocks: { monotonic?: number; boottime?: number } = {};
  for (const clock of ['monotonic', 'boottime'] as const) {
    const text = given.value(clock);
    if (text === undefined) continue;
    if (!/^[+-]?\d+$/.test(text)) throw new UsageError(`--${clock} must be a number of seconds, not '${text}'`);
    clocks[clock] = Number(text);
  }
  return clocks;
}
