import { unsupportedError } from '../errors/namespace-error';
import { SYSCALLS, SYSCALLS_ELSEWHERE, type SyscallNumbers } from './syscall-table';

/**
 * A machine that filters are compiled for, as `process.arch` names it.
 *
 * @inline
 */
export type Machine = 'x64' | 'arm64';

/** A numbering of the system calls, of which a machine understands one or more. */
export type Abi = 'x64' | 'x86' | 'x32' | 'arm64' | 'arm';

/** The facts about a machine. */
interface MachineFacts {
  /** The numbering that its programs usually use. */
  readonly native: Abi;
  readonly others: readonly Abi[];
  /** Go's name of the machine, which the profiles of Docker and Podman use in `includes` and `excludes`. */
  readonly goArch: string;
}

const MACHINES: Readonly<Record<Machine, MachineFacts>> = {
  x64: { native: 'x64', others: ['x86', 'x32'], goArch: 'amd64' },
  arm64: { native: 'arm64', others: ['arm'], goArch: 'arm64' },
};

export const MACHINE_NAMES = Object.keys(MACHINES) as Machine[];

/**
 * The values that a filter finds in `seccomp_data.arch`: `AUDIT_ARCH_*` of `<linux/audit.h>`. x32 has that of x86-64,
 * and a bit in the number of the call.
 */
export const AUDIT_ARCH: Readonly<Record<Abi, number>> = {
  x64: 0xc000003e,
  x86: 0x40000003,
  x32: 0xc000003e,
  arm64: 0xc00000b7,
  arm: 0x40000028,
};

/** The bit that is set in the number of every x32 call: `__X32_SYSCALL_BIT`. */
export const X32_BIT = 0x40000000;

const COLUMN: Readonly<Record<Abi, keyof SyscallNumbers & `${number}`>> = {
  x64: '0',
  x86: '1',
  x32: '2',
  arm64: '3',
  arm: '4',
};

/** The architectures by libseccomp's names; null for those that no machine of ours understands. */
const ARCHITECTURES = Object.freeze({
  SCMP_ARCH_X86_64: 'x64',
  SCMP_ARCH_X86: 'x86',
  SCMP_ARCH_X32: 'x32',
  SCMP_ARCH_AARCH64: 'arm64',
  SCMP_ARCH_ARM: 'arm',
  SCMP_ARCH_LOONGARCH64: null,
  SCMP_ARCH_M68K: null,
  SCMP_ARCH_MIPS: null,
  SCMP_ARCH_MIPS64: null,
  SCMP_ARCH_MIPS64N32: null,
  SCMP_ARCH_MIPSEL: null,
  SCMP_ARCH_MIPSEL64: null,
  SCMP_ARCH_MIPSEL64N32: null,
  SCMP_ARCH_PARISC: null,
  SCMP_ARCH_PARISC64: null,
  SCMP_ARCH_PPC: null,
  SCMP_ARCH_PPC64: null,
  SCMP_ARCH_PPC64LE: null,
  SCMP_ARCH_RISCV64: null,
  SCMP_ARCH_S390: null,
  SCMP_ARCH_S390X: null,
  SCMP_ARCH_SH: null,
  SCMP_ARCH_SHEB: null,
});

/**
 * The name of an architecture in profiles. `SCMP_ARCH_NATIVE` is the machine's own, which every filter has.
 *
 * @useDeclaredType
 */
export type SeccompArchitecture = keyof typeof ARCHITECTURES | 'SCMP_ARCH_NATIVE';

export const ARCHITECTURE_NAMES = [...Object.keys(ARCHITECTURES), 'SCMP_ARCH_NATIVE'] as SeccompArchitecture[];

const NUMBERS: ReadonlyMap<string, SyscallNumbers> = new Map(Object.entries(SYSCALLS));
const KNOWN: ReadonlySet<string> = new Set([...NUMBERS.keys(), ...SYSCALLS_ELSEWHERE]);

/** The names of all calls that some architecture has. */
export const SYSCALL_NAMES: readonly string[] = [...KNOWN];

/**
 * The machine this process runs on.
 *
 * @throws NamespaceError `ERR_LINUX_NS_UNSUPPORTED` on others than x86-64 and arm64
 */
export function thisMachine(): Machine {
  const machine = MACHINE_NAMES.find((name) => name === process.arch);
  if (machine === undefined)
    throw unsupportedError('a seccomp profile', `x86-64 or arm64, and this is ${process.arch}`);
  return machine;
}

export function factsOf(machine: Machine): MachineFacts {
  return MACHINES[machine];
}

/** The numbering of an architecture; undefined if its programs do not run on that machine. */
export function abiOf(architecture: SeccompArchitecture, machine: Machine): Abi | undefined {
  const { native, others } = MACHINES[machine];
  const abi = architecture === 'SCMP_ARCH_NATIVE' ? native : ARCHITECTURES[architecture];
  return abi !== null && (abi === native || others.includes(abi)) ? abi : undefined;
}

/** True if some architecture has a call of that name. */
export function isSyscall(name: string): boolean {
  return KNOWN.has(name);
}

/** The number of a call as a filter sees it, x32's with its bit; undefined where there is no such call. */
export function syscallNumber(name: string, abi: Abi): number | undefined {
  const number = NUMBERS.get(name)?.[COLUMN[abi]];
  if (number == null) return undefined;
  return abi === 'x32' ? number + X32_BIT : number;
}

/** All numbers of calls, as a filter sees them, in ascending order. */
export function syscallNumbers(abi: Abi): number[] {
  const numbers = [...NUMBERS.keys()].map((name) => syscallNumber(name, abi)).filter((number) => number !== undefined);
  return numbers.sort((a, b) => a - b);
}

/** True if the arguments of calls have 32 bits there. */
export function isNarrow(abi: Abi): boolean {
  return abi === 'x86' || abi === 'x32' || abi === 'arm';
}
