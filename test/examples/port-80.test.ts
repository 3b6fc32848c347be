import { linesOf } from './example';

describe('port_80', () => {
  test('three servers answer on port 80, each from a network of its own', async () => {
    expect(await linesOf('port_80', [])).toEqual([
      'red on 10.80.0.10:80, asked by 10.80.0.1',
      'green on 10.80.0.11:80, asked by 10.80.0.1',
      'blue on 10.80.0.12:80, asked by 10.80.0.1',
    ]);
  });
});
