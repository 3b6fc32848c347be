import { subordinateRanges } from '../../lib/idmap/subordinate';

const TEXT = `# granted by useradd
anna:100000:65536
bert:165536:65536
1001:300000:10

anna:400000:5
broken line
anna:none:5
anna:500000:0
`;

describe('/etc/subuid', () => {
  test('grants by login name, several ranges in order', () => {
    expect(subordinateRanges(TEXT, { name: 'anna', uid: 1000 })).toEqual([
      { start: 100000, count: 65536 },
      { start: 400000, count: 5 },
    ]);
  });

  test('grants by uid', () => {
    expect(subordinateRanges(TEXT, { name: 'carl', uid: 1001 })).toEqual([{ start: 300000, count: 10 }]);
    expect(subordinateRanges(TEXT, { name: undefined, uid: 1001 })).toHaveLength(1);
  });

  test('grants nothing to others, and nothing when empty', () => {
    expect(subordinateRanges(TEXT, { name: '# granted by useradd', uid: 7 })).toEqual([]);
    expect(subordinateRanges('', { name: 'anna', uid: 1000 })).toEqual([]);
  });
});
