import { type Capability, type DefaultSeccompOptions, compileSeccomp, defaultSeccompProfile } from '../../lib';
import { SYSCALLS } from '../../lib/seccomp/syscall-table';
import { runFilter } from '../fixtures/bpf';

const MACHINES = [
  { machine: 'x64', arch: 0xc000003e, column: 0 },
  { machine: 'arm64', arch: 0xc00000b7, column: 3 },
] as const;

const [ALLOW, EPERM, ENOSYS] = [0x7fff0000, 0x50001, 0x50026];
const NONE = [0n, 0n, 0n, 0n, 0n, 0n];

/** What becomes of each call that the machine has, without arguments. */
function answers(
  { machine, arch, column }: (typeof MACHINES)[number],
  capabilities: readonly Capability[] = [],
  options: DefaultSeccompOptions = {},
): Map<string, number> {
  const { program } = compileSeccomp(defaultSeccompProfile(options), { arch: machine, capabilities });
  return new Map(
    Object.entries(SYSCALLS).flatMap(([name, numbers]) => {
      const number = numbers[column];
      return number === null ? [] : [[name, runFilter(program, { arch, number, args: NONE }).value] as const];
    }),
  );
}

describe.each(MACHINES)('the default profile on $machine', (machine) => {
  const closedIn = (found: ReadonlyMap<string, number>): string[] =>
    [...found].filter(([, value]) => value !== ALLOW).map(([name]) => name);

  test('leaves open what programs need', () => {
    const found = answers(machine);
    const needed = [
      'read',
      'openat',
      'execve',
      'clone',
      'clone3',
      'mmap',
      'futex',
      'socket',
      'ioctl',
      'statx',
      'seccomp',
    ];
    const modern = [
      'rseq',
      'getrandom',
      'close_range',
      'openat2',
      'faccessat2',
      'landlock_create_ruleset',
      'mseal',
      'statmount',
    ];
    for (const name of [...needed, ...modern, 'ptrace', 'personality'])
      expect([name, found.get(name)]).toEqual([name, ALLOW]);
  });

  test('closes nothing that has not been thought about, and opens nothing else', () => {
    // A change of this list is a change of what every sandbox can do.
    expect(closedIn(answers(machine)).filter((name) => SYSCALLS[name]![3] !== null)).toEqual(
      [
        ...['acct', 'add_key', 'bpf', 'clock_settime', 'delete_module', 'fanotify_init', 'finit_module', 'fsconfig'],
        ...['fsmount', 'fsopen', 'fspick', 'get_mempolicy', 'init_module', 'io_uring_enter', 'io_uring_register'],
        ...[
          'io_uring_setup',
          'kexec_file_load',
          'kexec_load',
          'keyctl',
          'lookup_dcookie',
          'lsm_set_self_attr',
          'mbind',
        ],
        ...['migrate_pages', 'mount', 'mount_setattr', 'move_mount', 'move_pages', 'nfsservctl', 'open_by_handle_at'],
        ...['open_tree', 'open_tree_attr', 'perf_event_open', 'pivot_root', 'quotactl', 'quotactl_fd', 'reboot'],
        ...['request_key', 'set_mempolicy', 'set_mempolicy_home_node', 'settimeofday', 'swapoff', 'swapon', 'syslog'],
        ...['umount2', 'userfaultfd', 'vhangup'],
      ].filter((name) => SYSCALLS[name]![machine.column] !== null),
    );
  });

  test('opens what a capability is for to who has it', () => {
    const opened = (capability: Capability): string[] => {
      const closed = closedIn(answers(machine, [capability]));
      return closedIn(answers(machine)).filter((name) => !closed.includes(name));
    };
    expect(opened('CAP_SYS_BOOT')).toEqual(['reboot']);
    expect(opened('CAP_SYSLOG')).toEqual(['syslog']);
    expect(opened('CAP_BPF')).toEqual(['bpf']);
    expect(opened('CAP_SYS_ADMIN')).toEqual(
      expect.arrayContaining(['mount', 'fsopen', 'pivot_root', 'bpf', 'umount2']),
    );
    expect(opened('CAP_SYS_ADMIN')).not.toContain('kexec_load');
    expect(opened('CAP_CHOWN')).toEqual([]);
  });

  test('closes user namespaces where that is asked for, and what hides the flags does not exist', () => {
    const { program } = compileSeccomp(defaultSeccompProfile({ userNamespaces: false }), { arch: machine.machine });
    const decided = (name: string, flags: bigint): number => {
      const call = { arch: machine.arch, number: SYSCALLS[name]![machine.column]!, args: [flags, ...NONE.slice(1)] };
      return runFilter(program, call).value;
    };
    expect(decided('clone3', 0n)).toBe(ENOSYS);
    for (const name of ['clone', 'unshare']) {
      expect(decided(name, 0x00020000n)).toBe(ALLOW);
      expect(decided(name, 0x10020000n)).toBe(EPERM);
      expect(decided(name, 0xffff00001n << 28n)).toBe(EPERM);
    }
  });

  test('closes tracing where that is asked for, but not to CAP_SYS_PTRACE', () => {
    const tracing = ['kcmp', 'pidfd_getfd', 'process_madvise', 'process_vm_readv', 'process_vm_writev', 'ptrace'];
    const closed = answers(machine, [], { ptrace: false });
    expect(tracing.map((name) => closed.get(name))).toEqual(tracing.map(() => EPERM));
    const given = answers(machine, ['CAP_SYS_PTRACE'], { ptrace: false });
    expect(tracing.map((name) => given.get(name))).toEqual(tracing.map(() => ALLOW));
  });

  test('lets no call that is newer than it be more than not there', () => {
    const { program } = compileSeccomp(defaultSeccompProfile(), { arch: machine.machine });
    for (const number of [471, 472, 500, 511, 548, 600, 4095]) {
      expect(runFilter(program, { arch: machine.arch, number, args: NONE }).value).toBe(ENOSYS);
    }
  });

  test('asks the kernel of few instructions', () => {
    const { program } = compileSeccomp(defaultSeccompProfile(), { arch: machine.machine });
    expect(program.length / 8).toBeLessThan(300);
  });
});

test('each one is a new object, which can be changed', () => {
  const profile = defaultSeccompProfile();
  profile.syscalls = [];
  expect(defaultSeccompProfile().syscalls).not.toEqual([]);
});

test('unknown options are errors', () => {
  expect(() => defaultSeccompProfile({ userNamespace: false } as never)).toThrow(/did you mean 'userNamespaces'/);
  expect(() => defaultSeccompProfile({ ptrace: 'no' as never })).toThrow(/options\.ptrace/);
});
