import { setUpSteps, timensOffsets } from '../../lib/launch/set-up';
import { kindsOfSpec, validateUnshare } from '../../lib/launch/unshare-spec';
import { errorWith } from '../fixtures/errors';

const check = (value: unknown) => () => validateUnshare('options.unshare', value);

describe('what to unshare', () => {
  test('is a kind, kinds, or an object', () => {
    expect(validateUnshare('spec', 'net')).toEqual({ net: true });
    expect(validateUnshare('spec', ['uts', 'net'])).toEqual({ net: true, uts: true });
    expect(validateUnshare('spec', { uts: { hostname: 'x' }, user: undefined })).toEqual({ uts: { hostname: 'x' } });
    expect(kindsOfSpec({ uts: true, cgroup: true })).toEqual(['cgroup', 'uts']);
  });

  test('is copied, so that changing it later changes nothing', () => {
    const spec = { uts: { hostname: 'before' } };
    const checked = validateUnshare('spec', spec);
    spec.uts.hostname = 'after';
    expect(checked).toEqual({ uts: { hostname: 'before' } });
  });

  test.each([
    [7, 'ERR_INVALID_ARG_TYPE', /options\.unshare/],
    [null, 'ERR_INVALID_ARG_TYPE', /options\.unshare/],
    ['network', 'ERR_INVALID_ARG_VALUE', /options\.unshare/],
    [new Set(['net']), 'ERR_INVALID_ARG_TYPE', /options\.unshare.*an instance of Set/],
    [new Map([['net', true]]), 'ERR_INVALID_ARG_TYPE', /options\.unshare.*an instance of Map/],
    [new Array(1), 'ERR_INVALID_ARG_VALUE', /options\.unshare.*no item at index 0/],
    [[7], 'ERR_INVALID_ARG_TYPE', /options\.unshare\[0\]/],
    [['net', 'mount'], 'ERR_INVALID_ARG_VALUE', /options\.unshare\[1\]/],
    [{ nett: true }, 'ERR_INVALID_ARG_VALUE', /nett/],
    [{ net: false }, 'ERR_INVALID_ARG_VALUE', /options\.unshare\.net/],
    [{ net: 'up' }, 'ERR_INVALID_ARG_TYPE', /options\.unshare\.net/],
    [{ net: { lo: true } }, 'ERR_INVALID_ARG_VALUE', /lo/],
    [{ net: { loopback: 1 } }, 'ERR_INVALID_ARG_TYPE', /options\.unshare\.net\.loopback/],
    [{ pid: {} }, 'ERR_INVALID_ARG_VALUE', /options\.unshare\.pid/],
    [{ mnt: { propagation: 'rprivate' } }, 'ERR_INVALID_ARG_VALUE', /propagation/],
    [{ user: { setgroups: true } }, 'ERR_INVALID_ARG_VALUE', /setgroups/],
    [{ user: { uidMap: [{ inside: 0 }] } }, 'ERR_INVALID_ARG_TYPE', /options\.unshare\.user\.uidMap\[0\]\.outside/],
    [{ uts: { hostname: 'x'.repeat(65) } }, 'ERR_INVALID_ARG_VALUE', /hostname/],
    [{ uts: { hostname: 'ü'.repeat(33) } }, 'ERR_INVALID_ARG_VALUE', /64 bytes/],
    [{ uts: { domainname: 'a\0b' } }, 'ERR_INVALID_ARG_VALUE', /domainname/],
    [{ time: { monotonic: '1' } }, 'ERR_INVALID_ARG_TYPE', /options\.unshare\.time\.monotonic/],
    [{ time: { monotonic: NaN } }, 'ERR_OUT_OF_RANGE', /monotonic/],
    [{ time: { boottime: Infinity } }, 'ERR_OUT_OF_RANGE', /boottime/],
    [{ time: { boottime: 1e300 } }, 'ERR_OUT_OF_RANGE', /boottime.* and 4611686018 seconds/],
    [{ time: { boottime: 2n ** 64n } }, 'ERR_OUT_OF_RANGE', /boottime/],
  ])('is not %p', (value, code, message) => {
    expect(check(value)).toThrow(errorWith({ code, message: expect.stringMatching(message) as string }));
  });
});

describe('clock offsets', () => {
  test.each([
    [1, '1 0'],
    [0.1, '0 100000000'],
    [86400.000000001, '86400 1'],
    [-1, '-1 0'],
    [-0.5, '-1 500000000'],
    [1_500_000_000n, '1 500000000'],
    [-1n, '-1 999999999'],
    [0, '0 0'],
  ])('%p is written as %p', (offset, text) => {
    expect(timensOffsets({ monotonic: offset })).toBe(`monotonic ${text}\n`);
  });

  test('are written for both clocks, or not at all', () => {
    expect(timensOffsets({ boottime: 2, monotonic: 1 })).toBe('monotonic 1 0\nboottime 2 0\n');
    expect(timensOffsets({})).toBeNull();
  });
});

describe('set-up', () => {
  test('makes mounts private and brings lo up, unless told otherwise', () => {
    expect(setUpSteps({ mnt: true, net: true })).toEqual([['propagation', '/', 0x44000], ['loopback']]);
    expect(setUpSteps({ mnt: { propagation: 'unchanged' }, net: { loopback: false } })).toEqual([]);
  });

  test('sets names that are given, the empty one too', () => {
    expect(setUpSteps({ uts: { hostname: '', domainname: 'd' } })).toEqual([
      ['hostname', ''],
      ['domainname', 'd'],
    ]);
    expect(setUpSteps({ uts: true })).toEqual([]);
  });
});
