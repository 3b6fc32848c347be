/**
 * Evidence in this host's files for why something was refused. Node and nsinit have the same seccomp filter and, before
 * any user namespace is entered, the same ids and capabilities: so /proc/self of Node is true of both.
 */
import { type Capability as CapabilityName, capabilitiesOf } from '../kernel/capabilities';
import type { NamespaceKind } from '../kernel/namespace-kind';
import { isNested } from './nested';
import type { HostFiles } from '../kernel/host-files';
import type { Failure } from './failure';
import { listed } from './wording';

export { isNested };

/** Bits of `CapEff` in /proc/self/status: the numbers of `<linux/capability.h>`. */
export const Capability = Object.freeze({
  SETGID: 6,
  SETUID: 7,
  NET_ADMIN: 12,
  NET_RAW: 13,
  SYS_CHROOT: 18,
  SYS_PTRACE: 19,
  SYS_ADMIN: 21,
  SYS_NICE: 23,
  SYS_RESOURCE: 24,
  SYS_TIME: 25,
  SETFCAP: 31,
});

/** `SECCOMP_MODE_FILTER` of the `Seccomp` line of /proc/self/status (`proc_pid_status(5)`). */
const SECCOMP_FILTER = '2';

/** True where this process has a capability in its user namespace; undefined where /proc does not say. */
export function hasCapability(host: HostFiles, capability: number): boolean | undefined {
  const effective = host.status('CapEff');
  if (effective === undefined || !/^[0-9a-f]+$/i.test(effective)) return undefined;
  return ((BigInt(`0x${effective}`) >> BigInt(capability)) & 1n) === 1n;
}

/** The effective user or group id; 65534 (`kernel.overflowuid`) also stands for one that is not mapped. */
export function effectiveId(host: HostFiles, whose: 'Uid' | 'Gid'): number | undefined {
  const id = host.status(whose)?.split(/\s+/)[1];
  return id === undefined ? undefined : Number(id);
}

/** `uid 1000`, or just "this process" when /proc doesn't say. */
export function caller(host: HostFiles): string {
  const uid = effectiveId(host, 'Uid');
  return uid === undefined ? 'this process' : `this process (uid ${uid})`;
}

export function hasSeccompFilter(host: HostFiles): boolean {
  return host.status('Seccomp') === SECCOMP_FILTER;
}

/** True where this process has CAP_SYS_ADMIN in the first user namespace, and so is root of the host. */
function isHostAdmin(host: HostFiles): boolean {
  return hasCapability(host, Capability.SYS_ADMIN) === true && isNested(host, 'user') !== true;
}

/**
 * The remedy `run as root`, or what it means where root does not have the capabilities: a container or a service has been
 * started without them (the bounding set, capabilities(7)), or they count only in the user namespace of the container.
 */
export function asRoot(host: HostFiles, capability: keyof typeof Capability | readonly CapabilityName[]): string {
  const names = typeof capability === 'string' ? [`CAP_${capability}` as const] : capability;
  const isRoot = effectiveId(host, 'Uid') === 0;
  const missing = missingFrom(host.status(isRoot ? 'CapEff' : 'CapBnd'), names);
  if (missing.length === 0) return isRoot ? 'do it further out, as root of the host' : 'run as root';
  const added = missing.map((name) => `--cap-add ${name.replace('CAP_', '')}`).join(' ');
  return (
    `start this process ${isRoot ? '' : 'as root, '}with ${listed(missing)} (Docker, Podman: '${added}'; Kubernetes: ` +
    'capabilities.add; systemd: CapabilityBoundingSet=)'
  );
}

/** Those that are not in a set of a task, as /proc/self/status has it: none where it does not say. */
function missingFrom(set: string | undefined, names: readonly CapabilityName[]): readonly CapabilityName[] {
  if (set === undefined || !/^[0-9a-f]+$/i.test(set)) return [];
  const held = capabilitiesOf(BigInt(`0x${set}`));
  return names.filter((name) => !held.includes(name));
}

/**
 * The remedy of a new user namespace, where its owner has all capabilities. It has been tried on this host: if it fails
 * here, the reason takes its place.
 */
export function withUser({ refusedWithUser }: Failure, words: string): string {
  if (refusedWithUser === undefined) return words;
  return (
    'In a new user namespace it would have all capabilities, but this was tried, and fails here too: ' +
    `${refusedWithUser} After that, ${words.charAt(0).toLowerCase()}${words.slice(1)}`
  );
}

export function asksForUser(failure: Failure): boolean {
  return failure.kinds?.includes('user') === true;
}

/** True where the task works in another namespace of that kind than Node's: a new one, or one it has joined. */
export function worksIn(kind: NamespaceKind, failure: Failure): boolean {
  return failure.kinds?.includes(kind) === true || failure.joined?.includes(kind) === true;
}

/** A hint about what is missing in the root of the task, with the likely cause where that is not the root of Node. */
export function inItsRoot(failure: Failure, hint: string): string {
  if (!worksIn('mnt', failure)) return hint;
  return (
    `${hint} If it is the root of a sandbox: 'mounts' beside '...hostUserland()' take the place of its mounts, so ` +
    "begin them with '...hostUserland().mounts'."
  );
}

/**
 * Ubuntu 23.10 and later: if the AppArmor profile of a program has no `userns` rule, its user namespace is refused, or
 * is made without working capabilities (apparmor.d(5), "Userns rules").
 */
export function restrictedByAppArmor(failure: Failure, host: HostFiles): string | undefined {
  if (!asksForUser(failure) || isHostAdmin(host)) return undefined;
  if (host.sysctl('kernel.apparmor_restrict_unprivileged_userns') !== 1) return undefined;
  return (
    'AppArmor takes the capabilities away from user namespaces of unprivileged programs on this host ' +
    '(kernel.apparmor_restrict_unprivileged_userns = 1, Ubuntu 23.10 and later). Give this program a profile in ' +
    `/etc/apparmor.d with the rule 'userns,' (for ${process.execPath}), or turn the restriction off with ` +
    "'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0'."
  );
}

/**
 * Debian's patch, which Arch's linux-hardened has as well: only CAP_SYS_ADMIN of the first user namespace may make new
 * ones.
 */
export function forbiddenByDebian(host: HostFiles): string | undefined {
  if (isHostAdmin(host) || host.sysctl('kernel.unprivileged_userns_clone') !== 0) return undefined;
  return (
    'User namespaces are switched off for unprivileged users on this host (kernel.unprivileged_userns_clone = 0). ' +
    "Allow them with 'sudo sysctl -w kernel.unprivileged_userns_clone=1', for good in a file of /etc/sysctl.d; or " +
    `${asRoot(host, 'SYS_ADMIN')}.`
  );
}

/**
 * The seccomp profile of a container, or systemd's RestrictNamespaces= or SystemCallFilter=, which are seccomp filters
 * as well.
 */
export function filteredBySeccomp(
  host: HostFiles,
  syscalls: readonly string[],
  { later = [] }: Pick<Failure, 'later'> = {},
): string | undefined {
  if (!hasSeccompFilter(host)) return undefined;
  const after = later.filter((call) => !syscalls.includes(call));
  const filtered =
    `A seccomp filter is installed in this process (Seccomp: 2 in /proc/self/status) and most likely refuses ` +
    `${listed(syscalls, 'or')}, as the default profiles of Docker and Kubernetes do. Start the container with ` +
    "'--security-opt seccomp=unconfined' (Kubernetes: seccompProfile type Unconfined) or a profile that allows " +
    'them; in a systemd unit, see RestrictNamespaces= and SystemCallFilter=.';
  if (after.length === 0) return filtered;
  return `${filtered} A profile has to allow what comes after as well: ${listed(after)}.`;
}

/** A refusal by a security module, mostly EACCES: AppArmor's profile or SELinux's domain of this process. */
export function refusedBySecurityModule(host: HostFiles): string | undefined {
  const label = securityLabel(host);
  if (label === undefined) return undefined;
  const how = label.includes(':')
    ? "SELinux's log has the reason ('sudo ausearch -m avc -ts recent')"
    : "the kernel's log has the reason ('sudo dmesg | grep apparmor'; for Docker: '--security-opt " +
      "apparmor=unconfined')";
  return `A security module confines this process as '${label}' and may have refused this: ${how}.`;
}

/** The label of /proc/self/attr (`proc_pid_attr(5)`); undefined for one that confines nothing. */
function securityLabel(host: HostFiles): string | undefined {
  const text = host.proc('self/attr/apparmor/current') ?? host.proc('self/attr/current');
  const label = text?.replaceAll('\0', '').trim();
  return label === undefined || label === '' || /\bunconfined(_t)?\b/.test(label) ? undefined : label;
}
