/**
 * The shortest way from one list of lines to another: E. W. Myers, "An O(ND) Difference Algorithm and Its Variations",
 * 1986. Whoever wrote the lines may be hostile, so the search has an end.
 */
import { pause } from '../../event-loop/turns';

/** A part in which the lists differ: lines of the first that lines of the second stand for. */
export interface Difference {
  /** The first line of it in each list, and the number of lines. */
  readonly at: number;
  readonly removed: number;
  readonly to: number;
  readonly added: number;
}

/** The most lines that are removed and added in a part before it is told as one. */
const MOST_EDITS = 2000;

/** Compares two lists. Where they have too little in common, all between the first and the last difference is one part. */
export async function compareLines(a: readonly string[], b: readonly string[]): Promise<Difference[]> {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const [from, to] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  if (from.length === 0 && to.length === 0) return [];
  const whole = [{ at: start, removed: from.length, to: start, added: to.length }];
  if (from.length === 0 || to.length === 0) return whole;
  const [left, right] = numbered(from, to);
  const trace = await search(left, right);
  return trace === undefined ? whole : partsOf(trace, left.length, right.length, start);
}

/** Gives equal lines equal numbers, which are compared faster. */
function numbered(a: readonly string[], b: readonly string[]): [Int32Array, Int32Array] {
  const numbers = new Map<string, number>();
  const numberOf = (line: string): number => {
    const known = numbers.get(line);
    if (known !== undefined) return known;
    numbers.set(line, numbers.size);
    return numbers.size - 1;
  };
  return [Int32Array.from(a, numberOf), Int32Array.from(b, numberOf)];
}

/**
 * For each number of edits the furthest line of `a` on each diagonal, from -d to d; undefined where there are too many.
 */
async function search(a: Int32Array, b: Int32Array): Promise<Int32Array[] | undefined> {
  const most = Math.min(a.length + b.length, MOST_EDITS);
  const trace: Int32Array[] = [];
  for (let d = 0; d <= most; d++) {
    const before = trace[d - 1];
    const reached = new Int32Array(2 * d + 1);
    trace.push(reached);
    for (let k = -d; k <= d; k += 2) {
      let x = firstStep(before, d, k);
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      reached[k + d] = x;
      if (x >= a.length && x - k >= b.length) return trace;
    }
    await pause();
  }
  return undefined;
}

/** The line of `a` that one more edit leads to on diagonal k: a line of `b` is added, or one of `a` is removed. */
function firstStep(before: Int32Array | undefined, d: number, k: number): number {
  if (before === undefined) return 0;
  return comesFromAbove(before, d, k) ? (before[k + d] ?? 0) : (before[k + d - 2] ?? 0) + 1;
}

/** `before` has the diagonals from -(d - 1) on. */
function comesFromAbove(before: Int32Array, d: number, k: number): boolean {
  return k === -d || (k !== d && (before[k + d - 2] ?? 0) < (before[k + d] ?? 0));
}

/** Follows the way back, and puts edits that touch each other together. */
function partsOf(trace: readonly Int32Array[], endA: number, endB: number, offset: number): Difference[] {
  const parts: { at: number; removed: number; to: number; added: number }[] = [];
  let [x, y] = [endA, endB];
  for (let d = trace.length - 1; d > 0; d--) {
    const before = trace[d - 1] ?? new Int32Array();
    const k = x - y;
    const adds = comesFromAbove(before, d, k);
    const fromK = adds ? k + 1 : k - 1;
    const fromX = before[fromK + d - 1] ?? 0;
    const [at, to] = [fromX, fromX - fromK];
    const last = parts.at(-1);
    const [nextAt, nextTo] = adds ? [at, to + 1] : [at + 1, to];
    if (last?.at === nextAt + offset && last.to === nextTo + offset) {
      last.at = at + offset;
      last.to = to + offset;
      if (adds) last.added++;
      else last.removed++;
    } else {
      parts.push({ at: at + offset, removed: adds ? 0 : 1, to: to + offset, added: adds ? 1 : 0 });
    }
    [x, y] = [at, to];
  }
  return parts.reverse();
}
