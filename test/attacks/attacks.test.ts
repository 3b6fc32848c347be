import { attackNames, runAttack } from './attack';

const SHORT_MS = 3_000;
const LIMIT_MS = 300_000;

/** `npm run test:attacks -- --minutes 10` does the same for longer. */
describe('what programs inside try again and again breaks no promise', () => {
  for (const name of attackNames()) {
    test(
      name,
      async () => {
        const { rounds, broken } = await runAttack(name, SHORT_MS);
        expect(broken).toEqual([]);
        expect(rounds).toBeGreaterThan(0);
      },
      LIMIT_MS,
    );
  }

  test('an attack that fails in any way is a breach', async () => {
    const { broken } = await runAttack('no such attack', SHORT_MS);
    expect(broken).toEqual([expect.stringContaining('Cannot find module')]);
  });
});
