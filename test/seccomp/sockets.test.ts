import { compileSeccomp } from '../../lib/seccomp';
import { type RefusedSockets, socketsProfile } from '../../lib/seccomp/sockets';
import { SYSCALLS } from '../../lib/seccomp/syscall-table';
import { runFilter } from '../fixtures/bpf';

const MACHINES = [
  { machine: 'x64', arch: 0xc000003e, column: 0 },
  { machine: 'x64', arch: 0x40000003, column: 1 },
  { machine: 'arm64', arch: 0xc00000b7, column: 3 },
  { machine: 'arm64', arch: 0x40000028, column: 4 },
] as const;

const [ALLOW, EAFNOSUPPORT, ENOSYS] = [0x7fff0000, 0x50000 + 97, 0x50000 + 38];

const [UNIX, INET, INET6, NETLINK, PACKET, VSOCK] = [1, 2, 10, 16, 17, 40];
const [STREAM, DGRAM, RAW, SEQPACKET] = [1, 2, 3, 5];
const [NONBLOCK, CLOEXEC] = [0x800, 0x80000];

describe.each(MACHINES)('the filter that refuses sockets, for architecture $arch', ({ machine, arch, column }) => {
  const answer = (refused: RefusedSockets, name: string, ...given: (number | bigint)[]): number => {
    const number = SYSCALLS[name]![column]!;
    const args = Array.from({ length: 6 }, (_, index) => BigInt(given[index] ?? 0));
    const { program } = compileSeccomp(socketsProfile(refused), { arch: machine });
    return runFilter(program, { arch, number, args }).value;
  };
  const unix = { unix: true, rare: false };
  const rare = { unix: false, rare: true };

  test('no socket of AF_UNIX, whatever is in the upper half of the argument', () => {
    for (const type of [STREAM, DGRAM, RAW, SEQPACKET, STREAM | CLOEXEC]) {
      expect(answer(unix, 'socket', UNIX, type)).toBe(EAFNOSUPPORT);
    }
    for (const family of [INET, INET6, NETLINK, PACKET, VSOCK]) expect(answer(unix, 'socket', family)).toBe(ALLOW);
    expect(answer(rare, 'socket', UNIX, STREAM)).toBe(ALLOW);
  });

  test('a pair that is connected leads nowhere else, one of datagrams does', () => {
    for (const type of [STREAM, SEQPACKET, STREAM | NONBLOCK | CLOEXEC]) {
      expect(answer(unix, 'socketpair', UNIX, type)).toBe(ALLOW);
    }
    for (const type of [DGRAM, RAW, DGRAM | CLOEXEC | NONBLOCK]) {
      expect(answer(unix, 'socketpair', UNIX, type)).toBe(EAFNOSUPPORT);
    }
  });

  test('of rare families none is left but those that the default profile has', () => {
    const left = Array.from({ length: 64 }, (_, family) => family).filter(
      (family) => answer(rare, 'socket', family, STREAM) === ALLOW,
    );
    expect(left).toEqual([0, UNIX, INET, INET6, NETLINK, PACKET]);
    expect(answer(rare, 'socketpair', VSOCK)).toBe(EAFNOSUPPORT);
  });

  test('io_uring, which makes sockets that no filter sees, is not there; all else is as it was', () => {
    for (const refused of [unix, rare]) {
      expect(answer(refused, 'io_uring_setup', 8)).toBe(ENOSYS);
      for (const name of ['read', 'execve', 'connect', 'bind', 'sendmsg', 'clone', 'futex']) {
        expect(answer(refused, name)).toBe(ALLOW);
      }
    }
  });
});

test('64-bit machines: the upper half of the arguments has no meaning', () => {
  const { program } = compileSeccomp(socketsProfile({ unix: true, rare: true }), { arch: 'x64' });
  const upper = 0xdeadn << 32n;
  for (const family of [UNIX, VSOCK, 5]) {
    const args = [upper | BigInt(family), BigInt(STREAM), 0n, 0n, 0n, 0n];
    expect(runFilter(program, { arch: 0xc000003e, number: SYSCALLS.socket![0]!, args }).value).toBe(EAFNOSUPPORT);
  }
  const args = [upper | BigInt(UNIX), upper | BigInt(DGRAM), 0n, 0n, 0n, 0n];
  expect(runFilter(program, { arch: 0xc000003e, number: SYSCALLS.socketpair![0]!, args }).value).toBe(EAFNOSUPPORT);
});

test('socketcall(2) of i386, which hides its arguments, makes no socket', () => {
  const { program } = compileSeccomp(socketsProfile({ unix: true, rare: false }), { arch: 'x64' });
  const call = (which: number): number =>
    runFilter(program, {
      arch: 0x40000003,
      number: SYSCALLS.socketcall![1]!,
      args: [BigInt(which), 0n, 0n, 0n, 0n, 0n],
    }).value;
  expect([1, 8].map(call)).toEqual([EAFNOSUPPORT, EAFNOSUPPORT]); // SYS_SOCKET, SYS_SOCKETPAIR
  expect([2, 3, 4, 9].map(call)).toEqual([ALLOW, ALLOW, ALLOW, ALLOW]);
});
