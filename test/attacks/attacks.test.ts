import { type AttackResult, attackNames, runAttack } from './attack';

const SHORT_MS = 3_000;

/** For a short while, or on a busy machine for as long as it takes to have tried at all. */
async function tried(name: string): Promise<AttackResult> {
  for (let milliseconds = SHORT_MS; ; milliseconds *= 4) {
    const result = await runAttack(name, milliseconds);
    if (result.rounds > 0 || result.broken.length > 0) return result;
  }
}

/** `npm run test:attacks -- --minutes 10` does the same for longer. */
describe('what programs inside try again and again breaks no promise', () => {
  for (const name of attackNames()) {
    test(name, async () => {
      expect((await tried(name)).broken).toEqual([]);
    });
  }

  test('an attack that fails in any way is a breach', async () => {
    const { broken } = await runAttack('no such attack', SHORT_MS);
    expect(broken).toEqual([expect.stringContaining('Cannot find module')]);
  });
});
