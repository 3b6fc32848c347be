import { eachInTurns, mapInTurns, sortInTurns } from '../../lib/event-loop/turns';
import { Random } from '../fixtures/random';

/** As long as any work may take that is looked at after 64 items: 64 of these are more than a slice. */
function workFor(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

test('of many long lists at a time one is worked on in each round of the event loop, for a slice', async () => {
  let inThisRound = 0;
  const rounds: number[] = [];
  let isOver = false;
  const nextRound = (): void => {
    rounds.push(inThisRound);
    inThisRound = 0;
    if (!isOver) setImmediate(nextRound);
  };
  setImmediate(nextRound);
  const lists = Array.from({ length: 10 }, () =>
    eachInTurns(Array(640).keys(), () => {
      inThisRound++;
      workFor(0.04);
    }),
  );
  await Promise.all(lists);
  isOver = true;
  const [first, ...others] = rounds;
  expect(first).toBe(640); // each begins at once
  expect(Math.max(...others)).toBeLessThanOrEqual(64);
});

test('what becomes of nothing is left out, and the order is kept', async () => {
  expect(await mapInTurns(Array(1000).keys(), (n) => (n % 100 === 0 ? n / 100 : undefined))).toEqual([
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
  ]);
});

test('what the work throws is the error of the list, and the next list goes on', async () => {
  const failing = eachInTurns(Array(500).keys(), (n) => {
    if (n === 300) throw new Error('at 300');
  });
  const whole = mapInTurns(Array(500).keys(), (n) => n);
  await expect(failing).rejects.toThrow('at 300');
  expect(await whole).toHaveLength(500);
});

test('sorting is that of sort(), in turns', async () => {
  const random = new Random(1);
  for (const count of [0, 1, 31, 32, 33, 64, 100, 5000]) {
    const items = Array.from({ length: count }, (_, index) => ({ key: random.below(count), index }));
    const compare = (a: { key: number }, b: { key: number }): number => a.key - b.key;
    expect(await sortInTurns(items, compare)).toEqual([...items].sort(compare));
  }
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const slow = (a: number, b: number): number => {
    workFor(0.01);
    return a - b;
  };
  await sortInTurns(
    Array.from({ length: 2000 }, () => random.below(1000)),
    slow,
  );
  isOver = true;
  // 20,000 comparisons are 200 ms at least.
  expect(turns).toBeGreaterThan(20);
});
