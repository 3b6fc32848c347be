/** Filters besides others that say which kinds of sockets a program may create. */
import { constants } from 'node:os';
import type { SeccompArgument, SeccompProfile, SeccompRule } from './profile';

/** The kinds of sockets that are refused. */
export interface RefusedSockets {
  /** True for those of AF_UNIX: a program can then connect to no socket file, and make none. */
  readonly unix: boolean;
  /**
   * True for families whose sockets are not bound to a network namespace, or are rare: all but Unix, IP, netlink and
   * packets. A socket of AF_VSOCK leads from a virtual machine to its host, whatever the network namespace is.
   */
  readonly rare: boolean;
}

/** The mask for arguments that the kernel takes as an `int`. */
const INT = 0xffffffff;

const AF_UNIX = 1;

/** Families of `<linux/socket.h>`: those up to AF_PACKET that are rare, and AF_PACKET itself. */
const RARE = [3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15];
const AF_PACKET = 17;

/**
 * The bit of the types of AF_UNIX that send to any address: SOCK_DGRAM is 2, and SOCK_RAW, 3, the same there. The types
 * with connections, SOCK_STREAM and SOCK_SEQPACKET, are 1 and 5. `<linux/net.h>`, unix(7)
 */
const ANYWHERE = 2;

/**
 * The profile that refuses these sockets, and nothing else. The error is the one of a kernel without the family.
 *
 * A pair of connected sockets stays allowed: neither can be connected to anything else, and Node, for one, has the
 * standard streams of its children on such. A datagram socket of a pair can send to any other address. io_uring is
 * refused, as it makes sockets that no filter sees. On i386, socketcall(2) hides its arguments, and makes no socket.
 */
export function socketsProfile({ unix, rare }: RefusedSockets): SeccompProfile {
  return {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_ARM'],
    syscalls: [
      ...(unix ? [refused(['socket'], family(AF_UNIX)), refused(['socketpair'], family(AF_UNIX), ANYWHERE_TYPE)] : []),
      ...(rare ? [...RARE.map((each) => refused(['socket', 'socketpair'], family(each))), BEYOND] : []),
      { names: ['io_uring_setup'], action: 'SCMP_ACT_ERRNO', errnoRet: constants.errno.ENOSYS },
    ],
  };
}

const ANYWHERE_TYPE: SeccompArgument = { index: 1, op: 'SCMP_CMP_MASKED_EQ', value: ANYWHERE, valueTwo: ANYWHERE };

const BEYOND: SeccompRule = refused(['socket', 'socketpair'], { index: 0, op: 'SCMP_CMP_GT', value: AF_PACKET });

function family(value: number): SeccompArgument {
  return { index: 0, op: 'SCMP_CMP_MASKED_EQ', value: INT, valueTwo: value };
}

function refused(names: readonly string[], ...args: readonly SeccompArgument[]): SeccompRule {
  return { names, action: 'SCMP_ACT_ERRNO', errnoRet: constants.errno.EAFNOSUPPORT, args };
}
