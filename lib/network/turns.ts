/** Long lists, worked on without holding up the event loop. */

/** The longest that is worked on lists before others have their turn. */
const SLICE_MS = 2;

/** Items between two looks at the clock. */
const PIECE = 64;

/** Who waits to go on: one list in each round of the event loop, however many there are at a time. */
let last: Promise<void> = Promise.resolve();

/** When the present slice began, of whichever list. */
let since = 0;

/** Does something with each item, in slices. */
export async function eachInTurns<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
  let count = 0;
  for (const item of items) {
    work(item);
    if (++count % PIECE === 0 && performance.now() - since >= SLICE_MS) await nextTurn();
  }
}

/** {@link eachInTurns}, with what becomes of each; those that become nothing are left out. */
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
