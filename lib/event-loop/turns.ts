/** Works on long lists without holding up the event loop. */

/** The longest time, in milliseconds, that is spent on lists before others have their turn. */
const SLICE_MS = 2;

/** The number of items between two looks at the clock. */
const PIECE = 64;

/**
 * The last of the calls that wait to go on. They wait in one list, which goes on once in each round of the event loop.
 */
let last: Promise<void> = Promise.resolve();

/** The time when the present slice began, whichever list it belongs to. */
let since = 0;

/** Called between two pieces of long work: gives others their turn if one is due. */
export async function pause(): Promise<void> {
  if (performance.now() - since >= SLICE_MS) await nextTurn();
}

/** Does something with each item, in slices. */
export async function eachInTurns<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
  let count = 0;
  for (const item of items) {
    work(item);
    if (++count % PIECE === 0) await pause();
  }
}

/** Like {@link eachInTurns}, and returns the results; items whose result is undefined are left out. */
export async function mapInTurns<T, R>(items: Iterable<T>, describe: (item: T) => R | undefined): Promise<R[]> {
  const described: R[] = [];
  await eachInTurns(items, (item) => {
    const one = describe(item);
    if (one !== undefined) described.push(one);
  });
  return described;
}

function nextTurn(): Promise<void> {
  last = last
    .then(() => new Promise((resolve) => setImmediate(resolve)))
    .then(() => {
      since = performance.now();
    });
  return last;
}

/** The number of items that are sorted at once. */
const RUN = 32;

/** Sorts a copy, in slices: sort() of a million paths takes a second. The order of equal ones is kept. */
export async function sortInTurns<T>(items: readonly T[], compare: (a: T, b: T) => number): Promise<T[]> {
  const starts = Array.from({ length: Math.ceil(items.length / RUN) }, (_, index) => index * RUN);
  let runs = await mapInTurns(starts, (at) => items.slice(at, at + RUN).sort(compare));
  while (runs.length > 1) {
    const longer: T[][] = [];
    for (let at = 0; at < runs.length; at += 2) {
      const both: T[] = [];
      await eachInTurns(merge(runs[at] ?? [], runs[at + 1] ?? [], compare), (item) => both.push(item));
      longer.push(both);
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

function* merge<T>(a: readonly T[], b: readonly T[], compare: (a: T, b: T) => number): Iterable<T> {
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (j === b.length || (i < a.length && compare(a[i] as T, b[j] as T) <= 0)) yield a[i++] as T;
    else yield b[j++] as T;
  }
}
