/**
 * A start makes no more system calls than it did: times depend on the machine, counts hardly do. Whoever makes a start
 * cheaper lowers the numbers here. `npm run bench -- counts --json` tells which calls they are.
 */
import { type Counts, type Kind, ROLES, type Role, countsOf, total } from '../../bench/counts/trace';
import { needs } from '../fixtures/optional';

/** As root or as an ordinary user; Node's main thread makes a few more or less. */
const MOST: Record<Exclude<Kind, 'sandbox create'>, Record<Role, number>> = {
  none: { main: 22, launcher: 14, init: 0, program: 36 },
  'all eight': { main: 32, launcher: 22, init: 49, program: 37 },
  join: { main: 38, launcher: 22, init: 48, program: 34 },
  'sandbox exec': { main: 34, launcher: 22, init: 47, program: 158 },
};

needs({ tool: ['strace'] }).test.each(Object.entries(MOST))(
  '%s: no more system calls than these',
  async (kind, most) => {
    const tries: Counts[] = [];
    // A busy machine wakes Node's event loop more often, which costs calls that the start does not need: the fewest count.
    do tries.push(await countsOf(kind as Kind));
    while (tries.length < 5 && ROLES.some((role) => fewest(tries, role) > most[role]));
    const over = ROLES.filter((role) => fewest(tries, role) > most[role]);
    // Which they are is seen where there are too many.
    expect(over.map((role) => [role, fewest(tries, role), tries.at(-1)![role]])).toEqual([]);
    expect(fewest(tries, 'program')).toBeGreaterThan(0);
  },
);

function fewest(tries: readonly Counts[], role: Role): number {
  return Math.min(...tries.map((counts) => total(counts[role])));
}
