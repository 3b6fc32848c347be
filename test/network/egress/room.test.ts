import { Room } from '../../../lib/network/egress/room';

describe('places for connections', () => {
  let rooms: Room[];
  beforeEach(() => (rooms = []));

  const open = (places: number): Room => {
    const room = new Room(places);
    rooms.push(room);
    return room;
  };
  /** Takes what there is, and gives it back after the test. */
  const fill = (room: Room): number => {
    let count = 0;
    while (room.enter()) count++;
    given.push([room, count]);
    return count;
  };
  const given: [Room, number][] = [];
  afterEach(() => {
    for (const [room, count] of given.splice(0)) for (let left = count; left > 0; left--) room.leave();
    for (const room of rooms) room.close();
  });

  test('one policy has a quarter of them, and at most 4096', () => {
    expect(fill(open(512))).toBe(128);
    expect(fill(open(1_000_000))).toBe(4096);
  });

  test('several policies have three quarters together, and each one its share of that', () => {
    const all = Array.from({ length: 8 }, () => open(512));
    expect(all.map(fill)).toEqual([128, 128, 16, 16, 16, 16, 16, 16]);
    const late = Array.from({ length: 50 }, () => open(512));
    const counts = [...all, ...late].map((room) => fill(room));
    expect(counts.reduce((sum, count) => sum + count, 128 + 128 + 6 * 16)).toBeLessThanOrEqual(384);
    expect(late.every((_, index) => counts[8 + index]! >= 0)).toBe(true);
  });

  test('what is given back can be taken again, also by others', () => {
    const [first, second] = [open(8), open(8)];
    expect([first.enter(), first.enter(), first.enter()]).toEqual([true, true, false]);
    first.leave();
    expect(first.enter()).toBe(true);
    expect(second.enter()).toBe(true);
    for (const room of [first, first, second]) room.leave();
  });

  test('there is always one, however few descriptors there are', () => {
    expect(fill(open(1))).toBe(1);
  });
});
