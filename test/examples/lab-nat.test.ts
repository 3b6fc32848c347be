import { linesOf } from './example';

describe('lab-nat', () => {
  test('all pairs connect but those of a symmetric NAT with one that lets in by port', async () => {
    const [header, ...rows] = (await linesOf('lab-nat')).map((line) => line.trim().split(/ +/));
    expect(header).toEqual(['full-cone', 'address-restricted', 'port-restricted', 'symmetric']);
    expect(rows).toEqual([
      ['full-cone', 'connect', 'connect', 'connect', 'connect'],
      ['address-restricted', 'connect', 'connect', 'connect', 'connect'],
      ['port-restricted', 'connect', 'connect', 'connect', '-'],
      ['symmetric', 'connect', 'connect', '-', '-'],
    ]);
  });
});
