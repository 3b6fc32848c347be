import { formatIdMap, idMap, parseIdMap } from '../../lib/idmap/id-map';
import { errorWith } from '../fixtures/errors';

const check = (value: unknown) => () => idMap('options.user.uidMap', value);
const range = (inside: number, outside: number, count: number) => ({ inside, outside, count });

describe('an id map', () => {
  test.each(['root', 'current', 'auto'])('may be %p', (name) => {
    expect(check(name)).not.toThrow();
  });

  test('may be ranges, or none at all', () => {
    expect(check([])).not.toThrow();
    expect(check([range(0, 1000, 1), range(1, 100000, 65536)])).not.toThrow();
    expect(check([range(4294967294, 4294967294, 1)])).not.toThrow();
  });

  test.each([
    ['rot', 'ERR_INVALID_ARG_VALUE'],
    [7, 'ERR_INVALID_ARG_TYPE'],
    [null, 'ERR_INVALID_ARG_TYPE'],
    [{ inside: 0, outside: 0, count: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [[null], 'ERR_INVALID_ARG_TYPE'],
    [[range(0, 0, 0)], 'ERR_OUT_OF_RANGE'],
    [[range(-1, 0, 1)], 'ERR_OUT_OF_RANGE'],
    [[range(0, 0.5, 1)], 'ERR_OUT_OF_RANGE'],
    [[range(4294967295, 0, 1)], 'ERR_OUT_OF_RANGE'],
    [[range(4294967290, 0, 6)], 'ERR_OUT_OF_RANGE'],
    [[{ ...range(0, 0, 1), size: 1 }], 'ERR_INVALID_ARG_VALUE'],
    [Array.from({ length: 341 }, (_, i) => range(i, i, 1)), 'ERR_INVALID_ARG_VALUE'],
  ])('is not %p', (value, code) => {
    expect(check(value)).toThrow(errorWith({ code }));
  });

  test('names the range that overlaps another, on either side', () => {
    const inside = [range(0, 0, 10), range(9, 100, 1)];
    const outside = [range(0, 0, 10), range(10, 5, 1)];
    expect(check(inside)).toThrow(/options\.user\.uidMap\[1\].*overlap options\.user\.uidMap\[0\] inside/);
    expect(check(outside)).toThrow(/options\.user\.uidMap\[1\].*overlap options\.user\.uidMap\[0\] outside/);
  });

  test('is written and read as the kernel does', () => {
    const ranges = [range(0, 1000, 1), range(1, 100000, 65536)];
    expect(formatIdMap(ranges)).toBe('0 1000 1\n1 100000 65536\n');
    expect(parseIdMap('         0       1000          1\n         1     100000      65536\n')).toEqual(ranges);
    expect(parseIdMap('')).toEqual([]);
  });
});
