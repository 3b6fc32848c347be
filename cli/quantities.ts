/** Sizes and times, as options and settings have them. */
import { UsageError } from './command';

const BYTES: Readonly<Record<string, number>> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Reads a size in bytes, as docker-run(1) has it: `512m`. */
export function bytesOf(what: string, text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([bkmgt]?)$/i.exec(text) ?? [];
  if (digits !== undefined) return Math.round(Number(digits) * (BYTES[unit.toLowerCase()] ?? 1));
  throw new UsageError(`${what} must be a number of bytes, such as 512m, not '${text}'`);
}

/** Reads a time, as timeout(1) has it: `10`, in seconds, `1.5s`, `5m`; and `500ms`. The result is in milliseconds. */
export function timeOf(what: string, text: string): number {
  const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const time = Math.round(Number(digits) * (MILLISECONDS[unit] ?? 1));
  if (time >= 1) return time;
  throw new UsageError(`${what} must be a time, such as 500ms, 10s or 5m, not '${text}'`);
}

/** `512m` for 536870912. */
export function formatBytes(bytes: number): string {
  const unit = ['t', 'g', 'm', 'k'].find((each) => bytes > 0 && bytes % (BYTES[each] ?? 1) === 0) ?? '';
  return `${bytes / (BYTES[unit] ?? 1)}${unit}`;
}

/** `1.5s` for 1500. */
export function formatTime(milliseconds: number): string {
  const unit = ['h', 'm', 's'].find((each) => milliseconds % (MILLISECONDS[each] ?? 1) === 0);
  if (unit !== undefined) return `${milliseconds / (MILLISECONDS[unit] ?? 1)}${unit}`;
  return milliseconds < 1000 ? `${milliseconds}ms` : `${milliseconds / 1000}s`;
}
