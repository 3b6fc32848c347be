import {
  type SeccompAction,
  type SeccompArgument,
  type SeccompProfile,
  type SeccompRule,
  compileSeccomp,
} from '../../lib/seccomp';
import { SYSCALLS } from '../../lib/seccomp/syscall-table';
import { type Call, runFilter } from '../fixtures/bpf';
import { errorWith } from '../fixtures/errors';
import { needs } from '../fixtures/optional';
import { Random } from '../fixtures/random';
import { profileOf } from '../fixtures/seccomp-profiles';
import { type Place, decide } from './naive';

const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const AARCH64 = 0xc00000b7;
const ARM = 0x40000028;
const X32_BIT = 0x40000000;

const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const errno = (number: number): number => 0x50000 + number;
const [EPERM, ENOSYS] = [errno(1), errno(38)];

const NONE = [0n, 0n, 0n, 0n, 0n, 0n];
const PLACES: Place[] = [
  { machine: 'x64', capabilities: [] },
  { machine: 'x64', capabilities: ['CAP_SYS_ADMIN', 'CAP_NET_RAW'] },
  { machine: 'arm64', capabilities: [] },
  { machine: 'arm64', capabilities: ['CAP_SYS_PTRACE'] },
];

function compileFor(profile: SeccompProfile, { machine, capabilities }: Place): Uint8Array {
  return compileSeccomp(profile, { arch: machine, capabilities: capabilities as never, kernel: '6.1' }).program;
}

/** What a profile that is in force answers on x86-64. */
function answer(profile: SeccompProfile, name: string, args: readonly bigint[] = NONE): number {
  const number = SYSCALLS[name]![0]!;
  return runFilter(compileFor(profile, PLACES[0]!), { arch: X86_64, number, args: [...args, ...NONE].slice(0, 6) })
    .value;
}

const allowing = (...syscalls: SeccompRule[]): SeccompProfile => ({ defaultAction: 'SCMP_ACT_ALLOW', syscalls });
const refusing = (...syscalls: SeccompRule[]): SeccompProfile => ({ defaultAction: 'SCMP_ACT_ERRNO', syscalls });

/** Values where comparisons turn. */
const EDGES = [0n, 1n, 12n, 0x5412n, 0x80000000n, 0xffffffffn, 0x100000000n, 0x100005412n, 2n ** 63n, 2n ** 64n - 1n];

describe('a compiled profile decides as its rules say, one by one', () => {
  const names = Object.keys(SYSCALLS);
  const ops = ['EQ', 'NE', 'LT', 'LE', 'GT', 'GE', 'MASKED_EQ'].map((op) => `SCMP_CMP_${op}` as SeccompArgument['op']);
  const actions = ['KILL_PROCESS', 'KILL', 'KILL_THREAD', 'TRAP', 'ERRNO', 'TRACE', 'LOG', 'ALLOW'].map(
    (action) => `SCMP_ACT_${action}` as SeccompAction,
  );

  const someValue = (random: Random): bigint =>
    random.chance(0.8) ? random.of(EDGES) : (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32));

  function someRule(random: Random): SeccompRule {
    const action = random.of(actions);
    const withErrno = (action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE') && random.chance(0.5);
    return {
      names: Array.from({ length: 1 + random.below(6) }, () =>
        random.of(random.chance(0.5) ? names : ['socket', 'ioctl', 'semop', 'socketcall', 'ipc', 'clone']),
      ),
      action,
      ...(withErrno ? { errnoRet: random.below(200) } : {}),
      args: Array.from({ length: random.below(4) }, () => ({
        index: random.below(random.chance(0.5) ? 2 : 6),
        value: someValue(random),
        valueTwo: someValue(random),
        op: random.of(ops),
      })),
      ...(random.chance(0.1) ? { includes: { caps: ['CAP_SYS_ADMIN'] } } : {}),
      ...(random.chance(0.1) ? { excludes: { caps: ['CAP_SYS_PTRACE'], arches: ['arm'] } } : {}),
    };
  }

  function someProfile(random: Random): SeccompProfile {
    return {
      defaultAction: random.of(actions),
      ...(random.chance(0.5)
        ? { architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_ARM'] }
        : {}),
      syscalls: Array.from({ length: random.below(60) }, () => someRule(random)),
    };
  }

  /** One that is likely to concern a rule. */
  function someCall(random: Random, profile: SeccompProfile): Call {
    const arch = random.of([X86_64, X86_64, I386, AARCH64, ARM, 0x1234]);
    const column = { [X86_64]: random.of([0, 2] as const), [I386]: 1, [AARCH64]: 3, [ARM]: 4 }[arch] ?? 0;
    const rules = profile.syscalls ?? [];
    const near = rules.length === 0 ? 'read' : random.of(random.of(rules).names!);
    const number =
      SYSCALLS[random.chance(0.8) ? near : random.of(names)]![column as 0] ?? random.of([0, 471, 520, 4095]);
    const bit = column === 2 && random.chance(0.9) ? X32_BIT : 0;
    return {
      arch,
      number: random.chance(0.02) ? 0xffffffff : number + bit + (random.chance(0.1) ? 1 : 0),
      args: NONE.map(() => someValue(random)),
    };
  }

  test.each(Array.from({ length: 12 }, (_, seed) => seed + 1))('whatever they are: seed %i', (seed) => {
    const random = new Random(seed);
    for (let round = 0; round < 12; round++) {
      const profile = someProfile(random);
      const place = random.of(PLACES);
      const program = compileFor(profile, place);
      for (let i = 0; i < 150; i++) {
        const call = someCall(random, profile);
        const value = runFilter(program, call).value;
        if (value !== decide(profile, call, place)) {
          expect({ call, profile, place, value }).toMatchObject({ value: decide(profile, call, place) });
        }
      }
    }
  });

  describe.each(['docker', 'podman'] as const)('the profile of %s', (name) => {
    needs({ profile: [name] }).test.each(PLACES)('$machine with $capabilities', (place) => {
      const profile = profileOf(name);
      const random = new Random(7);
      const program = compileFor(profile, place);
      const calls = [X86_64, I386, AARCH64, ARM].flatMap((arch) =>
        Array.from({ length: 520 }, (_, number) => ({ arch, number, args: NONE.map(() => random.of(EDGES)) })),
      );
      const x32 = calls.slice(0, 520).map((call) => ({ ...call, number: call.number + X32_BIT }));
      for (const call of [...calls, ...x32]) {
        const value = runFilter(program, call).value;
        if (value !== decide(profile, call, place)) {
          expect({ call, value }).toEqual({ call, value: decide(profile, call, place) });
        }
      }
      expect(program.length / 8).toBeLessThan(1000);
    });

    needs({ profile: [name] }).test('finds a call in a few steps', () => {
      const program = compileFor(profileOf(name), PLACES[0]!);
      const steps = Array.from(
        { length: 470 },
        (_, number) => runFilter(program, { arch: X86_64, number, args: NONE }).steps,
      );
      expect(Math.max(...steps.filter((_, number) => number !== SYSCALLS.socket![0]))).toBeLessThan(40);
    });
  });
});

describe('of several rules for one call', () => {
  test('the strictest that applies counts, wherever it stands', () => {
    const deny: SeccompRule = {
      names: ['ioctl'],
      action: 'SCMP_ACT_ERRNO',
      args: [{ index: 1, value: 0x5412, op: 'SCMP_CMP_EQ' }],
    };
    const allow: SeccompRule = { names: ['ioctl'], action: 'SCMP_ACT_ALLOW' };
    for (const profile of [refusing(deny, allow), refusing(allow, deny), allowing(allow, deny)]) {
      expect(answer(profile, 'ioctl', [0n, 0x5412n])).toBe(EPERM);
      expect(answer(profile, 'ioctl', [0n, 0x5413n])).toBe(ALLOW);
    }
  });

  test('of two errors the first counts', () => {
    const profile = allowing(
      { names: ['bpf'], action: 'SCMP_ACT_ERRNO', errnoRet: 7 },
      { names: ['bpf'], action: 'SCMP_ACT_ERRNO', errnoRet: 9 },
    );
    expect(answer(profile, 'bpf')).toBe(errno(7));
  });

  test('conditions on two arguments both have to hold; of two on one argument it is enough that one does', () => {
    const args: SeccompArgument[] = [
      { index: 0, value: 1, op: 'SCMP_CMP_EQ' },
      { index: 1, value: 2, op: 'SCMP_CMP_EQ' },
    ];
    const both = refusing({ names: ['socket'], action: 'SCMP_ACT_ALLOW', args });
    expect(answer(both, 'socket', [1n, 2n])).toBe(ALLOW);
    expect(answer(both, 'socket', [1n, 3n])).toBe(EPERM);
    const twice = args.map((each) => ({ ...each, index: 0 }));
    const either = refusing({ names: ['socket'], action: 'SCMP_ACT_ALLOW', args: twice });
    expect(answer(either, 'socket', [1n])).toBe(ALLOW);
    expect(answer(either, 'socket', [2n])).toBe(ALLOW);
    expect(answer(either, 'socket', [3n])).toBe(EPERM);
  });
});

describe('the default', () => {
  test('is for what no rule is about', () => {
    expect(answer(allowing(), 'read')).toBe(ALLOW);
    expect(answer({ defaultAction: 'SCMP_ACT_KILL_PROCESS' }, 'read')).toBe(KILL_PROCESS);
    expect(answer({ defaultAction: 'SCMP_ACT_TRACE', defaultErrnoRet: 5 }, 'read')).toBe(0x7ff00005);
  });

  test('errors have EPERM unless another is given, by number or by name', () => {
    const rule: SeccompRule = { names: ['statx'], action: 'SCMP_ACT_ALLOW' };
    const base: SeccompProfile = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [rule] };
    expect(answer(base, 'read')).toBe(EPERM);
    expect(answer({ ...base, defaultErrnoRet: 13 }, 'read')).toBe(errno(13));
    expect(answer({ ...base, defaultErrno: 'EACCES' }, 'read')).toBe(errno(13));
    expect(answer({ ...base, defaultErrno: 'EACCES', defaultErrnoRet: 13 }, 'read')).toBe(errno(13));
  });

  test('where it is an error, calls newer than all that are named do not exist', () => {
    const profile = refusing({ names: ['openat2'], action: 'SCMP_ACT_ALLOW' });
    expect(answer(profile, 'openat2')).toBe(ALLOW);
    expect(answer(profile, 'open')).toBe(EPERM);
    expect(answer(profile, 'statmount')).toBe(ENOSYS);
    expect(answer({ ...profile, defaultAction: 'SCMP_ACT_KILL_PROCESS' }, 'statmount')).toBe(KILL_PROCESS);
  });
});

describe('other architectures', () => {
  const run = (profile: SeccompProfile, arch: number, number: number, machine: 'x64' | 'arm64' = 'x64'): number =>
    runFilter(compileFor(profile, { machine, capabilities: [] }), { arch, number, args: NONE }).value;

  test('are killed unless the profile lists them', () => {
    expect(run(allowing(), I386, 3)).toBe(KILL_PROCESS);
    expect(run(allowing(), X86_64, X32_BIT)).toBe(KILL_PROCESS);
    expect(run(allowing(), AARCH64, 63)).toBe(KILL_PROCESS);
    expect(run(allowing(), X86_64, 0, 'arm64')).toBe(KILL_PROCESS);
    const listed: SeccompProfile = {
      ...allowing(),
      architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_S390X'],
    };
    expect(run(listed, I386, 3)).toBe(ALLOW);
    expect(run(listed, X86_64, X32_BIT)).toBe(ALLOW);
    expect(run(listed, ARM, 3, 'arm64')).toBe(KILL_PROCESS);
  });

  test('have numbers of their own', () => {
    const profile: SeccompProfile = {
      ...refusing({ names: ['read', 'close_range'], action: 'SCMP_ACT_ALLOW' }),
      archMap: [
        { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
        { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
      ],
    };
    expect([run(profile, X86_64, 0), run(profile, I386, 3), run(profile, X86_64, X32_BIT)]).toEqual([
      ALLOW,
      ALLOW,
      ALLOW,
    ]);
    expect([run(profile, X86_64, 3), run(profile, I386, 0), run(profile, X86_64, X32_BIT + 3)]).toEqual([
      EPERM,
      EPERM,
      EPERM,
    ]);
    expect([run(profile, AARCH64, 63, 'arm64'), run(profile, ARM, 3, 'arm64')]).toEqual([ALLOW, ALLOW]);
  });

  test('what is closed on i386 is closed through socketcall and ipc, too', () => {
    const through = (profile: SeccompProfile, name: string, first: bigint): number =>
      runFilter(compileFor({ ...profile, architectures: ['SCMP_ARCH_X86'] }, PLACES[0]!), {
        arch: I386,
        number: SYSCALLS[name]![1]!,
        args: [first, ...NONE.slice(1)],
      }).value;
    const vsock: SeccompRule = {
      names: ['socket'],
      action: 'SCMP_ACT_ERRNO',
      args: [{ index: 0, value: 40, op: 'SCMP_CMP_EQ' }],
    };
    expect(through(allowing(vsock), 'socketcall', 1n)).toBe(EPERM);
    expect(through(allowing(vsock), 'socketcall', 2n)).toBe(ALLOW);
    expect(through(allowing({ names: ['shmat'], action: 'SCMP_ACT_ERRNO' }), 'ipc', 0x10015n)).toBe(EPERM);
    expect(through(refusing({ ...vsock, action: 'SCMP_ACT_ALLOW' }), 'socketcall', 1n)).toBe(EPERM);
    expect(through(refusing({ names: ['socket'], action: 'SCMP_ACT_ALLOW' }), 'socketcall', 1n)).toBe(ALLOW);
  });

  test('numbers that only x32 has do not exist without its bit', () => {
    const profile = allowing({ names: ['ioctl'], action: 'SCMP_ACT_ERRNO' });
    expect(run(profile, X86_64, 514)).toBe(ENOSYS);
    expect(run(profile, X86_64, 548)).toBe(ALLOW);
  });

  test('a call that a tracer skips is not an x32 call', () => {
    expect(run(allowing(), X86_64, 0xffffffff)).toBe(ALLOW);
    expect(run(refusing({ names: ['read'], action: 'SCMP_ACT_ALLOW' }), X86_64, 0xffffffff)).toBe(EPERM);
  });
});

describe('rules depend', () => {
  const rule = (circumstances: Partial<SeccompRule>): SeccompProfile =>
    allowing({ names: ['bpf'], action: 'SCMP_ACT_ERRNO', ...circumstances });
  const inForce = (circumstances: Partial<SeccompRule>, options: Parameters<typeof compileSeccomp>[1]): boolean => {
    const { program } = compileSeccomp(rule(circumstances), { arch: 'x64', kernel: '6.1.0-13-amd64', ...options });
    return runFilter(program, { arch: X86_64, number: 321, args: NONE }).value === EPERM;
  };

  test('on capabilities: all of those included, none of those excluded', () => {
    const caps = ['CAP_BPF', 'CAP_PERFMON'] as const;
    expect(inForce({ includes: { caps } }, { capabilities: ['CAP_BPF'] })).toBe(false);
    expect(inForce({ includes: { caps } }, { capabilities: ['CAP_PERFMON', 'CAP_BPF'] })).toBe(true);
    expect(inForce({ excludes: { caps } }, { capabilities: ['CAP_BPF'] })).toBe(false);
    expect(inForce({ excludes: { caps } }, {})).toBe(true);
  });

  test('on the machine and on the kernel', () => {
    expect(inForce({ includes: { arches: ['arm64', 'amd64'] } }, {})).toBe(true);
    expect(inForce({ includes: { arches: ['s390x'] } }, {})).toBe(false);
    expect(inForce({ excludes: { arches: ['amd64'] } }, {})).toBe(false);
    expect(inForce({ includes: { minKernel: '6.1' } }, {})).toBe(true);
    expect(inForce({ includes: { minKernel: '6.2' } }, {})).toBe(false);
    expect(inForce({ excludes: { minKernel: '4.8' } }, {})).toBe(false);
    expect(inForce({ excludes: { minKernel: '10.0' } }, {})).toBe(true);
  });

  test('on nothing where lists are empty or null, as Go writes them', () => {
    expect(inForce({ includes: { caps: [], arches: null }, excludes: {}, comment: '', args: null }, {})).toBe(true);
    expect(inForce({ includes: null, excludes: null, errnoRet: null }, {})).toBe(true);
  });
});

describe('long programs', () => {
  /** So many conditions that jumps over them are longer than an instruction can say. */
  const long = (rules: number): SeccompProfile =>
    refusing(
      { names: ['statx', 'openat2'], action: 'SCMP_ACT_ALLOW' },
      ...Array.from({ length: rules }, (_, value): SeccompRule => ({
        names: [value % 2 === 0 ? 'socket' : 'ioctl'],
        action: 'SCMP_ACT_ALLOW',
        args: Array.from({ length: 6 }, (_unused, index) => ({ index, value: value + index, op: 'SCMP_CMP_EQ' })),
      })),
    );

  test('are jumped through', () => {
    const profile = long(140);
    const program = compileFor(profile, PLACES[0]!);
    expect(program.length / 8).toBeGreaterThan(2000);
    for (const value of [0, 1, 77, 138, 139]) {
      const name = value % 2 === 0 ? 'socket' : 'ioctl';
      const args = NONE.map((_, index) => BigInt(value + index));
      expect(answer(profile, name, args)).toBe(ALLOW);
      expect(answer(profile, name, [...args.slice(0, 5), 0n])).toBe(EPERM);
    }
    expect(answer(profile, 'openat2')).toBe(ALLOW);
  });

  test('are refused when they are longer than the kernel takes', () => {
    const error = errorWith({ code: 'ERR_OUT_OF_RANGE', name: 'RangeError' });
    expect(() => compileSeccomp(long(400))).toThrow(error);
    expect(() => compileSeccomp(long(400))).toThrow(/4096 BPF instructions \(BPF_MAXINSNS\)\. Received \d{4,}/);
  });
});

describe('what is not understood is refused, and named', () => {
  const rule: SeccompRule = { names: ['read'], action: 'SCMP_ACT_ERRNO' };
  const argument: SeccompArgument = { index: 0, value: 1, op: 'SCMP_CMP_EQ' };
  const bad: [what: string, profile: unknown, code: string, message: RegExp][] = [
    ['no profile', 'default', 'ERR_INVALID_ARG_TYPE', /"profile" argument must be of type object/],
    [
      'an unknown key',
      { ...allowing(), sycalls: [] },
      'ERR_INVALID_ARG_VALUE',
      /'sycalls' \(did you mean 'syscalls'\?\)/,
    ],
    ['no default', {}, 'ERR_INVALID_ARG_VALUE', /profile\.defaultAction/],
    ['a misspelt action', { defaultAction: 'SCMP_ACT_ALOW' }, 'ERR_INVALID_ARG_VALUE', /did you mean 'SCMP_ACT_ALLOW'/],
    [
      'an unknown key of a rule',
      allowing({ ...rule, arg: [] } as never),
      'ERR_INVALID_ARG_VALUE',
      /syscalls\[0\].*'args'/,
    ],
    ['no names', allowing({ action: 'SCMP_ACT_ERRNO', names: [] }), 'ERR_INVALID_ARG_VALUE', /syscalls\[0\]\.names/],
    ['name and names', allowing({ ...rule, name: 'write' }), 'ERR_INVALID_ARG_VALUE', /syscalls\[0\]\.name'/],
    [
      'a call that is none, in a rule that closes',
      allowing({ ...rule, names: ['read', 'opne'] }),
      'ERR_INVALID_ARG_VALUE',
      /syscalls\[0\]\.names\[1\]' is no system call.*did you mean 'open'/,
    ],
    ['an action that asks', { defaultAction: 'SCMP_ACT_NOTIFY' }, 'ERR_INVALID_ARG_VALUE', /asks another process/],
    [
      'an errno for what has none',
      allowing({ ...rule, action: 'SCMP_ACT_KILL', errnoRet: 1 }),
      'ERR_INVALID_ARG_VALUE',
      /errnoRet/,
    ],
    ['an errno that is none', allowing({ ...rule, errno: 'EPREM' }), 'ERR_INVALID_ARG_VALUE', /did you mean 'EPERM'/],
    [
      'two errnos',
      allowing({ ...rule, errno: 'EPERM', errnoRet: 2 }),
      'ERR_INVALID_ARG_VALUE',
      /is 1, and .*errnoRet is 2/,
    ],
    ['an errno beyond all', allowing({ ...rule, errnoRet: 4096 }), 'ERR_OUT_OF_RANGE', /errnoRet/],
    [
      'a seventh argument',
      allowing({ ...rule, args: [{ ...argument, index: 6 }] }),
      'ERR_OUT_OF_RANGE',
      /args\[0\]\.index/,
    ],
    [
      'an unknown comparison',
      allowing({ ...rule, args: [{ ...argument, op: 'EQ' as never }] }),
      'ERR_INVALID_ARG_VALUE',
      /\.op/,
    ],
    ['a negative value', allowing({ ...rule, args: [{ ...argument, value: -1 }] }), 'ERR_OUT_OF_RANGE', /\.value/],
    [
      'a value that has lost digits',
      allowing({ ...rule, args: [{ ...argument, value: 2 ** 64 }] }),
      'ERR_OUT_OF_RANGE',
      /bigint beyond Number\.MAX_SAFE_INTEGER/,
    ],
    [
      'a value of 65 bits',
      allowing({ ...rule, args: [{ ...argument, value: 2n ** 64n }] }),
      'ERR_OUT_OF_RANGE',
      /\.value/,
    ],
    [
      'an unknown capability',
      allowing({ ...rule, includes: { caps: ['SYS_ADMIN' as never] } }),
      'ERR_INVALID_ARG_VALUE',
      /caps\[0\]/,
    ],
    ['no version', allowing({ ...rule, includes: { minKernel: 'new' } }), 'ERR_INVALID_ARG_VALUE', /minKernel/],
    [
      'an unknown architecture',
      { ...allowing(), architectures: ['x86_64'] },
      'ERR_INVALID_ARG_VALUE',
      /architectures\[0\]/,
    ],
    [
      'architectures twice',
      { ...allowing(), architectures: ['SCMP_ARCH_X86'], archMap: [{ architecture: 'SCMP_ARCH_X86_64' }] },
      'ERR_INVALID_ARG_VALUE',
      /archMap/,
    ],
    ['an unknown flag', { ...allowing(), flags: ['LOG'] }, 'ERR_INVALID_ARG_VALUE', /flags\[0\]/],
    ['a listener', { ...allowing(), listenerPath: '/run/agent' }, 'ERR_INVALID_ARG_VALUE', /'listenerPath'/],
  ];

  test.each(bad)('%s', (_, profile, code, message) => {
    const compile = (): unknown => compileSeccomp(profile as SeccompProfile);
    expect(compile).toThrow(expect.objectContaining({ code }) as Error);
    expect(compile).toThrow(message);
  });

  test('options', () => {
    const compile = (options: unknown) => () => compileSeccomp(allowing(), options as never);
    expect(compile({ machine: 'x64' })).toThrow(/has no property 'machine'/);
    expect(compile({ arch: 'ia32' })).toThrow(/options\.arch/);
    expect(compile({ capabilities: ['SYS_ADMIN'] })).toThrow(/options\.capabilities\[0\]/);
    expect(compile({ kernel: 'six' })).toThrow(/options\.kernel/);
  });

  test('a name that only opens, and that nobody knows, is passed over and reported', () => {
    const profile = refusing({ names: ['read', 'opne', 's390_sthyi', 'constructor'], action: 'SCMP_ACT_ALLOW' });
    expect(compileSeccomp(profile).unknown).toEqual(['opne', 'constructor']);
    expect(answer(profile, 'read')).toBe(ALLOW);
  });
});

test("what is compiled once is the caller's own, and follows what the caller changes", () => {
  const profile = allowing({ names: ['read'], action: 'SCMP_ACT_ERRNO' });
  const first = compileSeccomp(profile);
  first.program.fill(0);
  expect(compileSeccomp(profile).program).not.toEqual(first.program);
  const before = compileSeccomp(profile).program;
  (profile.syscalls![0]!.names as string[]).push('write');
  expect(compileSeccomp(profile).program).not.toEqual(before);
});

test('flags come with the program', () => {
  const flags = ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_TSYNC'] as const;
  expect(compileSeccomp({ ...allowing(), flags }).flags).toEqual(flags);
});
