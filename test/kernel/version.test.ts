import { release } from 'node:os';
import { kernelVersion, unsupportedReason } from '../../lib/kernel/version';

describe('what this package runs on', () => {
  it.each(['5.10.0-32-amd64', '5.11', '6.18.44', '10.0.0-rc1'])('is Linux %s', (version) => {
    expect(unsupportedReason('linux', version, 'x64')).toBeUndefined();
  });

  it.each(['5.9.16', '4.19.0-27-amd64', '4.4.0-19041-Microsoft', '2.6.32'])('is not Linux %s', (version) => {
    expect(unsupportedReason('linux', version, 'x64')).toBe(`Linux 5.10 or newer, and this is Linux ${version}`);
  });

  it.each(['darwin', 'win32', 'freebsd'])('is not %s, whatever its version', (platform) => {
    expect(unsupportedReason(platform, '23.0.0', 'x64')).toBe(`Linux 5.10 or newer, and this is ${platform}`);
  });

  it('is an architecture whose system calls it knows', () => {
    expect(unsupportedReason('linux', '6.18.44', 'arm64')).toBeUndefined();
    expect(unsupportedReason('linux', '6.18.44', 'riscv64')).toBe('Node for x64 or arm64, and this one is for riscv64');
    expect(unsupportedReason('linux', '6.18.44', 'arm')).toBe(
      'Node for x64 or arm64, and this one is for arm, of 32 bits: use the Node for arm64, if the kernel has 64 bits',
    );
  });

  it('is given the benefit of the doubt when its version cannot be read', () => {
    expect(unsupportedReason('linux', 'custom', 'x64')).toBeUndefined();
  });
});

describe('the version of a kernel', () => {
  it.each([
    ['6.8.0-45-generic', [6, 8]],
    ['5.10', [5, 10]],
    ['6.12-rc3', [6, 12]],
  ])('%s', (text, version) => {
    expect(kernelVersion(text)).toEqual(version);
  });

  it('is not made up', () => {
    expect(kernelVersion('unknown')).toBeUndefined();
  });

  it('is read from this one', () => {
    expect(kernelVersion(release())).toEqual([expect.any(Number), expect.any(Number)]);
  });
});
