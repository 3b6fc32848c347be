import { constants } from 'node:os';
import type { SeccompArgument, SeccompProfile, SeccompRule } from '../../lib/seccomp';
import { SYSCALLS } from '../../lib/seccomp/syscall-table';
import type { Call } from '../fixtures/bpf';

/** Where a profile is evaluated. */
export interface Place {
  machine: 'x64' | 'arm64';
  capabilities: readonly string[];
}

/** Sets of numbers, in the order of the table's columns: AUDIT_ARCH_*, and the profiles' name. */
const ABIS = [
  { machine: 'x64', arch: 0xc000003e, name: 'SCMP_ARCH_X86_64', narrow: false },
  { machine: 'x64', arch: 0x40000003, name: 'SCMP_ARCH_X86', narrow: true },
  { machine: 'x64', arch: 0xc000003e, name: 'SCMP_ARCH_X32', narrow: true },
  { machine: 'arm64', arch: 0xc00000b7, name: 'SCMP_ARCH_AARCH64', narrow: false },
  { machine: 'arm64', arch: 0x40000028, name: 'SCMP_ARCH_ARM', narrow: true },
] as const;

const X32_BIT = 0x40000000;

const VALUES: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL: 0,
  SCMP_ACT_TRAP: 0x30000,
  SCMP_ACT_ERRNO: 0x50000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
};

/** From the strictest: seccomp(2), "the highest precedence". */
const ORDER = Object.keys(VALUES);

/** What a profile says of a call, rule by rule: what a compiled one has to answer. */
export function decide(profile: SeccompProfile, { arch, number, args }: Call, place: Place): number {
  const column = columnOf(arch, number);
  const abi = ABIS[column];
  if (abi?.machine !== place.machine || !isListed(profile, abi.name, place)) return VALUES.SCMP_ACT_KILL_PROCESS!;
  const plain = abi.name === 'SCMP_ARCH_X32' ? number - X32_BIT : number;
  const name = Object.entries(SYSCALLS).find(([, numbers]) => numbers[column] === plain)?.[0];
  const rules = (profile.syscalls ?? []).filter((rule) => isInForce(rule, place));
  const applying = rules.filter((rule) => applies(rule, name, args, abi, profile));
  if (applying.length > 0) {
    const strictest = Math.min(...applying.map(({ action }) => rank(action)));
    const first = applying.find(({ action }) => rank(action) === strictest)!;
    return valueOf(first.action, first.errnoRet, first.errno);
  }
  const fallback = valueOf(profile.defaultAction, profile.defaultErrnoRet, profile.defaultErrno);
  const none = VALUES.SCMP_ACT_ERRNO! + constants.errno.ENOSYS;
  const nobodys = name === undefined && number !== 0xffffffff;
  if (profile.defaultAction === 'SCMP_ACT_ERRNO' && (nobodys || isNewer(profile, plain, column))) return none;
  if (abi.name === 'SCMP_ARCH_X86_64' && plain >= 512 && plain < 548 && rank(profile.defaultAction) > 4) return none;
  return fallback;
}

function columnOf(arch: number, number: number): number {
  const wide = ABIS.findIndex((abi) => abi.arch === arch);
  return wide === 0 && number >= X32_BIT && number !== 0xffffffff ? 2 : wide;
}

function isListed(profile: SeccompProfile, name: string, { machine }: Place): boolean {
  const native = machine === 'x64' ? 'SCMP_ARCH_X86_64' : 'SCMP_ARCH_AARCH64';
  const mapped = profile.archMap?.find(({ architecture }) => architecture === native)?.subArchitectures ?? [];
  return name === native || (profile.architectures ?? []).includes(name as never) || mapped.includes(name as never);
}

function isInForce({ includes, excludes }: SeccompRule, { machine, capabilities }: Place): boolean {
  const arch = machine === 'x64' ? 'amd64' : 'arm64';
  if ((excludes?.arches ?? []).includes(arch)) return false;
  if ((excludes?.caps ?? []).some((capability) => capabilities.includes(capability))) return false;
  const arches = includes?.arches ?? [];
  if (arches.length > 0 && !arches.includes(arch)) return false;
  return (includes?.caps ?? []).every((capability) => capabilities.includes(capability));
}

const SOCKETCALL = ['socket', 'bind', 'connect', 'listen', 'accept', 'getsockname', 'getpeername', 'socketpair'];
const IPC = new Map([
  ['semop', 1],
  ['msgget', 13],
  ['shmat', 21],
]);

function applies(
  rule: SeccompRule,
  name: string | undefined,
  args: readonly bigint[],
  abi: (typeof ABIS)[number],
  { defaultAction }: SeccompProfile,
): boolean {
  const names = rule.name == null ? (rule.names ?? []) : [rule.name];
  const holds = conditionsHold(rule.args ?? [], args, abi.narrow);
  if (name !== undefined && names.includes(name) && holds) return true;
  if (abi.name !== 'SCMP_ARCH_X86') return false;
  const closes = rank(rule.action) < rank(defaultAction);
  if ((rule.args ?? []).length > 0 && !closes) return false;
  const first = Number(args[0]! & 0xffffffffn);
  if (name === 'socketcall') return names.includes(SOCKETCALL[first - 1]!);
  return name === 'ipc' && names.some((each) => IPC.get(each) === (first & 0xffff));
}

function conditionsHold(conditions: readonly SeccompArgument[], args: readonly bigint[], narrow: boolean): boolean {
  const twice = new Set(conditions.map(({ index }) => index)).size < conditions.length;
  const hold = (condition: SeccompArgument): boolean => holds(condition, args[condition.index]!, narrow);
  return twice ? conditions.some(hold) : conditions.every(hold);
}

function holds({ op, value, valueTwo }: SeccompArgument, given: bigint, narrow: boolean): boolean {
  const width = narrow ? 32 : 64;
  const [a, b, c] = [
    BigInt.asUintN(width, given),
    BigInt.asUintN(width, BigInt(value)),
    BigInt.asUintN(width, BigInt(valueTwo ?? 0)),
  ];
  switch (op) {
    case 'SCMP_CMP_EQ':
      return a === b;
    case 'SCMP_CMP_NE':
      return a !== b;
    case 'SCMP_CMP_LT':
      return a < b;
    case 'SCMP_CMP_LE':
      return a <= b;
    case 'SCMP_CMP_GE':
      return a >= b;
    case 'SCMP_CMP_GT':
      return a > b;
    case 'SCMP_CMP_MASKED_EQ':
      return (a & b) === (c & b);
  }
}

function isNewer({ syscalls }: SeccompProfile, number: number, column: number): boolean {
  const names = (syscalls ?? []).flatMap(({ name, names: list }) => (name == null ? (list ?? []) : [name]));
  const numbers = names.map((name) => (Object.hasOwn(SYSCALLS, name) ? SYSCALLS[name]![column as 0] : null) ?? -1);
  const newest = Math.max(-1, ...numbers);
  return newest >= 0 && number > newest && number !== 0xffffffff;
}

function rank(action: string): number {
  return action === 'SCMP_ACT_KILL' ? 1 : ORDER.indexOf(action);
}

function valueOf(action: string, errnoRet: number | null | undefined, errno: string | null | undefined): number {
  if (action !== 'SCMP_ACT_ERRNO' && action !== 'SCMP_ACT_TRACE') return VALUES[action]!;
  const named = errno == null ? undefined : constants.errno[errno as keyof typeof constants.errno];
  return VALUES[action]! + (errnoRet ?? named ?? constants.errno.EPERM);
}
