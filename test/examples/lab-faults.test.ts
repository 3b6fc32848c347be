import { linesOf } from './example';

describe('lab-loss', () => {
  test('loses the same datagrams again with the same seed, and others with another', async () => {
    const [first = '', second = '', verdict] = await linesOf('lab-loss', ['42']);
    expect(first).toMatch(/^seed 42: {7}[█·]{60}$/);
    expect(first).toContain('·');
    expect(second.slice(-60)).toBe(first.slice(-60));
    expect(verdict).toBe('the same datagrams were lost');
    const [other = ''] = await linesOf('lab-loss', ['7']);
    expect(other.slice(-60)).not.toBe(first.slice(-60));
  });
});

describe('lab-quorum', () => {
  test('a leader is lost and found', async () => {
    expect(await linesOf('lab-quorum', [])).toEqual([
      'a leader is found, and commits',
      'it is cut off, with one other',
      'it cannot commit',
      'the three others have found another, in a later term, which commits',
      'healed: all five follow one leader, which commits',
    ]);
  });
});
