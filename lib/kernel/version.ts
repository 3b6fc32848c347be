/** The oldest kernel that this package works on: it has the features of clone3, pidfds and openat2 that are needed. */
const FLOOR: KernelVersion = [5, 10];

/** The architectures whose system calls this package knows: `src/sys/syscall.h`. They are names of `process.arch`. */
const ARCHITECTURES = ['x64', 'arm64'];

/** The architectures of 32 bits, and the one whose kernels run their programs. */
const OF_32_BITS: Readonly<Record<string, string>> = { ia32: 'x64', arm: 'arm64' };

/** Major and minor number of a kernel: features are dated by it. */
export type KernelVersion = readonly [major: number, minor: number];

/** The version at the start of `os.release()`: `[6, 8]` for `'6.8.0-45-generic'`, undefined when there is none. */
export function kernelVersion(release: string): KernelVersion | undefined {
  const match = /^(\d+)\.(\d+)/.exec(release);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

/**
 * The reason why this package cannot work here at all, in words that follow "it needs"; undefined where it can.
 *
 * A release that has no version in it is let through: the kernel itself will say what it cannot do.
 *
 * @param platform - `process.platform`
 * @param release - `os.release()`
 * @param arch - `process.arch`
 */
export function unsupportedReason(platform: string, release: string, arch: string): string | undefined {
  const needed = `Linux ${FLOOR.join('.')} or newer`;
  if (platform !== 'linux') return `${needed}, and this is ${platform}`;
  const version = kernelVersion(release);
  if (version !== undefined && isOlder(version, FLOOR)) return `${needed}, and this is Linux ${release}`;
  return ARCHITECTURES.includes(arch) ? undefined : unsupportedArchitecture(arch);
}

/** A kernel of 64 bits runs programs of 32 bits: there it takes another Node, and no other machine. */
function unsupportedArchitecture(arch: string): string {
  const larger = OF_32_BITS[arch];
  const remedy = larger === undefined ? '' : `, of 32 bits: use the Node for ${larger}, if the kernel has 64 bits`;
  return `Node for ${ARCHITECTURES.join(' or ')}, and this one is for ${arch}${remedy}`;
}

/** True for a kernel of this version or a newer one. A kernel that hides its version is taken for an old one. */
export function isAtLeast(release: string, wanted: KernelVersion): boolean {
  const version = kernelVersion(release);
  return version !== undefined && !isOlder(version, wanted);
}

function isOlder(version: KernelVersion, than: KernelVersion): boolean {
  return version[0] < than[0] || (version[0] === than[0] && version[1] < than[1]);
}
