/** The spec of a sandbox without namespaces, `isolation: 'landlock'`. */
import { invalidValue } from '../errors/validate';
import { HostFiles } from '../kernel/host-files';
import { native } from '../native';
import type { SandboxSpec } from './sandbox-spec';

/** The options that need no namespace. */
const POSSIBLE: readonly (keyof SandboxSpec)[] = [
  ...(['isolation', 'landlock', 'seccomp', 'unixSockets', 'noNewPrivileges', 'newSession'] as const),
  ...(['cwd', 'env', 'rlimits', 'cgroup'] as const),
];

/** Refuses what only namespaces can do: it would be missing in silence. */
export function refuseNamespaces(given: Readonly<Partial<Record<keyof SandboxSpec, unknown>>>): void {
  if (given.landlock === undefined) {
    const reason = "must say what programs may reach where spec.isolation is 'landlock'";
    throw invalidValue('spec.landlock', given.landlock, reason);
  }
  if (given.noNewPrivileges === false) {
    throw invalidValue('spec.noNewPrivileges', false, "cannot be false where spec.isolation is 'landlock'");
  }
  for (const name of Object.keys(given)) {
    if (POSSIBLE.some((each) => each === name)) continue;
    const reason = `has no namespaces, which spec.${name} takes: spec.landlock says what programs may reach`;
    throw invalidValue('spec.isolation', 'landlock', reason);
  }
}

const CAP_SETPCAP = 1n << 8n;

/**
 * The option by which a program has no capability. A bounding set can be limited only with CAP_SETPCAP. An ordinary user
 * needs no limit: with no_new_privs no execve(2) adds a capability. To user 0 it gives again what is permitted.
 * capabilities(7)
 */
export function noCapabilities(): [] | { inheritable: []; ambient: [] } {
  const { uid, capabilities } = native().credentials();
  const has = uid === 0 && !/^0+$/.test(new HostFiles().status('CapPrm') ?? '');
  return has || (capabilities & CAP_SETPCAP) !== 0n ? [] : { inheritable: [], ambient: [] };
}
