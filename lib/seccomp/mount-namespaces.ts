/** A filter besides others: programs can neither create a mount namespace nor enter one. */
import { constants } from 'node:os';
import type { SeccompProfile, SeccompRule } from './profile';

const CLONE_NEWNS = 0x20000;

/** The flag of unshare(2) for an empty mount namespace, of later kernels; earlier ones refuse it: `<linux/sched.h>`. */
const UNSHARE_EMPTY_MNTNS = 0x100000;

/** The mask for arguments that the kernel takes as an `int`. */
const INT = 0xffffffff;

/**
 * The profile that refuses mount namespaces, and nothing else.
 *
 * The kernel keeps a mount point from being renamed or removed only by who is in a mount namespace where it is one. In a
 * mount namespace of its own a program can take all mounts off at once (pivot_root(2), and umount2(2) of the old root),
 * and what it has opened before is then an ordinary directory.
 *
 * The flags of clone3(2) are in memory, which no filter sees: it is refused as a kernel without it would do it.
 */
export function mountNamespacesProfile(): SeccompProfile {
  return {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_ARM'],
    syscalls: [
      refused('clone', 0, CLONE_NEWNS, CLONE_NEWNS),
      refused('unshare', 0, CLONE_NEWNS, CLONE_NEWNS),
      refused('unshare', 0, UNSHARE_EMPTY_MNTNS, UNSHARE_EMPTY_MNTNS),
      refused('setns', 1, CLONE_NEWNS, CLONE_NEWNS),
      refused('setns', 1, INT, 0), // of any kind
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: constants.errno.ENOSYS },
    ],
  };
}

function refused(name: string, index: number, mask: number, value: number): SeccompRule {
  const args = [{ index, op: 'SCMP_CMP_MASKED_EQ' as const, value: mask, valueTwo: value }];
  return { names: [name], action: 'SCMP_ACT_ERRNO', errnoRet: constants.errno.EPERM, args };
}
