import type { Capability } from '../../lib';
import { type DefaultSeccompOptions, compileSeccomp, defaultSeccompProfile } from '../../lib/seccomp';
import { SYSCALLS } from '../../lib/seccomp/syscall-table';
import { runFilter } from '../fixtures/bpf';

const MACHINES = [
  { machine: 'x64', arch: 0xc000003e, column: 0 },
  { machine: 'arm64', arch: 0xc00000b7, column: 3 },
] as const;

const [ALLOW, EPERM, EINVAL, ENOSYS] = [0x7fff0000, 0x50001, 0x50016, 0x50026];
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
    const needed = ['read', 'openat', 'execve', 'clone', 'mmap', 'futex', 'socket', 'ioctl', 'statx', 'seccomp'];
    const modern = [
      'rseq',
      'getrandom',
      'close_range',
      'openat2',
      'faccessat2',
      'landlock_create_ruleset',
      'mseal',
      'fchmodat2',
    ];
    for (const name of [...needed, ...modern, 'ptrace', 'personality'])
      expect([name, found.get(name)]).toEqual([name, ALLOW]);
  });

  test('closes nothing that has not been thought about, and opens nothing else', () => {
    // A change of this list is a change of what every sandbox can do.
    const closed = closedIn(answers(machine)).filter((name) => SYSCALLS[name]![3] !== null);
    expect(closed.sort()).toEqual(
      [
        ...['acct', 'add_key', 'bpf', 'cachestat', 'chroot', 'clock_settime', 'clone3', 'delete_module'],
        ...['fanotify_init', 'file_getattr', 'file_setattr', 'finit_module', 'fsconfig', 'futex_requeue', 'futex_wait'],
        ...['futex_wake', 'getxattrat', 'kcmp', 'listmount', 'listns', 'listxattrat', 'lsm_get_self_attr'],
        ...[
          'lsm_list_modules',
          'name_to_handle_at',
          'pidfd_getfd',
          'process_madvise',
          'removexattrat',
          'setdomainname',
        ],
        ...['sethostname', 'setns', 'setxattrat', 'statmount', 'vmsplice'],
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
      ]
        .filter((name) => SYSCALLS[name]![machine.column] !== null)
        .sort(),
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

  describe('namespaces', () => {
    const [NEWNS, NEWUSER, FILES] = [0x00020000n, 0x10000000n, 0x400n];
    const decider = (options: DefaultSeccompOptions = {}, capabilities: readonly Capability[] = []) => {
      const { program } = compileSeccomp(defaultSeccompProfile(options), { arch: machine.machine, capabilities });
      return (name: string, ...first: bigint[]): number => {
        const args = [...first, ...NONE].slice(0, 6);
        return runFilter(program, { arch: machine.arch, number: SYSCALLS[name]![machine.column]!, args }).value;
      };
    };

    test('cannot be made, and what hides the flags does not exist', () => {
      const decided = decider();
      expect(decided('clone3')).toBe(ENOSYS);
      for (const name of ['clone', 'unshare']) {
        expect(decided(name, FILES)).toBe(ALLOW);
        for (const kind of [NEWUSER, NEWNS, NEWNS | NEWUSER, 0x02000000n, 0x04000000n, 0x08000000n, 0x20000000n]) {
          expect(decided(name, kind | FILES)).toBe(EPERM);
          expect(decided(name, (0xffffn << 32n) | kind)).toBe(EPERM);
        }
        expect(decided(name, 0x40000000n)).toBe(EPERM);
      }
      expect(decided('unshare', 0x80n)).toBe(EPERM);
      expect(decided('setns', 3n, 0n)).toBe(EPERM);
    });

    test('can be made with CAP_SYS_ADMIN, but for those of users', () => {
      const decided = decider({}, ['CAP_SYS_ADMIN']);
      expect(decided('clone3')).toBe(ENOSYS);
      for (const name of ['clone', 'unshare']) {
        expect(decided(name, NEWNS)).toBe(ALLOW);
        expect(decided(name, NEWUSER)).toBe(EPERM);
        expect(decided(name, NEWNS | NEWUSER)).toBe(EPERM);
      }
      expect(decided('setns', 3n, 0n)).toBe(ALLOW);
    });

    test('can be made and used where user namespaces are asked for', () => {
      const decided = decider({ userNamespaces: true });
      for (const name of ['clone', 'unshare']) expect(decided(name, NEWUSER | NEWNS)).toBe(ALLOW);
      for (const name of ['clone3', 'setns', 'mount', 'umount2', 'pivot_root', 'chroot', 'sethostname', 'fsopen']) {
        expect([name, decided(name)]).toEqual([name, ALLOW]);
      }
      for (const name of ['bpf', 'open_by_handle_at', 'quotactl']) expect([name, decided(name)]).toEqual([name, EPERM]);
    });
  });

  test.each([
    ['a lease', 1024n],
    ['notices about a directory', 1026n],
    ['a delegation', 1040n],
  ])('lets nobody take %s, whatever stands in the upper half', (_, command) => {
    const { program } = compileSeccomp(defaultSeccompProfile(), { arch: machine.machine });
    const decided = (argument: bigint): number => {
      const args = [3n, argument, ...NONE.slice(2)];
      return runFilter(program, { arch: machine.arch, number: SYSCALLS.fcntl![machine.column]!, args }).value;
    };
    expect([decided(command), decided(command | (7n << 32n))]).toEqual([EINVAL, EINVAL]);
    // F_GETFD, F_SETLK, F_OFD_SETLK, F_GETLEASE, F_DUPFD_CLOEXEC, F_ADD_SEALS
    for (const other of [1n, 6n, 37n, 1025n, 1030n, 1033n]) expect(decided(other)).toBe(ALLOW);
  });

  test('closes the audit log, as a kernel that has none, but not to CAP_AUDIT_WRITE', () => {
    const decided = (capabilities: readonly Capability[], ...args: bigint[]): number => {
      const { program } = compileSeccomp(defaultSeccompProfile(), { arch: machine.machine, capabilities });
      const call = { arch: machine.arch, number: SYSCALLS.socket![machine.column]!, args: [...args, 0n, 0n, 0n] };
      return runFilter(program, call).value;
    };
    expect(decided([], 16n, 3n, 9n)).toBe(EINVAL);
    expect(decided([], 16n, 3n, 0n)).toBe(ALLOW);
    expect(decided(['CAP_AUDIT_WRITE'], 16n, 3n, 9n)).toBe(ALLOW);
  });

  test('closes tracing where that is asked for, but not to CAP_SYS_PTRACE', () => {
    const tracing = ['process_vm_readv', 'process_vm_writev', 'ptrace'];
    const always = ['kcmp', 'pidfd_getfd', 'process_madvise'];
    const decided = (names: readonly string[], found: ReadonlyMap<string, number>) =>
      names.map((name) => found.get(name));
    const open = answers(machine);
    expect(decided(tracing, open)).toEqual(tracing.map(() => ALLOW));
    expect(decided(always, open)).toEqual(always.map(() => EPERM));
    const closed = answers(machine, [], { ptrace: false });
    expect(decided([...tracing, ...always], closed)).toEqual([...tracing, ...always].map(() => EPERM));
    const given = answers(machine, ['CAP_SYS_PTRACE'], { ptrace: false });
    expect(decided([...tracing, ...always], given)).toEqual([...tracing, ...always].map(() => ALLOW));
  });

  test('lets no call that is newer than it, and no number that is none, be more than not there', () => {
    const { program } = compileSeccomp(defaultSeccompProfile(), { arch: machine.machine });
    const gaps = machine.machine === 'x64' ? [337, 400, 423] : [250, 300, 423];
    for (const number of [...gaps, 471, 472, 500, 511, 548, 600, 4095]) {
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
