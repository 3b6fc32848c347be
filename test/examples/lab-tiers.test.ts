import { linesOf } from './example';

describe('lab-tiers', () => {
  test('both applications answer, the store is out of reach, and one goes on alone', async () => {
    const lines = await linesOf('lab-tiers');
    const [first, second, store, crash, ...rest] = lines.slice(lines.findIndex((line) => line.startsWith('client: ')));
    expect(new Set([first, second])).toEqual(new Set(['client: visit 1, by app1', 'client: visit 2, by app2']));
    expect([store, crash]).toEqual(['the client reaches the store: no', 'app1 has crashed']);
    expect(rest).toEqual(['client: visit 3, by app2', 'client: visit 4, by app2']);
  });
});
