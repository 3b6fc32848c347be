/** Hints about Landlock, which restricts a program: landlock(7). */
import { Errno } from '../kernel/errno';
import { hasSeccompFilter } from './evidence';
import { type Explainer, type Failure, byErrno } from './failure';
import { listed, named } from './wording';

/** The rights that came after the first version: the version, the kernel, and the option that leaves them out. */
const LATER: readonly (readonly [abi: number, rights: string])[] = [
  [2, 'links and renames between directories (Linux 5.19)'],
  [3, 'truncate (Linux 6.2)'],
  [4, 'TCP ports (Linux 6.7)'],
  [5, 'ioctl_dev (Linux 6.10)'],
  [6, 'scopes (Linux 6.12)'],
];

/** The error of each call has its own meaning; the path is that of a rule. */
export const explainLandlock: Explainer = (failure, host) => {
  if (failure.syscall === 'open') return explainPath(failure, host);
  if (failure.syscall === 'landlock_add_rule') return explainRule(failure, host);
  return failure.syscall === 'landlock_restrict_self' ? explainRestrict(failure, host) : explainCreate(failure, host);
};

const explainCreate: Explainer = byErrno({
  [Errno.ENOSYS]: (_, host) =>
    hasSeccompFilter(host)
      ? 'The seccomp filter this process itself runs under refuses landlock_create_ruleset(2), or this kernel has no ' +
        "Landlock (Linux 5.13, CONFIG_SECURITY_LANDLOCK): allow it, or do without (compatibility: 'best-effort')."
      : 'This kernel has no Landlock: it came with Linux 5.13 and CONFIG_SECURITY_LANDLOCK. ' +
        "To do without, give compatibility: 'best-effort'.",
  [Errno.EOPNOTSUPP]: () =>
    'Landlock was disabled at boot: add landlock to the list of the kernel parameter lsm=, or do without ' +
    "(compatibility: 'best-effort').",
  [Errno.EPERM]: () =>
    'A seccomp filter that this process runs under refuses landlock_create_ruleset(2): allow it, with ' +
    'landlock_add_rule(2) and landlock_restrict_self(2).',
  [Errno.EINVAL]: laterRights,
  [Errno.E2BIG]: laterRights,
});

function laterRights({ detail }: Failure): string | undefined {
  const abi = Number(detail);
  const later = LATER.filter(([version]) => version > abi).map(([, rights]) => rights);
  if (later.length === 0) return undefined;
  return (
    `The Landlock of this kernel has version ${abi} of its interface, which has no ${listed(later, 'or')}. Ask for ` +
    `abi: ${abi}, or for what there is (compatibility: 'best-effort').`
  );
}

const explainRule: Explainer = byErrno({
  [Errno.ENOMSG]: (failure) =>
    `The rule for ${named(failure.path, 'a path')} allows nothing: 'access' is empty, or has only rights that a directory ` +
    'has, and this is a file.',
  [Errno.EBADFD]: (failure) =>
    `${named(failure.path, 'A path')} is in a filesystem of the kernel's own (a pipe, a socket, a namespace), which Landlock does not ` +
    'restrict: leave it out.',
});

const explainRestrict: Explainer = byErrno({
  [Errno.EPERM]: () =>
    'Without noNewPrivileges Landlock takes CAP_SYS_ADMIN in the user namespace of the program, which it is not given ' +
    "(landlock_restrict_self(2)). Leave out 'noNewPrivileges: false'.",
  [Errno.E2BIG]: () =>
    'A task has at most 16 Landlock rulesets, one in the other, and this process runs under that many already.',
});

const explainPath: Explainer = byErrno({
  [Errno.ENOENT]: (failure) =>
    `${named(failure.path, 'A path')} of 'landlock' does not exist in the root of the program. Leave it out, or give it in ` +
    "'rules' with 'optional: true'.",
  [Errno.EACCES]: (failure) =>
    `${named(failure.path, 'A path')} of 'landlock' lies below a directory that the ids of the program may not search, so that ` +
    'the program could not use it either: leave it out.',
});
