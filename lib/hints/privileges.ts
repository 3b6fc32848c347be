/** Hints about limits, priorities and capabilities of a program: prlimit(2), setpriority(2), capabilities(7). */
import { Errno } from '../kernel/errno';
import { type Capability, capabilitiesOf } from '../kernel/capabilities';
import type { HostFiles } from '../kernel/host-files';
import { LIMIT_TITLES, RESOURCES } from '../kernel/resources';
import {
  Capability as Bit,
  asRoot,
  caller,
  hasCapability,
  refusedBySecurityModule,
  withUser,
  worksIn,
} from './evidence';
import { type Explainer, type Failure, byErrno } from './failure';
import { listed } from './wording';

/** `detail` is the number of the resource. */
export const explainRlimits: Explainer = byErrno({
  [Errno.EPERM]: (failure, host) => {
    const resource = RESOURCES[Number(failure.detail)];
    if (resource === undefined) return undefined;
    const hard = host.hardLimit(LIMIT_TITLES[resource]);
    const most = resource === 'nofile' ? host.sysctl('fs.nr_open') : undefined;
    const here = hard === undefined ? '' : `, which is ${hard === Infinity ? 'unlimited' : hard} here`;
    const ceiling = most === undefined ? '' : ` 'nofile' can't be above fs.nr_open (${most}), whoever asks.`;
    return (
      `To raise the hard limit of '${resource}'${here}, takes ${inFirst('SYS_RESOURCE', failure, host)}.${ceiling} Ask for ` +
      'less, or raise it before Node starts (ulimit -H, LimitNOFILE= and its kind in a unit, /etc/security/limits.conf).'
    );
  },
  [Errno.EINVAL]: (failure) =>
    `A soft limit can't be above the hard one: give both for '${RESOURCES[Number(failure.detail)] ?? 'it'}'.`,
});

export const explainPriority: Explainer = byErrno({
  [Errno.EACCES]: (failure, host) =>
    `A lower nice value than this process's takes ${inFirst('SYS_NICE', failure, host)}, or a limit 'nice' that allows ` +
    'it (rlimits: at most 20 minus the nice value; systemd: LimitNICE=).',
  [Errno.EPERM]: (_, host) => refusedBySecurityModule(host),
});

export const explainOomScoreAdj: Explainer = byErrno({
  [Errno.EACCES]: (failure, host) =>
    'A lower oom_score_adj than was last set with privilege takes ' +
    `${inFirst('SYS_RESOURCE', failure, host)} (proc_pid_oom_score_adj(5)). Ask for a higher one.`,
  [Errno.ENOENT]: () => 'There is no /proc in the root of this process: mount it.',
});

export const explainAffinity: Explainer = byErrno({
  [Errno.EINVAL]: (_, host) => {
    const allowed = host.status('Cpus_allowed_list');
    const which = allowed === undefined ? '' : `: this process may use ${allowed}`;
    return `None of these processors exists, or the cpuset of this process has none of them${which}.`;
  },
});

export const explainPersonality: Explainer = byErrno({
  [Errno.EINVAL]: () => 'This kernel does not have that execution domain.',
});

/** `detail`: the name of the set, and the capabilities concerned as bits. */
export const explainCapabilities: Explainer = byErrno({
  [Errno.EPERM]: (failure, host) => {
    const [set = '', bits = '0'] = failure.detail?.split(':') ?? [];
    const names = capabilitiesOf(BigInt(bits));
    switch (set) {
      case 'permitted':
        return notHeld(names, failure, host);
      case 'bounding':
        return (
          `${listed(names)} ${names.length > 1 ? 'are' : 'is'} not in the bounding set of ${caller(host)}, and what has been ` +
          'taken out of that does not come back (capabilities(7)): containers and services are started without some ' +
          '(Docker: --cap-add, systemd: CapabilityBoundingSet=).'
        );
      case 'limit':
        return (
          'To take capabilities out of the bounding set takes CAP_SETPCAP in the user namespace of the program, which ' +
          `${caller(host)} does not have. ${remedy(failure, ['CAP_SETPCAP'], host)} Without, noNewPrivileges keeps the program from gaining any.`
        );
      case 'securebits':
        return (
          'The securebits take CAP_SETPCAP in the user namespace of the program, and what is locked stays as it is ' +
          `(capabilities(7)). ${remedy(failure, ['CAP_SETPCAP'], host)}`
        );
      case 'ambient':
        return (
          `${listed(names)} can't be made ambient: the securebit NO_CAP_AMBIENT_RAISE is set, or a security module forbids ` +
          'it (capabilities(7)).'
        );
      case 'inheritable':
        return `${listed(names)} can't be made inheritable: neither held nor in the bounding set (capabilities(7)).`;
      default:
        return undefined;
    }
  },
});

function notHeld(names: readonly Capability[], failure: Failure, host: HostFiles): string {
  return (
    `${listed(names)} ${names.length > 1 ? 'are' : 'is'} not held by ${caller(host)}, and only what is held can be passed ` +
    `on (capabilities(7)). ${remedy(failure, names, host)}`
  );
}

/** In a new user namespace everybody has all capabilities, but not in a joined one as a user who is not its root. */
function remedy(failure: Failure, names: readonly Capability[], host: HostFiles): string {
  if (worksIn('user', failure)) return "Run the program with an id from which it can be given: leave out 'uid'.";
  const user = withUser(
    failure,
    "Add 'user' to the kinds of options.unshare, where all are held (they count inside only)",
  );
  return `${user}, or ${asRoot(host, names)}.`;
}

/**
 * The kernel asks for these in the first user namespace, whatever capabilities are held in others: capable() of
 * kernel/capability.c.
 */
function inFirst(capability: 'SYS_RESOURCE' | 'SYS_NICE', failure: Failure, host: HostFiles): string {
  const what = `CAP_${capability} in the first user namespace`;
  if (worksIn('user', failure)) return `${what}, and the program is in another`;
  return hasCapability(host, Bit[capability]) === false ? `${what}, which ${caller(host)} does not have` : what;
}
