import { parseWords } from '../../lib/isolate/words';

describe('LINUX_NS_ISOLATE', () => {
  it.each([
    [undefined, { unshare: { net: true }, tmp: false }],
    ['net', { unshare: { net: true }, tmp: false }],
    ['tmp', { unshare: { mnt: true }, tmp: true }],
    ['hostname', { unshare: { uts: true }, tmp: false }],
    ['hostname=db-1.example', { unshare: { uts: { hostname: 'db-1.example' } }, tmp: false }],
    ['time', { unshare: { time: {} }, tmp: false }],
    ['monotonic=-0.5,boottime=100', { unshare: { time: { monotonic: -0.5, boottime: 100 } }, tmp: false }],
    [' net , tmp,', { unshare: { net: true, mnt: true }, tmp: true }],
  ])('%s', (text, isolation) => {
    expect(parseWords(text)).toEqual(isolation);
  });

  it.each([
    ['', 'must name at least one of net, tmp, hostname, time, monotonic, boottime'],
    ['hostnam=x', "(did you mean 'hostname'?)"],
    ['network', 'must be made of net, tmp, hostname, time, monotonic, boottime'],
    ['net=eth0', "takes no value for 'net'"],
    ['boottime', "must have a number of seconds for 'boottime'"],
    ['boottime=soon', "must have a number of seconds for 'boottime'"],
    [`hostname=${'x'.repeat(65)}`, 'must have at most 64 bytes'],
  ])('%j is refused', (text, reason) => {
    const refused = expect.objectContaining({
      code: 'ERR_INVALID_ARG_VALUE',
      message: expect.stringContaining(reason) as string,
    }) as Error;
    expect(() => parseWords(text)).toThrow(refused);
  });
});
