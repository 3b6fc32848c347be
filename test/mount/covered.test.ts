import { findCovers } from '../../lib/mount/covered';

type Place = readonly [id: number, parentId: number, target: string];

/** What hides what: the ids of the covered mounts, each with that of its cover. */
function coversOf(places: readonly Place[]): Record<number, number> {
  const mounts = places.map(([id, parentId, target]) => ({ id, parentId, target }));
  const covers = [...findCovers(mounts)].flatMap(([mount, cover]) =>
    cover === undefined ? [] : [[mount.id, cover.id]],
  );
  return Object.fromEntries(covers) as Record<number, number>;
}

const cases: [what: string, places: Place[], covers: Record<number, number>][] = [
  [
    'nothing is covered where each mount has a place of its own',
    [
      [1, 0, '/'],
      [2, 1, '/a'],
      [3, 2, '/a/b'],
      [4, 1, '/ab'],
    ],
    {},
  ],
  [
    'a mount on the top of another',
    [
      [1, 0, '/'],
      [2, 1, '/a'],
      [3, 2, '/a'],
      [4, 3, '/a'],
    ],
    { 2: 3, 3: 4 },
  ],
  [
    'a mount on a directory above',
    [
      [1, 0, '/'],
      [2, 1, '/a/b/c'],
      [3, 1, '/a'],
    ],
    { 2: 3 },
  ],
  [
    'of several above, the uppermost',
    [
      [1, 0, '/'],
      [2, 1, '/a/b/c'],
      [3, 1, '/a/b'],
      [4, 1, '/a'],
    ],
    { 2: 4, 3: 4 },
  ],
  [
    'what is mounted below a covered mount',
    [
      [1, 0, '/'],
      [2, 1, '/a'],
      [3, 2, '/a/b'],
      [4, 3, '/a/b/c'],
      [5, 2, '/a'],
      [6, 5, '/a/b'],
    ],
    { 2: 5, 3: 5, 4: 5 },
  ],
  [
    'a mount on /',
    [
      [1, 0, '/'],
      [2, 1, '/proc'],
      [3, 1, '/'],
      [4, 3, '/proc'],
    ],
    { 1: 3, 2: 3 },
  ],
  [
    'a name that only begins with another is not below it',
    [
      [1, 0, '/'],
      [2, 1, '/ab/c'],
      [3, 1, '/a'],
    ],
    {},
  ],
  [
    'a root that is its own parent',
    [
      [1, 1, '/'],
      [2, 1, '/a'],
    ],
    {},
  ],
];

test.each(cases)('%s', (_, places, covers) => {
  expect(coversOf(places)).toEqual(covers);
});

test('each mount comes once, ten thousand on top of each other as well', () => {
  const mounts = Array.from({ length: 10_000 }, (_, index) => ({ id: index + 1, parentId: index, target: '/a' }));
  const ids = [...findCovers(mounts)].map(([{ id }]) => id);
  expect(ids.sort((a, b) => a - b)).toEqual(mounts.map(({ id }) => id));
});
